"""Pixels in [0, 255] as models of ImageNet want them: Keras' numbers, and a copy.

Source: `keras.applications.imagenet_utils.preprocess_input` of Keras 3.15.1, which
writes over the caller's array where it holds fractions.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from kerasplug.errors import ApplicationError
from kerasplug.implementation import implementation

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_channels", "check_format", "prepared"]

#: Mode -> mean of each channel, and its spread; `caffe` has blue first.
_MEANS: Final = {
    "caffe": (103.939, 116.779, 123.68),
    "torch": (0.485, 0.456, 0.406),
}
_SPREADS: Final = (0.229, 0.224, 0.225)
_FORMATS: Final = ("channels_last", "channels_first")
_CHANNELS: Final = 3
#: Bytes that are worked on at a time, few enough to stay in the processor's cache.
_BLOCK: Final = 1 << 21


def prepared(x: Any, mode: str, data_format: str | None) -> Any:
    """The pixels, anew.

    Args:
        x: an array or a tensor.
        mode: of `kerasplug.hooks.applications.PREPROCESSING`.
        data_format: None: as Keras is set.

    Raises:
        ApplicationError: `data_format` is unknown, or `x` has not three channels where
            each has numbers of its own.
    """
    check_format(data_format)
    if mode in ("", "raw"):
        return x
    if data_format is None and mode != "tf":  # there all channels are alike
        data_format = str(implementation().config.image_data_format())
    import numpy as np

    if isinstance(x, list | tuple):
        x = np.asarray(x)
    first = mode != "tf" and data_format == "channels_first"
    if mode != "tf":
        check_channels(x.shape, first=first)
    if isinstance(x, np.ndarray):
        return _array(x, mode, first=first)
    return _tensor(x, mode, data_format)


def check_format(data_format: str | None) -> None:
    """Raise `ApplicationError` unless it is an order of axes, or None."""
    if data_format is not None and data_format not in _FORMATS:
        what = "data_format is not of its form."
        rule = " or ".join(map(repr, _FORMATS))
        raise ApplicationError(what, found=repr(data_format), expected=rule)


def check_channels(shape: Sequence[int | None], *, first: bool) -> None:
    """Raise `ApplicationError` unless there are three channels, as far as is known."""
    place = -3 if first else -1
    # What a symbolic tensor does not tell, Keras sees later.
    if len(shape) < -place or shape[place] not in (_CHANNELS, None):
        what = "These are no images with red, green and blue."
        found = f"shape {tuple(shape)}"
        rule = "(…, 3, height, width)" if first else "(…, height, width, 3)"
        mend = "repeat a single channel, leave out a fourth one"
        raise ApplicationError(what, found=found, expected=rule, mend=mend)


def _array(x: "NDArray[Any]", mode: str, *, first: bool) -> "NDArray[Any]":
    import numpy as np

    kind = x.dtype
    if not np.issubdtype(kind, np.floating):
        kind = np.dtype(str(implementation().config.floatx()))
    out = np.empty(x.shape, kind)
    views = (x, out)
    if first:
        views = (np.moveaxis(x, -3, -1), np.moveaxis(out, -3, -1))
    for source, block in _blocks(*views):
        # Keras' order of steps, each in its type, so that the bits are Keras'.
        _STEPS[mode](source.astype(kind, copy=False), block)
    return out


def _blocks(
    x: "NDArray[Any]", out: "NDArray[Any]"
) -> "Iterator[tuple[NDArray[Any], NDArray[Any]]]":
    """The same parts of both, as views."""
    if out.nbytes <= _BLOCK:
        yield x, out
        return
    step = _BLOCK // (out.nbytes // len(out))
    if not step:  # one image is too much
        for pair in zip(x, out, strict=True):
            yield from _blocks(*pair)
        return
    for begin in range(0, len(out), step):
        yield x[begin : begin + step], out[begin : begin + step]


def _tf(x: "NDArray[Any]", out: "NDArray[Any]") -> None:
    import numpy as np

    np.divide(x, 127.5, out=out)
    out -= 1.0


def _caffe(x: "NDArray[Any]", out: "NDArray[Any]") -> None:
    import numpy as np

    for channel, mean in enumerate(_MEANS["caffe"]):
        np.subtract(x[..., 2 - channel], mean, out=out[..., channel])


def _torch(x: "NDArray[Any]", out: "NDArray[Any]") -> None:
    import numpy as np

    np.divide(x, 255.0, out=out)
    out -= _row(_MEANS["torch"], out)
    out /= _row(_SPREADS, out)


def _row(numbers: tuple[float, ...], out: "NDArray[Any]") -> "NDArray[Any]":
    """A number for each channel; where channels alternate, for each pixel of a row."""
    import numpy as np

    row = np.asarray(numbers, out.dtype)
    if out.strides[-1] != out.itemsize:
        return row
    # Loops over only three numbers are slow.
    return np.broadcast_to(row, out.shape[-2:]).copy()


_STEPS: Final = {"tf": _tf, "caffe": _caffe, "torch": _torch}


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
