"""What callbacks have counted survives a restart."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from training_kit import fit, layers, script

import kerasplug.training as kt
from kerasplug.errors import ModelError, RecordError

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

#: The best is the second; with patience 3 training stops after the fifth.
VALUES = [5, 4, 6, 6, 6, 6, 6, 6]
STOPS = 4


def early(**options):
    given = {"mode": "min", "patience": 3, **options}
    return kt.callback_early_stopping("score", **given)


def lower():
    return kt.callback_reduce_lr_on_plateau("score", mode="min", patience=2, cooldown=1)


def kept(keras, path, *, epochs, initial_epoch=0, model=None, **options):
    """A training with new callbacks, each time."""
    callbacks = [early(**options), lower()]
    weights = bool(options.get("restore_best_weights"))
    keeping = kt.ResumableCallbacks(path, callbacks, weights=weights)
    model = model or layers(keras)
    listed = [script(keras, VALUES), *callbacks, keeping]
    history = fit(model, epochs, listed, initial_epoch=initial_epoch)
    return history.epoch, callbacks, model


def test_training_stops_where_it_would_have_stopped(keras, tmp_path):
    """Three epochs, new objects, and on: as without the interruption."""
    whole, plain, _ = kept(keras, tmp_path / "whole.json", epochs=8)
    path = tmp_path / "states.json"
    first, _, model = kept(keras, path, epochs=3)
    rest, again, _ = kept(keras, path, epochs=8, initial_epoch=3, model=model)

    assert whole == [*range(STOPS + 1)]
    assert first + rest == whole
    for one, other in zip(plain, again, strict=True):
        assert kt.callback_state(one) == kt.callback_state(other)


def test_without_it_training_goes_on_longer(keras):
    """Why: Keras begins to count anew."""
    options = {"initial_epoch": 3}
    history = fit(layers(keras), 8, [script(keras, VALUES), early()], **options)

    assert history.epoch == [3, 4, 5, 6]


def test_each_epoch_can_be_the_last(keras, tmp_path):
    """Wherever it was interrupted, it stops at the same epoch."""
    for cut in range(1, STOPS + 1):
        path = tmp_path / f"{cut}.json"
        first, _, model = kept(keras, path, epochs=cut)
        rest, _, _ = kept(keras, path, epochs=8, initial_epoch=cut, model=model)
        assert first + rest == [*range(STOPS + 1)]


_PROCESS = """
import sys
import kerasplug, kerasplug.training as kt
sys.path.insert(0, "tests")
from training_kit import fit, layers, script
folder, die = sys.argv[1:]
keras = kerasplug.implementation("keras")
early = kt.callback_early_stopping("score", mode="min", patience=3)
def end(epoch, logs):
    if str(epoch) == die:
        import os
        os._exit(7)
listed = [
    script(keras, [5, 4, 6, 6, 6, 6, 6, 6]),
    early,
    *BACKUP,
    kt.callback_lambda(on_epoch_begin=end),
]
history = fit(layers(keras), 8, listed)
print(history.epoch, early.best_epoch)
"""


_APART = """
    kt.ResumableCallbacks(f"{folder}/states.json", early),
    kt.callback_backup_and_restore(f"{folder}/backup"),
"""
_TOGETHER = """
    kt.callback_backup_and_restore(f"{folder}/new/backup", callbacks=early),
