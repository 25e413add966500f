"""By what files of Keras 2 are known. Light: every file is asked, few are of it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from kerasplug.saving.reading import Contents

__all__ = ["HARD_SIGMOID", "is_keras2"]

#: The function that stands in for the `hard_sigmoid` of Keras 2.
HARD_SIGMOID: Final = "hard_sigmoid_of_keras_2"
_VERSION: Final = re.compile(r"\d+\.")
_MODULES: Final = re.compile(
    r"(tf_keras|keras\.engine|keras\.src\.engine|tensorflow\.python\.keras)\b"
)


def is_keras2(source: Contents | dict[str, Any]) -> bool:
    """Whether Keras 2 (or 1) wrote it.

    The version that it names decides; where it names none, what only Keras 2 writes.

    Args:
        source: what a file holds, or one configuration.

    Example:
        >>> is_keras2({"class_name": "Sequential", "config": []})
        True
        >>> is_keras2({"class_name": "Sequential", "config": {}, "module": "keras"})
        False
    """
    if isinstance(source, Contents):
        version: Any = source.keras_version
        configs = [config for label, config in source.configs if "train" not in label]
    else:
        version, configs = source.get("keras_version"), [source]
    if isinstance(version, str) and _VERSION.match(version):
        return version.partition(".")[0] in ("0", "1", "2")
    # Keras 3 says of each object where it lives, except in HDF5 files.
    if not isinstance(source, Contents) and "module" not in source:
        return True
    return any(_is_of_keras2(one) for config in configs for one in _dicts(config))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            yield one
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)


def _is_of_keras2(value: dict[str, Any]) -> bool:
    module, name, config = (
        value.get(key) for key in ("module", "class_name", "config")
    )
    if isinstance(module, str) and _MODULES.match(module):
        return True
    if isinstance(config, dict) and "batch_input_shape" in config:
        return True
    if name == "Sequential":
        return isinstance(config, list)
    return name == "Model" and isinstance(config, dict) and "input_layers" in config
