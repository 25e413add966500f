"""Batches of NumPy arrays, in an order that comes again."""

import pickle

import numpy as np
import pytest
from data_kit import shop

import kerasplug
from kerasplug.data import Batches, Split
from kerasplug.errors import DatasetError

__all__ = ["shop"]


def rows_of(batches):
    """The first number of each row, in the order in which they come."""
    return [row[0] for x, _ in batches for row in np.asarray(x).tolist()]


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
    "wrong",
    [
        {"padding": "left"},
        {"seed": -1},
        {"seed": None},
        {"shuffle": "no"},
        {"drop_last": 1},
        {"pad_value": 0.5},
        {"pad_value": 2**31},
    ],
    ids=str,
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


def test_a_misspelt_argument_of_batches_is_recognised(shop):
    """The error proposes what batches take, too, and lists what the data set takes."""
    with pytest.raises(DatasetError, match="did you mean 'shuffle'") as caught:
        shop["plain"].as_numpy_batches(shufle=True)

    assert "scale, shift" in str(caught.value)


def test_an_own_argument_may_have_a_name_of_batches(shop):
    """`arguments` passes it on, where `seed` itself is that of the order."""
    seeded = shop["seeded"]
    batches = seeded.as_numpy_batches(5, seed=1, arguments={"seed": 7})

    assert set(batches.rows.y) == {7}
    assert set(seeded.as_numpy_batches(5, seed=1).rows.y) == {113}


@pytest.mark.parametrize("form", [list, np.array], ids=["lists", "arrays"])
def test_rows_of_every_form_are_padded(form):
    """Lists in a list and arrays in an array of objects become the same table."""
    rows = np.empty(3, dtype=object)
    rows[:] = [form([1, 2]), form([]), form([3])]
    wanted = [[1, 2], [0, 0], [0, 3]]

    for x in (rows, list(rows)):
        ((table, _),) = Batches(Split(x, [0, 1, 2]), 3, shuffle=False)
        assert table.dtype == "int32"
        assert table.tolist() == wanted


def test_fractions_are_not_cut_off():
    """Rows of fractions stay what they are."""
    ((x, _),) = Batches(Split([[0.5], [1.5, 2.5]], [0, 1]), 2, shuffle=False)

    assert x.tolist() == [[0.0, 0.5], [1.5, 2.5]]


def test_pictures_in_a_list_are_stacked():
    """Rows that are arrays of one shape become one array."""
    pictures = [np.full((2, 2), number, "uint8") for number in range(3)]

    ((x, _),) = Batches(Split(pictures, [0, 1, 2]), 3, shuffle=False)

    assert (x.shape, x.dtype) == ((3, 2, 2), "uint8")


def test_nothing_has_no_batches():
    """An empty half ends at once, also where it is repeated."""
    batches = Batches(Split(np.zeros((0, 2)), np.zeros(0)), 4, shuffle=True)

    assert len(batches) == len(list(batches)) == len(list(batches.repeat())) == 0


def test_batches_travel_to_another_process(shop):
    """Pickled ones go on with the epoch that comes next."""
    batches = shop["texts"].as_numpy_batches(5)
    rows_of(batches)
    again = pickle.loads(pickle.dumps(batches))

    assert rows_of(again) == rows_of(batches)


def test_batches_tell_what_they_are(shop):
    """How many there are, and of what."""
    assert (
        repr(shop["plain"].as_numpy_batches(16)) == "<3 batches of 16 out of 40 rows>"
    )
