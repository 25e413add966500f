"""`device_scope`: what is created or computed in a block is on a device that is there.

Source: `keras.device` of keras 3.15.1, which is `tf.device`, `jax.default_device`, or
on PyTorch the device that Keras itself takes for new tensors.
"""

import threading
from types import TracebackType
from typing import Any

from kerasplug.devices.listing import existing
from kerasplug.implementation import implementation

__all__ = ["DeviceScope", "device_scope"]


class DeviceScope:
    """What `device_scope` gives: a context manager, to be used as often as you like.

    Args:
        device: a canonical name, of a device that is there.

    Example:
        >>> DeviceScope("cpu:0")
        device_scope('cpu:0')
    """

    def __init__(self, device: str) -> None:
        self.device = device
        # Each thread leaves what it has entered itself, in the opposite order.
        self._entered = _Entered()

    def __enter__(self) -> str:
        scope = implementation().device(self.device)
        scope.__enter__()
        self._entered.scopes.append(scope)
        return self.device

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entered.scopes.pop().__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"device_scope({self.device!r})"


class _Entered(threading.local):
    """The scopes of Keras that a thread is in."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []


def device_scope(name: str | int) -> DeviceScope:
    """A block in which things are created and computed on one device.

    It is `keras.device` for a device that is known to be there; TensorFlow by itself
    takes any name, and computes on the processor where there is no such device. The
    scope holds for the thread that is in it. Of nested scopes the inner one counts.

    Everywhere: variables lie where they are created, so the weights of a layer are
    where it is first built; and **calling a layer on a `keras.Input` computes
    nothing**. So a scope around it places the weights at most, and not what the model
    does later: see `place` for that. What else a scope means is up to the engine:

    - *TensorFlow*: each operation that is run in the block, wherever its inputs lie,
      and all of a compiled step that is called from there: `fit` in a block computes
      on its device. In a `call`, the operations in the block are on the device also
      when a step is compiled from it; those of their gradients are not. With
      `jit_compile=True` neither are: that compiles a step for one device.
    - *JAX*: the default device. What is computed from NumPy's arrays, and from what was
      created by default itself, is there; arrays that were put on a device stay on
      theirs. A compiled step that is called in the block runs there as a whole, and
      `fit` moves the weights there. A scope *inside* a compiled step, in a `call`
      under `fit`, places nothing: a step is one program for the same devices.
    - *PyTorch*: what Keras creates and converts. Keras' operations copy their inputs
      and weights to the device of the scope; PyTorch's own compute where their inputs
      lie. This is what the source says, it was not run on GPUs.
    - *NumPy*, *OpenVINO*: nothing; there is `"cpu:0"` only.

    Args:
        name: the device, in any spelling: `"gpu:0"`, `"/gpu:0"`, `"/device:GPU:1"`,
            `"cuda:1"`, `"cpu"`, or the number of a GPU.

    Returns:
        A context manager; `with … as device` gives the canonical name. Keras and its
        engine are started at once, see `available_devices`.

    Raises:
        DeviceError: it is not the name of a device; there is no such device: it says
            which there are; or Keras is not Keras 3. It is a `ValueError`.
        KerasMissingError: there is no Keras.

    Example:
        >>> with device_scope("/CPU:0") as device:
        ...     print(device)
        cpu:0

    Source: `with(tf$device("/gpu:0"), …)` in R.
    """
    (device,) = existing([name])
    return DeviceScope(device)
