"""The fixture `keras_seed`: a seed for each test, and how to repeat a failure."""

import hashlib
import re
import shlex
import subprocess
import sys

import pytest
from bare import put
from pytest_kit import clean, pytest_here, pytest_without

#: Prints each test's seed, and a number of Python's.
TESTS = """
    import random
    import pytest

    def say(request, seed):
        print(f"<{request.node.nodeid}|{seed}|{random.random()}>")

    def test_one(keras_seed, request):
        say(request, keras_seed)

    @pytest.mark.parametrize("value", [1, "a b"])
    def test_two(value, keras_seed, request):
        say(request, keras_seed)

    class TestClass:
        def test_one(self, request, keras_seed):
            say(request, keras_seed)
"""
NAMES = {
    "test_it.py::test_one",
    "test_it.py::test_two[1]",
    "test_it.py::test_two[a b]",
    "test_it.py::TestClass::test_one",
}


def said(ran):
    """Node id -> (seed, number)."""
    found = re.findall(r"<([^|>]*)\|(\d+)\|([\d.e-]+)>", ran.out)
    return {name: (int(seed), float(number)) for name, seed, number in found}


def documented(name):
    """The seed of a test, as the documentation says how it is made."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


def test_each_test_has_a_seed_of_its_name(tmp_path):
    """A seed is made of the node id, with classes and parameters."""
    found = said(pytest_without(tmp_path, {"test_it.py": TESTS}, "-s"))
    assert {name: seed for name, (seed, _) in found.items()} == {
        name: documented(name) for name in NAMES
    }
    assert len(set(found.values())) == len(NAMES)


def test_neither_order_nor_choice_nor_folder_changes_a_seed(tmp_path):
    """A test alone, from another folder, or among others has the same numbers."""
    together = said(pytest_without(tmp_path, {"test_it.py": TESTS}, "-s"))
    alone = said(pytest_without(tmp_path, {}, "-s", "test_it.py::TestClass"))
    assert alone.items() <= together.items()
    (tmp_path / "sub").mkdir()
    command = [sys.executable, "-m", "pytest", "-s", "..", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command,
        cwd=tmp_path / "sub",
        env=clean(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert dict(re.findall(r"<([^|>]*)\|(\d+)\|", done.stdout)) == {
        name: str(seed) for name, (seed, _) in together.items()
    }


@pytest.mark.parametrize("arguments", [("-n2",), ("-n2", "--dist=loadgroup")])
def test_workers_change_no_seed(tmp_path, arguments):
    """With pytest-xdist the seeds are the same, also for tests in its groups."""
    source = """
        import hashlib, pytest

        @pytest.mark.xdist_group("some")
        @pytest.mark.parametrize("number", range(6))
        def test(keras_seed, number):
            name = f"test_it.py::test[{number}]"
            digest = hashlib.sha256(name.encode()).digest()
            assert keras_seed == int.from_bytes(digest[:4], "little")
    """
    ran = pytest_here(tmp_path, {"test_it.py": source}, *arguments)
    assert ran.counts == {"passed": 6}, ran.out


RESTORED = """
    import random
    import numpy as np
    import pytest

    before = []

    def state():
        return repr([random.getstate(), np.random.get_state()])

    @pytest.fixture(autouse=True)
    def watched():
        before.append(state())
        yield
        assert state() == before[-1]

    def test_passes(watched, keras_seed):
        assert state() != before[-1]
        random.random()
        assert np.random.random() == np.random.RandomState(keras_seed).random_sample()

    def test_fails(watched, keras_seed):
        np.random.random()
        assert not keras_seed

    def test_skips(watched, keras_seed):
        pytest.skip("now")
