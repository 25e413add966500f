"""Weights on JAX, and of the models of tf_keras, in both directions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from weights_kit import chain, different, mixed, same, same_outputs

from kerasplug.errors import ModelError, ModelFileError
from kerasplug.saving.weights import load_model_weights_hdf5, save_model_weights_hdf5

pytestmark = pytest.mark.engine

LAYERS = ("spread", "both", "look", "cells", "inner/i1", "parts", "out")


def test_all_of_it_on_jax(tmp_path):
    """On JAX each format loads, a failure changes nothing, and training goes on."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("weights_kit.py"), tmp_path],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    engine, found = json.loads(done.stdout.splitlines()[-1])

    assert engine == "jax"
    assert len(found) > 15
    assert [what for what, holds in found.items() if not holds] == []


def _written(model, folder, name):
    """A file of tf_keras' own, or of ours, by its name."""
    path = Path(folder) / name
    if name.startswith("ours"):
        save_model_weights_hdf5(model, path)
    elif name.startswith("whole"):
        model.save(path)
    else:
        model.save_weights(path)
    return path


NAMED = ("whole.keras", "whole.h5", "alone.h5", "ours.h5", "ours.any")
NAMELESS = ("alone.weights.h5", "ours.weights.h5")


@pytest.mark.filterwarnings("ignore:.*saving your model as an HDF5 file")
@pytest.mark.parametrize("name", [*NAMED, *NAMELESS])
@pytest.mark.parametrize("to", ["legacy", "keras"])
def test_files_of_tf_keras_load_into_both(keras, legacy, name, to, tmp_path):
    """What tf_keras writes, and what we write for it, fits models of both."""
    # Its own HDF5 files can't hold two weights of a layer that are called the same.
    parts = name not in ("whole.h5", "alone.h5")
    original = mixed(legacy, parts=parts)
    path = _written(original, tmp_path, name)
    make = legacy if to == "legacy" else keras

    for by_name in (False, True):
        model = mixed(make, parts=parts)
        if by_name and name in NAMELESS:
            with pytest.raises(ModelFileError, match="can't be loaded by name"):
                load_model_weights_hdf5(model, path, by_name)
            continue
        report = load_model_weights_hdf5(model, path, by_name)
        assert report.loaded == tuple(
            layer for layer in LAYERS if parts or layer != "parts"
        )
        assert same_outputs(original, model)


@pytest.mark.parametrize("name", ["m.weights.h5", "m.keras", "m.h5", "ours.h5"])
def test_files_of_keras_3_load_into_models_of_tf_keras(keras, legacy, name, tmp_path):
    """What Keras 3 writes fits the same model of tf_keras, by order and by name."""
    original = chain(keras, "a", "b")
    path = tmp_path / name
    if name.startswith("ours"):
        save_model_weights_hdf5(original, path)
    else:
        (original.save_weights if "weights" in name else original.save)(path)

    for by_name in (False, True):
        model = chain(legacy, "a", "b")
        assert load_model_weights_hdf5(model, path, by_name).loaded == ("a", "b")
        assert same(original, model)


@pytest.mark.parametrize("name", ["w.h5", "w.hdf5", "w.weights.h5"])
def test_plain_tf_keras_reads_what_we_write(keras, legacy, name, tmp_path):
    """Files of models of both are read by tf_keras' own `load_weights`."""
    for index, make in enumerate((keras, legacy)):
        original, model = chain(make, "a", "b"), chain(legacy, "a", "b")
        path = tmp_path / f"{index}{name}"
        save_model_weights_hdf5(original, path)
        if make is keras and "weights" in name:
            # Keras 3 leaves out what tf_keras asks for: the model's own, none.
            with h5py.File(path, "r+") as file:
                file.require_group("vars")
        model.load_weights(path)
        assert same(original, model)


def test_a_model_of_a_class_is_found_by_other_paths(keras, legacy, tmp_path):
    """tf_keras and Keras 3 go by other paths through a class: no silent mistake."""

    def make(library):
        class Own(library.Model):
            def __init__(self):
                super().__init__()
                self.zero = library.layers.Dense(4)
                self.also = library.layers.Dense(4)

            def call(self, inputs):
                return self.also(self.zero(inputs))

        model = Own()
        model(np.ones((1, 4), "float32"))
        return model

    original, other, third = make(legacy), make(legacy), make(keras)
    path = tmp_path / "m.weights.h5"
    original.save_weights(path)
    before = third.get_weights()

    load_model_weights_hdf5(other, path)
    with pytest.raises(ModelFileError, match="nothing in the model for zero"):
        load_model_weights_hdf5(third, path)

    assert same(original, other)
    assert not any(different(before, third))


def test_a_failure_leaves_a_model_of_tf_keras_as_it_was(legacy, tmp_path):
    """Also there: all or nothing, in both layouts.

    Upstream: tf_keras has replaced what came before the layer that doesn't fit.
    """
    original = chain(legacy, "a", "b")
    for name in ("alone.weights.h5", "alone.h5"):
        path = _written(original, tmp_path, name)
        ours, plain = (chain(legacy, "a", "b", last=5) for _ in range(2))
        before = ours.get_weights(), plain.get_weights()

        with pytest.raises(ModelFileError, match="doesn't fit"):
            load_model_weights_hdf5(ours, path)
        with pytest.raises(ValueError, match=r"[Ss]hape"):
            plain.load_weights(path)

        assert not any(different(before[0], ours))
        if name == "alone.weights.h5":
            assert different(before[1], plain) == [True, True, False, False]


def test_mixed_precision_of_tf_keras_is_kept(legacy, tmp_path):
    """Weights of a model with a policy for mixed precision are put back and loaded."""
    original, model = (chain(legacy, "a", "b", dtype="mixed_float16") for _ in range(2))
    path = _written(original, tmp_path, "alone.weights.h5")

    load_model_weights_hdf5(model, path)

    assert same(original, model)
    assert {one.dtype.name for one in model.weights} == {"float32"}


def test_an_unbuilt_model_of_tf_keras_is_an_error(legacy, tmp_path):
    """It has no weights yet; the error says how to get some."""
    model = legacy.Sequential([legacy.layers.Dense(2)])

    with pytest.raises(ModelError, match="has none yet"):
        save_model_weights_hdf5(model, tmp_path / "w.h5")
