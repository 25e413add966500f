"""Which GPUs an engine sees, and why it sees none.

`gather` looks at this machine, and `look` explains what anybody has gathered: so what
other machines show can be explained, and tested, here.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from kerasplug._frameworks.devices import gpus_among
from kerasplug.engines.gpus_evidence import Evidence, gather

__all__ = ["ENGINES", "Evidence", "GpuFinding", "gather", "look"]

#: The engines whose words are known.
ENGINES: Final = ("tensorflow", "jax", "torch")

_HIDES: Final = ("", "-1", "none", "NoDevFiles")

_MORE: Final = "kerasplug install-command {} --gpu"
_REBOOT: Final = "restart the machine: the driver was updated while it was running"
_DRIVER: Final = "install NVIDIA's driver for this system, then restart it"
_NEWER: Final = "update NVIDIA's driver, or install {} for an older CUDA"
_WSL: Final = "in Windows: install NVIDIA's driver, then: wsl --update"


class GpuFinding(NamedTuple):
    """One thing that is known about GPUs here.

    Args:
        level: "ok"; "note": worth knowing; "warning": a GPU is not used.
        about: what was looked at, one word or two.
        what: what was found, one sentence.
        mend: what helps; empty only where all is well.
    """

    level: str
    about: str
    what: str
    mend: str = ""


def look(evidence: Evidence) -> list[GpuFinding]:
    """What evidence means: which GPUs are seen, or why none is.

    Args:
        evidence: of this machine (`gather`) or of another one.

    Returns:
        At least one finding. Those about the machine come before those about the
        engine: what is missing below has to be mended first.

    Example:
        >>> [one.what for one in look(Evidence("jax", system="linux"))]
        ['none: no GPU is in this machine']
    """
    if evidence.error:
        what = f"{evidence.engine} can't be asked for them: {evidence.error}"
        mend = f"kerasplug backend doctor {evidence.engine}"
        return [GpuFinding("warning", "devices", what, mend)]
    seen = gpus_among(list(evidence.devices or ()))
    if seen:
        return [_seen(evidence, seen), *_kept_away(evidence)]
    if evidence.system == "linux" and not _is_any(evidence):
        return [GpuFinding("ok", "GPU", "none: no GPU is in this machine")]
    if evidence.engine not in ENGINES:
        return [_unknown_engine(evidence)]
    reasons = [
        *_driver(evidence),
        *_permission(evidence),
        *_hidden(evidence),
        *_build(evidence),
    ]
    reasons += _said(evidence, {one.about for one in reasons})
    return reasons or [_no_reason(evidence)]


def _is_any(evidence: Evidence) -> bool:
    makers = {"nvidia", "amd"} & set(evidence.boards)
    return bool(makers or evidence.nodes or evidence.driver or evidence.wsl)


def _seen(evidence: Evidence, seen: list[str]) -> GpuFinding:
    what = f"{evidence.engine} sees {', '.join(seen)}"
    chosen = evidence.variables.get("CUDA_VISIBLE_DEVICES", "").strip()
    if chosen:
        what += f"; CUDA_VISIBLE_DEVICES={chosen} has chosen them"
    return GpuFinding("ok", "GPU", what)


def _kept_away(evidence: Evidence) -> Iterator[GpuFinding]:
    """Where the engine sees a GPU and Keras is told not to use it."""
    said = evidence.variables.get("KERAS_TORCH_DEVICE", "").strip()
    if evidence.engine == "torch" and said.startswith("cpu"):
        what = f"KERAS_TORCH_DEVICE={said} keeps Keras on the processor"
        yield GpuFinding("warning", "environment", what, "unset KERAS_TORCH_DEVICE")


def _unknown_engine(evidence: Evidence) -> GpuFinding:
    what = f"nothing is known of how {evidence.engine} uses a GPU"
    mend = f"kerasplug backend show {evidence.engine} --probe"
    return GpuFinding("note", "GPU", what, mend)


def _no_reason(evidence: Evidence) -> GpuFinding:
    where = ", ".join(evidence.nodes)
    if evidence.devices is None:
        if where:
            return GpuFinding("ok", "GPU", f"drivers show {where}")
        mend = f"kerasplug backend doctor {evidence.engine}"
        return GpuFinding("note", "GPU", "only the engine can tell here", mend)
    what = f"{evidence.engine} sees none, and nothing here says why"
    mend = f"start {evidence.engine} by itself, and read all that it writes"
    return GpuFinding("warning", "GPU", f"{what} ({where or 'no devices'})", mend)


def _driver(evidence: Evidence) -> Iterator[GpuFinding]:
    """What is wrong between the board and the programs."""
    nodes = [one for one in evidence.nodes if "nvidia" in one]
    if evidence.wsl:
        yield from _in_windows(evidence)
    elif "Driver/library version mismatch" in evidence.smi:
        what = "NVIDIA's driver in the kernel and its library are of two versions"
        yield GpuFinding("warning", "driver", what, _REBOOT)
    elif "nvidia" in evidence.boards and not nodes and evidence.container:
        what = "the machine has an NVIDIA GPU, and this container was not given it"
        mend = "docker run --gpus all … (it needs NVIDIA's container toolkit)"
        yield GpuFinding("warning", "container", what, mend)
    elif "couldn't communicate with the NVIDIA driver" in evidence.smi or (
        "nvidia" in evidence.boards and not nodes and not evidence.driver
    ):
        what = "an NVIDIA GPU is in this machine, and no driver of it is loaded"
        yield GpuFinding("warning", "driver", what, _DRIVER)
    elif nodes and not evidence.library:
        what = "NVIDIA's driver is loaded, its library libcuda.so.1 is not found"
        yield GpuFinding("warning", "driver", what, _DRIVER)
    if "amd" in evidence.boards and not any("kfd" in one for one in evidence.nodes):
        what = (
            "an AMD GPU is in this machine, and no /dev/kfd: ROCm's driver is missing"
        )
        yield GpuFinding("note", "driver", what, "install AMD's driver with ROCm")


def _in_windows(evidence: Evidence) -> Iterator[GpuFinding]:
    if "/dev/dxg" not in evidence.nodes:
        what = "Windows gives this Linux no GPU: there is no /dev/dxg"
        yield GpuFinding("warning", "WSL", what, _WSL)
    elif not evidence.library:
        what = "Windows has no driver for WSL: /usr/lib/wsl/lib has no libcuda.so.1"
        yield GpuFinding("warning", "WSL", what, _WSL)


def _permission(evidence: Evidence) -> Iterator[GpuFinding]:
    if not evidence.denied:
        return
    some = ", ".join(evidence.denied)
    mend = f"ls -l {evidence.denied[0]} tells its group: sudo usermod -aG GROUP $USER"
    what = f"this user may not open {some}"
    yield GpuFinding("warning", "permission", what, f"{mend}, then log in anew")


def _hidden(evidence: Evidence) -> Iterator[GpuFinding]:
    """What the environment keeps from the engine."""
    nvidia = sum(re.search(r"/nvidia\d+$", one) is not None for one in evidence.nodes)
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        said = evidence.variables.get(name)
        if said is None:
            continue
        first = said.split(",")[0].strip()
        if first in _HIDES:
            what = f"{name}={said} hides the GPUs"
            yield GpuFinding("warning", "environment", what, f"unset {name}")
        elif name.startswith("CUDA") and first.isdecimal() and 0 < nvidia <= int(first):
            what = f"{name}={said} names a GPU that is not there: there are {nvidia}"
            yield GpuFinding("warning", "environment", what, f"unset {name}")
    platforms = evidence.variables.get("JAX_PLATFORMS", "").strip()
    kinds = set(platforms.replace(" ", "").split(","))
    if evidence.engine == "jax" and platforms and not kinds & {"cuda", "gpu", "rocm"}:
        what = f"JAX_PLATFORMS={platforms} lets jax use nothing else"
        yield GpuFinding("warning", "environment", what, "unset JAX_PLATFORMS")
    yield from _kept_away(evidence)


def _build(evidence: Evidence) -> Iterator[GpuFinding]:
    """Whether the engine was built for this GPU, and for this driver."""
    engine, build = evidence.engine, evidence.build
    mend = _MORE.format(engine)
    if evidence.system == "win32" and engine != "torch":
        what = f"{engine} uses no GPU in Windows itself"
        yield GpuFinding("warning", "build", what, "use it in WSL 2")
        return
    if evidence.system == "darwin":
        what = (
            "Apple's GPUs need a plugin: tensorflow-metal, jax-metal; torch has its own"
        )
        yield GpuFinding("note", "build", what, f"python -m pip install {engine}-metal")
        return
    if build.get("cuda") == "" and not build.get("rocm"):
        plugin = "no CUDA plugin of jax is installed"
        why = {
            "jax": f"{plugin}: it computes on the processor only",
            "torch": "torch is built without CUDA (torch.version.cuda is None)",
        }.get(engine, f"this build of {engine} is for the processor only")
        yield GpuFinding("warning", "build", why, mend)
        return
    has = re.search(r"CUDA Version:\s*(\d+)", evidence.smi)
    wants = re.match(r"\d+", build.get("cuda", ""))
    if has and wants and int(has[1]) < int(wants[0]):
        what = (
            f"{engine} is built for CUDA {build['cuda']}, the driver has CUDA {has[1]}"
        )
        yield GpuFinding("warning", "driver", what, _NEWER.format(engine))


class _Saying(NamedTuple):
    """A text that engines print, and what it means; groups fill both in."""

    pattern: re.Pattern[str]
    about: str
    what: str
    mend: str


def _saying(pattern: str, about: str, what: str, mend: str) -> _Saying:
    return _Saying(re.compile(pattern), about, what, mend)


#: From particular to general: what a later one says of the same thing is left out.
_SAYINGS: Final = (
    _saying(
        r"driver on your system is too old \(found version (\d+)\)",
        "driver",
        "{engine} says that the driver is too old for it: it has CUDA {0}",
        _NEWER,
    ),
    _saying(
        r"CUDA driver version is insufficient",
        "driver",
        "{engine} says that the driver is too old for its CUDA",
        _NEWER,
    ),
    _saying(
        r"kernel version (\S+) does not match DSO version (\S+)",
        "driver",
        "the driver in the kernel is {0}, its library {1}",
        _REBOOT,
    ),
    _saying(
        r"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH|cuInit.{0,80}\b803\b",
        "driver",
        "the driver in the kernel and its library are of two versions",
        _REBOOT,
    ),
    _saying(
        r"CUDA_ERROR_COMPAT_NOT_SUPPORTED|forward compatibility was attempted",
        "driver",
        "a CUDA is asked for that this driver can't run on this GPU",
        "update NVIDIA's driver, and take cuda-compat out of LD_LIBRARY_PATH",
    ),
    _saying(
        r"Found no NVIDIA driver|kernel driver does not appear to be running",
        "driver",
        "{engine} finds no driver of NVIDIA",
        _DRIVER,
    ),
    _saying(
        r"cuInit.{0,80}\b303\b|Could not load dynamic library 'libcuda\.so",
        "driver",
        "{engine} can't load the driver's library libcuda.so.1",
        _DRIVER,
    ),
    _saying(
        r"CUDA_ERROR_NO_DEVICE|no CUDA-capable device is detected",
        "driver",
        "CUDA finds no device",
        "nvidia-smi   (it has to list one; see CUDA_VISIBLE_DEVICES as well)",
    ),
    _saying(
        r"CUDA_ERROR_UNKNOWN|CUDA unknown error",
        "driver",
        "CUDA can't be started: an unknown error",
        "sudo modprobe nvidia_uvm; if it is the same then, restart the machine",
    ),
    _saying(
        r"An NVIDIA GPU may be present on this machine, but a CUDA-enabled jaxlib",
        "build",
        "jax sees that there is an NVIDIA GPU, and no CUDA plugin of it is installed",
        _MORE,
    ),
    _saying(
        r"Torch not compiled with CUDA enabled",
        "build",
        "torch is built without CUDA",
        _MORE,
    ),
    _saying(
        r"CUDA capability sm_(\d+) is not compatible",
        "build",
        "this build of {engine} has no code for a GPU of compute capability sm_{0}",
        "install a newer {0}",
    ),
    _saying(
        r"Outdated (\S+) installation found",
        "libraries",
        "the {0} that {engine} finds is older than it needs",
        "unset LD_LIBRARY_PATH, or: {more}",
    ),
    _saying(
        r"Could not load dynamic library '(?!libcuda\.so)([^']+)'",
        "libraries",
        "{engine} can't load {0}",
        _MORE,
    ),
    _saying(
        r"Unable to load (cu\w+|CUDA|CUPTI)",
        "libraries",
        "{engine} can't load {0}",
        _MORE,
    ),
    _saying(
        r"Cannot dlopen some GPU libraries",
        "libraries",
        "{engine} can't load some of CUDA's libraries, and goes without a GPU",
        _MORE,
    ),
    _saying(
        r"Could not find cuda drivers",
        "libraries",
        "{engine} finds neither a driver nor CUDA's libraries",
        _MORE,
    ),
)


def _said(evidence: Evidence, told: set[str]) -> Iterator[GpuFinding]:
    """What the engine itself says: of each thing the most particular saying.

    Where the environment hides the GPUs, or the build knows none, it can't but say that
    it finds neither a driver nor libraries.
    """
    if told & {"environment", "build"}:
        told = {*told, "driver", "libraries"}
    more = _MORE.format(evidence.engine)
    for one in _SAYINGS:
        found = one.pattern.search(evidence.said)
        if found is None or one.about in told:
            continue
        told.add(one.about)
        what = one.what.format(*found.groups(), engine=evidence.engine)
        mend = one.mend.format(evidence.engine, engine=evidence.engine, more=more)
        yield GpuFinding("warning", one.about, what, mend)
