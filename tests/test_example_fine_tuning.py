"""The example of fine-tuning: what stays, what learns, and what it is good for."""

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasplug as kp

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SCRIPT = Path(__file__).parents[1] / "examples" / "fine_tuning.py"
SEEDS = (0, 1, 2)
#: A share of the 315 images of the outcome: six of them.
MARGIN = 0.02

CONVOLUTIONS = ["block2_conv1", "block2_conv2"]
NORMS = ["block2_bn1", "block2_bn2"]


@pytest.fixture(scope="module")
def example():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("fine_tuning", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def task(example):
    """The task of the first seed."""
    return example.upside_down(0)


@pytest.fixture(scope="module")
def pristine(keras):
    """The base as it comes."""
    return kp.applications["digits_cnn"](include_top=False, pooling="avg")


@pytest.fixture(scope="module")
def tuned(example, keras, task):
    """The model that was fine-tuned with the first seed."""
    return example.fine_tuned(task, 0)


def differs(pristine, base):
    """The layers of which a weight or statistic is not what it was, to the bit."""
    return [
        layer.name
        for layer in base.layers
        if any(
            not np.array_equal(*pair)
            for pair in zip(
                pristine.get_layer(layer.name).get_weights(),
                layer.get_weights(),
                strict=True,
            )
        )
    ]


def test_the_task_keeps_learning_and_outcome_apart(example, task):
    """Four images of each digit to learn from, all others for the outcome, turned."""
    images, digits = kp.datasets["digits"].load().test

    assert np.bincount(task.y).tolist() == [4] * 10
    assert len(task.x) + len(task.x_rest) == len(images)
    both = np.concatenate([task.x, task.x_rest])[:, ::-1, ::-1, 0]
    there = sorted(zip(map(np.ndarray.tobytes, images), digits, strict=True))
    labels = np.concatenate([task.y, task.y_rest])
    shown = map(np.ndarray.tobytes, both.astype("uint8"))
    assert sorted(zip(shown, labels, strict=True)) == there
    assert not np.array_equal(task.x, example.upside_down(1).x)


def test_a_frozen_base_does_not_move_by_a_bit(example, keras, task, pristine):
    """Nor do the statistics of its batch normalizations; the head learns."""
    made = example.head_only(task, 0, epochs=2)
    head = made.model.get_layer("head").get_weights()[1]

    assert differs(pristine, made.base) == []
    assert any(np.any(one) for one in head)


def test_fine_tuning_moves_what_was_unfrozen(pristine, tuned):
    """The convolutions of the second block, and no batch normalization."""
    assert differs(pristine, tuned.base) == CONVOLUTIONS


def test_unfreezing_gradually_moves_all_from_a_layer_on(example, task, pristine):
    """Batch normalizations with their statistics, too; nothing before."""
    made = example.gradually(task, 0)
    moved = differs(pristine, made.base)

    assert sorted(moved) == sorted([*CONVOLUTIONS, *NORMS])
    for name in NORMS:
        pairs = zip(
            pristine.get_layer(name).get_weights(),
            made.base.get_layer(name).get_weights(),
            strict=True,
        )
        assert not any(np.array_equal(*pair) for pair in pairs), "all four of it"


def test_fit_overrules_training_false(keras, task, pristine):
    """Why batch normalization is frozen: when this fails, Keras has changed."""
    base = kp.applications["digits_cnn"](include_top=False, pooling="avg")
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(task.x, task.y, verbose=0)

    norms = [f"block{block}_bn{one}" for block in (1, 2) for one in (1, 2)]
    assert sorted(differs(pristine, base)) == norms


def test_the_same_seed_gives_the_same_model(example, task, tuned):
    """To the bit, in one process."""
    again = example.fine_tuned(task, 0)
    pairs = zip(tuned.model.get_weights(), again.model.get_weights(), strict=True)

    assert all(np.array_equal(*pair) for pair in pairs)


def test_it_reads_more_than_training_from_scratch(example, keras):
    """With the same labels and epochs, in the mean of some seeds."""
    found = {name: np.mean(values) for name, values in example.measured(SEEDS).items()}

    assert found["fine-tuned"] > found["scratch"] + MARGIN, found
    assert found["gradually"] > found["scratch"] + MARGIN, found
    assert found["fine-tuned"] > found["head only"], found


def test_its_examples_are_true(example):
    """Those of its docstrings that are quick."""
    failed, tried = doctest.testmod(example)

    assert (failed, tried > 3) == (0, True)


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_it_runs_as_a_script(engine, tmp_path):
    """In a process of its own, from any folder; it prints the table."""
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", SCRIPT, "3"],
        env={
            **os.environ,
            "KERASPLUG_IMPLEMENTATION": "keras",
            "KERAS_BACKEND": engine,
            "KERAS_HOME": str(tmp_path),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["way", "mean", "by", "seed"]
    names = ["scratch", "head only", "fine-tuned", "gradually"]
    assert [re.split(r"  +", row)[0] for row in rows] == names
    share = r" {2}(0\.[5-9]\d\d) {2}\1"
    assert all(re.search(share + "$", row) for row in rows), done.stdout
