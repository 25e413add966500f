"""Compiling a model again as it was, with what its optimizer has learned."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, Final

from kerasplug.callers import level_outside
from kerasplug.errors import KerasplugWarning, ModelError
from kerasplug.models.kinds import family, require_model

__all__ = ["compiled_with", "recompile"]

#: Lists of an optimizer that are no states.
_NO_STATES: Final = frozenset(("_trainable_variables", "_variables"))
#: The averages of weights; that of a new weight begins with the weight itself.
_AVERAGES: Final = "_model_variables_moving_average"


def recompile(model: Any) -> Any:
    """The same model, compiled for the weights that are trainable now.

    It has the optimizer's settings, loss and metrics that it had, and a new optimizer
    that knows of each weight what the old one knew: its momenta, its averages, and how
    many steps were made. What is trained for the first time begins with nothing known.

    Args:
        model: a compiled model of Keras 3, built.

    Raises:
        ModelError: it is no model, it is not compiled, it is of Keras 2, or its
            optimizer can't be made anew from its configuration.

    Guarantees:
        After an error the model is as it was.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> recompile(model) is model, model.compiled
        (True, True)
    """
    require_model("recompile", model)
    old = getattr(model, "optimizer", None)
    if not getattr(model, "compiled", old is not None) or old is None:
        what = f"recompile() can't compile {model.name!r} as it was."
        mend = "model.compile(optimizer, loss)"
        raise ModelError(what, found="a model that is not compiled", mend=mend)
    arguments = compiled_with("recompile", model)
    with _scope(model):
        _compile(model, old, arguments)
    return model


def _compile(model: Any, old: Any, arguments: dict[str, Any]) -> None:
    new = _like(old, model)
    if getattr(old, "built", False):
        new.build(model.trainable_variables)
        forgotten = _hand_over(old, new)
        if forgotten:
            _warn(model, forgotten)
    # The new one is wrapped for float16 where the old one was, and not again.
    model.compile(**(arguments | {"optimizer": new, "auto_scale_loss": False}))


def _scope(model: Any) -> contextlib.AbstractContextManager[Any]:
    """Where a new optimizer is one for all devices that TensorFlow trains on.

    Outside, each device has a state of its own, and training goes wrong in silence.
    """
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def compiled_with(call: str, model: Any) -> dict[str, Any]:
    """What `compile` was given, the very objects, by the names of its arguments.

    Args:
        call: who asks, as the error names it.
        model: a compiled model.

    Raises:
        ModelError: it is a model of Keras 2, which does not know.
    """
    config = getattr(getattr(model, "_compile_config", None), "config", None)
    if family(model) == "tf_keras" or not isinstance(config, dict):
        what = f"{call}() does not know what {model.name!r} was compiled with."
        found = "a model of Keras 2" if family(model) == "tf_keras" else ""
        mend = "model.compile(...) with the same arguments"
        raise ModelError(what, found=found, expected="a model of Keras 3", mend=mend)
    return dict(config)


def _like(old: Any, model: Any) -> Any:
    try:
        return type(old).from_config(old.get_config())
    except Exception as error:
        what = f"recompile() can't make the optimizer of {model.name!r} anew."
        found = f"{type(old).__name__}: {type(error).__name__}: {error}"
        mend = "model.compile(...) with a new optimizer"
        raise ModelError(what, found=found[:400], mend=mend) from error


def _hand_over(old: Any, new: Any) -> list[str]:
    """Give a new optimizer the states of an old one; what can't be found is named."""
    from kerasplug.implementation import implementation

    copy = implementation().ops.copy  # JAX takes over the memory of what it trains with
    done: set[int] = set()
    for mine, theirs in _pairs(old, new):
        theirs.assign(copy(mine))
        done.add(id(theirs))
    known = {id(one) for one in _weights(old)}
    return [
        variable.path
        for variable, weight in _unfilled(new, done)
        if weight is None or id(weight) in known
    ]


def _pairs(old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
    """(state, its place) for all that both optimizers have.

    Source: keras 3.15.1, `optimizers/*.py`: what an optimizer keeps for each weight is
    a list in the order of the weights, everything else a variable of its own.
    """
    places = {id(one): place for place, one in enumerate(_weights(old))}
    weights = _weights(new)
    for name, mine in vars(old).items():
        theirs = vars(new).get(name)
        if _is_variable(mine) and _is_variable(theirs):
            yield mine, theirs
        elif _is_list(name, mine, len(places)) and _is_list(name, theirs, len(weights)):
            for place, weight in enumerate(weights):
                before = places.get(id(weight))
                if before is not None and mine[before] is not None:
                    yield mine[before], theirs[place]
                elif before is None and name == _AVERAGES:
                    yield weight, theirs[place]
    if hasattr(old, "inner_optimizer"):
        yield from _pairs(old.inner_optimizer, new.inner_optimizer)


def _weights(optimizer: Any) -> list[Any]:
    return list(getattr(optimizer, "_trainable_variables", ()))


def _is_variable(value: object) -> bool:
    """Whether it is a variable of Keras; an optimizer has `assign`, too."""
    return hasattr(value, "assign") and hasattr(value, "path")


def _is_list(name: str, value: object, length: int) -> bool:
    """Whether it has a state, or None, for each of so many weights."""
    if name in _NO_STATES or not isinstance(value, list) or len(value) != length:
        return False
    return all(one is None or _is_variable(one) for one in value)


def _unfilled(new: Any, done: set[int]) -> Iterator[tuple[Any, Any]]:
    """(state, its weight) for the states that nothing was put into."""
    weights: dict[int, Any] = {}
    for name, value in vars(new).items():
        if _is_list(name, value, len(_weights(new))):
            pairs = zip(value, _weights(new), strict=True)
            weights |= {id(one): weight for one, weight in pairs}
    for variable in new.variables:
        if id(variable) not in done and not _is_inner(new, variable):
            yield variable, weights.get(id(variable))
    if hasattr(new, "inner_optimizer"):
        yield from _unfilled(new.inner_optimizer, done)


def _is_inner(optimizer: Any, variable: Any) -> bool:
    inner = getattr(optimizer, "inner_optimizer", None)
    return inner is not None and any(one is variable for one in inner.variables)


def _warn(model: Any, forgotten: list[str]) -> None:
    shown = ", ".join(forgotten[:6])
    message = (
        f"The optimizer of {model.name!r} keeps states in a way that is not known, and "
        f"begins anew with {len(forgotten)} of them: {shown}."
    )
    level = level_outside("kerasplug")
    warnings.warn(message, KerasplugWarning, stacklevel=level)
