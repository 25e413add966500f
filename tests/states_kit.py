"""Stateful models, and what becomes of their states, in a process with one backend.

`python states_kit.py carried FILE NAMES` trains and asks these models, with their
states carried; `plain` does so with nothing but Keras; `eager` carried, and with
`run_eagerly`; `resets` trains with and without `ResetStates`; `asked` evaluates and
predicts only. The numbers go to FILE.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
import traceback

import numpy as np

BATCH = 2
BATCHES = 3
SAMPLES = BATCH * BATCHES
EPOCHS = 2


def _rnn(keras, shape, *layers):
    return keras.Sequential(
        [keras.Input(batch_shape=(BATCH, *shape)), *layers, keras.layers.Dense(1)]
    )


def _nested(keras):
    """A stateful model in a model, used twice in each step."""
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input(batch_shape=(BATCH, 3, 2)), layers.LSTM(3, stateful=True)],
        name="inner",
    )
    inputs = keras.Input(batch_shape=(BATCH, 3, 2))
    both = layers.Concatenate()([inner(inputs), inner(2.0 * inputs)])
    return keras.Model(inputs, layers.Dense(1)(both))


def _subclass(keras):
    """A model with a `call` of its own, and a layer that holds a stateful one."""

    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.rnn = keras.layers.GRU(3, stateful=True)

        def build(self, shape):
            self.rnn.build(shape)

        def call(self, inputs):
            return self.rnn(inputs)

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.holder = Holder()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            return self.dense(self.holder(inputs))

    model = Model()
    model(np.zeros((BATCH, 3, 2), "float32"))
    give(keras, model, 0.0)
    return model


def _frozen(keras):
    lstm = keras.layers.LSTM(4, stateful=True, trainable=False)
    return _rnn(keras, (3, 2), lstm)


def _two(keras):
    first = keras.layers.LSTM(3, stateful=True, return_sequences=True)
    return _rnn(keras, (3, 2), first, keras.layers.GRU(2, stateful=True))


def _stacked(keras):
    cells = [keras.layers.LSTMCell(3), keras.layers.GRUCell(2)]
    return _rnn(keras, (3, 2), keras.layers.RNN(cells, stateful=True))


def _one_zero(keras):
    """A cell whose two states begin as one and the same tensor."""

    class Cell(keras.layers.Layer):
        state_size = (2, 2)

        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 2))

        def call(self, inputs, states):
            first = keras.ops.tanh(inputs @ self.kernel + states[1])
            return first, [first, 0.5 * states[0]]

        def get_initial_state(self, batch_size=None):
            one = keras.ops.zeros((batch_size, 2))
            return [one, one]

    return _rnn(keras, (3, 2), keras.layers.RNN(Cell(), stateful=True))


#: name -> (a function that makes a model, the shape of a sample).
MODELS = {
    "lstm": (lambda k: _rnn(k, (3, 2), k.layers.LSTM(4, stateful=True)), (3, 2)),
    "gru": (lambda k: _rnn(k, (3, 2), k.layers.GRU(4, stateful=True)), (3, 2)),
    "simple": (lambda k: _rnn(k, (3, 2), k.layers.SimpleRNN(4, stateful=True)), (3, 2)),
    "both ways": (
        lambda k: _rnn(
            k, (3, 2), k.layers.Bidirectional(k.layers.LSTM(3, stateful=True))
        ),
        (3, 2),
    ),
    "masked": (
        lambda k: _rnn(k, (3, 2), k.layers.Masking(), k.layers.LSTM(3, stateful=True)),
        (3, 2),
    ),
    "convolved": (
        lambda k: _rnn(
            k,
            (2, 3, 3, 1),
            k.layers.ConvLSTM2D(2, 2, padding="same", stateful=True),
            k.layers.Flatten(),
        ),
        (2, 3, 3, 1),
    ),
    "distributed": (
        lambda k: _rnn(
            k,
            (2, 3, 2),
            k.layers.TimeDistributed(k.layers.LSTM(3, stateful=True)),
            k.layers.Flatten(),
        ),
        (2, 3, 2),
    ),
    "two": (_two, (3, 2)),
    "stacked": (_stacked, (3, 2)),
    "nested": (_nested, (3, 2)),
    "subclass": (_subclass, (3, 2)),
    "frozen": (_frozen, (3, 2)),
    "one zero": (_one_zero, (3, 2)),
}


def data(shape, seed=0):
    """Samples of which some steps are masked, and targets."""
    numbers = np.random.default_rng(seed)
    x = numbers.normal(size=(SAMPLES, *shape)).astype("float32")
    x[1::3, -1] = 0.0
    return x, numbers.normal(size=(SAMPLES, 1)).astype("float32")


def weigh(model):
    """Give a model weights that are the same on each backend."""
    numbers = np.random.default_rng(1)
    weights = [numbers.normal(size=one.shape, scale=0.5) for one in model.weights]
    model.set_weights([one.astype("float32") for one in weights])
    return model


def flat(states):
    """Nested states one by one."""
    if isinstance(states, list | tuple):
        return [each for one in states for each in flat(one)]
    return [] if states is None else [states]


def variables_of(keras, model):
    """The states of a model, found by Keras' means alone."""
    rnns = [one for one in model._flatten_layers() if isinstance(one, keras.layers.RNN)]
    found = {id(one): one for rnn in rnns if rnn.stateful for one in flat(rnn.states)}
    return [*found.values()]


