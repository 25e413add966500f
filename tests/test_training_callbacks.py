"""Keras' own callbacks under R's names: what they check, what they count."""

import csv
import http.server
import importlib.util
import inspect
import json
import threading
import warnings
from typing import ClassVar

import numpy as np
import pytest
from training_kit import X, Y, fit, layers, scripted

import kerasplug.training as kt
from kerasplug.errors import KerasplugError, KerasplugWarning, ModelError, RecordError

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

NAN = float("nan")


def early(**options):
    return kt.callback_early_stopping("score", **{"mode": "min", **options})


# --- early stopping: each row of the reference's table ---


def test_no_patience_stops_at_the_first_epoch_without_improvement(keras):
    """[5, 5, 4] with patience 0 runs two epochs."""
    assert scripted(keras, [5, 5, 4], [early()]) == [0, 1]


def test_patience_of_one_is_the_same(keras):
    """[5, 5, 5, 4] with patience 1 runs two epochs, too."""
    assert scripted(keras, [5, 5, 5, 4], [early(patience=1)]) == [0, 1]


def test_patience_counts_epochs_after_the_best(keras):
    """[5, 4, 6, 6, 6] with patience 2 runs four, and the best was the second."""
    stopping = early(patience=2)

    assert scripted(keras, [5, 4, 6, 6, 6], [stopping]) == [0, 1, 2, 3]
    assert (stopping.best_epoch, stopping.best, stopping.stopped_epoch) == (1, 4, 3)


def test_nan_is_no_improvement(keras):
    """A number that became NaN uses up the patience."""
    assert scripted(keras, [5, NAN, NAN, NAN, 1], [early(patience=2)]) == [0, 1, 2]


def test_small_steps_are_no_improvement(keras):
    """Improvements of 0.05 with min_delta 0.1 stop."""
    values = [1.0, 0.95, 0.9, 0.85, 0.8]

    assert scripted(keras, values, [early(min_delta=0.1, patience=1)]) == [0, 1]
    assert scripted(keras, values, [early(min_delta=0.01, patience=1)]) == [*range(5)]


def test_unknown_mode_is_an_error():
    """Keras would take it for "auto"."""
    with pytest.raises(RecordError, match="'auto' or 'min' or 'max'"):
        early(mode="minimum")


def test_baseline_that_is_not_reached_does_not_stop_what_improves(keras):
    """A steady improvement goes on above the baseline, as Keras has it."""
    stopping = early(baseline=1.0, patience=2)

    assert scripted(keras, [5, 4, 3, 2], [stopping]) == [0, 1, 2, 3]


def test_baseline_stops_at_the_first_step_back(keras):
    """Above it the patience is never renewed, so one worse epoch is enough."""
    values = [5, 4, 3, 6, 2, 1]

    assert scripted(keras, values, [early(baseline=1.0, patience=2)]) == [0, 1, 2, 3]
    assert scripted(keras, values, [early(patience=2)]) == [*range(6)]


def test_epochs_before_the_start_are_passed_over(keras):
    """`start_from_epoch=2` compares from the third epoch on."""
    values = [1, 2, 3, 4, 5]

    assert scripted(keras, values, [early(start_from_epoch=2)]) == [0, 1, 2, 3]


