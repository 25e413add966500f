"""The sessions of this process whose workers are alive, and seeds for them."""

import random
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Final

from kerasplug.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kerasplug.engines.workers.session import Session

__all__ = ["LARGEST", "decided", "note", "seeded"]

#: The largest seed that a worker gets: that of Keras' own layers.
#: Source: keras 3.15.1, `keras/src/random/seed_generator.py`, `make_default_seed`.
LARGEST: Final = 10**9

#: Seconds until a worker counts as busy: a step of `fit` in another thread is short.
_WAIT: Final = 1.0

#: A `WeakSet` can't be read while another thread adds to it; a dict's values can.
_sessions: "dict[int, weakref.ref[Session]]" = {}


def note(session: "Session") -> None:
    """Remember a session, for as long as somebody holds it."""
    key = id(session)
    _sessions[key] = weakref.ref(session, lambda _: _sessions.pop(key, None))


def decided(what: str) -> int:
    """A seed that Python's `random` decides, as it does for Keras' own layers.

    Nothing is drawn from it: a model that goes elsewhere changes no number here.

    Args:
        what: it is for; for other things it is another one.
    """
    ahead = random.Random()  # noqa: S311 -- not for secrets
    ahead.setstate(random.getstate())
    return _made_of(ahead.getrandbits(64), what)


def seeded(name: str, seed: int) -> list[str]:
    """What came of seeding the workers of an engine that are alive, in words.

    Args:
        name: the engine's.
        seed: from which each gets one of its own, made with its model's name.
    """
    found = Counter(_seeded(one, seed) for one in _alive() if one.engine.name == name)
    done = found.pop("", 0)
    texts = [f"{name}: {_workers(done)}"] if done else []
    return texts + [
        f"{name}: {_workers(count)} not seeded: {why}"
        for why, count in sorted(found.items())
    ]


def _alive() -> "Iterator[Session]":
    for kept in list(_sessions.values()):
        session = kept()
        if session and session.worker.ours and not session.worker.closed:
            yield session


def _seeded(session: "Session", seed: int) -> str:
    """Why a worker was not seeded; empty: it was."""
    if "seed" not in session.worker.hello["commands"]:
        return "its program has no command for it"
    # By its name and not by its place: others come and go.
    own = _made_of(seed, session.model.name)
    try:
        answer = session.worker.ask_if_idle("seed", wait=_WAIT, seed=own)
    except WorkerError as error:
        return "it has ended" if session.worker.closed else error.what
    return "it is busy in another thread" if answer is None else ""


def _made_of(seed: int, what: str) -> int:
    return random.Random(f"{seed} {what}").randint(1, LARGEST)  # noqa: S311 -- not for secrets


def _workers(count: int) -> str:
    return f"{count} worker" if count == 1 else f"{count} workers"
