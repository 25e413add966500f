"""`use_session_with_seed`: what makes a session give the same numbers again.

Source: `use_session_with_seed` of the R interface to Keras (`rstudio/tensorflow`,
R/seed.R), in its order: hooks, a cleared session, devices, seeds, threads, the line,
hooks.
"""

import dataclasses
import importlib.util
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from kerasplug.callers import level_outside
from kerasplug.errors import ConfigError, KerasplugWarning, PluginError
from kerasplug.implementation import implementation
from kerasplug.models.kinds import is_layer
from kerasplug.registry.calling import HookAnswer, call_hook
from kerasplug.seeding import hashes
from kerasplug.seeding.deriving import checked_seed
from kerasplug.seeding.engine import engine_name, plans_of, start
from kerasplug.seeding.environment import is_set_for
from kerasplug.seeding.layers import capture_layers, reseed
from kerasplug.seeding.measures import Plan, Wish
from kerasplug.seeding.report import Measure, SeedReport, refused
from kerasplug.seeding.states import (
    SOURCES,
    Restore,
    Source,
    seed_everything_loaded,
    seed_when_loaded,
)

__all__ = ["use_session_with_seed"]

#: What earlier calls have disabled.
_held: set[str] = set()

#: What takes back that engines get the seed of the last call when they are imported.
_awaited: list[Restore] = []


def use_session_with_seed(
    seed: int,
    disable_gpu: bool = True,  # noqa: FBT001, FBT002 -- R's signature
    disable_parallel_cpu: bool = True,  # noqa: FBT001, FBT002 -- R's signature
    *,
    quiet: bool = False,
    strict: bool = True,
    hash_seed: str = "warn",
    op_determinism: bool = False,
    models: Iterable[Any] = (),
) -> SeedReport:
    """Let a session give the same numbers as another one with this seed.

    Call it first in a program, before anything is computed. In this order it calls the
    plugins' hooks `kerasplug_before_seed`, starts Keras, clears its session as
    `keras.utils.clear_session` does (models that exist stay; dtype policy and
    distribution too), hides GPUs, sets threads and operations, seeds Python's `random`,
    NumPy, the engine and Keras, calls the hooks `kerasplug_after_seed`, and prints one
    line to standard error. TensorFlow and PyTorch, where they are not what computes,
    are seeded when somebody imports them.

    It can be called again; a measure that was taken then is kept, or given back where
    its argument is another one and the engine has not started.

    Args:
        seed: a whole number from 0 to 2**32 - 1.
        disable_gpu: compute on the processor only.
        disable_parallel_cpu: compute with one thread. With several, some sums come in
            another order each time, and a machine with other processors gives other
            numbers.
        quiet: print nothing.
        strict: raise where a measure comes too late, before anything is changed, or a
            plugin's hook fails. False: say so in the report. The hash seed has its own
            argument.
        hash_seed: Python's, which decides the order of sets; Python reads it when it
            starts. `"warn"`: set PYTHONHASHSEED=0 for other programs, and warn where it
            was not set for this one; `"reexec"`: begin this program anew with it;
            `"ignore"`: leave it.
        op_determinism: use deterministic operations only: on a GPU others are faster.
            It stays on until the process ends.
        models: built models whose random layers (Dropout and others) are seeded anew.
            Others go on where they are: Keras does not seed layers that exist.

    Returns:
        The report: each measure applied, too late or not applicable, and why.

    Raises:
        SeedError: the seed is none, or a measure comes too late (`report` says which,
            and what came first), or the program can't begin anew. It is a `ValueError`.
        ConfigError: `hash_seed` is no such word.
        ModelError: one of `models` is no built model.
        PluginError: a plugin's hook failed; where it was `kerasplug_before_seed`,
            nothing has changed.
        KerasBrokenError: Keras is installed and can't be imported.

    Warns:
        KerasplugWarning: texts have other hashes in each run of this program.

    Guarantees:
        After `SeedError`, `ConfigError` and `ModelError` nothing has changed.

    Example:
        >>> import kerasplug
        >>> report = kerasplug.use_session_with_seed(
        ...     42, disable_parallel_cpu=False, hash_seed="ignore", quiet=True
        ... )
        >>> report.message
        'Set session seed to 42 (disabled GPU)'
        >>> report["python"].state
        'applied'
    """
    seed = checked_seed(seed)
    models = [models] if is_layer(models) else list(models)
    capture_layers(models)  # raises what seeding them would, while nothing is changed
    if hash_seed not in hashes.MODES:
        message = "There is no such way to treat the hash seed."
        expected = ", ".join(map(repr, hashes.MODES))
        raise ConfigError(message, found=repr(hash_seed), expected=expected)
    wish = _wish(bool(disable_gpu), bool(disable_parallel_cpu), bool(op_determinism))
    hashing = hashes.planned(hash_seed)
    if hash_seed == "reexec" and not hashing.measure.ok:
        hashes.begin_anew()
    engine = engine_name()
    if strict and engine in sys.modules:
        _refuse_late(SeedReport(seed, engine, ()), hashing, plans_of(engine, wish))
    called = call_hook("kerasplug_before_seed", seed=seed)
    _raise_first(called, strict=strict)
    measures = [
        *_session(engine, wish),
        *_disabled(engine, wish),
        *_done([hashing]),
        *_seeded(engine, seed),
        *_layers(models, seed),
    ]
    called += call_hook("kerasplug_after_seed", seed=seed)
    report = SeedReport(seed, engine, (*measures, *_told(called)))
    _tell(report, hashing.measure, quiet=quiet)
    _raise_first(called, strict=strict)
    return report


