"""What docs/upstream.md proposes, made on a copy of Keras: plugins need no hook then.

The toy backend is installed; no process here imports kerasplug. Where a test
for Keras as it is fails, Keras has learned it, and kerasplug's hook can go.
"""

import ast
import os
import shutil
import subprocess

import nightly_kit
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.engine]

nightly = nightly_kit.nightly  # a fixture

COMPUTE = """
import sys, keras, keras_toy
keras_toy.reset_calls()
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
shape = model.predict(keras.ops.ones((4, 3)), verbose=0).shape
assert "kerasplug" not in sys.modules
print(keras.backend.backend(), shape, keras_toy.calls()["numpy.matmul"] > 0)
"""

# One function that looks a name up, and what stands in the place of the three lists.
LOOK_UP = '''
def advertised_backends():
    """Name -> top-level package of the backends that installed packages advertise."""
    from importlib.metadata import entry_points

    return {one.name: one.value for one in entry_points(group="keras.backends")}


def root_of_backend(name):
    """The package of a backend that is not built in."""
    if name in PLUGGABLE_BACKENDS:
        return f"keras_{name}"
    advertised = advertised_backends()
    if name not in advertised:
        known = sorted({*BUILT_IN_BACKENDS, *PLUGGABLE_BACKENDS, *advertised})
        raise ValueError(f"Unsupported backend: {name}. Available: {known}")
    return advertised[name]


def import_part(root, part, allow_missing):
    """A part of a backend; only what is really absent counts as missing."""
    full = f"{root}.{part}" if part else root
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name == full and allow_missing:
            return None
        if error.name == root:
            raise ImportError(f"The package {root} is not installed.") from error
        raise
'''

# The body of the function that everybody calls, in its own words' place.
BODY = """
root = root_of_backend(backend or current_backend())
return import_part(root, module_name, allow_missing)
"""

# In DynamicBackend.set_backend, instead of the comparison with the two lists.
CHECK = """
if backend not in BUILT_IN_BACKENDS:
    root_of_backend(backend)
"""


class GoneError(Exception):
    """What the change hangs on is not in this Keras any more."""


def function_in(tree, name, inside=None):
    """The function of that name, at module level or in a class; else `GoneError`."""
    body = tree.body
    if inside is not None:
        body = next(
            (one.body for one in body if getattr(one, "name", "") == inside), []
        )
    found = [one for one in body if getattr(one, "name", "") == name]
    if len(found) != 1:
        message = f"{inside or 'the module'} has {len(found)} functions named {name}"
        raise GoneError(message)
    return found[0]


def parsed(file):
    """The syntax tree of a file that mentions the list of names; else `GoneError`."""
    text = file.read_text(encoding="utf-8")
    if "PLUGGABLE_BACKENDS" not in text:
        message = f"{file.name} does not mention PLUGGABLE_BACKENDS"
        raise GoneError(message)
    return ast.parse(text)


def change(keras):
    """Make the proposed change in the two files of a copy of Keras."""
    file = keras / "src" / "utils" / "module_utils.py"
    tree = parsed(file)
    function_in(tree, "get_pluggable_backend_module").body = ast.parse(BODY).body
    imported = "from keras.src.backend.config import BUILT_IN_BACKENDS"
    tree.body = [*ast.parse(imported).body, *tree.body, *ast.parse(LOOK_UP).body]
    file.write_text(ast.unparse(tree), encoding="utf-8")

    file = keras / "src" / "utils" / "backend_utils.py"
    tree = parsed(file)
    body = function_in(tree, "set_backend", "DynamicBackend").body
    if not isinstance(body[0], ast.If) or "PLUGGABLE_BACKENDS" not in ast.unparse(
        body[0].test
    ):
        message = "DynamicBackend.set_backend does not begin by comparing names"
        raise GoneError(message)
    body[:1] = ast.parse(CHECK).body
    imported = "from keras.src.utils.module_utils import root_of_backend"
    tree.body = [*ast.parse(imported).body, *tree.body]
    file.write_text(ast.unparse(tree), encoding="utf-8")


