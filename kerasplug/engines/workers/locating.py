"""Which interpreter has what an engine needs. None is started to know."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from kerasplug._frameworks.older import older_here
from kerasplug.engines.workers import inspecting, named, places
from kerasplug.errors import ConfigError, KerasMissingError
from kerasplug.registry import starting

if TYPE_CHECKING:
    from collections.abc import Callable

    from kerasplug.engines.workers.engine import WorkerEngine

__all__ = ["Found", "interpreter_of", "use_condaenv", "use_virtualenv", "variable_of"]


class Found(NamedTuple):
    """An interpreter that has what an engine needs.

    Attributes:
        python: its path.
        where: who says so, or where it is, for people.

    Example:
        >>> Found("/opt/engine/bin/python", "KERASPLUG_TOY_PYTHON").where
        'KERASPLUG_TOY_PYTHON'
    """

    python: str
    where: str


class _Choice(NamedTuple):
    """What a program chose: the call, for people, its interpreter, and how firmly."""

    call: str
    python: str
    required: bool


#: What `use_virtualenv` or `use_condaenv` has chosen; the last call holds.
_chosen: list[_Choice] = []

#: What an environment of an engine is called, by R's users and by others.
_NAMES: Final = ("{}", "r-{}")


def variable_of(engine: "WorkerEngine") -> str:
    """The environment variable that names an engine's interpreter.

    Args:
        engine: such as PlaidML, whose variable is `KERASPLUG_PLAIDML_PYTHON`.
    """
    letters = (one if one.isalnum() else "_" for one in engine.name.upper())
    return f"KERASPLUG_{''.join(letters)}_PYTHON"


def interpreter_of(engine: "WorkerEngine") -> Found:
    """The interpreter whose environment has what an engine needs.

    In this order: that of the variable `KERASPLUG_<NAME>_PYTHON`; of `use_virtualenv`
    or `use_condaenv`; of the private environment, which `kerasplug backend install`
    makes; of a virtual or conda environment that is called as the engine, or so with
    `r-` before it, and has its distributions; of this very process, where the Keras
    that is installed is the engine's.

    Args:
        engine: what is to be run.

    Raises:
        ConfigError: the variable, or what a program chose, leads to something else.
        KerasMissingError: there is no such environment.
        OwnershipError: Keras' home belongs to somebody else.

    Guarantees:
        Only files are read: no interpreter and no conda is started.
    """
    ways = (_by_variable, _by_choice, _private, _by_name, _here)
    found = next(filter(None, (way(engine) for way in ways)), None)
    if found is not None:
        return found
    broken = [f"{one.folder}: {one.reason}" for one in places.privates(engine)]
    message = f"No environment has what {engine.name} needs."
    raise KerasMissingError(
        message,
        found="; ".join(broken),
        expected=f"one with {', '.join(engine.distributions)}",
        mend=f"kerasplug backend install {engine.name}",
    )


def _by_variable(engine: "WorkerEngine") -> Found | None:
    variable = variable_of(engine)
    given = os.environ.get(variable)
    if not given:
        return None
    python = str(Path(given).expanduser())
    mend = f"unset {variable}, or: kerasplug backend install {engine.name}"
    if not inspecting.is_program(Path(python)):
        message = f"The environment variable {variable} leads to no interpreter."
        expected = f"the path of a Python that has {', '.join(engine.distributions)}"
        raise ConfigError(message, found=given, expected=expected, mend=mend)
    _refuse_lacking(engine, f"{variable}={given}", python, mend)
    return Found(python, variable)


def _refuse_lacking(
    engine: "WorkerEngine", said: str, python: str, mend: str = ""
) -> None:
    """Raise `ConfigError` unless an interpreter has all that marks the engine."""
    lacks = inspecting.lacking(engine.distributions, python)
    if not lacks:
        return
    message = f"The Python of {said} does not have what {engine.name} needs."
    raise ConfigError(
        message,
        found=f"without {', '.join(lacks)}: {python}",
        expected=f"an environment with {', '.join(engine.distributions)}",
        mend=mend or f"kerasplug backend install {engine.name}, and choose none",
    )


def _by_choice(engine: "WorkerEngine") -> Found | None:
    for call, python, required in _chosen:
        if required:
            _refuse_lacking(engine, call, python)
            return Found(python, call)
        if python and not inspecting.lacking(engine.distributions, python):
            return Found(python, call)
    return None


def _private(engine: "WorkerEngine") -> Found | None:
    for one in places.privates(engine):
        if one.state == "made":
            return Found(one.python, f"kerasplug backend install {engine.name}")
    return None


def _by_name(engine: "WorkerEngine") -> Found | None:
    """An environment that the user made, and called as the engine."""
    ways: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("virtual", named.virtualenv),
        ("conda", named.condaenv),
    )
    for kind, interpreter in ways:
        for form in _NAMES:
            name = form.format(engine.name)
            python = interpreter(name)
            if python and not inspecting.lacking(engine.distributions, python):
                return Found(python, f"the {kind} environment {name}")
    return None


def _here(engine: "WorkerEngine") -> Found | None:
    python = starting.interpreter()
    if not python or not older_here(engine.name):
        return None
    if inspecting.lacking(engine.distributions, python):
        return None
    return Found(python, "this environment, whose Keras is made for it")


def use_virtualenv(where: "str | os.PathLike[str]", *, required: bool = True) -> None:
    """Let engines in processes of their own run in a virtual environment.

    It holds for this process and for the models that are moved from now on, instead of
    an earlier choice. Only the environment variable goes before it.

    Args:
        where: its folder; or its name, as virtualenvwrapper has it: a folder in
            `$WORKON_HOME` or in `~/.virtualenvs`.
        required: whether it is an error where it is not there, or does not have what an
            engine needs. False: then the others are looked at.

    Raises:
        ConfigError: it is required, and there is no such environment; nothing changed.

    Example:
        >>> import kerasplug
        >>> kerasplug.use_virtualenv("no-such-environment", required=False)

    Source: `use_virtualenv` of R's reticulate.
    """
    _choose("use_virtualenv", where, named.virtualenv(where), required)


def use_condaenv(where: "str | os.PathLike[str]", *, required: bool = True) -> None:
    """Let engines in processes of their own run in a conda environment.

    It holds as the choice of `use_virtualenv` does.

    Args:
        where: its folder, or its name: `"base"`, or that of one that conda has made for
            this user.
        required: as that of `use_virtualenv`.

    Raises:
        ConfigError: it is required, and there is no such environment; nothing changed.

    Example:
        >>> import kerasplug
        >>> kerasplug.use_condaenv("no-such-environment", required=False)

    Source: `use_condaenv` of R's reticulate.
    """
    _choose("use_condaenv", where, named.condaenv(where), required)


def _choose(
    function: str,
    where: "str | os.PathLike[str]",
    python: str,
    required: bool,  # noqa: FBT001 -- passed on, in the order of `_Choice`
) -> None:
    call = f"{function}({os.fspath(where)!r})"
    if required and not python:
        kind = "conda" if function == "use_condaenv" else "virtual"
        message = f"There is no {kind} environment {os.fspath(where)!r}."
        raise ConfigError(
            message,
            expected="its folder, or a name that one has",
            mend=f"{function}(<its folder>)",
        )
    _chosen[:] = [_Choice(call, python, required)]
