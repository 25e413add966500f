"""What a traced program's numbers were, event by event, in two files.

`journal.jsonl` has a line for each event, `arrays.bin` the bytes behind them, as far
as there is room. Nothing in them is a pickle.
"""

import hashlib
import json
import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from kerasplug.reproducing.tracing_values import plain

__all__ = ["OURS", "Group", "Journal"]

#: How names of our own threads begin.
OURS: Final = "kerasplug-"
#: Bytes of a digest.
_DIGEST: Final = 16
#: The same of a generator's state, which is only ever compared.
_SHORT: Final = 6


class Group(NamedTuple):
    """What arrives together.

    Attributes:
        events: (kind, name) of each value.
        moment: "now"; "ahead" for what belongs to the step that isn't over yet;
            "begin" and "end" for what stands first and last in a step.
    """

    events: tuple[tuple[str, str], ...]
    moment: str = "now"


class Journal:
    """Writes down events; steps are counted here, as they arrive.

    Compiled code is traced once and runs many times, so that only here anybody knows
    which step it is.

    Args:
        folder: where both files are made.
        keep: how many bytes of arrays are kept; digests go on after them.
    """

    def __init__(self, folder: str, keep: int) -> None:
        self._lines = (Path(folder) / "journal.jsonl").open("w", encoding="utf-8")
        self._bytes = (Path(folder) / "arrays.bin").open("wb")
        # Compiled code calls from threads of its own, and a call without a seed can
        # be noticed while an event is written.
        self._lock = threading.RLock()
        self._room = keep
        self._at = 0
        self._done = 0
        self._inside = False
        self._seen: Counter[tuple[str, str]] = Counter()
        self._seen_in = 0
        self._closed = False
        self._process = os.getpid()

    def take(self, group: Group, values: Iterable[Any]) -> None:
        """Write down what arrived.

        Args:
            group: what it is.
            values: an array, or what becomes one, for each event of the group.
        """
        if os.getpid() != self._process:  # a copy of this process that loads data
            return
        with self._lock:
            if self._closed:
                return
            step = self._step(group.moment)
            around = self._around()
            for (kind, name), value in zip(group.events, values, strict=True):
                self._write(kind, name, step, value, around)
            if group.moment == "end":
                self._done, self._inside = step, False
            self._bytes.flush()
            self._lines.flush()

    def close(self) -> None:
        """Write all that is left; later events are dropped."""
        with self._lock:
            self._closed = True
            self._lines.close()
            self._bytes.close()

    def _step(self, moment: str) -> int:
        """The step that an event belongs to, counted from 1; 0 before the first."""
        if moment == "begin":
            self._inside = True
        within = self._inside or moment != "now"
        return self._done + 1 if within else self._done

    def _write(
        self, kind: str, name: str, step: int, value: Any, around: dict[str, Any]
    ) -> None:
        if step != self._seen_in:
            self._seen, self._seen_in = Counter(), step
        occurrence = self._seen[kind, name]
        self._seen[kind, name] += 1
        event = {
            "kind": kind,
            "name": name,
            "step": step,
            "occurrence": occurrence,
            **self._kept(value),
            **around,
        }
        self._lines.write(json.dumps(event) + "\n")

    def _kept(self, value: Any) -> dict[str, Any]:
        """What a line says of an array; its bytes go to the other file."""
        if value is None:
            return {"digest": "", "dtype": "", "shape": [], "at": None, "size": 0}
        dtype, shape, data, is_text = plain(value)
        at = None
        if data.nbytes <= self._room and not is_text:
            at = self._at
            self._bytes.write(data)
            self._at += data.nbytes
            self._room -= data.nbytes
        digest = hashlib.blake2b(data, digest_size=_DIGEST)
        digest.update(f"{dtype}{shape}".encode())
        return {
            "digest": digest.hexdigest(),
            "dtype": dtype,
            "shape": list(shape),
            "at": at,
            "size": data.nbytes,
        }

    def _around(self) -> dict[str, Any]:
        """Other threads, and the states of the generators that all code shares."""
        return {"threads": _threads(), "python": _python(), "numpy": _numpy()}


def _threads() -> list[str]:
    """Names of Python's threads, without the main one, ours and native ones."""
    main = threading.main_thread()
    return [
        one.name
        for one in threading.enumerate()
        if one is not main
        and not one.name.startswith(OURS)
        and type(one).__name__ != "_DummyThread"
    ]


def _python() -> str:
    return _short(repr(random.getstate()).encode())


def _numpy() -> str:
    """The state of NumPy's global generator; empty where nobody has loaded it."""
    numpy = sys.modules.get("numpy.random")
    if numpy is None or not hasattr(numpy, "get_state"):
        return ""
    state = numpy.get_state(legacy=False)["state"]
    if "key" not in state:  # another generator than the usual one was put there
        return _short(repr(state).encode())
    return _short(state["key"].tobytes() + str(state["pos"]).encode())


def _short(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_SHORT).hexdigest()
