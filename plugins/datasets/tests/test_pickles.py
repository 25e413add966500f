"""The reader of pickles: data come out, and whatever else a pickle wants is refused."""

import collections
import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kerasplug_datasets.pickles import read_pickle

from kerasplug.errors import DatasetError

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.binary(), inner, max_size=3)
    ),
    max_leaves=15,
)
PROTOCOLS = [1, 2, 3, 4, 5]


@given(PLAIN, st.sampled_from([2, 3, 4, 5]))
@settings(max_examples=200, deadline=None)
def test_plain_values_come_back(value, protocol):
    """What Python pickles of plain values is read, type for type."""
    found = read_pickle(pickle.dumps(value, protocol=protocol))

    assert repr(found) == repr(value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12, dtype=">i4").reshape(3, 4)),
        np.zeros((0, 5), np.uint8),
        np.array([True, False]),
        np.float16([1.5, -2]),
        np.complex64([1 + 2j]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_come_back(protocol, array):
    """Arrays of plain types are read, in their order and byte order."""
    found = read_pickle(pickle.dumps(array, protocol=protocol))

    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_lists_become_lists(protocol):
    """Short, middle and long numbers are told apart."""
    lists = [[1, 255, 256, 65535, 65536, -1, 2**31], [], [7]]
    array = np.empty(3, dtype=object)
    array[:] = lists

    assert read_pickle(pickle.dumps(array, protocol=protocol)) == lists


class Wish:
    """What a pickle may want: a call, with or without what follows it."""

    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


HOSTILE = {
    "a command": Wish(os.system, ("true",)),
    "eval": Wish(eval, ("1 + 1",)),
    "an attribute": Wish(getattr, (np.ndarray, "tofile")),
    "a class": collections.OrderedDict(a=1),
    "a set": {1, 2},
    "numpy's own call": Wish(np.fromfile, ("/etc/hostname",)),
    "a record": np.zeros(2, dtype=[("a", int)]),
    "a date": np.array(["2026-11-24"], dtype="datetime64[D]"),
    "a text array": np.array(["text"]),
    "a marked class": Wish(np.ndarray, ((3,),)),
    "a key": {(1, 2): 3},
    "a type": np.dtype("f8"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_no_data_is_refused(value, protocol):
    """A call, a class, an odd type: each is an error."""
    with pytest.raises(DatasetError):
        read_pickle(pickle.dumps(value, protocol=protocol))


def test_nothing_is_imported_that_a_pickle_names():
    """A module that the pickle names is not even looked for."""
    code = (
        "import sys; from kerasplug_datasets.pickles import read_pickle\n"
        "try: read_pickle(b'cantigravity\\nfly\\n.')\n"
        "except ValueError as error: print(type(error).__name__)\n"
        "print('antigravity' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["DatasetError", "False"]


def nested(depth):
    """Lists within lists."""
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"\x80\x02",
        b"\x80\x02N",
        b"\x80\x02NN.",
        b"\x80\x02e.",
        b"\x80\x02(.",
        b"\x80\x02K\x01(.",  # a mark is left
        b"\x80\x02K\x01(00t.",  # a value is taken away, and its mark
        b"\x80\x02K\x01((000t.",
        b"\x80\x02h\x07.",
        b"\x80\x02Nr\xff\xff\xff\xff",
        b"\x80\x02T\xff\xff\xff\x7f.",
        b"\x80\x02T\xff\xff\xff\xff.",
        b"\x80\x04\x8e" + b"\xff" * 8 + b".",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
        b"\x80\x02I" + b"9" * 5000 + b"\n.",
        b"\x80\x02]q\x00h\x00a.",
        b"\x80\x02}q\x00K\x01h\x00s.",
        b"\x80\x02]K\x01a)R.",
        b"\x80\x02cnumpy\nndarray\n.",
        b"\x80\x02cnumpy\nndarray\nK\x01\x85b.",
        b"\x80\x02P.",
        nested(50),
        nested(500_000),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_damaged_and_endless_pickles_are_refused(data):
    """Each is an error: no crash, no endless loop, no memory that it asks for."""
    with pytest.raises(DatasetError):
        read_pickle(data)


def test_a_pickle_that_ends_anywhere_is_refused():
    """Of a good pickle each beginning is an error."""
    array = np.empty(2, dtype=object)
    array[:] = [[1, 2, 300], [70000]]
    whole = pickle.dumps({"data": np.arange(5), "lists": array}, protocol=4)

    for end in range(len(whole)):
        with pytest.raises(DatasetError):
            read_pickle(whole[:end])


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_changed_pickles_are_data_or_errors(data):
    """A few changed bytes give other data, or an error, and never anything else."""
    whole = bytearray(pickle.dumps({"a": np.arange(6), "b": [1, 2.5, "c"]}, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    try:
        found = read_pickle(bytes(whole))
    except DatasetError:
        return
    kinds = (dict, list, tuple, int, float, str, bytes, np.ndarray, type(None))
    assert isinstance(found, kinds)


def test_large_arrays_are_views():
    """A large array is no copy of the file's bytes."""
    data = pickle.dumps(np.arange(1000, dtype="<u2"), protocol=4)

    found = read_pickle(data)

    assert not found.flags.owndata
    assert not found.flags.writeable
    assert struct.unpack("<H", found[7:8].tobytes()) == (7,)
