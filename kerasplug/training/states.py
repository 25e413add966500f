"""What callbacks have counted, as plain data that JSON can hold, and back."""

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kerasplug.errors import ModelError, RecordError

__all__ = ["callback_state", "restore_callback_state"]

#: Keras' class -> the attributes that change while it trains.
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "EarlyStopping": ("wait", "best", "stopped_epoch", "best_epoch"),
    "ReduceLROnPlateau": ("wait", "best", "cooldown_counter"),
    "ModelCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen"),
}
_CLASS, _WEIGHTS = "class", "best_weights"


def callback_state(callback: Any, *, weights: bool = False) -> dict[str, Any]:
    """What a callback has counted so far.

    Args:
        callback: an `EarlyStopping`, `ReduceLROnPlateau` or `ModelCheckpoint`, or of a
            subclass.
        weights: whether the best weights that an `EarlyStopping` keeps are included;
            they are as large as the model.

    Returns:
        Plain data, which JSON can hold. Numbers that are not finite are texts in it.

    Raises:
        RecordError: it is no such callback.

    Example:
        >>> callback_state(print)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    callback=<built-in function print> ...
          expected: an EarlyStopping, ReduceLROnPlateau or ModelCheckpoint
    """
    kind = _kind("callback_state()", callback)
    state: dict[str, Any] = {_CLASS: kind}
    for name in _FIELDS[kind]:
        state[name] = _said(getattr(callback, name, None))
    if weights and kind == "EarlyStopping":
        kept = callback.best_weights
        state[_WEIGHTS] = None if kept is None else [_text_of(one) for one in kept]
    return state


def restore_callback_state(callback: Any, state: Mapping[str, Any]) -> None:
    """Let a callback count on from a state.

    Keras' callbacks begin to count anew when training begins: do this after that, or
    let `ResumableCallbacks` do it.

    Args:
        callback: of the class that the state is of.
        state: what `callback_state` said.

    Raises:
        RecordError: it is no such callback.
        ModelError: the state is of another class, or damaged.

    Guarantees:
        After an error the callback is as it was.

    Example:
        >>> restore_callback_state(print, {})
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    callback=<built-in function print> ...
          expected: an EarlyStopping, ReduceLROnPlateau or ModelCheckpoint
    """
    kind = _kind("restore_callback_state()", callback)
    missing = [name for name in _FIELDS[kind] if name not in state]
    if state.get(_CLASS) != kind or missing:
        what = f"restore_callback_state() can't put this state into an {kind}."
        found = f"a state of {state.get(_CLASS)!r}"
        found += f", without {', '.join(missing)}" if missing else ""
        raise ModelError(what, found=found, expected=f"a state of {kind!r}")
    values = {name: _meant(kind, name, state[name]) for name in _FIELDS[kind]}
    if _WEIGHTS in state:
        texts = state[_WEIGHTS]
        values[_WEIGHTS] = None if texts is None else _arrays(texts)
    for name, value in values.items():
        setattr(callback, name, value)


def _kind(call: str, callback: Any) -> str:
    names = [base.__name__ for base in callback.__class__.__mro__]
    for kind in _FIELDS:
        if kind in names:
            return kind
    rule = "an EarlyStopping, ReduceLROnPlateau or ModelCheckpoint"
    raise RecordError(call, "callback", callback, rule)


def _said(value: Any) -> Any:
    if value is None or type(value) is int:
        return value
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _meant(kind: str, name: str, value: Any) -> Any:
    """The number again.

    Raises:
        ModelError: it is none.
    """
    if value is None or type(value) in (int, float):
        return value
    if value in ("nan", "inf", "-inf"):
        return float(value)
    what = f"The state of an {kind} is damaged."
    raise ModelError(what, found=f"{name}={value!r}"[:200], expected="a number or null")


def _text_of(array: Any) -> dict[str, Any]:
    """An array as data that JSON can hold."""
    data = base64.b64encode(array.tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": [*array.shape], "data": data}


def _arrays(texts: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The arrays again.

    Raises:
        ModelError: they are damaged.
    """
    import numpy as np

    try:
        return [
            np.frombuffer(base64.b64decode(one["data"]), np.dtype(one["dtype"]))
            .reshape(one["shape"])
            .copy()
            for one in texts
        ]
    except (KeyError, TypeError, ValueError) as error:
        what = "The best weights in the state of an EarlyStopping are damaged."
        found = f"{type(error).__name__}: {error}"[:200]
        raise ModelError(what, found=found) from error
