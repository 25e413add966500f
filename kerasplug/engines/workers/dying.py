"""What is said when a worker ends, fails or hangs."""

import signal
from typing import Any, Final

from kerasplug.errors import WorkerError

__all__ = ["doctor", "failed", "how", "mend_of", "refused"]

_SHORT: Final = ", which is what the kernel does when memory is short"


def how(code: int | None) -> str:
    """How a process ended.

    Args:
        code: its exit code; negative: the signal.

    Example:
        >>> how(3), how(None)
        ('it ended with code 3', 'it stopped answering')
        >>> how(-9)
        'SIGKILL ended it, which is what the kernel does when memory is short'
    """
    if code is None:
        return "it stopped answering"
    if code >= 0:
        return f"it ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name} ended it{_SHORT if name == 'SIGKILL' else ''}"


def doctor(name: str) -> str:
    """The command that examines an engine's environment.

    Example:
        >>> doctor("toy")
        'kerasplug backend doctor toy'
    """
    return f"kerasplug backend doctor {name}"


def mend_of(name: str, code: int | None) -> str:
    """What to do about an end.

    Example:
        >>> mend_of("toy", 3)
        'kerasplug backend doctor toy'
    """
    if code == -int(getattr(signal, "SIGKILL", 9)):
        return f"smaller batches or more memory; else: {doctor(name)}"
    return doctor(name)


def refused(name: str, where: str, error: BaseException) -> WorkerError:
    """The error for what could not be exchanged; the worker goes on.

    Args:
        name: the engine's.
        where: such as "in 'predict'".
        error: what was raised.
    """
    return WorkerError(
        f"Nothing could be exchanged with the worker of {name} {where}.",
        found=f"{type(error).__name__}: {error}",
        expected="plain data, arrays of numbers, and room for them",
        mend="give numbers, and less at once where there is no room",
    )


def failed(name: str, where: str, error: Any, output: str = "") -> WorkerError:
    """The error for what the program raised.

    Args:
        name: the engine's.
        where: such as "in 'predict'".
        error: what the worker told: its type, message and traceback.
        output: what it wrote before.
    """
    parts = error if isinstance(error, dict) else {}
    kind, text, trace = (
        str(parts.get(part, "")) for part in ("type", "message", "traceback")
    )
    return WorkerError(
        f"The worker of {name} failed {where}.",
        found=f"{kind}: {text}",
        mend=doctor(name) if output else "",
        output=f"{output}\n{trace}".strip(),
    )
