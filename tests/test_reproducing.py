"""Journals of runs and where they part, and the answer that comes of it."""

import dataclasses
import json
import math

import numpy as np
import pytest
from journal_kit import Journal, a_pair, found_in

from kerasplug.errors import ReproducibilityError
from kerasplug.reproducing.comparing import compared, is_earlier
from kerasplug.reproducing.numbers import kept, part
from kerasplug.reproducing.reading import events, tensors
from kerasplug.reproducing.result import Difference, Reproducibility


@pytest.fixture
def two(tmp_path):
    """Two journals that are alike so far."""
    return a_pair(tmp_path)


# --- journals ---


def test_journals_that_are_alike_are_the_same(two):
    """Nothing differs where all digests are the same, and all tensors are counted."""
    for one in two:
        one.add("weight", "mlp/kernel", 1, [1.0]).add("weight", "mlp/kernel", 2, [2.0])
    found = found_in(*two)

    assert found.first is None
    assert (found.steps, found.tensors) == (2, 4)


def test_the_first_difference_has_its_numbers(two):
    """The first tensor that differs has a name, a step, a place and both values."""
    left, right = np.zeros((2, 5), "float32"), np.zeros((2, 5), "float32")
    right[0, 4], right[1, 1] = 0.25, -3.0
    for one, array in zip(two, (left, right), strict=True):
        one.add("gradient", "mlp/kernel", 3, array)
        one.add("weight", "mlp/kernel", 3, array + 1)
    found = found_in(*two)
    first = found.first

    assert (first.kind, first.name, first.step) == ("gradient", "mlp/kernel", 3)
    assert first.runs == (1, 2)
    assert (first.index, first.values, first.largest) == ((0, 4), (0.0, 0.25), 3.0)
    assert (first.dtype, first.shape) == ("float32", (2, 5))
    assert (found.steps, found.tensors) == (3, 3)
    assert str(first) == (
        "gradient of mlp/kernel in step 3: runs 1 and 2 differ, largest difference 3, "
        "first at (0, 4): 0 and 0.25"
    )


def test_the_earliest_difference_of_all_runs_counts(tmp_path):
    """Of three runs the one that parts first from the first one is told."""
    journals = [Journal(tmp_path / str(number)) for number in range(3)]
    for one, (early, late) in zip(journals, ((0, 0), (0, 1), (2, 0)), strict=True):
        one.add("loss", "mlp", 1, early).add("loss", "mlp", 2, late)
    first = found_in(*journals).first

    assert (first.step, first.runs) == (1, (1, 3))
    assert first.index == ()
    assert str(first).endswith("first: 0 and 2")


@pytest.mark.parametrize(
    ("left", "right", "as_type", "index", "largest"),
    [
        ([0.0, 0.0], [0.0, -0.0], "float64", (1,), 0.0),
        ([1.0, math.nan], [1.0, 2.0], "float32", (1,), math.inf),
        ([2**63 - 1], [-(2**63)], "int64", (0,), float(2**64)),
        ([True, False], [True, True], "bool", (1,), 1.0),
        ([1 + 2j], [1 + 5j], "complex64", (0,), 3.0),
        (["ab", "c"], ["ab", "d"], "U2", (1,), None),
    ],
    ids=["zeros", "nan", "whole", "booleans", "complex", "texts"],
)
def test_elements_of_any_dtype_are_told(left, right, as_type, index, largest):
    """The first element whose bytes differ is found, and how far numbers are apart."""
    parting = part(np.array(left, as_type), np.array(right, as_type))

    assert parting.index == index
    assert parting.largest == largest


def test_arrays_of_many_elements_are_compared_in_pieces():
    """The largest difference is found wherever in a large array it is."""
    left = np.zeros(2**20 + 3, "float32")
    right = left.copy()
    right[5], right[-1] = 1.0, 7.0
    parting = part(left, right)

    assert (parting.index, parting.largest) == ((5,), 7.0)
    assert part(left, left.copy()) is None


