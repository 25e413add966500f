"""A remote model gives the numbers that Keras gives: same start, same batches."""

import numpy as np
import pytest
import remote_kit as kit

import kerasplug
from kerasplug import to_backend

pytestmark = pytest.mark.engine

#: Single precision, a dozen steps: what rounding alone leaves.
CLOSE = {"rtol": 2e-5, "atol": 2e-6}


@pytest.fixture(autouse=True)
def toyengine(monkeypatch):
    with kit.toy(monkeypatch):
        yield


@pytest.fixture
def pair(keras):
    """A remote model, and the same model for Keras itself."""
    opened = []

    def make(build=kit.classifier, **options):
        remote = to_backend(build(keras, **options), "toyengine")
        opened.append(remote)
        return remote, build(keras, **options)

    yield make
    for remote in opened:
        remote.close()


def assert_same(found, expected):
    """Two histories, dicts or lists of numbers."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        found, expected = list(found.values()), list(expected.values())
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def assert_fits_alike(remote, model, *data, **options):
    given = {"epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0} | options
    history = remote.fit(*data, **given)
    expected = model.fit(*data, **given)

    assert history.epoch == expected.epoch
    assert_same(history.history, expected.history)
    assert kit.same_weights(remote.host, model)


def test_training_gives_the_history_and_the_weights_of_keras(pair):
    """With partial batches, metrics and a validation the history is that of Keras."""
    remote, model = pair()
    data = (kit.X[:30], kit.CLASSES[:30])

    assert_fits_alike(remote, model, kit.X, kit.CLASSES, validation_data=data)


def test_all_batches_are_computed_in_one_size(pair):
    """A partial batch is sent for the size of the others, so nothing compiles anew."""
    remote, _ = pair()
    remote.fit(kit.X, kit.CLASSES, batch_size=16, verbose=0)
    remote.train_on_batch(kit.X[:3], kit.CLASSES[:3])
    remote.predict(kit.X[:40], verbose=0)
    remote.predict(kit.X, verbose=0)

    assert {batch for batch, _ in kit.seen(remote)} == {16}
    assert {batch for batch, _ in kit.seen(remote, "predict")} == {32}


def test_a_model_whose_rows_mix_is_never_padded_in_training(pair, monkeypatch):
    """Where rows of a batch change each other, the partial batch has its own size."""
    monkeypatch.setattr(kit.ToyEngine, "mixes_rows", ("hidden",))
    remote, _ = pair()
    remote.fit(kit.X, kit.CLASSES, batch_size=16, verbose=0)

    assert [batch for batch, _ in kit.seen(remote)] == [16, 16, 16, 2]


@pytest.mark.parametrize("options", [{"l2": 0.05}, {"loss": "mse", "metrics": ["mse"]}])
def test_regularisation_and_other_losses_are_in_the_numbers(pair, options):
    """A penalty counts for loss and steps; targets of another kind are fitted."""
    remote, model = pair(**options)
    targets = kit.HOT if "loss" in options else kit.CLASSES

    assert_fits_alike(remote, model, kit.X, targets)


def test_a_model_without_metrics_has_its_loss_alone(pair):
    """No metrics: the history has the loss, and no outputs are sent back for them."""
    remote, model = pair(metrics=None)

    assert_fits_alike(remote, model, kit.X, kit.CLASSES)
    assert isinstance(remote.evaluate(kit.X, kit.CLASSES, verbose=0), float)


@pytest.mark.parametrize("shape", [(50,), (50, 1)])
def test_weights_of_rows_count_as_in_keras(pair, shape):
    """They weigh the loss, its gradients, and the weighted metrics."""
    remote, model = pair(weighted_metrics=["accuracy"])
    weights = kit.WEIGHTS.reshape(shape)

    assert_fits_alike(remote, model, kit.X, kit.CLASSES, sample_weight=weights)
    assert_same(
        remote.evaluate(kit.X, kit.CLASSES, sample_weight=weights, verbose=0),
        model.evaluate(kit.X, kit.CLASSES, sample_weight=weights, verbose=0),
    )


@pytest.mark.parametrize("hot", [False, True])
def test_weights_of_classes_count_as_in_keras(pair, hot):
    """They are found by the number of the class, or by the place of the one."""
    loss = "categorical_crossentropy" if hot else "sparse_categorical_crossentropy"
    remote, model = pair(loss=loss)
    targets = kit.HOT if hot else kit.CLASSES

    assert_fits_alike(remote, model, kit.X, targets, class_weight={0: 3.0, 2: 0.2})


def test_the_end_of_the_arrays_is_kept_for_validation(pair):
    """`validation_split` cuts where Keras cuts, weights of rows included."""
    remote, model = pair()
    options = {"validation_split": 0.3, "sample_weight": kit.WEIGHTS}

    assert_fits_alike(remote, model, kit.X, kit.CLASSES, **options)


@pytest.mark.parametrize("freq", [2, [1, 3]])
def test_validation_comes_when_it_was_asked_for(pair, freq):
    """`validation_freq` counts epochs, or lists them."""
    remote, model = pair()
    data = (kit.X, kit.CLASSES, kit.WEIGHTS)
    options = {"validation_data": data, "validation_freq": freq, "validation_steps": 2}

    assert_fits_alike(remote, model, kit.X, kit.CLASSES, **options)


def test_momentum_goes_on_from_call_to_call(pair):
    """A second `fit` continues with what the optimizer has learned, as in Keras."""
    remote, model = pair(with_momentum)

    assert_fits_alike(remote, model, kit.X, kit.CLASSES)
    assert_fits_alike(remote, model, kit.X, kit.CLASSES)
    assert int(remote.host.optimizer.iterations) == 24


def with_momentum(keras):
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    return kit.classifier(keras, optimizer=optimizer)


def test_a_schedule_is_read_at_each_step(pair, keras):
    """The rate of each step is that of the schedule at that step."""
    remote, _ = pair()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    remote.compile(keras.optimizers.SGD(schedule), "sparse_categorical_crossentropy")
    remote.fit(kit.X, kit.CLASSES, batch_size=16, verbose=0)

    rates = [rate for _, rate in kit.seen(remote)]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.025, 0.0125], rtol=1e-6)


# --- several inputs and outputs ---


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_several_inputs_and_outputs_are_had_by_place_and_by_name(pair, nested, named):
    """Lists and dicts go in, and outputs come out nested as the model nests them."""
    remote, model = pair(kit.two_headed, nested=nested)
    x, y = [kit.X, kit.X[:, :2]], [kit.CLASSES, kit.NUMBERS]
    if named or nested:
        x = dict(zip(["left", "right"], x, strict=True))
        y = dict(zip(["scores", "number"], y, strict=True))

    assert_fits_alike(remote, model, x, y, batch_size=25)
    options = {"batch_size": 25, "verbose": 0}
    assert_same(remote.evaluate(x, y, **options), model.evaluate(x, y, **options))
    found, expected = remote.predict(x, verbose=0), model.predict(x, verbose=0)
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        found, expected = list(found.values()), list(expected.values())
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_each_output_has_weights_of_its_own(pair):
    """Weights of rows are given for each output, or for all of them at once."""
    for weights in (kit.WEIGHTS, [kit.WEIGHTS, 2 - kit.WEIGHTS]):
        remote, model = pair(kit.two_headed)
        x, y = [kit.X, kit.X[:, :2]], [kit.CLASSES, kit.NUMBERS]

        assert_fits_alike(remote, model, x, y, sample_weight=weights, batch_size=25)


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
def test_an_output_without_a_loss_is_let_go(pair):
    """An output that has no loss trains nothing and needs no targets."""
    loss = {"scores": "sparse_categorical_crossentropy", "number": None}
    remote, model = pair(kit.two_headed, loss=loss, loss_weights=None, metrics=None)
    x = [kit.X, kit.X[:, :2]]
    history = remote.fit(x, {"scores": kit.CLASSES}, shuffle=False, verbose=0)
    y = [kit.CLASSES, kit.NUMBERS]
    expected = model.fit(x, y, shuffle=False, verbose=0)

    assert_same(history.history, expected.history)
    assert kit.same_weights(remote.host, model)


def test_the_loss_of_an_output_is_a_mean_over_rows(pair):
    """It is what Keras gives eagerly; in a graph on TensorFlow Keras counts batches."""
    remote, eager = pair(kit.two_headed)
    graph = kit.two_headed(kerasplug.implementation("keras"), run_eagerly=False)
    data = [kit.X, kit.X[:, :2]], [kit.CLASSES, kit.NUMBERS]
    options = {"batch_size": 32, "verbose": 0, "return_dict": True}
    found = remote.evaluate(*data, **options)["number_loss"]

    rows = eager.evaluate(*data, **options)["number_loss"]
    np.testing.assert_allclose(found, rows, **CLOSE)
    batches = graph.evaluate(*data, **options)["number_loss"]
    equal = np.allclose(batches, rows, **CLOSE)
    assert equal == (kerasplug.backend() != "tensorflow")


# --- single batches, predictions ---


def test_single_batches_give_what_keras_gives(pair):
    """`train_on_batch`, `test_on_batch` and `predict_on_batch`, as lists and dicts."""
    remote, model = pair()
    x, y, w = kit.X[:9], kit.CLASSES[:9], kit.WEIGHTS[:9]

    def numbers(one):
        return [
            one.train_on_batch(x, y),
            one.train_on_batch(x, y, class_weight={1: 2.0}),
            one.train_on_batch(x, y, sample_weight=w),
            list(one.train_on_batch(x, y, return_dict=True).values())[::-1],
            one.test_on_batch(x, y),
            list(one.test_on_batch(x, y, w, return_dict=True).values())[::-1],
        ]

    assert_same(numbers(remote), numbers(model))
    assert_same(remote.predict_on_batch(x), model.predict_on_batch(x))
    assert kit.same_weights(remote.get_weights(), model.get_weights())


@pytest.mark.parametrize("rows", [1, 31, 32, 50])
def test_any_number_of_rows_is_predicted(pair, rows):
    """Watched or not, all rows come back, in order."""
    remote, model = pair()
    expected = model.predict(kit.X[:rows], verbose=0)

    for verbose in (0, 2):
        found = remote.predict(kit.X[:rows], verbose=verbose)
        np.testing.assert_allclose(found, expected, **CLOSE)
    np.testing.assert_array_equal(remote.predict(kit.X[:rows], 7, verbose=0), found)


def test_only_so_many_steps_are_taken(pair):
    """`steps` and `steps_per_epoch` end early; with arrays they say the batch size."""
    remote, model = pair()

    assert_fits_alike(
        remote, model, kit.X, kit.CLASSES, steps_per_epoch=2, batch_size=None
    )
    found = remote.evaluate(kit.X, kit.CLASSES, batch_size=10, steps=2, verbose=0)
    expected = model.evaluate(kit.X, kit.CLASSES, batch_size=10, steps=2, verbose=0)
    assert_same(found, expected)
    assert len(remote.predict(kit.X, batch_size=10, steps=2, verbose=0)) == 20
