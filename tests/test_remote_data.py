"""What a remote model is fed with: streams of batches, and what is refused."""

import numpy as np
import pytest
import remote_kit as kit

import kerasplug
from kerasplug import to_backend
from kerasplug.errors import KerasplugError, KerasplugWarning

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def toyengine(monkeypatch):
    with kit.toy(monkeypatch):
        yield


@pytest.fixture
def remote(keras):
    with to_backend(kit.classifier(keras), "toyengine") as made:
        yield made


@pytest.fixture(scope="module")
def shared(keras):
    """One for the tests that train nothing."""
    with pytest.MonkeyPatch.context() as patch, kit.toy(patch):
        made = to_backend(kit.classifier(keras), "toyengine")
    with made:
        yield made


@pytest.fixture
def heads(keras):
    with to_backend(kit.two_headed(keras), "toyengine") as made:
        yield made


def batches(count=4, rows=16):
    for number in range(count):
        part = slice(number * rows, (number + 1) * rows)
        yield kit.X[part], kit.CLASSES[part]


def dataset(keras, *, finite=True):
    class Batches(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.epochs = 0

        @property
        def num_batches(self):
            return 4 if finite else None

        def __getitem__(self, number):
            return list(batches())[number % 4]

        def on_epoch_end(self):
            self.epochs += 1

    return Batches()


def expected(keras, epochs=2):
    model = kit.classifier(keras)
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    model.fit(kit.X, kit.CLASSES, epochs=epochs, **options)
    return model


def test_a_generator_gives_batches_until_it_ends(keras, remote):
    """Each epoch takes its steps; where no batch is left, training ends and says so."""
    with pytest.warns(KerasplugWarning, match="ended after 2 epochs"):
        history = remote.fit(
            (one for _ in range(2) for one in batches()),
            steps_per_epoch=4,
            epochs=3,
            verbose=0,
        )

    assert history.epoch == [0, 1]
    assert kit.same_weights(remote.host, expected(keras))
    assert [size for size, _ in kit.seen(remote)] == [16] * 8


def test_a_generator_that_ends_within_an_epoch_is_told(remote):
    """Fewer batches than steps: the epoch ends with them, and that is said."""
    with pytest.warns(KerasplugWarning, match="after 4 of 6 batches"):
        history = remote.fit(batches(), steps_per_epoch=6, verbose=0)

    assert history.epoch == [0]


def test_a_dataset_of_keras_is_taken_each_epoch(keras, remote):
    """A `PyDataset` is gone through in each epoch, and told that one is over."""
    data = dataset(keras)
    remote.fit(data, epochs=2, shuffle=False, verbose=0)

    assert data.epochs == 2
    assert kit.same_weights(remote.host, expected(keras))
    found = remote.evaluate(data, verbose=0)
    np.testing.assert_allclose(
        found, expected(keras).evaluate(kit.X, kit.CLASSES, verbose=0), rtol=1e-5
    )
    assert remote.predict(data, verbose=0).shape == (50, 3)


def test_an_endless_dataset_needs_steps(keras, remote):
    """One without an end is taken in steps, and goes on where it was."""
    data = dataset(keras, finite=False)
    remote.fit(data, epochs=4, steps_per_epoch=2, verbose=0)

    assert kit.same_weights(remote.host, expected(keras))


def test_a_dataset_is_shuffled_by_batches(keras, remote):
    """With `shuffle` a `PyDataset` gives its batches in another order, each once."""
    keras.utils.set_random_seed(1)
    sums = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: sums.append(kit.seen(remote)[-1])
    )
    remote.fit(dataset(keras), verbose=0, callbacks=[note])

    assert len(sums) == 4
    assert not kit.same_weights(remote.host, expected(keras, 1))


def test_a_dataset_of_tensorflow_is_taken(keras, remote):
    """A `tf.data.Dataset` is taken for training, evaluation and prediction."""
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((kit.X, kit.CLASSES)).batch(16)
    remote.fit(data, epochs=2, validation_data=data, verbose=0)

    assert kit.same_weights(remote.host, expected(keras))
    assert remote.predict(data, verbose=0).shape == (50, 3)


def test_anything_that_gives_batches_is_taken(keras, remote):
    """A loader as PyTorch's is iterated over in each epoch."""

    class Loader:
        def __len__(self):
            return 4

        def __iter__(self):
            return iter([list(one) for one in batches()])

    remote.fit(Loader(), epochs=2, verbose=0)

    assert kit.same_weights(remote.host, expected(keras))


def test_tensors_are_arrays(keras, remote):
    """Tensors of the backend are taken, and numbers of any width."""
    x = keras.ops.convert_to_tensor(kit.X.astype("float64"))
    y = keras.ops.convert_to_tensor(kit.CLASSES.astype("uint8"))
    options = {"batch_size": 16, "shuffle": False, "verbose": 0, "epochs": 2}
    remote.fit(x, y, **options)

    assert kit.same_weights(remote.host, expected(keras))


def test_shuffling_follows_the_seed(keras):
    """`keras.utils.set_random_seed` gives the same order again; another does not."""
    weights = []
    for seed in (1, 1, 2):
        with to_backend(kit.classifier(keras), "toyengine") as remote:
            keras.utils.set_random_seed(seed)
            remote.fit(kit.X, kit.CLASSES, batch_size=16, verbose=0)
            weights.append(remote.get_weights())

    assert kit.same_weights(weights[0], weights[1], exactly=True)
    assert not kit.same_weights(weights[0], weights[2])