@pytest.fixture(scope="module")
def copies(nightly, tmp_path_factory):
    """Two folders for `sys.path`: with Keras as it is, and with Keras changed."""
    folder = tmp_path_factory.mktemp("proposal")
    for name in ("as_it_is", "changed"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(nightly.site / "keras", folder / name / "keras", ignore=ignored)
    try:
        change(folder / "changed" / "keras")
    except GoneError as error:
        pytest.fail(f"The proposal does not fit this Keras any more: {error}.")
    return folder


@pytest.fixture
def start(nightly, copies, tmp_path):
    """Runs a program on one of the copies; gives its exit status and all it said."""

    def start(which, code, backend="toy", *more):
        path = os.pathsep.join([str(copies / which), *map(str, more)])
        done = subprocess.run(
            nightly.command(code),
            env=nightly.env(KERAS_BACKEND=backend, PYTHONPATH=path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return start


@pytest.fixture
def broken(tmp_path):
    """A folder with an installed backend of that name whose import fails inside."""

    def broken(name, **files):
        package = tmp_path / "site" / f"keras_{name}"
        (package / "src").mkdir(parents=True)
        (package / "__init__.py").touch()
        for file, text in files.items():
            (package / "src" / f"{file}.py").write_text(text)
        metadata = tmp_path / "site" / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
        line = f"[keras.backends]\n{name} = keras_{name}\n"
        (metadata / "entry_points.txt").write_text(line)
        return tmp_path / "site"

    return broken


def test_an_advertised_backend_needs_no_hook(start):
    """With the change `KERAS_BACKEND=toy` and a plain `import keras` are enough."""
    status, said = start("changed", COMPUTE)

    assert status == 0, said
    assert said.splitlines()[-1] == "toy (4, 2) True"


def test_keras_as_it_is_does_not_know_it(start):
    """Without the change the same program fails, since the name is not in a list."""
    status, said = start("as_it_is", COMPUTE)

    assert status == 1
    assert "Unsupported backend : toy" in said


def test_kerasplug_stands_aside(start):
    """With the change use_backend does its work without a line of our finder's."""
    code = (
        "import _kerasplug_backends as ours, kerasplug; kerasplug.use_backend('toy')\n"
        "def never(*_, **__): raise AssertionError\n"
        "ours._part = never\n"
        "import keras; print(keras.backend.backend())\n"
    )
    assert start("changed", code, "") == (0, "toy\n")
    status, said = start("as_it_is", code, "")
    assert status
    assert "AssertionError" in said


def test_set_backend_comes_back_to_it(start):
    """With the change `set_backend` goes to another backend and back."""
    code = """
import warnings
warnings.simplefilter("ignore")
import keras
keras.config.set_backend("numpy")
import keras
first = keras.backend.backend()
keras.config.set_backend("toy")
import keras
print(first, keras.backend.backend())
"""
    status, said = start("changed", code)

    assert status == 0, said
    assert said.splitlines()[-1] == "numpy toy"


DYNAMIC = """
import keras
from keras.src.utils.backend_utils import DynamicBackend
backend = DynamicBackend("numpy")
backend.set_backend("toy")
print(backend.name, backend.convert_to_numpy([1]).tolist())
"""


def test_dynamic_backend_takes_it(start):
    """With the change a dynamic backend can become an advertised one."""
    status, said = start("changed", DYNAMIC, "numpy")

    assert status == 0, said
    assert said.splitlines()[-1] == "toy [1]"


def test_dynamic_backend_as_it_is_refuses_it(start):
    """Without the change a dynamic backend compares with the lists."""
    status, said = start("as_it_is", DYNAMIC, "numpy")

    assert status == 1
    assert "Available backends are" in said


@pytest.mark.parametrize("which", ["as_it_is", "changed"])
def test_built_in_backends_stay(start, which):
    """A built-in backend is what it was, and nobody's metadata are read for it."""
    code = (
        "import sys, keras; print(keras.backend.backend(), 'keras_toy' in sys.modules)"
    )
    status, said = start(which, code, "numpy")

    assert status == 0, said
    assert said.splitlines()[-1] == "numpy False"


def test_an_unknown_name_is_said_with_the_valid_ones(start):
    """With the change an unknown name is a ValueError that lists all valid names."""
    status, said = start("changed", "import keras", "tay")

    names = ["jax", "mlx", "numpy", "openvino", "paddle", "tensorflow", "torch", "toy"]
    assert status == 1
    assert f"ValueError: Unsupported backend: tay. Available: {names}" in said


def test_an_unknown_name_as_it_is(start):
    """Without the change the ValueError has no valid name in it."""
    status, said = start("as_it_is", "import keras", "tay")

    assert status == 1
    assert said.splitlines()[-1] == "ValueError: Unsupported backend : tay"


def test_a_missing_package_is_still_said(start):
    """With the change a listed backend that is not installed is said to be so."""
    status, said = start("changed", "import keras", "paddle")

    assert status == 1
    assert said.splitlines()[-1].endswith("keras_paddle is not installed.")


def test_a_broken_import_is_said_as_it_is(start, broken):
    """With the change an import that fails inside the backend is the error itself."""
    site = broken("fragile", __init__="import no_such_engine\n")
    status, said = start("changed", "import keras", "fragile", site)

    assert status == 1
    assert said.splitlines()[-1].startswith("ModuleNotFoundError")
    assert "no_such_engine" in said.splitlines()[-1]
    assert "not installed" not in said


def test_a_broken_import_as_it_is(start, broken):
    """Without the change a listed package that is installed is "not installed"."""
    site = broken("paddle", __init__="import no_such_engine\n")
    status, said = start("as_it_is", "import keras", "paddle", site)

    assert status == 1
    assert "The paddle backend is not installed" in said


ABSENT = """
from keras.src.utils.module_utils import get_pluggable_backend_module
print(get_pluggable_backend_module("src.layer", allow_missing=True, backend="paddle"))
"""


@pytest.mark.parametrize(
    ("which", "expected"), [("as_it_is", "None"), ("changed", "no_such_engine")]
)
def test_an_optional_part_that_is_broken(start, broken, which, expected):
    """A broken `layer.py` counts as absent; with the change it is said."""
    site = broken("paddle", __init__="", layer="import no_such_engine\n")
    _, said = start(which, ABSENT, "numpy", site)

    assert expected in said.splitlines()[-1]


def test_an_optional_part_that_is_absent(start, broken):
    """With the change a backend without a `layer.py` has none, as before."""
    site = broken("paddle", __init__="")
    status, said = start("changed", ABSENT, "numpy", site)

    assert status == 0, said
    assert said.splitlines()[-1] == "None"


def test_a_copy_without_the_list_is_noticed(tmp_path):
    """Where the change finds nothing to hang on, it says what is gone."""
    (tmp_path / "src" / "utils").mkdir(parents=True)
    (tmp_path / "src" / "utils" / "module_utils.py").write_text("import importlib\n")

    with pytest.raises(GoneError, match=r"module_utils\.py does not mention"):
        change(tmp_path)
