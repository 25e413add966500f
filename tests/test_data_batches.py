"""Batches: for NumPy, for TensorFlow and for PyTorch, in an order that comes again."""

import subprocess
import sys

import numpy as np
import pytest
from data_kit import shop

import kerasplug
from kerasplug.errors import DatasetError, MissingExtraError

__all__ = ["shop"]


def rows_of(batches):
    """The first number of each row, in the order in which they come."""
    return [row[0] for x, _ in batches for row in np.asarray(x).tolist()]


# --- NumPy ---


def test_an_epoch_has_each_row_once(shop):
    """Shuffled or not, with a last batch that is smaller."""
    batches = shop["plain"].as_numpy_batches(16)

    sizes = [len(x) for x, _ in batches]
    assert sizes == [16, 16, 8]
    assert len(batches) == 3
    assert sorted(rows_of(batches)) == [3.0 * row for row in range(40)]


def test_labels_stay_with_their_rows(shop):
    """After shuffling each row still has its own label."""
    for x, y in shop["plain"].as_numpy_batches(7):
        assert np.array_equal(x[:, 0] / 3 % 4, y)


def test_training_is_shuffled_and_testing_is_not(shop):
    """That is the default; `shuffle` says otherwise."""
    plain = [3.0 * row for row in range(40)]

    assert rows_of(shop["plain"].as_numpy_batches()) != plain
    assert rows_of(shop["plain"].as_numpy_batches(shuffle=False)) == plain
    assert rows_of(shop["plain"].as_numpy_batches(split="test")) == plain[:10]


def test_orders_come_again_with_their_seed(shop):
    """Each epoch has an order of its own, and the seed gives all of them again."""
    first, again, other = (
        shop["plain"].as_numpy_batches(seed=seed) for seed in (1, 1, 2)
    )
    epochs = [rows_of(first) for _ in range(3)]

    assert len({tuple(one) for one in epochs}) == 3
    assert [rows_of(again) for _ in range(3)] == epochs
    assert rows_of(other) != epochs[0]


def test_a_last_batch_can_be_left_out(shop):
    """Then all batches are full."""
    batches = shop["plain"].as_numpy_batches(16, drop_last=True)

    assert [len(x) for x, _ in batches] == [16, 16]
    assert len(batches) == 2


@pytest.mark.engine
@pytest.mark.parametrize("padding", ["pre", "post"])
def test_texts_are_padded_as_keras_does(shop, padding):
    """Each batch is as wide as its longest text, on the side that is asked for."""
    keras = kerasplug.implementation()
    lists = shop["texts"].load().train.x

    batches = shop["texts"].as_numpy_batches(
        5, shuffle=False, padding=padding, pad_value=9
    )

    for place, (x, _) in enumerate(batches):
        some = list(lists[5 * place : 5 * place + 5])
        theirs = keras.utils.pad_sequences(some, padding=padding, value=9)
        assert x.dtype == theirs.dtype
        assert np.array_equal(x, theirs)


@pytest.mark.parametrize(
    "wrong", [{"padding": "left"}, {"seed": -1}, {"seed": None}], ids=str
)
def test_wrong_arguments_are_told(shop, wrong):
    """They are told with their name before anything is loaded."""
    with pytest.raises(DatasetError, match=next(iter(wrong))):
        shop["plain"].as_numpy_batches(**wrong)


@pytest.mark.engine
def test_a_model_is_trained_by_batches(shop):
    """`repeat` gives `fit` epoch after epoch."""
    keras = kerasplug.implementation()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    batches = shop["plain"].as_numpy_batches(8, scale=0.01)

    model.fit(
        batches.repeat(),
        steps_per_epoch=len(batches),
        epochs=2,
        verbose=0,
        shuffle=False,
    )

    assert int(model.optimizer.iterations) == 10


# --- TensorFlow ---


@pytest.mark.engine
@pytest.mark.parametrize("name", ["plain", "texts"])
def test_tensorflow_gets_the_same_batches(shop, name):
    """Two epochs of the `tf.data.Dataset` are those of the NumPy batches."""
    pytest.importorskip("tensorflow")
    batches = shop[name].as_numpy_batches(5, seed=3)
    data = shop[name].as_tf_dataset(5, seed=3)

    assert int(data.cardinality()) == len(batches)
    for _ in range(2):
        for (x, y), (tx, ty) in zip(batches, data, strict=True):
            assert tx.dtype.as_numpy_dtype == x.dtype
            assert np.array_equal(tx.numpy(), x)
            assert np.array_equal(ty.numpy(), y)


@pytest.mark.engine
def test_tensorflow_gets_texts_as_strings(shop):
    """Words are strings of TensorFlow."""
    tf = pytest.importorskip("tensorflow")

    ((x, _),) = shop["words"].as_tf_dataset(shuffle=False)

    assert x.dtype == tf.string
    assert x.numpy().tolist() == [b"ein", b"zwei"]


@pytest.mark.engine
def test_a_model_is_trained_by_a_tf_dataset(shop):
    """`fit` takes it, for several epochs."""
    pytest.importorskip("tensorflow")
    keras = kerasplug.implementation()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)

    data = shop["plain"].as_tf_dataset(8, scale=0.01)

    model.fit(data, epochs=2, verbose=0, shuffle=False)

    assert int(model.optimizer.iterations) == 10


# --- PyTorch ---


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", ["plain", "texts"])
def test_pytorch_gets_the_same_batches(shop, name, workers):
    """Two epochs of the loader are those of the NumPy batches, also with workers."""
    torch = pytest.importorskip("torch")
    batches = shop[name].as_numpy_batches(5, seed=3)
    loader = shop[name].as_torch_loader(5, seed=3, num_workers=workers)

    assert len(loader) == len(batches)
    for _ in range(2):
        for (x, y), (tx, ty) in zip(batches, loader, strict=True):
            assert isinstance(tx, torch.Tensor)
            assert np.array_equal(tx.numpy(), x)
            assert np.array_equal(ty.numpy(), y)


def test_pytorch_gets_texts_as_lists(shop):
    """There are no tensors of texts."""
    pytest.importorskip("torch")

    ((x, _),) = shop["words"].as_torch_loader(shuffle=False)

    assert x == ["ein", "zwei"]


@pytest.mark.parametrize(
    ("method", "module"),
    [("as_torch_loader", "torch"), ("as_tf_dataset", "tensorflow")],
)
def test_a_missing_framework_is_told(method, module):
    """The error names the extra that brings it."""
    code = (
        f"import sys; sys.modules[{module!r}] = None; import kerasplug\n"
        f"kerasplug.datasets['digits'].{method}()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert MissingExtraError.__name__ in done.stderr
    assert f"kerasplug[{module}]" in done.stderr