def _wish(gpu: bool, parallel: bool, determinism: bool) -> Wish:  # noqa: FBT001 -- in the order of the arguments
    undo = _held - {
        name
        for name, asked in Wish(gpu, parallel, determinism).asked().items()
        if asked
    }
    return Wish(gpu, parallel, determinism, frozenset(undo))


def _refuse_late(report: SeedReport, hashing: Plan, plans: Sequence[Plan]) -> None:
    """Raise where something has to come before what has come already."""
    measures = tuple(one.measure for one in (*plans, hashing))
    late = tuple(one for one in measures[:-1] if not one.ok)
    if late:
        raise refused(dataclasses.replace(report, measures=measures), late)


def _raise_first(answers: Sequence[HookAnswer], *, strict: bool) -> None:
    """Raise what the first plugin has raised whose hook failed."""
    for answer in answers if strict else ():
        if answer.fault is not None:
            fault = answer.fault
            message = f"A hook of {answer.plugin} failed while a seed was set."
            raise PluginError(
                message,
                plugin=answer.plugin,
                version=fault.version,
                found=fault.cause,
                mend=fault.mend,
            ) from fault.error


def _done(plans: Sequence[Plan]) -> list[Measure]:
    """Take the measures."""
    for plan in plans:
        if plan.do is not None:
            plan.do()
    return [plan.measure for plan in plans]


def _session(engine: str, wish: Wish) -> list[Measure]:
    """Keras started, or its session cleared."""
    if not engine:
        return [_none("session", "no Keras is installed")]
    if not start(engine, wish):
        return [_none("session", "Keras was not in use before")]
    _clear()
    reason = "keras.utils.clear_session()"
    return [Measure(name="session", state="applied", reason=reason)]


def _clear() -> None:
    """Clear Keras' session, but for what is no part of it and lies there all the same.

    Source: `clear_session` of keras 3.15.1 drops the dtype policy and the distribution.
    """
    keras = implementation()
    if not hasattr(keras, "distribution"):  # an older Keras, which has neither
        keras.backend.clear_session()
        return
    policy = keras.config.dtype_policy()
    distribution = keras.distribution.distribution()
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy(policy)
    if distribution is not None:
        keras.distribution.set_distribution(distribution)


def _disabled(engine: str, wish: Wish) -> list[Measure]:
    """What the engine is told."""
    measures = _done(plans_of(engine, wish))
    _held.difference_update(wish.undo)
    _held.update(
        one.name for one in measures if one.state == "applied" or is_set_for(one.name)
    )
    return measures


def _seeded(engine: str, seed: int) -> list[Measure]:
    """Random numbers, of what is loaded and of what will be."""
    done = seed_everything_loaded(seed)
    measures = [Measure(name=a, state="applied", reason=b) for a, b in done]
    if engine == "jax":
        reason = "no random state of its own; the keys are in Keras' seed generators"
        measures.append(_none("jax", reason))
    while _awaited:  # by an earlier call, with its seed
        _awaited.pop()()
    _awaited.append(seed_when_loaded(seed))
    there = {one.name for one in measures}
    waiting = [one for one in SOURCES if one.name not in there and _is_there(one)]
    reason = "not loaded; it is seeded when somebody imports it"
    return measures + [_none(one.name, reason) for one in waiting]


def _is_there(source: Source) -> bool:
    return importlib.util.find_spec(source.module) is not None


def _layers(models: Sequence[Any], seed: int) -> list[Measure]:
    if not models:
        return [_none("models", "none was given; layers that exist go on")]
    count = reseed(models, seed)
    reason = f"{count} seed generators of {len(models)} models"
    return [Measure(name="models", state="applied", reason=reason)]


def _told(answers: Iterable[HookAnswer]) -> list[Measure]:
    """What plugins say that they have seeded."""
    measures = []
    for plugin, value, fault in answers:
        state, reason = "applied", value if isinstance(value, str) else ""
        if isinstance(value, tuple):
            reason = "; ".join(value)
        if fault is not None:
            state, reason = "failed", f"its hook failed: {fault.cause}"
        if reason:
            measures.append(
                Measure(name=f"plugin {plugin}", state=state, reason=reason)
            )
    return measures


def _none(name: str, reason: str) -> Measure:
    return Measure(name=name, state="not applicable", reason=reason)


def _tell(report: SeedReport, hashing: Measure, *, quiet: bool) -> None:
    """R's line, to standard error as in R; and the warning about hashes."""
    if not quiet and sys.stderr is not None:
        sys.stderr.write(report.message + "\n")
    if not hashing.ok:
        message = (
            "Texts have other hashes in each run of this program, so sets another "
            "order: Python had started before the hash seed was set. Start it with "
            'PYTHONHASHSEED=0, or pass hash_seed="reexec", or "ignore".'
        )
        warnings.warn(message, KerasplugWarning, stacklevel=level_outside("kerasplug"))
