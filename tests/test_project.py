"""What holds for the project as a whole: versions, names, sizes, imports, one state."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kerasplug

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kerasplug"

#: Everything that people write and read here, but for the tests.
SOURCES = sorted(
    path
    for pattern in ("*.py", "kerasplug/**/*.py", "plugins/**/*.py", "examples/**/*.py")
    for path in ROOT.glob(pattern)
)
TESTS = sorted(
    path
    for pattern in ("tests/**/*.py", "plugins/*/tests/*.py", "examples/*/tests/*.py")
    for path in ROOT.glob(pattern)
)


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


#: Every module below the package, but the stub for type checkers and `__main__`.
MODULES = sorted(
    dotted(path)
    for path in PACKAGE.rglob("*.py")
    if path.name != "__main__.py" and path.parent != PACKAGE / "typing"
)


def fresh(code: str, *arguments: str) -> str:
    """What a program prints in a new process, without the last newline."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip("\n")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- names and versions ---


def test_version_equals_the_metadata():
    """The package, its metadata and its citation have one version."""
    citation = (ROOT / "CITATION.cff").read_text("utf-8")

    assert kerasplug.__version__ == importlib.metadata.version("kerasplug")
    assert f'version: "{kerasplug.__version__}"' in citation


def test_import_adds_only_the_package():
    """`import kerasplug` adds only `kerasplug` itself to `sys.modules`."""
    code = (
        "import sys; before = set(sys.modules); import kerasplug; "
        "print(*set(sys.modules) - before)"
    )

    assert fresh(code).split() == ["kerasplug"]


def test_every_public_name_resolves():
    """Each name of `__all__` is there, and `dir()` lists it."""
    for name in kerasplug.__all__:
        assert getattr(kerasplug, name) is not None
    assert set(kerasplug.__all__) <= set(dir(kerasplug))


def test_unknown_name_is_an_attribute_error():
    """A name that kerasplug does not have is an `AttributeError` that says so."""
    with pytest.raises(AttributeError, match="'kerasplug' has no attribute 'no_such'"):
        _ = kerasplug.no_such


