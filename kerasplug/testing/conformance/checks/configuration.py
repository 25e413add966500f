"""The configuration: complete, plain, read back as it was, and nothing but data."""

import json
from typing import Any

from kerasplug.testing.conformance.arguments import Trial, trials
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check
from kerasplug.testing.conformance.configs import (
    changed_by_json,
    config_of,
    leaves,
    remade,
    serialised,
    trip_fault,
    unlike,
)
from kerasplug.testing.conformance.watching import watched

__all__ = [
    "config_holds_arguments",
    "config_is_json",
    "config_round_trip",
    "from_config_is_pure",
]


@check(
    why="What is missing comes back with its default when the model is loaded or "
    "cloned: it computes something else and says nothing.",
    mend="put each argument of __init__ into the dict that get_config() returns, on "
    "top of super().get_config(); and hand **kwargs on to super().__init__()",
)
def config_holds_arguments(case: Case) -> None:
    """The configuration holds every argument of the constructor."""
    unchanged = _unchanged(case)
    held = {trial.name: _is_held(case, trial, unchanged) for trial in trials(case)}
    missing = [name for name, is_held in held.items() if is_held is False]
    if missing:
        raise _missing(missing)
    if all(is_held is None for is_held in held.values()):
        reason = "no other value is known for any of its arguments: see alternatives"
        raise NotApplicable(reason)


def _missing(names: list[str]) -> Failed:
    several = "arguments" if names[1:] else "argument"
    return Failed(
        f"The configuration does not hold the {several} {', '.join(map(repr, names))}.",
        found="get_config() gives the same, or loses it again in from_config(), "
        "whatever the value",
        expected="another configuration for another value",
    )


def _unchanged(case: Case) -> list[dict[str, Any]]:
    """The configurations of two equal layers: they differ in names that count on.

    Raises:
        Blocked: there is no configuration, or it makes no layer.
    """
    try:
        made = [case.layer() for _ in "12"]
        configs = [config_of(one) for one in made]
        again = config_of(remade(case, made[0], configs[0]))
    except Exception as error:
        reason = "its configuration can't be had, or makes no layer"
        by = "config_round_trip"
        raise Blocked(by, reason) from error
    found = [leaves(case, one) for one in (*configs, again)]
    if unlike(found[0], found[2]):
        by, reason = "config_round_trip", "its configuration does not come back"
        raise Blocked(by, reason)
    return found[:2]


def _is_held(case: Case, trial: Trial, unchanged: list[dict[str, Any]]) -> bool | None:
    """Whether the argument is in the configuration; None: that can't be said."""
    lost = 0
    for value in trial.values:
        try:
            layer = case.layer(**{trial.name: value})
        except Exception:  # noqa: BLE001, S112 -- it is refused; another value then
            continue
        there_and_back = _there_and_back(case, trial, layer)
        if not there_and_back or not trial.leaves_a_trace(case, value, layer):
            continue
        config, again = there_and_back
        if _shows(trial, unchanged, config, value) and _is_back(trial, config, again):
            return True
        lost += 1
    # One value may be what None stands for; two different ones are not.
    return False if lost > trial.is_unset else None


