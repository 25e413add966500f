"""Classes that become callbacks of Keras when the first of them is made.

So they can be imported where there is no Keras.
"""

import functools
from typing import Any

from kerasplug._frameworks import refuse_newer
from kerasplug.errors import ImplementationError
from kerasplug.implementation import implementation

__all__ = ["KerasCallback", "based_on", "callback_class", "is_callback", "plain_class"]


class KerasCallback:
    """A class whose instances are callbacks of the Keras in use.

    A subclass defines the hooks that it needs, as for Keras; its first instance imports
    Keras. What a static method `_checked` says to the arguments comes before that.
    Instances can be copied and pickled where what they hold can.

    Example:
        >>> issubclass(KerasCallback, object)
        True
    """

    def __new__(cls, *arguments: Any, **options: Any) -> Any:  # noqa: D102 -- the class' docstring tells it
        plain: Any = cls
        # Of this very class: one made of it may have other arguments.
        check = vars(vars(cls).get("_plain", cls)).get("_checked")
        if check is not None and (arguments or options):
            check(*arguments, **options)  # before Keras is imported
        return object.__new__(based_on(plain, callback_class("Callback")))

    def __reduce__(self) -> tuple[Any, ...]:
        # The class that Keras' is a base of has no place to be imported from.
        return _again, (plain_class(self), vars(self))


def _again(plain: Any, state: dict[str, Any]) -> Any:
    one = plain.__new__(plain)
    vars(one).update(state)
    return one


def plain_class(one: object) -> Any:
    """The class that an instance was asked of, as it can be imported."""
    return vars(type(one)).get("_plain", type(one))


def based_on(cls: Any, base: Any) -> Any:
    """The class `cls` as a subclass of `base`; `cls` itself, where it is one already.

    Args:
        cls: a class that is written without a base of Keras.
        base: the class of Keras that comes after it.

    Example:
        >>> class Loud:
        ...     def say(self):
        ...         return super().say().upper()
        >>> class Quiet:
        ...     def say(self):
        ...         return "psst"
        >>> based_on(Loud, Quiet)().say()
        'PSST'
    """
    return cls if issubclass(cls, base) else _joined(cls, base)


@functools.lru_cache(maxsize=128)
def _joined(cls: Any, base: Any) -> Any:
    """One class for each pair: a process can come to have several Kerases."""
    about = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "_plain": cls,
    }
    return type(cls.__name__, (cls, base), about)


def callback_class(name: str) -> Any:
    """A callback class of the Keras in use.

    Args:
        name: such as `"EarlyStopping"`.

    Raises:
        ImplementationError: this Keras has none of that name.
        KerasVersionError: so it is, and it is older than Keras 3.
    """
    keras = implementation()
    found = getattr(keras.callbacks, name, None)
    if found is None:
        refuse_newer(name)
        what = f"This Keras has no callback {name}."
        raise ImplementationError(
            what,
            found=f"{keras.__name__} {keras.__version__}",
            expected="Keras 3",
            mend='python -m pip install "keras>=3.15.1"',
        )
    return found


def is_callback(thing: object) -> bool:
    """Whether it is a callback of some Keras.

    Example:
        >>> is_callback(print)
        False
    """
    names = {base.__name__ for base in type(thing).__mro__}
    names |= {base.__name__ for base in getattr(thing.__class__, "__mro__", ())}
    return "Callback" in names and hasattr(thing, "on_epoch_end")
