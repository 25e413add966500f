"""TensorFlow: one batch normalization over the rows of all replicas.

The layer itself normalizes, on each device: only where it would take the moments of a
slice it is given those of the batch, and what it moves is put by and moved once.

Source: keras 3.15.1, `layers/normalization/batch_normalization.py`, `_moments`.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from kerasplug.devices.added_losses import taken_from
from kerasplug.devices.naming import framework
from kerasplug.devices.on_device import on_device
from kerasplug.devices.pieces import Piece, mask_of, notes_of, rows_of, with_masks
from kerasplug.implementation import implementation

__all__ = ["Norm", "is_norm", "is_plain_norm", "training_call"]

#: What a class must not do in its own way, so that the moments can be given to it.
_OWN = ("__call__", "call", "_moments", "_update_renorm_statistics")

_Call = tuple[tuple[Any, ...], dict[str, Any]]


def is_norm(layer: Any) -> bool:
    """Whether it is a batch normalization that takes its batch's statistics."""
    cls = implementation().layers.BatchNormalization
    return isinstance(layer, cls) and bool(layer.trainable)


def is_plain_norm(layer: Any) -> bool:
    """Whether a batch normalization computes as Keras' own does."""
    usual = implementation().layers.BatchNormalization
    cls = type(layer)
    return all(getattr(cls, one) is getattr(usual, one) for one in _OWN)


def training_call(operation: Any, args: Any, named: dict[str, Any]) -> Any:
    """Call an operation of a graph as a functional model does it in training.

    Source: keras 3.15.1, `models/functional.py`, `operation_fn`.
    """
    if "training" in getattr(operation, "_call_context_args", ()):
        named = {**named, "training": True}
    return operation(*args, **named)


