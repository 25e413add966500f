"""Configurations of layers: as plain values, compared, and made into layers again."""

import json
import tempfile
from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable

__all__ = [
    "changed_by_json",
    "config_of",
    "copy_state",
    "demand_trip",
    "leaves",
    "remade",
    "serialised",
    "trip",
    "trip_fault",
    "unequal",
    "unlike",
]


def config_of(layer: Any) -> dict[str, Any]:
    """What the layer's `get_config` gives."""
    return dict(layer.get_config())


def serialised(case: Case, value: Any) -> Any:
    """A layer, model or value as Keras writes it into a file: plain values."""
    return case.keras.saving.serialize_keras_object(value)


def remade(case: Case, layer: Any, config: Any) -> Any:
    """A layer of the same class from a configuration, which stays as it is."""
    with case.scope:
        return type(layer).from_config(_copied(config))


def _copied(config: Any) -> Any:
    """New dicts and lists; what is in them may be anything, and is left alone."""
    if isinstance(config, dict):
        return {key: _copied(one) for key, one in config.items()}
    if type(config) in (list, tuple):
        return type(config)(map(_copied, config))
    return config


# --- comparing ----------------------------------------------------------------------


def leaves(case: Case, value: Any, at: str = "") -> dict[str, Any]:
    """The single values, each by its place: `{"['units']": 3, …}`.

    Lists and tuples are the same, as they are in JSON. What has no plain form is only
    known by its type.
    """
    if isinstance(value, dict) and value:
        parts = [(f"{at}[{key!r}]", one) for key, one in value.items()]
    elif isinstance(value, list | tuple) and value:
        parts = [(f"{at}[{number}]", one) for number, one in enumerate(value)]
    elif value is None or isinstance(value, str | int | float):
        return {at: value}
    elif isinstance(value, dict | list | tuple):
        return {at: "empty dict" if isinstance(value, dict) else "empty list"}
    else:
        return _of_object(case, value, at)
    found: dict[str, Any] = {}
    for where, one in parts:
        found |= leaves(case, one, where)
    return found


def _of_object(case: Case, value: Any, at: str) -> dict[str, Any]:
    try:
        made = serialised(case, value)
    except Exception:  # noqa: BLE001 -- config_is_json says that it can't be
        made = None
    if isinstance(made, dict | list | tuple | str | int | float):
        return leaves(case, made, at)
    return {at: f"<{type(value).__name__}>"}


