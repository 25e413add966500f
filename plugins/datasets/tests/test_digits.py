"""The embedded digits: what is in them, and that they are what they claim to be."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kerasplug_datasets import digits
from kerasplug_datasets.embedded import divided
from kerasplug_datasets.hooks import kerasplug_datasets

SCRIPT = Path(__file__).parents[1] / "make_tables.py"


def test_values_are_in_their_ranges():
    """Pixels go from 0 to 16, labels from 0 to 9."""
    (x_train, y_train), (x_test, y_test) = digits.load()

    assert (x_train.min(), x_train.max()) == (x_test.min(), x_test.max()) == (0, 16)
    assert set(y_train) == set(y_test) == set(range(10))


def test_each_class_is_split_alike():
    """Between 19 and 20 percent of the images of each class are for testing."""
    (_, y_train), (_, y_test) = digits.load()
    trains, tests = np.bincount(y_train), np.bincount(y_test)

    shares = tests / (trains + tests)
    assert shares.min() > 0.19
    assert shares.max() <= 0.2


def test_no_image_is_in_both_parts():
    """No image of the test part is in the training part as well."""
    (x_train, _), (x_test, _) = digits.load()
    seen = {image.tobytes() for image in x_train}

    assert not [image for image in x_test if image.tobytes() in seen]


def test_hook_returns_the_record():
    """The hook's record names origin, licence and citation."""
    (record,) = [one for one in kerasplug_datasets() if one.name == "digits"]

    assert record.target == "kerasplug_datasets.digits:SOURCE"
    assert "CC-BY-4.0" in record.licence
    assert "10.24432/C50P49" in record.citation


def test_hook_module_needs_no_numpy():
    """Listing the records imports neither NumPy nor Keras."""
    code = (
        "import sys; import kerasplug_datasets.hooks as h; h.kerasplug_datasets(); "
        "print(*sorted({'numpy', 'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


def test_agrees_with_scikit_learn():
    """The two parts together are scikit-learn's images and labels, in its order."""
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    images, labels = sklearn_datasets.load_digits(return_X_y=True)
    wanted = divided(images.reshape(-1, 8, 8), labels.astype(np.uint8))

    for mine, his in zip(digits.load(), wanted, strict=True):
        assert np.array_equal(mine.x, his.x)
        assert np.array_equal(mine.y, his.y)


def test_script_makes_the_same_bytes():
    """`make_tables.py` makes the very file that is in the package."""
    pytest.importorskip("sklearn.datasets")
    made = runpy.run_path(str(SCRIPT))["digits"]()

    packaged = Path(digits.__file__).with_name("digits.npz").read_bytes()
    assert made == packaged
