"""Which devices a backend may use, as the environment variables that say so.

An engine reads them once, when it starts; so they have to be set before.

Source: the engines' own documentation of each variable; keras 3.15.1,
`keras/src/backend/torch/core.py`, for KERAS_TORCH_DEVICE.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence

from kerasplug.errors import ConfigError

__all__ = ["Devices", "devices_of", "variables_of"]

#: A variable -> its value; None: not set at all.
Variables = dict[str, str | None]

_GPU = re.compile(r"gpu:(\d+)\Z")
_HIDES = ("", "-1")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """What a backend may compute on.

    Args:
        names: `"cpu"`; `"gpu"` for all GPUs; `("gpu:0", "gpu:2")` for some; what the
            engine calls its devices, for PlaidML and Theano. Empty: as it is.
        memory_growth: True: take memory of a GPU as it is needed, False: most of it at
            once. None: as it is.
        environment: variables to set besides, such as `{"XLA_FLAGS": "…"}`.

    Raises:
        ConfigError: a value is not of that form.

    Example:
        >>> Devices(names=("gpu:0",), memory_growth=True).names
        ('gpu:0',)
    """

    names: tuple[str, ...] = ()
    memory_growth: bool | None = None
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take one name for several, and raise `ConfigError` for what is none."""
        said: object = self.names  # people write one name as well
        names = (said,) if isinstance(said, str) else tuple(self.names)
        if not all(isinstance(one, str) and one.strip() for one in names):
            raise _wrong(names, 'names such as "cpu", "gpu" or ("gpu:0", "gpu:1")')
        if self.memory_growth not in (True, False, None):
            raise _wrong(self.memory_growth, "memory_growth as True, False or None")
        pairs = dict(self.environment)
        if not all(isinstance(one, str) for pair in pairs.items() for one in pair):
            raise _wrong(pairs, "environment as names and values of variables, in text")
        object.__setattr__(self, "names", tuple(one.strip() for one in names))
        object.__setattr__(self, "environment", pairs)


def _wrong(found: object, expected: str) -> ConfigError:
    message = "The devices of a backend can't be said like that."
    return ConfigError(message, found=repr(found), expected=expected)


def devices_of(asked: "Devices | str | int | Sequence[str | int] | None") -> Devices:
    """What `devices=` means: names, numbers of GPUs, or all of it.

    Args:
        asked: a `Devices`; a name, or several; a number or several, which are GPUs;
            None: everything as it is.

    Raises:
        ConfigError: it is none of these.

    Example:
        >>> devices_of([0, 2]).names
        ('gpu:0', 'gpu:2')
    """
    if isinstance(asked, Devices):
        return asked
    if asked is None:
        return Devices()
    several = [asked] if isinstance(asked, str | int) else asked
    if not isinstance(several, Sequence) or not several:
        raise _wrong(asked, 'a name, some names, or Devices(names=("gpu:0",))')
    return Devices(names=tuple(map(_named, several)))


def _named(one: object) -> str:
    if isinstance(one, bool) or not isinstance(one, str | int):
        raise _wrong(one, 'a name such as "gpu:0", or the number of a GPU')
    if isinstance(one, str):
        return one
    if one < 0:
        raise _wrong(one, "the number of a GPU, 0 or more")
    return f"gpu:{one}"


def variables_of(backend: str, devices: Devices) -> Variables:
    """The variables that let a backend use these devices and no others.

    Args:
        backend: its bare name.
        devices: what was asked.

    Returns:
        Variable -> value; None: it must not be set. Nothing is changed.

    Raises:
        ConfigError: the backend has no such device, or no way to choose one.

    Example:
        >>> variables_of("jax", Devices(names=("cpu",)))
        {'JAX_PLATFORMS': 'cpu'}
    """
    found: Variables = {}
    if devices.names:
        choose = _CHOOSERS.get(backend, _choose_nothing)
        found.update(choose(backend, devices.names))
    if devices.memory_growth is not None:
        found.update(_growth(backend, grows=devices.memory_growth))
    return {**found, **devices.environment}


