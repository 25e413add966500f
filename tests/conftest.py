"""Everything a test writes goes to folders of its own."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

# Before anything imports Keras: importing it writes its configuration file.
_HOME = Path(tempfile.mkdtemp(prefix="kerasplug-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["KERAS_HOME"] = str(_HOME / "keras")
os.environ["XDG_CACHE_HOME"] = str(_HOME / "cache")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on `sys.path`, empty and settled."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
