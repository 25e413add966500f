"""What the inputs and the outputs of an application mean."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from kerasplug.errors import ApplicationError
from kerasplug.hooks import ApplicationRecord
from kerasplug.pretrained.known import name_of, part_of, record_of

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
        `preprocess_input`. Where an application takes pixels as they are, or the model
        prepares them in a layer of its own, `x` itself.

    Raises:
        ApplicationError: `model` is no application, `data_format` is unknown, or `x`
            has not the three channels that the application has means of.
        PluginError: the plugin's own preparation can't be imported.
        UnknownNameError: its plugin is not installed.

    Example:
        >>> import numpy as np
        >>> white = np.full((1, 1, 3), 255.0)
        >>> application_preprocess_inputs("xception", white).tolist()
        [[[1.0, 1.0, 1.0]]]
        >>> float(white.max())
        255.0
    """
    name = name_of(model)
    mode = "raw" if _prepares(model) else record_of(name).preprocessing
    if x is None:
        known = model if _prepares(model) else name
        return partial(application_preprocess_inputs, known, data_format=data_format)
    if ":" in mode:
        import numpy as np

        own = part_of(name, mode)
        return own(x.copy() if isinstance(x, np.ndarray) else x)
    from kerasplug.pretrained.pixels import prepared

    return prepared(x, mode, data_format)


def _prepares(model: Any) -> bool:
    """Whether one of its layers is an `ApplicationPreprocessing`."""
    layers = getattr(model, "layers", ())
    return any(getattr(layer, "prepares_pixels", False) for layer in layers)


def application_decode_predictions(model: Any, preds: Any = None, top: int = 5) -> Any:
    """The names of the best classes, the best one first.

    Args:
        model: as `application_preprocess_inputs` has it.
        preds: predictions, an array or a tensor of shape `(rows, classes)`; or what the
            layer `TopPredictions` made of them; None: the function that does it is
            returned.
        top: how many, at most.

    Returns:
        For each row a list of `(id, name, score)`, as Keras has it.

    Raises:
        ApplicationError: `model` is no application, or one that names no classes;
            `preds` are of another shape; or `top` is no whole number from 1.
        FetchError: the names are not in the cache and can't be had.
        PluginError: the plugin's own decoder can't be imported.
        UnknownNameError: the plugin of the application is not installed.

    Example:
        >>> import numpy as np
        >>> scores = np.eye(10)[[3]] * 0.9
        >>> application_decode_predictions("digits_cnn", scores, top=1)
        [[('3', '3', 0.9)]]
    """
    name = name_of(model)
    if preds is None:
        return partial(application_decode_predictions, name, top=top)
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        what = "top is not of its form."
        raise ApplicationError(what, found=f"top={top!r}", expected="an int from 1")
    record = record_of(name)
    names = _names(name, record)
    if isinstance(preds, Mapping):
        return _chosen(record, preds, names, top)
    return [_best(row, names, top) for row in _rows(record, preds, len(names))]


def _names(name: str, record: ApplicationRecord) -> Sequence[tuple[str, str]]:
    """Id and name of each class."""
    if record.decoder:
        found: Sequence[tuple[str, str]] = part_of(name, record.decoder)()
        return found
    if record.class_names:
        return [(name, name) for name in record.class_names]
    what = f"The application {record.name!r} does not say what its outputs mean."
    raise ApplicationError(what, expected="class_names or a decoder in its record")


def _array(preds: Any) -> Any:
    import numpy as np

    from kerasplug.implementation import implementation

    if isinstance(preds, np.ndarray):
        return preds
    return implementation().ops.convert_to_numpy(preds)


def _chosen(
    record: ApplicationRecord,
    preds: Mapping[str, Any],
    names: Sequence[tuple[str, str]],
    top: int,
) -> list[list[tuple[str, str, Any]]]:
    """Names for what `TopPredictions` has chosen."""
    if not {"indices", "scores"} <= set(preds):
        found = f"a mapping with {', '.join(map(str, preds)) or 'nothing'}"
        raise _no_predictions(record, found, '"indices" and "scores"')
    places, scores = _array(preds["indices"]), _array(preds["scores"])
    if places.ndim != _AXES or places.shape != scores.shape:
        found = f"shapes {places.shape} and {scores.shape}"
        raise _no_predictions(record, found, "two of shape (rows, top)")
    if places.size and not 0 <= places.min() <= places.max() < len(names):
        found = f"indices from {places.min()} to {places.max()}"
        raise _no_predictions(record, found, f"indices below {len(names)}")
    return [
        [(*names[at], score) for at, score in zip(*row, strict=True)][:top]
        for row in zip(places.tolist(), scores.tolist(), strict=True)
    ]


def _no_predictions(
    record: ApplicationRecord, found: str, rule: str
) -> ApplicationError:
    what = f"These are no predictions of {record.name!r} with its top."
    return ApplicationError(what, found=found, expected=rule)


def _rows(record: ApplicationRecord, preds: Any, classes: int) -> Any:
    array = _array(preds)
    if array.ndim != _AXES or array.shape[1] != classes:
        rule = f"shape (rows, {classes})"
        raise _no_predictions(record, f"shape {array.shape}", rule)
    return array


def _best(
    row: Any, names: Sequence[tuple[str, str]], top: int
) -> list[tuple[str, str, Any]]:
    order = (-row).argsort(kind="stable")[:top].tolist()
    scores = row.tolist()
    return [(*names[place], scores[place]) for place in order]
