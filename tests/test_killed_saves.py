"""A process that is killed while it saves leaves the file that was there."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import kerasplug

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.name == "nt", reason="needs a signal that can't be caught"),
    # Keras 3.15's TensorFlow backend, with NumPy 2: its users see it as well.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

#: Saves one after the other: each time all weights are the same number, one more.
SAVES = """
    import itertools, sys, warnings
    warnings.simplefilter("ignore")
    import kerasplug
    keras = kerasplug.implementation()

    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1000),
                              keras.layers.Dropout(0.5)])
    for number in itertools.count(1):
        model.set_weights([one * 0 + number for one in model.get_weights()])
        {save}
        print(number, flush=True)
"""
#: The bytes of the weights alone.
WEIGHTS = 1000 * 1000 * 4
OURS = "kerasplug.save_model(model, sys.argv[1])"
PLAIN = "model.save(sys.argv[1])"


def killed(save, path, in_the_middle):
    """Let a process save, kill it in the middle, and say what the file is then."""
    code = textwrap.dedent(SAVES).format(save=save)
    process = subprocess.Popen(
        [sys.executable, "-c", code, path],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for _ in range(3):
            assert process.stdout.readline()
        until = time.monotonic() + 60
        while not in_the_middle(path):
            assert time.monotonic() < until
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    try:
        return {float(one) for one in whole(path).flat}
    except Exception as error:  # noqa: BLE001 -- whatever a torn file gives
        return error


def draft_is_written(path):
    """Whether there is a part of a file beside it."""
    return any(
        name.startswith(".") and os.path.getsize(path.parent / name) > 0
        for name in os.listdir(path.parent)
        if os.path.exists(path.parent / name)
    )


def file_is_short(path):
    """Whether it is a part of a file itself."""
    return path.stat().st_size < WEIGHTS


def whole(path):
    """A weight from the file, with all its values."""
    return kerasplug.load_model(path).get_weights()[0]


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_the_old_file_is_intact(suffix, tmp_path):
    """Killed again and again while the new one is written: the old state is there."""
    for _ in range(2):
        found = killed(OURS, tmp_path / f"m.{suffix}", draft_is_written)
        assert isinstance(found, set), found
        assert len(found) == 1
        assert found.pop() >= 3.0
        for name in os.listdir(tmp_path):
            if name.startswith("."):
                (tmp_path / name).unlink()


def test_plain_keras_leaves_a_torn_file(tmp_path):
    """Killed in the middle its file is one that can't be read, or half of one."""
    found = killed(PLAIN, tmp_path / "m.keras", file_is_short)
    assert not isinstance(found, set) or len(found) != 1
