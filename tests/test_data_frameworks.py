"""Batches for TensorFlow and for PyTorch: those that NumPy gets."""

import re
import sys

import numpy as np
import pytest
from data_kit import shop

import kerasplug
from kerasplug.errors import DatasetError, MissingExtraError

__all__ = ["shop"]


def untrained():
    keras = kerasplug.implementation()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return model


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
    model = untrained()
    data = shop["plain"].as_tf_dataset(8, scale=0.01)

    model.fit(data, epochs=2, verbose=0, shuffle=False)

    assert int(model.optimizer.iterations) == 10


@pytest.mark.engine
def test_tensorflow_knows_the_shapes(shop):
    """Widths of texts vary; all batches are full where a last one is left out."""
    tf = pytest.importorskip("tensorflow")

    x, y = shop["texts"].as_tf_dataset(5, drop_last=True).element_spec
    assert (x.shape.as_list(), x.dtype) == ([5, None], tf.int32)
    assert (y.shape.as_list(), y.dtype) == ([5], tf.int64)
    x, _ = shop["plain"].as_tf_dataset(5, prefetch=False).element_spec
    assert (x.shape.as_list(), x.dtype) == ([None, 3], tf.float32)


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


@pytest.mark.engine
def test_a_model_is_trained_by_a_torch_loader(shop):
    """`fit` takes it, for several epochs."""
    pytest.importorskip("torch")
    model = untrained()

    loader = shop["plain"].as_torch_loader(8, scale=0.01)
    model.fit(loader, epochs=2, verbose=0)

    assert int(model.optimizer.iterations) == 10


# --- what is wrong ---


@pytest.mark.parametrize("wrong", [-1, True, "two"])
def test_a_wrong_number_of_workers_is_told(shop, wrong):
    """It is told whether or not PyTorch is there."""
    with pytest.raises(DatasetError, match="num_workers"):
        shop["plain"].as_torch_loader(num_workers=wrong)


@pytest.mark.parametrize(
    ("method", "module"),
    [("as_torch_loader", "torch"), ("as_tf_dataset", "tensorflow")],
)
def test_a_missing_framework_is_told(shop, method, module, monkeypatch):
    """The error names the extra that brings it, and comes before any loading."""
    monkeypatch.setitem(sys.modules, module, None)
    wanted = re.escape(f'pip install "kerasplug[{module}]"')

    with pytest.raises(MissingExtraError, match=wanted):
        getattr(shop["plain"], method)(scale=13)
