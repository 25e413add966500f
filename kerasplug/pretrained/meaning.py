"""What the inputs and the outputs of an application mean."""

import importlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from kerasplug.errors import ApplicationError
from kerasplug.hooks import ApplicationRecord
from kerasplug.pretrained.known import record_of

__all__ = ["application_decode_predictions", "application_preprocess_inputs"]

#: Rows of predictions, and one for each class.
_AXES: Final = 2


def application_preprocess_inputs(
    model: Any, x: Any = None, *, data_format: "str | None" = None
) -> Any:
    """Pixels in [0, 255] as the application wants them; the caller's are left alone.

    Args:
        model: what `kerasplug.applications["…"]()` made, also after saving and loading;
            a model with one such model inside; or the name of an application.
        x: a NumPy array or a tensor of images, or of one image; None: the function that
            does it is returned.
        data_format: "channels_last" or "channels_first"; None: as Keras is set.

    Returns:
        A new array, float32 (Keras' `floatx`) where whole numbers were given, and of
        its own type where fractions were: the numbers of Keras' own
        `preprocess_input`. Where an application takes pixels as they are, `x` itself.

    Raises:
        ApplicationError: `model` is no application, or `data_format` is unknown.
        UnknownNameError: its plugin is not installed.

    Example:
        >>> import numpy as np
        >>> white = np.full((1, 1, 3), 255.0)
        >>> application_preprocess_inputs("xception", white).tolist()
        [[[1.0, 1.0, 1.0]]]
        >>> float(white.max())
        255.0
    """
    record = record_of(model)
    if x is None:
        return partial(application_preprocess_inputs, record.name)
    mode = record.preprocessing
    if ":" in mode:
        import numpy as np

        own = _attribute(mode)
        return own(x.copy() if isinstance(x, np.ndarray) else x)
    from kerasplug.pretrained.pixels import prepared

    return prepared(x, mode, data_format)


def application_decode_predictions(model: Any, preds: Any = None, top: int = 5) -> Any:
    """The names of the best classes, the best one first.

    Args:
        model: as `application_preprocess_inputs` has it.
        preds: predictions, an array or a tensor of shape `(rows, classes)`; None: the
            function that does it is returned.
        top: how many.

    Returns:
        For each row a list of `(id, name, score)`, as Keras has it.

    Raises:
        ApplicationError: `model` is no application, or one that names no classes;
            `preds` are of another shape; or `top` is no whole number from 1.
        FetchError: the names are not in the cache and can't be had.
        UnknownNameError: the plugin of the application is not installed.

    Example:
        >>> import numpy as np
        >>> scores = np.eye(10)[[3]] * 0.9
        >>> application_decode_predictions("digits_cnn", scores, top=1)
        [[('3', '3', 0.9)]]
    """
    record = record_of(model)
    if preds is None:
        return partial(application_decode_predictions, record.name)
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        what = "top is not of its form."
        raise ApplicationError(what, found=f"top={top!r}", expected="an int from 1")
    names = _names(record)
    return [_best(row, names, top) for row in _rows(record, preds, len(names))]


def _names(record: ApplicationRecord) -> Sequence[tuple[str, str]]:
    """Id and name of each class."""
    if record.decoder:
        found: Sequence[tuple[str, str]] = _attribute(record.decoder)()
        return found
    if record.class_names:
        return [(name, name) for name in record.class_names]
    what = f"The application {record.name!r} does not say what its outputs mean."
    raise ApplicationError(what, expected="class_names or a decoder in its record")


def _rows(record: ApplicationRecord, preds: Any, classes: int) -> Any:
    import numpy as np

    from kerasplug.implementation import implementation

    array = preds if isinstance(preds, np.ndarray) else None
    if array is None:
        array = implementation().ops.convert_to_numpy(preds)
    if array.ndim != _AXES or array.shape[1] != classes:
        what = f"These are no predictions of {record.name!r} with its top."
        rule = f"shape (rows, {classes})"
        raise ApplicationError(what, found=f"shape {array.shape}", expected=rule)
    return array


def _best(
    row: Any, names: Sequence[tuple[str, str]], top: int
) -> list[tuple[str, str, Any]]:
    order = (-row).argsort(kind="stable")[:top].tolist()
    scores = row.tolist()
    return [(*names[place], scores[place]) for place in order]


def _attribute(target: str) -> Any:
    """What a record's `"module:attribute"` names; records are the plugin's own."""
    module, _, name = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
