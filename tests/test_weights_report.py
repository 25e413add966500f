"""The report of a loading prints well, however long it is."""

import dataclasses
import pickle

import pytest

from kerasplug.saving.weights_report import WeightsReport, no_match


def test_a_report_is_plain_data():
    """A report is frozen, equal to another one with the same, and can be sent."""
    report = WeightsReport(("a",), (("b", "why"),), ("c",), ("d",))

    assert pickle.loads(pickle.dumps(report)) == report
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.loaded = ()
    assert repr(report) == (
        "<WeightsReport: 1 loaded, 1 skipped, 1 missing, 1 unexpected>"
    )


def test_a_report_prints_its_parts_below_one_another():
    """Each part has its line; parts that are empty have none."""
    report = WeightsReport(
        ("conv", "top"), (("dense", "kernel is (2,)"), ("x", "y")), ("new",), ("old",)
    )

    assert str(report).splitlines() == [
        "2 layers loaded",
        "  loaded      conv, top",
        "  skipped     dense: kernel is (2,)",
        "              x: y",
        "  missing     new",
        "  unexpected  old",
    ]
    assert str(WeightsReport()) == "0 layers loaded"
    assert str(WeightsReport(("a",))).startswith("1 layer loaded")


def test_long_lists_are_cut_with_a_count():
    """A thousand layers don't fill the screen."""
    names = tuple(f"layer_{number}" for number in range(1000))
    report = WeightsReport(names, tuple((name, "z" * 500) for name in names), names)

    text = str(report)

    assert len(text) < 3000
    assert "layer_9 and 990 more" in text
    assert "and 990 more" in text.splitlines()[12]


def test_close_names_stand_side_by_side():
    """Where nothing matched, names that end alike or are almost the same are paired."""
    text = no_match("w.h5", ["block1_conv1", "fc"], ["vgg/block1_conv1", "other"])

    assert "block1_conv1 ~ vgg/block1_conv1" in text
    assert "fc ~" not in text
    assert "close" not in no_match("w.h5", ["a"], ["zzz"])
    assert "none" in no_match("w.h5", [], ["zzz"])