"""


@pytest.mark.parametrize("backup", [_APART, _TOGETHER], ids=["apart", "together"])
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_killed_process_goes_on_in_a_new_one(tmp_path, backend, backup):
    """With `BackupAndRestore` for the weights and the epoch, on both backends."""
    code = _PROCESS.replace("    *BACKUP,\n", backup)
    answers = []
    for die in ("3", "never"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), die],
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "KERASPLUG_IMPLEMENTATION": "keras",
            },
            cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
            capture_output=True,
            text=True,
            check=False,
        )
        answers.append((done.returncode, done.stdout.strip(), done.stderr[-2000:]))

    assert answers[0][0] == 7, answers[0]
    assert answers[1][:2] == (0, "[3, 4] 1"), answers[1]


def test_best_weights_are_kept_on_request(keras, tmp_path):
    """The best epoch was before the interruption, and its weights come back."""
    options = {"restore_best_weights": True}
    _, _, whole = kept(keras, tmp_path / "whole.json", epochs=8, **options)
    path = tmp_path / "states.json"
    # Ending a training puts the best weights in, so this one is killed.
    callbacks = [early(**options), lower()]
    keeping = kt.ResumableCallbacks(path, callbacks, weights=True)

    def die(epoch, logs):
        if epoch == 3:
            raise ConnectionError

    model = layers(keras)
    listed = [script(keras, VALUES), *callbacks, keeping]
    with pytest.raises(ConnectionError):
        fit(model, 8, [*listed, kt.callback_lambda(on_epoch_begin=die)])
    kept(keras, path, epochs=8, initial_epoch=3, model=model, **options)

    for one, other in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_best_weights_without_the_request_are_refused(tmp_path):
    """Else the weights of a worse epoch would be taken for the best."""
    with pytest.raises(RecordError, match="`weights`"):
        kt.ResumableCallbacks(tmp_path / "a.json", early(restore_best_weights=True))


def test_it_has_to_come_after_what_it_keeps(keras, tmp_path):
    """Before it, or without it in the list, is an error that names it."""
    stopping = early()
    keeping = kt.ResumableCallbacks(tmp_path / "a.json", stopping)
    numbers = script(keras, VALUES)

    for listed in ([numbers, keeping, stopping], [numbers, keeping]):
        with pytest.raises(ModelError, match=r"(?s)has to come after.*EarlyStopping"):
            fit(layers(keras), 1, listed)
    fit(layers(keras), 1, [numbers, stopping, keeping])


def test_a_training_from_the_beginning_is_a_new_one(keras, tmp_path):
    """What the file holds of an older training is not read."""
    path = tmp_path / "a.json"
    for _ in range(2):
        epochs, _, _ = kept(keras, path, epochs=8)
        assert epochs == [*range(STOPS + 1)]
    path.write_text("no JSON")
    assert kept(keras, path, epochs=1)[0] == [0]


def test_states_of_another_epoch_are_refused(keras, tmp_path):
    """They belong to other weights; the error names both epochs."""
    path = tmp_path / "a.json"
    _, _, model = kept(keras, path, epochs=3)

    with pytest.raises(ModelError, match=r"(?s)after epoch 4.*epoch 1, epoch 2"):
        kept(keras, path, epochs=8, initial_epoch=5, model=model)
    # The one before the last is there: the weights may be those of it.
    assert kept(keras, path, epochs=3, initial_epoch=2, model=model)[0] == [2]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "epochs": [{}]}', "3"])
def test_a_file_of_something_else_is_one_clear_error(keras, tmp_path, text):
    """Not a traceback of Python's."""
    path = tmp_path / "a.json"
    path.write_text(text)

    with pytest.raises(ModelError, match="holds no states of callbacks"):
        kept(keras, path, epochs=3, initial_epoch=2)


def test_other_callbacks_than_the_files_are_refused(keras, tmp_path):
    """The classes have to be the same, in the same order."""
    path = tmp_path / "a.json"
    kept(keras, path, epochs=2)
    stopping = early()
    listed = [script(keras, VALUES), stopping, kt.ResumableCallbacks(path, stopping)]

    with pytest.raises(ModelError, match="of EarlyStopping, ReduceLROnPlateau"):
        fit(layers(keras), 3, listed, initial_epoch=2)


