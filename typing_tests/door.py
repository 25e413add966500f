from typing import assert_type

import kerasplug
from kerasplug.implementation import Availability, LazyModule, availability
from kerasplug.typing import DType, Shape

assert_type(kerasplug.implementation(), LazyModule)
assert_type(kerasplug.is_keras_available(">=3.15,<4", backend="jax"), bool)
assert_type(kerasplug.is_backend_available("torch", probe="subprocess"), bool)
assert_type(kerasplug.keras_version(), tuple[int, ...])
assert_type(kerasplug.backend(), str)
assert_type(kerasplug.read_config()["epsilon"], float)
assert_type(kerasplug.read_config(strict=True)["nnx_enabled"], bool)
assert_type(kerasplug.write_config(backend="jax"), str)
assert_type(kerasplug.keras_home(), str)
assert_type(availability(), Availability)
assert_type(availability().state, str)

kerasplug.require_keras("3.15")
kerasplug.use_implementation("keras")
kerasplug.skip_if_no_keras(">=3.4", implementation="keras")

shape: Shape = (None, 28, 28)
dtype: DType = "float32"