def test_type_checkers_see_the_lazy_names():
    """The block for type checkers imports exactly the lazy names, from their rooms."""
    (block,) = (
        node
        for node in tree_of(PACKAGE / "__init__.py").body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name, "re-exports are spelled `x as x`"
            seen[alias.name] = node.module

    assert seen == {name: f"kerasplug.{room}" for name, room in kerasplug._HOME.items()}


_EVERY_NAME = """
import importlib, sys
modules = sys.argv[1:]
import kerasplug
before = {name: getattr(kerasplug, name) for name in kerasplug.__all__}
for module in modules:
    importlib.import_module(module)
after = {name: getattr(kerasplug, name) for name in kerasplug.__all__}
print(*[name for name in before if before[name] is not after[name]])
"""

_MODULES_FIRST = """
import importlib, sys
modules = sys.argv[1:]
for module in modules:
    importlib.import_module(module)
import kerasplug
homes = {name: f"kerasplug.{room}" for name, room in kerasplug._HOME.items()}
at_home = {
    name: getattr(importlib.import_module(home), name) for name, home in homes.items()
}
print(*[name for name in homes if getattr(kerasplug, name) is not at_home[name]])
"""


@pytest.mark.parametrize(
    "code", [_EVERY_NAME, _MODULES_FIRST], ids=["names", "modules"]
)
@pytest.mark.parametrize("turn", [1, -1], ids=["forwards", "backwards"])
def test_no_room_hides_a_public_name(code, turn):
    """Public names stay the same objects, whichever submodules are imported when."""
    assert fresh(code, *MODULES[::turn]) == ""


@pytest.mark.parametrize("room", sorted(set(kerasplug._ROOMS)))
def test_one_room_alone_hides_no_public_name(room):
    """Public names are right when one room was imported before all else."""
    assert fresh(_MODULES_FIRST, f"kerasplug.{room}") == ""


# --- sizes ---


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_file_is_short(path):
    """No file has more than 500 lines."""
    assert len(path.read_text("utf-8").splitlines()) <= 500


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_functions_are_short(path):
    """No function has more than 50 lines, its docstring and decorators aside."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert length_of(node) <= 50, node.name


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body
    start = function.lineno
    if ast.get_docstring(function) is not None and len(body) > 1:
        start = body[1].lineno
    return (function.end_lineno or start) - start + 1


# --- tests ---


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_each_test_states_a_behaviour(path):
    """Each test has a docstring that begins with a sentence."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            text = ast.get_docstring(node) or ""
            assert text.split("\n\n")[0].endswith((".", "?")), node.name


# --- imports ---

HEAVY = {"keras", "numpy", "tensorflow", "tf_keras", "jax", "torch", "h5py", "yaml"}


def imported_at_once(path: Path) -> set[str]:
    """Top-level packages that importing this file imports, by its own statements."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree_of(path).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += list(ast.iter_child_nodes(node))
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=relative)
def test_no_module_imports_keras_at_once(path):
    """Importing a module of kerasplug imports no Keras, no engine, no NumPy."""
    assert not imported_at_once(path) & HEAVY


#: The layers that the host itself offers: subclasses of Keras' class, as a plugin's
#: are, and imported as those are, when somebody asks for one.
TARGETS = {"kerasplug.devices.layers", "kerasplug.pretrained.layers"}


def test_importing_every_module_loads_no_keras():
    """With all modules of kerasplug imported there is no Keras, no engine, no NumPy."""
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )

    assert fresh(code, *[name for name in MODULES if name not in TARGETS]) == ""


EXCEPTION = re.compile(r"# (noqa|type: ignore)\b")
REASONED = re.compile(
    r"# noqa: [A-Z0-9, ]+ +-- \S|# type: ignore\[[\w-]+(, ?[\w-]+)*\]  +# \S"
)


def test_each_exception_to_a_rule_has_its_reason():
    """Each `noqa` and each `type: ignore` has a code and a reason on its line."""
    bare = []
    for path in SOURCES:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if EXCEPTION.search(line) and not REASONED.search(line):
                bare.append(f"{relative(path)}:{number}")

    assert bare == []


# --- one state ---

_SURVIVES = """
import os, sys, warnings
os.environ["KERAS_BACKEND"] = "tensorflow"
import kerasplug as kp

kp.layers, kp.KerasplugError, list(kp.layers)

class Plugin:
    @kp.hookimpl
    def kerasplug_objects(self):
        return [kp.ObjectRecord(
            name="kept", target="builtins:len", object_type="function"
        )]

plugin = Plugin()
kp.register(plugin)
assert "kept" in kp.objects
keras = kp.implementation("keras")
dense = keras.layers.Dense
error = kp.KerasplugError
before = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "kerasplug"}

import keras as first
warnings.simplefilter("ignore")
first.config.set_backend("jax")
assert "kerasplug" not in sys.modules, "set_backend drops what begins with keras"

import kerasplug as again
assert again is kp
changed = [n for n, m in before.items() if sys.modules.get(n) is not m]
assert not changed, changed
import kerasplug.registry
from kerasplug import KerasplugError
from kerasplug.errors import KerasplugError as at_home
assert KerasplugError is at_home is error
assert "kept" in again.objects
assert again.plugins() is not None

import keras as second
assert second is not first
now = again.implementation("keras")
assert now.layers.Dense is second.layers.Dense
assert now.layers.Dense is not dense
assert again.backend() == "jax", again.backend()
print("survived")
"""

_NEVER_USED = """
import sys, warnings
import kerasplug
import keras
warnings.simplefilter("ignore")
keras.config.set_backend("jax")
import kerasplug as again
assert again.KerasplugError is kerasplug.KerasplugError or again is not kerasplug
assert list(again.layers) == list(again.layers.keys())
import kerasplug.errors, kerasplug.catalog
assert again.KerasplugError is sys.modules["kerasplug.errors"].KerasplugError
assert again.layers is sys.modules["kerasplug.catalog"].layers
assert sys.modules["kerasplug"] is again
assert again.backend() == "jax"
print("works")
"""


@pytest.mark.engine
def test_state_survives_set_backend():
    """After `keras.config.set_backend` only the Keras that is served is another one."""
    assert fresh(_SURVIVES).splitlines()[-1] == "survived"


@pytest.mark.engine
def test_set_backend_before_first_use():
    """The package works when it was imported, but never used, before `set_backend`."""
    assert fresh(_NEVER_USED).splitlines()[-1] == "works"
