"""What `check_reproducible` runs, in real processes, and what it refuses to run."""

import functools
import importlib
import json
import math
import subprocess
import sys
import tempfile
import textwrap

import pytest

from kerasplug import check_reproducible
from kerasplug.errors import (
    ImplementationError,
    RecordError,
    ReproducibilityError,
    UnknownNameError,
)
from kerasplug.reproducing.targets import program_of


def said_by(*arguments, folder):
    line = [sys.executable, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, check=True, cwd=folder)
    return json.loads(done.stdout)


# --- real processes, without Keras ---


_FUNCTIONS = """
    import os, random, sys, time

    def text(*args):
        return {"args": [len(args), *args], "flag": float(os.environ.get("FLAG", 0))}

    def chance():
        return {"a": 1.0, "b": [random.random(), 2.0]}

    def hashed():
        return [float(hash("text") % 1000)]

    def nothing():
        pass

    def raises():
        raise ValueError("not today")

    def leaves():
        os._exit(7)

    def sleeps():
        time.sleep(600)

    def once(path):
        with open(path, "a") as file:
            file.write("x")
        if os.path.getsize(path) == 2:
            raise ValueError("the second time is too much")
        return 1.0
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    """A module that a fresh process finds; no temporary file may be left behind."""
    name = f"functions_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(_FUNCTIONS), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    yield importlib.import_module(name)
    del sys.modules[name]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_function_gets_its_arguments(functions):
    """A function is called with its arguments, in the environment that was asked."""
    found = check_reproducible(
        functions.text, 3, args=[2.5, 3], environment={"FLAG": "4"}
    )

    assert found, str(found)
    assert (found.runs, found.steps, found.target) == (3, 0, "text")
    assert found.tensors >= 2
    assert found.versions["python"]


def test_a_result_that_differs_is_told_by_its_part(functions):
    """What a function returns is compared part by part, and its cause is tried out."""
    found = check_reproducible(functions.chance)
    first = found.first

    assert first.kind == "result"
    assert first.name.startswith("result/b")
    assert first.values[0] != first.values[1]
    assert found.causes[0].startswith("Python's random is not seeded: with all")


def test_each_run_has_other_hashes(functions):
    """A hash of a text differs between runs, and the hash seed is the cause."""
    found = check_reproducible(functions.hashed)

    assert found.first.name.startswith("result")
    assert any("PYTHONHASHSEED" in one for one in found.causes)


def test_the_caller_may_fix_the_hashes(functions):
    """With one hash seed for all runs, what depends on hashes is the same."""
    assert check_reproducible(functions.hashed, environment={"PYTHONHASHSEED": "3"})


def test_fixed_hashes_are_no_cause(functions):
    """Where the caller has fixed them, nothing is put down to hashes."""
    fixed = {"PYTHONHASHSEED": "3"}
    found = check_reproducible(functions.chance, environment=fixed)

    assert found.causes
    assert not any("PYTHONHASHSEED" in one for one in found.causes)


def test_causes_are_not_looked_for_where_nobody_asks(functions):
    """Without `explain` the answer has no causes."""
    assert check_reproducible(functions.chance, explain=False).causes == ()


def test_nothing_to_compare_is_an_error(functions):
    """A function that trains nothing and returns nothing is not taken for the same."""
    with pytest.raises(ReproducibilityError, match="Nothing happened in nothing"):
        check_reproducible(functions.nothing)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raises", "ValueError: not today"),
        ("leaves", "its process ended with exit code 7"),
    ],
)
def test_a_run_that_fails_is_an_error(functions, name, why):
    """A run that raises or ends its process is told with its number and its words."""
    with pytest.raises(ReproducibilityError, match=f"Run 1 of {name} failed") as caught:
        check_reproducible(getattr(functions, name))

    assert why in caught.value.found


def test_a_run_that_hangs_is_an_error(functions):
    """A run that is over its time is told with the place where it hangs."""
    with pytest.raises(ReproducibilityError) as caught:
        check_reproducible(functions.sleeps, timeout=3.0)

    assert "it had not finished after 3 s" in caught.value.found
    assert "in sleeps" in caught.value.found


def test_a_later_run_that_fails_is_an_error(functions, tmp_path):
    """A run that fails where the first one did not is told, not compared."""
    with pytest.raises(ReproducibilityError, match="Run 2 of once failed") as caught:
        check_reproducible(functions.once, args=[str(tmp_path / "note")])

    assert "the second time is too much" in caught.value.found


_OWN_MAIN = """
    import json
    from kerasplug import check_reproducible

    def three():
        return [1.0, 2.0, 3.0]

    if __name__ == "__main__":
        found = check_reproducible(three)
        print(json.dumps([found.same, found.tensors > 0]))
