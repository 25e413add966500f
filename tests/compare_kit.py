"""Models for comparing backends, and a plugin whose layers behave as the backend is."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fakes import install
from saving_plugin import layer_config, write_keras

#: A layer that does as its `mood` says, and other things than TensorFlow elsewhere.
_MOODS = """
    import os, signal
    import keras

    ELSEWHERE = keras.config.backend() != "tensorflow"
    os.write(1, b'{"state": "lies on standard output"}')

    @keras.saving.register_keras_serializable("moody_plug")
    class Moody(keras.layers.Layer):
        def __init__(self, mood, **kwargs):
            super().__init__(**kwargs)
            self.mood = mood

        def call(self, inputs):
            return getattr(self, "_" + self.mood)(inputs)

        def _shifts(self, inputs):
            here = keras.ops.cast(keras.ops.arange(3) == 1, "float32")
            return inputs + (0.5 * here if ELSEWHERE else 0.0)

        def _nowhere(self, inputs):
            return inputs / keras.ops.zeros_like(inputs) * 0.0

        def _somewhere(self, inputs):
            return self._nowhere(inputs) if ELSEWHERE else inputs

        def _counts(self, inputs):
            return keras.ops.cast(keras.ops.ones_like(inputs) * 7, "int32") + ELSEWHERE

        def _widens(self, inputs):
            return keras.ops.tile(inputs, (1, 2)) if ELSEWHERE else inputs

        def _dies(self, inputs):
            if keras.config.backend() == "numpy":
                os.kill(os.getpid(), signal.SIGKILL)
            return inputs

        def _refuses(self, inputs):
            if keras.config.backend() == "numpy":
                raise RuntimeError("no moods on numpy, thank you")
            return inputs

        def compute_output_spec(self, inputs):
            dtype = "int32" if self.mood == "counts" else inputs.dtype
            return keras.KerasTensor(inputs.shape, dtype)

        def get_config(self):
            return {**super().get_config(), "mood": self.mood}
"""

#: An engine whose import leaves its process' number, and never ends.
_HANGS = """
    import os, time
    with open({path!r}, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)
"""


def install_moody(folder: Path) -> None:
    """Install the plugin `moody-plug`."""
    groups = {"kerasplug.layers": {"moody": "moody_plug.layers:Moody"}}
    modules = {"moody_plug/__init__.py": "", "moody_plug/layers.py": _MOODS}
    install(folder, "moody-plug", groups, modules=modules)


def hanging_jax(folder: Path, note: Path) -> Path:
    """A folder for `sys.path` with a `jax` that hangs when it is imported."""
    install(
        folder, "hung", {}, modules={"jax/__init__.py": _HANGS.format(path=str(note))}
    )
    return folder


def moody(keras: Any, path: Path, *moods: str) -> Path:
    """A saved model with one input of 3, and an output of each mood."""
    from moody_plug.layers import Moody

    start = keras.Input((3,), name="x")
    outputs = {mood: Moody(mood, name=mood)(start) for mood in moods}
    keras.Model(start, outputs).save(path)
    return path


def healthy(keras: Any, path: Path) -> Path:
    """A saved model with two inputs, three outputs and a plugin's layer."""
    from downstream_pkg.layers import GatedDense

    numbers = keras.Input((3,), name="numbers")
    words = keras.Input((4,), name="words", dtype="int32")
    gated = GatedDense(5, name="gated")(numbers)
    vectors = keras.layers.Embedding(6, 2, name="vectors", dtype="bfloat16")(words)
    best = keras.ops.argmax(gated, axis=-1)
    keras.Model([numbers, words], {"g": gated, "v": vectors, "b": best}).save(path)
    return path


def written(path: Path, *inputs: dict[str, Any], structure: str = "list") -> Path:
    """A model file without weights, with these inputs and a flat output of the first.

    Args:
        path: where.
        inputs: name, and batch_shape and dtype as Keras writes them.
        structure: `"list"`, `"dict"` or `"single"`.
    """
    layers = []
    for one in inputs:
        layer = layer_config("InputLayer", "keras.layers", **one)
        layers.append({**layer, "name": one["name"], "inbound_nodes": []})
    marks: Any = [[one["name"], 0, 0] for one in inputs]
    if structure == "dict":
        marks = {one["name"]: mark for one, mark in zip(inputs, marks, strict=True)}
    elif structure == "single":
        (marks,) = marks
    config = {"layers": layers, "input_layers": marks, "output_layers": marks}
    return write_keras(path, layer_config("Functional", "keras", **config))


def an_input(name: str, *shape: int | None, dtype: str = "float32") -> dict[str, Any]:
    """One input for `written`; its batch is of any size."""
    return {"name": name, "batch_shape": [None, *shape], "dtype": dtype}


@contextlib.contextmanager
def moody_site(folder: Path) -> Iterator[None]:
    """The plugin `moody-plug` on `sys.path`; afterwards it is forgotten here."""
    install_moody(folder)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


class Trap:
    """Unpickling one writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "opened"))


def pickled(path: Path, trap: Path) -> Path:
    """A `.npy` file with an object that writes the file `trap` when it is unpickled."""
    value = np.array([Trap(trap)], dtype=object)
    np.save(path, value, allow_pickle=True)
    return path
