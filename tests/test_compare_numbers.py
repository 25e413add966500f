"""How far outputs are apart, and what a comparison says of it."""

import dataclasses

import numpy as np
import pytest

from kerasplug.engines.comparing_numbers import differences
from kerasplug.engines.comparing_result import BackendRun, Comparison


def compared(here, there, tolerance=1e-4):
    arrays = {"jax": np.asarray(here), "tensorflow": np.asarray(there)}
    runs = [BackendRun(name, "ok", outputs={"o": one}) for name, one in arrays.items()]
    (found,) = differences(*runs, tolerance)
    return found


@pytest.mark.parametrize(
    ("here", "there", "deviation"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([np.inf, -np.inf, np.nan], [np.inf, -np.inf, np.nan], 0.0),
        ([np.inf], [-np.inf], np.inf),
        ([np.inf], [1.0], np.inf),
        ([1.0], [np.inf], np.inf),
        ([np.nan], [0.0], np.inf),
        ([0.0], [np.nan], np.inf),
        ([1100.0], [1000.0], 0.1),
        ([0.25], [0.125], 0.125),
        (np.float16([60000]), np.float16([-60000]), 2.0),
        ([2**62 + 1], [2**62], 1.0),
        ([-(2**63)], [2**63 - 1], 2.0**64),
        (np.uint64([2**64 - 1]), np.uint64([0]), 2.0**64),
        (np.uint64([5]), np.int32([-1]), 6.0),
        ([True, False], [True, True], 1.0),
        (np.int32([7]), np.int64([7]), 0.0),
        (np.int32([7]), np.float32([7.5]), 0.5 / 7.5),
        ([3 + 4j], [0j], 5.0),
        (["a", "b"], ["a", "c"], np.inf),
        ([b"a"], [b"a"], 0.0),
        (np.ones((0, 3)), np.ones((0, 3)), 0.0),
        (1.5, 1.0, 0.5),
    ],
)
def test_deviations_are_those_that_are_defined(here, there, deviation):
    """What counts is scaled by the reference beyond 1, and exact for whole numbers."""
    found = compared(here, there)

    assert found.deviation == pytest.approx(deviation, rel=1e-12)
    assert found.ok is (deviation == 0)
    assert (found.index is None) is (deviation == 0)


def test_the_tolerance_itself_is_within_bounds():
    """A deviation that equals the tolerance is within it, and a greater one is not."""
    assert compared([0.75], [0.5], 0.25).ok
    assert not compared([0.75], [0.5], np.nextafter(0.25, 0)).ok


def test_texts_are_not_compared_with_numbers():
    """An output that is text on one side only is told so."""
    assert compared(["1"], [1]).note == "one is text, the other is numbers"


def test_outputs_that_one_side_lacks_are_told():
    """An output that only one of two backends has is no agreement."""
    runs = [
        BackendRun("jax", "ok", outputs={"a": np.ones(2), "b": np.ones(2)}),
        BackendRun("tensorflow", "ok", outputs={"c": np.ones(2), "a": np.ones(2)}),
    ]
    found = {one.output: one for one in differences(*runs, 1.0)}

    assert list(found) == ["c", "a", "b"]
    assert [found[name].ok for name in "abc"] == [True, False, False]
    assert "no output 'c'" in found["c"].note


def test_a_comparison_is_ok_only_if_all_of_it_is():
    """A failed backend, or one difference, makes a comparison one that is not ok."""
    good, lost = BackendRun("jax", "ok"), BackendRun("torch", "failed", "gone")
    near, far = compared([1.0], [1.0]), compared([1.0], [2.0])
    whole = Comparison("m", "jax", 1e-4, 1, 1, (good, good), (near,))

    assert whole.ok
    assert not dataclasses.replace(whole, differences=(near, far)).ok
    assert not dataclasses.replace(whole, runs=(good, lost)).ok
    assert "gone" in str(dataclasses.replace(whole, runs=(good, lost)))
