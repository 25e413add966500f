"""TensorFlow: bringing a model's weights into the host's memory."""

from collections.abc import Sequence
from typing import Any, Final

from kerasplug.devices.naming import framework
from kerasplug.implementation import backend

__all__ = ["relocate"]

#: What an optimizer keeps by the keys of weights, which change with their places.
_BY_KEY: Final = (
    "_trainable_variables_indices",
    "_exclude_from_weight_decay",
    "_exclude_from_weight_decay_cache",
)


def relocate(model: Any) -> None:
    """Move each variable to the processor, with its value; the model stays the same.

    What was compiled for the old places is dropped, so that nothing trains them.
    Elsewhere than on TensorFlow nothing is done.

    Source: keras 3.15.1, `backend/tensorflow/core.py`, where `_value` is the
    engine's variable, and `backend/tensorflow/optimizer.py`, where `_var_key` is made
    of it.
    """
    if backend() != "tensorflow":
        return
    weights, optimizers = model.variables, _optimizers(model)
    keys = [{one._var_key(weight): weight for weight in weights} for one in optimizers]  # noqa: SLF001 -- see the source
    for owner in (model, *optimizers):
        for variable in owner.variables:
            _move(variable)
    for optimizer, known in zip(optimizers, keys, strict=True):
        _rename(optimizer, known)
    for name in ("train_function", "test_function", "predict_function"):
        setattr(model, name, None)


def _optimizers(model: Any) -> Sequence[Any]:
    """The model's optimizer, and the one that it scales losses for."""
    outer = getattr(model, "optimizer", None)
    found = (outer, getattr(outer, "inner_optimizer", None))
    return [one for one in found if one is not None]


def _move(variable: Any) -> None:
    tf = framework()
    held = variable._value  # noqa: SLF001 -- see the source
    if held is None or ":cpu:0" in held.device.lower():
        return
    with tf.init_scope(), tf.device("cpu:0"):
        variable._value = tf.Variable(  # noqa: SLF001 -- likewise
            held, trainable=variable.trainable, name=variable.name
        )


def _rename(optimizer: Any, known: dict[Any, Any]) -> None:
    """Let an optimizer know the weights by the keys that they have now."""

    def new(key: Any) -> Any:
        return optimizer._var_key(known[key]) if key in known else key  # noqa: SLF001 -- see the source

    for name in _BY_KEY:
        kept = vars(optimizer).get(name)
        if isinstance(kept, dict):
            vars(optimizer)[name] = {new(key): value for key, value in kept.items()}
        elif kept:
            vars(optimizer)[name] = {new(key) for key in kept}
