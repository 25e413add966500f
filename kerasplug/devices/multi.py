"""`multi_gpu_model`: one model, each device with a part of the batch."""

import importlib
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal

from kerasplug.callers import level_outside
from kerasplug.devices.listing import available_devices, existing
from kerasplug.devices.parallel import Parallel, parallel
from kerasplug.devices.relocating import relocate
from kerasplug.errors import DeviceError, KerasplugWarning, RecordError
from kerasplug.implementation import backend, family_of
from kerasplug.models.kinds import require_model

__all__ = ["multi_gpu_model"]

OnSingle = Literal["error", "warn", "return"]

_BACKENDS = ("tensorflow", "jax", "torch")


def multi_gpu_model(
    model: Any,
    gpus: int | Sequence[int | str] | None = None,
    cpu_merge: bool = True,  # noqa: FBT001, FBT002 -- the R interface's signature
    cpu_relocation: bool = False,  # noqa: FBT001, FBT002 -- the R interface's signature
    *,
    on_single: OnSingle = "error",
    sync_batch_norm: bool = False,
) -> Any:
    """A model that several devices compute, each a slice of every batch.

    It has the weights of `model`, its template, and no others: training it trains the
    template, and loading weights into one loads them into both. Whatever the number
    of devices and of rows, what comes out is what the template alone would give.

    Args:
        model: a model of Keras 3, compiled or not, built or not.
        gpus: how many GPUs, the first ones; or which, by number or name: `[0, 2]`,
            `["gpu:0", "gpu:1"]`, `["cpu:0", "cpu:1"]` for virtual devices. None or 0:
            all that this process sees.
        cpu_merge: whether outputs are put together in the host's memory; False: on
            the first device, for GPUs that have fast ways to one another. TensorFlow
            and PyTorch only: JAX leaves the parts where they are.
        cpu_relocation: whether the weights are moved to the host's memory first, where
            all devices read them. They keep their values, and `model` stays the
            template. TensorFlow only; without effect elsewhere.
        on_single: what happens with fewer than two devices: `"error"`; `"return"`:
            `model` comes back as it is; `"warn"`: likewise, with a warning.
        sync_batch_norm: whether batch normalization in training takes its statistics
            from the whole batch, so that it equals one device. Else each slice has
            its own; its moving averages are moved once for each slice on TensorFlow,
            and once by the mean of all slices on PyTorch, which does not have True.
            JAX always takes the whole batch.

    Returns:
        A Keras model with the attributes `template`, `devices` and `merge_on`. It is
        compiled as `model` is. Compiling it compiles the template with the same
        optimizer, and saving either saves the template with it.

    Raises:
        ModelError: it is no model.
        DeviceError: there are fewer than two devices, or not those asked for; or the
            backend, or this Keras, can't do it. It is a `ValueError`.
        RecordError: an argument has no such value.

    Guarantees:
        After an error `model` is as it was.

    References:
        `multi_gpu_model` of the R interface and of Keras 2.3.1, whose meaning this has.
        That one cut `rows // n` rows for each, and gave the remainder to the last.

    Example:
        >>> import kerasplug as kp
        >>> keras = kp.implementation()
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> kp.multi_gpu_model(model, ["cpu:0"], on_single="return") is model
        True
    """
    require_model("multi_gpu_model", model)
    _check(on_single, cpu_merge, cpu_relocation, sync_batch_norm)
    kind = _kind(model)
    devices = _once(existing(_asked(gpus)))
    if len(devices) < 2:  # noqa: PLR2004 -- one is not several
        return _single(model, devices, on_single)
    merge_on = "cpu:0" if cpu_merge else devices[0]
    made = parallel(
        kind, model, devices, merge_on=merge_on, sync_batch_norm=sync_batch_norm
    )
    if cpu_relocation:
        relocate(model)
    return made


def _check(on_single: object, *switches: object) -> None:
    if on_single not in ("error", "warn", "return"):
        raise _refused(on_single, "on_single", '"error", "warn" or "return"')
    names = ("cpu_merge", "cpu_relocation", "sync_batch_norm")
    for name, value in zip(names, switches, strict=True):
        if not isinstance(value, bool):
            raise _refused(value, name, "True or False")


def _kind(model: Any) -> type[Parallel]:
    """How the backend in use does it."""
    message = "multi_gpu_model() can't split this model over devices."
    if family_of(model) != "keras":
        found = f"a model of {family_of(model)}"
        raise DeviceError(message, found=found, expected="a model of Keras 3")
    if backend() not in _BACKENDS:
        raise DeviceError(
            message,
            found=f"the backend {backend()}, which computes on one device",
            expected="tensorflow, jax or torch",
            mend='kerasplug.use_backend("jax") before Keras is imported',
        )
    if isinstance(model, Parallel):
        found = f"{model.name!r}, which is parallel already"
        raise DeviceError(message, found=found, mend="give it `model.template`")
    module = importlib.import_module(f"kerasplug.devices.on_{backend()}")
    kind: type[Parallel] = module.PARALLEL
    return kind


def _asked(gpus: Any) -> Sequence[int | str]:
    """The names of the devices that are meant, there or not."""
    if isinstance(gpus, str):
        return [gpus]
    if gpus is None:
        return available_devices("gpu")
    if isinstance(gpus, bool):
        raise _no_devices(gpus)
    if isinstance(gpus, Real):
        count = float(gpus)
        if count < 0 or not count.is_integer():
            raise _no_devices(gpus)
        return range(int(count)) or available_devices("gpu")
    if not isinstance(gpus, Sequence) or isinstance(gpus, bytes):
        raise _no_devices(gpus)
    return gpus or available_devices("gpu")


def _once(devices: Sequence[str]) -> Sequence[str]:
    """The devices, none of which would have two slices to compute.

    PyTorch has no virtual devices, so there the processor stands for several.
    """
    tried_out = backend() == "torch" and set(devices) == {"cpu:0"}
    if len(set(devices)) < len(devices) and not tried_out:
        message = "multi_gpu_model() takes each device once."
        mend = "name other devices, or fewer"
        raise DeviceError(message, found=", ".join(devices), mend=mend)
    return devices


def _no_devices(gpus: object) -> RecordError:
    rule = 'a number of GPUs, or their numbers or names: 2, [0, 1], ["gpu:0", "gpu:1"]'
    return _refused(gpus, "gpus", rule)


def _refused(value: object, field: str, rule: str) -> RecordError:
    return RecordError("multi_gpu_model", field, value, rule)


def _single(model: Any, devices: Sequence[str], on_single: OnSingle) -> Any:
    message = "multi_gpu_model() takes at least two devices."
    found = ", ".join(devices) or "no GPU"
    there = ", ".join(available_devices())
    if on_single == "error":
        raise DeviceError(
            message,
            found=f"{found}; available: {there}",
            expected="two or more, such as gpus=2",
            mend='on_single="return" takes the model as it is then',
        )
    if on_single == "warn":
        told = f"{message} There is {found}, so the model is used as it is."
        level = level_outside("kerasplug")
        warnings.warn(told, KerasplugWarning, stacklevel=level)
    return model