def test_states_are_plain_data_and_come_back(keras, tmp_path):
    """Through JSON, whatever the numbers are; weights to the bit."""
    checkpoint = kt.callback_model_checkpoint(tmp_path / "m.keras", save_best_only=True)
    for one in (early(), lower(), checkpoint):
        for best in (1.5, math.inf, -math.inf, np.float32(0.5), None):
            one.best = best
            state = json.loads(json.dumps(kt.callback_state(one), allow_nan=False))
            one.best = 99
            kt.restore_callback_state(one, state)
            assert one.best == best
    one = early()
    one.best = math.nan
    arrays = [np.float32([[1.1, 2.2]]), np.int64([3]), np.zeros((0, 2), "float16")]
    one.best_weights = arrays
    state = json.loads(json.dumps(kt.callback_state(one, weights=True)))
    again = early()
    kt.restore_callback_state(again, state)

    assert math.isnan(again.best)
    for mine, theirs in zip(arrays, again.best_weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
    assert "best_weights" not in kt.callback_state(one)


def test_a_damaged_state_changes_nothing():
    """Of another class, with parts missing, or with something that is no number."""
    one = early()
    one.wait = 2
    good = kt.callback_state(one)
    weights = [{"dtype": "float32", "shape": [9], "data": "AAAA"}]
    for bad in (
        kt.callback_state(lower()),
        {},
        {key: good[key] for key in good if key != "wait"},
        good | {"wait": 0, "best": "low"},
        good | {"wait": 0, "best": [1]},
        good | {"wait": 0, "best_weights": weights},
        good | {"wait": 0, "best_weights": [3]},
    ):
        with pytest.raises(ModelError):
            kt.restore_callback_state(one, bad)
        assert one.wait == 2


def test_only_callbacks_that_count_have_states(tmp_path):
    """The error names those that do."""
    for call in (kt.callback_state, lambda one: kt.restore_callback_state(one, {})):
        with pytest.raises(RecordError, match="EarlyStopping, ReduceLROnPlateau"):
            call(kt.StepCosts())
    with pytest.raises(RecordError, match="EarlyStopping, ReduceLROnPlateau"):
        kt.ResumableCallbacks(tmp_path / "a.json", kt.StepCosts())


def backed(keras, folder, values, *, restore=False, fail=None):
    """A training with new callbacks, and what it stopped with."""
    stopping = early(restore_best_weights=restore)
    backup = kt.callback_backup_and_restore(folder, callbacks=[stopping])

    def end(epoch, logs):
        if epoch == fail:
            raise RuntimeError(epoch)

    ending = kt.callback_lambda(on_epoch_begin=end)
    model = layers(keras)
    try:
        history = fit(model, 8, [script(keras, values), stopping, backup, ending])
    except RuntimeError:
        return [], stopping, model
    return history.epoch, stopping, model


def test_the_backup_itself_keeps_the_best_weights(keras, tmp_path):
    """They come back after a restart, and the folder is gone at the end."""
    folder = tmp_path / "backup"
    whole, _, plain = backed(keras, tmp_path / "whole", VALUES, restore=True)
    backed(keras, folder, VALUES, restore=True, fail=3)
    assert sorted(os.listdir(folder)) == [
        "callbacks.json",
        "latest.weights.h5",
        "training_metadata.json",
    ]

    rest, stopping, model = backed(keras, folder, VALUES, restore=True)
    assert (rest, stopping.best_epoch, stopping.best) == ([3, 4], 1, 4)
    assert whole == [0, 1, 2, 3, 4]
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not folder.exists()


def test_a_backup_can_be_used_again(keras, tmp_path):
    """After a training that came to its end another begins anew."""
    stopping = early()
    backup = kt.callback_backup_and_restore(tmp_path / "backup", callbacks=stopping)
    listed = [script(keras, VALUES), stopping, backup]

    assert fit(layers(keras), 8, listed).epoch == [0, 1, 2, 3, 4]
    assert fit(layers(keras), 8, listed).epoch == [0, 1, 2, 3, 4]


def test_a_backup_without_states_says_so(keras, tmp_path):
    """One that Keras alone has written has none."""
    backed(keras, tmp_path / "backup", VALUES, fail=3)
    os.remove(tmp_path / "backup" / "callbacks.json")

    with pytest.raises(ModelError, match="no states"):
        backed(keras, tmp_path / "backup", VALUES)


def test_a_backup_comes_after_what_it_keeps(keras, tmp_path):
    """Else it would keep the state of the epoch before."""
    stopping = early()
    backup = kt.callback_backup_and_restore(tmp_path / "backup", callbacks=stopping)

    with pytest.raises(ModelError, match="BackupAndRestore has to come after"):
        fit(layers(keras), 2, [script(keras, VALUES), backup, stopping])


@pytest.mark.parametrize(
    "wrong",
    [{"callbacks": 3}, {"callbacks": early, "save_freq": 5}, {"callbacks": [print]}],
)
def test_a_backup_keeps_callbacks_alone(keras, tmp_path, wrong):
    """And only from epoch to epoch; nothing is made on the disk."""
    given = {key: one() if one is early else one for key, one in wrong.items()}

    with pytest.raises(RecordError):
        kt.callback_backup_and_restore(tmp_path / "backup", **given)
    assert os.listdir(tmp_path) == []
