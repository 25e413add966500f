"""Skipping where no Keras is, under pytest and under unittest."""

import pytest
from bare import bare, put, put_keras
from fakes import python

import kerasplug
from kerasplug.errors import ImplementationError, KerasVersionError

UNITTEST = """
    import sys, unittest, kerasplug
    class Test(unittest.TestCase):
        def test(self):
            kerasplug.skip_if_no_keras()
            assert "keras" not in sys.modules
    main = sys.modules["__main__"]
    result = unittest.main(module=main, exit=False, argv=["x"]).result
    print(len(result.skipped), len(result.failures) + len(result.errors))
    for _, reason in result.skipped + result.errors:
        print(reason)
"""


def test_passes_where_keras_is(tmp_path):
    """A test runs where the Keras that it needs is installed, which is not imported."""
    put(put_keras(tmp_path), "tensorflow")
    assert bare(UNITTEST, tmp_path, tmp_path).stdout.split() == ["0", "0"]


def test_skips_under_unittest(tmp_path):
    """Without Keras unittest counts a skip, and the reason says how to get it."""
    out = bare(UNITTEST, tmp_path).stdout
    assert out.startswith("1 0\n")
    assert 'python -m pip install "kerasplug[tensorflow]"' in out


@pytest.mark.parametrize(
    ("strict", "skipped"), [("1", 0), ("yes", 0), ("0", 1), ("False", 1), ("", 1)]
)
def test_strict(tmp_path, strict, skipped):
    """KERASPLUG_STRICT turns the skip into a failure, unless it says no."""
    out = bare(UNITTEST, tmp_path, env={"KERASPLUG_STRICT": strict}).stdout
    assert out.startswith(f"{skipped} {1 - skipped}\n")
    assert ("KerasMissingError" in out) == (not skipped)


def test_broken_always_fails(tmp_path):
    """A Keras that is installed but broken fails the test, strict or not."""
    put(put(tmp_path, "keras", None), "tensorflow")
    out = bare(UNITTEST, tmp_path, tmp_path).stdout
    assert out.startswith("0 1\n")
    assert "KerasBrokenError" in out


def test_skips_under_pytest():
    """Under pytest the test is skipped, and a skip is not a failure."""
    with pytest.raises(pytest.skip.Exception, match=r"To run this test: python -m pip"):
        kerasplug.skip_if_no_keras(">=99")


def test_strict_names_both_versions(monkeypatch):
    """In strict mode another version is an error that names both."""
    monkeypatch.setenv("KERASPLUG_STRICT", "1")
    kerasplug.skip_if_no_keras("3")
    with pytest.raises(KerasVersionError) as caught:
        kerasplug.skip_if_no_keras(">=99")
    assert caught.value.expected == ">=99"
    assert caught.value.found.startswith("Keras 3")


@pytest.mark.parametrize(
    "question",
    [
        {"version": "x"},
        {"implementation": "theano"},
        {"backend": "tensroflow"},
        {"backend": ["jax", 3]},
        {"plugin": []},
        {"gpus": -1},
    ],
)
def test_senseless_question_does_not_skip(question):
    """A malformed version or an unknown name fails: else it would skip for ever."""
    with pytest.raises(ImplementationError):
        kerasplug.skip_if_no_keras(**question)


def test_backend_is_the_one_of_this_process(monkeypatch):
    """A backend that is installed, and not this process', skips, strict or not."""
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    kerasplug.skip_if_no_keras(backend="tensorflow")
    kerasplug.skip_if_no_keras(backend=["jax", "tensorflow"])
    for strict in ("0", "1"):
        monkeypatch.setenv("KERASPLUG_STRICT", strict)
        with pytest.raises(pytest.skip.Exception, match="jax is asked"):
            kerasplug.skip_if_no_keras(backend="jax")


def test_implementation_is_the_one_of_this_process(tmp_path):
    """A family of Keras that this process does not use skips; the own one does not."""
    put(put_keras(tmp_path), "tensorflow")
    put(tmp_path, "tf_keras", version="2.21.0")
    code = """
        import kerasplug, unittest
        def asked(**needs):
            try:
                kerasplug.skip_if_no_keras(**needs)
            except unittest.SkipTest as skip:
                return f"skip: {skip}"
            return "runs"
        print(asked(implementation="tensorflow"))
        print(asked(implementation="keras"))
        print(asked(implementation="tf_keras"))
        print(asked(implementation=["tf_keras", "keras"]))
        kerasplug.use_implementation("tf_keras")
        print(asked(implementation="tf_keras", version=">=2,<3"))
        print(asked(implementation="keras"))
        print(asked(backend="jax"))
    """
    env = {"KERASPLUG_STRICT": "1"}
    out = bare(code, tmp_path, tmp_path, env=env).stdout.splitlines()
    assert [line.partition(":")[0] for line in out] == [
        *("runs", "runs", "skip", "runs", "runs", "skip", "skip"),
    ]
    assert "uses the implementation tensorflow, tf_keras is asked" in out[2]
    assert "uses the implementation tf_keras, keras is asked" in out[5]


def test_backend_that_was_set_later_is_the_one_that_counts(tmp_path):
    """For a Keras that runs, its active backend counts, not the configured one."""
    put(put(put_keras(tmp_path), "jax"), "jaxlib")
    (tmp_path / "keras" / "src" / "backend").mkdir(parents=True)
    for path in ("src/__init__.py", "src/backend/__init__.py"):
        (tmp_path / "keras" / path).write_text("")
    config = tmp_path / "keras" / "src" / "backend" / "config.py"
    config.write_text("def backend():\n    return 'jax'\n")
    code = """
        import kerasplug, unittest
        import keras.src.backend.config
        kerasplug.skip_if_no_keras(backend="jax")
        try:
            kerasplug.skip_if_no_keras(backend="tensorflow")
        except unittest.SkipTest as skip:
            print(skip)
    """
    out = bare(code, tmp_path, tmp_path, env={"KERASPLUG_STRICT": "1"}).stdout
    assert "The backend of this process is jax (it runs already)" in out


def test_skip_points_at_the_line_that_called(pytester_run):
    """The report shows the line of the test that called, not one of kerasplug's."""
    out = pytester_run(
        "import kerasplug\ndef test():\n    kerasplug.skip_if_no_keras('>=99')\n"
    )
    assert "test_authors.py:3: kerasplug: keras" in out


def test_unittest_inside_pytest_gets_a_skip_of_its_own(pytester_run):
    """A runner of unittest that a test of pytest starts is told in unittest's way."""
    out = pytester_run(
        """
import unittest, kerasplug
def test():
    class Inner(unittest.TestCase):
        def test(self):
            kerasplug.skip_if_no_keras(">=99")
    result = unittest.TestResult()
    Inner("test").run(result)
    assert len(result.skipped) == 1 and result.wasSuccessful()
"""
    )
    assert "1 passed" in out


def test_whole_module(pytester_run):
    """At the top of a test module it skips the whole module."""
    out = pytester_run(
        "import kerasplug\nkerasplug.skip_if_no_keras('>=99')\ndef test(): assert 0\n"
    )
    assert "1 skipped" in out


@pytest.fixture
def pytester_run(tmp_path):
    """What pytest prints about a test module."""

    def run(source: str) -> str:
        path = tmp_path / "test_authors.py"
        path.write_text(source)
        arguments = [str(path), "-q", "-rs", "-p", "no:cacheprovider"]
        code = f"import pytest\nraise SystemExit(pytest.main({arguments!r}))"
        return python(code, check=False).stdout

    return run
