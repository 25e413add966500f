"""The program of a PlaidML worker: what its host may ask for.

It runs where Keras 2.2.4 and PlaidML are and kerasplug is not; the modules beside it
are imported by their names.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["COMMANDS", "describe"]


def _mended() -> None:
    """Make Python what this Keras takes for granted, and Keras what Keras 3 means."""
    path = Path(__file__).resolve().parent.parent / "compat.py"
    spec = importlib.util.spec_from_file_location("kerasplug_plaidml_compat", str(path))
    if spec is None or spec.loader is None:
        message = f"no module at {path}"
        raise ImportError(message)
    compat = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compat)
    compat.mend_python()
    import graphs
    import mending
    import randomness

    mending.mend_keras()
    randomness.mend_states()
    graphs.mend_walks()


_mended()

# Keras can't be imported before Python is mended.
import computing  # noqa: E402 -- see above
import keras  # noqa: E402 -- see above
import plaidml  # noqa: E402 -- see above
from building import Built  # noqa: E402 -- see above
from plaidml.keras import backend as engine  # noqa: E402 -- see above
from training import Training  # noqa: E402 -- see above


class _Held:
    """What this process holds from one command to the next."""

    built: Any = None
    training: Any = None


def describe() -> dict[str, Any]:
    """What the host is greeted with."""
    device = plaidml.devices(engine._ctx)[0]  # noqa: SLF001 -- no other way
    return {
        "engine": "plaidml",
        "plaidml": plaidml.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "device": device.id.decode(),
    }


def check(header: Any, arrays: Any) -> Any:
    """Compute something small, and compare.

    Raises:
        RuntimeError: PlaidML's result is another than NumPy's.
    """
    del header, arrays
    left = np.arange(6, dtype="float32").reshape(2, 3)
    inputs = keras.backend.placeholder(shape=(None, 3))
    product = keras.backend.dot(inputs, keras.backend.variable(left.T))
    (found,) = computing.Function([inputs], [product])([left], (0,))
    if not np.allclose(found, left @ left.T):
        message = f"PlaidML multiplies wrongly: {found.tolist()}"
        raise RuntimeError(message)
    return {}, {}


def build(header: Any, arrays: Any) -> Any:
    """Build the model of `config`, with the classes of `code`.

    What it draws at random comes from `seed`; without one, it is other each time.
    """
    del arrays
    built = Built(header["config"], header.get("code") or {}, header.get("seed"))
    _Held.built, _Held.training = built, None
    shapes = {
        path: [list(keras.backend.int_shape(each)) for each in some]
        for path, some in built.weights.items()
    }
    return {"parameters": built.parameters(), "weights": shapes}, {}


def seed(header: Any, arrays: Any) -> Any:
    """Let the model draw anew, from `seed`; the number of its random states."""
    del arrays
    return {"states": _built().random.reseed(header["seed"])}, {}


def set_weights(header: Any, arrays: Any) -> Any:
    """Set all weights, or none."""
    del header
    _built().set(arrays)
    return {}, {}


def get_weights(header: Any, arrays: Any) -> Any:
    """All weights."""
    del header, arrays
    return {}, _built().get()


def compile_(header: Any, arrays: Any) -> Any:
    """Begin to train as `training` says, from step 0."""
    del arrays
    _Held.training = Training(_built(), header["training"])
    return {}, {}


def get_optimizer(header: Any, arrays: Any) -> Any:
    """What the optimizer has learned, and in how many steps."""
    del header, arrays
    steps, found = _training().learned()
    return {"step": steps}, found


def set_optimizer(header: Any, arrays: Any) -> Any:
    """Set all that the optimizer has learned, or nothing."""
    _training().learn(header["step"], arrays)
    return {}, {}


def predict(header: Any, arrays: Any) -> Any:
    """The outputs for any number of rows, in pieces of `batch`."""
    outputs = _built().predict(arrays, _batch(header))
    return {}, {f"y{at}": each for at, each in enumerate(outputs)}


def train(header: Any, arrays: Any) -> Any:
    """One step at the learning rate `rate`."""
    wanted = bool(header.get("outputs"))
    rate = float(header["rate"])
    return _told(_training().train(arrays, _batch(header), rate, outputs=wanted))


def test(header: Any, arrays: Any) -> Any:
    """The losses without a step."""
    wanted = bool(header.get("outputs"))
    return _told(_training().test(arrays, _batch(header), outputs=wanted))


def functions(header: Any, arrays: Any) -> Any:
    """How many functions PlaidML has compiled for this process."""
    del header, arrays
    return {"made": computing.Function.made}, {}


def _told(answer: Any) -> Any:
    outputs = {f"y{at}": each for at, each in enumerate(answer.outputs)}
    return {"loss": answer.loss, "losses": answer.losses}, outputs


def _built() -> Any:
    if _Held.built is None:
        message = "there is no model yet: ask for `build` first"
        raise ValueError(message)
    return _Held.built


def _training() -> Any:
    if _Held.training is None:
        _built()
        message = "the model is not compiled: ask for `compile` first"
        raise ValueError(message)
    return _Held.training


def _batch(header: Any) -> int:
    batch = header["batch"]
    if not isinstance(batch, int) or batch < 1:
        message = f"a batch has 1 row or more; what came is {batch!r}"
        raise ValueError(message)
    return batch


#: Name of a command -> what it does with a header and arrays.
COMMANDS = {
    "check": check,
    "build": build,
    "seed": seed,
    "set": set_weights,
    "get": get_weights,
    "compile": compile_,
    "get_optimizer": get_optimizer,
    "set_optimizer": set_optimizer,
    "predict": predict,
    "train": train,
    "test": test,
    "functions": functions,
}
