from typing import Any, TypeAlias

from . import keras as keras

__all__ = ["Array", "DType", "Shape", "Tensor", "keras"]

Tensor: TypeAlias = Any
Array: TypeAlias = Any
DType: TypeAlias = str
Shape: TypeAlias = tuple[int | None, ...]
