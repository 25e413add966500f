"""The function that makes layers of one class and puts them where they belong."""

import inspect
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kerasplug.errors import LayerError
from kerasplug.implementation import is_stale
from kerasplug.wrapping.arguments import check_modifiers, construct
from kerasplug.wrapping.classes import (
    constructor,
    own_signature,
    register_class,
    resolve,
    short,
    target_name,
)
from kerasplug.wrapping.composing import check_target, compose, is_target
from kerasplug.wrapping.output_shape import ensure_output_shape

__all__ = ["LayerWrapper"]

# One for all wrappers, and never held while somebody's module is imported: an import
# in another thread may wait for a wrapper, and this one for that import.
_lock = threading.Lock()


class LayerWrapper:
    """What `create_layer_wrapper` returns.

    Call it as `wrapper(x, 32)`, `wrapper(32)` or `wrapper(32)(x)`: the first
    positional argument is what the layer is put on only where it is a model, a
    tensor, an array, or a group of them. `wrapper(object=x, units=32)` says it
    outright.

    It has the signature, the docstring and the annotations of the class, can be
    given in Keras' `custom_objects`, and named as a base of another class.
    """

    def __init__(
        self,
        layer_class: "type | str | LayerWrapper",
        modifiers: dict[str, Callable[[Any], Any]],
        name: str | None = None,
        *,
        register: bool = False,
    ) -> None:
        if isinstance(layer_class, LayerWrapper):
            layer_class = layer_class._target  # noqa: SLF001 -- of its own class
        module, self.__name__ = target_name(layer_class)
        self.__name__ = self.__qualname__ = name or self.__name__
        self.__module__ = module
        check_modifiers(modifiers, None)
        self._target: type | str = layer_class
        self._modifiers = modifiers
        self._register = register
        self._class: type | None = None
        if isinstance(layer_class, type):
            self._publish(resolve(layer_class))

    @property
    def layer_class(self) -> Any:
        """The wrapped class; imported when it is first asked for.

        Raises:
            LayerError: there is no such layer class, or the wrapper asks of it what
                it can't do.
        """
        if self._class is None or is_stale(self._class):
            cls = resolve(self._target)
            with _lock:
                if self._class is not cls:
                    self._publish(cls)
        return self._class

    def _publish(self, cls: type) -> None:
        check_modifiers(self._modifiers, cls)
        if self._register:
            register_class(cls)
        self._class = ensure_output_shape(cls)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """A layer, or what comes of putting it on the first argument."""
        cls = self.layer_class
        target, args = self._take_target(args, kwargs)
        if target is not None:
            check_target(target, cls)
        layer = construct(cls, self.__name__, args, kwargs, self._modifiers)
        return layer if target is None else compose(target, layer)

    def _take_target(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...]]:
        named = None
        if _TARGET not in own_signature(self.layer_class).parameters:
            named = kwargs.pop(_TARGET, None)
        if not args or not is_target(args[0]):
            return named, args
        if named is not None:
            what = f"{self.__name__}() got two things to be put on."
            raise LayerError(
                what,
                found=f"{short(args[0])} and object={short(named)}",
                mend="give one of them",
            )
        return args[0], args[1:]

    @property
    def from_config(self) -> Callable[..., Any]:
        """The class' own `from_config`, for which Keras asks a custom object."""
        method: Callable[..., Any] = self.layer_class.from_config
        return method

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (self.layer_class,)

    def __reduce__(self) -> tuple[Any, ...]:
        given = self._target, self._modifiers, self.__name__, self._register
        return _rebuild, given

    def __repr__(self) -> str:
        target = self._target
        if isinstance(target, type):
            target = f"{target.__module__}:{target.__qualname__}"
        return f"<layer wrapper {self.__name__} of {target}>"

    if not TYPE_CHECKING:  # else every misspelt attribute would pass the type checker

        def __getattr__(self, name: str) -> object:
            # Not properties: the class has a signature and annotations of its own.
            known = {
                "__signature__": _signature,
                "__annotations__": _annotations,
                "__globals__": _globals,
            }
            if name in known:
                return known[name](self.layer_class)
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)


def _rebuild(
    target: Any,
    modifiers: dict[str, Callable[[Any], Any]],
    name: str,
    register: bool,  # noqa: FBT001 -- pickle gives what __reduce__ returned, by position
) -> LayerWrapper:
    return LayerWrapper(target, modifiers, name, register=register)


class _Docs:
    """A docstring that is another one on instances: the wrapped class' own."""

    def __init__(self, of_class: str | None) -> None:
        self.of_class = of_class

    def __get__(self, instance: LayerWrapper | None, owner: type) -> str | None:
        if instance is None:
            return self.of_class
        return inspect.getdoc(instance.layer_class)


LayerWrapper.__doc__ = _Docs(LayerWrapper.__doc__)  # type: ignore[assignment]  # a descriptor that gives a string

_TARGET = "object"


class _LooseSignature(inspect.Signature):
    """A signature whose first parameter may be left out although others may not.

    Python can't write such a function, and `inspect` refuses the order.
    """

    __slots__ = ()

    def __init__(self, parameters: Any = None, *, return_annotation: Any = Any) -> None:
        super().__init__(
            parameters,
            return_annotation=return_annotation,
            __validate_parameters__=False,
        )


def _signature(cls: type) -> inspect.Signature:
    parameters = own_signature(cls).parameters
    taken = _TARGET in parameters
    first = inspect.Parameter(
        f"_{_TARGET}" if taken else _TARGET,
        inspect.Parameter.POSITIONAL_ONLY
        if taken
        else inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
    )
    return _LooseSignature([first, *parameters.values()])


def _annotations(cls: type) -> dict[str, Any]:
    return {**constructor(cls).__annotations__, "return": Any}


def _globals(cls: type) -> dict[str, Any]:
    """Where the names in annotations that are strings are looked up."""
    found: dict[str, Any] = constructor(cls).__globals__
    return found
