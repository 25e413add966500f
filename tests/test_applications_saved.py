"""Models of five families in files: a fresh process knows what goes in and comes out.

Their classes have made-up names: the index of ImageNet's is Keras' to publish, and has
an MD5 that nothing else has. Everything but its download is what ImageNet's takes.
"""

import json
from pathlib import Path

import families_kit
import numpy as np
import pytest
from fakes import python
from families_kit import FAMILIES, INDEX

pytestmark = pytest.mark.engine

TIMES = ("before", "after")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder where one process saved and another one loaded; what that one said."""
    folder = tmp_path_factory.mktemp("families")
    families_kit.install_made_up(folder / "site")
    for what in ("save", "load"):
        code = f"import families_kit as kit; kit.main({what!r}, {str(folder)!r})"
        done = python(code, folder / "site", Path(__file__).parent)
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=FAMILIES)
def name(request):
    """Each of the families' models."""
    return request.param


@pytest.fixture
def notes(saved, name):
    """What a model made of the pictures, before it was saved and after."""
    folder, _ = saved
    return [dict(np.load(folder / f"{name} {when}.npz")) for when in TIMES]


def test_pixels_are_prepared_the_same(notes, name):
    """The loaded model says how: bytes become the same numbers, bit for bit."""
    before, after = (one["prepared"] for one in notes)

    assert notes[0]["x"].dtype == "uint8"
    assert before.dtype == after.dtype
    assert before.tobytes() == after.tobytes()
    raw = name in ("efficientnet_b0", "convnext_tiny")
    assert np.array_equal(before, notes[0]["x"]) == raw


def test_predictions_are_the_same(notes):
    """They agree to what float32 leaves of sums that threads may add in any order.

    That is some 1e-6 of logits below 10, and of their exponentials 1e-5. Classes and
    pictures differ by far more, so other weights would not give the same.
    """
    before, after = (one["preds"] for one in notes)

    assert before.shape == (2, 1000)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=0)
    assert (before.max(axis=1) > 4 * before.min(axis=1)).all()
    assert np.abs(before[0] / before[1] - 1).max() > 0.1


def test_the_best_classes_get_their_names(saved, notes, name):
    """The index in the decoder's form is read, and the best three come in order."""
    rows = saved[1][name]
    preds = notes[1]["preds"]

    assert len(rows) == 2
    for row, scores in zip(rows, preds, strict=True):
        best = (-scores).argsort(kind="stable")[:3]
        assert [one[:2] for one in row] == [INDEX[str(place)] for place in best]
        np.testing.assert_allclose([one[2] for one in row], scores[best], rtol=1e-7)
