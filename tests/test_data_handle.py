"""What `kerasplug.datasets[name]` gives: loading, stand-ins and streams."""

import hashlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
from data_kit import shop
from fakes import install

import kerasplug
from kerasplug.data import Split, Splits
from kerasplug.errors import DatasetError, KerasplugWarning, PluginError

__all__ = ["shop"]

FAR_HOOKS = """
    from kerasplug import DatasetRecord, hookimpl

    @hookimpl
    def kerasplug_datasets():
        return [DatasetRecord(name="open", target="far_data:SOURCE")]
"""
FAR_DATA = """
    from kerasplug import DatasetSource

    closed = []

    def stream(split, batch_size):
        try:
            while True:
                yield [0, 1], [0, 1]
        finally:
            closed.append("yes")

    SOURCE = DatasetSource(load=lambda: None, stream=stream)
"""


def test_loading_gives_two_named_pairs(shop):
    """What comes back unpacks as Keras' does, and has names."""
    found = shop["plain"].load()

    (x, y), (x_test, y_test) = found
    assert isinstance(found, Splits)
    assert isinstance(found.train, Split)
    assert found.train.x is x
    assert found.test.y is y_test
    assert (x.shape, y.shape, x_test.shape) == ((40, 3), (40,), (10, 3))


def test_own_arguments_are_known_and_passed_on(shop):
    """They are those of the loader, with their defaults."""
    assert shop["plain"].arguments == {"scale": 1.0, "shift": 0}
    assert shop["plain"].load(scale=2.0, shift=1).train.x[0, 1] == 3


def test_an_unknown_argument_is_told_with_those_that_there_are(shop):
    """The error names close ones; it comes before the loader is called."""
    for call in (
        shop["whole"].load,
        shop["whole"].stream,
        shop["whole"].as_numpy_batches,
    ):
        with pytest.raises(DatasetError, match="scale, shift") as caught:
            call(scal=2)
        assert "did you mean 'scale'" in str(caught.value)
    with pytest.raises(DatasetError):
        shop["whole"].load(synthetic=True, scal=2)


def test_a_fault_inside_a_loader_is_its_own(shop):
    """A `TypeError` that a loader raises is not taken for a wrong argument."""
    with pytest.raises(TypeError, match="from inside"):
        shop["plain"].load(scale=13)


def test_an_argument_that_is_needed_is_told(shop):
    """A loader without a default for it is not called."""
    with pytest.raises(DatasetError, match="has to be told 'folder'"):
        shop["strict"].load()

    assert len(shop["strict"].load(folder="x").train.x) == 40


@pytest.mark.parametrize("name", ["bad", "uneven"])
def test_what_is_no_data_set_is_the_plugins_fault(shop, name):
    """The error names the plugin, and what was expected."""
    with pytest.raises(PluginError, match=f"home/{name}") as caught:
        shop[name].load()

    assert caught.value.plugin == "home"


def test_a_warning_is_given_once(shop):
    """Whoever loads real data reads it, once a process, and where it was asked for."""
    shop["warned"].load(synthetic=True)
    with pytest.warns(KerasplugWarning, match=r"home/warned: Beware\.") as caught:
        shop["warned"].as_numpy_batches()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shop["warned"].load()


# --- stand-ins ---


def test_a_source_makes_its_own_stand_in(shop):
    """It gets the number of rows, and the own arguments."""
    assert len(shop["whole"].load(synthetic=True).train.x) == 40
    made = shop["whole"].load(synthetic=8, scale=3.0)

    assert (made.train.x.shape, made.test.x.shape) == ((8, 3), (2, 3))
    assert (made.train.x == 3).all()


def test_a_stand_in_is_made_of_the_record(shop):
    """Shapes, types and classes are the record's; it is the same each time."""
    made, again = (shop["plain"].load(synthetic=True) for _ in range(2))

    arrays = (*made.train, *made.test)
    assert [one.shape for one in arrays] == [(40, 3), (40,), (10, 3), (10,)]
    assert [str(one.dtype) for one in arrays] == ["float32", "int64"] * 2
    assert set(made.train.y) == set(made.test.y) == {0, 1, 2, 3}
    assert np.array_equal(made.train.x, again.train.x)
    assert shop["plain"].load(synthetic=12).test.x.shape == (3, 3)


def test_a_length_that_varies_becomes_lists(shop):
    """Where the record has None there are lists of numbers of several lengths."""
    made = shop["texts"].load(synthetic=True)

    assert made.train.x.dtype == object
    assert len({len(one) for one in made.train.x}) > 3
    assert {type(word) for one in made.train.x for word in one} == {int}


def test_labels_in_columns_stay_so(shop):
    """Where y has a column a class, each row has a single one."""
    made = shop["columns"].load(synthetic=True)

    assert made.train.y.dtype == "float32"
    assert (made.train.y.sum(axis=1) == 1).all()
    assert (made.train.y.sum(axis=0) == 10).all()


def test_a_record_that_says_nothing_has_no_stand_in(shop):
    """The error says what the record lacks."""
    with pytest.raises(DatasetError, match="shapes"):
        shop["words"].load(synthetic=True)


@pytest.mark.parametrize("wrong", [0, -3, 2.5, "yes", None])
def test_a_wrong_number_of_rows_is_told(shop, wrong):
    """Only True and whole numbers from 1 will do."""
    with pytest.raises(DatasetError, match="synthetic"):
        shop["whole"].load(synthetic=wrong)


