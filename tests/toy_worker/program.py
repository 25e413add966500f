"""An engine's program, small: what it can do is what workers can do to their host."""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np

#: What grows while a test lets it.
_HELD = []


def describe():
    """What `hello` tells."""
    return {"engine": "toy", "numpy": np.__version__}


def _check(header, arrays):
    assert float(np.arange(10.0).sum()) == 45.0
    return {}, {}


def _echo(header, arrays):
    return {"header": header}, arrays


def _twice(header, arrays):
    return {}, {name: array * 2 for name, array in arrays.items()}


def _sleep(header, arrays):
    time.sleep(header["seconds"])
    return {"slept": header["seconds"]}, {}


def _busy(header, arrays):
    """Hold Python's lock, so that no other thread runs."""
    return {"sum": sum(range(header["count"]))}, {}


def _allocate(header, arrays):
    _HELD.append(np.ones(header["bytes"], "uint8"))
    held = sum(one.nbytes for one in _HELD)
    _HELD.clear()
    return {"held": held}, {}


def _give(header, arrays):
    return {}, {"given": np.ones(header["bytes"], "uint8")}


def _crash(header, arrays):
    sys.stderr.write("the last words\n")
    os._exit(header.get("code", 3))


def _signal(header, arrays):
    sys.stderr.write("the last words\n")
    os.kill(os.getpid(), getattr(signal, header["name"]))
    time.sleep(60)


def _abort(header, arrays):
    os.abort()


def _raise(header, arrays):
    raise {"ValueError": ValueError, "SystemExit": SystemExit}[header["type"]](
        header["text"]
    )


def _print(header, arrays):
    print("by print")  # noqa: T201 -- as engines do
    os.write(1, b"by descriptor 1\n")
    for _ in range(header.get("times", 0)):
        os.write(1, b"x" * 999 + b"\n")
    return {}, {}


def _variables(header, arrays):
    return {"variables": dict(os.environ), "path": sys.path}, {}


def _descriptors(header, arrays):
    return {"open": sorted(os.listdir("/proc/self/fd"))}, {}


def _fork(header, arrays):
    """Leave a process behind that holds all descriptors."""
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    if header.get("crash"):
        os._exit(4)
    return {"child": child}, {}


def _objects(header, arrays):
    return {}, {"objects": np.array([{}, ()], dtype=object)}


def _unsayable(header, arrays):
    return {"unsayable": {1, 2}}, {}


COMMANDS = {
    "abort": _abort,
    "allocate": _allocate,
    "busy": _busy,
    "check": _check,
    "crash": _crash,
    "descriptors": _descriptors,
    "echo": _echo,
    "fork": _fork,
    "give": _give,
    "objects": _objects,
    "print": _print,
    "raise": _raise,
    "signal": _signal,
    "sleep": _sleep,
    "twice": _twice,
    "unsayable": _unsayable,
    "variables": _variables,
}