def test_small_floats_of_engines_are_read(tmp_path):
    """A bfloat16, which NumPy does not know, is told by its value."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    journals = Journal(tmp_path / "1"), Journal(tmp_path / "2")
    for one, value in zip(journals, (1.0, 1.5), strict=True):
        one.add("loss", "mlp", 1, [value], as_type=ml_dtypes.bfloat16)
    first = found_in(*journals).first

    assert first.dtype == "bfloat16"
    assert (first.values, first.largest) == ((1.0, 1.5), 0.5)


def test_close_values_are_shown_in_full():
    """Two numbers that look alike in nine digits are shown with all of theirs."""
    first = Difference("loss", "m", 1, (1, 2), 2e-16, (), (0.25, 0.25000000000000006))

    assert "0.25 and 0.25000000000000006" in str(first)


def test_what_was_not_kept_has_no_numbers(two):
    """Arrays beyond what may be kept differ by their digests alone."""
    for one, value in zip(two, (1.0, 2.0), strict=True):
        one.add("weight", "mlp/kernel", 1, [value], keep=False)
    first = found_in(*two).first

    assert first.name == "mlp/kernel"
    assert (first.largest, first.index, first.values) == (None, None, None)
    assert str(first) == "weight of mlp/kernel after step 1: runs 1 and 2 differ"


@pytest.mark.parametrize(
    "lie",
    [
        {"at": 10**9},
        {"at": -8},
        {"size": 16},
        {"shape": [3]},
        {"shape": [-1]},
        {"dtype": "object"},
        {"dtype": "no-such-dtype"},
        {"dtype": "<M8[s]"},
    ],
    ids=str,
)
def test_an_array_that_can_not_be_is_none(tmp_path, lie):
    """A place beyond the file, another size, and dtypes of objects give no array."""
    journal = Journal(tmp_path / "1").add("weight", "w", 1, [1.0], as_type="float64")
    [event] = events(journal.folder)

    assert kept(journal.folder, event).tolist() == [1.0]
    if "shape" in lie:
        lie = {"shape": tuple(lie["shape"])}
    assert kept(journal.folder, event._replace(**lie)) is None


def test_other_shapes_are_told(two):
    """A batch of another size is told by both shapes."""
    two[0].add("input batch", "y", 1, [1.0, 2.0])
    two[1].add("input batch", "y", 1, [1.0])
    first = found_in(*two).first

    assert first.note == "the shape is (2,) in run 1, (1,) in run 2"
    assert first.largest is None


def test_the_order_within_a_step_does_not_count(two):
    """Tensors of one step are compared by name, in whichever order they came."""
    two[0].add("weight", "a", 1, [1.0]).add("weight", "b", 1, [2.0])
    two[1].add("weight", "b", 1, [2.0]).add("weight", "a", 1, [1.0])
    for one in two:
        one.add("weight", "a", 2, [3.0])
    found = found_in(*two)

    assert found.first is None
    assert (found.steps, found.tensors) == (2, 5)


def test_what_came_instead_is_told(two):
    """A tensor that one run lacks is told with the one that came in its place."""
    two[0].add("weight", "dense_1", 1, [1.0])
    two[1].add("weight", "dense_2", 1, [1.0])
    first = found_in(*two).first

    assert first.kind == "order"
    assert first.note == (
        "run 1 has weight dense_1 here, run 2 has not, but weight dense_2"
    )


@pytest.mark.parametrize("longer", [0, 1])
def test_a_run_that_goes_on_is_told(two, longer):
    """A run with more steps than another one differs by the first of them."""
    two[longer].add("weight", "w", 1, [1.0])
    first = found_in(*two).first

    assert (first.kind, first.name, first.step) == ("order", "w", 1)
    assert f"run {longer + 1} has weight w here" in first.note


def test_asking_for_random_numbers_is_no_tensor(two):
    """Calls without a seed are evidence, and not compared themselves."""
    two[0].add("random", "a.py:3: os.urandom()", 1)
    found = found_in(*two)

    assert found.first is None
    assert found.tensors == 2
    assert len(list(events(two[0].folder))) == 3
    assert len(list(tensors(two[0].folder))) == 2


def test_a_kind_can_be_left_out(two):
    """What does not count is neither compared nor counted."""
    for number, one in enumerate(two):
        one.add("seed state", "s", 1, [float(number)]).add("loss", "m", 1, [number])
    folders = [one.folder for one in two]

    assert compared(folders, (1, 2)).first.kind == "seed state"
    left = compared(folders, (1, 2), without="seed state")
    assert (left.first.kind, left.tensors) == ("loss", 3)


def test_a_line_that_is_not_whole_is_left_out(two):
    """What a process was writing when it ended is not read."""
    with (two[0].folder / "journal.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"kind": "we')

    assert found_in(*two).first is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("gradient", 3), ("weight", 3)),
        (("weight", 2), ("gradient", 3)),
        (("activation", 1), ("loss", 1)),
        (("weight", 9), ("result", 0)),
        (("input batch", 2), ("activation", 2)),
    ],
)
def test_what_is_earlier_in_a_program(one, other):
    """Batches come before activations, losses, gradients, weights, and results last."""
    first, second = (Difference(kind, "n", step, (1, 2)) for kind, step in (one, other))

    assert is_earlier(first, second)
    assert is_earlier(first, first)
    assert not is_earlier(second, first)


# --- the result ---


FIRST = Difference("loss", "mlp", 2, (1, 2), math.inf, (), (1.0, math.nan), "float32")
DIFFERS = Reproducibility("a.py", FIRST, 2, 5, 70, ("a cause",), ("a note",), "jax")


def test_a_result_is_true_where_all_is_the_same():
    """A result is true, and raises nothing, where no run differs."""
    same = dataclasses.replace(DIFFERS, first=None, causes=())

    assert same
    assert same.same
    same.raise_if_different()
    assert str(same).startswith("a.py: the same (2 runs on jax, 5 steps, 70 tensors)")
    assert not DIFFERS


def test_a_result_raises_itself():
    """The error has the result, the difference and the causes."""
    with pytest.raises(ReproducibilityError) as caught:
        DIFFERS.raise_if_different()

    assert caught.value.result is DIFFERS
    assert caught.value.found == str(FIRST)
    assert caught.value.mend == "a cause"
    assert isinstance(caught.value, AssertionError)


def test_a_result_is_strict_json():
    """All of a result, NaN as well, is JSON."""
    told = json.loads(json.dumps(DIFFERS.as_dict(), allow_nan=False))

    assert told["same"] is False
    assert told["first"]["values"] == [1.0, "nan"]
    assert told["first"]["largest"] == "inf"
    assert (told["causes"], told["notes"]) == (["a cause"], ["a note"])
    assert (told["steps"], told["tensors"], told["backend"]) == (5, 70, "jax")
