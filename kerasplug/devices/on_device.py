"""TensorFlow: running something on a device, with its gradients.

A device scope alone brings the forward operations there. The backward ones of one tape
around all run where TensorFlow puts what says nothing: on the first device. So what
runs on a device has a tape of its own, which is replayed under the same scope.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerasplug.devices.naming import framework
from kerasplug.devices.slices import leaves, packed
from kerasplug.errors import DeviceError

__all__ = ["on_device"]


def on_device(device: str, function: Callable[[Any], Any], inputs: Any) -> Any:
    """What a function makes of its inputs, computed on a device, gradients as well.

    Args:
        device: such as `"gpu:1"`.
        function: takes the structure of inputs; gives a structure of dense tensors and
            None.
        inputs: a structure of tensors of any kind.

    Returns:
        The same structure as the function's, of new tensors. What Keras notes on
        tensors, such as masks, is not on them.

    Raises:
        DeviceError: the function gives something else than dense tensors.
    """
    tf = framework()
    flat = leaves(inputs)
    places = [place for place, one in enumerate(flat) if _is_differentiable(one)]
    made: list[Any] = []

    def run(*given: Any) -> tuple[tuple[Any, ...], Any]:
        filled = list(flat)
        for place, tensor in zip(places, given, strict=True):
            filled[place] = tensor
        with tf.device(device), tf.GradientTape(persistent=True) as tape:
            tape.watch(given)
            made.append(function(packed(inputs, filled)))
        outputs = tuple(_tensors(made[-1]))
        return outputs, _replay(device, tape, given, outputs)

    outputs = iter(tf.custom_gradient(run)(*(flat[place] for place in places)))
    filled = [None if one is None else next(outputs) for one in leaves(made[-1])]
    return packed(made[-1], filled)


def _replay(
    device: str, tape: Any, given: Sequence[Any], outputs: Sequence[Any]
) -> Callable[..., Any]:
    """The function that gives the gradients, as `tf.custom_gradient` wants it."""
    tf = framework()

    def backward(*upstream: Any, variables: Sequence[Any] | None = None) -> Any:
        pairs = [
            (output, gradient)
            for output, gradient in zip(outputs, upstream, strict=True)
            if _is_differentiable(output) and gradient is not None
        ]
        with tf.device(device):
            found = tape.gradient(
                [output for output, _ in pairs],
                [*given, *(variables or ())],
                output_gradients=[gradient for _, gradient in pairs],
            )
        inputs = found[: len(given)]
        return inputs if variables is None else (inputs, found[len(given) :])

    return backward


def _is_differentiable(one: Any) -> bool:
    dtype: Any = getattr(one, "dtype", None)
    dense = getattr(one, "shape", None) is not None and not _is_composite(one)
    return bool(dense and (dtype.is_floating or dtype.is_complex))


def _is_composite(one: Any) -> bool:
    tf = framework()
    return isinstance(one, tf.SparseTensor | tf.RaggedTensor)


def _tensors(structure: Any) -> Iterator[Any]:
    tf = framework()
    for one in leaves(structure):
        if one is None:
            continue
        if not isinstance(one, tf.Tensor):
            message = "An output can't be brought from one device to another."
            found = f"{type(one).__name__}: {one!r:.200}"
            raise DeviceError(message, found=found, expected="a dense tensor")
        yield one
