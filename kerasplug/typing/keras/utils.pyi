from typing import Any

from .saving import deserialize_keras_object as deserialize_keras_object
from .saving import get_registered_name as get_registered_name
from .saving import register_keras_serializable as register_keras_serializable
from .saving import serialize_keras_object as serialize_keras_object

def set_random_seed(seed: int) -> None: ...
def __getattr__(name: str) -> Any: ...
