"""Doing something once, right after a module's first import."""

import importlib
import importlib.abc
import importlib.util
import random
import subprocess
import sys
import textwrap
import threading

import pytest
from bare import bare

from kerasplug._frameworks import late
from kerasplug._frameworks.late import is_loaded, when_imported


@pytest.fixture
def module(tmp_path, monkeypatch, request):
    """The name of a module that can be imported and is not, another for each test."""
    name = "late_" + "".join(filter(str.isalnum, request.node.name)).lower()
    (tmp_path / f"{name}.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(late._waiting)
    yield name
    sys.modules.pop(name, None)
    # Nothing may stay behind, whatever a test does.
    assert list(late._waiting) == before
    assert (late._finder in sys.meta_path) == bool(before)


def test_the_action_comes_right_after_the_import(module):
    """The action is given the module, complete, before the import statement goes on."""
    seen = []
    when_imported(module, lambda one: seen.append((one.__name__, one.VALUE)))
    assert seen == []
    importlib.import_module(module)
    assert seen == [(module, 1)]


def test_the_action_is_done_once(module):
    """A second import, a reload and an import after a removal do nothing more."""
    seen = []
    when_imported(module, seen.append)
    first = importlib.import_module(module)
    importlib.import_module(module)
    importlib.reload(first)
    del sys.modules[module]
    importlib.import_module(module)
    assert seen == [first]


def test_what_is_loaded_already_is_done_at_once(module):
    """For a module that is loaded the action is done at once, and once."""
    loaded = importlib.import_module(module)
    seen = []
    take_back = when_imported(module, seen.append)
    assert seen == [loaded]
    take_back()


def test_an_action_can_be_taken_back(module):
    """What is taken back is not done; taking it back again does nothing."""
    seen = []
    take_back = when_imported(module, seen.append)
    take_back()
    take_back()
    importlib.import_module(module)
    assert seen == []


def test_several_actions_come_in_their_order(module):
    """Several actions are done in the order in which they were given."""
    seen = []
    when_imported(module, lambda _: seen.append(1))
    take_back = when_imported(module, lambda _: seen.append(2))
    when_imported(module, lambda _: seen.append(3))
    take_back()
    importlib.import_module(module)
    assert seen == [1, 3]


def test_of_two_equal_actions_one_can_be_taken_back(module):
    """The same function given twice is two actions."""
    seen = []
    when_imported(module, seen.append)
    when_imported(module, seen.append)()
    importlib.import_module(module)
    assert len(seen) == 1


def test_the_module_is_as_it_would_have_been(module):
    """A module that was waited for keeps its own loader, spec and source."""
    during = []
    when_imported(module, lambda one: during.append(one.__spec__.loader))
    loaded = importlib.import_module(module)
    plain = importlib.util.spec_from_file_location(module, loaded.__file__)
    assert type(loaded.__spec__.loader) is type(plain.loader)
    assert loaded.__spec__.loader is loaded.__loader__ is during[0]
    assert loaded.__spec__.origin == plain.origin
    assert loaded.__loader__.get_source(module) == "VALUE = 1\n"


def test_what_an_import_draws_is_taken_back(tmp_path, module):
    """A module that draws from Python's generator changes no draw after it."""
    (tmp_path / f"{module}.py").write_text("import random\nVALUE = random.random()\n")
    during = []
    when_imported(module, lambda _: during.append(random.getstate()), undrawn=True)
    before = random.getstate()
    loaded = importlib.import_module(module)
    assert [random.getstate()] == during == [before]
    assert random.random() == loaded.VALUE  # noqa: S311 -- no secret


def test_what_an_import_draws_stays_drawn_unless_it_is_asked(tmp_path, module):
    """By default an import draws what it draws without anybody waiting."""
    (tmp_path / f"{module}.py").write_text("import random\nVALUE = random.random()\n")
    when_imported(module, lambda _: None)
    before = random.getstate()
    importlib.import_module(module)
    after = random.getstate()
    random.setstate(before)
    random.random()  # noqa: S311 -- no secret
    assert random.getstate() == after


def test_an_action_can_be_done_at_each_new_import(module):
    """A module that is dropped and imported anew is another one."""
    seen = []
    take_back = when_imported(module, seen.append, again=True)
    made = [importlib.import_module(module)]
    del sys.modules[module]
    made.append(importlib.import_module(module))
    take_back()
    del sys.modules[module]
    importlib.import_module(module)

    assert [id(one) for one in seen] == [id(one) for one in made]


def test_an_import_that_fails_does_not_count(tmp_path, module):
    """After a failed import the action waits for the next one."""
    path = tmp_path / f"{module}.py"
    path.write_text("raise RuntimeError('not today')\n")
    seen = []
    when_imported(module, seen.append)
    with pytest.raises(RuntimeError, match="not today"):
        importlib.import_module(module)
    assert seen == []
    assert not is_loaded(module)
    path.write_text("VALUE = 22\n")
    importlib.import_module(module)
    assert [one.VALUE for one in seen] == [22]


def test_what_an_action_raises_the_import_raises(module):
    """An action that raises is no secret, and is not done again."""
    when_imported(module, lambda one: one.NOT_THERE)
    with pytest.raises(AttributeError, match="NOT_THERE"):
        importlib.import_module(module)
    assert importlib.import_module(module).VALUE == 1


def test_looking_for_a_module_does_nothing(module):
    """A look whether the module is installed is no import."""
    seen = []
    take_back = when_imported(module, seen.append)
    assert importlib.util.find_spec(module) is not None
    assert seen == []
    assert not is_loaded(module)
    take_back()


def test_what_is_nowhere_can_be_waited_for(module):
    """A module that is not installed is an ImportError, as it is without waiting."""
    take_back = when_imported("no_such_module", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("no_such_module")
    take_back()


class Careful(importlib.abc.MetaPathFinder):
    """A finder as other packages have them: it asks all finders, once at a time."""

    def __init__(self):
        self._within = False

    def find_spec(self, name, path=None, target=None):
        """What all the others say."""
        if self._within:
            return None
        self._within = True
        try:
            return importlib.util.find_spec(name)
        finally:
            self._within = False


class Plain(importlib.abc.MetaPathFinder):
    """Another one: it asks all finders but itself."""

    def find_spec(self, name, path=None, target=None):
        """What the first of the others says that knows the module."""
        others = [one for one in sys.meta_path if one is not self]
        said = (one.find_spec(name, path, target) for one in others)
        return next((spec for spec in said if spec is not None), None)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", [Careful, Plain])
def test_finders_of_others_are_company(module, kind, first):
    """Finders that ask all finders, before or after ours, end in no circle."""
    other = kind()
    seen = []
    if first:
        sys.meta_path.insert(0, other)
    when_imported(module, seen.append)
    if not first:
        sys.meta_path.insert(0, other)
    try:
        importlib.import_module(module)
    finally:
        sys.meta_path.remove(other)
    assert len(seen) == 1


def test_the_finder_is_there_while_somebody_waits(tmp_path):
    """Python's list of finders is as before once nobody waits."""
    code = """
        import sys
        from kerasplug._frameworks.late import when_imported
        before = list(sys.meta_path)
        one, two = (when_imported(name, print) for name in ("numpy", "torch"))
        assert len(sys.meta_path) == len(before) + 1
        one()
        assert len(sys.meta_path) == len(before) + 1
        two()
        assert sys.meta_path == before
    """
    bare(code, tmp_path)


def test_an_action_may_wait_for_something_else(module, tmp_path):
    """Within an action others can be given and taken back, and modules imported."""
    (tmp_path / f"{module}_two.py").write_text("")
    seen = []

    def act(_):
        when_imported(f"{module}_two", seen.append)
        importlib.import_module(f"{module}_two")

    when_imported(module, act)
    importlib.import_module(module)
    assert [one.__name__ for one in seen] == [f"{module}_two"]
    del sys.modules[f"{module}_two"]


def test_threads_that_import_at_the_same_time_do_it_once(module, tmp_path):
    """Of 16 threads that import a module at once one does the action."""
    (tmp_path / f"{module}.py").write_text("import time\ntime.sleep(0.2)\nVALUE = 1\n")
    seen = []
    start = threading.Barrier(16)

    def run():
        start.wait()
        importlib.import_module(module)

    when_imported(module, seen.append)
    threads = [threading.Thread(target=run) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(seen) == 1


def test_threads_that_wait_at_the_same_time_all_get_theirs(module):
    """Actions of 16 threads, while another one imports, are done once each."""
    seen = []
    start = threading.Barrier(17)
    when_imported(module, id)  # so that the import is seen

    def run(number):
        start.wait()
        when_imported(module, lambda _: seen.append(number))

    threads = [threading.Thread(target=run, args=(one,)) for one in range(16)]
    for one in threads:
        one.start()
    start.wait()
    importlib.import_module(module)
    for one in threads:
        one.join()
    assert sorted(seen) == list(range(16))


def test_numpy_is_waited_for_in_a_fresh_process():
    """A package with compiled parts is imported as ever, and the action sees it."""
    code = """
        import sys
        from kerasplug._frameworks.late import when_imported
        seen = []
        when_imported("numpy", lambda one: seen.append(one.random.default_rng(1)))
        assert "numpy" not in sys.modules
        import numpy
        assert len(seen) == 1 and type(numpy.__loader__).__module__.startswith(
            ("importlib", "_frozen_importlib")), numpy.__loader__
        import importlib.resources, pickle
        assert importlib.resources.files("numpy").joinpath("__init__.py").is_file()
        print("good")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "good\n", done.stderr


def test_waiting_imports_nothing(tmp_path):
    """Waiting for engines imports none, also where none is installed."""
    code = """
        import sys
        from kerasplug._frameworks.late import when_imported
        take_back = [when_imported(name, print) for name in ("keras", "numpy", "torch")]
        for one in take_back:
            one()
        assert not {"keras", "numpy", "torch"} & set(sys.modules)
    """
    bare(code, tmp_path)
