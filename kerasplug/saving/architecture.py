"""A model's architecture as text: JSON and YAML, without weights and optimizer.

Layers of plugins in the text are found by themselves, exactly as in a model file.
"""

import json
import math
import warnings
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from kerasplug.errors import (
    KerasplugError,
    KerasplugWarning,
    ModelFileError,
    RecordError,
)
from kerasplug.implementation import family_of, implementation, keras_version
from kerasplug.saving.config_dangers import is_deeper
from kerasplug.saving.keras2_signs import is_keras2
from kerasplug.saving.limits import DEFAULTS, Limits
from kerasplug.saving.providing import provide, winning
from kerasplug.saving.reading import Contents
from kerasplug.saving.safe_reading import check_config

__all__ = ["model_from_json", "model_from_yaml", "model_to_json", "model_to_yaml"]

_JSON: Final = "the JSON text"
_YAML: Final = "the YAML text"


def model_to_json(model: Any, *, pretty: bool = False) -> str:
    """The architecture of `model` as JSON: no weights, no state of an optimizer.

    Args:
        model: a Keras model.
        pretty: whether it is indented for a person to read and edit; else it is in one
            line, as Keras itself writes it.

    Raises:
        RecordError: `model` is no Keras model.

    Example:
        >>> try:
        ...     model_to_json("no model")
        ... except RecordError as error:
        ...     print(error.expected)
        a Keras model
    """
    text = _written("model_to_json", model)
    if not pretty:
        return text
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)


def model_to_yaml(model: Any) -> str:
    """The architecture of `model` as YAML, in block style, for a person to edit.

    It says the same as `model_to_json`, in the same order. Words that some version of
    YAML takes for something else than a text are quoted.

    Args:
        model: a Keras model.

    Raises:
        RecordError: `model` is no Keras model.
        MissingExtraError: PyYAML is not installed.

    Example:
        >>> try:
        ...     model_to_yaml("no model")
        ... except RecordError as error:
        ...     print(error.expected)
        a Keras model
    """
    text = _written("model_to_yaml", model)
    from kerasplug.saving.yaml_text import to_yaml

    return to_yaml(json.loads(text))


def _written(call: str, model: Any) -> str:
    if family_of(model) is None or not callable(getattr(model, "to_json", None)):
        raise RecordError(call, "model", model, "a Keras model")
    text: str = model.to_json()
    return text


