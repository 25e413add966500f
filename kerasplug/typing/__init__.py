"""Types for authors: Keras as type checkers see it, and names for its values.

A package writes

    import kerasplug
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from kerasplug.typing import keras
    else:
        keras = kerasplug.implementation()

    class GatedDense(keras.layers.Layer): ...

and `mypy --strict` knows what it subclasses. The stubs beside this file describe what
authors subclass, override and call; the rest of Keras is `Any`.

At run time `keras` is the lazy module, and the other names are only names.
"""

from typing import Any

__all__ = ["Array", "DType", "Shape", "Tensor", "keras"]

#: A tensor of whatever backend, symbolic or not.
Tensor = Any

#: A NumPy array, or what NumPy makes one of.
Array = Any

#: The name of an element type: "float32", "int64", "bool".
DType = str

#: Sizes by dimension; None where a size is not known yet.
Shape = tuple[int | None, ...]


def __getattr__(name: str) -> object:
    if name == "keras":
        from kerasplug.implementation import implementation

        return implementation()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
