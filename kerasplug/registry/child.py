"""The process that asks hook modules, so that nothing they do reaches anybody else.

It is started by `kerasplug.registry.asking` and by nobody else. What it finds goes line
by line into a file, so that all that was said before a crash counts. Each module has a
time limit, kept by a watchdog that needs no cooperation of Python's; a crash and a hang
leave a traceback in another file.
"""

import contextlib
import faulthandler
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, Final, NoReturn

from kerasplug.errors import KerasplugError
from kerasplug.registry.effects import Effects
from kerasplug.registry.parts import (
    Claim,
    Fault,
    Hooked,
    Provider,
    describe,
    trace_of,
)

__all__ = ["CHAIN", "Journal", "asked_in_chain", "main"]

#: The environment variable that holds what is being asked, outermost first. It is set
#: in this process and in those that plugins start in it: they must not ask the same.
CHAIN: Final = "KERASPLUG_ASKING"

#: To end without waiting for threads that plugins have left.
_leave: Final = os._exit


class Journal:
    """What is going on in this process, written at once, for the one that waits.

    Args:
        path: the file to append to.
        trace: the file for the traceback of a crash.
        limit: how many seconds one module may take.
    """

    def __init__(self, path: str, trace: str, limit: float) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._trace = os.open(trace, os.O_WRONLY | os.O_APPEND)
        self._limit = limit
        self._depth = 0
        self._process = os.getpid()
        faulthandler.enable(self._trace)
        os._exit = self._noted_exit

    def write(self, **line: Any) -> None:
        """Append one line of JSON."""
        os.write(self._file, json.dumps(line).encode() + b"\n")

    @contextlib.contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """The time in which `name` (`distribution/entry`) is asked."""
        self._depth += 1
        if self._depth == 1:
            os.truncate(self._trace, 0)
            faulthandler.dump_traceback_later(self._limit, exit=True, file=self._trace)
        self.write(begin=name)
        try:
            yield
        finally:
            self.write(end=name)
            self._depth -= 1
            if not self._depth:
                faulthandler.cancel_dump_traceback_later()

    def _noted_exit(self, status: int) -> NoReturn:
        if os.getpid() == self._process:  # not in a fork of a plugin's own
            text = "".join(traceback.format_stack(sys._getframe(1)))  # noqa: SLF001 -- the caller is what matters
            os.write(self._trace, f"os._exit({status}) was called:\n{text}".encode())
        _leave(status)


_journal: Journal | None = None


def asked_in_chain(provider: Provider, hooked: Hooked) -> Any:
    """What `hooked.ask` gives, in the child process or in one that a plugin started.

    Raises:
        AskedAlreadyError: it is being asked in one of the processes above.
    """
    from kerasplug.registry.hooked import AskedAlreadyError, ask

    name = f"{provider.name}/{hooked.entry}"
    before = os.environ[CHAIN]
    if name in before.split(","):
        raise AskedAlreadyError(name)
    os.environ[CHAIN] = f"{before},{name}"
    try:
        if _journal is None:
            return ask(provider, hooked)
        with _journal.turn(name):
            return ask(provider, hooked, own_output=True)
    finally:
        os.environ[CHAIN] = before


def main(request: Mapping[str, Any]) -> NoReturn:
    """Answer the questions and leave.

    Args:
        request: `questions`, numbers with what `plain_of` and `question_of` make;
            `journal`, `trace` and `limit` as `Journal` has them; `stop`: whether to
            leave after one that imported something heavy, so that the next ones are
            measured without it.
    """
    global _journal  # noqa: PLW0603 -- one a process, as the process is for nothing else
    _journal = Journal(request["journal"], request["trace"], request["limit"])
    interrupted = _watch_interrupts()
    _journal.write(ready=True)
    for number, question in request["questions"]:
        said = _said_to(question)
        if interrupted:
            _journal.write(interrupted=True)
            _leave(130)
        _journal.write(answer=number, said=said)
        if request["stop"] and said["heavy"]:
            break
    _journal.write(done=True)
    _leave(0)


def _watch_interrupts() -> list[int]:
    """A list that is not empty after a real Ctrl-C: a plugin can raise the same."""
    seen: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, note)
    return seen


def _said_to(question: Mapping[str, Any]) -> dict[str, Any]:
    provider = Provider(**_tuples(question["provider"]))
    if "claim" in question:
        return _target(Claim(provider, **_tuples(question["claim"])))
    return _records(provider, Hooked(**question["hooked"]))


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they were before JSON made lists of tuples."""
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in fields.items()
    }


def _records(provider: Provider, hooked: Hooked) -> dict[str, Any]:
    """What a hook module says."""
    from kerasplug.registry.hooked import fault_from

    try:
        fault, effects = asked_in_chain(provider, hooked)
    except KeyboardInterrupt as error:
        # Without a Ctrl-C it is the plugin's own; with one, nobody reads this.
        return _answer(Effects(), fault_from(provider, hooked, error))
    return {
        **_answer(effects, fault),
        "hooks": hooked.hooks,
        "reports": hooked.reports,
        "lines": hooked.lines,
        "source": hooked.source,
        "stamp": hooked.stamp,
    }


def _target(claim: Claim) -> dict[str, Any]:
    """What importing the target of a claim gives."""
    from kerasplug.registry.loading import load

    assert _journal is not None
    fault, effects = None, Effects(own_output=True)
    with _journal.turn(f"{claim.provider.name}/{claim.name}"), effects:
        try:
            load(claim)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is what was asked
            fault = _fault(claim, error)
    return _answer(effects, fault)


def _fault(claim: Claim, error: BaseException) -> Fault:
    what, cause = f"the {claim.kind} {claim.name!r} can't be imported", describe(error)
    mend = ""
    if isinstance(error, KerasplugError):
        expected = f"expected {error.expected}" if error.expected else ""
        what, mend = error.what.rstrip("."), error.mend
        cause = "; ".join(filter(None, [error.found, expected])) or cause
    trace = trace_of(error)
    return Fault(claim.provider, what, cause=cause, mend=mend, trace=trace, error=error)


def _answer(effects: Effects, fault: Fault | None) -> dict[str, Any]:
    return {
        "seconds": effects.seconds,
        "modules": effects.modules,
        "heavy": effects.heavy,
        "fault": _plain(fault),
    }


def _plain(fault: Fault | None) -> dict[str, str] | None:
    if fault is None:
        return None
    missing = fault.error.name if isinstance(fault.error, ModuleNotFoundError) else ""
    return {
        "what": fault.what,
        "cause": fault.cause,
        "mend": fault.mend,
        "trace": fault.trace,
        "missing": missing or "",
    }
