"""How a model is trained, in words for the worker's program: losses and optimizer.

The program computes what Keras 3 computes; here it is only said what that is.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kerasplug_plaidml.translating.kinds import keras3
from kerasplug_plaidml.translating.losses import loss_there
from kerasplug_plaidml.translating.models import masked_outputs
from kerasplug_plaidml.translating.refusing import refused, shown

__all__ = ["OFF", "OPTIMIZERS", "SHARED", "translate_training"]

_MOMENTS: Final = ("beta_1", "beta_2", "epsilon")
#: Class in keras.optimizers -> its name there and the arguments that are its own.
OPTIMIZERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "Adadelta": ("adadelta", ("rho", "epsilon")),
    "Adagrad": ("adagrad", ("initial_accumulator_value", "epsilon")),
    "Adam": ("adam", (*_MOMENTS, "amsgrad")),
    "AdamW": ("adam", (*_MOMENTS, "amsgrad")),
    "Adamax": ("adamax", _MOMENTS),
    "Nadam": ("nadam", _MOMENTS),
    "RMSprop": ("rmsprop", ("rho", "momentum", "epsilon", "centered")),
    "SGD": ("sgd", ("momentum", "nesterov")),
}
#: What all of them take.
SHARED: Final = ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay")
#: What makes another optimizer of it, and the values with which it does not.
OFF: Final[Mapping[str, tuple[Any, ...]]] = {
    "use_ema": (False,),
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None,),
}
#: Without meaning here: the rate is given with each step, the others belong to use_ema.
_IDLE: Final = ("name", "learning_rate", "ema_momentum", "ema_overwrite_frequency")


def translate_training(model: Any) -> dict[str, Any]:
    """How the model is trained: losses, their weights, the optimizer.

    Args:
        model: a compiled model of Keras 3.

    Returns:
        `losses`, one for each output in the order of `model.outputs` (None: it has no
        loss), `loss_weights`, a float for each, and `optimizer`, without its learning
        rate. Names and arguments are Keras 3's.

    Raises:
        TranslationError: it is not compiled, or a loss or the optimizer would not mean
            the same there.
    """
    where = f"model {model.name!r}"
    if not model.compiled or model.optimizer is None:
        raise refused(
            where, "no optimizer", "a compiled model", "call compile(…) first"
        )
    _check_training(model, where)
    keys = _keys(model)
    given = _each(model.loss, keys, where, "loss")
    losses = [
        None if one is None else loss_there(one, where, f"loss of {key!r}")
        for key, one in zip(keys, given, strict=True)
    ]
    if not any(losses):
        raise refused(where, "no loss", "a loss for an output", "compile(loss=…)")
    _check_metrics(model, keys, where)
    weights = _weights(model, keys, given, where)
    optimizer = _optimizer(model.optimizer, where)
    return {"losses": losses, "loss_weights": weights, "optimizer": optimizer}


def _check_training(model: Any, where: str) -> None:
    keras = keras3()
    for name in ("train_step", "compute_loss", "test_step", "predict_step"):
        own = getattr(type(model), name, None)
        if own is not getattr(keras.Model, name, None):
            raise refused(where, f"a {name} of its own", "Keras' own training")


def _keys(model: Any) -> list[Any]:
    """How losses are told for each output: the keys of a dict, else the names."""
    struct = model.get_config().get("output_layers")
    if isinstance(struct, dict):
        # Keras walks through a dict by sorted keys.
        order: list[Any] = keras3().tree.flatten({key: key for key in struct})
        return order
    names = getattr(model, "output_names", None)  # a Sequential has none
    return list(names or [model.layers[-1].name])


def _each(given: Any, keys: Sequence[Any], where: str, what: str) -> list[Any]:
    """What belongs to each output, of one for all, a list or a dict."""
    if isinstance(given, Mapping):
        return _named(given, keys, where, what)
    if isinstance(given, list | tuple):
        if len(given) != len(keys):
            found = f"{len(given)} of {what} for {len(keys)} outputs"
            raise refused(where, found, f"one {what} for each output")
        return list(given)
    return [given] * len(keys)


def _named(
    given: Mapping[Any, Any], keys: Sequence[Any], where: str, what: str
) -> list[Any]:
    unknown = [key for key in given if key not in keys]
    if unknown:
        expected = "the keys " + ", ".join(map(repr, keys))
        raise refused(where, f"{what} for {shown(unknown[0])}", expected)
    return [given.get(key) for key in keys]


def _compiled(model: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a lambda among the metrics is nobody's fault
        told: dict[str, Any] = model.get_compile_config()
    return told


def _check_metrics(model: Any, keys: Sequence[Any], where: str) -> None:
    """Raise for metrics of an output with a mask: they are counted without it."""
    told = _compiled(model)
    for what in ("metrics", "weighted_metrics"):
        given = told.get(what)
        if not given:
            continue
        masks = masked_outputs(model)
        for key, masked in zip(keys, masks, strict=True):
            apart = isinstance(given, Mapping) and key not in given
            if masked and not apart:
                found = f"{what} of the output {key!r}, which has a mask"
                mend = "its loss leaves masked places out; compile without the metrics"
                raise refused(where, found, "metrics of outputs without one", mend)


def _weights(
    model: Any, keys: Sequence[Any], losses: Sequence[Any], where: str
) -> list[float]:
    given = _compiled(model)["loss_weights"]
    if given is None:
        return [1.0] * len(keys)
    told = _each(given, keys, where, "loss_weights")
    for loss, weight in zip(losses, told, strict=True):
        if loss is not None and not isinstance(weight, int | float):
            raise refused(where, f"loss_weights={shown(given)}", "numbers")
    return [0.0 if one is None else float(one) for one in told]


def _optimizer(optimizer: Any, where: str) -> dict[str, Any]:
    known = keras3().optimizers
    named = type(optimizer).__name__
    if named not in OPTIMIZERS or getattr(known, named, None) is not type(optimizer):
        expected = "one of " + ", ".join(OPTIMIZERS)
        raise refused(where, f"the optimizer {named}", expected)
    name, own = OPTIMIZERS[named]
    told: dict[str, Any] = {"name": name}
    for key, value in optimizer.get_config().items():
        if key in own or key in SHARED:
            told[key] = value
        elif key in OFF:
            if value not in OFF[key]:
                raise refused(
                    where, f"{named}({key}={value!r})", f"{key}={OFF[key][0]}"
                )
        elif key not in _IDLE:
            found = f"{named}({key}={shown(value)}), an argument that is not known here"
            raise refused(where, found, mend="a newer kerasplug-plaidml may know it")
    return told
