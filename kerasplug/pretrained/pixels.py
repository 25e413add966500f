"""Pixels in [0, 255] as models of ImageNet want them: Keras' numbers, and a copy.

Source: `keras.applications.imagenet_utils.preprocess_input` of Keras 3.15.1, which
writes over the caller's array where it holds fractions.
"""

from typing import TYPE_CHECKING, Any, Final

from kerasplug.errors import ApplicationError
from kerasplug.implementation import implementation

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["prepared"]

#: Mode -> mean of each channel, and its spread; `caffe` has blue first.
_MEANS: Final = {
    "caffe": (103.939, 116.779, 123.68),
    "torch": (0.485, 0.456, 0.406),
}
_SPREADS: Final = (0.229, 0.224, 0.225)
_FORMATS: Final = ("channels_last", "channels_first")


def prepared(x: Any, mode: str, data_format: str | None) -> Any:
    """The pixels, anew.

    Args:
        x: an array or a tensor.
        mode: of `kerasplug.hooks.applications.PREPROCESSING`.
        data_format: None: as Keras is set.

    Raises:
        ApplicationError: `data_format` is unknown.
    """
    if data_format is not None and data_format not in _FORMATS:
        what = "data_format is not of its form."
        rule = " or ".join(map(repr, _FORMATS))
        raise ApplicationError(what, found=repr(data_format), expected=rule)
    if mode in ("", "raw"):
        return x
    if data_format is None and mode != "tf":  # there all channels are alike
        data_format = str(implementation().config.image_data_format())
    import numpy as np

    if isinstance(x, np.ndarray | list | tuple):
        return _array(np.asarray(x), mode, first=data_format == "channels_first")
    return _tensor(x, mode, data_format)


def _array(x: "NDArray[Any]", mode: str, *, first: bool) -> "NDArray[Any]":
    import numpy as np

    kind = x.dtype
    if not np.issubdtype(kind, np.floating):
        kind = np.dtype(str(implementation().config.floatx()))
    # What each step computes in is Keras' type, so that the bits are Keras'.
    if mode == "tf":
        scaled: NDArray[Any] = np.divide(x, 127.5, dtype=kind, casting="unsafe")
        scaled -= 1.0
        return scaled
    axis = (-1 if not first else x.ndim - 3) % x.ndim
    out = np.empty(x.shape, kind)
    for channel in range(3):
        source = 2 - channel if mode == "caffe" else channel
        _one(_channel(x, axis, source), mode, channel, _channel(out, axis, channel))
    return out


def _channel(x: "NDArray[Any]", axis: int, place: int) -> "NDArray[Any]":
    """A view of one channel."""
    view: NDArray[Any] = x[(slice(None),) * axis + (place,)]
    return view


def _one(x: "NDArray[Any]", mode: str, channel: int, out: "NDArray[Any]") -> None:
    import numpy as np

    mean = _MEANS[mode][channel]
    if mode == "caffe":
        np.subtract(x, mean, out=out, dtype=out.dtype, casting="unsafe")
        return
    np.divide(x, 255.0, out=out, dtype=out.dtype, casting="unsafe")
    out -= mean
    out /= _SPREADS[channel]


def _tensor(x: Any, mode: str, data_format: str | None) -> Any:
    keras = implementation()
    dtype = str(keras.backend.standardize_dtype(x.dtype))
    if "float" not in dtype:
        x = keras.ops.cast(x, keras.config.floatx())
    elif keras.backend.backend() == "torch":
        x = keras.ops.copy(x)  # PyTorch's `/=` writes over the caller's
    return keras.applications.imagenet_utils.preprocess_input(
        x, data_format=data_format, mode=mode
    )
