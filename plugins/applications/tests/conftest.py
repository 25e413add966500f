"""What a test writes goes to folders of its own; large models only where asked for."""

import os
import tempfile

import pytest

os.environ.setdefault(
    "XDG_CACHE_HOME", tempfile.mkdtemp(prefix="kerasplug-applications-")
)

_EVERY = "KERASPLUG_EVERY_MODEL"


def pytest_configure(config):
    """Make the marker known where another folder's settings are in force."""
    config.addinivalue_line("markers", f"every_model: run where {_EVERY}=1")


def pytest_collection_modifyitems(items):
    """Skip what builds large models, unless it is asked for."""
    if os.environ.get(_EVERY) == "1":
        return
    for item in items:
        if item.get_closest_marker("every_model"):
            item.add_marker(pytest.mark.skip(reason=f"{_EVERY} is not 1"))
