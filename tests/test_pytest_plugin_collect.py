"""Mistakes in the mark are errors at collection, and collecting imports no Keras."""

import pytest
from bare import put, put_keras
from pytest_kit import pytest_here, pytest_without

ONE = """
    import pytest

    @pytest.mark.requires_keras({mark})
    def test():
        pass

    def test_innocent():
        pass
"""


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("'>=x'", ("version='>=x'", 'expected: "3.15" or ">=3.15,<4"')),
        ("3", ("version=3", 'expected: "3.15" or ">=3.15,<4"')),
        ("backnd='jax'", ("no argument 'backnd'", "mend:     write 'backend'")),
        ("'3', '4'", ("one version, 2 were given", "by name: implementation")),
        ("'3', version='4'", ("The version was given twice",)),
        ("implementation='kears'", ("no Keras implementation 'kears'", "tensorflow, ")),
        ("backend='tenserflow'", ("backend='tenserflow'", "write 'tensorflow'")),
        ("backend='pytorch'", ("backend='pytorch'", "write 'torch'")),
        ("backend=1", ("backend=1", "a name, or a list of names")),
        ("backend=[]", ("backend=[]", "a name, or a list of names")),
        ("plugin=''", ("plugin=''", "a name, or a list of names")),
        ("gpus='2'", ("gpus='2'", "a number of GPUs, at least 1")),
        ("gpus=True", ("gpus=True", "a number of GPUs, at least 1")),
        ("gpus=0", ("gpus=0", "a number of GPUs, at least 1")),
    ],
)
def test_mistake_in_a_mark_is_an_error_of_its_module(tmp_path, mark, said):
    """A mark that makes no sense stops the run at collection, with file and line."""
    ran = pytest_without(tmp_path, {"test_it.py": ONE.format(mark=mark)})
    assert (ran.code, ran.counts) == (2, {"error": 1})
    assert "ERROR collecting test_it.py" in ran.out
    assert "test_it.py:4: @pytest.mark.requires_keras(" in ran.out
    for text in said:
        assert text in ran.out


def test_mistake_does_not_hide_behind_a_marked_module(tmp_path):
    """All mistakes of a module are shown at once, the module's own as well."""
    source = """
    import pytest

    pytestmark = [pytest.mark.requires_keras(gpu=1)]

    @pytest.mark.parametrize("number", [1, 2])
    @pytest.mark.requires_keras("=3")
    def test(number):
        pass
    """
    ran = pytest_without(tmp_path, {"test_it.py": source})
    assert ran.code == 2
    assert "test_it.py:4: @pytest.mark.requires_keras(gpu=1)" in ran.out
    assert ran.out.count("test_it.py:6: @pytest.mark.requires_keras('=3')") == 1


def test_mistake_of_a_class_is_an_error_of_the_class(tmp_path):
    """A class with a wrong mark is an error that gives the line of the class."""
    source = """
    import pytest

    @pytest.mark.requires_keras(plugins="a")
    class TestClass:
        def test(self):
            pass
    """
    ran = pytest_without(tmp_path, {"test_it.py": source})
    assert ran.code == 2
    assert "ERROR collecting test_it.py" in ran.out
    assert "test_it.py:4: @pytest.mark.requires_keras(plugins='a')" in ran.out


def test_mistake_at_collection_under_xdist(tmp_path):
    """Under xdist too a wrong mark is an error at collection: its tests don't run."""
    files = {"test_it.py": ONE.format(mark="gpus=-1")}
    ran = pytest_here(tmp_path, files, "-n", "2")
    assert ran.code != 0
    assert ran.counts == {"error": 1}
    assert "ERROR collecting test_it.py" in ran.out


def test_mark_that_came_after_the_collection_fails_its_test(tmp_path):
    """A wrong mark that a hook puts on later fails the test: it does not skip."""
    conftest = """
    import pytest

    def pytest_collection_modifyitems(items):
        for item in items:
            item.add_marker(pytest.mark.requires_keras(backnd="jax"))
    """
    files = {"conftest.py": conftest, "test_it.py": "def test():\n    pass\n"}
    ran = pytest_without(tmp_path, files)
    assert (ran.code, ran.counts) == (1, {"error": 1})
    assert "no argument 'backnd'" in ran.out


def test_collecting_imports_no_keras(tmp_path):
    """Collecting marked tests, decorated tests and calls imports no Keras."""
    there = put(put_keras(tmp_path / "site", "1 / 0\n"), "tensorflow", "1 / 0\n")
    source = """
    import kerasplug
    import pytest
    from kerasplug.testing import requires_keras

    kerasplug.skip_if_no_keras(">=3", implementation="keras", backend="tensorflow")
    pytestmark = pytest.mark.requires_keras("3", plugin="none", gpus=3)

    @requires_keras(">=3", backend="jax")
    @pytest.mark.requires_keras(implementation="tf_keras")
    def test():
        pass
    """
    conftest = """
    import sys

    def pytest_collection_finish():
        engines = {"keras", "tensorflow", "tf_keras", "numpy", "jax"}
        print("loaded:", sorted(engines & set(sys.modules)))
    """
    files = {"conftest.py": conftest, "test_it.py": source}
    ran = pytest_without(tmp_path / "project", files, "--co", "-s", paths=(there,))
    assert ran.code == 0, ran.out
    assert "1 test collected" in ran.out
    assert "loaded: []" in ran.out


def test_the_mark_is_known_to_strict_markers(tmp_path):
    """A project that allows registered marks only can use the mark."""
    ini = "[pytest]\naddopts = --strict-markers --strict-config -W error\n"
    files = {"pytest.ini": ini, "test_it.py": ONE.format(mark="'>=3'")}
    ran = pytest_without(tmp_path, files)
    assert ran.counts == {"passed": 1, "skipped": 1}
    ran = pytest_without(tmp_path, {}, "--markers")
    assert "@pytest.mark.requires_keras(version=None, *, implementation=None" in ran.out