def test_best_weights_come_back(keras):
    """After training the model has the weights of its best epoch."""
    model, seen = layers(keras), []
    look = kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    stopping = early(patience=2, restore_best_weights=True)
    scripted(keras, [5, 4, 6, 6, 6], [look, stopping], model=model)

    for kept, now in zip(seen[1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_more_is_better_with_max(keras):
    """The same numbers stop in the other direction."""
    assert scripted(keras, [1, 2, 3, 2], [early(mode="max")]) == [*range(4)]
    assert scripted(keras, [1, 2, 3, 2], [early(mode="min")]) == [0, 1]


# --- what is not there ---


@pytest.mark.parametrize("mode", ["auto", "min", "max"])
def test_a_number_that_is_not_there_ends_training_with_its_neighbour(keras, mode):
    """After one epoch, not in silence; the close name is the mend."""
    stopping = kt.callback_early_stopping("scroe", mode=mode)

    with pytest.raises(ModelError, match="EarlyStopping watches 'scroe'") as caught:
        scripted(keras, [1, 2, 3], [stopping])
    assert caught.value.mend == "monitor='score'"
    assert "loss" in caught.value.found


def test_keras_alone_goes_on_without_the_number(keras):
    """Why: with a mode, Keras warns and trains to the end."""
    plain = keras.callbacks.EarlyStopping("scroe", mode="min")

    with pytest.warns(UserWarning, match="not available"):
        assert scripted(keras, [1, 2, 3], [plain]) == [0, 1, 2]


def test_no_validation_is_a_warning_once(keras):
    """It might come later, so training goes on, and the warning says why."""
    stopping = kt.callback_early_stopping()

    with pytest.warns(KerasplugWarning, match="'val_loss'.*validation_data") as caught:
        fit(layers(keras), 3, [stopping])
    assert len(caught) == 1


def test_a_wrong_number_of_the_validation_is_an_error(keras):
    """There was a validation, so the number never comes."""
    stopping = kt.callback_early_stopping("val_los", mode="min")

    with pytest.raises(ModelError) as caught:
        fit(layers(keras), 3, [stopping], validation_data=(X, Y))
    assert caught.value.mend == "monitor='val_loss'"


def test_epochs_without_validation_are_passed_over(keras):
    """With `validation_freq` only validated epochs use up the patience."""
    model = layers(keras)
    model.optimizer.learning_rate = 0.0
    stopping = kt.callback_early_stopping(patience=2)
    options = {"validation_data": (X, Y), "validation_freq": 2}

    with pytest.warns(KerasplugWarning, match="no validation"):
        history = fit(model, 9, [stopping], **options)
    assert history.epoch == [0, 1, 2, 3, 4, 5]


def test_the_best_model_is_not_written_over_without_a_number(keras, tmp_path):
    """An epoch without validation is not saved; Keras alone saves it as the best."""
    saved = {}
    for name, make in {
        "ours": kt.callback_model_checkpoint,
        "keras": keras.callbacks.ModelCheckpoint,
    }.items():
        path = tmp_path / f"{name}.weights.h5"
        checkpoint = make(path, save_best_only=True, save_weights_only=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {"validation_data": (X, Y), "validation_freq": 2}
            fit(layers(keras), 1, [checkpoint], **options)
        saved[name] = path.exists()

    assert saved == {"ours": False, "keras": True}


# --- the learning rate ---


def test_plateau_lowers_the_rate(keras):
    """After two epochs without improvement, down to the least, with a pause."""
    model = layers(keras)
    lower = kt.callback_reduce_lr_on_plateau(
        "score", factor=0.1, patience=2, mode="min", min_lr=1e-5
    )
    rates = []
    look = kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"])
    )
    scripted(keras, [1] * 8, [lower, look], model=model)

    want = [1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5]
    assert rates == pytest.approx(want)


def test_schedules_of_one_and_two_arguments(keras):
    """Epochs count from 0; what is returned may be any number."""
    seen = []

    def by_both(epoch, rate):
        seen.append(epoch)
        return np.float64(rate / 2)

    for schedule, want in ((by_both, 1e-3 / 4), (lambda epoch: 1, 1.0)):
        model = layers(keras)
        fit(model, 2, [kt.callback_learning_rate_scheduler(schedule)])
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        assert rate == pytest.approx(want)
    assert seen == [0, 1]


def test_a_mistake_in_a_schedule_is_shown(keras):
    """Keras takes its TypeError for a function of one argument and calls it again."""
    schedule = kt.callback_learning_rate_scheduler(lambda epoch, rate: rate + "1")

    with pytest.raises(RecordError, match="epoch 0; it raised TypeError: unsupp"):
        fit(layers(keras), 1, [schedule])


# --- plain functions ---


def test_every_hook_of_a_lambda_is_called(keras):
    """None is dropped, `on_predict_end` least of all; names of arguments are free."""
    seen = []
    hooks = [
        name
        for name in inspect.signature(kt.callback_lambda).parameters
        if name not in ("on_batch_begin", "on_batch_end")
    ]
    given = {}
    for name in hooks:
        one = any(
            f"_{what}_{end}" in name
            for what in ("batch", "epoch")
            for end in ("begin", "end")
        )
        given[name] = (
            (lambda place, numbers, name=name: seen.append(name))
            if one
            else (lambda numbers, name=name: seen.append(name))
        )
    callback = kt.callback_lambda(**given)
    model = layers(keras)
    fit(model, 1, [callback], validation_data=(X, Y))
    model.predict(X, verbose=0, callbacks=[callback])

    assert isinstance(callback, keras.callbacks.Callback)
    assert set(seen) == set(hooks)
    assert seen[-1] == "on_predict_end"


def test_old_names_of_batches(keras):
    """`on_batch_end` is `on_train_batch_end`; both at once are an error."""
    seen = []
    callback = kt.callback_lambda(on_batch_end=lambda batch, logs: seen.append(batch))
    fit(layers(keras), 1, [callback])

    assert seen == [0, 1]
    with pytest.raises(RecordError, match="on_train_batch_end is given"):
        kt.callback_lambda(
            on_batch_end=lambda b, logs: None, on_train_batch_end=lambda b, logs: None
        )


# --- the others ---


def test_training_ends_where_the_loss_is_nan(keras):
    """Under both spellings; and as an error if asked."""
    for callback in (kt.callback_terminate_on_naan(), kt.callback_terminate_on_nan()):
        model = layers(keras)
        history = model.fit(X * NAN, Y, epochs=3, verbose=0, callbacks=[callback])
        assert len(history.epoch) == 1
    strict = kt.callback_terminate_on_nan(raise_error=True)
    with pytest.raises(RuntimeError, match="NaN"):
        layers(keras).fit(X * NAN, Y, verbose=0, callbacks=[strict])


def test_csv_has_a_line_for_each_epoch(keras, tmp_path):
    """With the separator asked for, and added to what is there."""
    path = tmp_path / "log.csv"
    for append in (False, True):
        fit(layers(keras), 2, [kt.callback_csv_logger(path, ";", append=append)])
    rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=";"))

    assert [row["epoch"] for row in rows] == ["0", "1", "0", "1"]


