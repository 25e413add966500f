"""What the sets inside the package have in common."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kerasplug_datasets import digits, embedded, udhr, wine
from kerasplug_datasets.hooks import DIGITS, UDHR, WINE

import kerasplug
from kerasplug.errors import DatasetError, PluginError

SETS = {"digits": digits, "wine": wine, "udhr": udhr}
FILES = {"digits": "digits.npz", "wine": "wine.npz", "udhr": "udhr.json.bz2"}
RECORDS = {"digits": DIGITS, "wine": WINE, "udhr": UDHR}


@pytest.fixture(params=SETS)
def name(request):
    """Each set once."""
    return request.param


def arrays_of(splits):
    """All four arrays."""
    return [one for half in splits for one in half]


def test_first_test_row_of_a_class_is_its_fifth():
    """Of one class, the 5th, 10th, 15th, ... row in file order are for testing."""
    labels = np.array([7, 3, 7, 7, 3, 7, 7, 7, 7, 7, 7, 7], dtype=np.uint8)

    assert embedded.divided(np.arange(12), labels).test.x.tolist() == [6, 11]


def test_arrays_are_as_the_record_says(name):
    """The record's shapes, dtypes and number of classes are those of the arrays."""
    record, splits = RECORDS[name], SETS[name].load()
    arrays = arrays_of(splits)

    assert record.shapes == tuple(array.shape for array in arrays)
    assert [np.dtype(one) for one in record.dtypes] == [one.dtype for one in arrays]
    assert record.classes == len(set(splits.train.y)) == len(set(splits.test.y))


def test_a_stand_in_is_as_the_record_says(name):
    """Shapes and dtypes are those of the real one; it is the same each time."""
    made, again = SETS[name].synthetic(), SETS[name].synthetic()

    for mine, his, real in zip(
        *map(arrays_of, (made, again, SETS[name].load())), strict=True
    ):
        assert (mine.shape, mine.dtype) == (real.shape, real.dtype)
        assert np.array_equal(mine, his)


def test_arrays_belong_to_the_caller(name):
    """Changing what one call returned changes nothing for the next call."""
    for array in arrays_of(SETS[name].load()):
        array[:] = array[0]

    x = SETS[name].load().train.x
    assert (x != x[0]).any()


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_stream_is_what_is_loaded(name, split):
    """The batches in their order are the arrays."""
    batches = list(SETS[name].stream(split, 50))

    x, y = (np.concatenate(some) for some in zip(*batches, strict=True))
    assert {len(labels) for _, labels in batches[:-1]} <= {50}
    assert np.array_equal(x, getattr(SETS[name].load(), split).x)
    assert np.array_equal(y, getattr(SETS[name].load(), split).y)


@pytest.mark.parametrize(
    "wrong", [{"split": "both"}, {"batch_size": 0}, {"batch_size": True}], ids=str
)
def test_wrong_arguments_come_before_the_first_batch(name, wrong):
    """A stream that can't be is told when it is asked for."""
    with pytest.raises(DatasetError) as caught:
        SETS[name].stream(**wrong)

    assert repr(*wrong.values()) in caught.value.found


def test_a_damaged_file_is_refused(name):
    """Bytes with another sha256 are a `PluginError` with the command that mends it."""
    with pytest.raises(PluginError) as caught:
        embedded.demand_sound(FILES[name], b"something else", SETS[name].SHA256)

    assert caught.value.plugin == "kerasplug-datasets"
    assert SETS[name].SHA256 in caught.value.expected
    assert "--force-reinstall" in caught.value.mend


def test_a_damaged_package_is_noticed_by_load(name, tmp_path):
    """`load` reads the file that lies beside the module and checks it."""
    package = tmp_path / "kerasplug_datasets"
    package.mkdir()
    source = Path(embedded.__file__)
    for module in source.parent.glob("*.py"):
        (package / module.name).write_bytes(module.read_bytes())
    data = source.with_name(FILES[name]).read_bytes()
    (package / FILES[name]).write_bytes(data[:-1] + b"x")

    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    code += f"from kerasplug_datasets.{name} import load; load()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert f"{FILES[name]} of kerasplug-datasets is damaged" in done.stderr


def test_the_host_gives_batches_of_each_set(name):
    """One epoch has each row of the training half once."""
    rows = 0
    for x, y in kerasplug.datasets[name].as_numpy_batches(64, seed=0):
        assert len(x) == len(y) <= 64
        rows += len(x)

    assert rows == RECORDS[name].shapes[0][0]
