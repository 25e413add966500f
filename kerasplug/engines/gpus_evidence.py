"""What a machine and an engine show of GPUs: gathered here, explained in `gpus`."""

import contextlib
import ctypes.util
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from kerasplug._frameworks.devices import LISTING, gpu_nodes
from kerasplug._frameworks.probe import ask_elsewhere

__all__ = ["Evidence", "gather"]

_VARIABLES: Final = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "JAX_PLATFORMS",
    "KERAS_TORCH_DEVICE",
    "ROCR_VISIBLE_DEVICES",
)
_MAKERS: Final = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
#: How long `nvidia-smi` may take, in seconds.
_PATIENCE: Final = 30
#: How much of what an engine says is kept, in characters.
_LONGEST: Final = 20_000

# Around the program that lists devices: what the engine says is kept.
_BEFORE: Final = """
import os, sys, tempfile
said = tempfile.TemporaryFile()
os.dup2(said.fileno(), 2)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
"""
_AFTER: Final = """
build = {}
if "torch" in sys.modules:
    torch = sys.modules["torch"]
    torch.cuda.is_available()
    build = {"cuda": torch.version.cuda or "", "rocm": torch.version.hip or ""}
if "tensorflow" in sys.modules and request["engine"] == "tensorflow":
    told = sys.modules["tensorflow"].sysconfig.get_build_info()
    build = {"cuda": str(told.get("cuda_version") or "")}
    build["rocm"] = "yes" if told.get("is_rocm_build") else ""
    if told.get("is_cuda_build") and not build["cuda"]:
        build["cuda"] = "yes"
sys.stderr.flush()
said.seek(0)
answer |= {"said": said.read().decode(errors="replace"), "build": build}
with open(request["answer"], "w", encoding="utf-8") as file:
    json.dump(answer, file)
"""


class Evidence(NamedTuple):
    """What a machine and an engine show of GPUs.

    Args:
        engine: the backend, such as "jax".
        system: as `sys.platform` has it.
        wsl: whether this is Linux inside Windows.
        container: whether this is a container.
        boards: the makers of GPUs that the PCI bus shows: "nvidia", "amd", "intel".
        nodes: the devices that drivers have made, such as "/dev/nvidia0".
        denied: those of them that this user may not open.
        driver: what the kernel says of NVIDIA's driver; empty: none is loaded.
        library: the driver's library for programs, "libcuda.so.1"; empty: not found.
        smi: what `nvidia-smi` prints; empty: there is none.
        variables: environment variables that hide devices, where they are set.
        build: what the engine was built for: "cuda" and "rocm", versions or empty
            texts. A key that is missing is not known.
        devices: what the engine lists; None: it was not asked.
        said: what it wrote to standard error meanwhile.
        error: why it can't be asked; empty otherwise.

    Example:
        >>> Evidence("jax", system="linux").nodes
        ()
    """

    engine: str
    system: str = "linux"
    wsl: bool = False
    container: bool = False
    boards: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    driver: str = ""
    library: str = ""
    smi: str = ""
    variables: Mapping[str, str] = {}
    build: Mapping[str, str] = {}
    devices: tuple[str, ...] | None = None
    said: str = ""
    error: str = ""


def gather(engine: str, *, probe: bool = False) -> Evidence:
    """What this machine shows, and with `probe` what the engine says elsewhere.

    Args:
        engine: the backend, such as "jax".
        probe: start the engine, in another process; it takes seconds.
    """
    nodes = gpu_nodes()
    found = Evidence(
        engine,
        system=sys.platform,
        wsl="microsoft" in _read("/proc/version").lower(),
        container=any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv"))),
        boards=_boards(),
        nodes=nodes,
        denied=tuple(one for one in nodes if not os.access(one, os.R_OK | os.W_OK)),
        driver=_read("/proc/driver/nvidia/version").strip(),
        library=_library() if nodes else "",
        smi=_smi(),
        variables={one: os.environ[one] for one in _VARIABLES if one in os.environ},
        build=_recorded_build(engine),
    )
    return _with_devices(found) if probe else found


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _boards() -> tuple[str, ...]:
    """The makers of the display and 3D controllers (class 0x03) on the PCI bus."""
    found = {
        _MAKERS.get(_read(str(place / "vendor")).strip(), "")
        for place in Path("/sys/bus/pci/devices").glob("*")
        if _read(str(place / "class")).startswith("0x03")
    }
    return tuple(sorted(found - {""}))


def _library() -> str:
    wsl = Path("/usr/lib/wsl/lib/libcuda.so.1")
    return ctypes.util.find_library("cuda") or (str(wsl) if wsl.exists() else "")


def _smi() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 -- found on the user's own path, without arguments
            [program], capture_output=True, timeout=_PATIENCE, check=False, text=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"nvidia-smi: {error}"
    return (done.stdout + done.stderr).strip()


def _recorded_build(engine: str) -> dict[str, str]:
    """What metadata tell of an engine's build, without starting it."""
    if engine == "jax":
        cuda = _first_version("jax-cuda13-plugin", "jax-cuda12-plugin")
        rocm = _first_version("jax-rocm7-plugin", "jax-rocm60-plugin")
        return {"cuda": cuda, "rocm": rocm}
    if engine == "tensorflow":
        plain = _first_version("tensorflow-cpu", "tf-nightly-cpu", "tensorflow-cpu-aws")
        whole = _first_version("tensorflow", "tf-nightly", "tensorflow-gpu")
        return {"cuda": "", "rocm": ""} if plain and not whole else {}
    if engine == "torch" and "+cpu" in _first_version("torch"):
        return {"cuda": "", "rocm": ""}
    return {}


def _first_version(*distributions: str) -> str:
    """The version of the first of them that is installed, or an empty text."""
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            version = str(importlib.metadata.version(name) or "")
            # Of a plugin the number in its name says more: the CUDA that it is for.
            number = re.search(r"-(?:cuda|rocm)(\d+)", name)
            return number[1] if number else version
    return ""


def _with_devices(found: Evidence) -> Evidence:
    script = _BEFORE + LISTING + _AFTER
    answer, error = ask_elsewhere(script, {"engine": found.engine}, found.engine)
    if error:
        return found._replace(devices=(), error=error)
    return found._replace(
        devices=tuple(map(str, answer["devices"])),
        error=str(answer["error"]),
        said=str(answer.get("said", ""))[-_LONGEST:],
        build={**found.build, **answer.get("build", {})},
    )