def states_of(keras, model):
    """Copies of them."""
    return [one.numpy().copy() for one in variables_of(keras, model)]


def give(keras, model, states):
    """Set them; a number is what all are filled with."""
    for number, variable in enumerate(variables_of(keras, model)):
        one = states if isinstance(states, float) else states[number]
        variable.assign(np.broadcast_to(np.float32(one), tuple(variable.shape)))


def lived(keras, model, shape, **options):
    """By name, all that comes of using a stateful model in each way."""
    x, y = data(shape)
    sgd = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(sgd, "mse", **options)
    seen = {}

    def note(name, result):
        seen[name] = np.asarray(result)
        for number, state in enumerate(states_of(keras, model)):
            seen[f"{name}, state {number}"] = state

    given = {"batch_size": BATCH, "verbose": 0}
    fitted = model.fit(x, y, epochs=EPOCHS, shuffle=False, **given)
    note("fit", fitted.history["loss"])
    note("evaluate", model.evaluate(x, y, **given))
    note("predict", model.predict(x, **given))
    note("train_on_batch", model.train_on_batch(x[:BATCH], y[:BATCH]))
    note("test_on_batch", model.test_on_batch(x[:BATCH], y[:BATCH]))
    note("predict_on_batch", model.predict_on_batch(x[:BATCH]))
    note("called", keras.ops.convert_to_numpy(model(x[:BATCH])))
    for number, weight in enumerate(model.get_weights()):
        seen[f"weight {number}"] = weight
    return seen


def all_lived(keras, names, *, carried, eagerly):
    """The same of several models."""
    import kerasplug.models.state_carrying as carrying

    jit = keras.backend.backend() == "jax" and not eagerly
    seen = {}
    for name in names:
        make, shape = MODELS[name]
        model = weigh(make(keras))
        if carried:
            carrying.carry_states(model)
        options = {"run_eagerly": eagerly, "jit_compile": jit}
        for what, value in lived(keras, model, shape, **options).items():
            seen[f"{name}: {what}"] = value
    return seen


def asked(keras):
    """By name, what comes of evaluating and predicting with nothing but Keras."""
    seen = {}
    for name in ("lstm", "both ways", "stacked", "nested"):
        make, shape = MODELS[name]
        x, y = data(shape)
        model = weigh(make(keras))
        model.compile(loss="mse")
        given = {"batch_size": BATCH, "verbose": 0}
        seen[f"{name}: evaluate"] = np.asarray(model.evaluate(x, y, **given))
        seen[f"{name}: predict"] = model.predict(x, **given)
        for number, state in enumerate(states_of(keras, model)):
            seen[f"{name}: state {number}"] = state
    return seen


# --- resets ---


def by_hand(keras, model, x, y, x_new, y_new, every):
    """Losses of training and validation: a loop that anybody would write."""
    losses = []
    for _ in range(EPOCHS):
        give(keras, model, 0.0)
        of_epoch = [_by_hand(keras, model, x, y, every, model.train_on_batch)]
        kept = states_of(keras, model)
        give(keras, model, 0.0)
        of_epoch += [_by_hand(keras, model, x_new, y_new, every, model.test_on_batch)]
        give(keras, model, kept)
        losses.append(of_epoch)
    return losses


