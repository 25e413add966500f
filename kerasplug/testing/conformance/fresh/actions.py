"""What a job does, once it is in its process: load a model, or remake a layer."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from kerasplug._frameworks import family_root
from kerasplug.implementation import backend, chosen
from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.engines import Engine, engine_of
from kerasplug.testing.conformance.fresh.modules import bring, found
from kerasplug.testing.conformance.fresh.packing import pack, unpack
from kerasplug.testing.conformance.structures import mapped

__all__ = ["SETTINGS", "act", "called"]

#: What Keras is set to for the whole process, in every Keras.
SETTINGS = ("floatx", "epsilon", "image_data_format")

Note = Callable[[str], None]


def act(request: Mapping[str, Any], put: list[Any], note: Note) -> dict[str, Any]:
    """Do what is asked.

    Args:
        request: as `kerasplug.testing.conformance.fresh.asking` makes it.
        put: the arrays of the reply are appended to it.
        note: is told what is done next, for the case that it never ends.

    Returns:
        The reply: `weights`, `outputs`, and `gradients` where they are asked for, as
        `pack` makes them.

    Raises:
        BaseException: whatever the layer, or Keras for it, raises.
    """
    # The package itself, as layers have it, not the part of it that is tf.keras.
    keras = sys.modules[family_root(chosen())]
    for name in SETTINGS:
        getattr(keras.backend, f"set_{name}")(request["settings"][name])
    for place in request["modules"]:
        note(f"importing {place['name']}")
        bring(place)
    objects = {key: found(one) for key, one in request["custom_objects"].items()}
    job = _Job(request, engine_of(keras, backend()), objects, note)
    return job.compared(put) if request["do"] == "compare" else job.loaded(put)


def called(
    layer: Any, inputs: Any, *, by_keyword: bool, arguments: Mapping[str, Any]
) -> Any:
    """The outputs of a layer, called as the case in the host does it."""
    return layer(**inputs, **arguments) if by_keyword else layer(inputs, **arguments)


class _Job:
    def __init__(
        self,
        request: Mapping[str, Any],
        engine: Engine,
        objects: Mapping[str, Any],
        note: Note,
    ) -> None:
        self.request = request
        self.engine = engine
        self.keras = engine.keras
        self.objects = dict(objects)
        self.note = note
        self.given = arrays.read(request["arrays"])

    def _unpacked(self, name: str) -> Any:
        return unpack(self.request[name], self.given)

    def _call(self, layer: Any, inputs: Any, **more: Any) -> Any:
        arguments = mapped(self._tensor, self._unpacked("call_kwargs"))
        return called(
            layer,
            inputs,
            by_keyword=self.request["by_keyword"],
            arguments={**arguments, **more},
        )

    def _tensor(self, value: Any) -> Any:
        return self.engine.tensor(value) if hasattr(value, "shape") else value

    # --- a model -------------------------------------------------------------------

    def loaded(self, put: list[Any]) -> dict[str, Any]:
        """Load a model and call it."""
        self.note(self.request["stage"])
        model = getattr(self, f"_{self.request['do']}")()
        weights = [self.engine.array(one) for one in model.weights]
        self.note("calling the model")
        tensors = self.engine.tensors(self._unpacked("inputs"))
        outputs = self.engine.arrays(model(tensors, training=False))
        return self._packed(put, weights=weights, outputs=outputs)

    def _packed(self, put: list[Any], **parts: Any) -> dict[str, Any]:
        return {key: pack(one, put, arrays.as_array) for key, one in parts.items()}

    def _file(self) -> Any:
        return self.keras.models.load_model(
            self.request["file"], custom_objects=self.objects
        )

    def _plugin(self) -> Any:
        import kerasplug

        return kerasplug.load_model(self.request["file"])

    def _json(self) -> Any:
        model = self.keras.models.model_from_json(
            self.request["config"], custom_objects=self.objects
        )
        model.set_weights(self._unpacked("weights"))
        return model

    def _weights(self) -> Any:
        inputs = mapped(
            lambda spec: self.engine.symbolic(*_shape_and_dtype(spec)),
            self._unpacked("symbolic"),
        )
        model = self.keras.Model(inputs, self._call(self._layer(), inputs))
        model.load_weights(self.request["file"])
        return model

    def _layer(self) -> Any:
        return self.keras.layers.deserialize(
            json.loads(self.request["config"]), custom_objects=self.objects
        )

    # --- a layer -------------------------------------------------------------------

    def compared(self, put: list[Any]) -> dict[str, Any]:
        """Remake the layer, give it the weights, and compute."""
        self.note("making the layer from its configuration")
        layer, more = self._layer(), self.request["more"]
        tensors = self.engine.tensors(self._unpacked("inputs"))
        self.note("calling the layer")
        self._call(layer, tensors, **more)
        shapes = [list(self.engine.shape(one)) for one in layer.weights]
        values = self._unpacked("weights")
        if shapes == [list(one.shape) for one in values]:
            for variable, value in zip(layer.weights, values, strict=True):
                variable.assign(value)
        outputs = self.engine.arrays(self._call(layer, tensors, **more))
        said = self._packed(put, shapes=shapes, outputs=outputs)
        if self.request["gradients"]:
            self.note("computing its gradients")
            made = self.engine.gradients(
                lambda inputs: self._call(layer, inputs, **more), layer, tensors
            )
            said |= self._packed(put, gradients=(made.weights, made.inputs))
        return said


def _shape_and_dtype(text: str) -> tuple[tuple[int | None, ...], str]:
    shape, dtype = json.loads(text)
    return tuple(shape), dtype