"""


def test_states_are_put_back_after_each_test(tmp_path):
    """Python's and NumPy's states are seeded, and put back, whatever the test did."""
    ran = pytest_here(tmp_path, {"test_it.py": RESTORED})
    assert ran.counts == {"passed": 1, "failed": 1, "skipped": 1}, ran.out


@pytest.mark.engine
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_keras_draws_from_the_seed(tmp_path, backend):
    """Keras, also imported by the test itself, draws the same in each run."""
    source = """
        def test(keras_seed):
            import keras
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
            print("<", [float(one) for one in model.get_weights()[0].reshape(-1)],
                  keras.random.normal(()), ">")
    """
    files = {"test_it.py": source, "test_else.py": f"import keras\n\n{source}"}
    env = {"KERAS_BACKEND": backend, "KERASPLUG_SEED": "5"}
    runs = [
        re.findall("<.*>", pytest_here(tmp_path, files, "-s", name, env=env).out)
        for name in ("test_it.py", "test_it.py")
    ]
    assert len(runs[0]) == 1
    assert runs[0] == runs[1]


def test_nothing_needs_to_be_installed(tmp_path):
    """The fixture works where no Keras and no NumPy are, and imports nothing."""
    source = """
        import random, sys

        def test(keras_seed):
            assert random.random() == random.Random(keras_seed).random()
            assert not {"keras", "numpy", "tensorflow"} & set(sys.modules)
    """
    there = put(tmp_path / "site", "numpy", "1 / 0")
    ran = pytest_without(tmp_path / "project", {"test_it.py": source}, paths=(there,))
    assert ran.counts == {"passed": 1}, ran.out


def test_an_unused_fixture_imports_nothing(tmp_path):
    """Where no test asks for the fixture nothing of kerasplug is imported."""
    source = """
        import sys

        def test():
            assert not [name for name in sys.modules if name.startswith("kerasplug")]
    """
    ran = pytest_without(tmp_path, {"test_it.py": source})
    assert ran.counts == {"passed": 1}, ran.out


def test_tests_of_unittest_have_it_by_a_mark(tmp_path):
    """A `TestCase` can't take a fixture as an argument; the mark `usefixtures` can."""
    source = """
        import hashlib, random, unittest
        import pytest

        @pytest.mark.usefixtures("keras_seed")
        class Case(unittest.TestCase):
            def test(self):
                name = "test_it.py::Case::test"
                digest = hashlib.sha256(name.encode()).digest()
                seed = int.from_bytes(digest[:4], "little")
                assert random.random() == random.Random(seed).random()

        class Argument(unittest.TestCase):
            def test(self, keras_seed):
                pass
    """
    ran = pytest_without(tmp_path, {"test_it.py": source})
    assert ran.counts == {"passed": 1, "failed": 1}, ran.out


# --- KERASPLUG_SEED ---


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_number_is_the_seed_of_each_test(tmp_path, workers):
    """KERASPLUG_SEED=7 gives each test the seed 7; the header says so."""
    source = """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test(keras_seed, number):
            assert keras_seed == 7
    """
    env = {"KERASPLUG_SEED": " 7 "}
    ran = pytest_here(tmp_path, {"test_it.py": source}, *workers, env=env)
    assert ran.counts == {"passed": 4}, ran.out
    assert "\nseed: 7 in each test (KERASPLUG_SEED=7)\n" in ran.out


