"""The output shape of layers whose class has no method to tell it."""

import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from kerasplug.errors import LayerError
from kerasplug.wrapping.classes import is_keras_own, is_layer_class, short

__all__ = ["ensure_output_shape"]


class _NoShapeError(LayerError, NotImplementedError):
    """The output shape can't be derived; Keras looks for a NotImplementedError."""


def ensure_output_shape(cls: type) -> type:
    """`cls` itself, with a derived `compute_output_shape` where it has none.

    Keras 3 can't put a layer without that method into a `TimeDistributed`. The
    derived one asks the layer's own `call`, symbolically. Keras goes on to treat the
    class as one without the method: its output specs and dtypes don't change, and
    files neither.

    Args:
        cls: any class. Only layers on Keras 3 that are not Keras' own are changed,
            once; Keras 2 derives shapes by itself.
    """
    own = getattr(cls, "compute_output_shape", None)
    wants = getattr(own, "_is_default", False) and own is not _derived_output_shape
    if wants and is_layer_class(cls) and not is_keras_own(cls):
        cls.compute_output_shape = _derived_output_shape  # type: ignore[attr-defined]  # every layer class has it
    return cls


def _derived_output_shape(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Shape of what the layer returns for inputs of these shapes.

    The layer is built for these shapes if it isn't yet, as in Keras 2.
    """
    shapes = _shapes_by_argument(self, args, kwargs)
    _build(self, shapes)
    failure: Exception | None = None
    for dtype in _dtypes(self):
        # The first by position: a compute_output_spec() may call it otherwise.
        first, *others = ((name, _tensors(shapes[name], dtype)) for name in shapes)
        named = {**dict(others), **_context(self, shapes)}
        try:
            outputs = self.compute_output_spec(first[1], **named)
        except Exception as error:  # noqa: BLE001 -- a layer's call() raises whatever it likes; it is the cause below
            failure = failure or error
        else:
            return _shapes(outputs)
    what = (
        f"The output shape of layer {self.name!r} (of type {type(self).__name__}) "
        "can't be derived from its call()."
    )
    raise _NoShapeError(
        what,
        found=f"input shapes {shapes}, and {short(failure, 300)}",
        mend="give the class a method compute_output_shape(self, input_shape)",
    ) from failure


# This mark makes Keras go on as if the class had no such method of its own.
_derived_output_shape.__dict__["_is_default"] = True


def _shapes_by_argument(
    layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Argument of `call` -> shape.

    `foo_shape` belongs to `foo`; a shape alone belongs to the first argument.
    """
    names = [
        name for name in inspect.signature(layer.call).parameters if name != "mask"
    ]
    if len(args) + len(kwargs) == 1:
        return {
            next(iter(names), "inputs"): args[0]
            if args
            else next(iter(kwargs.values()))
        }
    if not args and not kwargs:
        message = f"{type(layer).__name__} needs the shape of its input."
        raise TypeError(message)
    given = dict(zip(names, args, strict=False))
    named = {name.removesuffix("_shape"): shape for name, shape in kwargs.items()}
    return {**given, **named}


def _build(layer: Any, shapes: Mapping[str, Any]) -> None:
    # A layer that has no build() of its own is built by Keras while call() is traced.
    if layer.built or getattr(layer.build, "_is_default", False):
        return
    parameters = inspect.signature(layer.build).parameters
    if len(parameters) == 1:
        layer.build(next(iter(shapes.values())))
    else:
        layer.build(
            **{name: shapes[name.removesuffix("_shape")] for name in parameters}
        )


def _dtypes(layer: Any) -> Iterator[str]:
    """The dtypes to try: the layer's own, then the one of an embedding's input."""
    yield layer.compute_dtype or "float32"
    yield "int32"


def _context(layer: Any, shapes: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the arguments of `call` that Keras itself would fill in."""
    filled = {"training": False, "mask": None}
    parameters = inspect.signature(layer.call).parameters
    return {
        name: value
        for name, value in filled.items()
        if name in parameters
        and name not in shapes
        and parameters[name].default is inspect.Parameter.empty
    }


def _tensors(shape: Any, dtype: str) -> Any:
    """Symbolic tensors in the same arrangement as the shapes."""
    if isinstance(shape, Mapping):
        return {key: _tensors(item, dtype) for key, item in shape.items()}
    if isinstance(shape, list | tuple) and not all(map(_is_dimension, shape)):
        return type(shape)(_tensors(item, dtype) for item in shape)
    return sys.modules["keras"].KerasTensor(tuple(shape), dtype=dtype)


def _is_dimension(value: object) -> bool:
    return value is None or hasattr(value, "__index__")


def _shapes(outputs: Any) -> Any:
    """The shapes of `outputs` in the same arrangement."""
    if isinstance(outputs, Mapping):
        return {key: _shapes(item) for key, item in outputs.items()}
    if isinstance(outputs, list | tuple):
        return type(outputs)(map(_shapes, outputs))
    return None if outputs is None else tuple(outputs.shape)
