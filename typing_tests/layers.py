from typing import TYPE_CHECKING, Any, assert_type

import kerasplug
from kerasplug.typing import Shape, Tensor

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()


@keras.saving.register_keras_serializable(package="downstream_pkg")
class GatedDense(keras.layers.Layer):
    def __init__(self, units: int, *, rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dropout = keras.layers.Dropout(rate)

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer="glorot_uniform",
            name="kernel",
        )
        super().build(input_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:  # noqa: FBT001, FBT002 -- Keras' signature
        gate = keras.ops.sigmoid(keras.ops.matmul(inputs, self.kernel))
        return self.dropout(gate, training=training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Exotic(keras.layers.SpectralNormalization):
    """Each layer of Keras can be subclassed."""


class ClipToUnit(keras.constraints.Constraint):
    def __call__(self, w: Tensor) -> Tensor:
        return keras.ops.clip(w, 0.0, 1.0)


class Doubled(keras.metrics.Metric):
    def __init__(self, name: str = "doubled") -> None:
        super().__init__(name=name)
        self.total = self.add_variable(shape=(), initializer="zeros")

    def update_state(self, y_true: Tensor, y_pred: Tensor) -> None:
        self.total.assign(2 * keras.ops.sum(y_true - y_pred))

    def result(self) -> Tensor:
        return self.total.value


layer = GatedDense(8, name="gate")
assert_type(layer, GatedDense)
assert_type(layer.name, str)
assert_type(layer.dtype, str)
assert_type(GatedDense.from_config({"units": 8}), GatedDense)
assert_type(keras.Sequential([layer]).layers, list[keras.layers.Layer])