def test_backup_goes_on_where_training_was_killed(keras, tmp_path):
    """And the folder is gone when training ends."""
    folder = tmp_path / "backup"

    def die(epoch, logs):
        if epoch == 2:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        listed = [kt.callback_backup_and_restore(folder)]
        fit(layers(keras), 4, [*listed, kt.callback_lambda(on_epoch_begin=die)])
    assert folder.exists()
    history = fit(layers(keras), 4, [kt.callback_backup_and_restore(folder)])

    assert history.epoch == [2, 3]
    assert not folder.exists()


def test_checkpoints_hold_the_best(keras, tmp_path):
    """Only better models are saved, under names with their numbers."""
    path = tmp_path / "{epoch}-{score:.0f}.keras"
    checkpoint = kt.callback_model_checkpoint(
        path, "score", save_best_only=True, mode="min"
    )
    scripted(keras, [3, 4, 2], [checkpoint])

    assert sorted(one.name for one in tmp_path.iterdir()) == ["1-3.keras", "3-2.keras"]


def test_checkpoint_of_each_epoch_needs_no_number(keras, tmp_path):
    """`monitor` decides nothing without `save_best_only`."""
    checkpoint = kt.callback_model_checkpoint(tmp_path / "{epoch}.keras", "no_such")
    fit(layers(keras), 2, [checkpoint])

    assert len(list(tmp_path.iterdir())) == 2