def model_from_json(
    text: str,
    custom_objects: object = None,
    *,
    safe_mode: bool | None = True,
    allow: Iterable[str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """A new model with the architecture that `text` says; it is not compiled.

    Its weights are new. JSON that Keras 2 wrote is translated, and a warning says what
    was changed.

    Args:
        text: JSON, from `model_to_json` or `model.to_json()`.
        custom_objects: what the user provides, as for `load_model`; it wins over
            plugins and over what is registered in this process.
        safe_mode: whether bytecode in the text is refused; None means True.
        allow: distributions or `distribution/name` that alone may provide something;
            None: all that `KERASPLUG_ALLOW` leaves.
        limits: how much the text may ask for; None: `Limits()`.

    Returns:
        A Keras model.

    Raises:
        RecordError: `text` is no text.
        ModelFileError: it is no JSON, no model, or refused for safety; or Keras 2 wrote
            it, and it says what Keras 3 can't do.
        MissingPluginError: it needs what nothing installed, or allowed, provides.
        AmbiguousNameError: several plugins provide it, and `allow` does not choose.
        PluginError: the plugin that provides it is broken.
        NeedsError: the plugin that provides it needs what is not here.

    Guarantees:
        Nothing is imported or made before the whole text was read and found plain.

    Example:
        >>> model_from_json("[]")
        Traceback (most recent call last):
        kerasplug.errors.ModelFileError: the JSON text describes no model.
          found:    a list
          expected: what model_to_json gives
    """
    limits = limits or DEFAULTS
    config = _json(_text("model_from_json", text), limits)
    return _model(
        _JSON, config, custom_objects, limits, safe_mode=safe_mode, allow=allow
    )


def model_from_yaml(
    text: str,
    custom_objects: object = None,
    *,
    safe_mode: bool | None = True,
    allow: Iterable[str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """A new model with the architecture that `text` says; it is not compiled.

    The text can't do anything: it is read as plain data. Tags, anchors and aliases are
    refused with their line, and so are repeated keys, several documents, and words
    that versions of YAML understand differently, such as `yes` and `12:30`.

    Args:
        text: YAML, from `model_to_yaml` or edited by hand.
        custom_objects: as for `model_from_json`.
        safe_mode: as for `model_from_json`.
        allow: as for `model_from_json`.
        limits: as for `model_from_json`; tighter ones of YAML's own are not lifted.

    Returns:
        A Keras model.

    Raises:
        MissingExtraError: PyYAML is not installed.
        ModelFileError: it is no plain YAML; or as for `model_from_json`, which raises
            everything else, too.

    Example:
        >>> model_from_yaml("layers: !!python/object/apply:os.system [ls]")
        Traceback (most recent call last):
        kerasplug.errors.ModelFileError: the YAML text is refused at line 1, column 9: \
only plain data may be in it.
          found:    a tag, tag:yaml.org,2002:python/object/apply:os.system
          expected: plain data without tags
    """
    from kerasplug.saving.yaml_text import from_yaml

    config = from_yaml(_text("model_from_yaml", text), _YAML)
    limits = limits or DEFAULTS
    return _model(
        _YAML, config, custom_objects, limits, safe_mode=safe_mode, allow=allow
    )


def _text(call: str, text: Any) -> str:
    if not isinstance(text, str):
        rule = "the text itself, a str: for a file, pathlib.Path(path).read_text()"
        raise RecordError(call, "text", text, rule)
    return text


def _json(text: str, limits: Limits) -> Any:
    if len(text) > limits.config_bytes:
        what = f"{_JSON} is refused: it is longer than any real one."
        limit = f"at most {limits.config_bytes:,} characters"
        raise ModelFileError(what, found=f"{len(text):,} characters", expected=limit)
    try:
        return json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=float if limits.not_finite else _no_number,
            parse_float=float if limits.not_finite else _number,
        )
    except ModelFileError:
        raise
    # A deep nesting exhausts the stack; everything else is a ValueError.
    except (ValueError, RecursionError) as error:
        what = (
            f"{_JSON} can't be read as JSON." if text.strip() else f"{_JSON} is empty."
        )
        found = f"{type(error).__name__}: {error}"[:200]
        rule = "what model_to_json gives"
        raise ModelFileError(what, found=found, expected=rule) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        what = f"{_JSON} has a key twice in one place; which one counts is not said."
        raise ModelFileError(what, found=f"{twice!r:.100}", expected="each key once")
    return found


def _no_number(word: str) -> NoReturn:
    what = f"{_JSON} holds what is no number and no JSON."
    mend = "if you trust it: limits=Limits(not_finite=True)"
    raise ModelFileError(what, found=word, expected="finite numbers", mend=mend)


def _number(word: str) -> float:
    value = float(word)
    return value if math.isfinite(value) else _no_number(word[:40])


def _model(
    name: str,
    config: Any,
    custom_objects: object,
    limits: Limits,
    *,
    safe_mode: bool | None,
    allow: Iterable[str] | None,
) -> Any:
    """The model for a tree that is plain data; from here on JSON and YAML are one."""
    _check(name, config, limits)
    config.pop("compile_config", None)  # the architecture is asked for, no training
    config = _of_keras3(name, config)
    version = str(config.get("keras_version", ""))[:80]
    # As in HDF5 files, Keras 2 does not say everywhere where a class lives.
    form = "keras" if "module" in config else "h5"
    contents = Contents(name, form, version, (("config", config),))
    safe = safe_mode is None or bool(safe_mode)
    everything = check_config(contents, limits=limits, safe_mode=safe, compiled=False)
    provided = provide(name, everything, custom_objects, allow=allow)
    with winning(provided.objects, provided.names):
        return _made(name, config, provided.objects, safe=safe)


def _check(name: str, config: Any, limits: Limits) -> None:
    """Refuse what is no object of Keras, or is nested as no model is."""
    if not isinstance(config, dict):
        kind = "a list" if isinstance(config, list) else f"{config!r:.40}"
        raise _no_model(name, kind)
    if not isinstance(config.get("class_name"), str) or "config" not in config:
        raise _no_model(name, f"the keys {sorted(config)[:5]!r:.120}")
    if is_deeper(config, limits.config_depth):
        what = f"{name} is refused: it is nested as no model is."
        raise ModelFileError(what, expected=f"at most {limits.config_depth} levels")


def _of_keras3(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as this Keras reads it."""
    if not is_keras2(config) or keras_version() < (3,):
        return config
    from kerasplug.saving.keras2 import translate

    translated, report = translate(config, name)
    if report:
        warnings.warn(str(report), KerasplugWarning, stacklevel=4)
    return translated


def _made(
    name: str, config: dict[str, Any], objects: dict[str, Any], *, safe: bool
) -> Any:
    """The model; whatever Keras says about a bad configuration is one clear error."""
    keras = implementation()
    try:
        if keras_version() < (3,):
            text = json.dumps(config)
            made = keras.models.model_from_json(text, custom_objects=objects)
        else:
            made = keras.saving.deserialize_keras_object(
                config, custom_objects=objects, safe_mode=safe
            )
    except KerasplugError:
        raise
    except Exception as error:
        what = f"Keras can't build the model that {name} describes."
        first = " ".join(str(error).split())
        found = f"{type(error).__name__}: {first}"
        raise ModelFileError(what, found=found[:300]) from error
    if not isinstance(made, keras.Model):
        raise _no_model(name, f"an object of type {type(made).__name__}")
    return made


def _no_model(name: str, found: str) -> ModelFileError:
    what = f"{name} describes no model."
    rule = "what model_to_json gives" if name == _JSON else "what model_to_yaml gives"
    return ModelFileError(what, found=found, expected=rule)
