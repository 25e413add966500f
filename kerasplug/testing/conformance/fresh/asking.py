"""Making a job of a case, and reading what came of it."""

import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

from kerasplug._frameworks import family_root
from kerasplug.implementation import chosen
from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable
from kerasplug.testing.conformance.fresh import job
from kerasplug.testing.conformance.fresh.actions import SETTINGS
from kerasplug.testing.conformance.fresh.modules import place_of, places_of, target_of
from kerasplug.testing.conformance.fresh.packing import pack, unpack
from kerasplug.testing.conformance.fresh.pool import pool
from kerasplug.testing.conformance.fresh.servers import Ended, Setting
from kerasplug.testing.conformance.structures import flatten
from kerasplug.wrapping.classes import clipped

__all__ = ["Job", "Raised", "limits", "setting_of", "start_early"]

#: How much of a traceback is shown, in lines.
_LINES = 12


def start_early(case: Case) -> None:
    """Start the server that a case will need, without waiting for it.

    Raises:
        CheckSetupError: this is another process already, which is to do one job.
    """
    with contextlib.suppress(NotApplicable):
        pool().start(setting_of(case))


def setting_of(case: Case) -> Setting:
    """The Keras of a case, for a server."""
    root = "tf_keras" if case.engine.legacy else "keras"
    name = chosen()
    return Setting(name if family_root(name) == root else root, case.engine.name)


def limits(case: Case) -> tuple[float | None, float | None]:
    """The tolerances for what another process has computed; None: those by dtype.

    It computes on the CPU: the host may have taken an accelerator's memory. That one
    may multiply with fewer digits.
    """
    if case.tolerances is not None:
        return case.tolerances
    tensor = flatten(case.tensors())[0]
    device = str(getattr(tensor, "device", "") or "cpu").lower()
    return (None, None) if "cpu" in device else _ACCELERATED


#: Ten bits of a number, which are what some matrix units multiply.
_ACCELERATED = (1e-2, 1e-2)


class Raised(NamedTuple):
    """What was raised in the other process.

    Args:
        type: the name of the class.
        text: its text.
        place: file and line of the last code that is not Keras'; empty: there is none.
        stage: what the process was doing.
    """

    type: str
    text: str
    place: str
    stage: str

    def __str__(self) -> str:
        # Keras puts the reason last, after a configuration that has no end.
        text, marked, reason = self.text.rpartition("Exception encountered:")
        said = " ".join((reason if marked else text or reason).split())
        return f"{self.type}: {clipped(said, 500)}"


class Job:
    """Something to be done with a layer in another process.

    Args:
        case: the layer.
        do: what: as `kerasplug.testing.conformance.fresh.actions` has it.
        setting: with which Keras. Default: the case's own.

    Raises:
        NotApplicable: another process can't have the layer, or what it needs.
    """

    def __init__(self, case: Case, do: str, setting: Setting | None = None) -> None:
        self.case = case
        self.setting = setting or setting_of(case)
        self.folder = pool().folder()
        self._arrays: list[Any] = []
        self._request: dict[str, Any] = {
            "do": do,
            "folder": str(self.folder),
            "arrays": str(self.folder / "given.npz"),
            "limit": case.timeout,
            "environ": dict(os.environ),
            "path": [one for one in sys.path if isinstance(one, str)],
            "cwd": str(Path.cwd()),
            "settings": {
                name: getattr(case.keras.backend, name)() for name in SETTINGS
            },
            "by_keyword": case.by_keyword,
            "first": [],
            "stage": "",
        }
        self.pack(inputs=case.data(), call_kwargs=case.call_kwargs)

    def pack(self, **parts: Any) -> None:
        """Give it structures of arrays."""
        for key, one in parts.items():
            self._request[key] = pack(one, self._arrays, self.case.engine.array)

    def tell(self, **parts: Any) -> None:
        """Give it plain values."""
        self._request |= parts

    def import_modules(self, *more: type) -> None:
        """Have the layer's own modules imported, and the case's custom objects."""
        objects = self.case.custom_objects
        targets = {key: target_of(one, key) for key, one in objects.items()}
        targets |= {one.__name__: target_of(one) for one in more}
        places = [*places_of(self.case.cls)]
        for target in targets.values():
            places += place_of(target.partition(":")[0])
        self.tell(modules=places, custom_objects=targets)

    def run(self) -> "dict[str, Any] | Raised":
        """Have it done.

        Returns:
            What it replied, with arrays; or what it raised.

        Raises:
            Failed: there is no reply: it hangs, or its process ended.
            CheckSetupError: there is no such process to be had.
        """
        try:
            return self._run()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self) -> "dict[str, Any] | Raised":
        arrays.write(self._request["arrays"], self._arrays)
        ended = pool().run(self.setting, self._request)
        reply = self.folder / f"{job.REPLY}.json"
        if not reply.exists():
            raise self._ended(ended)
        said = json.loads(reply.read_text("utf-8"))
        if "raised" in said:
            return Raised(**said["raised"], stage=self._text(job.STAGE))
        found = arrays.read(str(self.folder / f"{job.REPLY}.npz"))
        return {key: unpack(one, found) for key, one in said["done"].items()}

    def _text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text("utf-8", errors="replace").strip()
        except OSError:
            return ""

    def _ended(self, ended: Ended) -> Failed:
        trace, stage = self._text(job.TRACE), self._text(job.STAGE)
        while_ = f" while {stage}" if stage else ""
        shown = _shown(trace or self._text(job.OUTPUT))
        limit = self._request["limit"]
        if ended.late or trace.startswith("Timeout ("):
            return Failed(
                f"In a new process it hangs{while_}.",
                found=f"not done after {limit:g} s{shown}",
                expected=f"an end within timeout={limit:g} seconds",
                mend="see where it waits; a slow layer needs a larger `timeout`",
            )
        return Failed(
            f"It ends a new process{while_}.",
            found=f"{_how(ended.code)}{shown}",
            expected="a result, or an exception",
        )


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _shown(trace: str) -> str:
    lines = trace.splitlines()
    if not lines:
        return ""
    cut = [*lines[:_LINES], "…"] if len(lines) > _LINES else lines
    return "\n" + "\n".join(f"    {line}" for line in cut)