class _Server(http.server.BaseHTTPRequestHandler):
    got: ClassVar[list] = []

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.got.append((self.path, json.loads(self.rfile.read(size))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def test_numbers_are_sent_to_a_server(keras):
    """One request for each epoch."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        root = f"http://127.0.0.1:{server.server_port}"
        monitor = kt.callback_remote_monitor(root, "/numbers", send_as_json=True)
        fit(layers(keras), 2, [monitor])
        server.shutdown()
        thread.join()

    assert [path for path, _ in _Server.got] == ["/numbers"] * 2
    assert [told["epoch"] for _, told in _Server.got] == [0, 1]


def test_averages_are_put_away_after_a_prediction(keras):
    """Keras alone leaves them in the model."""
    left = {}
    for name, make in {
        "ours": kt.callback_swap_ema_weights,
        "keras": keras.callbacks.SwapEMAWeights,
    }.items():
        model = layers(keras)
        model.compile(keras.optimizers.Adam(0.1, use_ema=True), "mse")
        fit(model, 2)
        # fit() puts the averages into the model at its end: make them differ again.
        model.set_weights([one + 1 for one in model.get_weights()])
        before = model.get_weights()
        model.predict(X, verbose=0, callbacks=[make()])
        pairs = zip(before, model.get_weights(), strict=True)
        left[name] = all(np.allclose(*pair, atol=1e-5) for pair in pairs)

    assert left == {"ours": True, "keras": False}


def test_the_progress_bar_is_that_of_keras(keras, capsys):
    """It draws; what Keras 3 would ignore is refused."""
    fit(layers(keras), 1, [kt.callback_progbar_logger()], verbose=1)

    assert "loss" in capsys.readouterr().out
    with pytest.raises(RecordError, match="Keras 3 counts steps"):
        kt.callback_progbar_logger("samples")


def test_tensorboard_is_that_of_keras_or_missing_at_once(keras, tmp_path):
    """Where its package is missing, the error comes before training."""
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(KerasplugError, match="pip install tensorboard"):
            kt.callback_tensorboard(tmp_path)
        return
    board = kt.callback_tensorboard(tmp_path / "logs")
    fit(layers(keras), 1, [board])
    assert isinstance(board, keras.callbacks.TensorBoard)
    assert list((tmp_path / "logs").rglob("events*"))


WRONG = [
    (kt.callback_early_stopping, {"patience": -1}),
    (kt.callback_early_stopping, {"patience": 1.5}),
    (kt.callback_early_stopping, {"patience": True}),
    (kt.callback_early_stopping, {"monitor": ""}),
    (kt.callback_early_stopping, {"monitor": None}),
    (kt.callback_early_stopping, {"min_delta": NAN}),
    (kt.callback_early_stopping, {"min_delta": "0.1"}),
    (kt.callback_early_stopping, {"baseline": "low"}),
    (kt.callback_early_stopping, {"restore_best_weights": 1}),
    (kt.callback_early_stopping, {"verbose": 3}),
    (kt.callback_reduce_lr_on_plateau, {"factor": 1.0}),
    (kt.callback_reduce_lr_on_plateau, {"mode": "MIN"}),
    (kt.callback_reduce_lr_on_plateau, {"cooldown": -1}),
    (kt.callback_model_checkpoint, {"filepath": "a.pt"}),
    (kt.callback_model_checkpoint, {"filepath": "a.h5", "save_weights_only": True}),
    (kt.callback_model_checkpoint, {"filepath": "a.keras", "save_freq": 0}),
    (kt.callback_model_checkpoint, {"filepath": "a.keras", "mode": "best"}),
    (
        kt.callback_model_checkpoint,
        {"filepath": "a.keras", "save_freq": 5, "save_best_only": True},
    ),
    (kt.callback_backup_and_restore, {"backup_dir": None}),
    (kt.callback_backup_and_restore, {"backup_dir": "a", "save_freq": True}),
    (kt.callback_csv_logger, {"filename": "no/such/folder/a.csv"}),
    (kt.callback_csv_logger, {"filename": "a.csv", "separator": ""}),
    (kt.callback_learning_rate_scheduler, {"schedule": lambda: 1}),
    (kt.callback_tensorboard, {"update_freq": 0}),
    (kt.callback_tensorboard, {"profile_batch": (1, -2)}),
    (kt.callback_remote_monitor, {"root": "ftp://here"}),
    (kt.callback_lambda, {"on_epoch_end": 3}),
    (kt.callback_lambda, {"on_train_end": lambda: None}),
]


@pytest.mark.parametrize(("call", "given"), WRONG)
def test_wrong_arguments_are_refused_by_name(call, given):
    """Before Keras is asked, and the error names the argument."""
    with pytest.raises(RecordError) as caught:
        call(**given)
    assert caught.value.field in given
    assert call.__name__ in str(caught.value)