# --- streams ---


def test_a_stream_gives_what_is_loaded(shop):
    """The batches in their order are the arrays; own arguments are passed on."""
    batches = list(shop["whole"].stream("train", 7, scale=2.0))

    assert [len(x) for x, _ in batches] == [7, 7, 7, 7, 7, 5]
    loaded = shop["whole"].load(scale=2.0).train
    assert np.array_equal(np.concatenate([x for x, _ in batches]), loaded.x)
    assert sum(len(x) for x, _ in shop["whole"].stream("test")) == 10


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1]), (7, [7]), (17, [7, 7, 3])])
def test_a_stream_ends_at_its_limit(shop, limit, sizes):
    """No more rows come than were asked for."""
    batches = list(shop["whole"].stream(batch_size=7, limit=limit))

    assert [len(x) for x, _ in batches] == [len(y) for _, y in batches] == sizes


def test_a_stream_with_a_limit_lets_go_of_its_file(site):
    """What the source opened is closed when the limit is reached."""
    modules = {"far_hooks.py": FAR_HOOKS, "far_data.py": FAR_DATA}
    install(site, "far", {"kerasplug": {"far": "far_hooks"}}, modules=modules)

    for _ in kerasplug.datasets["open"].stream(limit=3):
        pass

    import far_data

    assert far_data.closed == ["yes"]


def test_a_crooked_batch_is_the_plugins_fault(shop):
    """A stream whose x and y differ in rows is told with the plugin's name."""
    with pytest.raises(PluginError, match="3 rows in x, 2 in y") as caught:
        next(shop["strict"].stream())

    assert caught.value.plugin == "home"


def test_a_plain_function_has_no_stream(shop):
    """The error says what can be used instead."""
    with pytest.raises(DatasetError, match="as_numpy_batches"):
        shop["plain"].stream()


@pytest.mark.parametrize(
    "wrong",
    [
        {"split": "validation"},
        {"split": None},
        {"batch_size": 0},
        {"batch_size": True},
        {"batch_size": 2.0},
        {"batch_size": "many"},
        {"split": ["train"]},
    ],
    ids=str,
)
def test_wrong_arguments_are_told_at_the_call(shop, wrong):
    """A stream does not wait with it until the first batch is asked for."""
    for call in (shop["whole"].stream, shop["whole"].as_numpy_batches):
        with pytest.raises(DatasetError, match=next(iter(wrong))):
            call(**wrong)


# --- the handle itself ---


def test_the_handle_tells_what_it_is(shop):
    """It shows its canonical name, and has its record."""
    assert repr(shop["plain"]).startswith("<dataset home/plain")
    assert shop["plain"].record.classes == 4
    assert shop["plain"].is_cached()


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5])
def test_a_wrong_limit_is_told(shop, wrong):
    """It is a number of rows, from 1."""
    with pytest.raises(DatasetError, match="limit"):
        shop["whole"].stream(limit=wrong)


def test_numbers_of_numpy_will_do(shop):
    """Whole numbers of other kinds are taken as what they are."""
    number = np.int64(8)

    assert len(shop["whole"].load(synthetic=number).train.x) == 8
    assert len(shop["whole"].as_numpy_batches(number)) == 5
    assert len(next(shop["whole"].stream(batch_size=number))[0]) == 8


def test_a_data_set_knows_whether_it_is_in_the_cache(site, tmp_path, monkeypatch):
    """All files have to be there: those with a known hash, and the others."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    right = hashlib.sha256(b"abc").hexdigest()
    hooks = f"""
        from kerasplug import DatasetRecord, RemoteFile, hookimpl

        @hookimpl
        def kerasplug_datasets():
            file = RemoteFile(
                name="a.bin", url="http://127.0.0.1:1/a.bin", sha256={right!r}
            )
            return [
                DatasetRecord(
                    name="kept",
                    target="kept_data:load",
                    files=(file,),
                    other_files=("more/b.bin",),
                )
            ]
    """
    modules = {"kept_hooks.py": hooks}
    install(site, "kept", {"kerasplug": {"kept": "kept_hooks"}}, modules=modules)
    kept = kerasplug.datasets["kept"]
    folder = tmp_path / "datasets" / "more"
    folder.mkdir(parents=True)

    assert not kept.is_cached()
    (folder / "b.bin").write_bytes(b"anything")
    assert not kept.is_cached()
    (folder.parent / "a.bin").write_bytes(b"abd")
    assert not kept.is_cached()
    (folder.parent / "a.bin").write_bytes(b"abc")
    assert kept.is_cached()


def test_asking_for_a_data_set_loads_no_numpy():
    """The handle and its record cost no import of NumPy or of the data's module."""
    code = (
        "import sys, kerasplug; digits = kerasplug.datasets['digits']; digits.record; "
        "print(*sorted({'numpy', 'keras', 'kerasplug_datasets.digits'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


def test_real_data_come_in_all_forms():
    """The digits are loaded, made up and streamed."""
    digits = kerasplug.datasets["digits"]

    (x, _), _ = digits.load()
    assert np.array_equal(np.concatenate([a for a, _ in digits.stream()]), x)
    assert digits.load(synthetic=10).train.x.shape == (10, 8, 8)