def test_rows_are_shuffled_within_batches(keras, remote):
    """`shuffle="batch"` changes the order within batches alone: no step changes."""
    options = {"batch_size": 16, "verbose": 0, "epochs": 2}
    remote.fit(kit.X, kit.CLASSES, shuffle="batch", **options)

    assert kit.same_weights(remote.host, expected(keras))


# --- what is refused ---

TEMPORAL = np.ones((50, 4))
TEXTS = np.array(["a"] * 50)
GOOD = (kit.X, kit.CLASSES)


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (lambda: (kit.X[:49], kit.CLASSES), {}, "different numbers of rows"),
        (lambda: (kit.X[:, :3], kit.CLASSES), {}, "does not fit the input"),
        (lambda: (kit.X, kit.NUMBERS[:, :0]), {}, "does not fit the output"),
        (lambda: (kit.X, kit.HOT), {}, "does not fit the output 'scores'"),
        (lambda: (kit.X, None), {}, "no targets"),
        (lambda: ([kit.X, kit.X], kit.CLASSES), {}, "not those for the model's inputs"),
        (
            lambda: ({"other": kit.X}, kit.CLASSES),
            {},
            "not those for the model's inputs",
        ),
        (
            lambda: (kit.X, {"other": kit.CLASSES}),
            {},
            "not those for the model's outputs",
        ),
        (lambda: (TEXTS, kit.CLASSES), {}, "no batch of numbers"),
        (lambda: (kit.X[:0], kit.CLASSES[:0]), {}, "no rows"),
        (lambda: GOOD, {"sample_weight": TEMPORAL}, "not one number for each row"),
        (lambda: GOOD, {"sample_weight": kit.WEIGHTS[:9]}, "different numbers of rows"),
        (
            lambda: GOOD,
            {"sample_weight": kit.WEIGHTS, "class_weight": {0: 2.0}},
            "can't both",
        ),
        (lambda: GOOD, {"batch_size": -3}, "batch_size=-3"),
        (lambda: GOOD, {"steps_per_epoch": 0}, "steps=0"),
        (lambda: GOOD, {"validation_split": 0.999}, "Nothing would be left"),
        (
            lambda: GOOD,
            {"validation_data": (kit.X[:, :2], kit.CLASSES)},
            "does not fit",
        ),
        (lambda: GOOD, {"validation_freq": 0}, "validation_freq"),
        (lambda: (3, None), {}, "neither arrays"),
        (lambda: (iter([GOOD]), kit.CLASSES), {}, "come with the batches"),
        (lambda: (iter([(*GOOD, None, None)]),), {}, "too many parts"),
        (lambda: (iter([]),), {}, "no batch to train with"),
        (lambda: (iter([GOOD]),), {"validation_split": 0.2}, "for arrays"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_step(shared, data, options, said):
    """Wrong rows, shapes, names, weights, sizes: an error, and nothing was trained."""
    before = shared.get_weights()
    with pytest.raises(KerasplugError, match=said):
        shared.fit(*data(), verbose=0, **options)

    assert kit.seen(shared) == []
    assert kit.same_weights(shared.get_weights(), before, exactly=True)
    assert np.isfinite(shared.evaluate(*GOOD, verbose=0)[0])


def test_weights_of_classes_are_for_one_output(heads):
    """Several outputs have no weights of classes, as in Keras."""
    data = [kit.X, kit.X[:, :2]], [kit.CLASSES, kit.NUMBERS]
    with pytest.raises(KerasplugError, match="single output"):
        heads.fit(*data, class_weight={0: 2.0})


def test_a_wrong_batch_of_a_stream_ends_training_before_its_step(remote):
    """What comes later is checked when it comes; the steps before it were taken."""
    wrong = iter([GOOD, (kit.X[:, :1], kit.CLASSES)])
    with pytest.raises(KerasplugError, match="does not fit"):
        remote.fit(wrong, verbose=0)

    assert len(kit.seen(remote)) == 1
    remote.sync()
    assert np.isfinite(remote.evaluate(*GOOD, verbose=0)[0])


def test_a_model_that_is_not_compiled_predicts_and_is_not_trained(keras):
    """Without a compilation there is `predict`, and an error that tells the mend."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with to_backend(model, "toyengine") as remote:
        assert remote.predict(kit.X, verbose=0).shape == (50, 1)
        with pytest.raises(kerasplug.errors.ModelError, match="not compiled"):
            remote.fit(kit.X, kit.NUMBERS)
        remote.compile(keras.optimizers.SGD(0.1), "mse")
        remote.fit(kit.X, kit.NUMBERS, verbose=0)


def test_a_way_of_training_of_its_own_is_refused(keras):
    """A class with its own `train_step` would be trained otherwise there."""

    class Own(keras.Model):
        def train_step(self, data):
            return {}

    inputs = keras.Input((4,))
    model = Own(inputs, keras.layers.Dense(1)(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    with (
        to_backend(model, "toyengine") as remote,
        pytest.raises(kerasplug.errors.TranslationError, match="own way"),
    ):
        remote.fit(kit.X, kit.NUMBERS)
