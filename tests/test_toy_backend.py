"""The toy backend's own tests, where they can run: with the Keras to come."""

import shutil

import nightly_kit
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.engine]

nightly = nightly_kit.nightly  # a fixture


def test_its_own_tests_pass(nightly, tmp_path):
    """With keras-nightly all tests of the toy backend pass, and none skips."""
    folder = tmp_path / "toy"
    ignored = shutil.ignore_patterns("__pycache__", "keras_toy", "_toy_backend_counts*")
    shutil.copytree(nightly_kit.TOY, folder, ignore=ignored)
    said = nightly.run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder)

    last = said.splitlines()[-1]
    assert "passed" in last
    assert "skipped" not in last