def _numbers(backend: str, names: tuple[str, ...]) -> str | None:
    """The numbers of GPUs, joined; empty for the processor; None for all GPUs."""
    if names == ("cpu",):
        return ""
    if names == ("gpu",):
        return None
    found = [_GPU.match(name) for name in names]
    numbers = [int(one[1]) for one in found if one]
    if len(numbers) < len(names) or len(set(numbers)) < len(numbers):
        message = f"The backend {backend} can't be given these devices."
        expected = '"cpu", "gpu", or different GPUs such as ("gpu:0", "gpu:1")'
        raise ConfigError(message, found=", ".join(names), expected=expected)
    return ",".join(map(str, numbers))


def _visible(numbers: str | None) -> Variables:
    """What hides all GPUs but these from CUDA and from ROCm."""
    if numbers is None:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in _HIDES
        variables = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
        return dict.fromkeys(variables) if hidden else {}
    if not numbers:
        return {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
    return {"CUDA_VISIBLE_DEVICES": numbers, "HIP_VISIBLE_DEVICES": numbers}


def _choose_tensorflow(backend: str, names: tuple[str, ...]) -> Variables:
    return _visible(_numbers(backend, names))


def _choose_jax(backend: str, names: tuple[str, ...]) -> Variables:
    numbers = _numbers(backend, names)
    if numbers == "":
        return {"JAX_PLATFORMS": "cpu"}
    only_cpu = os.environ.get("JAX_PLATFORMS", "").strip() == "cpu"
    return {**_visible(numbers), **({"JAX_PLATFORMS": None} if only_cpu else {})}


def _choose_torch(backend: str, names: tuple[str, ...]) -> Variables:
    numbers = _numbers(backend, names)
    if numbers == "":  # the variable also keeps it off Apple's GPUs
        return {**_visible(""), "KERAS_TORCH_DEVICE": "cpu"}
    only_cpu = os.environ.get("KERAS_TORCH_DEVICE", "").strip() == "cpu"
    return {**_visible(numbers), **({"KERAS_TORCH_DEVICE": None} if only_cpu else {})}


def _choose_theano(backend: str, names: tuple[str, ...]) -> Variables:
    if len(names) > 1:
        message = f"The backend {backend} computes on one device."
        raise ConfigError(message, found=", ".join(names), expected="one name")
    others = [
        flag
        for flag in os.environ.get("THEANO_FLAGS", "").split(",")
        if flag.strip() and flag.partition("=")[0].strip() != "device"
    ]
    return {"THEANO_FLAGS": ",".join([f"device={names[0]}", *others])}


def _choose_nothing(backend: str, names: tuple[str, ...]) -> Variables:
    """A backend of which only the processor, or nothing, is known."""
    if names == ("cpu",):
        return {}
    message = f"The devices of the backend {backend} can't be chosen by name."
    raise ConfigError(
        message,
        found=", ".join(names),
        expected='"cpu", or the variables that the backend reads',
        mend="devices=Devices(environment={…}); see: kerasplug backend show " + backend,
    )


_CHOOSERS: dict[str, Callable[[str, tuple[str, ...]], Variables]] = {
    "jax": _choose_jax,
    "tensorflow": _choose_tensorflow,
    "theano": _choose_theano,
    "torch": _choose_torch,
}


def _growth(backend: str, *, grows: bool) -> Variables:
    text = str(grows).lower()
    if backend == "tensorflow":
        return {"TF_FORCE_GPU_ALLOW_GROWTH": text}
    if backend == "jax":
        return {"XLA_PYTHON_CLIENT_PREALLOCATE": str(not grows).lower()}
    if backend == "torch" and grows:  # it does nothing else
        return {}
    message = f"The backend {backend} has no such choice about memory."
    expected = "memory_growth for tensorflow, jax, or (True only) torch"
    raise ConfigError(message, found=f"memory_growth={grows}", expected=expected)
