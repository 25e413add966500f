"""Callbacks of a remote training: they see, and change, the model of Keras."""

import json
import signal

import numpy as np
import pytest
import remote_kit as kit

import kerasplug
import kerasplug.training as kt
from kerasplug import to_backend
from kerasplug.errors import KerasplugWarning

pytestmark = pytest.mark.engine

ONCE = {"batch_size": 16, "shuffle": False, "verbose": 0}


@pytest.fixture(autouse=True)
def toyengine(monkeypatch):
    with kit.toy(monkeypatch):
        yield


@pytest.fixture
def remote(keras):
    with to_backend(kit.classifier(keras), "toyengine") as made:
        yield made


@pytest.fixture
def model(keras):
    return kit.classifier(keras)


def fit(one, epochs=3, callbacks=(), **options):
    return one.fit(
        kit.X, kit.CLASSES, epochs=epochs, callbacks=[*callbacks], **(ONCE | options)
    )


def test_a_callback_is_called_as_by_keras(keras, remote, model):
    """The same calls in the same order, with the same numbers, batches included."""

    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.calls = []

    def recorded(name):
        def method(self, *args, **kwargs):
            logs = kwargs.get("logs") or next(
                (one for one in args if isinstance(one, dict)), {}
            )
            numbers = {key: np.round(value, 4) for key, value in logs.items()}
            place = [one for one in args if isinstance(one, int)]
            self.calls.append((name, *place, sorted(map(str, numbers.items()))))

        return method

    for kind in ("train", "test"):
        for when in ("begin", "end", "batch_begin", "batch_end"):
            name = f"on_{kind}_{when}"
            setattr(Recorder, name, recorded(name))
    Recorder.on_epoch_begin = recorded("on_epoch_begin")
    Recorder.on_epoch_end = recorded("on_epoch_end")
    found, expected = Recorder(), Recorder()
    data = {"validation_data": (kit.X, kit.CLASSES)}
    fit(remote, 2, [found], **data)
    fit(model, 2, [expected], **data)

    assert found.calls == expected.calls
    assert found.model is remote.host


def test_the_epoch_has_its_weights_when_it_ends(keras, remote, model):
    """`on_epoch_end` finds the weights of that epoch in the model."""
    found, expected = [], []
    for one, into in ((remote, found), (model, expected)):
        target = one.host if one is remote else one

        def note(*_, into=into, target=target):
            into.append([array.copy() for array in target.get_weights()])

        hook = keras.callbacks.LambdaCallback(on_epoch_end=note)
        fit(one, 3, [hook])

    assert len(found) == 3
    for here, there in zip(found, expected, strict=True):
        assert kit.same_weights(here, there)
    assert not kit.same_weights(found[0], found[1])


def test_weights_that_a_callback_sets_are_trained_on(keras, remote, model):
    """What `on_epoch_end` changes is where the next epoch begins."""

    def halved(one):
        def halve(*_):
            one.set_weights([array / 2 for array in one.get_weights()])

        return keras.callbacks.LambdaCallback(on_epoch_end=halve)

    fit(remote, 3, [halved(remote.host)])
    fit(model, 3, [halved(model)])

    assert kit.same_weights(remote.host, model)
    found = remote.predict(kit.X, verbose=0)
    np.testing.assert_allclose(found, model.predict(kit.X, verbose=0), atol=1e-5)


def test_early_stopping_restores_the_best_weights(keras, remote, model):
    """It ends both trainings at once, and the worker predicts with the best weights."""
    for one in (remote, model):
        stop = keras.callbacks.EarlyStopping(
            "loss", mode="max", patience=2, restore_best_weights=True
        )
        history = fit(one, 9, [stop])
        assert history.epoch == [0, 1, 2]

    assert kit.same_weights(remote.host, model)
    found = remote.predict_on_batch(kit.X)  # which takes the weights that are there
    np.testing.assert_allclose(found, model.predict_on_batch(kit.X), atol=1e-5)


def test_the_rate_that_a_callback_sets_is_that_of_the_next_step(keras, remote, model):
    """`ReduceLROnPlateau` and schedulers set it on the model, and the steps follow."""
    for one in (remote, model):
        plateau = keras.callbacks.ReduceLROnPlateau(
            "loss", factor=0.5, mode="max", patience=1
        )
        history = fit(one, 4, [plateau])
        rates = history.history["learning_rate"]
        np.testing.assert_allclose(rates, [0.1, 0.1, 0.05, 0.025])

    assert kit.same_weights(remote.host, model)
    rates = [rate for _, rate in kit.seen(remote)]
    np.testing.assert_allclose(rates[::4], [0.1, 0.1, 0.05, 0.025])


def test_checkpoints_have_the_weights_of_their_time(keras, remote, tmp_path):
    """Files of epochs and files of batches hold the weights of that epoch or batch."""
    epochs = keras.callbacks.ModelCheckpoint(tmp_path / "epoch{epoch}.keras")
    steps = keras.callbacks.ModelCheckpoint(
        tmp_path / "step{batch}.weights.h5", save_weights_only=True, save_freq=1
    )
    fit(remote, 1, [epochs])
    saved = keras.models.load_model(tmp_path / "epoch1.keras")
    assert kit.same_weights(saved, remote.host, exactly=True)

    fit(remote, 1, [steps])
    last = kit.classifier(keras)
    last.load_weights(tmp_path / "step4.weights.h5")
    assert kit.same_weights(last, remote.host, exactly=True)
    before = kit.classifier(keras)
    before.load_weights(tmp_path / "step3.weights.h5")
    assert not kit.same_weights(before, last)


