"""Seeing where TensorFlow executed what: forward, backward, under fit."""

import importlib

import numpy as np
import pytest
from parallel_kit import assert_same, elsewhere, rows, started

import kerasplug as kp

pytestmark = pytest.mark.engine


def model_on(device=None, **compiled):
    """A dense layer on a device, and one without a place; compiled."""
    keras, _ = started()
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="tanh")
    if device:
        hidden = kp.place(hidden, device)
    dropped = keras.layers.Dropout(0.5, seed=3)(hidden(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(dropped))
    model.compile("sgd", "mse", **compiled)
    return model


def fit(model, **options):
    """A training of three batches."""
    options = {"batch_size": 4, "verbose": 0, **options}
    return model.fit(rows(12, 4), rows(12, 1), **options)


def test_the_table_has_a_row_for_each_operation():
    """And a column for each device, in the order of their numbers."""
    found = kp.Placements({"cpu:10": {"MatMul": 3}, "cpu:9": {"AddV2": 12}})

    assert str(found).splitlines() == [
        "operation  cpu:9  cpu:10",
        "AddV2         12",
        "MatMul                 3",
    ]
    assert str(kp.Placements()) == "operation"
    assert (list(found), dict(found["cpu:9"])) == (["cpu:9", "cpu:10"], {"AddV2": 12})


@elsewhere
def test_fit_is_seen_forward_and_backward():
    """The operations of one training step, each where it ran."""
    with kp.placements() as found:
        fit(model_on("cpu:1"))

    assert set(found) == {"cpu:0", "cpu:1"}
    assert (found["cpu:1"]["Tanh"], found["cpu:1"]["TanhGrad"]) == (1, 1)
    assert not {"Tanh", "TanhGrad"} & set(found["cpu:0"])


@elsewhere
def test_what_had_run_before_the_block_is_seen():
    """A step that was compiled earlier counts as one that is compiled in the block."""
    model = model_on("cpu:1")
    with kp.placements() as first:
        fit(model)
    with kp.placements() as again:
        fit(model)

    assert first["cpu:1"] == again["cpu:1"]


@elsewhere
def test_tensorflow_alone_notes_a_program_once():
    """Why programs are prepared anew: when this fails, TensorFlow has changed."""
    _, tf = started()
    context = importlib.import_module("tensorflow.python.eager.context")
    double, numbers = tf.function(tf.tanh), tf.ones(3)
    double(numbers)
    context.enable_run_metadata()
    context.export_run_metadata()
    double(numbers)
    noted = context.export_run_metadata()
    context.disable_run_metadata()

    assert not noted.function_graphs


@elsewhere
def test_what_runs_between_blocks_is_not_seen():
    """TensorFlow goes on noting after it was told to stop; that is thrown away."""
    _, tf = started()
    numbers = tf.ones((3, 3))
    with kp.placements() as first:
        tf.tanh(numbers)
    tf.linalg.qr(numbers)
    with kp.placements() as second:
        tf.tanh(numbers)

    assert first == second == {"cpu:0": {"Tanh": 1}}


@elsewhere
def test_a_program_counts_once_however_often_it_runs():
    """Neither batches nor epochs nor the rounds of a loop are counted."""
    keras, _ = started()
    counts = []
    for epochs, steps in ((1, 3), (4, 3), (1, 30)):
        inputs = keras.Input((steps, 2))
        model = keras.Model(inputs, keras.layers.SimpleRNN(2)(inputs))
        model.compile("sgd", "mse")
        with kp.placements() as found:
            options = {"batch_size": 4, "epochs": epochs, "verbose": 0}
            model.fit(rows(8, steps, 2), rows(8, 2), **options)
        counts.append(found["cpu:0"]["TanhGrad"])

    assert counts == [1, 1, 1]


@elsewhere
def test_eager_mode_is_seen():
    """With run_eagerly=True, backward as well."""
    with kp.placements() as found:
        fit(model_on("cpu:1", run_eagerly=True))

    assert {"MatMul", "Tanh", "TanhGrad"} <= set(found["cpu:1"])


@elsewhere
def test_what_xla_compiled_is_not_seen():
    """Its inside is no program of TensorFlow's."""
    _, tf = started()
    compiled = tf.function(tf.tanh, jit_compile=True)
    with kp.placements() as found:
        compiled(tf.ones(3))

    assert "Tanh" not in {name for one in found.values() for name in one}


@elsewhere
def test_all_shows_what_only_carries_and_holds():
    """Where tensors go from device to device, and what feeds the step."""
    model = model_on("cpu:1")
    with kp.placements() as found:
        fit(model)
    with kp.placements(all=True) as everything:
        fit(model)

    carrying = {"_Send", "_Recv", "_Arg", "_Retval", "ReadVariableOp", "TensorDataset"}
    assert carrying <= {name for one in everything.values() for name in one}
    assert {"_Send", "_Recv"} <= set(everything["cpu:1"])
    computing = {name for one in found.values() for name in one}
    assert not (carrying | {"Const", "Identity", "NoOp", "Send", "Arg"}) & computing
    assert everything["cpu:1"]["TanhGrad"] == found["cpu:1"]["TanhGrad"]


@elsewhere
def test_looking_changes_no_number():
    """Dropout drops the same, and the weights are the same to the bit."""
    keras, _ = started()
    ends = []
    for look in (False, True):
        keras.utils.set_random_seed(5)
        model = model_on("cpu:1")
        fit(model)
        if look:
            with kp.placements():
                fit(model, epochs=2)
        else:
            fit(model, epochs=2)
        ends.append(model.get_weights())

    assert_same(*ends, close=0)


@elsewhere
def test_tensorflows_own_random_numbers_begin_again():
    """As its docstring says: those that have no state but the operation's."""
    _, tf = started()
    draw = tf.function(lambda: tf.random.uniform((3,)))
    tf.random.set_seed(1)
    first, second = np.array(draw()), np.array(draw())
    with kp.placements():
        again = np.array(draw())

    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


@elsewhere
def test_an_error_in_the_block_leaves_what_was_seen():
    """The error comes through, and the next block is as any other."""
    _, tf = started()
    with pytest.raises(KeyError), kp.placements() as found:
        tf.tanh(tf.ones(3))
        raise KeyError
    with kp.placements() as second:
        tf.tanh(tf.ones(3))

    assert "Tanh" in found["cpu:0"]
    assert "Tanh" in second["cpu:0"]


@elsewhere
def test_a_block_in_a_block_is_refused():
    """TensorFlow notes for one; the outer one goes on."""
    _, tf = started()
    with kp.placements() as found:
        with pytest.raises(kp.DeviceError, match="within placements"), kp.placements():
            pass
        tf.tanh(tf.ones(3))

    assert "Tanh" in found["cpu:0"]


@elsewhere
def test_it_can_be_used_within_fit():
    """By a callback, for one epoch; training goes on with its data."""
    keras, _ = started()
    seen = []

    class Look(keras.callbacks.Callback):
        """Looks at the second epoch."""

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.block = kp.placements()
                seen.append(self.block.__enter__())

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.block.__exit__(None, None, None)

    history = fit(model_on("cpu:1"), epochs=3, callbacks=[Look()])
    assert len(history.history["loss"]) == 3
    assert seen[0]["cpu:1"]["TanhGrad"]
