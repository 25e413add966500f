"""A callback of plain functions."""

from collections.abc import Callable
from typing import Any, TypeAlias

from kerasplug.training.checking import Checked
from kerasplug.training.targets import made

__all__ = ["callback_lambda"]

#: A function for a hook; what it returns is not used.
Hook: TypeAlias = Callable[..., Any] | None


def callback_lambda(  # noqa: PLR0913, PLR0917 -- R's own signature
    on_epoch_begin: Hook = None,
    on_epoch_end: Hook = None,
    on_batch_begin: Hook = None,
    on_batch_end: Hook = None,
    on_train_batch_begin: Hook = None,
    on_train_batch_end: Hook = None,
    on_train_begin: Hook = None,
    on_train_end: Hook = None,
    on_predict_batch_begin: Hook = None,
    on_predict_batch_end: Hook = None,
    on_predict_begin: Hook = None,
    on_predict_end: Hook = None,
    on_test_batch_begin: Hook = None,
    on_test_batch_end: Hook = None,
    on_test_begin: Hook = None,
    on_test_end: Hook = None,
) -> Any:
    """Keras' `LambdaCallback`, of plain functions for any of its hooks.

    Nothing that is given is dropped; R dropped `on_predict_end`. The functions are
    called by position, so their arguments can have any names.

    Args:
        on_epoch_begin: a function of the epoch, from 0, and the numbers there are.
        on_epoch_end: alike.
        on_batch_begin: another name of `on_train_batch_begin`.
        on_batch_end: another name of `on_train_batch_end`.
        on_train_batch_begin: a function of the batch, from 0, and the numbers.
        on_train_batch_end: alike.
        on_train_begin: a function of the numbers.
        on_train_end: alike.
        on_predict_batch_begin: a function of the batch and the numbers.
        on_predict_batch_end: alike.
        on_predict_begin: a function of the numbers.
        on_predict_end: alike.
        on_test_batch_begin: a function of the batch and the numbers; `fit` calls it
            while it validates, too.
        on_test_batch_end: alike.
        on_test_begin: a function of the numbers.
        on_test_end: alike.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: something is no function of so many arguments; or one hook is given
            under both its names.

    Example:
        >>> callback_lambda(on_epoch_end=lambda logs: None)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    on_epoch_end=<function <lambda> at ...> (of type function)
          expected: a function of 2 (epoch, logs)

    Source: R interface to Keras 2.15, `callback_lambda()`.
    """
    check = Checked("callback_lambda()")
    given = {name: one for name, one in locals().items() if name.startswith("on_")}
    for short in ("on_batch_begin", "on_batch_end"):
        full = short.replace("on_", "on_train_")
        alias = given.pop(short)
        if alias is not None and given[full] is not None:
            rule = f"nothing: {full} is given, of which it is another name"
            raise check.wrong(alias, of=short, rule=rule)
        given[full] = given[full] if alias is None else alias
    hooks = {
        name: _hook(check, name, function)
        for name, function in given.items()
        if function is not None
    }
    return made("LambdaCallback", **hooks)


def _hook(check: Checked, name: str, function: Any) -> Callable[..., None]:
    """The function as Keras calls a hook of this name."""
    first = next((one for one in ("batch", "epoch") if f"_{one}_" in name), None)
    takes = ("logs",) if first is None else (first, "logs")
    check.function(name, function, *takes)

    def of_numbers(logs: Any = None) -> None:
        function(logs)

    def of_place(place: int, logs: Any = None) -> None:
        function(place, logs)

    return of_numbers if first is None else of_place
