"""A loss of Keras 3 as the worker's program is told of it."""

from collections.abc import Mapping
from typing import Any, Final

from kerasplug_plaidml.translating.kinds import keras3
from kerasplug_plaidml.translating.refusing import refused, shown

__all__ = ["LOSSES", "REDUCTIONS", "loss_there"]

#: Class in keras.losses -> the function of the same meaning, and its arguments.
LOSSES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "BinaryCrossentropy": (
        "binary_crossentropy",
        {"from_logits": False, "label_smoothing": 0.0, "axis": -1},
    ),
    "CategoricalCrossentropy": (
        "categorical_crossentropy",
        {"from_logits": False, "label_smoothing": 0.0, "axis": -1},
    ),
    "CategoricalHinge": ("categorical_hinge", {}),
    "CosineSimilarity": ("cosine_similarity", {"axis": -1}),
    "Hinge": ("hinge", {}),
    "Huber": ("huber", {"delta": 1.0}),
    "KLDivergence": ("kl_divergence", {}),
    "LogCosh": ("log_cosh", {}),
    "MeanAbsoluteError": ("mean_absolute_error", {}),
    "MeanAbsolutePercentageError": ("mean_absolute_percentage_error", {}),
    "MeanSquaredError": ("mean_squared_error", {}),
    "MeanSquaredLogarithmicError": ("mean_squared_logarithmic_error", {}),
    "Poisson": ("poisson", {}),
    "SparseCategoricalCrossentropy": (
        "sparse_categorical_crossentropy",
        {"from_logits": False, "axis": -1},
    ),
    "SquaredHinge": ("squared_hinge", {}),
}
#: Arguments that the program knows with one value only.
_ONLY: Final[Mapping[str, Any]] = {"axis": -1, "ignore_class": None}
REDUCTIONS: Final = ("sum_over_batch_size", "sum")
#: Which of several is meant depends on the data.
_GUESSED: Final = ("ce", "crossentropy")


def loss_there(loss: Any, where: str, what: str) -> dict[str, Any]:
    """A loss: its name, its arguments and its reduction, as Keras 3 calls them.

    Args:
        loss: as `compile` took it: a name, a function or an object.
        where: the model, for errors.
        what: which loss, for errors.

    Raises:
        TranslationError: the program has no such loss.
    """
    losses = keras3().losses
    if isinstance(loss, str):
        if loss.lower() in _GUESSED:
            mend = "name it: binary_, categorical_ or sparse_categorical_crossentropy"
            raise refused(where, f"{what}: {loss!r}", mend=mend)
        loss = losses.get(loss)
    for name, (function, defaults) in LOSSES.items():
        if loss is getattr(losses, function):
            return {"name": function, **defaults, "reduction": REDUCTIONS[0]}
        if type(loss) is getattr(losses, name):
            return _object(loss, name, where, what)
    named = getattr(loss, "__name__", type(loss).__name__)
    expected = "one of " + ", ".join(one for one, _ in LOSSES.values())
    raise refused(where, f"{what}: {named}", expected)


def _object(loss: Any, name: str, where: str, what: str) -> dict[str, Any]:
    function, defaults = LOSSES[name]
    config = {key: one for key, one in loss.get_config().items() if key != "name"}
    if name == "Huber":
        config["delta"] = _delta(loss)
    reduction = config.pop("reduction", REDUCTIONS[0])
    if reduction not in REDUCTIONS:
        expected = " or ".join(map(repr, REDUCTIONS))
        raise refused(where, f"{what}: reduction={reduction!r}", expected)
    told = {**defaults}
    for key, value in config.items():
        if key in _ONLY and value == _ONLY[key]:
            continue
        if key not in defaults or key in _ONLY:
            raise refused(where, f"{what}: {name}({key}={shown(value)})")
        told[key] = value
    _check_hidden(loss, name, told, where, what)
    return {"name": function, **told, "reduction": reduction}


def _delta(loss: Any) -> float:
    """Huber's delta, which its configuration does not say: the slope far out.

    Source: keras 3.15.1, `losses/losses.py`: its `get_config` has no `delta`.
    """
    import numpy as np

    far = np.array([[2.0**20], [2.0**21]], dtype="float32")
    near, farther = keras3().ops.convert_to_numpy(loss.call(0 * far, far))
    return float(farther - near) / 2.0**20


def _check_hidden(
    loss: Any, name: str, told: Mapping[str, Any], where: str, what: str
) -> None:
    """Raise where the loss computes something else than its configuration says."""
    import numpy as np

    keras = keras3()
    random = np.random.default_rng(0)
    shape = (2, 3, 4)
    guess = random.uniform(0.1, 0.9, shape).astype("float32")
    sparse = name == "SparseCategoricalCrossentropy"
    truth = random.integers(0, 4, shape[:2]) if sparse else random.uniform(0, 1, shape)
    truth = truth.astype("int32" if sparse else "float32")
    function = getattr(keras.losses, LOSSES[name][0])
    own, other = loss.call(truth, guess), function(truth, guess, **told)
    one, two = (keras.ops.convert_to_numpy(each) for each in (own, other))
    if one.shape != two.shape or not np.allclose(one, two, rtol=1e-4, atol=1e-5):
        found = f"{what}: a {name} with arguments that its get_config() does not say"
        raise refused(where, found, "the defaults of those")
