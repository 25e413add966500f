"""The sets of pictures: equal to Keras' on the same bytes, streamed, and made up."""

import numpy as np
import pytest
from data_files import home, idx, joined, npz, of_keras, python2_pickle, same, tar
from kerasplug_datasets import cifar10, cifar100, digits, fashion_mnist, mnist
from kerasplug_datasets.hooks import kerasplug_datasets

from kerasplug.errors import DatasetError, HashError

__all__ = ["home"]

RNG = np.random.default_rng(0)


def few(shape, high=256):
    """Small bytes of a shape: real forms, and quick to pack."""
    return RNG.integers(0, high, size=shape, dtype=np.uint8)


def digits_file(count=200, **other):
    """A file in MNIST's form."""
    arrays = {
        "x_train": few((count, 28, 28)),
        "y_train": few(count, 10),
        "x_test": few((count // 4, 28, 28)),
        "y_test": few(count // 4, 10),
    }
    return npz(**arrays | other)


@pytest.fixture(scope="module")
def colours():
    """CIFAR-10's archive: its full size, of few different bytes."""
    cells = np.repeat(few((10000, 48)), 64, axis=1)
    batch = {b"data": cells, b"labels": few(10000, 10).tolist()}
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    pickles = {
        name: python2_pickle({**batch, b"data": np.roll(cells, place, axis=0)})
        for place, name in enumerate(names)
    }
    return tar("cifar-10-batches-py", pickles)


@pytest.fixture(scope="module")
def many_colours():
    """CIFAR-100's archive, with fewer pictures."""
    pickles = {}
    for name, count in (("train", 500), ("test", 100)):
        fine, coarse = few(count, 100).tolist(), few(count, 20).tolist()
        held = {
            b"data": few((count, 3072)),
            b"fine_labels": fine,
            b"coarse_labels": coarse,
        }
        pickles[name] = python2_pickle(held)
    return tar("cifar-100-python", pickles)


@pytest.fixture(scope="module")
def clothes():
    """The four files of Fashion-MNIST in full size."""
    packed = []
    for count in (60000, 10000):
        pictures = np.repeat(few((count, 28, 1)), 28, axis=2)
        packed += [idx(pictures), idx(few(count, 10))]
    return packed


# --- mnist ---


@pytest.mark.engine
def test_mnist_is_keras_mnist(home, monkeypatch):
    """The four arrays are those of Keras, and the file is where Keras has it."""
    home.give("MNIST", digits_file())

    ours = mnist.load()

    assert (home.cache / "mnist.npz").is_file()
    same(ours, of_keras(monkeypatch, "mnist", home.cache / "mnist.npz"))


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_mnist_streams_what_it_loads(home, size):
    """The batches in their order are the arrays, whatever their size."""
    home.give("MNIST", digits_file())
    loaded = mnist.load()

    for split in ("train", "test"):
        batches = list(mnist.stream(split, size))
        x, y = joined(batches)
        assert np.array_equal(x, getattr(loaded, split).x)
        assert np.array_equal(y, getattr(loaded, split).y)
        assert {len(one) for one, _ in batches[:-1]} <= {size}


def test_a_stream_reads_no_more_than_it_gives(home):
    """The first batch of a stream comes from a file whose end is damaged."""
    path = home.give("MNIST", digits_file(4000))
    mnist.load()
    cached = home.cache / "mnist.npz"
    data = bytearray(cached.read_bytes())
    middle = data.index(b"x_train.npy") + 2_000_000
    data[middle : middle + 1000] = bytes(1000)
    path.write_bytes(data)
    cached.unlink()
    home.give("MNIST", bytes(data))

    batches = mnist.stream("train", 10)

    assert len(next(batches)[0]) == 10
    with pytest.raises(DatasetError, match=r"mnist\.npz"):
        list(batches)


def test_wrong_bytes_never_come_into_the_cache(home):
    """A file with another hash is refused, and nothing is left of it."""
    path = home.give("MNIST", digits_file())
    path.write_bytes(digits_file())

    with pytest.raises(HashError):
        mnist.load()

    assert not (home.cache / "mnist.npz").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"x_train": np.zeros((200, 27, 28), np.uint8)},
        {"y_train": np.zeros(199, np.uint8)},
        {"y_test": np.array([{"an": "object"}], dtype=object)},
    ],
    ids=["shape", "length", "pickle"],
)
def test_a_file_of_another_form_is_refused(home, wrong):
    """What the hash lets pass is still looked at; no pickle is ever read."""
    home.give("MNIST", digits_file(**wrong))

    with pytest.raises(DatasetError, match=r"mnist\.npz"):
        mnist.load()


# --- fashion_mnist ---


@pytest.mark.engine
def test_fashion_mnist_is_keras_fashion_mnist(home, clothes, monkeypatch):
    """The four arrays are those of Keras, and the files are where Keras has them."""
    home.give_clothes(clothes)

    ours = fashion_mnist.load()

    folder = home.cache / "fashion-mnist"
    assert len(list(folder.iterdir())) == 4
    keras = pytest.importorskip("keras.src.datasets.fashion_mnist")
    monkeypatch.setattr(keras, "get_file", lambda name, **_: str(folder / name))
    same(ours, keras.load_data())
    for split in ("train", "test"):
        x, y = joined(fashion_mnist.stream(split, 999))
        assert np.array_equal(x, getattr(ours, split).x)
        assert np.array_equal(y, getattr(ours, split).y)


