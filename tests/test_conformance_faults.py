"""Each check catches the fault that it is for, and no correct layer fails one."""

import importlib

import pytest
from conformance_kit import case_of

from kerasplug.testing.conformance.suite import CHECKS

pytestmark = pytest.mark.engine

_GROUPS = (
    "backends",
    "building",
    "compiled",
    "composing",
    "configuration",
    "copies",
    "dtypes",
    "gradients",
    "learning",
    "masks",
    "modes",
    "purity",
    "randomness",
    "registration",
    "saving",
    "shapes",
    "tracking",
)
_TABLES = [importlib.import_module(f"faults_{name}") for name in _GROUPS]


def _all(kind):
    return {key: one for each in _TABLES for key, one in getattr(each, kind).items()}


FAULTS = _all("FAULTS")
SOUND = _all("SOUND")


def test_each_check_has_a_faulty_layer():
    """There is a faulty layer for each check, and none for another name."""
    assert set(FAULTS) == set(CHECKS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_caught(name, keras):
    """The check fails, with its stated consequences, and nothing else does."""
    report = case_of(FAULTS[name]).report()

    assert set(report.ids("failed")) == {name, *FAULTS[name].also}, str(report)


@pytest.mark.parametrize("name", FAULTS)
def test_the_failure_says_all(name, keras):
    """A failure names what is wrong, why users suffer, and how to mend it."""
    [outcome] = case_of(FAULTS[name], checks=[name]).report().outcomes

    assert outcome.what
    assert outcome.found or outcome.expected
    assert outcome.check.why
    assert outcome.mend


@pytest.mark.parametrize("name", SOUND)
def test_a_correct_layer_passes(name, keras):
    """Nothing fails for a layer that is unusual and right."""
    report = case_of(SOUND[name]).report()

    assert not report.faults, str(report)
