"""Configurations as text: parsed with bounds, so that no text costs much to read."""

import json
from typing import Any, Final

from kerasplug.errors import ModelFileError
from kerasplug.saving.dangers import Danger, refusal
from kerasplug.saving.limits import Limits

__all__ = ["decoded", "model_of", "parsed", "too_big"]

#: Each value but the first stands behind one of these.
_SIGNS: Final = (",", "{", "[")
_AGAIN: Final = "copy or save it again"
#: Bytes that Python takes for a wide character, and for all others beside it.
_WIDEST: Final = 4


def decoded(data: "bytes | bytearray", path: str, name: str, limits: Limits) -> str:
    """The text of a configuration.

    Args:
        data: its bytes, in UTF-8.
        path: the file, for errors.
        name: the configuration's name in it.
        limits: what is believed.

    Raises:
        ModelFileError: it is no text, or longer than `limits` allow.
    """
    # One wide character makes Python keep all of them wide; Keras writes none.
    width = 1 if data.isascii() else _WIDEST
    if len(data) * width > limits.config_bytes:
        raise too_big(path, name, limits)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_json(path, name, error) from error


def _no_json(path: str, name: str, error: Exception) -> ModelFileError:
    what = f"{path} is damaged: its {name} can't be read as JSON."
    found = f"{type(error).__name__}: {error}"[:200]
    return ModelFileError(what, found=found, mend=_AGAIN)


def parsed(text: str, path: str, name: str, limits: Limits) -> Any:
    """What a configuration says, as `json.loads` gives it.

    Args:
        text: from `decoded`.
        path: the file, for errors.
        name: the configuration's name in it.
        limits: what is believed.

    Raises:
        ModelFileError: it is no JSON, or has more values than any real one.
    """
    values = 1 + sum(map(text.count, _SIGNS))
    if values > limits.config_values:
        danger = Danger(
            "too-many-values",
            name,
            "is refused: its configuration has more values than any real one",
            f"about {values:,} values",
            f"at most {limits.config_values:,}",
            "if you trust it: limits=Limits(config_values=…)",
        )
        raise refusal(path, [danger])
    try:
        return json.loads(text)
    # A deep nesting exhausts the stack; bad JSON is a ValueError.
    except (ValueError, RecursionError) as error:
        raise _no_json(path, name, error) from error


def too_big(path: str, name: str, limits: Limits) -> ModelFileError:
    """The error for a configuration that is too long."""
    cap = limits.config_bytes
    return ModelFileError(
        f"{path} is refused: its {name} is larger than any real one.",
        found=f"more than {cap:,} bytes",
        expected=f"at most {cap:,} bytes, or a quarter where it is not ASCII",
        mend="if you trust it: limits=Limits(config_bytes=…)",
    )


def model_of(text: str, path: str, name: str, limits: Limits) -> dict[str, Any]:
    """The configuration of an object of Keras; anything else that JSON can say is none.

    Args:
        text: as for `parsed`.
        path: as for `parsed`.
        name: as for `parsed`.
        limits: as for `parsed`.

    Raises:
        ModelFileError: it is none; or as for `parsed`.
    """
    found = parsed(text, path, name, limits)
    if isinstance(found, dict) and isinstance(found.get("class_name"), str):
        return found
    what = f"{path} is not a Keras model file."
    says = f"its {name} describes no object of Keras"
    rule = "a .keras file (zip) or a .h5 file (HDF5)"
    raise ModelFileError(what, found=says, expected=rule)
