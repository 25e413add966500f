"""What a layer is called on: from shapes or from data, in any number of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasplug.errors import CheckSetupError
from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.structures import flatten, mapped

__all__ = ["Inputs", "Spec"]


@dataclass(frozen=True)
class Spec:
    """One input: its shape, batch included, its dtype, and its data where given."""

    shape: tuple[int, ...]
    dtype: str
    number: int
    given: Any = None


class Inputs:
    """The inputs of a layer: `data()` makes them.

    Args:
        shape: one shape, batch included, or a list, tuple or dict of shapes.
        data: arrays in place of shapes, in the same structures.
        dtype: one dtype, or as many as shapes. Default "float32", or that of the data.
        bounds: `(low, high)` of the values that are made; integers are below `high`.

    Raises:
        CheckSetupError: neither or both of shape and data; a shape that is none.
    """

    def __init__(
        self, shape: Any, data: Any, dtype: Any, bounds: tuple[float, float] | None
    ) -> None:
        self._numbers = iter(range(1_000))
        self.bounds: tuple[Any, Any] = bounds or (None, None)
        if (shape is None) == (data is None):
            what = "A layer is checked on one of input_shape and input_data."
            raise CheckSetupError(
                what,
                found="both" if data is not None else "neither",
                mend="input_shape=(2, 8): two rows of eight numbers",
            )
        self._check_bounds()
        self.specs: Any = (
            self._of_shapes(shape, dtype)
            if data is None
            else self._of_data(data, dtype)
        )

    def _check_bounds(self) -> None:
        low, high = self.bounds
        if None not in (low, high) and not low < high:
            what = "There is no value within input_bounds."
            raise CheckSetupError(
                what, found=f"{self.bounds}", expected="(low, high) with low < high"
            )

    def _of_shapes(self, shape: Any, dtype: Any) -> Any:
        if isinstance(shape, Mapping):
            return {
                key: self._of_shapes(one, _part(dtype, key))
                for key, one in shape.items()
            }
        if isinstance(shape, list | tuple) and any(
            isinstance(one, list | tuple | Mapping) for one in shape
        ):
            parts = [
                self._of_shapes(one, _part(dtype, number))
                for number, one in enumerate(shape)
            ]
            return parts if isinstance(shape, list) else tuple(parts)
        return Spec(_checked(shape), _name(dtype) or "float32", next(self._numbers))

    def _of_data(self, data: Any, dtype: Any) -> Any:
        if isinstance(data, Mapping):
            return {
                key: self._of_data(one, _part(dtype, key)) for key, one in data.items()
            }
        if isinstance(data, list | tuple):
            parts = [
                self._of_data(one, _part(dtype, number))
                for number, one in enumerate(data)
            ]
            return parts if isinstance(data, list) else tuple(parts)
        found = arrays.as_array(data)
        name = _name(dtype) or str(found.dtype)
        if found.dtype.kind in "SUO":
            name = "string"
        return Spec(_checked(found.shape), name, next(self._numbers), found)

    @property
    def batch(self) -> int:
        """The number of rows that the shapes have."""
        return int(flatten(self.specs)[0].shape[0])

    def data(
        self,
        batch: int | None = None,
        *,
        variant: int = 0,
        dtype: str | None = None,
        sizes: Mapping[int, int] | None = None,
    ) -> Any:
        """Arrays in the inputs' structure.

        Args:
            batch: number of rows. Default: as the shapes say.
            variant: another number gives other values.
            dtype: what float inputs are cast to. Default: as they are.
            sizes: other sizes by axis, for all inputs that have this axis.
        """
        return mapped(
            lambda spec: self._array(spec, batch, variant, dtype, sizes or {}),
            self.specs,
        )

    def _array(
        self,
        spec: Spec,
        batch: int | None,
        variant: int,
        dtype: str | None,
        sizes: Mapping[int, int],
    ) -> Any:
        count = spec.shape[0] if batch is None else batch
        if spec.given is not None:
            found = arrays.rows(spec.given, count, shift=variant)
            for axis, size in sizes.items():
                if axis < found.ndim:
                    found = arrays.cut(found, axis, size)
        else:
            shape = [sizes.get(axis, size) for axis, size in enumerate(spec.shape)]
            low, high = self.bounds
            # Rows are made one by one: the first ones are the same in each batch.
            found = arrays.random(
                (count, *shape[1:]),
                spec.dtype,
                seed=(spec.number, variant),
                low=low,
                high=high,
            )
        return found.astype(dtype) if dtype and found.dtype.kind == "f" else found


def _part(dtype: Any, key: Any) -> Any:
    if isinstance(dtype, Mapping | list | tuple):
        try:
            return dtype[key]
        except (KeyError, IndexError, TypeError):
            what = f"input_dtype has nothing for the input {key!r}."
            raise CheckSetupError(
                what,
                found=f"input_dtype={dtype!r}",
                expected="one dtype, or the structure of input_shape",
            ) from None
    return dtype


def _name(dtype: Any) -> str:
    return "" if dtype is None else str(getattr(dtype, "name", dtype))


def _checked(shape: Any) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, list | tuple) else ()
    if sizes and all(isinstance(one, int) and one > 0 for one in sizes):
        return sizes
    what = "An input shape is a tuple of sizes, the number of rows first."
    raise CheckSetupError(
        what,
        found=repr(shape),
        expected="positive ints; unknown sizes are tried by the checks themselves",
        mend="for example input_shape=(2, 8), or a list or dict of such shapes",
    )
