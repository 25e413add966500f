"""IMDB and Reuters: equal to Keras' on the same bytes, word indexes, and stand-ins."""

import json
import os

import numpy as np
import pytest
from data_files import home, joined, npz, of_keras, old_npz, ragged, same
from kerasplug_datasets import imdb, reuters, words

from kerasplug.errors import DatasetError, HashError

__all__ = ["home"]

RNG = np.random.default_rng(1)
MODULES = (imdb, reuters)


def texts(count, longest=40):
    """Lists of numbers of words, some of them above two bytes."""
    lengths = RNG.integers(1, longest, size=count)
    return [(RNG.zipf(1.2, size=n).clip(1, 90000)).tolist() for n in lengths]


def reviews(pack=npz, **other):
    """A file in IMDB's form."""
    arrays = {
        "x_train": ragged(texts(120)),
        "y_train": RNG.integers(0, 2, size=120),
        "x_test": ragged(texts(80)),
        "y_test": RNG.integers(0, 2, size=80),
    }
    return pack(**arrays | other)


def wires(pack=npz, **other):
    """A file in the form of Reuters."""
    arrays = {"x": ragged(texts(150)), "y": RNG.integers(0, 46, size=150)}
    return pack(**arrays | other)


def give(home, module, data=None):
    """Serve the file of a data set."""
    made = {imdb: reviews, reuters: wires}[module]
    home.give(name(module).upper(), data if data is not None else made())


def name(module):
    """The data set's name."""
    return module.__name__.rpartition(".")[2]


WISHES = [
    {},
    {"num_words": 50},
    {"num_words": 50, "skip_top": 5},
    {"maxlen": 20},
    {"maxlen": 20, "num_words": 1000, "seed": 7},
    {"start_char": None},
    {"start_char": None, "index_from": 0},
    {"oov_char": None, "num_words": 30, "skip_top": 6},
    {"index_from": 0},
    {"start_char": 9, "oov_char": 8, "index_from": 10, "num_words": 200},
    {"num_words": 0, "maxlen": 0},
]


@pytest.mark.engine
@pytest.mark.parametrize("module", MODULES, ids=name)
@pytest.mark.parametrize("wishes", WISHES, ids=str)
def test_texts_are_those_of_keras(home, monkeypatch, module, wishes):
    """The arrays of lists and the labels are Keras', whatever is asked for."""
    give(home, module)

    ours = module.load(**wishes)

    path = home.cache / f"{name(module)}.npz"
    same(ours, of_keras(monkeypatch, name(module), path, **wishes))
    assert {type(word) for text in ours.train.x for word in text} == {int}


@pytest.mark.engine
@pytest.mark.parametrize("test_split", [0, 0.2, 0.5, 0.93])
def test_newswires_are_divided_as_keras_does(home, monkeypatch, test_split):
    """The share for testing is cut at the same place."""
    give(home, reuters)

    ours = reuters.load(test_split=test_split)

    path = home.cache / "reuters.npz"
    same(ours, of_keras(monkeypatch, "reuters", path, test_split=test_split))


@pytest.mark.engine
def test_files_of_old_numpy_are_those_of_keras(home, monkeypatch):
    """What NumPy 1 pickled under its old names is read as Keras reads it."""
    give(home, imdb, reviews(lambda **arrays: old_npz(3, **arrays)))

    ours = imdb.load(num_words=100)

    path = home.cache / "imdb.npz"
    same(ours, of_keras(monkeypatch, "imdb", path, num_words=100))


def test_files_of_other_protocols_are_read(home):
    """What Python 2 could have read is read, too, which Keras refuses."""
    some, labels = ragged(texts(20)), np.arange(20)
    arrays = {"x_train": some, "x_test": some, "y_train": labels, "y_test": labels}
    give(home, imdb, npz(**arrays))
    new = imdb.load()
    (home.cache / "imdb.npz").unlink()
    give(home, imdb, old_npz(2, **arrays))

    same(imdb.load(), new)


@pytest.mark.engine
def test_texts_of_one_length_stay_lists(home, monkeypatch):
    """Where all texts have one length Keras makes a table; here it is lists always."""
    even = ragged([[3, 4, 5]] * 10)
    label = np.zeros(10, int)
    give(home, imdb, npz(x_train=even, x_test=even, y_train=label, y_test=label))

    ours = imdb.load()

    assert ours.train.x.shape == (10,)
    assert ours.train.x[0] == [1, 6, 7, 2]
    keras = of_keras(monkeypatch, "imdb", home.cache / "imdb.npz")
    assert keras[0][0].shape == (10, 4)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_streams_are_what_is_loaded(home, module):
    """The batches in their order are the arrays."""
    give(home, module)
    loaded = module.load(num_words=80, maxlen=30)

    for split in ("train", "test"):
        x, y = joined(module.stream(split, 7, num_words=80, maxlen=30))
        assert x.tolist() == getattr(loaded, split).x.tolist()
        assert np.array_equal(y, getattr(loaded, split).y)


@pytest.mark.parametrize("module", MODULES, ids=name)
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("num_words", -1),
        ("num_words", 2.5),
        ("skip_top", None),
        ("maxlen", "10"),
        ("seed", -3),
        ("index_from", True),
    ],
)
def test_wrong_arguments_come_before_any_download(home, module, argument, value):
    """A wrong argument is told with its value, and nothing is asked of the network."""
    for function in (module.load, module.stream, module.synthetic):
        with pytest.raises(DatasetError, match=argument) as caught:
            function(**{argument: value})
        assert repr(value) in str(caught.value)

    assert not home.cache.exists()


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_maxlen_that_leaves_nothing_is_told(home, module):
    """Keras says so for IMDB and fails somewhere for Reuters; here both say it."""
    give(home, module)

    with pytest.raises(DatasetError, match="maxlen=1"):
        module.load(maxlen=1)