def _there_and_back(
    case: Case, trial: Trial, layer: Any
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The configurations of the layer and of one that is made from it.

    None: the value made no sense, and only this shows it.
    """
    try:
        config = config_of(layer)
        again = config_of(remade(case, layer, config))
    except Exception as error:
        if trial.is_guess:
            return None
        what = f"A layer with another {trial.name!r} can't be made from its own "
        raise Failed(
            what + "configuration.",
            found=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
            expected="from_config(layer.get_config()) makes a layer like it",
        ) from error
    return leaves(case, config), leaves(case, again)


def _shows(
    trial: Trial, unchanged: list[dict[str, Any]], found: dict[str, Any], value: Any
) -> bool:
    """Whether the configuration is another one because of the value."""
    if trial.name == "name":
        return bool(found.get("['name']") == value)
    counted = set(unlike(*unchanged))
    return bool(set(unlike(unchanged[0], found)) - counted)


def _is_back(trial: Trial, before: dict[str, Any], again: dict[str, Any]) -> bool:
    """Whether `from_config` gives it back."""
    places = unlike(before, again)
    if places and not trial.is_guess:
        what = f"from_config() loses another {trial.name!r}."
        raise Failed(
            what,
            found=f"{places[0]}: {again.get(places[0], 'nothing there')!r}",
            expected=repr(before.get(places[0], "nothing there")),
        )
    return not places


@check(
    why="Keras writes it into the file as JSON: the model can't be saved, or is read "
    "back with other values.",
    mend="keep lists, dicts with strings as keys, numbers and strings in the "
    "configuration; keras.saving.serialize_keras_object() for Keras' objects",
)
def config_is_json(case: Case) -> None:
    """The configuration can be written as JSON, and is read back equal."""
    layer = case.still
    try:
        config = config_of(layer)
    except Exception as error:
        by, reason = "config_round_trip", "get_config() raises"
        raise Blocked(by, reason) from error
    written = _serialised(case, layer, config)
    try:
        again = json.loads(json.dumps(written))
    except (TypeError, ValueError) as error:
        raise _no_json(written) from error
    parts = (one["config"] for one in (written, again))
    if places := changed_by_json(case, layer, *parts):
        what = f"The configuration's {places[0]} is another one when read back."
        raise Failed(
            what,
            found="JSON has only strings as keys of a dict, and no type but dict, "
            "list, string, number, bool and None",
        )


def _serialised(case: Case, layer: Any, config: dict[str, Any]) -> Any:
    try:
        return serialised(case, layer)
    except Exception as error:
        for key, value in config.items():
            try:
                serialised(case, value)
            except Exception as inner:  # noqa: BLE001 -- whatever it is
                what = f"The configuration's {key!r} can't be written."
                raise Failed(
                    what,
                    found=f"a {type(value).__name__}: {' '.join(str(inner).split())}",
                ) from error
        raise


def _no_json(value: Any) -> Failed:
    where, found = _culprit(value, "")
    return Failed(
        f"The configuration's {where} is no JSON.",
        found=f"a {type(found).__name__}",
        expected="a dict with strings as keys, a list, a string, a number, a bool or "
        "None",
    )


def _culprit(value: Any, at: str) -> tuple[str, Any]:
    """The innermost value that can't be written."""
    if isinstance(value, dict):
        parts = [(f"{at}[{key!r}]", one) for key, one in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(f"{at}[{number}]", one) for number, one in enumerate(value)]
    else:
        parts = []
    for where, one in parts:
        try:
            json.dumps(one)
        except (TypeError, ValueError):
            return _culprit(one, where)
    return at, value


@check(
    why="A model that is loaded, cloned or copied is made from its configuration: "
    "it would be another one.",
    mend="let get_config() and __init__() take the same names and values; what "
    "from_config() gets has been JSON: deserialise what is no plain value",
)
def config_round_trip(case: Case) -> None:
    """A layer made from the configuration has the same configuration and outputs."""
    if fault := trip_fault(case):
        raise fault


@check(
    why="A model is loaded elsewhere, with other files and settings, perhaps without a "
    "network: it fails there, or is another one.",
    mend="read it once, where the model is made, and keep what was read in the "
    "configuration or in weights",
)
def from_config_is_pure(case: Case) -> None:
    """Making a layer from its configuration touches nothing outside it."""
    layer = case.layer()
    try:
        config = config_of(layer)
        remade(case, layer, config)  # imports what is still to be imported
    except Exception as error:
        by, reason = "config_round_trip", "its configuration makes no layer"
        raise Blocked(by, reason) from error
    with watched() as events:
        remade(case, layer, config)
    touched = list(dict.fromkeys(one.what for one in events if one.kind == "outside"))
    if touched:
        what = "Making the layer from its configuration depends on what is outside it."
        raise Failed(
            what,
            found="; ".join(touched[:4]),
            expected="no file, network, process or environment variable",
        )
