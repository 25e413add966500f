"""Telling before a training what a stateful model will not take."""

from typing import Any, Final

from kerasplug.errors import ModelError, RecordError
from kerasplug.models.kinds import require_model
from kerasplug.models.state_carrying import is_uncarried
from kerasplug.models.state_layers import stateful_layers, unbuilt, variables_of

__all__ = ["check_stateful"]

#: What `fit`, `evaluate` and `predict` take where no batch size is given.
_DEFAULT: Final = 32


def check_stateful(model: Any, n: int, batch_size: int | None = None) -> None:
    """Raise where a model with stateful layers can't take data in such batches.

    Keras itself says it late or not at all: on TensorFlow a last batch that is too
    small is filled up in silence, and `predict` gives more rows than it was given; on
    JAX it is an error in the middle, after which the model has lost its weights.

    Args:
        model: a model of Keras 3 or of `tf_keras`.
        n: the number of samples, `len(x)`.
        batch_size: what `fit`, `evaluate` or `predict` will be given. None: nothing,
            and Keras takes 32.

    Raises:
        ModelError: it is no model; or it has stateful layers and: they know no batch
            size yet; theirs is another one; `n` is no multiple of it; they would not
            carry their states from batch to batch (see `carry_states`).
        RecordError: `n` or `batch_size` is no number that counts something.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> lstm = keras.layers.LSTM(4, stateful=True)
        >>> model = keras.Sequential([keras.Input(batch_shape=(2, 3, 1)), lstm])
        >>> check_stateful(model, n=6)
        Traceback (most recent call last):
        kerasplug.errors.ModelError: A stateful model takes batches of one size only.
          found:    batches of 32, which is what Keras takes by default
          expected: batch_size=2, for which the model was made
          mend:     fit(..., batch_size=2, shuffle=False), predict(..., batch_size=2)
    """
    require_model("check_stateful", model)
    _require_count("n", n)
    if batch_size is not None:
        _require_count("batch_size", batch_size)
    holders = stateful_layers(model)
    if not holders:
        return
    _require_built(holders)
    size = _static_size(model, holders)
    if size is not None:
        _require_size(size, batch_size)
        _require_multiple(size, n)
    if is_uncarried(model):
        raise _forgetful()


def _require_count(name: str, value: object) -> None:
    if type(value) is bool or not hasattr(value, "__index__") or value.__index__() < 1:
        call, rule = "check_stateful", "a whole number of at least 1"
        raise RecordError(call, name, value, rule)


def _require_built(holders: dict[str, Any]) -> None:
    late = [path for path, one in holders.items() if unbuilt(one)]
    if late:
        what = "A stateful model has to know its batch size."
        raise ModelError(
            what,
            found=f"stateful layers that are not built: {', '.join(late)}",
            expected="an input with a batch size",
            mend="begin with keras.Input(batch_shape=(batch_size, steps, features)); "
            "fit with that batch_size and shuffle=False",
        )


def _static_size(model: Any, holders: dict[str, Any]) -> int | None:
    """The batch size that the model was made for; None: its layers have several.

    A layer's own may be another one: layers between may fold time into the batch.
    """
    try:
        sizes = {one.shape[0] for one in model.inputs}
    except (AttributeError, TypeError, ValueError):  # it has no graph
        sizes = set()
    sizes.discard(None)
    if not sizes:
        states = [each for one in holders.values() for each in variables_of(one)]
        sizes = {one.shape[0] for one in states}
    return int(sizes.pop()) if len(sizes) == 1 else None


def _require_size(size: int, given: int | None) -> None:
    if (given or _DEFAULT) != size:
        what = "A stateful model takes batches of one size only."
        default = f"batches of {_DEFAULT}, which is what Keras takes by default"
        raise ModelError(
            what,
            found=f"batch_size={given}" if given else default,
            expected=f"batch_size={size}, for which the model was made",
            mend=f"fit(..., batch_size={size}, shuffle=False), "
            f"predict(..., batch_size={size})",
        )


def _require_multiple(size: int, n: int) -> None:
    whole, rest = divmod(n, size)
    if rest:
        what = "A stateful model takes whole batches only."
        better = f"x[:{whole * size}]" if whole else f"at least {size} samples"
        raise ModelError(
            what,
            found=f"{n} samples: {whole} batches of {size}, and {rest} left over",
            expected=f"a multiple of {size}",
            mend=f"use {better}, and fit with batch_size={size} and shuffle=False",
        )


def _forgetful() -> ModelError:
    return ModelError(
        "On JAX Keras does not carry the states of stateful layers by itself.",
        found="states that are not among the model's variables",
        expected="states that go with each batch",
        mend="call kerasplug.carry_states(model); fit with shuffle=False",
    )
