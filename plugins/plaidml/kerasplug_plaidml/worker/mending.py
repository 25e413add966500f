"""What Keras 2.2.4 on PlaidML lacks or does otherwise than Keras 3, put in its place.

Each mend changes a module or class of that Keras, which nobody else in this process
uses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pooling
from keras import activations
from keras import backend as K  # noqa: N812 -- as everybody calls it
from keras.engine.base_layer import Layer
from keras.layers import Add, Average, Maximum, Minimum, Multiply, Subtract
from plaidml import op
from plaidml.keras import backend as engine

__all__ = ["mend_keras"]

_add_weight = Layer.add_weight
_unmasked_rnn = engine.rnn
_reshape, _batch_flatten = engine.reshape, engine.batch_flatten


def mend_keras() -> None:
    """Put all of them in place."""
    Layer.add_weight = add_weight
    for module in (engine, K):
        module.abs = absolute
        module.batch_flatten = batch_flatten
        module.l2_normalize = l2_normalize
        module.max = pooling.maximum_over
        module.pool2d = pooling.pool2d
        module.reshape = reshape
        module.rnn = rnn
        module.separable_conv1d = separable_conv1d
    op.reshape = reshape
    for merge in (Add, Average, Maximum, Minimum, Multiply, Subtract):
        merge._merge_function = _merging_equals(merge._merge_function)  # noqa: SLF001 -- no other way
    activations.softmax = _remembering_logits(activations.softmax)
    activations.sigmoid = _remembering_logits(activations.sigmoid)


def add_weight(
    layer: Any,
    name: str,
    shape: Any,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,  # noqa: FBT001, FBT002 -- Keras' own signature
    constraint: Any = None,
) -> Any:
    """A weight that knows its regularizer and constraint.

    PlaidML's variables take no constraint; and only the weights that are trained pay
    for regularization, which is known later. It is zeros until it is set: PlaidML
    compiles for each initial value, which takes longer than all the rest.
    """
    del initializer
    weight = _add_weight(
        layer, name, shape, dtype=dtype, initializer=_zeros, trainable=trainable
    )
    weight.kerasplug_regularizer = regularizer
    weight.kerasplug_constraint = constraint
    return weight


def _zeros(shape: Any, dtype: Any = None) -> Any:
    return np.zeros(shape, dtype or K.floatx())


def absolute(x: Any) -> Any:
    """|x|, with the gradient 0 at 0 as in Keras 3, where PlaidML's has 1."""
    return K.sign(x) * x


def reshape(x: Any, shape: Any) -> Any:
    """PlaidML's, of a copy: see `_copied`."""
    return _reshape(_copied(x), shape)


def batch_flatten(x: Any) -> Any:
    """PlaidML's, of a copy: see `_copied`."""
    return _batch_flatten(_copied(x))


def _copied(x: Any) -> Any:
    """The same values in a tensor of their own.

    Where one tensor goes to an operation that pads and to a reshape as well, PlaidML
    pads it in place, and the reshape reads what is no longer there.
    """
    axes = range(x.shape.ndims)
    return engine.permute_dimensions(x, list(axes)) if axes else x


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """X over its length; of zeros, zeros as in Keras 3, where PlaidML divides by 0."""
    length = K.sum(K.square(x), axis=axis, keepdims=True)
    return x / K.sqrt(K.maximum(length, 1e-12))


def _remembering_logits(activation: Any) -> Any:
    """The same activation; a crossentropy finds what went into it, as in Keras 3."""

    def remembering(x: Any, *args: Any, **kwargs: Any) -> Any:
        output = activation(x, *args, **kwargs)
        output.kerasplug_logits = x
        return output

    remembering.__name__ = activation.__name__
    return remembering


def _merging_equals(merge: Any) -> Any:
    """The same merge of inputs that all have one shape.

    PlaidML's gradient of a value that is broadcast in one place and is not in another
    has the wrong size; so nothing is broadcast unsaid.
    """

    def merging(layer: Any, inputs: Any) -> Any:
        shapes = [K.int_shape(each) for each in inputs]
        if len(set(shapes)) > 1 and len({len(shape) for shape in shapes}) == 1:
            inputs = [_spread(each, inputs) for each in inputs]
        return merge(layer, inputs)

    return merging


def _spread(value: Any, others: Any) -> Any:
    """A value, repeated along its axes of 1 where another one has more."""
    for axis in range(1, len(K.int_shape(value))):
        most = max(K.int_shape(each)[axis] or 0 for each in others)
        if K.int_shape(value)[axis] == 1 and most > 1:
            value = K.repeat_elements(value, most, axis)
    return value


def rnn(
    step_function: Any,
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,  # noqa: FBT001, FBT002 -- Keras' own signature
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,  # noqa: FBT001, FBT002 -- Keras' own signature
    input_length: Any = None,
) -> Any:
    """PlaidML's loop over time, with masks as well: a masked step repeats the last one.

    The first output, where it is masked, is zeros, as in TensorFlow's.
    """
    if mask is None:
        return _unmasked_rnn(
            step_function,
            inputs,
            initial_states,
            go_backwards,
            None,
            constants,
            unroll,
            input_length,
        )
    masked = _Masked(step_function, len(initial_states))
    mask = K.cast(mask, K.floatx())
    if K.int_shape(mask)[-1] != 1 or len(K.int_shape(mask)) != 3:  # noqa: PLR2004 -- rows, time, 1
        mask = K.expand_dims(mask)
    steps = input_length or K.int_shape(inputs)[1]
    order = range(steps - 1, -1, -1) if go_backwards else range(steps)
    states, outputs = list(initial_states), []
    for at in order:
        output, states = masked(inputs[:, at], mask[:, at], states, constants or [])
        outputs.append(K.expand_dims(output, 1))
    return output, K.concatenate(outputs, axis=1), states


class _Masked:
    """One step of time, in which masked rows stay as they are."""

    def __init__(self, step: Any, states: int) -> None:
        self._step = step
        self._states = states
        self._last: Any = None

    def __call__(self, inputs: Any, mask: Any, states: Any, constants: Any) -> Any:
        output, following = self._step(inputs, states + constants)
        kept = [_chosen(mask, new, old) for new, old in zip(following, states)]  # noqa: B905 -- Python 3.7 has no `strict`
        last = K.zeros_like(output) if self._last is None else self._last
        self._last = _chosen(mask, output, last)
        return self._last, kept


def _chosen(mask: Any, new: Any, old: Any) -> Any:
    """The new value where the mask is 1, else the old one."""
    missing = len(K.int_shape(new)) - len(K.int_shape(mask))
    for _ in range(missing):
        mask = K.expand_dims(mask)
    return K.switch(mask > 0.5, new, old)  # noqa: PLR2004 -- half way from 0 to 1


def separable_conv1d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Any:
    """The one in two dimensions, with one that is 1 high."""
    first = (data_format or K.image_data_format()) == "channels_first"
    axis = 2 if first else 1
    stride = strides[0] if isinstance(strides, (tuple, list)) else strides
    rate = (
        dilation_rate[0] if isinstance(dilation_rate, (tuple, list)) else dilation_rate
    )
    wide = K.separable_conv2d(
        K.expand_dims(x, axis),
        K.expand_dims(depthwise_kernel, 0),
        K.expand_dims(pointwise_kernel, 0),
        strides=(stride, stride),
        padding=padding,
        data_format=data_format,
        dilation_rate=(rate, rate),
    )
    return K.squeeze(wide, axis)
