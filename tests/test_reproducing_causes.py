"""Why runs differ: what is tried, what is seen in journals, and in which order."""

import numpy as np
import pytest
from journal_kit import Journal, a_pair, found_in

from kerasplug.reproducing.causes import Evidence, likely_causes
from kerasplug.reproducing.runs import Run


class Repeating:
    """A laboratory whose runs all have one journal, or each its own."""

    has_fixed_hashes = False

    def __init__(self, *journals, under=None):
        self.journals = journals
        self.under = under
        self.tried = []

    def run(self, number, depth, setting, *, keep):
        """Note the setting; the first journal where that makes all the same."""
        self.tried.append(setting)
        same = self.under is not None and self.under(setting)
        chosen = self.journals[0 if same else (number - 1) % len(self.journals)]
        return Run(number, chosen.folder, {})


def causes_of(*journals, under=None, backend="jax"):
    """The causes, and the settings under which the program was tried."""
    runs = [Run(n, one.folder, {"backend": backend}) for n, one in enumerate(journals)]
    evidence = Evidence(found_in(*journals), tuple(runs), runs[0], "steps", 2)
    laboratory = Repeating(*journals, under=under)
    return likely_causes(evidence, laboratory), laboratory.tried


@pytest.fixture
def two(tmp_path):
    """Two journals that are alike so far."""
    return a_pair(tmp_path)


def differing(journals, **more):
    """The same journals with a batch that differs in the end."""
    sides = more.pop("left", {}), more.pop("right", {})
    for number, (one, side) in enumerate(zip(journals, sides, strict=True)):
        one.add("input batch", "x", 2, [[float(number)]], **{**more, **side})
    return journals


def test_one_hash_seed_that_helps_is_the_cause(two):
    """Where a fixed hash seed makes all runs the same, the order of hashes is it."""
    causes, tried = causes_of(
        *differing(two), under=lambda setting: setting.hash_seed == 1
    )

    assert len(causes) == 1
    assert "PYTHONHASHSEED" in causes[0]
    assert "sorted(...)" in causes[0]
    assert len(tried) == 2


def test_seeding_that_helps_is_the_cause(two):
    """Where seeding before the program begins is enough, what is not seeded is told."""
    journals = differing(two, right={"numpy": "other"})
    causes, _ = causes_of(*journals, under=lambda setting: setting.seeded == "jax")

    assert len(causes) == 1
    assert causes[0].startswith("NumPy's global generator is not seeded")


def test_the_generator_of_an_engine_is_no_tensor(two):
    """An engine's own generator that differs is evidence, and no difference itself."""
    for number, one in enumerate(two):
        one.add("seed state", "torch", 1, [float(number)])
    assert found_in(*two).first is None

    causes, _ = causes_of(
        *differing(two),
        under=lambda setting: setting.seeded == "torch",
        backend="torch",
    )
    assert causes[0].startswith("The global generator of torch is not seeded: with all")


def test_hashes_and_seeds_can_both_be_the_cause(two):
    """Where only both together help, both are told."""
    causes, _ = causes_of(
        *differing(two, right={"python": "other"}),
        under=lambda setting: setting.seeded == "jax" and setting.hash_seed == 1,
    )

    assert causes[0].startswith("Python's random is not seeded")
    assert "PYTHONHASHSEED" in causes[1]


def test_initial_weights_without_a_seed_are_told(tmp_path):
    """Initial weights that seeding makes the same are told as those of no seed."""
    journals = Journal(tmp_path / "1"), Journal(tmp_path / "2")
    for number, one in enumerate(journals):
        one.add("initial weight", "w", 0, [float(number)], python=f"p{number}")
    causes, _ = causes_of(*journals, under=lambda setting: setting.seeded is not None)

    assert causes[0].startswith("No seed was set, so the initial weights differ")
    assert "use_session_with_seed" in causes[0]