def unlike(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """The places at which two configurations, as `leaves` gives them, differ."""
    places = dict.fromkeys([*first, *second])
    return [one for one in places if not _same(first, second, one)]


def _same(first: dict[str, Any], second: dict[str, Any], place: str) -> bool:
    if place not in first or place not in second:
        return False
    one, two = first[place], second[place]
    return bool(one == two or (one != one and two != two))  # noqa: PLR0124 -- NaN stays NaN


# --- there and back -----------------------------------------------------------------


def copy_state(case: Case, source: Any, target: Any) -> None:
    """Give a layer the state of another one, as files do it.

    Variables by number; what a layer keeps otherwise by its own saving methods.
    """
    case.engine.assign(target, case.engine.values(source))
    pairs = zip(*map(case.engine.layers, (source, target)), strict=True)
    for one, two in pairs:
        if _overrides(case, one, "load_own_variables"):
            _copy_own(case, one, two)
        if _overrides(case, one, "load_assets"):
            with tempfile.TemporaryDirectory() as folder:
                one.save_assets(folder)
                two.load_assets(folder)


def _overrides(case: Case, layer: Any, method: str) -> bool:
    base = getattr(case.keras.layers.Layer, method, None)
    return getattr(type(layer), method, None) is not base


def _copy_own(case: Case, source: Any, target: Any) -> None:
    store: dict[str, Any] = {}
    source.save_own_variables(store)
    if store:
        target.load_own_variables(
            {key: case.engine.array(value) for key, value in store.items()}
        )


def trip(case: Case, layer: Any, config: Any) -> Any:
    """A layer made from a configuration, called once, with the state of `layer`.

    Raises:
        Failed: it has other weights, so that it can't have the state.
    """
    again = remade(case, layer, config)
    case.seed(0)
    case.call(again, case.tensors())
    shapes = [
        [case.engine.shape(one) for one in each.variables] for each in (again, layer)
    ]
    if shapes[0] != shapes[1]:
        what = "A layer made from the configuration has other weights."
        raise Failed(
            what,
            found=f"variables of the shapes {shapes[0]}",
            expected=f"as those of the layer: {shapes[1]}",
        )
    copy_state(case, layer, again)
    return again


def trip_fault(case: Case) -> Failed | None:
    """What goes wrong on the way through `from_config`; None: nothing.

    Raises:
        Blocked: that can't be said, another check tells why.
        Exception: whatever the layer raises.
    """
    return case.once(_trip_fault)


def demand_trip(case: Case) -> None:
    """For a check of what is made by way of the configuration.

    Raises:
        Blocked: what is made of it in this process is another layer already.
    """
    by, reason = "config_round_trip", "its configuration makes another layer, or none"
    try:
        fault = trip_fault(case)
    except NotApplicable:
        raise
    except Exception as error:
        raise Blocked(by, reason) from error
    if fault is not None:
        raise Blocked(by, reason) from fault


def _trip_fault(case: Case) -> Failed | None:
    try:
        _check_trip(case)
    except Failed as said:
        return said
    return None


def _check_trip(case: Case) -> None:
    layer = case.still
    config = config_of(layer)
    before = leaves(case, config)
    for times in ("one round trip", "two round trips"):
        config = config_of(remade(case, layer, config))
        _equal(before, leaves(case, config), f"after {times} through from_config")
    stored = _stored(case, layer)
    again = trip(case, layer, stored)
    if said := unequal(case, again, layer):
        what = "A layer made from the configuration, with equal weights, gives other "
        raise Failed(
            what + "outputs.", found=said, expected="the outputs of the layer it is of"
        )


def unequal(case: Case, first: Any, second: Any) -> str:
    """How the outputs of two layers of equal state differ; empty: not.

    Raises:
        Blocked: the outputs of one layer differ from call to call.
    """
    for one in (first, second):
        case.forget(one)
    ours, theirs = (case.outputs(one, case.data()) for one in (first, second))
    said = case.differences(ours, theirs)
    if said and not case.is_stateful:
        case.demand_repeats()
    return said


def _stored(case: Case, layer: Any) -> Any:
    """The configuration as a file has it.

    Raises:
        Blocked: it can't be written, or is another one in the file.
    """
    by = "config_is_json"
    try:
        written = serialised(case, layer)["config"]
        stored = json.loads(json.dumps(written))
    except (TypeError, ValueError) as error:
        reason = "the configuration can't be written as JSON"
        raise Blocked(by, reason) from error
    if changed_by_json(case, layer, written, stored):
        reason = "the configuration is another one when read back"
        raise Blocked(by, reason)
    before, after = (
        leaves(case, config_of(one)) for one in (layer, remade(case, layer, stored))
    )
    _equal(before, after, "after one round trip through JSON")
    return stored


def changed_by_json(case: Case, layer: Any, written: Any, stored: Any) -> list[str]:
    """The places at which JSON made other values, and the layer does not mend them."""
    places = unlike(leaves(case, written), leaves(case, stored))
    if not places:
        return []
    try:
        again = config_of(remade(case, layer, stored))
    except Exception:  # noqa: BLE001 -- then it can't make use of what it reads
        return places
    return unlike(leaves(case, config_of(layer)), leaves(case, again)) and places


def _equal(before: dict[str, Any], after: dict[str, Any], when: str) -> None:
    if places := unlike(before, after):
        place = places[0]
        what = f"The configuration's {place} is another one {when}."
        raise Failed(
            what,
            found=repr(after.get(place, "nothing there")),
            expected=repr(before.get(place, "nothing there")),
        )
