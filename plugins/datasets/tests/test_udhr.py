"""The embedded declaration: what is in it, and that it is what it claims to be."""

import os
import runpy
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from kerasplug_datasets import udhr

from kerasplug.data import Split
from kerasplug.errors import DatasetError

SCRIPT = Path(__file__).parents[1] / "make_udhr.py"
CYRILLIC = "CYRILLIC"


def counts(texts, alphabet):
    """How often each character of an alphabet is in each text, as shares."""
    places = {one: place for place, one in enumerate(alphabet)}
    found = np.zeros((len(texts), len(alphabet)))
    for row, text in zip(found, texts, strict=True):
        for one in text.lower():
            if one in places:
                row[places[one]] += 1
    return found / found.sum(axis=1, keepdims=True).clip(1)


def accuracy(splits):
    """How many test texts a naive Bayes over letters gets right."""
    (x_train, y_train), (x_test, y_test) = splits
    alphabet = sorted(set("".join(x_train).lower()))
    train, test = counts(x_train, alphabet), counts(x_test, alphabet)
    means = np.stack([train[y_train == one].mean(axis=0) for one in np.unique(y_train)])
    guessed = (test @ np.log(means + 1e-4).T).argmax(axis=1)
    return (guessed == y_test).mean()


def test_arrays_have_their_shapes_and_types():
    """There are 565 and 132 strings, with as many labels, of 12 languages."""
    (x_train, y_train), (x_test, y_test) = udhr.load()

    assert (x_train.shape, y_train.shape) == ((565,), (565,))
    assert (x_test.shape, y_test.shape) == ((132,), (132,))
    assert x_train.dtype == x_test.dtype == np.dtype("<U685")
    assert y_train.dtype == y_test.dtype == np.uint8
    assert set(y_train) == set(y_test) == set(range(len(udhr.CLASSES)))


def test_each_language_is_split_alike():
    """Of each language 11 paragraphs are for testing, and 47 or 48 for training."""
    (_, y_train), (_, y_test) = udhr.load()

    assert set(np.bincount(y_test)) == {11}
    assert set(np.bincount(y_train)) == {47, 48}


def test_texts_are_clean():
    """All are in NFC, without markup, and none is there twice."""
    train, test = udhr.load()
    texts = [*train.x.tolist(), *test.x.tolist()]

    assert len(set(texts)) == len(texts) == 697
    assert all(text == unicodedata.normalize("NFC", text).strip() for text in texts)
    assert not [text for text in texts if {*"<>&\n\t"} & {*text} or "  " in text]
    lengths = [len(text) for text in texts]
    assert (min(lengths), max(lengths)) == (32, 685)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("Danish", "Alle mennesker er født frie"),
        ("Dutch", "Alle mensen worden vrij"),
        ("English", "All human beings are born free"),
        ("French", "Tous les êtres humains naissent libres"),
        ("German", "Alle Menschen sind frei"),
        ("Greek", "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι"),  # noqa: RUF001 -- Greek
        ("Italian", "Tutti gli esseri umani nascono liberi"),
        ("Portuguese", "Todos os seres humanos nascem livres"),
        ("Russian", "Все люди рождаются свободными"),  # noqa: RUF001 -- Cyrillic
        ("Spanish", "Todos los seres humanos nacen libres"),
        ("Swedish", "Alla människor äro födda fria"),
        ("Ukrainian", "Всі люди народжуються вільними"),  # noqa: RUF001 -- Cyrillic
    ],
)
def test_labels_are_the_right_languages(language, words):
    """The first article is found under its language, and nowhere else."""
    pairs = [
        (text, udhr.CLASSES[label])
        for half in udhr.load()
        for text, label in zip(*half, strict=True)
    ]

    found = [label for text, label in pairs if text.startswith(words)]
    assert found == [language]


def test_whole_paragraphs_are_easy_and_their_beginnings_are_not():
    """A naive Bayes over letters tells all paragraphs, and beginnings often wrongly."""
    splits = udhr.load()
    begun = [Split(x.astype("<U20"), y) for x, y in splits]

    assert accuracy(splits) == 1
    assert 0.6 < accuracy(begun) < 0.95


def test_a_stand_in_is_like_the_real_one():
    """Shapes, types, lengths and scripts are right, and it is the same each time."""
    real, made = udhr.load(), udhr.synthetic()

    for mine, his in zip(made, real, strict=True):
        assert (mine.x.shape, mine.x.dtype) == (his.x.shape, his.x.dtype)
        assert (mine.y.shape, mine.y.dtype) == (his.y.shape, his.y.dtype)
    lengths = np.char.str_len(made.train.x)
    assert abs(lengths.mean() - np.char.str_len(real.train.x).mean()) < 20
    assert np.array_equal(made.train.x, udhr.synthetic().train.x)
    russian = made.train.x[made.train.y == udhr.CLASSES.index("Russian")]
    assert all(CYRILLIC in unicodedata.name(text[0]) for text in russian)


def test_a_stand_in_has_as_many_rows_as_asked_for():
    """The test half is in the real proportion, and never empty."""
    assert [len(half.x) for half in udhr.synthetic(100)] == [100, 23]
    assert [len(half.x) for half in udhr.synthetic(1)] == [1, 1]
    with pytest.raises(DatasetError, match="rows"):
        udhr.synthetic(0)


def test_a_stand_in_can_be_learnt():
    """A naive Bayes over letters beats chance, one in twelve, by far."""
    assert accuracy(udhr.synthetic()) > 0.8


def test_the_file_is_small():
    """It adds less than 60 kB to the package."""
    packaged = Path(udhr.__file__).with_name("udhr.json.bz2")

    assert packaged.stat().st_size < 60_000


def test_script_knows_the_languages():
    """The script's languages are those of the labels, in this order."""
    made = runpy.run_path(str(SCRIPT))

    assert tuple(made["LANGUAGES"].values()) == udhr.CLASSES


def test_script_takes_paragraphs_only():
    """Headings, markup and short pieces go; characters are put together."""
    long = "e\u0301 &amp; " + "many words " * 4
    page = f"<h1>{long}</h1><ol><li>\n<p>{long}\n  <em>end</em></p></li></ol><p>no</p>"

    found = runpy.run_path(str(SCRIPT))["paragraphs"](page)

    assert found == ["\u00e9 & " + "many words " * 4 + "end"]


def test_script_makes_the_same_bytes():
    """`make_udhr.py` makes the very file that is in the package."""
    folder = os.environ.get("KERASPLUG_UDHR")
    if not folder:
        pytest.skip("KERASPLUG_UDHR does not name the folder of the declarations")
    made = runpy.run_path(str(SCRIPT))["udhr"](Path(folder))

    packaged = Path(udhr.__file__).with_name("udhr.json.bz2").read_bytes()
    assert made == packaged
