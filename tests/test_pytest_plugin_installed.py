"""The wheel in an environment without Keras, under the oldest pytest."""

import subprocess
from pathlib import Path

import pytest
from install_kit import ROOT, Environment, wheel
from pytest_kit import Ran, clean, write

EXAMPLE = ROOT / "examples" / "downstream_pkg"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with the wheels of kerasplug and of the example, without Keras."""
    folder = tmp_path_factory.mktemp("installed")
    made = Environment(folder / "environment")
    made.pip("install", "pytest==8.0.*", "pytest-xdist")
    made.install("pip", wheel(folder / "example", EXAMPLE))
    return made


def run(environment: Environment, folder: Path, *arguments: object, **env: str) -> Ran:
    """What the environment's own `pytest` does, called in `folder`."""
    known = clean({**env, "KERAS_HOME": str(environment.home)})
    known.pop("PYTHONPATH", None)
    command = [environment.python.with_name("pytest"), "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*map(str, command), *map(str, arguments)],
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_tests_of_the_example_skip_without_keras(environment, workers):
    """Where no Keras is the tests of the example skip, but for those that need none."""
    ran = run(environment, environment.home, EXAMPLE / "tests", *workers)
    assert ran.code == 0, ran.out
    assert set(ran.counts) == {"passed", "skipped"}
    assert ran.counts["passed"] == 4, "the tests of test_import.py"
    assert f"kerasplug: {ran.counts['skipped']} tests skipped" in ran.out
    assert 'to run: python -m pip install "kerasplug[tensorflow]"' in ran.out
    assert "Keras: not available: keras is not installed." in ran.out
    assert "pytest-8.0." in ran.out


def test_tests_of_the_example_fail_in_strict_mode(environment):
    """In strict mode they fail, and the command for Keras is said."""
    tests = EXAMPLE / "tests"
    ran = run(environment, environment.home, tests, KERASPLUG_STRICT="1")
    assert ran.code == 1
    assert "skipped" not in ran.counts
    assert ran.counts["passed"] == 4
    assert "KerasMissingError: keras is not installed." in ran.out


PROJECT = {
    "test_marked.py": """
        import unittest
        import kerasplug
        import pytest
        from kerasplug.testing import requires_keras

        @pytest.fixture
        def used():
            raise RuntimeError("a fixture ran")

        @pytest.mark.requires_keras(">=3")
        def test_marked(used):
            pass

        @requires_keras(backend="jax")
        class TestDecorated:
            def test(self, used):
                pass

        @requires_keras
        class Case(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                raise RuntimeError("set up")

            def test(self):
                pass

        def test_calling():
            kerasplug.skip_if_no_keras()
    """,
    "test_module.py": "import kerasplug\nkerasplug.skip_if_no_keras()\n",
}


@pytest.mark.parametrize("arguments", [(), ("-n", "2"), ("-p", "no:kerasplug")])
def test_everything_skips_under_pytest_8(environment, tmp_path, arguments):
    """Mark, decorator and calls skip under the oldest pytest, in workers too."""
    without = "no:kerasplug" in arguments
    project = dict(PROJECT)
    if without:
        project["test_marked.py"] = PROJECT["test_marked.py"].replace("(used)", "()")
    write(tmp_path, project)
    ran = run(environment, tmp_path, *arguments)
    assert "pytest-8.0." in ran.out
    # Nobody reads the mark without the plugin, and a fixture then comes first.
    counts = {"skipped": 3, "passed": 1, "error": 1} if without else {"skipped": 5}
    assert ran.counts == counts, ran.out


def test_strict_under_pytest_8(environment, tmp_path):
    """Strict mode turns each of these skips into a failure."""
    write(tmp_path, {"test_marked.py": PROJECT["test_marked.py"]})
    ran = run(environment, tmp_path, "--keras-strict")
    assert ran.counts == {"failed": 1, "error": 3}
    assert "RuntimeError" not in ran.out


def test_mistake_is_an_error_at_collection_under_pytest_8(environment, tmp_path):
    """A wrong mark stops the run at collection under the oldest pytest as well."""
    source = """
        import pytest

        @pytest.mark.requires_keras(backnd="jax")
        def test():
            pass
    """
    write(tmp_path, {"test_it.py": source})
    ran = run(environment, tmp_path)
    assert (ran.code, ran.counts) == (2, {"error": 1})
    assert "test_it.py:4: @pytest.mark.requires_keras(backnd='jax')" in ran.out
    assert "write 'backend'" in ran.out