def test_a_training_that_was_backed_up_goes_on(keras, remote, tmp_path):
    """`BackupAndRestore` puts the weights back, and says with which epoch to go on."""

    def fail(epoch, _):
        if epoch == 1:
            message = "the lights went out"
            raise OSError(message)

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    broken = keras.callbacks.LambdaCallback(on_epoch_begin=fail)
    with pytest.raises(OSError, match="lights"):
        fit(remote, 3, [backup, broken])
    weights = remote.get_weights()
    remote.set_weights([array * 0 for array in weights])
    seen = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: seen.append(remote.host.get_weights())
    )
    history = fit(remote, 3, [backup, note])

    assert history.epoch == [1, 2]
    assert kit.same_weights(seen[0], weights, exactly=True)


def test_files_of_numbers_have_those_of_the_history(keras, remote, tmp_path):
    """`CSVLogger` and our own `JsonLog` write what the history has."""
    table, lines = tmp_path / "log.csv", tmp_path / "log.jsonl"
    history = fit(remote, 2, [keras.callbacks.CSVLogger(table), kt.JsonLog(lines)])

    rows = np.genfromtxt(table, delimiter=",", names=True)
    logged = [json.loads(line) for line in lines.read_text().splitlines()]
    np.testing.assert_allclose(rows["loss"], history.history["loss"])
    assert [one["loss"] for one in logged] == history.history["loss"]


def test_training_stops_after_the_batch_that_asks_for_it(keras, remote):
    """`stop_training` is seen after each batch, and the weights are synchronised."""
    stop = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(
            remote.host, "stop_training", batch == 1
        )
    )
    history = fit(remote, 5, [stop])

    assert history.epoch == [0]
    assert len(kit.seen(remote)) == 2
    assert not remote._session.ahead


def test_the_first_ctrl_c_ends_training_in_good_order(keras, remote):
    """`GracefulInterrupt` ends a remote training after the batch, as any other."""
    press = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: (
            signal.raise_signal(signal.SIGINT) if batch == 1 else None
        )
    )
    graceful = kt.GracefulInterrupt()
    history = fit(remote, 5, [graceful, press])

    assert graceful.interrupted
    assert history.epoch == [0]
    assert len(kit.seen(remote)) == 2


# --- layers that learn, and layers that do not ---


def test_a_frozen_layer_stays_as_it_is(keras, remote, model):
    """A flag that was changed since is seen, and the worker's model is built anew."""
    for one in (remote, model):
        fit(one, 1)
    for one in (remote.host, model):
        one.get_layer("hidden").trainable = False
        optimizer = keras.optimizers.SGD(0.1)
        one.compile(optimizer, "sparse_categorical_crossentropy")
    frozen = remote.host.get_layer("hidden").get_weights()
    fit(remote, 2)
    fit(model, 2)

    after = remote.host.get_layer("hidden").get_weights()
    assert kit.same_weights(after, frozen, exactly=True)
    assert kit.same_weights(remote.host, model)


def test_layers_are_unfrozen_while_it_trains(keras, remote, model):
    """`GradualUnfreezing` works, and it is said that the optimizer begins anew."""
    for one in (remote, model):
        target = one.host if one is remote else one
        kerasplug.freeze_weights(target)
        target.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        target.optimizer.build(target.trainable_variables)
        gradual = kt.GradualUnfreezing({0: "scores", 1: "hidden"})
        if one is remote:
            with pytest.warns(KerasplugWarning, match="has taken 4 steps"):
                fit(one, 2, [gradual])
        else:
            fit(one, 2, [gradual])

    assert kit.same_weights(remote.host, model)


def test_another_compilation_is_seen(keras, remote, model):
    """Another loss, other metrics and another optimizer hold from the next call on."""
    for one in (remote, model):
        fit(one, 1)
        one.compile(
            keras.optimizers.SGD(0.02), "mse", metrics=["mae"], run_eagerly=True
        )
    history = remote.fit(kit.X, kit.HOT, **ONCE)
    expected = model.fit(kit.X, kit.HOT, **ONCE)

    assert history.history.keys() == expected.history.keys()
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    assert kit.same_weights(remote.host, model)


def test_other_metrics_with_the_same_optimizer_are_seen(keras, remote):
    """Only the metrics change: the optimizer goes on, and the history has them."""
    fit(remote, 1)
    remote.compile(
        remote.host.optimizer, "sparse_categorical_crossentropy", weighted_metrics=[]
    )
    history = fit(remote, 1)

    assert list(history.history) == ["loss"]
    assert len(kit.seen(remote, "compile")) == 1


def test_an_optimizer_that_has_taken_steps_begins_anew(keras):
    """Who hands over a model in the middle of training is told what stays behind."""
    model = kit.classifier(keras)
    model.fit(kit.X, kit.CLASSES, **ONCE)
    with (
        to_backend(model, "toyengine") as remote,
        pytest.warns(KerasplugWarning, match="has taken 4 steps"),
    ):
        fit(remote, 1)

    assert int(model.optimizer.iterations) == 8


def test_progress_is_shown_as_keras_shows_it(keras, remote, capsys):
    """The bar of Keras counts the batches of training, evaluation and prediction."""
    fit(remote, 1, verbose=2)
    remote.evaluate(kit.X, kit.CLASSES, verbose=2)
    remote.predict(kit.X, verbose=2)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["4/4", "2/2", "2/2"]
