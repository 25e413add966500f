"""JAX: the devices that a model is spread over, and what lies how on them."""

from collections.abc import Iterable, Sequence
from typing import Any

from kerasplug.devices.naming import framework
from kerasplug.errors import DeviceError
from kerasplug.implementation import implementation

__all__ = ["Mesh", "require_alone"]

_ROWS = "batch"


class Mesh:
    """Some devices in a row.

    Args:
        devices: their names, such as `("gpu:0", "gpu:1")`.
    """

    def __init__(self, devices: Sequence[str]) -> None:
        keras = implementation().distribution
        self._jax = framework()  # asking for it takes longer than a batch may
        self._size = len(devices)
        self._mesh = keras.DeviceMesh((self._size,), [_ROWS], list(devices))
        self._layouts: dict[tuple[str | None, ...], Any] = {}
        #: Keras' own of these devices.
        self.distribution = keras.DataParallel(
            device_mesh=self._mesh, auto_shard_dataset=False
        )

    def lay_out(self, variables: Iterable[Any]) -> None:
        """Bring variables to every device, with their values, once and for all."""
        for variable in variables:
            layout = self._layout(None, len(variable.shape))
            if variable._layout is not layout:  # noqa: SLF001 -- Keras has no other way for a variable that exists
                variable._layout = layout  # noqa: SLF001 -- as above
                variable.assign(variable.value)

    def place(self, batch: Any) -> Any:
        """A batch on the devices: each thing split by rows, or whole on every device.

        Outside of a program JAX splits only what has as many rows for each device.
        """
        return implementation().tree.map_structure(self._placed, batch)

    def split(self, tensor: Any) -> Any:
        """A tensor split by rows over devices; in a program whatever their number."""
        if not isinstance(tensor, self._jax.core.Tracer):
            return self._placed(tensor)
        if not tensor.ndim:
            return tensor
        layout = self._layout(_ROWS, tensor.ndim)
        return implementation().distribution.distribute_tensor(tensor, layout)

    def _placed(self, one: Any) -> Any:
        if one is None:
            return None
        shape = one.shape if _is_dense(one) else ()
        rows = _ROWS if shape and shape[0] % self._size == 0 else None
        layout = self._layout(rows, len(shape))
        return self._jax.device_put(one, layout.backend_layout)

    def _layout(self, rows: str | None, dimensions: int) -> Any:
        axes = (rows, *[None] * (dimensions - 1)) if dimensions else ()
        if axes not in self._layouts:
            layout = implementation().distribution.TensorLayout(axes, self._mesh)
            self._layouts[axes] = layout
        return self._layouts[axes]


def _is_dense(one: Any) -> bool:
    """Whether it is one array; a sparse matrix is several."""
    return hasattr(one, "__array__") and hasattr(one, "shape")


def require_alone() -> None:
    """Refuse to spread a model while Keras spreads all by itself.

    Raises:
        DeviceError: so it does.
    """
    found = implementation().distribution.distribution()
    if found is not None:
        what = "Keras has a distribution already; two can't lay out the same model."
        mend = "keras.distribution.set_distribution(None), or leave it all to that one"
        raise DeviceError(what, found=repr(found), expected="none", mend=mend)
