"""The host's own callbacks: progress, Ctrl-C, plots, costs, logs."""

import copy
import importlib.util
import io
import json
import math
import pickle
import signal
import sys
import threading
import time
import warnings

import pytest
from training_kit import X, Y, fit, layers, press, script

import kerasplug.training as kt
from kerasplug.errors import KerasplugWarning, MissingExtraError, RecordError

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


class Terminal(io.StringIO):
    """A text that says it is a terminal."""

    def isatty(self):
        """It does."""
        return True


# --- progress ---


def test_a_line_for_each_epoch_where_there_is_no_terminal(keras):
    """With steps, time and numbers, the validation's too."""
    out = io.StringIO()
    fit(layers(keras), 2, [kt.RichProgress(out)], validation_data=(X, Y))
    lines = out.getvalue().splitlines()

    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2: 2 steps, ")
    assert lines[1].startswith("Epoch 2/2: ")
    assert "val_loss" in lines[1]


def test_bars_on_a_terminal(keras, monkeypatch):
    """A bar for each epoch, and the cursor comes back."""
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    fit(layers(keras), 2, [kt.RichProgress(out)])
    text = out.getvalue()

    assert "Epoch 1/2" in text
    assert "2/2" in text
    assert "loss" in text
    assert text.rstrip().endswith("\x1b[?25h")


@pytest.mark.parametrize(
    ("make", "package", "extra"),
    [
        (lambda path: kt.RichProgress(), "rich", "rich"),
        (kt.HistoryPlot, "matplotlib", "plot"),
    ],
)
def test_what_is_missing_is_named_with_its_extra(make, package, extra, monkeypatch):
    """As an error when the callback is made, not after an epoch."""
    assert importlib.util.find_spec(package) is not None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=package) as caught:
        make("a.png")
    assert caught.value.extra == extra


# --- Ctrl-C ---


def test_the_first_press_ends_training_after_the_batch(keras):
    """The history comes back, and the old handler is there again."""
    before = signal.getsignal(signal.SIGINT)
    graceful = kt.GracefulInterrupt()
    model = layers(keras)
    history = fit(model, 9, [graceful, press(at=2)])

    assert graceful.interrupted
    assert history.epoch == [0, 1, 2]
    assert signal.getsignal(signal.SIGINT) is before
    assert fit(model, 2, [graceful]).epoch == [0, 1]
    assert not graceful.interrupted


def test_the_second_press_raises(keras):
    """At once, and the old handler is there again."""
    before = signal.getsignal(signal.SIGINT)

    def twice(batch, logs):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    hard = kt.callback_lambda(on_train_batch_begin=twice)
    with pytest.raises(KeyboardInterrupt):
        fit(layers(keras), 9, [kt.GracefulInterrupt(), hard])
    assert signal.getsignal(signal.SIGINT) is before


def test_after_a_failed_training_a_press_means_what_it_meant(keras):
    """`fit` has no end then; the stale handler steps aside."""
    before = signal.getsignal(signal.SIGINT)

    def fail(batch, logs):
        raise ConnectionError

    graceful = kt.GracefulInterrupt()
    listed = [graceful, kt.callback_lambda(on_train_batch_begin=fail)]
    with pytest.raises(ConnectionError):
        fit(layers(keras), 1, listed)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not graceful.interrupted
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_it_says_that_it_does_nothing(keras):
    """Only the main thread gets signals."""
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit(layers(keras), 1, [kt.GracefulInterrupt()])
        seen.extend(one.category for one in caught)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert KerasplugWarning in seen
    assert signal.getsignal(signal.SIGINT) is before


# --- plots ---


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_curves_are_drawn_into_a_file(keras, tmp_path, ending, begins):
    """Whole, of the asked kind, and nothing else is left in the folder."""
    path = tmp_path / f"curves.{ending}"
    fit(layers(keras), 2, [kt.HistoryPlot(path)], validation_data=(X, Y))

    assert path.read_bytes().startswith(begins)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_the_plot_has_all_epochs_and_numbers(keras, tmp_path):
    """A panel for each number, also where one is no number, and goes on later."""
    path = tmp_path / "curves.svg"
    plot, sizes = kt.HistoryPlot(path), []
    look = kt.callback_lambda(on_epoch_end=lambda e, logs: sizes.append(_size(path)))
    model = layers(keras)
    fit(model, 2, [script(keras, [1.0, math.nan]), plot, look])
    fit(model, 3, [script(keras, [1, 2, 3]), plot], initial_epoch=2)

    assert all(sizes)
    assert sorted(plot._points) == [0, 1, 2]
    assert set(plot._points[2]) == {"loss", "score"}
    fit(model, 1, [plot])
    assert sorted(plot._points) == [0], "a training from the beginning is a new one"


def _size(path):
    return path.stat().st_size


def test_a_plot_at_the_end_only(keras, tmp_path):
    """With `every="end"` there is no file before."""
    path = tmp_path / "curves.png"
    seen = []
    look = kt.callback_lambda(on_epoch_end=lambda e, logs: seen.append(path.exists()))
    fit(layers(keras), 2, [kt.HistoryPlot(path, every="end"), look])

    assert seen == [False, False]
    assert path.exists()


# --- logs ---


