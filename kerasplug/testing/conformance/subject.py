"""Which layer is meant: a class, the name of one, or a function that makes one."""

import inspect
from collections.abc import Mapping
from typing import Any

from kerasplug.errors import CheckSetupError, KerasplugError
from kerasplug.wrapping.arguments import construct
from kerasplug.wrapping.classes import (
    is_a,
    is_keras_own,
    is_layer_class,
    resolve,
    short,
)

__all__ = ["Subject", "label_of"]


def label_of(layer: Any) -> str:
    """How a layer is called in ids, before anything is imported."""
    if isinstance(layer, str):
        return layer.rpartition(":")[2].rpartition("/")[2]
    return str(getattr(layer, "__name__", None) or type(layer).__name__)


class Subject:
    """A layer class with the arguments it is made with, or a factory of layers.

    Args:
        layer: a class, the name of one, or a callable that returns a new layer.
        arguments: the arguments of the constructor, or of the factory.

    Raises:
        CheckSetupError: it is none of these; an instance; an abstract class.
        KerasplugError: the name can't be resolved, as `kerasplug.layers[name]` says.
    """

    def __init__(self, layer: Any, arguments: Mapping[str, Any]) -> None:
        self.arguments = dict(arguments)
        self.label = label_of(layer)
        self.factory = None
        if isinstance(layer, str) or is_layer_class(layer):
            self.cls = resolve(layer)
            self._refuse_abstract()
        elif (
            callable(layer) and not isinstance(layer, type) and not is_a(layer, "Layer")
        ):
            self.factory = layer
            self.cls = type(self.first())
        else:
            self._refuse(layer)

    def _refuse(self, layer: Any) -> None:
        instance = is_a(layer, "Layer")
        what = "A layer is checked by its class, not by one instance of it."
        raise CheckSetupError(
            what if instance else f"{short(layer)} is no layer class.",
            found=short(layer),
            expected="a layer class, a name in the catalog, 'module:Class', or a "
            "function that makes a new layer at each call",
            mend=f"give {type(layer).__name__} and init_kwargs={{...}}; or lambda: "
            f"{type(layer).__name__}(...)"
            if instance
            else "",
        )

    def _refuse_abstract(self) -> None:
        missing = sorted(getattr(self.cls, "__abstractmethods__", ()))
        own = [base for base in self.cls.__mro__ if "call" in vars(base)]
        if own and is_a_base(own[0]):
            missing.append("call")
        if missing:
            what = f"{self.cls.__name__} is an abstract layer."
            raise CheckSetupError(
                what,
                found=f"no {' and no '.join(missing)} of its own",
                expected="a class whose layers can be called",
                mend="check its subclasses",
            )

    def make(self, **changes: Any) -> Any:
        """A new layer, with other values for some arguments.

        Raises:
            Exception: whatever the constructor raises.
        """
        if self.factory is not None:
            return self._from_factory(changes)
        return self.cls(**{**self.arguments, **changes})

    def _from_factory(self, changes: Mapping[str, Any]) -> Any:
        assert self.factory is not None
        return self.factory(**{**self.arguments, **changes})

    def first(self) -> Any:
        """The first layer: when it can't be made, the call is to blame.

        Raises:
            CheckSetupError: the constructor refuses the arguments.
        """
        try:
            if self.factory is None:
                # Says which argument is unknown, and what it may have meant.
                construct(self.cls, self.label, (), self.arguments)
            made = self.make()
        except Exception as error:
            what = f"{self.label} can't be made with these arguments."
            raise CheckSetupError(
                what,
                found=f"{type(error).__name__}: {error}"
                if not isinstance(error, KerasplugError)
                else str(error),
                expected=f"arguments that it takes: {self._signature()}",
                mend="correct init_kwargs: so far nothing was said about the layer",
            ) from error
        if is_a(made, "Layer"):
            return made
        what = f"{self.label} makes no layer."
        raise CheckSetupError(what, found=short(made), expected="a Keras layer")

    def _signature(self) -> str:
        try:
            return f"{self.label}{inspect.signature(self.factory or self.cls)}"
        except (TypeError, ValueError):
            return self.label


def is_a_base(cls: type) -> bool:
    """Whether a class is Keras' own root of all layers, whose `call` is none."""
    return cls.__name__ in ("Layer", "Operation") and is_keras_own(cls)
