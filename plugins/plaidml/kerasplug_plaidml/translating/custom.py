"""Layers of plugins, put into the words of Keras 2.2.4 by their own translators."""

from collections.abc import Callable
from typing import Any, Final

from kerasplug import Carried, TranslatedLayer
from kerasplug.engines.workers.translators import translator_of
from kerasplug_plaidml.translating.collected import Collected, Part, Place
from kerasplug_plaidml.translating.kinds import class_of
from kerasplug_plaidml.translating.refusing import refused
from kerasplug_plaidml.translating.sources import SOURCES
from kerasplug_plaidml.translating.tables import GONE, RECURRENT, ROWS

__all__ = ["KERAS", "custom_part", "require_translator"]

#: The Keras that translators are asked for.
KERAS: Final = "keras-2.2"


def require_translator(layer: Any, where: str) -> Callable[[Any], TranslatedLayer]:
    """What the plugin of a layer that is not in the tables has to translate it.

    Args:
        layer: of any class.
        where: what it is, for the error.

    Raises:
        TranslationError: there is nothing.
        PluginError: it is broken.
    """
    translator = translator_of(layer, KERAS)
    if translator is not None:
        return translator
    name = class_of(layer)
    why = "it is not one of Keras' own, and no plugin translates it"
    if name:
        why = GONE.get(name, "Keras 2.2.4 has no such layer")
    mend = f'a plugin\'s LayerRecord can have translators=(("{KERAS}", "…:…"),)'
    found = f"a layer of class {type(layer).__name__}: {why}"
    raise refused(where, found, mend="" if name else mend)


def custom_part(layer: Any, place: Place, made: Collected) -> Part:
    """A layer that is not in the tables, as the translator of its plugin says it.

    Args:
        layer: it is built.
        place: where it stands.
        made: its weights and its code are noted there.

    Raises:
        TranslationError: nobody translates it, or not to what Keras 2.2.4 has.
        PluginError: the translator is broken.
    """
    where = place.where
    there = require_translator(layer, where)(layer)
    known = there.class_name in ROWS
    if known == bool(there.code):
        said = "which is Keras' own, with code" if known else "which is not known there"
        found = f"its plugin translates it to {there.class_name!r}, {said}"
        expected = "a layer of docs/plaidml-layers.md, or another class with its code"
        raise refused(where, found, expected)
    code = there.code or SOURCES.get(there.class_name)
    if code:
        made.add_code(where, there.class_name, code)
    if there.code:
        made.mixes_rows.append(place.path)  # nobody knows
    made.unmaskable[place.path] = "nobody knows what its plugin makes of it there"
    made.carry(place.path, Carried(layer, there.there, there.back))
    trained = bool(place.trained and layer.trainable)
    config = {**there.config, "name": layer.name, "trainable": trained}
    steps = int(place.shape[1]) if there.class_name in RECURRENT else 0
    return Part(there.class_name, config, steps)
