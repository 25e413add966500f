"""TensorFlow: the slices of a batch, and what replicas give put together again.

A replica without a row would end the process in some convolutions (oneDNN), and gives
statistics of nothing in all. So it gets one row that is not its own, whose outputs are
cut off and whose losses count nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kerasplug.devices.naming import framework
from kerasplug.devices.slices import bounds, leaves, packed
from kerasplug.errors import DeviceError

__all__ = [
    "Piece",
    "mask_of",
    "merged",
    "notes_of",
    "pieces",
    "rows_of",
    "with_masks",
    "with_notes",
]

#: What Keras notes on a tensor for later: its mask, and what a softmax or sigmoid was
#: made of, from which losses are computed without loss of digits.
#: Source: keras 3.15.1, `backend/tensorflow/nn.py`, `_get_logits`.
_NOTES = ("_keras_mask", "_keras_logits")


class Piece(NamedTuple):
    """What one replica computes: its inputs with their masks, and its own rows."""

    device: str
    inputs: Any
    masks: list[Any]
    first: Any
    rows: Any


def rows_of(inputs: Any) -> Any:
    """How many rows a batch has: a number, or a scalar tensor where that is open."""
    for one in leaves(inputs):
        if one is not None and len(one.shape):
            return _rows(one)
    message = "A batch without rows can't be cut into slices."
    raise DeviceError(message, expected="inputs whose first dimension is the batch's")


def _rows(one: Any) -> Any:
    tf = framework()
    if isinstance(one, tf.SparseTensor):
        return tf.cast(one.dense_shape[0], "int32")
    if isinstance(one, tf.RaggedTensor):
        return tf.cast(one.nrows(), "int32")
    known = one.shape[0]
    return tf.shape(one)[0] if known is None else int(known)


def pieces(inputs: Any, devices: Sequence[str], mask: Any = None) -> list[Piece]:
    """The slices of a batch in order, one for each device that has something to do.

    Where the number of rows is open, each device gets at least one row.

    Args:
        inputs: the batch.
        devices: their names.
        mask: the masks of the inputs, in their structure; None: those noted on them.
    """
    rows = rows_of(inputs)
    noted = [mask_of(one) for one in leaves(inputs)]
    masks = noted if mask is None else leaves(mask)
    known = isinstance(rows, int)
    found = []
    for device, (begin, end) in zip(devices, bounds(rows, len(devices)), strict=True):
        if known and rows and begin == end:
            continue
        first, last = (begin, end) if known else _at_least_one(begin, end, rows)
        with framework().device("cpu:0"):  # so that only slices travel to the devices
            taken = [_cut(one, first, last) for one in leaves(inputs)]
            hidden = [_cut(one, first, last) for one in masks]
        found.append(Piece(device, packed(inputs, taken), hidden, begin, end - begin))
    return found


def _at_least_one(begin: Any, end: Any, rows: Any) -> tuple[Any, Any]:
    tf = framework()
    first = tf.minimum(begin, tf.maximum(rows - 1, 0))
    return first, tf.maximum(end, first + 1)


def _cut(one: Any, first: Any, last: Any) -> Any:
    """Some rows; all of it where there are none to choose from."""
    tf = framework()
    if one is None or not len(one.shape):
        return one
    if not isinstance(one, tf.SparseTensor):
        return one[first:last]
    begin = tf.concat([[first], tf.zeros([len(one.shape) - 1], "int32")], 0)
    size = tf.concat([[last - first], tf.cast(one.dense_shape[1:], "int32")], 0)
    return tf.sparse.slice(one, tf.cast(begin, "int64"), tf.cast(size, "int64"))


def merged(outputs: Sequence[Any], parts: Sequence[Piece], device: str) -> Any:
    """What the replicas gave as one structure, each with its own rows only.

    Raises:
        DeviceError: an output has no rows.
    """
    with framework().device(device):
        columns = zip(*map(leaves, outputs), strict=True)
        return packed(outputs[0], [_joined(column, parts) for column in columns])


def _joined(column: Sequence[Any], parts: Sequence[Piece]) -> Any:
    if column[0] is None:
        return None
    if not len(column[0].shape):
        message = "An output of the model has no rows, so it can't be put together."
        expected = "outputs whose first dimension is the batch's"
        raise DeviceError(message, found=f"{column[0]!r:.200}", expected=expected)
    own = [one[: part.rows] for one, part in zip(column, parts, strict=True)]
    return framework().concat(own, 0)


def mask_of(one: Any) -> Any:
    """The mask that Keras has noted on a tensor, or None."""
    return getattr(one, "_keras_mask", None)


def with_masks(structure: Any, masks: Sequence[Any]) -> Any:
    """The same tensors, with these masks noted as Keras notes them."""
    return with_notes(structure, {"_keras_mask": masks})


def notes_of(structure: Any) -> dict[str, list[Any]]:
    """What Keras has noted on tensors: for each kind of note one for each, or None."""
    flat = leaves(structure)
    return {name: [getattr(one, name, None) for one in flat] for name in _NOTES}


def with_notes(structure: Any, notes: Mapping[str, Sequence[Any]]) -> Any:
    """The same tensors, with these notes on them."""
    flat = leaves(structure)
    for name, values in notes.items():
        for one, value in zip(flat, values, strict=True):
            if one is not None and value is not None:
                setattr(one, name, value)
    return structure
