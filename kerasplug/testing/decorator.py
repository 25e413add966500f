"""`requires_keras` as a decorator, for pytest, for unittest and for neither."""

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar, overload
from unittest import TestCase

from kerasplug.testing.requirement import Names, Requirement
from kerasplug.testing.skipping import settle

__all__ = ["requires_keras"]

_Test = TypeVar("_Test", bound=Callable[..., Any])


@overload
def requires_keras(version: _Test, /) -> _Test: ...


@overload
def requires_keras(
    version: str | None = None,
    *,
    implementation: Names = None,
    backend: Names = None,
    plugin: Names = None,
    gpus: int | None = None,
) -> Callable[[_Test], _Test]: ...


def requires_keras(version: Any = None, **needs: Any) -> Any:
    """Mark a test, or a class of tests, with the Keras that it needs.

    Where that is not there, the test skips; where it is broken, the test fails: as
    `skip_if_no_keras` decides it. Under pytest this is also the mark
    `pytest.mark.requires_keras`, so that the question comes before any fixture. It
    works as well under unittest, and without kerasplug's pytest plugin.

    Args:
        version: the version that the test needs: a specifier (">=3.15,<4"), or a
            plain version, which means "at least". Bare, `@requires_keras` takes any.
        **needs: `implementation`, `backend`, `plugin` and `gpus`, as
            `skip_if_no_keras` has them.

    Returns:
        The decorator. A function becomes one that asks first, a coroutine function
        stays one. A class stays the same class, and its tests ask first; one of
        unittest asks before its `setUpClass`.

    Raises:
        ImplementationError: now, not when the test runs: what it needs makes no
            sense.
        TypeError: an argument has another name; or it stands on what is no test, such
            as a number, or on a fixture: call `skip_if_no_keras` there.

    Example:
        >>> @requires_keras(">=3.4", backend=["jax", "torch"])
        ... def test_my_layer():
        ...     pass
    """
    if callable(version):
        return _decorated(version, Requirement.of(), (), {})
    needed = Requirement.of(version, **needs)
    arguments = () if version is None else (version,)
    return lambda test: _decorated(test, needed, arguments, needs)


def _decorated(
    test: Any, needed: Requirement, arguments: tuple[str, ...], needs: dict[str, Any]
) -> Any:
    if isinstance(test, type):
        _guard_class(test, needed)
    elif inspect.isfunction(test):
        test = _guarded(test, needed)
    else:
        message = (
            f"requires_keras stands on a test or a class of tests, not on {test!r}"
        )
        raise TypeError(message)
    return _marked(test, arguments, needs)


def _marked(test: Any, arguments: tuple[str, ...], needs: dict[str, Any]) -> Any:
    """The test with the mark, where somebody is there to read it.

    With `-p no:kerasplug` nobody has registered the mark, which may be an error.
    """
    plugin = sys.modules.get("_kerasplug_pytest")
    if plugin is None or not plugin.is_running():
        return test
    import pytest

    return pytest.mark.requires_keras(*arguments, **needs)(test)


def _guarded(test: Callable[..., Any], needed: Requirement) -> Callable[..., Any]:
    """The function, asking first."""
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def asking(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            settle(needed)
            return await test(*args, **kwargs)
    else:

        @functools.wraps(test)
        def asking(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            settle(needed)
            return test(*args, **kwargs)

    return asking


def _guard_class(cls: type, needed: Requirement) -> None:
    """Make the tests of a class ask first; for unittest also what sets it up."""
    for name in dir(cls):
        if name.startswith("test"):
            _guard_method(cls, name, needed)
    if issubclass(cls, TestCase):
        _guard_setup(cls, needed)


def _guard_method(cls: type, name: str, needed: Requirement) -> None:
    found = inspect.getattr_static(cls, name)
    if inspect.isfunction(found):
        setattr(cls, name, _guarded(found, needed))
    elif isinstance(found, staticmethod | classmethod):
        setattr(cls, name, type(found)(_guarded(found.__func__, needed)))


def _guard_setup(cls: type[TestCase], needed: Requirement) -> None:
    original = cls.setUpClass.__func__  # type: ignore[attr-defined]  # a classmethod, bound

    @functools.wraps(original)
    def asking(cls: type[TestCase]) -> None:
        __tracebackhide__ = True
        settle(needed)
        original(cls)

    cls.setUpClass = classmethod(asking)  # type: ignore[assignment, method-assign]  # what unittest calls