@pytest.mark.parametrize(
    ("place", "broken"),
    [
        (0, lambda data: data[: len(data) // 2]),
        (0, lambda data: idx(np.zeros((60001, 28, 28), np.uint8))),
        (0, lambda data: idx(np.zeros((60000, 28, 28, 1), np.uint8))),
        (1, lambda data: idx(np.full(60000, 10, np.uint8))),
        (1, lambda data: b"<html>no such file</html>"),
        (3, lambda data: idx(np.zeros(10000, np.uint8))[:-1]),
    ],
    ids=["half", "a row more", "an axis more", "a label", "a page", "an end"],
)
def test_clothes_are_known_by_their_form(home, clothes, place, broken):
    """Without hashes a wrong file is told by what is in it, with its path."""
    wrong = list(clothes)
    wrong[place] = broken(wrong[place])
    home.give_clothes(wrong)

    with pytest.raises(DatasetError, match="remove") as caught:
        fashion_mnist.load()
    with pytest.raises(DatasetError):
        fashion_mnist.download(offline=True)

    assert "fashion-mnist" in str(caught.value)


# --- cifar ---


@pytest.mark.engine
def test_cifar10_is_keras_cifar10(home, colours, monkeypatch):
    """The four arrays are those of Keras, in both orders of the axes."""
    home.give("CIFAR10", colours)
    folder = home.cache / "cifar-10-batches-py-target"
    keras = pytest.importorskip("keras")

    ours = cifar10.load()

    same(ours, of_keras(monkeypatch, "cifar10", folder))
    monkeypatch.setattr("keras.src.backend.image_data_format", lambda: "channels_first")
    first = cifar10.load(data_format="channels_first")
    same(first, keras.src.datasets.cifar10.load_data())
    for split in ("train", "test"):
        x, y = joined(cifar10.stream(split, 7001))
        assert np.array_equal(x, getattr(ours, split).x)
        assert np.array_equal(y, getattr(ours, split).y)


@pytest.mark.engine
@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100_is_keras_cifar100(home, many_colours, monkeypatch, mode):
    """The four arrays are those of Keras, for both kinds of labels."""
    home.give("CIFAR100", many_colours)
    folder = home.cache / "cifar-100-python-target"

    ours = cifar100.load(label_mode=mode)

    same(ours, of_keras(monkeypatch, "cifar100", folder, label_mode=mode))
    x, y = joined(cifar100.stream("test", 33, mode))
    assert np.array_equal(x, ours.test.x)
    assert np.array_equal(y, ours.test.y)


def test_the_order_of_axes_is_that_of_keras_json(home, many_colours):
    """Without an argument the configuration file decides, and Keras is not started."""
    home.give("CIFAR100", many_colours)
    home.cache.parent.mkdir(parents=True)
    (home.cache.parent / "keras.json").write_text(
        '{"image_data_format": "channels_first"}', encoding="utf-8"
    )

    assert cifar100.load().train.x.shape == (500, 3, 32, 32)
    assert cifar100.synthetic(8).train.x.shape == (8, 3, 32, 32)


@pytest.mark.parametrize(
    "held",
    [
        {b"data": few((5, 3071)), b"labels": [0] * 5},
        {b"data": few((5, 3072)), b"labels": [0] * 4},
        {b"data": few((5, 3072)), b"labels": [0, 1, 2, 3, 200]},
        {b"data": [1, 2], b"labels": [0, 1]},
        {b"labels": [0, 1]},
    ],
    ids=["columns", "labels", "a label", "no array", "nothing"],
)
def test_a_batch_of_another_form_is_refused(home, held):
    """What is in an archive is looked at, although its hash is right."""
    home.give(
        "CIFAR10", tar("cifar-10-batches-py", {"data_batch_1": python2_pickle(held)})
    )

    with pytest.raises(DatasetError, match="data_batch_1"):
        cifar10.load()


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (cifar100.load, {"label_mode": "medium"}),
        (cifar10.load, {"data_format": "channels_middle"}),
        (mnist.stream, {"split": "validation"}),
        (fashion_mnist.stream, {"batch_size": 0}),
        (cifar10.synthetic, {"rows": True}),
    ],
)
def test_wrong_arguments_come_before_any_download(home, function, arguments):
    """A wrong argument is told at once, and nothing is asked of the network."""
    with pytest.raises(DatasetError, match=next(iter(arguments))):
        function(**arguments)

    assert not home.cache.exists()


# --- stand-ins ---


@pytest.mark.parametrize("module", [mnist, fashion_mnist, cifar10, cifar100, digits])
def test_a_stand_in_has_the_shapes_and_types_of_the_record(home, module):
    """It is made without file and network, and is the same each time."""
    name = module.__name__.rpartition(".")[2]
    (record,) = [one for one in kerasplug_datasets() if one.name == name]

    made = module.synthetic()
    arrays = (*made.train, *made.test)

    assert tuple(one.shape for one in arrays) == record.shapes
    assert tuple(str(one.dtype) for one in arrays) == record.dtypes
    assert len(np.unique(made.train.y)) == record.classes
    assert not home.cache.exists()
    again = module.synthetic()
    assert np.array_equal(made.train.x, again.train.x)


@pytest.mark.parametrize("module", [mnist, fashion_mnist, cifar10, digits])
def test_a_stand_in_can_be_learned(module):
    """The nearest mean of a class finds most labels of the other half."""
    train, test = module.synthetic(400)
    x, y = train.x.reshape(len(train.x), -1).astype(float), train.y.ravel()
    means = np.stack([x[y == label].mean(axis=0) for label in range(10)])

    flat = test.x.reshape(len(test.x), -1).astype(float)
    distances = ((flat[:, None] - means) ** 2).sum(axis=2)

    assert (distances.argmin(axis=1) == test.y.ravel()).mean() > 0.9
