"""The trap after `compile`: what it was for, and what the model is now.

Keras reads the trainable flags when a model is first trained after `compile`. What is
changed later is passed over in silence on TensorFlow, and on JAX `fit` fails and
leaves the model without its weights. So it is looked for before `fit` begins.
"""

import functools
import warnings
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from kerasplug.errors import KerasplugWarning, RecordError, StaleCompileError
from kerasplug.models.kinds import family, is_model, is_older, require_model, walk
from kerasplug.models.recompiling import recompile

__all__ = [
    "PINS",
    "TRAINING",
    "OnStale",
    "StaleCompile",
    "check_on_stale",
    "stale_compile",
    "watch_compile",
    "watch_if_stale",
]

#: What is done about a stale compile.
OnStale = Literal["raise", "warn", "recompile", "ignore"]

_ACTIONS: Final = ("raise", "warn", "recompile", "ignore")
#: What trains; all of them read the flags.
TRAINING: Final = ("fit", "train_on_batch")
#: Where a method on a class says which one it replaces.
_ORIGINAL: Final = "_kerasplug_original"
#: What marks methods that can't be stale: `snapshot_compile` made them.
PINS: Final = "_kerasplug_pins"
#: So many weights are named in an error.
_SHOWN: Final = 6


class StaleCompile(NamedTuple):
    """What has changed since a model was compiled and first trained.

    Args:
        frozen: names of weights that it would train, and that are frozen now.
        unfrozen: names of weights that it would not train, and that are trainable now.
        gone: names of weights that it would train, and that the model has no more.

    Example:
        >>> print(StaleCompile(("hidden/kernel",)))
        frozen since: hidden/kernel
    """

    frozen: tuple[str, ...] = ()
    unfrozen: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = (
            ("frozen since", self.frozen),
            ("trainable since", self.unfrozen),
            ("removed since", self.gone),
        )
        return "; ".join(f"{word}: {_listed(names)}" for word, names in parts if names)


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def stale_compile(model: Any) -> StaleCompile | None:
    """What training would pass over; None: the compilation fits the model.

    Args:
        model: a model. One that is not compiled, or was not trained since, is never
            stale in Keras 3, which reads the flags when training begins.

    Raises:
        ModelError: it is no model.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> print(stale_compile(model))
        None
    """
    require_model("stale_compile", model)
    if getattr(model, "optimizer", None) is None or hasattr(model.fit, PINS):
        return None
    if is_older(model):
        stale = _of_older(model)
    else:
        stale = _of_keras2(model) if family(model) == "tf_keras" else _of_keras3(model)
    return stale if any(stale) else None


def _of_keras3(model: Any) -> StaleCompile:
    """The optimizer was built for those weights that it would train."""
    if not getattr(model.optimizer, "built", False):
        return StaleCompile()
    there = {id(one) for one in model.weights}
    then = {id(one): one.path for one in optimized(model.optimizer)}
    now = {id(one): one.path for one in model.trainable_variables}
    lost = {one: path for one, path in then.items() if one not in now}
    return StaleCompile(
        tuple(path for one, path in lost.items() if one in there),
        tuple(path for one, path in now.items() if one not in then),
        tuple(path for one, path in lost.items() if one not in there),
    )


