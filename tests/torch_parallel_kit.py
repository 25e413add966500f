"""What the programs of `test_parallel_torch.py` share; they run where PyTorch is.

python tests/torch_parallel_training.py QUESTION...   # each is a function there
"""

import json
import sys
import traceback

import numpy as np
from keras.src.backend.common import dtypes

import kerasplug
from kerasplug.devices.on_torch import PARALLEL
from kerasplug.devices.parallel import parallel

keras = kerasplug.implementation()
layers = keras.layers
#: Keras 3.15.1 rounds doubles on PyTorch, which hides what is equal.
AS_IT_COMES = keras.backend.result_type("float64", "float64")
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")


def on(template, devices, **options):
    """The model on so many replicas on the processor, or on these devices."""
    if isinstance(devices, int) and not options:
        return kerasplug.multi_gpu_model(template, ["cpu:0"] * devices)
    names = ["cpu:0"] * devices if isinstance(devices, int) else devices
    given = {"merge_on": names[0], "sync_batch_norm": False} | options
    return parallel(PARALLEL, template, names, **given)


def numbers(*shape, seed=0):
    """Made-up ones."""
    return np.random.default_rng(seed).normal(size=shape)


def compiled(model, loss="mse", **options):
    """The same model, with an optimizer that remembers something."""
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), loss, **options)
    return model


def apart(first, second):
    """The largest difference of anything in two structures."""
    pairs = zip(*(keras.tree.flatten(one) for one in (first, second)), strict=True)
    arrays = [[keras.ops.convert_to_numpy(one) for one in pair] for pair in pairs]
    return max(float(np.max(np.abs(a - b))) for a, b in arrays)


def error_of(function):
    """What it raises: the class' name, and what is said."""
    try:
        function()
    except (ValueError, RuntimeError) as error:
        return [type(error).__name__, str(error)]
    return None


def tell(questions):
    """Print the answers to the questions of the command line, or their errors."""
    answers = {one: _answer(questions[one]) for one in sys.argv[1:]}
    sys.stdout.write("\n" + json.dumps(answers) + "\n")


def _answer(question):
    try:
        return {"answer": question()}
    except Exception:  # noqa: BLE001 -- told to the test that asked
        return {"error": traceback.format_exc()}
