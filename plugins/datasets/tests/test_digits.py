"""The embedded digits: what is in them, and that they are what they claim to be."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kerasplug_datasets import digits
from kerasplug_datasets.hooks import DIGITS, kerasplug_datasets

from kerasplug.errors import PluginError

SCRIPT = Path(__file__).parents[1] / "make_digits.py"


def test_arrays_are_as_the_record_says():
    """The record's shapes, dtypes and number of classes are those of the arrays."""
    (x_train, y_train), (x_test, y_test) = digits.load()
    arrays = (x_train, y_train, x_test, y_test)

    assert DIGITS.shapes == tuple(array.shape for array in arrays)
    assert DIGITS.dtypes == tuple(str(array.dtype) for array in arrays)
    assert DIGITS.classes == len(np.unique(y_train)) == len(np.unique(y_test))


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


def test_first_test_image_of_a_class_is_its_fifth():
    """Of one class, the 5th, 10th, 15th, ... image in file order are for testing."""
    labels = np.array([7, 3, 7, 7, 3, 7, 7, 7, 7, 7, 7, 7], dtype=np.uint8)

    test = digits._is_test(labels)

    assert np.flatnonzero(test).tolist() == [6, 11]


def test_no_image_is_in_both_parts():
    """No image of the test part is in the training part as well."""
    (x_train, _), (x_test, _) = digits.load()
    seen = {image.tobytes() for image in x_train}

    assert not [image for image in x_test if image.tobytes() in seen]


def test_arrays_belong_to_the_caller():
    """Changing what one call returned changes nothing for the next call."""
    (first, _), _ = digits.load()
    first[:] = 0

    (second, _), _ = digits.load()
    assert second.max() == 16


def test_damaged_file_is_refused():
    """Bytes with another sha256 are a `PluginError` with the command that mends it."""
    with pytest.raises(PluginError) as caught:
        digits._read(b"not the digits")

    assert caught.value.plugin == "kerasplug-datasets"
    assert digits.SHA256 in caught.value.expected
    assert "--force-reinstall" in caught.value.mend


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
    test = digits._is_test(labels.astype(np.uint8))

    (x_train, y_train), (x_test, y_test) = digits.load()

    assert np.array_equal(x_train, images[~test].reshape(-1, 8, 8))
    assert np.array_equal(x_test, images[test].reshape(-1, 8, 8))
    assert np.array_equal(y_train, labels[~test])
    assert np.array_equal(y_test, labels[test])


def test_script_makes_the_same_bytes():
    """`make_digits.py` makes the very file that is in the package."""
    pytest.importorskip("sklearn.datasets")
    made = runpy.run_path(str(SCRIPT))["digits"]()

    packaged = Path(digits.__file__).with_name("digits.npz").read_bytes()
    assert made == packaged


def test_damaged_package_is_noticed_by_load(tmp_path):
    """`load` reads the file that lies beside the module and checks it."""
    package = tmp_path / "kerasplug_datasets"
    package.mkdir()
    source = Path(digits.__file__)
    for module in source.parent.glob("*.py"):
        (package / module.name).write_bytes(module.read_bytes())
    data = source.with_name("digits.npz").read_bytes()
    (package / "digits.npz").write_bytes(data[:-1] + b"x")

    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    code += "from kerasplug_datasets.digits import load; load()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "digits.npz of kerasplug-datasets is damaged" in done.stderr
