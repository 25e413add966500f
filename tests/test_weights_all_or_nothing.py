"""After an error a model has the weights that it had; and what it cost to say so."""

import re
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest
from weights_kit import (
    FORMATS,
    chain,
    different,
    refusing_layer,
    same,
    same_layer,
    saved,
)

from kerasplug.errors import ModelFileError
from kerasplug.saving.weights import load_model_weights_hdf5

pytestmark = pytest.mark.engine

#: Formats that layers load by their own `load_own_variables`.
OWN = ("m.keras", "m.weights.h5", "m.weights.json")


def _with(keras, layer):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(4, name="first", bias_initializer="random_normal"),
            layer,
        ]
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_mismatch_in_the_last_layer_changes_nothing(keras, name, tmp_path):
    """What doesn't fit is seen before the first weight is replaced.

    Upstream: plain Keras has replaced all weights before the one that doesn't fit.
    """
    path = saved(chain(keras, "a", "b"), tmp_path, name)
    ours, plain = (chain(keras, "a", "b", last=5) for _ in range(2))
    before = ours.get_weights(), plain.get_weights()

    with pytest.raises(ModelFileError, match="doesn't fit"):
        load_model_weights_hdf5(ours, path)
    assert not any(different(before[0], ours))

    if name != "any.name":
        with pytest.raises(ValueError, match=r"shape"):
            plain.load_weights(path)
        assert different(before[1], plain) == [True, True, False, False]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
def test_a_layer_that_gives_up_half_way_is_put_back(keras, error, tmp_path):
    """Whatever a layer raises while it takes its weights, the model is as it was.

    Upstream: plain Keras leaves the layer with one of its two weights, and all others
    with the new ones.
    """
    refusing = refusing_layer(keras, error)
    path = saved(_with(keras, refusing()), tmp_path, "m.weights.h5")
    ours, plain = _with(keras, refusing()), _with(keras, refusing())
    before = ours.get_weights(), plain.get_weights()
    expected = ModelFileError if issubclass(error, Exception) else error

    with pytest.raises(expected) as caught:
        load_model_weights_hdf5(ours, path)
    with pytest.raises((error, ValueError)):
        plain.load_weights(path)

    assert not any(different(before[0], ours))
    assert different(before[1], plain) == [True, True, True, False]
    if expected is ModelFileError:
        assert "no more of it" in caught.value.found
        assert isinstance(caught.value.__cause__, error)


def test_a_layer_that_gives_up_is_skipped_whole(keras, tmp_path):
    """With `skip_mismatch` only the layer that refuses is as it was; it says why."""
    refusing = refusing_layer(keras)
    path = saved(_with(keras, refusing(name="r")), tmp_path, "m.weights.h5")
    model = _with(keras, refusing(name="r"))
    before = model.get_weights()

    report = load_model_weights_hdf5(model, path, skip_mismatch=True)

    assert different(before, model) == [True, True, False, False]
    assert report.loaded == ("first",)
    assert report.skipped == (("r", "ValueError: no more of it"),)


def test_what_a_layer_made_of_its_weights_is_put_back(keras, tmp_path):
    """Normalization works with its old numbers after an error, not with new ones."""
    refusing = refusing_layer(keras)

    def make():
        return keras.Sequential(
            [keras.Input((4,)), keras.layers.Normalization(), refusing()]
        )

    x = np.random.default_rng(0).normal(5, 3, size=(20, 4)).astype("float32")
    original, model = make(), make()
    original.layers[0].adapt(x)
    path = saved(original, tmp_path, "m.weights.h5")
    before = model.predict(x, verbose=0)

    with pytest.raises(ModelFileError):
        load_model_weights_hdf5(model, path)

    assert np.array_equal(model.predict(x, verbose=0), before)


def test_a_layer_may_decide_what_fits(keras, tmp_path):
    """A layer with a `load_own_variables` of its own gets what is in the file."""

    class Positions(keras.layers.Layer):
        def __init__(self, length, **kwargs):
            super().__init__(**kwargs)
            self.length = length

        def build(self, _):
            self.table = self.add_weight(
                shape=(self.length, 4), initializer="random_normal", name="table"
            )

        def call(self, inputs):
            return inputs + self.table[:1]

        def load_own_variables(self, store):
            assert isinstance(store["0"], np.ndarray)
            self.table.assign(np.resize(store["0"], self.table.shape))

    original = _with(keras, Positions(3, name="p"))
    model = _with(keras, Positions(6, name="p"))
    for name in OWN:
        if name == "m.keras":
            continue
        report = load_model_weights_hdf5(model, saved(original, tmp_path, name))
        assert report.loaded == ("first", "p")
        table = original.layers[1].table.numpy()
        assert np.array_equal(model.layers[1].table.numpy(), np.resize(table, (6, 4)))


