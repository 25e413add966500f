"""Why runs differ: what they wrote down, and trying again under other settings."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from kerasplug.reproducing.comparing import Found, compared
from kerasplug.reproducing.numbers import kept, rows
from kerasplug.reproducing.reading import RANDOM, Event, engine_state, events
from kerasplug.reproducing.runs import Depth, Laboratory, Run, Setting

__all__ = ["Evidence", "likely_causes"]

#: How a child tells of pipelines.
_TF_DATA: Final = "deterministic=False"
#: So many places of a kind are named.
_MOST: Final = 5
#: What the first run has anyway.
_HASH_SEED: Final = 1
#: So many runs of a program that races are seldom the same by chance.
_RACES: Final = 3
_ADVICE: Final = "Call kerasplug.use_session_with_seed(42) before anything else."


class Evidence(NamedTuple):
    """What the causes are found by.

    Args:
        found: where the runs part.
        runs: the two that do.
        plain: the first of all runs, which is at that depth.
        depth: how deep one has to look to see that.
        times: how often the program ran.
    """

    found: Found
    runs: tuple[Run, Run]
    plain: Run
    depth: Depth
    times: int

    @property
    def backend(self) -> str:
        """What computed."""
        return str(self.runs[0].answer.get("backend") or "")


def likely_causes(evidence: Evidence, laboratory: Laboratory) -> tuple[str, ...]:
    """The likely causes, the likeliest first: what was tried, what was seen, the rest.

    Args:
        evidence: of a difference.
        laboratory: where the program can be run again.

    Raises:
        ReproducibilityError: it failed this time.
    """
    seen = [*_another_order(evidence), *_noticed_calls(evidence)]
    threads = _threads(evidence)
    tried = _tried(evidence, laboratory, explained=bool(seen or threads))
    if tried:
        return (*tried, *_another_order(evidence))
    return (*seen, *threads, *_states(evidence)) or (_nothing(evidence),)


# --- what is tried ------------------------------------------------------------------


def _tried(
    evidence: Evidence, laboratory: Laboratory, *, explained: bool
) -> tuple[str, ...]:
    """The causes that go away under another setting."""
    same = functools.partial(_is_same, evidence, laboratory)
    backend = evidence.backend
    # What is likelier comes first: each trial starts Keras several times.
    unseeded = bool(_other_states(evidence))
    if unseeded and same(Setting(seeded=backend)):
        return (_unseeded(evidence),)
    hashed = not laboratory.has_fixed_hashes
    if hashed and same(Setting(hash_seed=_HASH_SEED)):
        return (_hashes(),)
    if hashed and unseeded and same(Setting(seeded=backend, hash_seed=_HASH_SEED)):
        return (_unseeded(evidence), _hashes())
    if explained:
        return ()
    if not unseeded and same(Setting(seeded=backend)):
        return (_unseeded(evidence),)
    return (_parallel(evidence),) if same(Setting(one_thread=True)) else ()


def _is_same(evidence: Evidence, laboratory: Laboratory, setting: Setting) -> bool:
    """Whether the program gives the same each time under a setting."""
    first = evidence.plain
    if setting != Setting(hash_seed=_HASH_SEED):
        first = laboratory.run(1, evidence.depth, setting, keep=False)
    for number in range(2, _enough(evidence) + 1):
        run = laboratory.run(number, evidence.depth, setting, keep=False)
        if compared((first.folder, run.folder), (1, number)).first is not None:
            return False
    return True


def _enough(evidence: Evidence) -> int:
    """How often a program has to give the same before that is believed."""
    first = evidence.found.first
    # Weights are made before anything can race, and never are the same by chance.
    by_chance = first is None or first.kind != "initial weight"
    return max(_RACES if by_chance else 2, evidence.times)


def _hashes() -> str:
    return (
        "The order of a set or dict depends on hashes of texts: with one "
        "PYTHONHASHSEED all runs are the same. Use sorted(...) where a set is gone "
        "through, or set PYTHONHASHSEED before Python starts."
    )


def _unseeded(evidence: Evidence) -> str:
    """What nobody seeded: seeding it before the program begins was enough."""
    first = evidence.found.first
    proof = (
        "with all generators seeded before the program begins, all runs are the same"
    )
    if first is not None and first.kind == "initial weight":
        return f"No seed was set, so the initial weights differ: {proof}. {_ADVICE}"
    names = _other_states(evidence) or [f"the generator of {evidence.backend}"]
    verb = "is" if len(names) == 1 else "are"
    return f"{_begun(' and '.join(names))} {verb} not seeded: {proof}. {_ADVICE}"


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _parallel(evidence: Evidence) -> str:
    backend = evidence.backend
    return (
        f"{backend} divides sums among threads, whose order changes what is rounded: "
        "with one thread all runs are the same. Use its deterministic operations "
        "(kerasplug.use_session_with_seed(42, disable_parallel_cpu=True)), or accept "
        "differences of this size."
    )


# --- what was seen ------------------------------------------------------------------


def _another_order(evidence: Evidence) -> list[str]:
    """Batches that have the same rows."""
    first = evidence.found.first
    left, right = evidence.found.events
    if first is None or first.kind != "input batch" or left is None or right is None:
        return []
    where = ""
    if _have_the_same_rows(evidence, lambda one: one.key == left.key):
        where = "in that batch"
    elif _have_the_same_rows(evidence, lambda one: _is_part(one, left)):
        where = "spread over the batches otherwise"
    if not where:
        return []
    text = (
        f"The same rows came in another order, {where}: shuffle with a seed, keep "
        "tf.data deterministic, and let one thread or process feed the batches."
    )
    return [text]


def _is_part(one: Event, other: Event) -> bool:
    return (one.kind, one.name) == (other.kind, other.name)


def _have_the_same_rows(evidence: Evidence, wanted: Callable[[Event], bool]) -> bool:
    """Whether both runs have the same rows in these batches, if all were kept."""
    found = []
    for run in evidence.runs:
        chosen = [one for one in events(run.folder) if wanted(one) and one.shape]
        if not chosen or any(kept(run.folder, one) is None for one in chosen):
            return False
        found.append(rows(kept(run.folder, one) for one in chosen))
    return found[0] == found[1]


def _noticed_calls(evidence: Evidence) -> Iterator[str]:
    """What gave up seeds or order, and where, up to the difference."""
    places = dict.fromkeys(one.name for one in _random_calls(evidence))
    unordered = [one for one in places if _TF_DATA in one]
    unseeded = [one for one in places if _TF_DATA not in one]
    if unordered:
        yield (
            f"tf.data gives up the order of its elements: {_some(unordered)}. Leave "
            "`deterministic` out, or say True."
        )
    if unseeded:
        yield (
            f"Random numbers are drawn without a seed: {_some(unseeded)}. Give each of "
            "these a seed, for example one of kerasplug.derive_seeds."
        )


def _some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return "; ".join(every[:_MOST]) + more


def _random_calls(evidence: Evidence) -> Iterator[Event]:
    """All such calls of a run before the place where it parts."""
    left, right = evidence.found.events
    run, last = (evidence.runs[0], left) if left else (evidence.runs[1], right)
    before = itertools.takewhile(
        lambda one: last is None or one.key != last.key, events(run.folder)
    )
    return (one for one in before if one.kind == RANDOM)


def _threads(evidence: Evidence) -> list[str]:
    names = {name: None for one in evidence.found.events if one for name in one.threads}
    if not names:
        return []
    text = (
        f"Other Python threads were alive there ({_some(names)}), and what they do "
        "first is left to chance. Let one thread make what the training gets, or take "
        "the results of threads in a fixed order."
    )
    return [text]


def _other_states(evidence: Evidence) -> list[str]:
    """The global generators whose state differed at the place where runs part."""
    left, right = evidence.found.events
    if left is None or right is None:
        return []
    folders = (run.folder for run in evidence.runs)
    own = map(engine_state, folders, (left, right))
    pairs = (
        ("Python's random", left.python, right.python),
        ("NumPy's global generator", left.numpy, right.numpy),
        (f"the global generator of {evidence.backend}", *own),
    )
    return [name for name, one, two in pairs if one != two and one and two]


def _states(evidence: Evidence) -> list[str]:
    """The same where nothing proves that they matter."""
    return [
        f"{_begun(name)} is not seeded: its state differs there. It matters if the "
        f"program uses it. {_ADVICE}"
        for name in _other_states(evidence)
    ]


def _nothing(evidence: Evidence) -> str:
    return (
        "Nothing that was tried or seen explains it: neither hashes, nor seeds, nor "
        f"threads of Python or {evidence.backend}. What is left is the time, the "
        "network, files that change, and operations of a GPU that are not "
        "deterministic."
    )
