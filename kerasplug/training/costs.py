"""What callbacks take of a training's time, hook by hook."""

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from kerasplug.training.basing import KerasCallback
from kerasplug.training.checking import callbacks_of
from kerasplug.training.numbers import seconds

__all__ = ["CallbackCost", "CallbackCosts", "callback_costs"]

#: All hooks of Keras, with the two old names.
_HOOKS: Final = tuple(
    f"on_{what}_{moment}"
    for what in (
        *("train", "test", "predict", "epoch"),
        *("batch", "train_batch", "test_batch", "predict_batch"),
    )
    for moment in ("begin", "end")
)
#: By this mark Keras knows a hook that a class does not define.
_DEFAULT: Final = "_is_default"


class CallbackCost(NamedTuple):
    """What one hook of one callback has taken.

    Args:
        callback: its class; with a number where there are several of it.
        hook: such as `"on_epoch_end"`.
        calls: how often it was called.
        seconds: all calls together.
    """

    callback: str
    hook: str
    calls: int
    seconds: float

    @property
    def per_call(self) -> float:
        """Seconds of one call, on average."""
        return self.seconds / self.calls if self.calls else 0.0


class CallbackCosts:
    """What callbacks have taken so far; it grows while they are used.

    Example:
        >>> print(CallbackCosts({("Log", "on_epoch_end"): [2, 0.5]}).table())
        callback  hook          calls   total  per call
        Log       on_epoch_end      2  500 ms    250 ms
    """

    def __init__(self, spent: dict[tuple[str, str], list[Any]]) -> None:
        self._spent = spent

    def __iter__(self) -> Iterator[CallbackCost]:
        rows = [
            CallbackCost(name, hook, calls, took)
            for (name, hook), (calls, took) in self._spent.items()
            if calls
        ]
        return iter(sorted(rows, key=lambda row: -row.seconds))

    @property
    def seconds(self) -> float:
        """All of them together."""
        return float(sum(row.seconds for row in self))

    def table(self) -> str:
        """A table for people, the dearest first."""
        rows = [("callback", "hook", "calls", "total", "per call")]
        for one in self:
            times = seconds(one.seconds), seconds(one.per_call)
            rows.append((one.callback, one.hook, f"{one.calls}", *times))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        texts = 2  # what stands at the left; numbers stand at the right
        return "\n".join(
            "  ".join(
                cell.ljust(width) if place < texts else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )


def callback_costs(callbacks: Any) -> tuple[list[Any], CallbackCosts]:
    """The same callbacks with a clock each, and the report that the clocks write.

    Args:
        callbacks: one or a list.

    Returns:
        (callbacks, report). The callbacks do and hold what those that were given do and
        hold, and `isinstance` takes them for those; give them to `fit`.

    Raises:
        RecordError: something in it is no callback.

    Example:
        >>> callback_costs(None)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    callbacks=None (of type NoneType)
          expected: a Keras callback, or a list of them
    """
    found = callbacks_of("callback_costs()", "callbacks", callbacks)
    spent: dict[tuple[str, str], list[Any]] = {}
    seen: dict[str, int] = {}
    wrapped = []
    for one in found:
        name = one.__class__.__name__
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name} {seen[name]}"
        wrapped.append(_Timed(one, label, spent))
    return wrapped, CallbackCosts(spent)


class _Timed(KerasCallback):
    """A callback that does what another one does, and looks at the clock."""

    def __init__(
        self, inner: Any, label: str, spent: dict[tuple[str, str], list[Any]]
    ) -> None:
        hooks = {
            name: _timed(getattr(inner, name), spent, (label, name))
            for name in _HOOKS
            if hasattr(inner, name)
        }
        # Past __setattr__, which is the inner one's.
        vars(self).update({"_inner": inner, **hooks})

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        if name in own or name in ("__dict__", "__reduce__", "__reduce_ex__"):
            return own if name == "__dict__" else object.__getattribute__(self, name)
        if "_inner" not in own:  # it is being made
            return object.__getattribute__(self, name)
        return getattr(own["_inner"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_inner"], name, value)


def _timed(
    hook: Any, spent: dict[tuple[str, str], list[Any]], place: tuple[str, str]
) -> Any:
    row = None if _is_idle(hook) else spent.setdefault(place, [0, 0.0])
    if row is None:
        return hook

    def timed(*args: Any, **options: Any) -> None:
        begun = time.perf_counter()
        try:
            hook(*args, **options)
        finally:
            row[0] += 1
            row[1] += time.perf_counter() - begun

    if getattr(hook, _DEFAULT, False):
        setattr(timed, _DEFAULT, True)
    return timed


def _is_idle(hook: Any) -> bool:
    """Whether a hook does nothing: Keras' own, and the old name it calls is, too."""
    if not getattr(hook, _DEFAULT, False):
        return False
    name = hook.__name__
    old = name.replace("_train_", "_") if "_train_batch_" in name else name
    return bool(getattr(getattr(hook.__self__, old), _DEFAULT, False))