class Norm:
    """A batch normalization in training, for one call.

    Args:
        layer: the layer, built.
        parts: the slices of the batch.
        calls: the arguments for each replica, positional ones and named ones.
    """

    def __init__(
        self, layer: Any, parts: Sequence[Piece], calls: Sequence[_Call]
    ) -> None:
        self._layer = layer
        self._parts = parts
        self._calls = calls
        self._inputs = [args[0] if args else named["inputs"] for args, named in calls]
        self._masks = [
            mask_of(one) if named.get("mask") is None else named["mask"]
            for one, (_, named) in zip(self._inputs, calls, strict=True)
        ]
        rank = len(self._inputs[0].shape)
        self._axis = layer.axis % rank
        self._reduced = [axis for axis in range(rank) if axis != self._axis]

    def results(self) -> list[dict[str, Any]]:
        """What the layer makes of each replica's rows, and the averages moved.

        Returns:
            For each its `outputs`, `notes` on them, and `losses`.
        """
        mean, variance = self._moments()
        variables = self._moved()
        before = {name: _read(variable) for name, variable in variables.items()}
        found = [
            self._normalized(place, mean, variance, before)
            for place in range(len(self._parts))
        ]
        for name, value in found[0]["moved"].items():
            variables[name].assign(value)
        return found

    def _moved(self) -> dict[str, Any]:
        """What the layer moves in training: attributes with their variables."""
        own = {id(one) for one in self._layer.non_trainable_variables}
        items = vars(self._layer).items()
        return {name: one for name, one in items if id(one) in own}

    def _moments(self) -> tuple[Any, Any]:
        """Mean and variance of the batch, one number for each channel.

        In two passes, as Keras has them: one pass loses digits where a mean is large.
        """
        tf = framework()
        places = range(len(self._parts))
        count = tf.add_n([self._counted(place) for place in places])
        masked = self._masks[0] is not None
        if masked:  # Keras' guard for a batch whose every place is masked
            count += tf.cast(implementation().config.epsilon(), count.dtype)
        mean = tf.add_n([self._summed(place) for place in places]) / count
        # The variance is least around the mean, so nothing passes there; but with the
        # guard it is not quite the mean.
        around = mean if masked else tf.stop_gradient(mean)
        squares = tf.add_n([self._summed(place, around) for place in places])
        return mean, squares / count

    def _counted(self, place: int) -> Any:
        """How many numbers a replica has for each channel."""
        tf = framework()
        part, mask = self._parts[place], self._masks[place]
        with tf.device(part.device):
            values = _own(self._cast(self._inputs[place]), part)
            if mask is not None:
                shown = tf.broadcast_to(_shown(mask, part), tf.shape(values))
                return tf.reduce_sum(tf.cast(shown, values.dtype), self._reduced)
            sizes = tf.gather(tf.shape(values, "int64"), self._reduced)
            return tf.cast(tf.reduce_prod(sizes), values.dtype)

    def _summed(self, place: int, mean: Any = None) -> Any:
        """The sums of what a replica has; with a mean, of the squares around it."""
        tf = framework()
        part, mask = self._parts[place], self._masks[place]

        def compute(given: Sequence[Any]) -> Any:
            values = _own(self._cast(given[0]), part)
            if mean is not None:
                shape = [1] * len(values.shape)
                shape[self._axis] = -1
                values -= tf.reshape(given[1], shape)
            if mask is not None:
                values = tf.where(_shown(mask, part), values, tf.zeros_like(values))
            if mean is not None:
                values = tf.square(values)
            return tf.reduce_sum(values, self._reduced)

        return on_device(part.device, compute, [self._inputs[place], mean])

    def _cast(self, values: Any) -> Any:
        """The inputs in the dtype that the layer computes with."""
        tf = framework()
        layer = self._layer
        given = (values, layer.autocast, layer.input_dtype)
        values = layer.dtype_policy.convert_input(*given)
        # Halves have too small a range for sums of squares.
        return values if values.dtype == "float64" else tf.cast(values, "float32")

    def _normalized(
        self, place: int, mean: Any, variance: Any, before: dict[str, Any]
    ) -> dict[str, Any]:
        """A call of the layer for one replica, with moments that are given."""
        args, named = self._calls[place]
        named = {name: one for name, one in named.items() if name != "inputs"}
        mask = self._masks[place]

        def compute(given: Sequence[Any]) -> dict[str, Any]:
            moments = _given(self._layer, given[1:], before)
            with moments as moved, taken_from(self._layer) as losses:
                (inputs,) = with_masks([given[0]], [mask])
                outputs = training_call(self._layer, (inputs, *args[1:]), named)
            return {
                "outputs": [outputs],
                "notes": notes_of([outputs]),
                "losses": losses,
                "moved": dict(moved),
            }

        given = [self._inputs[place], mean, variance]
        found: dict[str, Any] = on_device(self._parts[place].device, compute, given)
        return found


class _Held:
    """What stands in a variable's place: it is read, and what is written is put by."""

    def __init__(self, name: str, value: Any, written: dict[str, Any]) -> None:
        self._name = name
        self._value = value
        self._written = written
        self.dtype = value.dtype
        self.shape = value.shape

    def assign(self, value: Any) -> None:
        self._written[self._name] = framework().stop_gradient(value)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return framework().convert_to_tensor(self._value, dtype, name=name)


@contextlib.contextmanager
def _given(
    layer: Any, moments: Sequence[Any], before: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Let a layer find moments and averages; gives what it moves, by attributes."""
    written: dict[str, Any] = {}
    own = vars(layer)  # past Keras' own `__setattr__`, which would keep track of it
    variables = {name: own[name] for name in before}
    try:
        own.update({name: _Held(name, one, written) for name, one in before.items()})
        own["_moments"] = lambda _inputs, _mask: tuple(moments)
        yield written
    finally:
        own.update(variables)
        del own["_moments"]


def _read(variable: Any) -> Any:
    return framework().convert_to_tensor(variable.value)


def _own(values: Any, part: Piece) -> Any:
    """A replica's values without those of a row that is not its own.

    A model may have made several rows of each, so it goes by their proportion.
    """
    taken = rows_of(part.inputs)
    if isinstance(taken, int):
        return values
    return values[: framework().shape(values)[0] * part.rows // taken]


def _shown(mask: Any, part: Piece) -> Any:
    """Which places of a replica count, to be set against its values."""
    return framework().cast(_own(mask, part), "bool")[..., None]
