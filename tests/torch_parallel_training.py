"""How far training on replicas is from training on one device; run where PyTorch is."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
from torch_parallel_kit import apart, compiled, keras, layers, numbers, on, tell

NUMBERS = (2, 4, 8)
EPOCHS = 4
#: Of 93 rows in batches of 7 the last has 2: fewer than there are devices.
ROWS, BATCH = 93, 7


# --- models that must train alike: a model, its inputs, its targets, options ---


def images():
    """Convolutions with a regularizer, and weights of samples."""
    inputs = keras.Input((6, 6, 2))
    hidden = layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2")(inputs)
    outputs = layers.Dense(2)(layers.Flatten()(hidden))
    x = numbers(ROWS, 6, 6, 2)
    options = {"sample_weight": numbers(ROWS, seed=2) ** 2}
    model = compiled(keras.Model(inputs, outputs), metrics=["mae"])
    return model, x, numbers(ROWS, 2, seed=1), options


def several():
    """Two inputs and two outputs by name, each with a loss."""
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    both = layers.Concatenate()([layers.Dense(3, "tanh")(a), b])
    made = {"u": layers.Dense(1, name="u")(both), "v": layers.Dense(2, name="v")(both)}
    losses = {"u": "mse", "v": "mae"}
    model = keras.Model({"a": a, "b": b}, made)
    compiled(model, losses, loss_weights={"u": 1.0, "v": 0.3})
    x = {"a": numbers(ROWS, 3), "b": numbers(ROWS, 4, seed=1)}
    y = {"u": numbers(ROWS, 1, seed=2), "v": numbers(ROWS, 2, seed=3)}
    return model, x, y, {}


def sequences():
    """A mask that a layer reads, and that the loss finds on the output."""
    inputs = keras.Input((4,), dtype="int32")
    hidden = layers.Embedding(5, 3, mask_zero=True)(inputs)
    hidden = layers.SimpleRNN(4, return_sequences=True)(hidden)
    model = compiled(keras.Model(inputs, layers.Dense(1)(hidden)))
    x = np.arange(ROWS * 4).reshape(ROWS, 4) * 7 % 5
    return model, x, numbers(ROWS, 4, 1), {}


def frozen():
    """A model whose weights come from another training, partly frozen."""
    model = keras.Sequential([keras.Input((3,)), *map(layers.Dense, (4, 3, 1))])
    model.set_weights([numbers(*one.shape) for one in model.get_weights()])
    model.layers[1].trainable = False
    compiled(model)
    return model, numbers(ROWS, 3), numbers(ROWS, 1, seed=1), {}


KINDS = {one.__name__: one for one in (images, several, sequences, frozen)}


def _kind(name):
    keras.utils.set_random_seed(3)
    return KINDS[name]()


def _fit(model, x, y, options, epochs=EPOCHS):
    said = model.fit(
        x, y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0, **options
    )
    return list(said.history.values())


def _values(optimizer):
    return [np.array(one) for one in optimizer.variables]


def trained():
    """By kind of model and number of replicas: how far training is from one device."""
    return {
        f"{name} {number}": _trained(name, number)
        for name in KINDS
        for number in NUMBERS
    }


def _trained(name, number):
    alone, x, y, options = _kind(name)
    alone_before = alone.get_weights()
    expected = _fit(alone, x, y, options)
    template = _kind(name)[0]
    many = on(template, number)
    found = _fit(many, x, y, options)
    few = keras.tree.map_structure(lambda one: one[:1], (x, y))
    return {
        "steps": int(many.optimizer.iterations),
        "moved": apart(alone_before, alone.get_weights()),
        "weights": apart(alone.get_weights(), template.get_weights()),
        "optimizer": apart(_values(alone.optimizer), _values(many.optimizer)),
        "logs": apart(expected, found),
        "predicted": apart(alone.predict(x, verbose=0), many.predict(x, verbose=0)),
        "one row": apart(alone.predict(few[0]), many.predict(few[0])),
        "evaluated": apart(
            alone.evaluate(x, y, verbose=0), many.evaluate(x, y, verbose=0)
        ),
    }


def by_hand():
    """The methods for one batch, of some numbers of rows: how far apart."""
    alone, x, y, _ = _kind("images")
    template = _kind("images")[0]
    many = on(template, 4)
    found = {}
    for rows in (1, 3, 4, 30):
        calls = [
            lambda model, rows=rows: model.train_on_batch(x[:rows], y[:rows]),
            lambda model, rows=rows: model.test_on_batch(x[:rows], y[:rows]),
            lambda model, rows=rows: model.predict_on_batch(x[:rows]),
            lambda model, rows=rows: model(x[:rows]),
        ]
        found[rows] = max(apart(call(alone), call(many)) for call in calls)
    none = [many(x[:0]), many.predict_on_batch(x[:0])]
    return found | {"none": [list(one.shape) for one in none]}


def unbuilt():
    """A template without weights, which its first training makes: how far apart."""
    alone, template = (
        keras.Sequential([layers.Dense(3, kernel_initializer="ones"), layers.Flatten()])
        for _ in range(2)
    )
    x, y = numbers(4, 3), numbers(4, 3, seed=1)
    for one in (alone, on(template, 3)):
        compiled(one, metrics=["mae"]).fit(x, y, verbose=0)
    return apart(alone.get_weights(), template.get_weights())


def saved():
    """Training that goes on after saving, from either, against one without a break."""
    whole, x, y, options = _kind("images")
    _fit(whole, x, y, options, 4)
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        for which in ("template", "parallel"):
            template = _kind("images")[0]
            many = on(template, 3)
            _fit(many, x, y, options, 2)
            path = Path(folder, f"{which}.keras")
            (template if which == "template" else many).save(path)
            for again in ("alone", "on three"):
                model = keras.models.load_model(path)
                on_them = model if again == "alone" else on(model, 3)
                _fit(on_them, x, y, options, 2)
                key = f"{which}, {again}"
                answers[key] = apart(whole.get_weights(), model.get_weights())
    return answers


def added():
    """Losses that layers add: one device's gradients, in single precision."""

    def made():
        keras.utils.set_random_seed(1)
        hidden = layers.Dense(3, activity_regularizer="l2")
        return compiled(keras.Sequential([keras.Input((2,)), hidden, layers.Dense(1)]))

    x, y = numbers(7, 2), numbers(7, 1, seed=1)
    alone, template = made(), made()
    before = alone.get_weights()
    logs = [alone.train_on_batch(x, y), on(template, 3).train_on_batch(x, y)]
    without = made()
    without.layers[0].activity_regularizer = None
    without.train_on_batch(x, y)
    return {
        "weights": apart(alone.get_weights(), template.get_weights()),
        "logs": apart(*logs),
        "counts": apart(alone.get_weights(), without.get_weights()),
        "moved": apart(before, alone.get_weights()),
    }