SAVED = """
    import pathlib, pytest

    @pytest.mark.parametrize("number", range(4))
    def test(keras_seed, number):
        with open(pathlib.Path(__file__).with_name(f"seed{number}"), "w") as file:
            file.write(str(keras_seed))
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_random_seed_is_one_for_a_run(tmp_path, workers):
    """With KERASPLUG_SEED=random all tests have one new seed; the header tells it."""
    seeds = set()
    for _ in range(2):
        env = {"KERASPLUG_SEED": "random"}
        ran = pytest_here(tmp_path, {"test_it.py": SAVED}, *workers, env=env)
        assert ran.counts == {"passed": 4}, ran.out
        (seed,) = {(tmp_path / f"seed{number}").read_text() for number in range(4)}
        line = f"seed: {seed} in each test (KERASPLUG_SEED=random)"
        assert f"\n{line}; again: KERASPLUG_SEED={seed}\n" in ran.out
        seeds.add(seed)
    assert len(seeds) == 2  # equal once in 4 * 10**9


@pytest.mark.parametrize("text", ["-1", "4294967296", "lucky", "1.5", "0x10"])
@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_wrong_number_is_an_error_of_usage(tmp_path, text, workers):
    """What is no seed ends the run before any test, and names the variable."""
    env = {"KERASPLUG_SEED": text}
    ran = pytest_here(tmp_path, {"test_it.py": SAVED}, *workers, env=env)
    assert ran.code == 4
    assert f"ERROR: KERASPLUG_SEED={text!r} is no seed." in ran.out
    assert "expected: a whole number from 0 to 4294967295, or random" in ran.out
    assert "Traceback" not in ran.out


def test_an_empty_variable_is_none(tmp_path):
    """KERASPLUG_SEED with nothing in it is as good as unset."""
    ran = pytest_without(
        tmp_path, {"test_it.py": TESTS}, "-s", env={"KERASPLUG_SEED": ""}
    )
    assert said(ran)["test_it.py::test_one"][0] == documented("test_it.py::test_one")
    assert "\nseed: " not in ran.out


def test_the_environment_is_left_as_it_was(tmp_path):
    """After a run inside the process KERASPLUG_SEED says what it said."""
    source = """
        import os
        import pytest

        @pytest.mark.parametrize("before", [None, "random", "7"])
        def test(before, monkeypatch, tmp_path):
            monkeypatch.delenv("KERASPLUG_SEED", raising=False)
            if before is not None:
                monkeypatch.setenv("KERASPLUG_SEED", before)
            inner = tmp_path / "test_inner.py"
            inner.write_text("def test(keras_seed):\\n    pass\\n")
            arguments = ["--import-mode=importlib", f"--rootdir={tmp_path}"]
            assert pytest.main([str(inner), *arguments]) == 0
            assert os.environ.get("KERASPLUG_SEED") == before
    """
    ran = pytest_here(tmp_path, {"test_it.py": source})
    assert ran.counts == {"passed": 3}, ran.out


# --- what a failure says ---

FAILS = """
    import random
    import pytest

    @pytest.mark.parametrize("name", ["it's $HOME"])
    def test_fails(keras_seed, name):
        raise RuntimeError(f"drawn: {random.random()}!")

    def test_passes(keras_seed):
        pass

    def test_of_others():
        raise RuntimeError("not random")
"""
SECTION = re.compile(
    r"-+ kerasplug: keras_seed -+\nThe seed was (\d+)\. To repeat:\n(.*)\n"
)


def drawn(text):
    """What the failing test has drawn."""
    return set(re.findall(r"drawn: ([\d.e-]+)!", text))


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("-q",)])
@pytest.mark.parametrize("given", [None, "9", "random"])
def test_a_failure_says_its_seed_and_how_to_repeat_it(tmp_path, given, arguments):
    """The report of a failure names the seed, and a command that fails as it did."""
    env = {"KERASPLUG_SEED": given} if given else {}
    ran = pytest_here(tmp_path, {"test_it.py": FAILS}, *arguments, env=env)
    assert ran.counts == {"failed": 2, "passed": 1}
    ((seed, command),) = SECTION.findall(ran.out)
    if given != "random":
        own = documented("test_it.py::test_fails[it's $HOME]")
        assert int(seed) == int(given or own)
    assert command.startswith(f"KERASPLUG_SEED={seed} python -m pytest ")
    again = subprocess.run(  # noqa: S602 -- the command is for a shell
        command.replace("python", shlex.quote(sys.executable), 1),
        shell=True,
        cwd=tmp_path,
        env=clean(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed" in again.stdout, again.stdout + again.stderr
    assert drawn(again.stdout) == drawn(ran.out)
    assert len(drawn(ran.out)) == 1


def test_the_command_is_for_where_pytest_was_started(tmp_path):
    """Started in a folder below its root, pytest is given the path from there."""
    pytest_here(tmp_path, {"sub/test_it.py": FAILS})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path / "sub",
        env=clean(),
        capture_output=True,
        text=True,
        check=False,
    )
    ((seed, command),) = SECTION.findall(done.stdout)
    assert int(seed) == documented("sub/test_it.py::test_fails[it's $HOME]")
    assert shlex.split(command)[4] == "test_it.py::test_fails[it's $HOME]"


def test_errors_around_a_test_say_the_seed(tmp_path):
    """A fixture that fails after the seeding, or at its end, is reported with it."""
    source = """
        import pytest

        @pytest.fixture
        def broken(keras_seed):
            raise RuntimeError("broken")

        @pytest.fixture
        def breaks(keras_seed):
            yield
            raise RuntimeError("breaks")

        def test_broken(broken):
            pass

        def test_breaks(breaks):
            pass
    """
    ran = pytest_without(tmp_path, {"test_it.py": source})
    assert ran.counts == {"passed": 1, "error": 2}
    assert len(SECTION.findall(ran.out)) == 2
