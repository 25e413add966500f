"""Asking hook modules: in a child process, so that nothing they do reaches this one.

A hook module that hangs, ends the process, crashes it, prints, or imports TensorFlow
does so there. Where no child can be had, this process asks by itself, under a mark that
tells the next start what it died over.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from kerasplug.config import says_yes
from kerasplug.errors import ConfigError
from kerasplug.registry import quarantine
from kerasplug.registry.child import CHAIN, asked_in_chain
from kerasplug.registry.hooked import AskedAlreadyError, ask
from kerasplug.registry.parts import Fault, Hooked, Provider
from kerasplug.registry.starting import Ending, interpreter, start

__all__ = ["Answer", "ask_all", "plain_of", "time_limit"]

#: Environment variable: how many seconds one hook module may take.
_LIMIT = "KERASPLUG_HOOK_TIMEOUT"
#: Importing TensorFlow works, is reported, and takes up to 15 s on a busy machine.
_DEFAULT_LIMIT = 60.0
#: Environment variable: ask in this process, for example to stop in a debugger.
_HERE = "KERASPLUG_ASK_HERE"

Question = tuple[Provider, Hooked]
#: What the child said, or what is to be said of one that ended over the question.
_Said = dict[str, Any] | Fault


class Answer(NamedTuple):
    """How a question went.

    Args:
        fault: what went wrong, if anything.
        seconds: how long it took; None where it was not asked.
        asked: False where it is being asked already, further up.
    """

    fault: Fault | None = None
    seconds: float | None = None
    asked: bool = True


_lock = Lock()
if hasattr(os, "register_at_fork"):
    # A fork while another thread asks would inherit a lock that nobody opens.
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=Lock()))

#: What was said when the environment was as the key tells: 16 threads, one child.
_said: tuple[object, dict[tuple[str, ...], _Said]] = (None, {})


def ask_all(questions: Sequence[Question], key: object) -> list[Answer]:
    """Ask hook modules, and note in each what it says.

    Args:
        questions: providers with their hook modules.
        key: what the answers depend on; while it is the same, so are they.

    Returns:
        One answer for each question, in their order.

    Raises:
        ConfigError: KERASPLUG_HOOK_TIMEOUT is no number of seconds.
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    quarantine.collect()
    answers: dict[int, Answer] = {}
    for number, (provider, hooked) in enumerate(questions):
        kept = quarantine.find(provider, hooked)
        if kept is not None:
            answers[number] = Answer(quarantine.fault_of(provider, kept))
    left = {
        number: question
        for number, question in enumerate(questions)
        if number not in answers
    }
    if left:
        answers |= _asked(left, key)
    return [answers[number] for number in range(len(questions))]


def time_limit() -> float:
    """How many seconds a hook module may take.

    Raises:
        ConfigError: KERASPLUG_HOOK_TIMEOUT is no number of seconds.
    """
    text = os.environ.get(_LIMIT, "").strip()
    try:
        seconds = float(text) if text else _DEFAULT_LIMIT
    except ValueError:
        seconds = -1.0
    if 0 < seconds < float("inf"):
        return seconds
    message = f"The environment variable {_LIMIT} is not a time limit."
    raise ConfigError(
        message,
        found=text,
        expected="seconds, a number above 0",
        mend=f"unset {_LIMIT}, which means {_DEFAULT_LIMIT:g}",
    )


def _asked(left: Mapping[int, Question], key: object) -> dict[int, Answer]:
    if CHAIN in os.environ:
        return {number: _in_chain(*question) for number, question in left.items()}
    limit = time_limit()
    if says_yes(_HERE) or not interpreter():
        return {number: _here(*question) for number, question in left.items()}
    with _lock:
        said = _elsewhere(left, key, limit)
    # Without the lock: what only this process can import is plugin code run here.
    return {
        number: _noted(*question, said[number]) or _here(*question)
        for number, question in left.items()
    }


def _in_chain(provider: Provider, hooked: Hooked) -> Answer:
    try:
        asked = asked_in_chain(provider, hooked)
    except AskedAlreadyError:
        return Answer(asked=False)
    return Answer(asked.fault, asked.effects.seconds)