def optimized(optimizer: Any) -> list[Any]:
    """The weights that a built optimizer of Keras 3 was built for."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return list(getattr(inner, "_trainable_variables", ()))


def _of_keras2(model: Any) -> StaleCompile:
    """Keras 2 keeps the flags of all layers as they were at `compile`."""
    then = getattr(model, "_compiled_trainable_state", {})
    changed = [
        (path, layer.trainable)
        for path, layer in walk(model)
        if layer.weights and then.get(layer, layer.trainable) != layer.trainable
    ]
    return StaleCompile(
        tuple(path for path, flag in changed if not flag),
        tuple(path for path, flag in changed if flag),
    )


def _of_older(model: Any) -> StaleCompile:
    """The stand-alone Keras 2 keeps the weights that were trainable at `compile`."""
    now = {id(one) for one in model.trainable_weights}
    kept = getattr(model, "_collected_trainable_weights", model.trainable_weights)
    then = {id(one) for one in kept}
    weights = {
        path: {id(one) for one in layer.weights}
        for path, layer in walk(model, deep=False)
        if not is_model(layer)
    }
    return StaleCompile(
        tuple(path for path, own in weights.items() if own & then - now),
        tuple(path for path, own in weights.items() if own & now - then),
    )


def watch_compile(model: Any = None, on_stale: OnStale = "raise") -> Any:
    """The same model; `fit` and `train_on_batch` look for a stale compile from now on.

    Args:
        model: a model; its layers may be changed anywhere, as those of a frozen base
            are. None: every model of the Keras in use, in this process.
        on_stale: what is done where the trainable weights have changed since the
            model was compiled and trained, before anything is trained: `"raise"` a
            `StaleCompileError`; `"warn"`, and go on as Keras does, which on JAX can't
            go on, so there it raises; `"recompile"` with the same arguments, keeping
            what the optimizer knows of the weights that stay; `"ignore"` ends the
            watch.

    Raises:
        ModelError: `model` is no model.
        RecordError: `on_stale` is none of these.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> watch_compile(model) is model
        True
    """
    check_on_stale("watch_compile()", on_stale)
    if model is None:
        from kerasplug.implementation import implementation

        _watch_all(implementation().Model, on_stale)
        return None
    require_model("watch_compile", model)
    if hasattr(model.fit, PINS):  # it can't become stale
        return model
    unwatch(model)
    if on_stale != "ignore":
        for name in TRAINING:
            original = getattr(model, name)
            setattr(model, name, _watched(original, model, on_stale))
    return model


def check_on_stale(call: str, on_stale: object) -> None:
    """Nothing, where it is one of the actions.

    Raises:
        RecordError: it is something else.
    """
    if on_stale not in _ACTIONS:
        rule = " or ".join(f'"{one}"' for one in _ACTIONS)
        raise RecordError(call, "on_stale", on_stale, rule)


def watch_if_stale(model: Any, on_stale: OnStale) -> None:
    """Watch a model that has just been changed, if it was trained before.

    One that is watched already stays watched as its user has asked.
    """
    if on_stale == "ignore" or not is_model(model) or is_watched(model):
        return
    if stale_compile(model) is not None:
        watch_compile(model, on_stale)


def is_watched(model: Any) -> bool:
    """Whether `fit` of this very model is one of ours."""
    return any(name in vars(model) for name in TRAINING)


def unwatch(model: Any) -> None:
    """Let a model have the methods of its class again."""
    for name in TRAINING:
        if name in vars(model):
            delattr(model, name)


def _watched(original: Any, model: Any, on_stale: OnStale) -> Callable[..., Any]:
    @functools.wraps(original)
    def trained(*args: Any, **kwargs: Any) -> Any:
        act_on_stale(model, on_stale)
        return original(*args, **kwargs)

    return trained


def _watch_all(cls: Any, on_stale: OnStale) -> None:
    """Watch all models of a class, as was asked for last."""
    for name in TRAINING:
        original = getattr(getattr(cls, name), _ORIGINAL, None)
        if original is not None:
            setattr(cls, name, original)
        if on_stale != "ignore":
            setattr(cls, name, _watched_in_class(getattr(cls, name), on_stale))


def _watched_in_class(original: Any, on_stale: OnStale) -> Callable[..., Any]:
    @functools.wraps(original)
    def trained(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_watched(self):
            act_on_stale(self, on_stale)
        return original(self, *args, **kwargs)

    setattr(trained, _ORIGINAL, original)
    return trained


def act_on_stale(model: Any, on_stale: OnStale) -> None:
    """Do what was asked for, where the compile of a model is stale.

    Raises:
        StaleCompileError: it is, and that is what was asked for, or all that can be.
    """
    stale = stale_compile(model)
    if stale is None:
        return
    if on_stale == "recompile":
        recompile(model)
    elif on_stale == "warn" and not _breaks_when_stale(model):
        warnings.warn(f"{_what(model)} {stale}.", KerasplugWarning, stacklevel=4)
    else:
        raise _stale_error(model, stale)


def _breaks_when_stale(model: Any) -> bool:
    """Whether Keras can't go on: on JAX it counts the weights that are trained."""
    from kerasplug.implementation import backend

    return family(model) == "keras" and backend() == "jax"


def _what(model: Any) -> str:
    return f"The trainable weights of {model.name!r} were changed after compile."


def _stale_error(model: Any, stale: StaleCompile) -> StaleCompileError:
    return StaleCompileError(
        _what(model),
        stale=stale,
        found=str(stale),
        expected="the weights for which the model was compiled and trained",
        mend="model.compile(...) anew; or kerasplug.recompile(model), which keeps "
        "what the optimizer knows",
    )