def test_one_thread_that_helps_is_the_cause(two):
    """Where nothing else explains it and one thread helps, parallel sums are it."""
    causes, tried = causes_of(*differing(two), under=lambda setting: setting.one_thread)

    assert "divides sums among threads" in causes[0]
    assert not tried[0].one_thread


def test_calls_without_a_seed_are_named(two):
    """Places that ask for random numbers before the difference are told, others not."""
    for one in two:
        one.add("random", "data.py:7: numpy.random.default_rng()", 1)
    differing(two)
    two[0].add("random", "late.py:1: os.urandom()", 3)
    causes, tried = causes_of(*two)

    assert len(causes) == 1
    assert "data.py:7: numpy.random.default_rng()" in causes[0]
    assert "late.py" not in causes[0]
    assert not any(one.one_thread for one in tried)


def test_a_pipeline_without_an_order_is_named(two):
    """A tf.data that gives up its order is told apart from numbers without a seed."""
    two[0].add("random", "data.py:9: deterministic=False in tf.data", 0)
    causes, _ = causes_of(*differing(two))

    assert causes[0].startswith("tf.data gives up the order of its elements: data.py:9")
    assert len(causes) == 1


def test_the_same_rows_in_another_order_are_told(tmp_path):
    """A batch that has the rows of the other one is told as shuffled."""
    journals = Journal(tmp_path / "1"), Journal(tmp_path / "2")
    rows = np.arange(12.0).reshape(4, 3)
    for one, batch in zip(journals, (rows, rows[::-1]), strict=True):
        one.add("input batch", "x", 1, batch)
    causes, _ = causes_of(*journals)

    assert causes[0].startswith("The same rows came in another order, in that batch")


def test_rows_in_the_order_of_hashes_are_told(tmp_path):
    """Rows that hashes have put into another order are told behind the cause of it."""
    journals = Journal(tmp_path / "1"), Journal(tmp_path / "2")
    for one, batch in zip(journals, ([[1.0], [2.0]], [[2.0], [1.0]]), strict=True):
        one.add("input batch", "x", 1, batch)
    causes, _ = causes_of(*journals, under=lambda setting: setting.hash_seed == 1)

    assert "PYTHONHASHSEED" in causes[0]
    assert causes[1].startswith("The same rows came in another order")


def test_rows_in_other_batches_are_told(tmp_path):
    """Rows that are the same in all batches together came in another order, too."""
    journals = Journal(tmp_path / "1"), Journal(tmp_path / "2")
    rows = np.arange(12.0).reshape(4, 3)
    for one, order in zip(journals, ([0, 1, 2, 3], [2, 1, 0, 3]), strict=True):
        for step in (1, 2):
            one.add("input batch", "x", step, rows[order[2 * step - 2 : 2 * step]])
    causes, _ = causes_of(*journals)

    assert "spread over the batches otherwise" in causes[0]


def test_other_rows_are_no_other_order(two):
    """Batches with other numbers are not taken for shuffled ones."""
    causes, _ = causes_of(*differing(two))

    assert not any("another order" in one for one in causes)


def test_threads_that_were_alive_are_named(two):
    """Other Python threads at the difference are told by name."""
    causes, tried = causes_of(*differing(two, left={"threads": ["feeder-1", "b"]}))

    assert "(feeder-1; b)" in causes[0]
    assert not any(one.one_thread for one in tried)


def test_a_state_that_proves_nothing_is_told_last(two):
    """A generator that nobody seeded is told, behind what is better founded."""
    causes, _ = causes_of(
        *differing(two, left={"threads": ["t"]}, right={"python": "other"})
    )

    assert "(t)" in causes[0]
    assert causes[1].startswith("Python's random is not seeded: its state differs")


def test_what_nothing_explains_is_said_so(two):
    """Where nothing helps and nothing was seen, that is what is told."""
    causes, tried = causes_of(*differing(two))

    assert causes[0].startswith("Nothing that was tried or seen explains it")
    assert {one.hash_seed for one in tried} == {None, 1}
    assert tried[-1].one_thread
