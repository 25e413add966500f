from typing import TYPE_CHECKING, assert_type

import kerasplug
from kerasplug.typing import Tensor

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()


def head(inputs: Tensor, units: int) -> Tensor:
    dense = kerasplug.create_layer_wrapper(keras.layers.Dense)
    return kerasplug.pipe(inputs, dense(units=units), keras.layers.Dropout(0.1))


layer = kerasplug.create_layer(keras.layers.Dense, units=3)
assert_type(layer, keras.layers.Dense)
