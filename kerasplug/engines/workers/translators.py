"""Finding what puts a plugin's layer into the words of another Keras."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from kerasplug import registry
from kerasplug.engines.workers.engine import TranslatedLayer
from kerasplug.errors import KerasplugError, PluginError
from kerasplug.hooks import LayerRecord
from kerasplug.implementation import implementation

__all__ = ["translator_of"]


def translator_of(layer: Any, keras: str) -> Callable[[Any], TranslatedLayer] | None:
    """What translates a layer of an installed plugin, or None.

    The layer's class is looked up among the records of installed plugins: the class
    that a record's target names, or one that is registered under the record's name.

    Args:
        layer: of this Keras.
        keras: which Keras it is put into the words of, such as `"keras-2.2"`.

    Returns:
        A function that takes the layer, which is built, and returns a
        `TranslatedLayer`, checked; it raises `PluginError` where the plugin's own
        function fails or returns something else. None: no plugin translates it.

    Raises:
        PluginError: the translator can't be imported, is no function, or several
            plugins have one.

    Example:
        >>> translator_of(object(), "keras-2.2") is None
        True
    """
    found = list(_claims(type(layer), keras))
    if not found:
        return None
    (claim, place), *others = found
    if others:
        names = ", ".join(sorted(one.canonical for one, _ in found))
        what = f"Several plugins translate the layer {type(layer).__name__}."
        mend = "switch all but one off, with KERASPLUG_DISABLE"
        raise _error(claim, what, found=names, mend=mend)
    function = registry.load_part(claim, place)
    if not callable(function):
        what = f"The translator of {claim.canonical} is no function."
        raise _error(claim, what, found=f"{place} is {function!r}")
    return _checked(claim, place, function)


def _claims(layer_class: type, keras: str) -> Iterator[tuple[registry.Claim, str]]:
    for claim in registry.claims("layer"):
        record = claim.record()
        assert isinstance(record, LayerRecord)
        places = dict(record.translators)
        if keras in places and _means(record, layer_class):
            yield claim, places[keras]


def _means(record: LayerRecord, layer_class: type) -> bool:
    """Whether a record is about that very class; nothing is imported for it."""
    module, _, path = record.target.partition(":")
    value: Any = sys.modules.get(module)
    for part in path.split("."):
        value = getattr(value, part, None)
    if value is not None:
        return bool(value is layer_class)
    name = record.registered_name
    if not name:
        return False
    return bool(implementation().saving.get_registered_object(name) is layer_class)


def _checked(
    claim: registry.Claim, place: str, function: Callable[[Any], Any]
) -> Callable[[Any], TranslatedLayer]:
    def translate(layer: Any) -> TranslatedLayer:
        try:
            made = function(layer)
        except KerasplugError:
            raise
        except Exception as error:
            what = f"The translator of {claim.canonical} failed on {layer.name!r}."
            said = f"{type(error).__name__}: {error}"
            mend = f"update {claim.provider.name}"
            raise _error(claim, what, found=said, mend=mend) from error
        wrong = _wrong(made)
        if wrong:
            what = f"The translator of {claim.canonical} returned no layer."
            expected = "a kerasplug.engines.workers.TranslatedLayer of plain data"
            raise _error(claim, what, found=f"{place}: {wrong}", expected=expected)
        translated: TranslatedLayer = made
        return translated

    return translate


def _wrong(made: object) -> str:
    """What is wrong with what a translator returned; empty: nothing."""
    if not isinstance(made, TranslatedLayer):
        return f"a {type(made).__name__}"
    for field in ("class_name", "code"):
        if not isinstance(getattr(made, field), str):
            return f"{field}={getattr(made, field)!r}, which is no text"
    if not made.class_name.isidentifier():
        return f"class_name={made.class_name!r}, which is no name of a class"
    for field in ("there", "back"):
        if getattr(made, field) is not None and not callable(getattr(made, field)):
            return f"{field}={getattr(made, field)!r}, which is no function"
    try:
        text = json.dumps(dict(made.config), allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"a config that is no plain data ({error})"
    return "" if text.startswith("{") else "a config that is no mapping"


def _error(
    claim: registry.Claim, what: str, *, found: str, expected: str = "", mend: str = ""
) -> PluginError:
    return PluginError(
        what,
        plugin=claim.provider.name,
        version=claim.provider.version,
        found=found,
        expected=expected,
        mend=mend or f"update {claim.provider.name}",
    )
