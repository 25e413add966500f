"""Noticing calls for random numbers that nobody seeded, and where they stand.

All of them come down to a few functions that ask the system for entropy. These say
where they were called from, if that is the program's own code.
"""

import ast
import contextlib
import functools
import linecache
import os
import random
import site
import sys
import sysconfig
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

from kerasplug._frameworks.late import when_imported
from kerasplug.reproducing.journal import Group
from kerasplug.reproducing.tracing import Trace, put_round

__all__ = ["noticed", "watch_random"]

#: What asks TensorFlow on behalf of a program.
_ENGINE: Final = ("/tensorflow/", "/keras/", "\\tensorflow\\", "\\keras\\")


def watch_random(trace: Trace) -> None:
    """Notice what asks for entropy.

    Args:
        trace: who is told.
    """

    def urandom(original: Any, size: int) -> bytes:
        noticed(trace, "os.urandom()")
        return bytes(original(size))

    def seed(original: Any, generator: Any, a: Any = None, version: int = 2) -> None:
        if a is None:
            is_global = generator is random._inst  # noqa: SLF001 -- the same
            noticed(trace, "random.seed()" if is_global else "random.Random()")
        original(generator, a, version)

    put_round(os, "urandom", urandom)
    random.__dict__["_urandom"] = os.urandom  # its copy
    put_round(random.Random, "seed", seed)
    random.seed = random._inst.seed  # noqa: SLF001 -- the same
    when_imported("numpy.random.bit_generator", functools.partial(_numpy_came, trace))
    when_imported("tensorflow", functools.partial(_tensorflow_came, trace))
    when_imported("torch", functools.partial(_torch_came, trace))


def noticed(
    trace: Trace, what: str, suffix: str = "", *, through: tuple[str, ...] = ()
) -> None:
    """Write down, once for each place, that something has no seed or no order.

    Args:
        trace: who is told.
        what: what was called, where the source doesn't say it better.
        suffix: what else to say of the call.
        through: parts of the paths of installed packages that only pass on.
    """
    frame = _caller(through)
    if frame is None:
        return
    call = _call(frame)
    if call is not None:
        name = _name(call.func)
        if name.endswith("RandomState") and _has_seed(call):
            return  # NumPy makes one without a seed, and seeds it afterwards
        what = f"{name}(){suffix}"
    else:
        what += suffix
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}: {what}"
    if place not in trace.places:
        trace.places.add(place)
        trace.journal.take(Group((("random", place),)), [None])


def _caller(through: tuple[str, ...]) -> FrameType | None:
    """The frame of the program's own code that called; None: others called it."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 -- documented, and quick
    while frame is not None:
        file = frame.f_code.co_filename
        passes = file in _PASSING or any(part in file for part in through)
        if not passes and not file.startswith(_OURS):
            return None if file.startswith(_INSTALLED) else frame
        frame = frame.f_back
    return None


def _call(frame: FrameType) -> ast.Call | None:
    """The call that a frame is in, as source; None where there is none."""
    places = list(frame.f_code.co_positions())
    first, last, start, end = places[frame.f_lasti // 2]
    if first is None or last is None or start is None or end is None:
        return None
    file = frame.f_code.co_filename
    lines = [linecache.getline(file, one).encode() for one in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        parsed = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:  # the source is not there, or another one
        return None
    return parsed if isinstance(parsed, ast.Call) else None


def _name(function: ast.expr) -> str:
    """`a.b.c` as it stands; of a method of something larger, its own name."""
    text = ast.unparse(function)
    if isinstance(function, ast.Attribute) and "(" in text:
        return function.attr
    return text


def _has_seed(call: ast.Call) -> bool:
    given = [*call.args, *(one.value for one in call.keywords)]
    return any(
        not (isinstance(one, ast.Constant) and one.value is None) for one in given
    )


_OURS: Final = str(Path(__file__).parent)
_LIBRARY: Final = sysconfig.get_path("stdlib")
#: Modules of Python that only pass on what a program asks of them.
_PASSING: Final = {
    str(Path(_LIBRARY, name)) for name in ("random.py", "secrets.py", "uuid.py")
}
#: How paths begin of what isn't the program's own code.
_INSTALLED: Final = (
    "<frozen",
    "<__array",
    *(
        f"{folder}{os.sep}"
        for folder in {
            _LIBRARY,
            sysconfig.get_path("purelib"),
            sysconfig.get_path("platlib"),
            site.getusersitepackages(),
            *site.getsitepackages(),
            str(Path(__file__).parents[1]),
        }
    ),
)


def _numpy_came(trace: Trace, module: ModuleType) -> None:
    """NumPy makes every generator without a seed from these bits."""

    def randbits(original: Any, bits: int) -> int:
        noticed(trace, "numpy.random")
        return int(original(bits))

    with contextlib.suppress(AttributeError):
        put_round(module, "randbits", randbits)


def _tensorflow_came(trace: Trace, module: ModuleType) -> None:
    """TensorFlow's operations without a seed ask for a global one, and get none."""
    del module

    def get_seed(original: Any, op_seed: Any) -> Any:
        seeds = original(op_seed)
        if seeds == (None, None):
            noticed(trace, "tensorflow", " without a seed", through=_ENGINE)
        return seeds

    inner = sys.modules.get("tensorflow.python.framework.random_seed")
    if inner is not None:
        put_round(inner, "get_seed", get_seed)


def _torch_came(trace: Trace, module: ModuleType) -> None:
    """PyTorch takes a seed from the system only where it is told to."""

    def seed(original: Any) -> Any:
        noticed(trace, "torch.seed()")
        return original()

    put_round(module, "seed", seed)
