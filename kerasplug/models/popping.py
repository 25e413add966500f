"""Removing the last layers of a Sequential model."""

from typing import Any

from kerasplug.errors import ModelError, RecordError
from kerasplug.models.compiling import OnStale, check_on_stale, watch_if_stale
from kerasplug.models.kinds import family, is_sequential, require_model

__all__ = ["pop_layer"]

#: What Keras has compiled from the model as it was.
_FUNCTIONS = ("train_function", "test_function", "predict_function")


def pop_layer(model: Any, n: int = 1, *, on_stale: OnStale = "raise") -> Any:
    """The last layer of a Sequential model, which has it no more; for n > 1 a list.

    What Keras has compiled for `predict` and the others is dropped, so that they give
    what the shorter model gives; plain Keras goes on with the longer one.

    Args:
        model: a Sequential model. It is changed in place; one layer that is left may
            be removed as well.
        n: how many layers; the list has them in the model's order.
        on_stale: what `fit` does where the model was trained and is not compiled anew;
            see `watch_compile`.

    Raises:
        ModelError: it is no Sequential model, or has fewer layers.
        RecordError: `n` is no whole number from 1.

    Guarantees:
        After an error the model is as it was.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> model = keras.Sequential([keras.layers.Dense(2, name="only")])
        >>> pop_layer(model).name, len(model.layers)
        ('only', 0)
    """
    call = "pop_layer()"
    require_model("pop_layer", model)
    check_on_stale(call, on_stale)
    if not is_sequential(model):
        raise _no_last_layer(model)
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise RecordError(call, "n", n, "a whole number from 1")
    have = len(model.layers)
    if n > have:
        what = f"pop_layer() can't remove {n} of {have} layers of {model.name!r}."
        mend = "model.add(layer) first" if not have else f"n={have} removes them all"
        raise ModelError(what, found=f"{have} layers", mend=mend)
    removed = [_pop_one(model) for _ in range(n)][::-1]
    for name in _FUNCTIONS:
        setattr(model, name, None)
    watch_if_stale(model, on_stale)
    return removed[0] if n == 1 else removed


def _pop_one(model: Any) -> Any:
    """Remove one; Keras 3 can't build a model without any layer, and raises then."""
    layer = model.layers[-1]
    if family(model) == "tf_keras":
        model.pop()
    else:
        model.pop(rebuild=len(model.layers) > 1)
    return layer


def _no_last_layer(model: Any) -> ModelError:
    names = [layer.name for layer in model.layers]
    upto = names[-2] if len(names) > 1 else "…"
    what = f"pop_layer() removes the last layer, and {model.name!r} has no last one."
    return ModelError(
        what,
        found=f"a {type(model).__name__} model",
        expected="a Sequential model",
        mend=f"kerasplug.truncate_model(model, {upto!r}) is a model that ends there",
    )
