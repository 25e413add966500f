"""Which devices an engine can compute on, found out without starting one here."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from kerasplug._frameworks.metadata import family_root
from kerasplug._frameworks.older import configured
from kerasplug._frameworks.probe import ask_elsewhere

__all__ = ["LISTING", "gpu_nodes", "gpus_among", "no_gpus", "probe_devices"]

#: What the drivers of GPUs put into /dev on Linux: NVIDIA, its boards with a GPU
#: inside the processor, AMD, Windows' GPUs under WSL, and anything that renders.
_NODES = (
    "nvidia[0-9]*",
    "nvhost-gpu*",
    "nvgpu*",
    "kfd",
    "dxg",
    "dri/renderD*",
)
_DEVICES = Path("/dev")

#: Names of devices begin with one of these where they are GPUs.
_GPU_KINDS = ("gpu", "cuda", "rocm", "mps", "metal", "xpu")

#: What decides about an engine's devices beside what is installed.
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "JAX_PLATFORMS",
    "PLAIDML_DEVICE_IDS",
    "ROCR_VISIBLE_DEVICES",
)

#: Lists devices, each engine in its own words, by the names that Keras has for them.
# JAX would take most of a GPU's memory, and the process that asks may need it.
LISTING = """
import json, os, sys
request = json.loads(sys.argv[1])
sys.path[:] = request["path"]
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

def tensorflow():
    import tensorflow
    found = tensorflow.config.list_physical_devices()
    return [one.name.rpartition("/physical_device:")[2].lower() for one in found]

def jax():
    import jax
    return [f"{one.platform.lower()}:{one.id}" for one in jax.devices()]

def torch():
    import torch
    found = [f"gpu:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps:0")
    return ["cpu:0", *found]

def openvino():
    import openvino
    found = openvino.Core().available_devices
    return [one.lower().replace(".", ":") for one in found]

def numpy():
    return ["cpu:0"]

def mlx():
    import mlx.core
    kind, number = str(mlx.core.default_device())[len("Device("):-1].split(", ")
    return [f"{kind}:{number}"]

def plaidml():
    import kerasplug
    kerasplug.use_backend("plaidml")
    import plaidml
    return [one.id.decode() for one in plaidml.devices(plaidml.Context())]

def other():
    import _kerasplug_backends
    _kerasplug_backends.install()
    import keras
    if keras.src.backend.distribution_lib is None:
        raise LookupError(f"{request['engine']} tells Keras of no devices")
    return [str(one) for one in keras.distribution.list_devices()]

answer = {"devices": [], "error": ""}
try:
    engines = [tensorflow, jax, torch, openvino, numpy, mlx, plaidml]
    ask = {one.__name__: one for one in engines}.get(request["engine"], other)
    answer["devices"] = ask()
except BaseException as error:
    answer["error"] = f"{type(error).__name__}: {error}"
with open(request["answer"], "w", encoding="utf-8") as file:
    json.dump(answer, file)
"""

_known: dict[tuple[str | None, ...], tuple[list[str], str]] = {}


def gpu_nodes() -> tuple[str, ...]:
    """The evidence for GPUs that the operating system shows, such as "/dev/nvidia0".

    Returns:
        Paths in /dev, sorted by the maker. Empty on Linux means that there is no GPU
        (none with a driver); elsewhere it means nothing.
    """
    return tuple(
        str(found) for pattern in _NODES for found in sorted(_DEVICES.glob(pattern))
    )


def no_gpus() -> str:
    """Why no engine can see a GPU here, at the cost of a look at /dev.

    Returns:
        A clause for a sentence; empty where only the engine can tell.

    Example:
        >>> isinstance(no_gpus(), str)
        True
    """
    if not sys.platform.startswith("linux"):
        return ""
    nodes = gpu_nodes()
    if not nodes:
        return "no driver of a GPU has a device in /dev"
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None and said.strip() in ("", "-1") and _only_nvidia(nodes):
        return f"CUDA_VISIBLE_DEVICES={said} hides them"
    return ""


def _only_nvidia(nodes: tuple[str, ...]) -> bool:
    """Whether no other maker's GPU is among them: renderD* are NVIDIA's as well."""
    names = [Path(node).name for node in nodes]
    own = any(name.startswith("nvidia") for name in names)
    return own and not {"kfd", "dxg"} & set(names)


def probe_devices(
    implementation: str, backend: str | None = None
) -> tuple[list[str], str]:
    """The devices that an engine lists, asked in another process.

    Args:
        implementation: "tensorflow", "keras" or "tf_keras".
        backend: the backend of Keras; None: the configured one.

    Returns:
        Their names as Keras writes them ("cpu:0", "gpu:0"), and why there are none:
        an error's text, or empty. The answer is kept for this process, until the
        environment variables that hide devices change.
    """
    engine = "tensorflow"
    if family_root(implementation) == "keras":
        engine = backend or configured()[0]
    key = (engine, *map(os.environ.get, _VARIABLES))
    return _once(key, lambda: _ask(engine))


def _once(
    key: tuple[str | None, ...], ask: Callable[[], tuple[list[str], str]]
) -> tuple[list[str], str]:
    if key not in _known:
        _known[key] = ask()
    devices, error = _known[key]
    return list(devices), error


def _ask(engine: str) -> tuple[list[str], str]:
    answer, error = ask_elsewhere(LISTING, {"engine": engine}, engine)
    if error:
        return [], error
    return [str(one) for one in answer["devices"]], str(answer["error"])


def gpus_among(devices: list[str]) -> list[str]:
    """Those of an engine's devices that are GPUs.

    Example:
        >>> gpus_among(["cpu:0", "gpu:0", "gpu:1"])
        ['gpu:0', 'gpu:1']
    """
    return [name for name in devices if name.partition(":")[0] in _GPU_KINDS]
