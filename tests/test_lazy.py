"""A package's public names, each loaded on its first use."""

import importlib
import sys
import textwrap

import pytest
from bare import bare

import kerasplug
from kerasplug.errors import ConfigError, KerasMissingError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package with that `__init__.py` and a room, and import it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(init: str, room: str = "value = 1\nother = 2\n"):
        (tmp_path / "a_package").mkdir()
        (tmp_path / "a_package" / "__init__.py").write_text(textwrap.dedent(init))
        (tmp_path / "a_package" / "room.py").write_text(textwrap.dedent(room))
        return importlib.import_module("a_package")

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


INIT = """
    from kerasplug import lazy_exports
    lazy_exports(__name__, {"value": ".room", "second": "a_package.room:other"})
"""


def test_loads_on_first_use(package):
    """A name's module is imported when the name is first used, and not before."""
    module = package(INIT)
    assert "a_package.room" not in sys.modules
    assert module.value == 1
    assert module.second == 2
    assert "value" in vars(module)


def test_lists_and_exports(package):
    """Lazy names are in dir() and in __all__ before they are loaded."""
    module = package(INIT)
    assert {"value", "second", "lazy_exports"} <= set(dir(module))
    assert module.__all__ == ["value", "second"]
    assert "a_package.room" not in sys.modules
    names: dict[str, object] = {}
    exec("from a_package import *", names)  # noqa: S102 -- an author's own line
    assert names["second"] == 2


def test_existing_names_go_on(package):
    """What the module had, __all__, __getattr__ and __dir__, goes on working."""
    module = package(
        """
        from kerasplug import lazy_exports
        __all__ = ["here", "value"]
        here = 0
        def __getattr__(name):
            if name == "made":
                return "made up"
            raise AttributeError(name)
        def __dir__():
            return ["here", "made"]
        lazy_exports(__name__, {"value": ".room", "other": ".room"})
        """
    )
    assert module.__all__ == ["here", "value", "other"]
    assert dir(module) == ["here", "made", "other", "value"]
    assert (module.made, module.other, module.here) == ("made up", 2, 0)
    assert not hasattr(module, "nothing")


def test_unknown_name(package):
    """A name that nobody has is an AttributeError with those that are close."""
    module = package(INIT)
    with pytest.raises(
        AttributeError, match=r"no attribute 'valu'. Close names: value"
    ):
        module.valu  # noqa: B018 -- the access is the test
    with pytest.raises(ImportError, match="cannot import name 'valu'"):
        exec("from a_package import valu")  # noqa: S102 -- an author's own line


def test_wrong_declaration(package):
    """A declared name that its module lacks says where the declaration is."""
    module = package(INIT, room="other = 2\n")
    with pytest.raises(AttributeError, match=r"declared to be 'value'.*__init__\.py"):
        module.value  # noqa: B018 -- the access is the test


def test_errors_of_the_room_come_through(package):
    """An error in the imported module is the error that the user sees."""
    module = package(INIT, room="import absent_dependency\n")
    with pytest.raises(ModuleNotFoundError, match="absent_dependency"):
        module.value  # noqa: B018 -- the access is the test


@pytest.mark.parametrize(
    "exports",
    [
        {"a b": ".room"},
        {"": ".room"},
        {"a": ""},
        {"a": "."},
        {"a": ".room:"},
        {"a": "room/x"},
        {"a": "room:b.c"},
        {"a": 1},
        {1: ".room"},
    ],
)
def test_malformed_declaration(package, exports):
    """A malformed declaration is refused at once, and nothing has changed then."""
    module = package("")
    before = dict(vars(module))
    with pytest.raises(ConfigError):
        kerasplug.lazy_exports("a_package", {"good": ".room", **exports})
    assert vars(module) == before


def test_in_a_plain_module(package):
    """In a module that is no package a leading dot means its package."""
    module = package("", room=INIT.replace(".room", ".home"))
    (room := importlib.import_module("a_package.room")).__dict__.pop("second", None)
    sys.modules["a_package.home"] = type(sys)("a_package.home")
    vars(sys.modules["a_package.home"])["value"] = 7
    assert room.value == 7
    assert module.room is room


def test_costs_nothing(tmp_path):
    """Declaring imports nothing of the standard library that is dear, and no Keras."""
    out = bare(
        """
        import sys, types
        sys.modules["a_package"] = types.ModuleType("a_package")
        before = set(sys.modules)
        import kerasplug
        kerasplug.lazy_exports("a_package", {"a": ".room"})
        print(sorted(set(sys.modules) - before))
        """,
        tmp_path,
    ).stdout.strip()
    expected = ["_kerasplug_state", "kerasplug", "kerasplug.errors", "kerasplug.lazy"]
    assert out == str(expected)


def test_without_keras(tmp_path):
    """A package of layers is imported and listed where Keras is missing."""
    (tmp_path / "a_package").mkdir()
    (tmp_path / "a_package" / "__init__.py").write_text(
        "import kerasplug\nkerasplug.lazy_exports(__name__, {'Gate': '.layers'})\n"
    )
    (tmp_path / "a_package" / "layers.py").write_text(
        "import kerasplug\nkeras = kerasplug.implementation()\n"
        "class Gate(keras.layers.Layer):\n    pass\n"
    )
    out = bare(
        """
        import a_package
        print(dir(a_package).count("Gate"))
        try:
            a_package.Gate
        except ImportError as error:
            print(type(error).__name__)
        """,
        tmp_path,
        tmp_path,
    ).stdout
    assert out.split() == ["1", KerasMissingError.__name__]
