"""Functions under R's names: made of a record, with a signature and a docstring."""

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import kerasplug
from kerasplug import ApplicationRecord
from kerasplug_applications import builders
from kerasplug_applications.hooks import kerasplug_applications

__all__ = ["function"]

#: So no application of another plugin that has the same name can come in between.
_PLUGIN: Final = "kerasplug-applications"
_RECORDS: Final = {record.name: record for record in kerasplug_applications()}
_WIDTH: Final = 88

_MEANINGS: Final = {
    "include_top": "whether the layers that tell the classes apart are there.",
    "weights": (
        "{weights!r}; None for random ones; the path of a file with weights; or a file "
        "as records have them."
    ),
    "input_tensor": "a Keras tensor to build on, in place of `input_shape`.",
    "input_shape": (
        "height, width and channels of one image, with sides of at least {min_size} "
        "pixels; None in it where any size will do, without the top. None: the model's "
        "own."
    ),
    "pooling": (
        'without the top: "avg" or "max" for mean or maximum of each feature; None for '
        "the map of them."
    ),
    "classes": "of the top; with weights {classes}, unless the top is left out.",
    "classifier_activation": "of the top; None for logits.",
    "alpha": "how many times as many filters each layer has.",
    "depth_multiplier": "filters that each depthwise convolution has for a channel.",
    "dropout": "share of the features that the top drops in training, in [0, 1].",
    "dropout_rate": "share of the features that the top drops in training, in [0, 1].",
    "minimalistic": (
        "whether it does without squeezing, 5x5 convolutions and hard-swish, which "
        "some devices lack."
    ),
    "include_preprocessing": (
        "whether the model scales pixels in [0, 255] by itself; else it is for you to "
        "do."
    ),
    "name": "of the model.",
}
_ENDING: Final = """
Returns:
    A Keras model, not compiled. `application_preprocess_inputs` and
    `application_decode_predictions` know it, also when it was saved and loaded.

Raises:
    ApplicationError: an argument is unknown, or not of its form.
    FetchError: the weights are not in the cache and can't be had.
    ModelFileError: weights don't fit, or their file is damaged.
    NeedsError: this environment lacks what the model needs.

Example:
    >>> import kerasplug
    >>> from kerasplug_applications import application_{name}
    >>> try:
    ...     application_{name}(include_top=False, pooling="average")
    ... except kerasplug.ApplicationError as error:
    ...     print(error.expected, error.mend, sep="; ")
    'avg', 'max' or None; did you mean 'avg'?
"""


def function(name: str, like: Any) -> Any:
    """The function that builds one model of this distribution.

    Args:
        name: of its record.
        like: the protocol with its arguments and their defaults.

    Returns:
        It does what `kerasplug.applications["kerasplug-applications/NAME"]` does.

    Example:
        >>> from kerasplug_applications.signatures import Usual
        >>> function("vgg16", Usual).__name__
        'application_vgg16'
    """
    canonical = f"{_PLUGIN}/{name}"

    def application(**arguments: Any) -> Any:
        return kerasplug.applications[canonical](**arguments)

    made: Any = application
    made.__name__ = made.__qualname__ = f"application_{name}"
    made.__module__ = "kerasplug_applications.functions"
    made.__signature__ = _signature(name, like)
    made.__doc__ = "\n".join(_lines(_RECORDS[name], made.__signature__))
    return made


def _signature(name: str, like: Any) -> inspect.Signature:
    """That of the protocol; what `name` is by default the builder knows."""
    known = inspect.signature(like.__call__).parameters
    builder = getattr(builders, name, None)
    own = {"name": inspect.signature(builder).parameters["name"]} if builder else {}
    return inspect.Signature(
        [
            one.replace(annotation=one.empty, default=own.get(one.name, one).default)
            for one in known.values()
            if one.name != "self"
        ]
    )


def _lines(record: ApplicationRecord, signature: inspect.Signature) -> Iterator[str]:
    """The docstring, line by line."""
    yield from _wrapped(f"{record.summary[:1].upper()}{record.summary[1:]}.")
    yield "\nArgs:"
    known = {
        "classes": record.classes,
        "min_size": record.min_size,
        "weights": signature.parameters["weights"].default,
    }
    for one in signature.parameters.values():
        text = _MEANINGS[one.name].format(**known)
        yield from _wrapped(f"{one.name}: {text} Default: {one.default!r}.", 4)
    yield _ENDING.format(name=record.name)
    yield from _wrapped(f"Source: {record.citation or record.source}")


def _wrapped(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * 2 * indent,
        break_long_words=False,
    )