def masked():
    """Outputs with a mask, given in each way: how far from one device."""
    # Of Keras, for any functional model: that its outputs have no mask.
    warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
    inputs = keras.Input((4, 2))
    model = keras.Model(inputs, layers.LSTM(2)(inputs))
    many, x = on(model, 3), numbers(7, 4, 2)
    mask = keras.ops.convert_to_tensor(np.arange(28).reshape(7, 4) % 3 > 0)
    expected = model(x, mask=mask)
    noted = keras.ops.convert_to_tensor(x)
    noted._keras_mask = mask
    return {
        "without": apart(model(x), expected),
        "argument": apart(many(x, mask=mask), expected),
        "tensor": apart(many(noted), expected),
    }


def inside():
    """Training of a model that has one on replicas as a layer: how far apart."""
    weights = []
    for number in (None, 3):
        keras.utils.set_random_seed(1)
        part = keras.Sequential([keras.Input((3,)), layers.Dense(3, "tanh")])
        inputs = keras.Input((3,))
        hidden = layers.Dense(3)(inputs)
        hidden = part(hidden) if number is None else on(part, number)(hidden)
        model = compiled(keras.Model(inputs, layers.Dense(1)(hidden)))
        _fit(model, numbers(ROWS, 3), numbers(ROWS, 1, seed=1), {}, 1)
        weights.append(model.get_weights())
    return apart(*weights)


def seen():
    """On which devices a layer is called, from compiling to the first step."""
    found = []

    class Noting(layers.Layer):
        def call(self, inputs):
            found.append(inputs.device.type)
            return inputs

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1), Noting()])
    many = compiled(on(model, 2), metrics=["mae"])
    found.clear()
    many.fit(numbers(4, 3), numbers(4, 1), verbose=0)
    return found


def halves():
    """What a layer in full precision computes in a model in half, on replicas."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    exact = layers.Dense(1, use_bias=False, dtype="float32")
    many = on(keras.Sequential([keras.Input((1,)), exact]), 2)
    keras.config.set_dtype_policy("float64")
    exact.set_weights([np.array([[1 + 2**-12]], "float32")])
    return many.predict(np.ones((2, 1), "float32"), verbose=0).ravel().tolist()


if __name__ == "__main__":
    tell(globals())
