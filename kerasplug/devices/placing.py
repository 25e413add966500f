"""`place`: a layer of a model on a device of its own."""

from typing import Any

from kerasplug.devices.listing import existing
from kerasplug.errors import DeviceError
from kerasplug.implementation import backend, family_of
from kerasplug.models.kinds import require_layer

__all__ = ["place"]

#: Why not, on backends other than TensorFlow.
_WHY = {
    "jax": "JAX compiles a step as one program, all of which runs on the same devices",
    "torch": "Keras' layers on PyTorch compute with weights that stay on one device",
}


def place(layer: Any, device: str | int) -> Any:
    """A layer that runs `layer` on a device, forward and backward.

    For functional and Sequential models, where a device scope around the call places
    nothing, and for a `call` of your own, where it places the forward operations only.
    It has the weights of `layer`, and no others; they lie where Keras put them, and are
    copied to the device when they are read. Masks, `training`, states, several inputs
    and outputs, and losses that `layer` adds are as without it, and so are all numbers.

    A layer may be placed on several devices. In a model's graph it is *one* layer all
    the same, with one node for each call: also in files of every format, and in clones.
    Where the layer is used without a place beside that, plain Keras shares it after
    loading in `.keras` files only; so place each use.

    TensorFlow only. XLA compiles a step for one device, so with `jit_compile=True`
    Keras warns, and trains without.

    Args:
        layer: a layer or model of Keras 3, built or not. One that is placed already is
            placed anew.
        device: a device that is there: `"gpu:1"`, 1, `"cpu:0"`, `"/device:GPU:1"`.

    Returns:
        A Keras layer with the attributes `layer` and `device`. A model with it is saved
        and loaded as any other; where the device is missing then, there is a
        `KerasplugWarning`, and the layer runs where Keras puts it.

    Raises:
        ModelError: it is no layer.
        DeviceError: there is no such device; or the backend, or this Keras, can't run
            one layer on a device of its own. It is a `ValueError`.

    Example:
        >>> import kerasplug as kp
        >>> keras = kp.implementation()
        >>> encode = keras.layers.Dense(2)
        >>> a, b = keras.Input((3,)), keras.Input((3,))
        >>> both = [kp.place(encode, "cpu:0")(a), kp.place(encode, "cpu:0")(b)]
        >>> len(keras.Model([a, b], both).weights)
        2
    """
    require_layer("place", layer)
    message = "place() can't run a layer on a device of its own."
    if family_of(layer) != "keras":
        found = f"a layer of {family_of(layer)}"
        raise DeviceError(message, found=found, expected="a layer of Keras 3")
    if backend() != "tensorflow":
        why = _WHY.get(backend(), f"{backend()} computes on one device")
        mend = 'kerasplug.use_backend("tensorflow") before Keras is imported'
        raise DeviceError(message, found=why, expected="tensorflow", mend=mend)
    (name,) = existing([device])
    from kerasplug.devices.layers import Placed

    return Placed(layer.layer if isinstance(layer, Placed) else layer, name)
