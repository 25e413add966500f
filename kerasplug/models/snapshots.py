"""Compiling as Keras 2 did: a model goes on with the flags that it had at `compile`.

In Keras 3 the flags belong to the variables, and a model that shares a layer with
another one follows whatever is done to it until its first `fit`.
"""

import functools
from collections.abc import Callable
from typing import Any

from kerasplug.errors import ModelError
from kerasplug.models.compiling import PINS, TRAINING
from kerasplug.models.kinds import family, require_model
from kerasplug.models.trainable import trainable_state

__all__ = ["snapshot_compile"]


def snapshot_compile(model: Any, *args: Any, **kwargs: Any) -> Any:
    """The same model, compiled; it trains what is trainable now, and nothing else.

    Whatever becomes of the flags later, of shared layers too, `fit` and
    `train_on_batch` of this model train what they would train now. During such a call
    its layers have the flags that they have now, and afterwards those of before the
    call. A later `model.compile(...)` looks at the flags anew.

    Args:
        model: a model.
        *args: as for `model.compile`.
        **kwargs: as for `model.compile`. With no argument at all a compiled model
            keeps what it was compiled with.

    Raises:
        ModelError: it is no model; or it is not compiled, and no argument says how.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> snapshot_compile(model, "sgd", "mse") is model
        True

    Source: the R interface's FAQ, "How can I freeze Keras layers?", which describes
    Keras 2; there models of tf_keras still behave so by themselves.
    """
    require_model("snapshot_compile", model)
    if args or kwargs:
        model.compile(*args, **kwargs)
    elif getattr(model, "optimizer", None) is None:
        what = f"snapshot_compile() can't keep how {model.name!r} was compiled."
        mend = "snapshot_compile(model, optimizer, loss)"
        raise ModelError(what, found="a model that is not compiled", mend=mend)
    if family(model) == "keras":
        _pin(model)
    return model


def _pin(model: Any) -> None:
    """Let training run with the flags of now, and `compile` look at them anew."""
    state = trainable_state(model)
    for name in TRAINING:
        setattr(model, name, _pinned(_of_class(model, name), model, state.put_back))
    compile_ = _of_class(model, "compile")

    @functools.wraps(compile_)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        result = compile_(*args, **kwargs)
        _pin(model)
        return result

    model.compile = compiled


def _of_class(model: Any, name: str) -> Any:
    """A method as the model's class has it, whatever stands before it on the model."""
    return getattr(type(model), name).__get__(model)


def _pinned(
    original: Callable[..., Any], model: Any, put_back: Callable[[], None]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def trained(*args: Any, **kwargs: Any) -> Any:
        now = trainable_state(model)
        put_back()
        try:
            return original(*args, **kwargs)
        finally:
            now.put_back()

    setattr(trained, PINS, True)
    return trained
