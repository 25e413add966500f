"""What devices are called, and the engine that has them.

Source: `keras.device` of keras 3.15.1, which takes "gpu:0"; `tf.device`, which takes
"/job:…/replica:…/task:…/device:GPU:0" and shorter forms; `torch.device`, "cuda:0".
"""

import importlib
import operator
import re
from typing import Any

from kerasplug._frameworks import family_root
from kerasplug._frameworks.older import older_keras
from kerasplug.errors import DeviceError
from kerasplug.implementation import backend, chosen, implementation, loaded

__all__ = ["canonical", "framework", "kind_of", "refuse_older"]

#: The kinds of devices, and other words for them.
_KINDS = {
    **{kind: kind for kind in ("cpu", "gpu", "tpu", "mps", "xpu", "npu", "hpu")},
    "cuda": "gpu",
    "rocm": "gpu",
}

#: Nine digits: Python refuses to read a number of thousands.
_NAME = re.compile(
    r"(?:/job:[a-z0-9_.-]+)?(?:/replica:[0-9]+)?(?:/task:[0-9]+)?"
    r"/?(?:device:)?([a-z]+)(?::([0-9]{1,9}))?"
)
_UNDERSTOOD = (
    '"gpu:0", "/gpu:0", "GPU:0", "/device:GPU:0", "cuda:0", "cpu", "tpu:0", "mps", '
    "or the number of a GPU"
)

#: Backends of Keras 3 whose engine has devices, and a module of the same name.
_ENGINES = ("jax", "tensorflow", "torch")

#: Implementations that were seen to be Keras 3.
_NEWER: set[str] = set()


def canonical(name: str | int) -> str:
    """The name that Keras has for a device, whether or not the device is there.

    Args:
        name: the device in any spelling: `"gpu:0"`, `"/gpu:0"`, `"GPU:0"`,
            `"/device:GPU:1"`, `"/job:localhost/replica:0/task:0/device:GPU:0"`,
            `"cuda:1"`, `"mps"`; without a number it is the first; a number alone is
            that of a GPU. Job, replica and task are dropped: the device is one of
            this process.

    Returns:
        The kind and the number: `"gpu:0"`, `"cpu:0"`.

    Raises:
        DeviceError: it is not the name of a device. It is a `ValueError`.

    Example:
        >>> canonical("/device:GPU:1"), canonical("cuda"), canonical(1)
        ('gpu:1', 'gpu:0', 'gpu:1')
    """
    if not isinstance(name, str):
        return f"gpu:{_number(name)}"
    found = _NAME.fullmatch(name.strip().lower())
    if found is None or found[1] not in _KINDS:
        raise _not_understood(name)
    return f"{_KINDS[found[1]]}:{int(found[2] or 0)}"


def kind_of(word: str) -> str:
    """The kind that a word means: `"gpu"` for `"GPU"` and `"cuda"`.

    Args:
        word: a kind of device, without a number.

    Raises:
        DeviceError: there is no such kind.

    Example:
        >>> kind_of("CUDA")
        'gpu'
    """
    kind = _KINDS.get(word.strip().lower()) if isinstance(word, str) else None
    if kind is None:
        message = "There is no such kind of device."
        expected = '"gpu", "cpu", "tpu", or None for all'
        raise DeviceError(message, found=repr(word), expected=expected)
    return kind


def _number(number: Any) -> int:
    """The number of a GPU; NumPy's integers are numbers as well, and True is none."""
    try:
        found = -1 if isinstance(number, bool) else operator.index(number)
    except TypeError:
        found = -1
    if found < 0:
        raise _not_understood(number)
    return found


def _not_understood(name: object) -> DeviceError:
    message = "That is not the name of a device."
    return DeviceError(message, found=repr(name), expected=_UNDERSTOOD)


def framework() -> Any:
    """The engine's own module of the backend in use: `tensorflow`, `jax` or `torch`.

    Keras is started by it.

    Raises:
        DeviceError: the backend has no such module; or Keras is not Keras 3.
        KerasMissingError: there is no Keras.

    Example:
        >>> import kerasplug as kp
        >>> framework().__name__ == kp.backend()
        True
    """
    refuse_older()
    implementation().device  # noqa: B018 -- the access starts Keras
    if backend() not in _ENGINES:
        message = f"The backend {backend()} has no devices to choose from."
        raise DeviceError(message, found=backend(), expected=", ".join(_ENGINES))
    return importlib.import_module(backend())


def refuse_older() -> None:
    """Raise for every Keras but Keras 3: the older ones have other devices.

    Raises:
        DeviceError: another Keras is in use, or would be.

    Example:
        >>> refuse_older()
    """
    asked = chosen()
    if loaded() and asked in _NEWER:  # what is installed was looked at
        return
    root = family_root(asked)
    if root != "tf_keras" and not older_keras():
        _NEWER.add(asked)
        return
    message = "Devices can be chosen with Keras 3 only."
    raise DeviceError(
        message,
        found=f"{root}, as the implementation {asked}",
        expected="keras 3",
        mend="unset KERASPLUG_IMPLEMENTATION TF_USE_LEGACY_KERAS   (in a new process)",
    )
