"""Running a program several times, and saying whether it gave the same numbers."""

import json
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from kerasplug import _frameworks
from kerasplug.engines.choosing import package_for
from kerasplug.errors import RecordError, ReproducibilityError
from kerasplug.reproducing.causes import Evidence, likely_causes
from kerasplug.reproducing.comparing import Found, compared, is_earlier
from kerasplug.reproducing.result import Reproducibility
from kerasplug.reproducing.runs import Depth, Laboratory, Run
from kerasplug.reproducing.targets import program_of

if TYPE_CHECKING:
    import os

__all__ = ["check_reproducible"]

#: What errors about arguments are about.
_CALL: Final = "check_reproducible"
#: How many bytes of arrays one run may keep, unless somebody says otherwise.
_KEEP: Final = 256 * 2**20
_STATE: Final = "seed state"
#: Nothing within a step comes before these.
_OUTERMOST: Final = frozenset({"initial weight", "input batch", "order"})


def check_reproducible(  # noqa: PLR0913 -- all of it is the setting of one experiment
    target: "str | os.PathLike[str] | Callable[..., Any]",
    runs: int = 2,
    *,
    args: Iterable[Any] = (),
    argv: Iterable[str] = (),
    depth: str | None = None,
    timeout: float = 600.0,
    backend: str | None = None,
    explain: bool = True,
    keep: int = _KEEP,
    environment: Mapping[str, str] | None = None,
) -> Reproducibility:
    """Run a program several times in fresh processes, and compare its numbers.

    Compared are, bit by bit: the weights that layers begin with, each batch that is
    trained on, the weights and states of random generators after each step, and what a
    function returns. Where something differs, the program is run again and watched
    inside a step as well, at activations, losses and gradients, so that the first
    tensor that differs has a name. Then likely causes are looked for.

    The processes run one after the other. Each has another `PYTHONHASHSEED`, so that
    programs which depend on the order of hashes show it.

    Args:
        target: the path of a script; or a function at the top of a module or of the
            script that is running, or a static or class method.
        runs: how often it is run, >= 2. Rare differences need more.
        args: of the function: None, booleans, finite numbers, texts, and lists and
            dicts of them.
        argv: the arguments of the script.
        depth: `"steps"`: never look inside a step; `"inside"`: always; None: where
            there is a difference.
        timeout: how many seconds one run may take, > 0.
        backend: the backend that Keras starts on; None: the one that is active here,
            or else what the environment and `keras.json` say.
        explain: whether causes are looked for after a difference; the program then
            runs some more times under other settings.
        keep: how many bytes of arrays one run may keep on disk, >= 0, 256 MiB by
            default. What is beyond that is compared, but not told element by element.
        environment: variables that the processes have besides those of this one;
            with PYTHONHASHSEED among them all runs have the same hashes, as a program
            has that begins anew by `use_session_with_seed(…, hash_seed="reexec")`.

    Returns:
        A `Reproducibility`, which is true where all runs gave the same.

    Raises:
        RecordError: an argument is not of these.
        ReproducibilityError: there is no such script; no fresh process can find the
            function; a run failed; or nothing happened that could be compared.
        UnknownNameError: there is no backend of that name.
        ImplementationError: Keras or the backend is not installed, or broken.
        KerasplugError: no process can be started from this program.

    Guarantees:
        What is wrong about arguments is raised before any process starts. No process
        is left behind, and no file either, also after Ctrl-C; a temporary folder only
        where this process is killed.

    Example:
        >>> check_reproducible(lambda: 4)
        Traceback (most recent call last):
        kerasplug.errors.ReproducibilityError: <lambda> can't be found by a fresh ...
          found:    a lambda
          expected: a function at the top of a module or script, or a script's path
          mend:     write it with def at the top of a file
    """
    _check_number("runs", runs, 2)
    _check_number("keep", keep, 0)
    _check_timeout(timeout)
    if depth not in (None, "steps", "inside"):
        rule = "'steps', 'inside' or None"
        raise RecordError(_CALL, "depth", depth, rule)
    program = program_of(target, _plain(args), _texts(argv))
    variables = {**_on(backend), **_environment(environment)}
    with tempfile.TemporaryDirectory(
        prefix="kerasplug-reproduce-", ignore_cleanup_errors=True
    ) as folder:
        laboratory = Laboratory(
            program,
            Path(folder),
            keep=keep,
            timeout=timeout,
            environment=variables,
        )
        return _checked(laboratory, runs, cast("Depth | None", depth), explain=explain)


# --- before anything starts ---------------------------------------------------------


def _check_number(field: str, value: object, least: int) -> None:
    good = isinstance(value, int) and not isinstance(value, bool)
    if not good or cast("int", value) < least:
        raise RecordError(_CALL, field, value, f"a whole number >= {least}")