def _here(provider: Provider, hooked: Hooked) -> Answer:
    try:
        with quarantine.watched(provider, hooked):
            asked = ask(provider, hooked)
    except AskedAlreadyError:
        return Answer(asked=False)
    return Answer(asked.fault, asked.effects.seconds)


def _identity(provider: Provider, hooked: Hooked) -> tuple[str, ...]:
    return provider.location, provider.version, hooked.entry, hooked.module


def _elsewhere(
    left: Mapping[int, Question], key: object, limit: float
) -> dict[int, _Said | None]:
    """What child processes say; None for what they could not be asked."""
    global _said  # noqa: PLW0603 -- a cache of one, under the lock
    if _said[0] != key:
        _said = key, {}
    known = _said[1]
    waiting = {
        number: plain_of(*question)
        for number, question in left.items()
        if _identity(*question) not in known
    }
    while waiting:
        ending = start(waiting, limit, stop=True)
        for number, said in ending.answers.items():
            known[_identity(*left[number])] = said
            del waiting[number]
        if ending.how == "failed" or (not ending.answers and ending.how == "done"):
            break
        if ending.how == "interrupted":
            # Ctrl-C reached the child first; it is on its way to this process.
            raise KeyboardInterrupt
        if ending.how != "done" and waiting:
            number = _culprit(ending, left, waiting)
            known[_identity(*left[number])] = _crash(left[number], ending)
            del waiting[number]
    return {number: known.get(_identity(*one)) for number, one in left.items()}


def plain_of(provider: Provider, hooked: Hooked) -> dict[str, Any]:
    """What the child process has to know to ask a hook module."""
    return {
        "provider": {
            "name": provider.name,
            "version": provider.version,
            "location": provider.location,
        },
        "hooked": {"entry": hooked.entry, "module": hooked.module},
    }


def _culprit(
    ending: Ending, left: Mapping[int, Question], waiting: Mapping[int, object]
) -> int:
    """The one over which the child ended: the innermost that it had begun."""
    for name in reversed(ending.begun):
        for number in waiting:
            provider, hooked = left[number]
            if name == f"{provider.name}/{hooked.entry}":
                return number
    return next(iter(waiting))


def _crash(question: Question, ending: Ending) -> Fault:
    """The fault of a module that let its process end, or hang."""
    provider, hooked = question
    entry = quarantine.Entry.of(provider, hooked, ending.reason, ending.trace)
    if ending.how == "crashed":
        quarantine.add(entry)
        return quarantine.fault_of(provider, entry)
    return Fault(
        provider,
        f"the hook module {hooked.module} of {provider.name} was not heard out",
        entry=hooked.entry,
        cause=ending.reason,
        trace=ending.trace,
        mend="try again",
    )


def _noted(provider: Provider, hooked: Hooked, said: _Said | None) -> Answer | None:
    """Write into `hooked` what was said; None where only this process can ask."""
    if isinstance(said, Fault):
        return Answer(said)
    if said is None:
        return None
    if said["fault"] is not None:
        return _faulty(provider, hooked, said)
    hooked.hooks = tuple(said["hooks"])
    hooked.reports = list(said["reports"])
    hooked.source, hooked.stamp = said["source"], said["stamp"]
    hooked.lines = [
        (kind, name, target, registered, tuple(aliases), payload, summary)
        for kind, name, target, registered, aliases, payload, summary in said["lines"]
    ]
    return Answer(None, said["seconds"])


def _faulty(provider: Provider, hooked: Hooked, said: dict[str, Any]) -> Answer | None:
    fault = said["fault"]
    top = hooked.module.partition(".")[0]
    if fault["missing"] == top and _is_importable(top):
        return None  # by an import hook that only this process has
    made = Fault(
        provider,
        fault["what"],
        entry=hooked.entry,
        cause=fault["cause"],
        trace=fault["trace"],
        mend=fault["mend"],
    )
    return Answer(made, said["seconds"])


def _is_importable(top: str) -> bool:
    import importlib.util

    return top in sys.modules or importlib.util.find_spec(top) is not None
