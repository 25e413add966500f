"""Whole models as bytes: for a database, a queue, another process."""

import os
import tempfile
from collections.abc import Iterable
from typing import Any, Final

from kerasplug.errors import RecordError
from kerasplug.saving.limits import Limits
from kerasplug.saving.loading import load_model
from kerasplug.saving.writing import save_model

__all__ = ["dumps", "loads"]

_FORMATS: Final = ("keras", "h5")


def dumps(
    model: Any,
    *,
    format: str = "keras",  # noqa: A002 -- the word for it
    include_optimizer: bool = True,
) -> bytes:
    """The bytes that `save_model` would write for `model`.

    Args:
        model: a Keras model.
        format: `"keras"`, or `"h5"` for HDF5.
        include_optimizer: whether the optimizer's state is in it; only `"h5"` can do
            without.

    Returns:
        Bytes for `loads`; written to a file, for `load_model`.

    Raises:
        RecordError: `model` is no Keras model, the format is none of the two, or
            `include_optimizer` is False for `"keras"`.

    Example:
        >>> try:
        ...     dumps("no model")
        ... except RecordError as error:
        ...     print(error.expected)
        a Keras model
    """
    if format not in _FORMATS:
        call, rule = "dumps", "'keras' or 'h5'"
        raise RecordError(call, "format", format, rule)
    with tempfile.TemporaryDirectory(prefix="kerasplug-") as folder:
        path = os.path.join(folder, f"model.{format}")  # noqa: PTH118 -- a string
        save_model(model, path, include_optimizer=include_optimizer)
        with open(path, "rb") as file:  # noqa: PTH123 -- a string
            return file.read()


def loads(
    data: bytes | bytearray | memoryview,
    custom_objects: object = None,
    compile: bool = True,  # noqa: A002, FBT001, FBT002 -- as `load_model` has it
    safe_mode: bool | None = True,  # noqa: FBT001, FBT002 -- as `load_model` has it
    *,
    allow: Iterable[str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """The model that `dumps` has made bytes of; layers of plugins are found.

    Args:
        data: the bytes, or anything that has them: a `bytearray`, a `memoryview`.
        custom_objects: as for `load_model`.
        compile: whether to restore optimizer, loss and metrics.
        safe_mode: as for `load_model`.
        allow: as for `load_model`.
        limits: as for `load_model`.

    Returns:
        A Keras model.

    Raises:
        RecordError: `data` are no bytes.
        ModelFileError: they are no model, or `safe_mode` refuses them; or as for
            `load_model`, which raises everything else, too.

    Example:
        >>> try:
        ...     loads("model.keras")
        ... except RecordError as error:
        ...     print(error.expected)
        bytes; for a path, load_model(path)
    """
    _demand_bytes(data)
    with tempfile.TemporaryDirectory(prefix="kerasplug-") as folder:
        path = os.path.join(folder, "model")  # noqa: PTH118 -- a string
        with open(path, "wb") as file:  # noqa: PTH123 -- a string
            file.write(data)
        return load_model(
            path, custom_objects, compile, safe_mode, allow=allow, limits=limits
        )


def _demand_bytes(data: object) -> None:
    if not isinstance(data, bytes | bytearray | memoryview):
        call, rule = "loads", "bytes; for a path, load_model(path)"
        raise RecordError(call, "data", data, rule)
