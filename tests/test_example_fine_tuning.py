"""The example of fine-tuning: what is frozen stays, what is not moves, and it pays."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasplug

pytestmark = pytest.mark.engine

SCRIPT = Path(__file__).parents[1] / "examples" / "fine_tuning.py"


@pytest.fixture(scope="module")
def example():
    """What the script defines."""
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def some(example):
    """The task of one seed."""
    return example["task"](0)


def weights_of(model):
    """Layer and place -> array, of the base."""
    return {
        (layer.name, number): array
        for layer in model.layers
        for number, array in enumerate(layer.get_weights())
    }


def moved(model):
    """The layers of the base that are not as they were in the package, to the bit."""
    (base,) = (layer for layer in model.layers if hasattr(layer, "layers"))
    packaged = kerasplug.applications["digits_cnn"](include_top=False, pooling="avg")
    now, before = weights_of(base), weights_of(packaged)
    assert now.keys() == before.keys()
    return {key for key in now if not np.array_equal(now[key], before[key])}


def test_the_pictures_to_be_told_by_were_not_learned(example):
    """40 are labelled, 315 others tell the outcome; both kinds are in both."""
    some = example["task"](3)

    assert (len(some.x), len(some.x_test)) == (40, 315)
    assert not {one.tobytes() for one in some.x} & {
        one.tobytes() for one in some.x_test
    }
    assert set(some.odd) == set(some.odd_test) == {0.0, 1.0}


def test_a_frozen_base_does_not_move(example, some):
    """Not by a bit, the averages of batch normalization included."""
    assert moved(example["head_only"](some, epochs=3)) == set()


CONVOLUTIONS = {("block2_conv1", 0), ("block2_conv2", 0)}
NORMS = {(f"block2_bn{one}", place) for one in (1, 2) for place in range(4)}


def test_only_what_was_unfrozen_moves(example, some):
    """The convolutions of the second block do; batch normalization was kept frozen."""
    assert moved(example["fine_tuned"](some)) == CONVOLUTIONS


def test_the_callback_unfreezes_the_whole_block(example, some):
    """Within one `fit`, and nothing before it."""
    assert moved(example["gradually"](some)) == CONVOLUTIONS | NORMS


def test_fit_overrules_training_false(example, some):
    """Why batch normalization is frozen: when this fails, Keras has changed."""
    keras = kerasplug.implementation()
    base = kerasplug.applications["digits_cnn"](include_top=False, pooling="avg")
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(some.x, some.odd, verbose=0)

    assert {name for (name, place) in moved(model) if place > 1} == {
        f"block{block}_bn{one}" for block in (1, 2) for one in (1, 2)
    }


def test_it_beats_training_from_scratch(example):
    """On the same steps, for each of three seeds, and by 0.04 on average."""
    rows = [example["outcome"](seed) for seed in range(3)]

    for way in ("head only", "fine-tuned", "gradually"):
        assert all(row[way] > row["from scratch"] for row in rows), rows
        gain = np.mean([row[way] - row["from scratch"] for row in rows])
        assert gain > 0.04, rows


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_script_prints_a_table(backend):
    """In a process of its own, on both backends."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "1"],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "KERASPLUG_IMPLEMENTATION": "keras",
            "JAX_PLATFORMS": "cpu",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    head, row, mean = done.stdout.splitlines()
    assert head.split("  ")[0] == "seed"
    assert re.fullmatch(r"1( +0\.\d{3}| +1\.000){4}", row), row
    scratch, _, tuned, _ = map(float, mean.split()[1:])
    assert tuned > scratch
