"""A layer that runs another one on a device of its own.

Importing this module loads Keras; `place` does it.

A layer that is placed on several devices has to be one layer in a file, whatever its
format, and in a clone. Keras gives that only to what is one layer in the model's graph.
So each call of it there belongs to the same `Placed`, and the device is an argument of
the call, which every format keeps.
"""

import functools
import inspect
import warnings
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kerasplug.callers import level_outside
from kerasplug.devices.listing import available_devices
from kerasplug.devices.naming import canonical
from kerasplug.devices.placed_calls import call_on
from kerasplug.devices.slices import leaves
from kerasplug.errors import KerasplugWarning
from kerasplug.implementation import backend, implementation

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = implementation()

__all__ = ["Placed"]

#: Layer -> the one that stands for it in functional models.
_STANDS_FOR: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()
#: The missing devices that were told already.
_TOLD: set[str] = set()


@keras.saving.register_keras_serializable(package="kerasplug")
class Placed(keras.layers.Layer):
    """Runs a layer on a device, forward and backward; what `place` makes.

    It has the layer's weights and no others, takes what the layer takes, and computes
    what the layer computes. Where its device is missing, as after a file was brought to
    another computer, it says so once and lets Keras choose.

    Args:
        layer: a layer of Keras 3.
        device: where it runs, unless a call says otherwise: `"gpu:1"`.
        kwargs: `name` and `trainable`, as for any Keras layer.

    Call arguments:
        placed_on: the device of this call. None: `device`. All others are the layer's.

    Input shape: the layer's.
    Output shape: the layer's.

    Example:
        >>> import numpy as np
        >>> placed = Placed(keras.layers.Dense(2), "cpu:0")
        >>> placed(np.ones((1, 3))).shape == (1, 2)
        True
    """

    def __init__(self, layer: Any, device: str, **kwargs: Any) -> None:
        # Keras reads a signature when a layer is made, and goes by its names: masks,
        # `training`, several inputs.
        vars(self)["call"] = _with_signature_of(layer, self._run)
        kwargs = {"name": f"placed_{layer.name}", **kwargs}
        # The layer casts what it takes by itself.
        super().__init__(**{**kwargs, "dtype": layer.dtype_policy, "autocast": False})
        # XLA compiles a step for one device, so Keras must not choose it by itself.
        self.supports_jit = False
        self.layer = layer
        self.device = canonical(device)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer makes of it."""
        if not self.layer.built:
            self._build_layer((args, kwargs))
        given = leaves((args, kwargs))
        if not any(isinstance(one, keras.KerasTensor) for one in given):
            return super().__call__(*args, **kwargs)
        kwargs["placed_on"] = kwargs.get("placed_on") or self.device
        _tell_missing(kwargs["placed_on"])
        return super(Placed, _standing_for(self)).__call__(*args, **kwargs)

    def _build_layer(self, given: Any) -> None:
        """Let the layer make its weights as Keras would, in no device's scope."""
        args, kwargs = keras.tree.map_structure(_symbolic, given)
        kwargs.pop("placed_on", None)
        self.layer(*args, **kwargs)

    def _run(self, *args: Any, placed_on: str | None = None, **kwargs: Any) -> Any:
        device = placed_on or self.device
        if not _is_there(device):
            return self.layer(*args, **kwargs)
        outputs, losses = call_on(device, self.layer, args, kwargs)
        for loss in losses:
            self.add_loss(loss)
        return outputs

    def build(self, input_shape: Any = None) -> None:
        """Let the layer make its weights."""
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_build_config(self) -> None:
        """Nothing: the layer's own is with the layer."""

    def compute_output_spec(
        self, *args: Any, placed_on: str | None = None, **kwargs: Any
    ) -> Any:
        """What the layer says, wherever it runs."""
        del placed_on
        return self.layer.compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer says."""
        return self.layer.compute_output_shape(*args, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """What the layer says; none, where it knows no masks."""
        if not self.layer.supports_masking:
            return None
        return self.layer.compute_mask(inputs, previous_mask)

    def get_config(self) -> dict[str, Any]:
        """The layer and the device."""
        config = super().get_config()
        del config["dtype"]  # it is the layer's
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**config, "layer": layer, "device": self.device}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make it again."""
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})


def _symbolic(one: Any) -> Any:
    """A tensor of the same form without numbers; what is no tensor stays."""
    if not hasattr(one, "shape") or not hasattr(one, "dtype"):
        return one
    return keras.KerasTensor(one.shape, keras.backend.standardize_dtype(one.dtype))


def _with_signature_of(layer: Any, run: Callable[..., Any]) -> Callable[..., Any]:
    """A function as one that takes what the layer takes, and a device."""

    @functools.wraps(run)
    def call(*args: Any, **kwargs: Any) -> Any:
        return run(*args, **kwargs)

    own = inspect.signature(layer.call)
    kind = inspect.Parameter.KEYWORD_ONLY
    device = inspect.Parameter("placed_on", kind, default=None)
    found = [*own.parameters.values()]
    catches = [one for one in found if one.kind is inspect.Parameter.VAR_KEYWORD]
    rest = [one for one in found if one not in catches]
    vars(call)["__signature__"] = own.replace(parameters=[*rest, device, *catches])
    return call


def _standing_for(placed: Placed) -> Placed:
    """The one that is in graphs for the layer: the first of those that are alive."""
    there = _STANDS_FOR.get(placed.layer)
    first: Placed | None = there() if there is not None else None
    if first is None:
        _STANDS_FOR[placed.layer] = weakref.ref(placed)
        return placed
    return first


def _is_there(device: str) -> bool:
    return backend() == "tensorflow" and device in available_devices()


def _tell_missing(device: str) -> None:
    """Warn, once in a process, of a device that a model was placed on elsewhere."""
    if device in _TOLD or _is_there(device):
        return
    _TOLD.add(device)
    if backend() != "tensorflow":
        why = f"the backend {backend()} can't run one layer on a device of its own"
    else:
        why = f"there are {', '.join(available_devices())}"
    message = f"Layers that were placed on {device} run where Keras puts them: {why}."
    warnings.warn(message, KerasplugWarning, stacklevel=level_outside("kerasplug"))
