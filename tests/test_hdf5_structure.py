"""HDF5 is read without its library, and says the same as the library."""

import io

import h5py
import numpy as np
import pytest
from hostile_hdf5 import in_hdf5, many_names, soft_link
from hostile_kit import KERNEL, weights
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasplug.saving.dangers import LIFTED
from kerasplug.saving.hdf5_checksums import lookup3
from kerasplug.saving.limits import Limits
from kerasplug.saving.scanning_hdf5 import scan_hdf5

VERSIONS = ("earliest", "v108", "v110", "latest")

#: HDF5 has paths with these.
LETTERS = st.characters(exclude_characters="/.\0", exclude_categories=["Cs"])


def scanned(data: bytes, **limits):
    """What the scan says of these bytes."""
    return scan_hdf5(io.BytesIO(data), 0, len(data), Limits(**limits))


def by_library(data: bytes) -> dict[str, tuple[tuple[int, ...], int]]:
    """Path -> shape and bytes of each dataset, as the library has them."""
    found = {}

    def visit(name, thing):
        if isinstance(thing, h5py.Dataset):
            found["/" + name] = (thing.shape, thing.size * thing.dtype.itemsize)

    with h5py.File(io.BytesIO(data), "r") as file:
        file.visititems(visit)
    return found


def rich(version: str, *, order: bool) -> bytes:
    """A file with everything that models have, and much of it."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=version, track_order=order) as file:
        file.attrs["model_config"] = "x" * 100_000
        file.attrs["fixed"] = np.bytes_(b"abc")
        file.attrs["names"] = np.array([b"a", b"bb"])
        file.attrs["words"] = ["a", "bb"]
        for number in range(30):
            file.attrs[f"number{number}"] = number
        for number in range(700):
            group = file.create_group(f"layers/layer{number}/vars", track_order=order)
            if number % 7 == 0:
                group["0"] = np.ones((3, number), "float32")
        for kind in ("float16", "float64", "int8", "uint32", "bool", "complex64"):
            file[kind] = np.ones((2, 2), kind)
        file["empty"] = np.ones((0, 3), "float32")
        file["scalar"] = 1.0
        file["text"] = "words " * 1000
        if version in ("earliest", "v108"):
            packed = {"compression": "gzip", "shuffle": True, "fletcher32": True}
            data = np.arange(5000.0).reshape(50, 100)
            file.create_dataset("packed", data=data, chunks=(7, 9), **packed)
            file.create_dataset(
                "parts", data=data, chunks=(50, 10), maxshape=(None, 100)
            )
    return buffer.getvalue()


@pytest.mark.parametrize("order", [False, True], ids=["by name", "by order"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_scan_and_the_library_see_the_same(version, order):
    """Old and new ways of storing: the same datasets, shapes, sizes and texts."""
    data = rich(version, order=order)
    found = scanned(data)

    assert found.dangers == ()
    seen, expected = dict(found.arrays), by_library(data)
    assert seen.pop("/text")[0] == expected.pop("/text")[0] == ()
    assert seen == expected
    assert found.attributes["model_config"] == b"x" * 100_000
    assert found.attributes["fixed"] == b"abc"
    assert {"layers", "scalar", "text"} <= set(found.names)


@settings(max_examples=40, deadline=None)
@given(
    version=st.sampled_from(VERSIONS),
    tree=st.dictionaries(
        st.text(
            st.characters(exclude_characters="/.\0", exclude_categories=["Cs"]),
            min_size=1,
            max_size=20,
        ),
        st.lists(st.integers(0, 4), max_size=3),
        max_size=40,
    ),
)
def test_any_names_and_shapes_are_seen_as_the_library_sees_them(version, tree):
    """Names in any script and shapes of any kind, in groups of any size."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=version) as file:
        for name, shape in tree.items():
            file.create_dataset(f"g/{name}", data=np.zeros(shape, "float32"))
        file.create_group("g/ ")
    data = buffer.getvalue()
    found = scanned(data)

    assert found.dangers == ()
    assert sorted(found.arrays.values()) == sorted(by_library(data).values())
    assert len(found.arrays) == len(tree)


def test_a_user_block_and_leftovers_are_allowed():
    """Something before the file, and a dataset that was removed, hurt nobody."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=1024) as file:
        file["a"] = np.ones(1000)
        del file["a"]
        file["b"] = KERNEL

    assert scanned(buffer.getvalue()).arrays == {"/b": ((2, 3), 24)}


def test_small_floats_without_a_name_in_hdf5_are_weights():
    """Keras stores bfloat16 and its like as bytes without a meaning."""
    import ml_dtypes

    kinds = (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for kind in kinds:
            file[kind.__name__] = np.ones(4, kind)

    found = scanned(buffer.getvalue())
    assert found.dangers == ()
    assert found.arrays == {"/bfloat16": ((4,), 8), "/float8_e4m3fn": ((4,), 4)}


def test_the_checksum_is_the_librarys():
    """The checksum of a file that the library wrote is found again."""
    data = rich("v108", order=False)

    assert lookup3(data[:44]) == int.from_bytes(data[44:48], "little")
    assert lookup3(b"") == 0xDEADBEEF


def test_another_checksum_is_a_damaged_file():
    """A byte changed in a newer structure is noticed, as the library would."""
    data = bytearray(rich("v108", order=False))
    data[data.index(b"BTLF") + 8] ^= 1

    (danger, *_) = scanned(bytes(data)).dangers
    assert danger.kind == "damaged-weights"
    assert "checksum" in danger.found


def test_several_dangers_are_all_told(tmp_path):
    """One danger in a dataset does not hide those in others."""

    def two(group):
        soft_link(group)
        group["2"] = h5py.ExternalLink("other.h5", "/x")

    path = in_hdf5(two)(tmp_path / "m.h5")
    kinds = [one.kind for one in scanned(path.read_bytes()).dangers]
    assert sorted(kinds) == ["external-link", "soft-link"]
    assert not LIFTED & set(kinds)


def test_limits_are_raised_for_a_call():
    """A caller who trusts a file says how much of it is believed."""
    data = weights(many_names)

    assert [one.kind for one in scanned(data).dangers] == ["shape-bomb"]
    assert scanned(data, expansion=1000).dangers == ()
    assert [one.kind for one in scanned(data, objects=20).dangers][:1] == [
        "too-many-objects"
    ]