"""


def test_a_function_of_the_main_file_runs(tmp_path):
    """A function of the running script is called, and what the script guards is not."""
    path = tmp_path / "guarded.py"
    path.write_text(textwrap.dedent(_OWN_MAIN), encoding="utf-8")

    assert said_by(path, folder=tmp_path) == [True, True]


# --- what is refused ---


class Thing:
    """Something with functions of its own."""

    def method(self):
        """Not found without an instance."""

    @classmethod
    def of_class(cls):
        """Found by its name."""

    @staticmethod
    def static():
        """Found by its name."""


def a_function():
    """Found by its name."""


@functools.wraps(a_function)
def another():
    """Says that it is `a_function`."""


async def coroutine():
    """Does nothing when it is called."""


def inner():
    def within():
        pass

    return within


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (lambda: 4, "a lambda"),
        (inner(), "a function within a function"),
        (Thing().method, "a method of an instance of Thing"),
        (Thing, "a class"),
        (functools.partial(a_function), "an object of the type partial"),
        (another, "another thing by its name"),
        (coroutine, "a generator or a coroutine"),
        (7, "an object of the type int"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_fresh_process_finds_is_refused(target, why):
    """Lambdas, closures, methods of instances and others are refused with a reason."""
    with pytest.raises(ReproducibilityError, match="can't be found") as caught:
        check_reproducible(target)

    assert why in caught.value.found
    assert "def at the top of a file" in caught.value.mend


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (a_function, "a_function"),
        (Thing.of_class, "Thing.of_class"),
        (Thing.static, "Thing.static"),
    ],
)
def test_functions_are_known_by_name(target, name):
    """A function, a class method and a static method are found by module and name."""
    told = program_of(target, [1, "a"], []).target

    assert told == {
        "module": __name__,
        "qualname": name,
        "main": None,
        "args": [1, "a"],
    }


_MAIN = """
    import json
    from kerasplug.errors import ReproducibilityError
    from kerasplug.reproducing.targets import program_of

    def function():
        pass

    try:
        print(json.dumps(program_of(function, [], []).target))
    except ReproducibilityError as error:
        print(json.dumps(error.found))
"""


@pytest.fixture
def main_file(tmp_path):
    """A program that asks what becomes of its own function."""
    path = tmp_path / "own_main.py"
    path.write_text(textwrap.dedent(_MAIN), encoding="utf-8")
    return path


def test_functions_of_the_main_file_are_known(main_file, tmp_path):
    """A function of the running script is found by that file."""
    told = said_by(main_file.name, folder=tmp_path)

    assert (told["module"], told["main"]) == ("__main__", str(main_file))


def test_a_main_module_has_its_own_name(main_file, tmp_path):
    """Under `python -m` the module has a name by which it is imported."""
    told = said_by("-m", "own_main", folder=tmp_path)

    assert (told["module"], told["main"]) == ("own_main", None)


def test_functions_of_no_file_are_refused(main_file, tmp_path):
    """Functions of a notebook, of which no other process has the code, are refused."""
    told = said_by("-c", main_file.read_text(), folder=tmp_path)

    assert told == "a function of a notebook or of an interactive session"


def test_a_script_that_is_not_there_is_refused(tmp_path):
    """A script that is missing, or is a folder, is refused with its name."""
    for path in (tmp_path / "none.py", tmp_path):
        with pytest.raises(ReproducibilityError, match="There is no script"):
            check_reproducible(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("runs", 1),
        ("runs", True),
        ("runs", "2"),
        ("keep", -1),
        ("timeout", 0),
        ("timeout", math.inf),
        ("timeout", math.nan),
        ("timeout", "9"),
        ("depth", "deep"),
        ("args", [object()]),
        ("args", [(1, 2)]),
        ("args", [math.nan]),
        ("args", [{1: 2}]),
        ("argv", ["a"]),
        ("argv", "text"),
        ("environment", {"A": 1}),
    ],
)
def test_an_argument_that_is_none_is_refused(field, value):
    """A wrong argument is named, before a process starts."""
    with pytest.raises(RecordError, match=f"`{field}` of check_reproducible"):
        check_reproducible(a_function, **{field: value})


def test_a_script_takes_no_args(tmp_path):
    """Arguments of a function are refused for a script."""
    script = tmp_path / "a.py"
    script.touch()

    with pytest.raises(RecordError, match="`args`"):
        check_reproducible(script, args=[1])


def test_a_backend_that_is_none_is_refused():
    """A backend that nobody has, or that is not installed, is refused by its name."""
    with pytest.raises(UnknownNameError, match="jacks"):
        check_reproducible(a_function, backend="jacks")
    with pytest.raises(ImplementationError, match="openvino"):
        check_reproducible(a_function, backend="openvino")
