"""From what a model mentions to the objects that Keras is handed, whatever the form.

Files, JSON, YAML and the resolver of plain Keras all go this way: what is mentioned is
matched with what is installed, only that is imported, and it is given to Keras so that
it wins in every position.
"""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kerasplug.implementation import implementation
from kerasplug.saving.custom import named_objects
from kerasplug.saving.finding import Found, import_objects, plan
from kerasplug.saving.keras2_signs import HARD_SIGMOID
from kerasplug.saving.keras_names import keras_package
from kerasplug.saving.matching import Matcher, allowed_providers
from kerasplug.saving.mentions import Said

__all__ = ["Provided", "provide", "winning"]

#: Held while an object of the caller stands in for a registered one.
_stand_in = threading.RLock()


class Provided(NamedTuple):
    """What is handed to Keras.

    Args:
        objects: a name in the file -> what stands for it, the caller's first.
        names: everything that is mentioned.
        found: how it was found.
    """

    objects: dict[str, Any]
    names: tuple[str, ...]
    found: Found


def provide(
    path: str,
    everything: Iterable[Said],
    custom_objects: object = None,
    *,
    allow: Iterable[str] | None = None,
) -> Provided:
    """The objects for what a model mentions; plugins are imported for it.

    Args:
        path: the file, or another word for where it comes from, for errors and the log.
        everything: what it mentions.
        custom_objects: the caller's own, as `load_model` takes them.
        allow: who may provide something, as for `load_model`.

    Raises:
        RecordError: something in `custom_objects` has no name.
        MissingPluginError: nothing provides something that is needed.
        AmbiguousNameError: several do.
        PluginError: a plugin is broken.
        NeedsError: this environment lacks what a plugin needs.
    """
    everything = tuple(everything)
    mine = {**_of_keras2(everything), **named_objects(custom_objects)}
    matcher = Matcher(allowed_providers(allow), package=keras_package())
    found = plan(path, matcher.matches(everything), mine)
    _log(path, found)
    import_objects(found, matcher)
    _ensure_output_shapes(found.layers)
    names = tuple(said.name for said in everything)
    return Provided({**found.objects, **mine}, names, found)


def _of_keras2(everything: Iterable[Said]) -> dict[str, Any]:
    """What translated models need, and save again, that Keras 3 has not."""
    if not any(said.name == HARD_SIGMOID for said in everything):
        return {}
    from kerasplug.saving.keras2_functions import hard_sigmoid_of_keras_2

    return {HARD_SIGMOID: hard_sigmoid_of_keras_2}


def _log(path: str, found: Found) -> None:
    """Say what a file brings in: it decides which code of this machine runs."""
    logger = logging.getLogger("kerasplug")
    for match in found.imports:
        claim = match.claim
        assert claim is not None
        logger.info(
            "%s mentions %r: importing %s (%s) of %s %s",
            path,
            match.said.name,
            claim.canonical,
            claim.target,
            claim.provider.name,
            claim.provider.version,
        )


def _ensure_output_shapes(layers: Iterable[object]) -> None:
    for layer in layers:
        if not isinstance(layer, type):
            continue
        from kerasplug.wrapping.output_shape import ensure_output_shape

        ensure_output_shape(layer)


@contextlib.contextmanager
def winning(objects: Mapping[str, Any], names: Iterable[str]) -> Iterator[None]:
    """Let these objects win over registered ones of the same names, at any depth.

    Keras merges the argument, the scope and the registry differently in its two
    formats, and in one of them differently at the top and below. Only where the
    caller's object and a registered one differ is there anything to do.

    Source: keras 3.15.1, `saving/serialization_lib.py:539-542` and
    `legacy/saving/legacy_h5_format.py:114-116`.
    """
    saving = implementation().saving
    registered = saving.get_custom_objects()
    changed = {
        name: registered[name]
        for name, value in objects.items()
        if name in registered and registered[name] is not value
    }
    with contextlib.ExitStack() as stack:
        if changed:
            stack.enter_context(_stand_in)
            stack.callback(registered.update, changed)
            registered.update({name: objects[name] for name in changed})
        found = {name: saving.get_registered_object(name) for name in names}
        known = {name: value for name, value in found.items() if value is not None}
        if any(known.get(name, value) is not value for name, value in objects.items()):
            # A scope of the caller's has another object: a nested scope replaces it.
            stack.enter_context(saving.custom_object_scope({**known, **objects}))
        yield
