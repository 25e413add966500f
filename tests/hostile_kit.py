"""A small good model as a `.keras` file and as HDF5, made without Keras, to be spoilt.

It has an input of two numbers and a dense layer with three units.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from saving_plugin import layer_config

KERNEL = np.arange(6, dtype="float32").reshape(2, 3)
BIAS = np.zeros(3, "float32")

#: What a builder of HDF5 does with an open file whose weights are about to be written.
Spoil = Callable[[h5py.File], None]


def dense(**config: Any) -> dict[str, Any]:
    """What Keras writes for a dense layer with three units."""
    return layer_config(
        "Dense", "keras.layers", **{"name": "dense", "units": 3, **config}
    )


def lambda_layer(code: str) -> dict[str, Any]:
    """What Keras writes for a layer with a lambda of this bytecode."""
    inner = {"code": code, "defaults": None, "closure": None}
    function = {"class_name": "__lambda__", "config": inner}
    return layer_config("Lambda", "keras.layers", name="l", function=function)


def model(*layers: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    """What Keras writes for a sequential model with an input of two."""
    start = layer_config("InputLayer", "keras.layers", batch_shape=[None, 2])
    inner = [start, *(layers or [dense()])]
    return {**layer_config("Sequential", "keras", name="m", layers=inner), **keys}


def text_of(config: Any) -> bytes:
    """JSON; bytes are JSON, or whatever they are, already."""
    return config if isinstance(config, bytes) else json.dumps(config).encode()


def weights(spoil: Spoil | None = None, **options: Any) -> bytes:
    """The bytes of `model.weights.h5`.

    Args:
        spoil: makes the datasets instead, below `layers/dense/vars`.
        options: of the file.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        file.create_group("layers/dense/vars")
        (spoil or sound)(file)
        file.create_group("vars")
    return buffer.getvalue()


def sound(file: h5py.File) -> None:
    """The weights as they should be."""
    file["layers/dense/vars/0"] = KERNEL
    file["layers/dense/vars/1"] = BIAS


def kernel(make: Callable[[h5py.Group], object]) -> Spoil:
    """Weights whose kernel is made by `make`, with the name `0` in a group."""

    def spoil(file: h5py.File) -> None:
        file["layers/dense/vars/1"] = BIAS
        make(file["layers/dense/vars"])

    return spoil


def write(
    path: Path,
    config: Any = None,
    *,
    stored: bytes | None = None,
    packed: int = zipfile.ZIP_STORED,
    more: Mapping[str, bytes] | None = None,
) -> Path:
    """A `.keras` file.

    Args:
        path: where.
        config: of the model; None: the good one.
        stored: the weights; None: the good ones.
        packed: how its members are.
        more: members by their names.
    """
    members = {
        "metadata.json": json.dumps({"keras_version": "3.15.1"}).encode(),
        "config.json": text_of(model() if config is None else config),
        "model.weights.h5": weights() if stored is None else stored,
        **(more or {}),
    }
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def write_hdf5_model(
    path: Path, config: Any = None, spoil: Spoil | None = None, **options: Any
) -> Path:
    """An HDF5 file with a whole model, as Keras writes it.

    Args:
        path: where.
        config: of the model; None: the good one.
        spoil: makes the datasets of the dense layer instead, below `model_weights`.
        options: of the file.
    """
    config = old_model() if config is None else config
    with h5py.File(path, "w", **options) as file:
        file.attrs["model_config"] = text_of(config).decode("utf-8", "surrogateescape")
        file.attrs["keras_version"] = "3.15.1"
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = np.array([b"dense"])
        group = top.create_group("dense")
        group.attrs["weight_names"] = np.array([b"dense/0", b"dense/1"])
        inner = group.create_group("dense")
        if spoil is None:
            inner["0"] = KERNEL
        else:
            spoil(inner)
        inner["1"] = BIAS
    return path


def old_model(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """What Keras 3 writes into HDF5 files: as in `.keras`, inside an older frame."""
    found = model(*layers)
    return {"class_name": found["class_name"], "config": found["config"]}
