"""`virtual_devices`: one processor as several devices, before the engine starts.

Source: `tf.config.set_logical_device_configuration`; the option `jax_num_cpu_devices`
of JAX, which goes before `--xla_force_host_platform_device_count` in XLA_FLAGS.
"""

import importlib
import operator
from collections.abc import Callable
from typing import Any

from kerasplug._frameworks import examine_backend
from kerasplug.errors import DeviceError
from kerasplug.implementation import backend as backend_in_use
from kerasplug.implementation import first_user, loaded

__all__ = ["virtual_devices"]

_TITLES = {"jax": "JAX", "tensorflow": "TensorFlow"}


def virtual_devices(n: int, *, backend: str | None = None) -> tuple[str, ...]:
    """Divide the processor into several devices, to try out what needs several.

    Nothing gets faster by it: they share the cores and the memory. It has to come
    before the engine starts, which is with the first variable, array or list of
    devices; that Keras or the engine is imported does no harm. It imports the engine,
    and does not start it. Until then a new number replaces the former one, also that
    of XLA_FLAGS, which stays as it is.

    Args:
        n: how many devices, 1 or more.
        backend: `"tensorflow"` or `"jax"`. None: the backend in use, or the one that
            would be.

    Returns:
        Their names, `"cpu:0"` to `f"cpu:{n - 1}"`. GPUs stay beside them. Where several
        processes compute together JAX has other numbers: see `available_devices`.

    Raises:
        DeviceError: it is too late: the engine has started with another number of
            devices; it says with which. Or `n` is no such number; the backend has no
            virtual devices; or the processor is hidden from it. It is a `ValueError`.
        KerasMissingError: the engine is not installed.
        KerasBrokenError: it can't be imported.

    Guarantees:
        After an error nothing has changed. With the number that there is already, it
        is never too late. Processes that this one starts have one device again.

    Example:
        >>> virtual_devices(0)
        Traceback (most recent call last):
        kerasplug.errors.DeviceError: The processor can't be divided into 0 devices.
          found:    n=0
          expected: a whole number, 1 or more
    """
    count = _count(n)
    name = backend_in_use() if backend is None else backend
    divide = _DIVIDE.get(name) if isinstance(name, str) else None
    if divide is None:
        message = f"The backend {name} has no virtual devices."
        mend = 'kerasplug.use_backend("jax") before Keras is imported'
        raise DeviceError(message, expected="tensorflow or jax", mend=mend)
    installed = examine_backend(name)
    if not installed:
        raise installed.error()
    divide(importlib.import_module(name), count)
    return tuple(f"cpu:{number}" for number in range(count))


def _count(n: Any) -> int:
    """How many; NumPy's integers are numbers as well, and True is none."""
    try:
        count = 0 if isinstance(n, bool) else operator.index(n)
    except TypeError:
        count = 0
    if count < 1:
        message = f"The processor can't be divided into {n!r} devices."
        expected = "a whole number, 1 or more"
        raise DeviceError(message, found=f"n={n!r}", expected=expected)
    return count


def _divide_tensorflow(tensorflow: Any, count: int) -> None:
    config = tensorflow.config
    processors = config.get_visible_devices("CPU")
    if not processors:
        raise _hidden(tensorflow, 'tf.config.set_visible_devices([], "CPU")')
    parts = [config.LogicalDeviceConfiguration() for _ in range(count)]
    try:
        config.set_logical_device_configuration(processors[0], parts)
    except RuntimeError as error:
        there = [one.name for one in config.list_logical_devices("CPU")]
        if len(there) != count:
            raise _too_late(tensorflow, len(there), count) from error


def _divide_jax(jax: Any, count: int) -> None:
    platforms = jax.config.jax_platforms or "cpu"
    if "cpu" not in platforms.split(","):
        raise _hidden(jax, f"JAX_PLATFORMS={platforms}")
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError as error:
        there = len(jax.local_devices(backend="cpu"))
        if there != count:
            raise _too_late(jax, there, count) from error
    except AttributeError as error:
        raise _too_old(jax, count) from error


def _too_old(jax: Any, count: int) -> DeviceError:
    message = "This JAX is too old for virtual devices that a program asks for."
    return DeviceError(
        message,
        found=f"jax {jax.__version__}",
        expected="jax 0.5 or newer",
        mend=f"export XLA_FLAGS=--xla_force_host_platform_device_count={count}",
    )


def _hidden(engine: Any, how: str) -> DeviceError:
    title = _TITLES[engine.__name__]
    message = f"The processor is hidden from {title}, so it can't be divided."
    return DeviceError(message, found=how, expected="a processor that is visible")


def _too_late(engine: Any, there: int, count: int) -> DeviceError:
    names = ", ".join(f"cpu:{number}" for number in range(there))
    title = _TITLES[engine.__name__]
    who = first_user() if loaded() else ""
    first = f"; Keras was used first by {who}" if who else ""
    message = f"Too late for {count} virtual devices: {title} has started."
    return DeviceError(
        message,
        found=f"these devices exist: {names}{first}",
        expected="virtual_devices() before anything is created or computed",
        mend=f"call virtual_devices({count}) earlier, or in a new process",
    )


_DIVIDE: dict[str, Callable[[Any, int], None]] = {
    "jax": _divide_jax,
    "tensorflow": _divide_tensorflow,
}
