"""Everything that Keras asks of a backend is there, as its own NumPy backend has it."""

import pytest

pytestmark = pytest.mark.engine

# Public functions, flags and classes of a backend, by module; run on both.
LOOK = """
import importlib, inspect
def functions(module):
    return sorted(
        name
        for name, one in vars(module).items()
        if inspect.isfunction(one)
        and not name.startswith("_")
        and inspect.unwrap(one).__module__.startswith("keras.src.backend.numpy")
        and inspect.unwrap(one).__module__.endswith(module.__name__.rpartition(".")[2])
    )
def flags(root):
    return {name: one for name, one in vars(root).items() if name.isupper()}
MODULES = ["core", "image", "linalg", "math", "nn", "numpy"]
def look(name):
    root = importlib.import_module(name)
    found = {one: functions(getattr(root.ops, one)) for one in MODULES}
    found |= {one: functions(getattr(root, one)) for one in ("random", "rnn")}
    return [found, flags(root)]
"""


@pytest.fixture(scope="module")
def both(ask):
    """Functions and flags: the toy's, then those of Keras' NumPy backend."""
    return ask(LOOK + "say([look('keras_toy.src'), look('keras.src.backend.numpy')])")


def test_all_functions_are_there(both):
    """Each public function of the NumPy backend is one of ours, in the same module."""
    (ours, _), (theirs, _) = both

    assert ours == theirs
    assert sum(map(len, theirs.values())) >= 332  # what Keras 3.16 requires


def test_all_flags_are_there(both):
    """The flags are the NumPy backend's: it is what computes."""
    (_, ours), (_, theirs) = both

    assert ours == theirs
    assert ours["SUPPORTS_GRADIENT"] is False


def test_core_is_in_ops_as_well(ask):
    """Keras calls `backend.ops.cast`: `ops` has whatever `ops.core` has."""
    missing = ask("""
from keras_toy.src import ops
say([name for name in ops.core.__all__ if getattr(ops, name, 0) is not
     getattr(ops.core, name)])
""")

    assert missing == []


def test_keras_took_our_parts(ask):
    """Variables, models and the package's other names in Keras are ours."""
    said = ask("""
from keras.src import backend
import keras_toy.src, keras_toy.src.trainer
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
say([
    [name for name in keras_toy.src.__all__ if name not in ("Variable", "name_scope")
     and getattr(backend, name) is not getattr(keras_toy.src, name)],
    issubclass(keras.Variable, keras_toy.src.Variable),
    isinstance(model, keras_toy.src.trainer.Trainer),
    type(model.weights[0]).__mro__[0] is keras_toy.src.Variable,
])
""")

    assert said == [[], True, True, True]


def test_whatever_keras_mentions_is_there(ask):
    """Each name that Keras takes from a module, public or not, op or not, is there."""
    mentioned, missing = ask("""
import importlib, pathlib, re
from keras_toy import src as ours
from keras.src.backend import numpy as theirs
text = "".join(
    file.read_text(encoding="utf-8")
    for file in pathlib.Path(keras.src.__file__).parent.rglob("*.py")
)
found = re.findall(
    r"\\bbackend\\.((?:ops\\.(?:core|image|linalg|math|nn|numpy))|random|rnn)\\.(\\w+)",
    text,
)
def part(root, path):
    for name in path.split("."):
        root = getattr(root, name)
    return root
say([[name for _, name in found], sorted({
    f"{path}.{name}"
    for path, name in found
    if hasattr(part(theirs, path), name) and not hasattr(part(ours, path), name)
} - {"ops.numpy.np"})])
""")

    assert {"SeedGenerator", "_get_complex_tensor_from_tuple"} <= {*mentioned}
    assert missing == []
