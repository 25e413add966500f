"""What tests of files of Keras 2 share: having them written, loading, comparing."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import kerasplug
from kerasplug.saving.keras2_files import translated_file
from kerasplug.saving.reading import read_contents

__all__ = ["answers", "expected", "loaded", "same", "written"]


def written(folder: Path, script: str, *names: str) -> Path:
    """The folder, with what a process with Keras 2 and no Keras 3 has written."""
    program = Path(__file__).with_name(script)
    subprocess.run(
        [sys.executable, "-W", "ignore", str(program), str(folder), *names],
        check=True,
        capture_output=True,
    )
    return folder


def loaded(path, folder, custom_objects=None, **options):
    """The model in a file of Keras 2, and what was translated."""
    wanted = options.get("compile", True)
    told, report = translated_file(read_contents(path), folder, compiled=wanted)
    return kerasplug.load_model(told.path, custom_objects, **options), report


def answers(keras, model, path) -> list[np.ndarray]:
    """What the model says to the inputs that are kept beside the file."""
    kept = np.load(path.with_suffix(".npz"), allow_pickle=True)
    inputs = [kept[key] for key in kept if key.startswith("x")]
    if inputs[0].dtype == object:
        import tensorflow as tf

        inputs = [tf.constant(one.tolist()) for one in inputs]
    if isinstance(getattr(model, "input", None), dict):
        inputs = [dict(zip(sorted(model.input), inputs, strict=True))]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    flat = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [np.asarray(keras.ops.convert_to_numpy(one)) for one in flat]


def expected(path) -> list[np.ndarray]:
    """What Keras 2 said."""
    kept = np.load(path.with_suffix(".npz"), allow_pickle=True)
    return [kept[key] for key in kept if key.startswith("y")]


def same(found, wanted, tolerance=1e-5) -> bool:
    """Whether the answers are alike, in number, shape and value."""
    return [one.shape for one in found] == [one.shape for one in wanted] and all(
        np.allclose(one, two, rtol=0, atol=tolerance)
        for one, two in zip(found, wanted, strict=True)
    )