class Evil:
    """A pickle that would make a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_pickle_that_runs_something_is_refused(home, tmp_path):
    """The file is refused, and nothing has run; plain NumPy would have run it."""
    evil = np.empty(120, dtype=object)
    evil[:] = Evil(tmp_path / "ran")
    data = reviews(x_train=evil)
    give(home, imdb, data)

    with pytest.raises(DatasetError, match=r"imdb\.npz"):
        imdb.load()

    assert not (tmp_path / "ran").exists()
    path = tmp_path / "evil.npz"
    path.write_bytes(data)
    with np.load(path, allow_pickle=True) as arrays:
        assert len(arrays["x_train"]) == 120
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"x_train": ragged([["a", "b"]] * 120)},
        {"x_train": ragged([[1, -5]] * 120)},
        {"x_train": ragged([[1, 2**70]] * 120)},
        {"x_train": ragged([3] * 120)},
        {"x_train": np.zeros((120, 4))},
        {"x_train": ragged(texts(119))},
        {"y_test": RNG.integers(0, 2, size=79)},
    ],
    ids=["words", "negative", "huge", "numbers", "table", "fewer", "labels"],
)
def test_a_file_of_another_form_is_refused(home, wrong):
    """What the hash lets pass is still looked at."""
    give(home, imdb, reviews(**wrong))

    with pytest.raises(DatasetError, match=r"imdb\.npz"):
        imdb.load()


def test_a_damaged_file_is_refused(home):
    """A file that ends too early is told with its name."""
    give(home, imdb, reviews()[:-4000])

    with pytest.raises(DatasetError, match=r"imdb\.npz"):
        imdb.load()


# --- word indexes ---

INDEX = {"the": 1, "film": 2, "good": 3}


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_the_word_index_is_keras_file(home, module):
    """It is read from Keras' place, and checked by its MD5."""
    home.give(f"{name(module)}_word_index".upper(), json.dumps(INDEX).encode())

    assert module.get_word_index() == INDEX
    assert module.download(offline=True) == (
        str(home.cache / f"{name(module)}_word_index.json"),
    )


def test_a_wrong_word_index_is_refused(home):
    """Other bytes than the known ones do not come into the cache."""
    path = home.give("IMDB_WORD_INDEX", json.dumps(INDEX).encode())
    path.write_bytes(b"{}")

    with pytest.raises(HashError):
        imdb.get_word_index()


@pytest.mark.parametrize(
    "data", [b"[1, 2]", b"{", b'{"a": "b"}', b'{"a": 1, "b": 1}', b"\xff\xfe"]
)
def test_a_word_index_of_another_form_is_refused(home, data):
    """A JSON that is no index is told with the file's name."""
    home.give("IMDB_WORD_INDEX", data)

    with pytest.raises(DatasetError, match="word_index"):
        imdb.get_word_index()


def test_numbers_become_words(home):
    """With `load`'s defaults 1 is the start, 2 a word left out, 0 padding."""
    home.give("IMDB_WORD_INDEX", json.dumps(INDEX).encode())

    assert imdb.decode([0, 0, 1, 4, 5, 2, 6]) == "[START] the film [OOV] good"
    assert words.decode([0, 4], INDEX, padding="[PAD]") == "[PAD] the"
    plain = words.decode([1, 2], INDEX, index_from=0, start_char=None, oov_char=None)
    assert plain == "the film"


def test_words_become_numbers_and_back():
    """A text of one's own comes back, but for case, signs and unknown words."""
    numbers = words.encode("The FILM, so good!", INDEX)

    assert numbers == [1, 4, 5, 2, 6]
    assert words.decode(numbers, INDEX) == "[START] the film [OOV] good"
    assert words.encode("the film", INDEX, num_words=5, oov_char=None) == [1, 4]


# --- stand-ins ---


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_stand_in_is_like_the_real_one(home, module):
    """Types, sizes and lengths are right; it is the same each time, without a file."""
    made = module.synthetic()

    sizes = {imdb: (25000, 25000), reuters: (8982, 2246)}[module]
    mean = {imdb: 238, reuters: 146}[module]
    assert (len(made.train.x), len(made.test.x)) == sizes
    assert (made.train.x.dtype, made.train.y.dtype) == (object, np.int64)
    assert len(np.unique(made.train.y)) == len(module.CLASSES)
    lengths = np.array([len(text) for text in made.train.x])
    assert abs(lengths.mean() - mean) < 0.2 * mean
    assert made.train.x[5] == module.synthetic().train.x[5]
    assert not home.cache.exists()


def test_a_stand_in_obeys_the_arguments():
    """The words are cut as in the real one."""
    made = imdb.synthetic(50, num_words=100, maxlen=200)

    assert max(max(text) for text in made.train.x) < 100
    assert max(len(text) for text in made.train.x) < 200
    assert {text[0] for text in made.train.x} == {1}


@pytest.mark.parametrize("module", [imdb, reuters])
@pytest.mark.parametrize("maxlen", [3, 5, 60])
def test_a_stand_in_has_as_many_rows_as_asked_for(module, maxlen):
    """Its texts are short enough for any `maxlen`: none is left out."""
    made = module.synthetic(8, maxlen=maxlen)

    assert len(made.train.x) == 8
    assert max(map(len, made.train.x)) < maxlen


def test_halves_of_a_stand_in_differ():
    """What is tested with is not what was trained with."""
    made = imdb.synthetic(20)

    assert not {tuple(text) for text in made.train.x} & {*map(tuple, made.test.x)}