def test_a_line_of_json_for_each_epoch(keras, tmp_path):
    """Numbers that JSON can't say are null, with a note; a torn line is kept apart."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"epoch": 0, "lo')
    values = [1.5, math.nan, -math.inf]
    fit(layers(keras), 3, [script(keras, values), kt.JsonLog(path)])
    torn, *lines = path.read_text().splitlines()
    told = [json.loads(line) for line in lines]

    assert torn == '{"epoch": 0, "lo'
    assert [one["epoch"] for one in told] == [0, 1, 2]
    assert [one["score"] for one in told] == [1.5, None, None]
    assert [one.get("not_finite") for one in told] == [
        None,
        {"score": "nan"},
        {"score": "-inf"},
    ]


def test_each_line_is_there_when_its_epoch_is_over(keras, tmp_path):
    """Another process can read it while training goes on."""
    path, seen = tmp_path / "log.jsonl", []

    def count(epoch, logs):
        seen.append(len(path.read_text().splitlines()))

    listed = [kt.JsonLog(path), kt.callback_lambda(on_epoch_end=count)]
    fit(layers(keras), 2, listed)

    assert seen == [1, 2]


# --- costs ---


def test_steps_are_measured(keras):
    """As many as there were; a slow one is found, and memory is told."""
    slow = kt.callback_lambda(
        on_train_batch_begin=lambda batch, logs: None,
        on_train_batch_end=lambda batch, logs: None,
    )
    costs = kt.StepCosts()
    fit(layers(keras), 3, [costs, slow])
    report = costs.report

    assert report.steps == len(costs.times) == 6
    assert report.total == pytest.approx(sum(costs.times))
    assert report.first == costs.times[0]
    assert report.slowest == max(costs.times[1:])
    assert report.slowest_at[0] in (0, 1, 2)
    assert "6 steps" in str(report)
    if sys.platform != "win32":
        assert report.memory >= report.memory_before > 1 << 20


def test_no_steps_are_no_error(keras):
    """A report before any training."""
    assert str(kt.StepCosts().report) == "no steps"


def test_the_time_of_callbacks_is_told_by_hook(keras):
    """The dear hook is first, with its calls; idle hooks are not there."""
    sleepy = kt.callback_lambda(on_epoch_end=lambda epoch, logs: time.sleep(0.02))
    early = kt.callback_early_stopping("loss", patience=5)
    wrapped, costs = kt.callback_costs([sleepy, early, kt.callback_terminate_on_nan()])
    fit(layers(keras), 3, wrapped)
    rows = list(costs)

    assert (rows[0].callback, rows[0].hook) == ("LambdaCallback", "on_epoch_end")
    assert rows[0].calls == 3
    assert 0.06 <= rows[0].seconds < 1
    hooks = {(one.callback, one.hook): one.calls for one in rows}
    assert hooks["EarlyStopping", "on_epoch_end"] == 3
    assert hooks["TerminateOnNaN", "on_train_batch_end"] == 6, "through its old name"
    assert ("EarlyStopping", "on_test_begin") not in hooks
    assert "LambdaCallback" in costs.table().splitlines()[1]


def test_a_wrapped_callback_is_what_it_wraps(keras):
    """For isinstance, reading, setting, and for what it does."""
    early = kt.callback_early_stopping("loss", patience=0)
    (wrapped,), _ = kt.callback_costs(early)
    model = layers(keras)
    model.optimizer.learning_rate = 0.0
    history = fit(model, 9, [wrapped])

    assert isinstance(wrapped, keras.callbacks.Callback)
    assert isinstance(wrapped, keras.callbacks.EarlyStopping)
    assert history.epoch == [0, 1]
    assert wrapped.stopped_epoch == early.stopped_epoch == 1
    assert wrapped.model is model
    wrapped.patience = 7
    assert early.patience == 7
    with pytest.raises(AttributeError):
        _ = wrapped.no_such


def test_a_wrapped_history_still_serves_fit(keras):
    """Keras finds its own callbacks by isinstance."""
    (wrapped,), _ = kt.callback_costs(keras.callbacks.History())

    assert fit(layers(keras), 2, [wrapped]).history["loss"]


# --- copies, and what is refused ---


def test_own_callbacks_can_be_copied(keras, tmp_path):
    """By pickle and by deepcopy, with what they hold."""
    log = kt.JsonLog(tmp_path / "a.jsonl")
    for one in (log, kt.StepCosts(), kt.GracefulInterrupt(), kt.HistoryPlot("a.png")):
        for again in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert isinstance(again, keras.callbacks.Callback)
            assert type(again) is type(one)
    assert pickle.loads(pickle.dumps(log)).path == log.path


def test_a_subclass_is_a_callback_too(keras, tmp_path):
    """What users write on top of ours, with arguments of their own."""

    class Mine(kt.JsonLog):
        def __init__(self, mark):
            super().__init__(path)
            self.mark = mark

    path = tmp_path / "a.jsonl"
    mine = Mine(7)
    fit(layers(keras), 1, [mine])

    assert isinstance(mine, keras.callbacks.Callback)
    assert mine.mark == 7
    assert path.exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda: kt.JsonLog("no/such/folder/a.jsonl"),
        lambda: kt.HistoryPlot("a.gif"),
        lambda: kt.HistoryPlot("a.png", every="batch"),
        lambda: kt.HistoryPlot("no/such/a.png"),
        lambda: kt.callback_costs([print]),
        lambda: kt.callback_costs([kt.StepCosts]),
    ],
)
def test_wrong_arguments_of_own_callbacks_are_refused(make):
    """With the name of the argument."""
    with pytest.raises(RecordError, match="argument `"):
        make()