def _flipped(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def _place_of(path, model):
    """Where the bytes of the last layer's kernel are in a file."""
    place = path.read_bytes().find(model.layers[-1].kernel.numpy().tobytes()[:16])
    assert place > 0
    return place


def test_a_changed_byte_in_a_keras_file_is_seen(keras, tmp_path):
    """A `.keras` file with one other bit in its weights is refused, nothing changed."""
    original = chain(keras, "a", "b", "c", units=300)
    path = saved(original, tmp_path, "m.keras")
    _flipped(path, _place_of(path, original) + 100)
    model = chain(keras, "a", "b", "c", units=300)
    before = model.get_weights()

    with pytest.raises(ModelFileError, match="is damaged"):
        load_model_weights_hdf5(model, path)

    assert not any(different(before, model))


@pytest.mark.parametrize("name", FORMATS)
def test_files_that_are_cut_short_change_nothing(keras, name, tmp_path):
    """Wherever a file ends too early, it is refused, and the model is as it was."""
    path = saved(chain(keras, "a", "b"), tmp_path, name)
    model = chain(keras, "a", "b")
    before = model.get_weights()
    data = path.read_bytes()

    for part in range(16):
        path.write_bytes(data[: len(data) * part // 16])
        with pytest.raises(ModelFileError):
            load_model_weights_hdf5(model, path)
        assert not any(different(before, model))


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.hdf5"])
def test_changed_bytes_change_all_or_nothing(keras, name, tmp_path):
    """Wherever a byte is changed: a file is refused, or loaded as a whole."""
    original = chain(keras, "a", "b")
    path = saved(original, tmp_path, name)
    model = chain(keras, "a", "b")
    before = model.get_weights()
    data = path.read_bytes()
    refused = 0

    for at in range(0, len(data), max(len(data) // 150, 1)):
        path.write_bytes(data)
        _flipped(path, at)
        try:
            load_model_weights_hdf5(model, path)
        except ModelFileError:
            refused += 1
            assert not any(different(before, model))
        else:
            model.set_weights(before)
    assert refused > 10


def test_a_shard_that_is_missing_or_foreign_changes_nothing(keras, tmp_path):
    """All shards are there, and belong together, or nothing is loaded."""
    path = saved(chain(keras, *"abc", units=8), tmp_path, "m.weights.json")
    model = chain(keras, *"abc", units=8)
    before = model.get_weights()
    shards = sorted(tmp_path.glob("m_*.weights.h5"))
    assert len(shards) > 2
    kept = shards[-1].read_bytes()

    shards[-1].unlink()
    with pytest.raises(FileNotFoundError, match=shards[-1].name):
        load_model_weights_hdf5(model, path)
    shards[-1].write_bytes(shards[0].read_bytes())
    with pytest.raises(ModelFileError, match="don't belong together"):
        load_model_weights_hdf5(model, path)
    assert not any(different(before, model))
    shards[-1].write_bytes(kept)
    load_model_weights_hdf5(model, path)
    assert all(different(before, model))


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.hdf5"])
def test_the_model_does_not_depend_on_the_file(keras, name, tmp_path):
    """Weights are the model's own: the file may change, and training goes on."""
    original, model = (chain(keras, "a", "b", units=400) for _ in range(2))
    path = saved(original, tmp_path, name)

    load_model_weights_hdf5(model, path)
    path.write_bytes(b"\0" * path.stat().st_size)

    assert same(original, model)
    x, y = np.ones((8, 4), "float32"), np.zeros((8, 400), "float32")
    before = model.get_weights()
    for one in (original, model):
        one.compile("adam", "mse")
        one.fit(x, y, epochs=3, verbose=0)
    assert same(original, model)
    assert all(different(before, model))


def test_arrays_under_two_names_are_read_twice(keras, tmp_path):
    """Two weights of a file may be one array; each layer gets its own copy."""
    path = saved(chain(keras, "a", "b", units=300), tmp_path, "m.weights.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/dense_1/vars/1"]
        file["layers/dense_1/vars/1"] = file["layers/dense/vars/1"]
    model = chain(keras, "a", "b", units=300)

    load_model_weights_hdf5(model, path)

    first, second = model.layers
    assert np.array_equal(first.bias.numpy(), second.bias.numpy())
    first.bias.assign_add([1.0] * 300)
    assert not np.array_equal(first.bias.numpy(), second.bias.numpy())
    assert not same_layer(first, second)


_WITHIN = """
import resource, sys
import numpy as np
import keras
from kerasplug.saving.weights import load_model_weights_hdf5

path, who, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
def make(units):
    return keras.Sequential([
        keras.Input((units,)), keras.layers.Dense(units, kernel_initializer="zeros")
    ])
small = make(8)
small.save_weights("small.weights.h5")
load_model_weights_hdf5(small, "small.weights.h5")
small.load_weights("small.weights.h5")
model = make(size)
for one in model.variables:
    np.array(one)
with open("/proc/self/status") as file:
    data = next(line for line in file if line.startswith("VmData"))
used = int(data.split()[1]) << 10
allowed = used + int(1.2 * 4 * size * size)
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
if who == "ours":
    load_model_weights_hdf5(model, path)
else:
    model.load_weights(path)
print(float(np.asarray(model.layers[-1].kernel[0, 0])))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts so on Linux")
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
@pytest.mark.parametrize("suffix", ["weights.h5", "keras", "hdf5"])
def test_loading_takes_little_more_than_the_weights(
    keras, engine, suffix, tmp_path, monkeypatch
):
    """A process that may have 1.2 times the file's size on top loads the weights.

    And that while the old weights are kept. Upstream: plain Keras needs more.
    """
    size = 6000
    model = keras.Sequential(
        [keras.Input((size,)), keras.layers.Dense(size, kernel_initializer="ones")]
    )
    path = tmp_path / f"m.{suffix}"
    if suffix == "hdf5":
        from kerasplug.saving.weights import save_model_weights_hdf5

        save_model_weights_hdf5(model, path)
    else:
        (model.save if suffix == "keras" else model.save_weights)(path)
    del model
    monkeypatch.setenv("KERAS_BACKEND", engine)

    def run(who):
        code = [sys.executable, "-c", textwrap.dedent(_WITHIN)]
        return subprocess.run(
            [*code, str(path), who, str(size)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("ours")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == "1.0"
    plain = run("plain")
    assert plain.returncode != 0
    assert re.search("allocat|Memory", plain.stderr)