def _by_hand(keras, model, x, y, every, step):
    losses = []
    for batch in range(BATCHES):
        if every and batch % every == 0:
            give(keras, model, 0.0)
        rows = slice(batch * BATCH, (batch + 1) * BATCH)
        losses.append(step(x[rows], y[rows]))
    return np.mean(losses)


def fitted(keras, model, x, y, x_new, y_new, every):
    """The same losses by `fit` with the callback."""
    from kerasplug.models.state_resetting import ResetStates

    history = model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        validation_data=(x_new, y_new),
        callbacks=[ResetStates(every)],
    ).history
    return [*zip(history["loss"], history["val_loss"], strict=True)]


def resets(keras):
    """By name, the numbers of trainings by hand and by `fit`, for all ways to reset."""
    from kerasplug.models.state_carrying import carry_states

    seen = {}
    train, new = data((3, 2)), data((3, 2), seed=2)
    for every, steps in (("epoch", 0), ("batch", 1), (2, 2)):
        for way in ("by hand", "by fit"):
            model = weigh(_two(keras))
            sgd = keras.optimizers.SGD(0.1, momentum=0.9)
            model.compile(sgd, "mse")
            if way == "by hand":
                carry_states(model)
                losses = by_hand(keras, model, *train, *new, steps)
            else:
                losses = fitted(keras, model, *train, *new, every)
            about = [losses, *model.get_weights(), *states_of(keras, model)]
            for number, value in enumerate(about):
                seen[f"{way}: {every}, {number}"] = np.asarray(value)
    return seen


#: By engine the variables that choose it.
ENGINES = {
    "jax": {"KERAS_BACKEND": "jax", "KERASPLUG_IMPLEMENTATION": "keras"},
    "tensorflow": {"KERAS_BACKEND": "tensorflow", "KERASPLUG_IMPLEMENTATION": "keras"},
    "numpy": {"KERAS_BACKEND": "numpy", "KERASPLUG_IMPLEMENTATION": "keras"},
    "tf_keras": {"KERASPLUG_IMPLEMENTATION": "tf_keras"},
}


def _run(engine, *command):
    path = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **ENGINES[engine], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def in_process(engine, what, file, *names):
    """What such a process has found: name -> array."""
    _run(engine, __file__, what, file, *names)
    with np.load(file) as found:
        return dict(found)


@functools.cache
def _told(file):
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(_run("jax", file, folder).splitlines()[-1])


def told(file, name):
    """What came of one case of a test file, which runs in a process on JAX, once."""
    found = _told(file)[name]
    assert not isinstance(found, str), found
    return found


def case_in(cases):
    """A mark for functions of Keras and a folder, which say what they have seen."""

    def case(function):
        cases[function.__name__] = function
        return function

    return case


def made(keras, name="lstm", *, carried=True):
    """A compiled model."""
    from kerasplug.models.state_carrying import carry_states

    model = weigh(MODELS[name][0](keras))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return carry_states(model) if carried else model


def run_cases(cases):
    """In that process: run all cases and print what came of them."""
    import kerasplug

    keras = kerasplug.implementation("keras")
    assert keras.backend.backend() == "jax"
    found = {}
    for name, function in cases.items():
        try:
            found[name] = function(keras, sys.argv[1])
        except Exception:  # noqa: BLE001 -- its test shows it
            found[name] = traceback.format_exc()
    print(json.dumps(found))  # noqa: T201 -- the answer


def refused(call, *arguments, **options):
    """The text of a ModelError; empty: there was none."""
    from kerasplug.errors import ModelError

    try:
        call(*arguments, **options)
    except ModelError as error:
        return str(error)
    return ""


def main():
    """Do what the command line says."""
    import kerasplug

    keras = kerasplug.implementation()
    what, file, *names = sys.argv[1:]
    if what == "resets":
        seen = resets(keras)
    elif what == "asked":
        seen = asked(keras)
    else:
        seen = all_lived(keras, names, carried=what != "plain", eagerly=what == "eager")
    np.savez(file, **seen)


if __name__ == "__main__":
    main()
