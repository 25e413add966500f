"""Configurations that run code, read files, or cost more than they look."""

import base64
import json
import marshal
from pathlib import Path
from typing import Any

from hostile_kit import (
    dense,
    lambda_layer,
    model,
    old_model,
    text_of,
    write,
    write_hdf5_model,
)
from saving_plugin import layer_config

#: What a lambda in the corpus would make when it runs; the name is an environment's.
CANARY = "HOSTILE_CANARY"


def code() -> str:
    """The bytecode of a lambda that leaves a file behind, as Keras stores it."""
    source = f"lambda x: __import__('os').mkdir(__import__('os').environ[{CANARY!r}])"
    function = eval(source)  # noqa: S307 -- the bytecode is what is tested
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def old_lambda() -> dict[str, Any]:
    """The same as older versions write it."""
    inner = {"name": "l", "function": [code(), None, None], "function_type": "lambda"}
    return {"class_name": "Lambda", "config": inner}


def keras_with(*layers, **keys):
    """A builder of a `.keras` file with these layers."""
    return lambda path: write(path, model(*layers, **keys))


def hdf5_with(*layers):
    """A builder of an HDF5 file with these layers."""
    return lambda path: write_hdf5_model(path, old_model(*layers))


def keras_text(change):
    """A builder of a `.keras` file whose configuration's text went through `change`."""
    return lambda path: write(path, change(text_of(model())))


def wrapped(layer):
    """The layer inside another one."""
    return layer_config("TimeDistributed", "keras.layers", name="t", layer=layer)


def function(module: str, name: str) -> dict[str, Any]:
    """What Keras writes for a function."""
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def code_as_shape() -> dict[str, Any]:
    """A layer whose function is harmless, and whose shape is computed by code."""
    made = lambda_layer(code())
    made["config"]["output_shape"] = made["config"]["function"]
    made["config"]["function"] = function("keras.ops", "relu")
    return made


def lookup(path: str) -> dict[str, Any]:
    """A layer whose words are in a file of the machine."""
    return layer_config("StringLookup", "keras.layers", name="s", vocabulary=path)


def saved_model() -> dict[str, Any]:
    """A layer that runs a program of TensorFlow."""
    return layer_config("TFSMLayer", "keras.layers", name="p", filepath="/somewhere")


def array_bomb() -> dict[str, Any]:
    """One letter of 320 MB."""
    array = {"class_name": "__numpy__", "config": {"value": "a", "dtype": "U80000000"}}
    constant = layer_config("Constant", "keras.initializers", value=array)
    return dense(kernel_initializer=constant)


def wide() -> dict[str, Any]:
    """A dense layer with 320 MB of weights, where a few bytes are in the file."""
    layer = dense(units=40_000_000, use_bias=False)
    return {**layer, "build_config": {"input_shape": [None, 2]}}


def many_values(text: bytes) -> bytes:
    """Ten million lists in a place that nobody looks at."""
    return text[:-1] + b', "note": [' + b"[]," * 10_000_000 + b"[]]}"


def deep(text: bytes) -> bytes:
    """Nested 300 times in a place that nobody looks at."""
    return text[:-1] + b', "note": ' + b"[" * 300 + b"]" * 300 + b"}"


def bottomless(text: bytes) -> bytes:
    """Nested 100,000 times."""
    return text[:-1] + b', "note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def long_text(text: bytes) -> bytes:
    """A text of twenty million letters."""
    return text[:-1] + b', "note": "' + b"a" * 20_000_000 + b'"}'


def long_name(text: bytes) -> bytes:
    """A layer whose name has half a million letters."""
    return text.replace(b'"dense"', b'"' + b"d" * 500_000 + b'"')


def not_a_number(text: bytes) -> bytes:
    """A word that is no JSON, and that Python reads."""
    return text[:-1] + b', "note": NaN}'


def infinite(text: bytes) -> bytes:
    """A number that is too large for one."""
    return text[:-1] + b', "note": 1e999}'


def wide_text(text: bytes) -> bytes:
    """In UTF-16, which Python's JSON reads and others don't."""
    return text.decode().encode("utf-16")


def not_text(text: bytes) -> bytes:
    """Bytes that are no UTF-8."""
    return text.replace(b'"dense"', b'"\xff\xfe"')


def wrong_types(path: Path) -> Path:
    """Layers that are a number."""
    return write(path, json.loads(text_of(model()).replace(b'"layers": [', b'"x": [')))