def _check_timeout(value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < cast("float", value) < math.inf:
        raise RecordError(_CALL, "timeout", value, "a finite number > 0")


def _plain(args: Iterable[Any]) -> list[Any]:
    """The arguments, if another process gets the same."""
    found = list(args)
    try:
        same = json.loads(json.dumps(found, allow_nan=False)) == found
    except (TypeError, ValueError):
        same = False
    if not same:
        rule = "None, booleans, finite numbers, texts, and lists and dicts of them"
        raise RecordError(_CALL, "args", found, rule)
    return found


def _texts(argv: Iterable[str]) -> list[str]:
    found = [argv] if isinstance(argv, str) else list(argv)
    if isinstance(argv, str) or not all(isinstance(one, str) for one in found):
        raise RecordError(_CALL, "argv", argv, "a list of texts")
    return found


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    found = dict(given or {})
    if not all(isinstance(one, str) for pair in found.items() for one in pair):
        rule = "a dict of texts: name of a variable -> value"
        raise RecordError(_CALL, "environment", given, rule)
    return found


def _on(backend: str | None) -> dict[str, str]:
    """What chooses the backend in other processes."""
    if backend is None:
        active = _frameworks.active_backend()
        return {"KERAS_BACKEND": active} if active else {}
    if package_for(backend) is None:
        state = _frameworks.examine("keras", backend)
        if not state:
            raise state.error()
    return {"KERAS_BACKEND": backend.rpartition("/")[2]}


# --- the experiment -----------------------------------------------------------------


def _checked(
    laboratory: Laboratory, count: int, depth: Depth | None, *, explain: bool
) -> Reproducibility:
    begin: Depth = depth or "steps"
    runs = [laboratory.run(number, begin) for number in range(1, count + 1)]
    found = _compared(runs)
    if not found.tensors:
        _refuse_nothing(laboratory, runs)
    evidence = None if found.first is None else _evidence(found, runs, begin)
    notes = _notes(runs)
    if evidence is not None and depth is None:
        evidence, more = _inside(laboratory, evidence)
        notes += more
    causes: tuple[str, ...] = ()
    if evidence is not None and explain:
        causes = likely_causes(evidence, laboratory)
    return Reproducibility(
        laboratory.program.label,
        evidence and evidence.found.first,
        count,
        found.steps,
        found.tensors,
        causes,
        tuple(dict.fromkeys(notes)),
        str(runs[0].answer.get("backend") or ""),
        dict(runs[0].answer.get("versions") or {}),
    )


def _compared(runs: list[Run], *, without: str = "") -> Found:
    folders, numbers = [run.folder for run in runs], [run.number for run in runs]
    return compared(folders, numbers, without=without)


def _evidence(found: Found, runs: list[Run], depth: Depth) -> Evidence:
    assert found.first is not None
    by_number = {run.number: run for run in runs}
    one, two = (by_number[number] for number in found.first.runs)
    return Evidence(found, (one, two), runs[0], depth, len(runs))


def _inside(laboratory: Laboratory, evidence: Evidence) -> tuple[Evidence, list[str]]:
    """Look again, inside the steps; what is found later than before does not count."""
    first = evidence.found.first
    assert first is not None
    if first.kind in _OUTERMOST:
        return evidence, []
    runs = [laboratory.run(run.number, "inside") for run in evidence.runs]
    notes = _notes(runs)
    found = _compared(runs)
    if found.first is None:
        again = "nothing differed when the program was watched inside its steps"
        return evidence, [*notes, f"{again}; the difference is that of runs before"]
    if not is_earlier(found.first, first):
        again = "the runs that were watched inside their steps parted later"
        return evidence, [*notes, f"{again}: {found.first}"]
    one, two = runs
    deeper = evidence._replace(found=found, runs=(one, two))
    return deeper, [*notes, *_effect(found, runs)]


def _effect(found: Found, runs: list[Run]) -> list[str]:
    """What the state of a generator, which has no layer's name, is used for."""
    if found.first is None or found.first.kind != _STATE:
        return []
    later = _compared(runs, without=_STATE).first
    return [] if later is None else [f"the first that was made of it: {later}"]


def _notes(runs: list[Run]) -> list[str]:
    return [str(note) for run in runs for note in run.answer.get("notes") or ()]


def _refuse_nothing(laboratory: Laboratory, runs: list[Run]) -> None:
    """An answer without anything behind it would be taken for a good one."""
    what = f"Nothing happened in {laboratory.program.label} that could be compared."
    raise ReproducibilityError(
        what,
        found="; ".join(dict.fromkeys(_notes(runs))),
        expected="a program that trains a model of Keras, or a function that returns "
        "numbers",
        mend="call what trains the model; code below `if __name__ == '__main__'` runs "
        "in scripts, not in functions",
    )
