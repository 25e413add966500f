"""Which devices there are, as the backend in use sees them.

Source: `tf.config.list_logical_devices`, `jax.local_devices`, `torch.cuda` and the
like; keras 3.15.1, which computes on one processor with NumPy and with OpenVINO.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerasplug._frameworks.devices import gpus_among
from kerasplug.devices.naming import canonical, framework, kind_of, refuse_older
from kerasplug.errors import DeviceError, KerasplugError
from kerasplug.implementation import backend, implementation

__all__ = ["available_devices", "existing"]


def available_devices(kind: str | None = None) -> tuple[str, ...]:
    """What the backend in use can compute on here.

    This starts Keras and its engine: it is too late for `virtual_devices` and
    `use_backend` afterwards. What CUDA_VISIBLE_DEVICES and the like hide is not there,
    and engines number the rest from 0 on: with CUDA_VISIBLE_DEVICES=2,3 the GPUs are
    `"gpu:0"` and `"gpu:1"`.

    Args:
        kind: `"gpu"`, `"cpu"` or `"tpu"`: only those. GPUs are also those of Apple
            (`"mps:0"`) and of Intel (`"xpu:0"`). None: all.

    Returns:
        Their names as `keras.device` takes them, such as `("gpu:0", "gpu:1", "cpu:0")`:
        the processor last. Of several processes that compute together only this one's
        count; JAX numbers them through, so that they need not begin with 0.

    Raises:
        DeviceError: there is no such kind of device; the backend lists none, or can't
            start; or Keras is not Keras 3. It is a `ValueError`.
        KerasMissingError: there is no Keras.

    Example:
        >>> available_devices("cpu")[0]
        'cpu:0'
    """
    kind = None if kind is None else kind_of(kind)
    names = list(dict.fromkeys(_listed()))
    processors = [name for name in names if name.startswith("cpu:")]
    found = [name for name in names if name not in processors] + processors
    if kind == "gpu":
        return tuple(gpus_among(found))
    return tuple(name for name in found if kind in (None, name.partition(":")[0]))


def existing(names: Sequence[str | int]) -> tuple[str, ...]:
    """The canonical names of devices that are all there.

    Args:
        names: devices in any spelling, see `canonical`; one may come several times.

    Returns:
        As many names, in the same order.

    Raises:
        DeviceError: one is not the name of a device, or the device is not there; it
            says which, and what there is.

    Example:
        >>> existing(["/cpu:0", "CPU"])
        ('cpu:0', 'cpu:0')
    """
    asked = [names] if isinstance(names, str | int) else list(names)
    found = [canonical(name) for name in asked]
    there = available_devices()
    missing = [name for name in dict.fromkeys(found) if name not in there]
    if missing:
        what = "is no device" if len(missing) == 1 else "are no devices"
        message = f"There {what} {', '.join(missing)} for the backend {backend()}."
        raise DeviceError(
            message,
            found=f"available: {', '.join(there)}",
            expected="names of available devices",
            mend=_advice(missing),
        )
    return tuple(found)


def _advice(missing: list[str]) -> str:
    """How there come to be more, if there is a way."""
    if any(not name.startswith("cpu:") for name in missing):
        return "name those; for GPUs the engine has to be a build that uses them"
    if backend() in ("jax", "tensorflow"):
        return "kerasplug.virtual_devices(n) before anything is computed"
    return "name those"


def _listed() -> Iterator[str]:
    refuse_older()
    implementation().device  # noqa: B018 -- the access starts Keras
    ask = _ASK.get(backend(), _told_by_keras)
    try:
        yield from list(ask())
    except KerasplugError:
        raise
    except Exception as error:  # an engine that can't start says so in its own words
        message = f"The backend {backend()} lists no devices."
        found = f"{type(error).__name__}: {error}"
        raise DeviceError(message, found=found) from error


def _on_tensorflow() -> Iterator[str]:
    for one in framework().config.list_logical_devices():
        if one.device_type != "TPU_SYSTEM":  # what sets up TPUs, and computes nothing
            yield ":".join(one.name.lower().split(":")[-2:])


def _on_jax() -> Iterator[str]:
    jax = framework()
    for one in [*jax.local_devices(), *_processors(jax)]:
        yield f"{one.platform.lower()}:{one.id}"


def _processors(jax: Any) -> list[Any]:
    """The processor, which JAX does not list beside what is faster."""
    try:
        return list(jax.local_devices(backend="cpu"))
    except RuntimeError:  # JAX_PLATFORMS leaves it out
        return []


def _on_torch() -> Iterator[str]:
    torch = framework()
    yield from (f"gpu:{number}" for number in range(torch.cuda.device_count()))
    if torch.backends.mps.is_available():
        yield "mps:0"
    if hasattr(torch, "xpu"):
        yield from (f"xpu:{number}" for number in range(torch.xpu.device_count()))
    yield "cpu:0"


def _on_the_processor() -> Iterator[str]:
    yield "cpu:0"


def _told_by_keras() -> Iterator[str]:
    """What a backend in a package tells Keras, which has no more to ask."""
    yield from map(str, implementation().distribution.list_devices())


_ASK: dict[str, Callable[[], Iterator[str]]] = {
    "jax": _on_jax,
    "numpy": _on_the_processor,
    "openvino": _on_the_processor,
    "tensorflow": _on_tensorflow,
    "torch": _on_torch,
}
