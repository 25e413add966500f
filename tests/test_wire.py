"""What host and worker say to each other: frames, and arrays beside them."""

import json
import os
import struct
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kerasplug.engines.workers.wire import (
    Channel,
    GoneError,
    Region,
    UnsendableError,
    WireError,
)

NUMBERS = [f"{order}{kind}" for order in "<>" for kind in ("i2", "u4", "f4", "c16")]
EVERY = ["|b1", "|i1", "|u1", *NUMBERS, "<f2", "<f8", "<i8", "<c8", "<u8"]

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ARRAYS = st.sampled_from(EVERY).flatmap(lambda kind: hnp.arrays(kind, SHAPES))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class Looped:
    """A channel that hears what it says itself, from a file that has no name."""

    def __init__(self, *, shared):
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `close`
        self._ear = os.open(f"/dev/fd/{self._file.fileno()}", os.O_RDONLY)
        self.region = Region() if shared else None
        self.channel = Channel(self._ear, self._file.fileno(), self.region, self.region)

    def __enter__(self):
        return self.channel

    def __exit__(self, *_):
        if self.region:
            self.region.close()
        os.close(self._ear)
        self._file.close()


def heard(data):
    """What a channel makes of bytes, after which nothing comes."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        with Looped(shared=True) as other:
            return Channel(file.fileno(), -1, None, other._receiving).receive()


def framed(text, inline=b"", magic=b"KPW1"):
    """A frame made by hand."""
    return struct.pack("<4sIQ", magic, len(text), len(inline)) + text + inline


def same(one, other):
    """Whether two arrays are the same to the bit."""
    return (one.dtype, one.shape, one.tobytes()) == (
        other.dtype,
        other.shape,
        other.tobytes(),
    )


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "inline"])
@settings(deadline=None, max_examples=60)
@given(
    header=st.dictionaries(st.text(), PLAIN, max_size=4),
    arrays=st.dictionaries(st.text(), ARRAYS, max_size=4),
)
def test_what_is_said_is_heard(shared, header, arrays):
    """Each header and each array of numbers comes as it was, to the bit."""
    with Looped(shared=shared) as channel:
        for _ in range(2):
            channel.send(header, arrays)
            got, given = channel.receive()

            # As text, since NaN is not equal to itself.
            assert json.dumps(got) == json.dumps(header)
            assert list(given) == list(arrays)
            assert all(same(given[name], arrays[name]) for name in arrays)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_garbage_is_no_frame(data):
    """Bytes that are no frame are an error of the wire, never another one."""
    with pytest.raises(WireError):
        heard(data)


@settings(deadline=None, max_examples=300)
@given(
    told=PLAIN
    | st.fixed_dictionaries(
        {
            "header": st.just({}) | PLAIN,
            "size": st.integers() | PLAIN,
            "arrays": st.lists(
                st.tuples(
                    st.text() | PLAIN,
                    st.sampled_from([*EVERY, "|O", "f3", "M8", "<U3"]) | PLAIN,
                    st.lists(st.integers()) | PLAIN,
                    st.integers() | PLAIN,
                )
                | PLAIN
            )
            | PLAIN,
        }
    ),
    inline=st.binary(max_size=64),
)
def test_a_frame_of_nonsense_is_an_error_of_the_wire(told, inline):
    """What has a frame's form and says what can't be is never another error."""
    try:
        header, arrays = heard(framed(json.dumps(told).encode(), inline))
    except WireError:
        return
    assert isinstance(header, dict)
    assert sum(array.nbytes for array in arrays.values()) <= 64 * len(arrays)


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("<4sIQ", b"KPW1", 2**32 - 1, 0),
        struct.pack("<4sIQ", b"KPW0", 2, 0) + b"{}",
        framed(b"[" * 100_000),
        framed(b'{"header": {}, "arrays": [], "size": -1}'),
        framed(b'{"header": {}, "arrays": [], "size": 1e300}'),
        framed(b'{"header": {}, "arrays": [], "size": true}'),
        framed(b'{"header": {}, "arrays": [], "size": 4}', b"12"),
        framed(b'{"header": {}, "arrays": [], "size": 123456789}'),
        framed(b'{"header": {}, "arrays": [["a", "<f4", [9], 0]], "size": 4}', b"1234"),
        framed(
            b'{"header": {}, "arrays": [["a", "<f4", [1], -4]], "size": 4}', b"1234"
        ),
        framed(b'{"header": {}, "arrays": [["a", "|O", [1], 0]], "size": 8}', b"8" * 8),
        framed(b"\xff\xfe"),
    ],
    ids=range(12),
)
def test_announced_and_not_there_is_an_error_of_the_wire(frame):
    """Lengths, offsets, shapes and dtypes that lie are found out."""
    with pytest.raises(WireError):
        heard(frame)


def test_a_header_has_a_largest_size():
    """No header is read, nor memory taken for one, that is larger than any can be."""
    with pytest.raises(WireError, match="no frame of this protocol"):
        heard(struct.pack("<4sIQ", b"KPW1", 2**26 + 1, 0))


def test_an_announced_size_takes_no_memory_before_it_comes():
    """A frame that announces more than any machine has is an error of the wire."""
    text = b'{"header": {}, "arrays": [], "size": 18446744073709551615}'
    frame = struct.pack("<4sIQ", b"KPW1", len(text), 2**64 - 1) + text

    with pytest.raises(WireError, match="room"):
        heard(frame)


def test_the_end_of_what_is_said_is_told_from_garbage():
    """Who has gone is an error of its own kind, within a frame as well."""
    whole = framed(b'{"header": {}, "arrays": [], "size": 0}')
    for length in (0, 3, 20, len(whole) - 1):
        with pytest.raises(GoneError):
            heard(whole[:length])


@pytest.mark.parametrize(
    "thing",
    [
        np.array([{}], dtype=object),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.array(["2020-01-01"], "M8[s]"),
        np.zeros(2, [("a", "f4")]),
        [[1], [2, 3]],
        "text",
        None,
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused_before_anything_is_sent(thing):
    """Objects, texts, dates and ragged lists don't travel, and nothing of them does."""
    with Looped(shared=True) as channel:
        with pytest.raises(UnsendableError):
            channel.send({}, {"good": np.ones(3), "bad": thing})
        assert (channel.begun, channel.whole) == (0, True)

        channel.send({"next": 1})
        assert channel.receive() == ({"next": 1}, {})


def test_what_json_has_not_is_refused_before_anything_is_sent():
    """A header has to be plain data; the names of arrays are texts."""
    with Looped(shared=True) as channel:
        for header, arrays in [({"a": {1}}, {}), ({"a": object()}, {}), ({}, {1: 1.0})]:
            with pytest.raises(UnsendableError):
                channel.send(header, arrays)
        assert channel.begun == 0


def test_scalars_of_numpy_are_plain_data():
    """A learning rate that is a NumPy scalar comes as a number."""
    with Looped(shared=True) as channel:
        channel.send({"rate": np.float32(0.5), "steps": np.int64(3)})

        assert channel.receive()[0] == {"rate": 0.5, "steps": 3}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "inline"])
def test_arrays_of_every_form_travel(shared):
    """Views that are not contiguous, reversed, transposed, broadcast, empty or 0-d."""
    base = np.arange(24.0).reshape(2, 3, 4)
    arrays = {
        "every second": base[:, ::2, ::-1],
        "transposed": base.T,
        "fortran": np.asfortranarray(base),
        "broadcast": np.broadcast_to(np.float32(3), (2, 5)),
        "empty": np.zeros((3, 0, 2), "u2"),
        "scalar": np.array(7, ">i4"),
        "list": [[True, False]],
    }
    with Looped(shared=shared) as channel:
        channel.send({}, arrays)
        got = channel.receive()[1]

    for name, array in arrays.items():
        assert same(got[name], np.asarray(array)), name


def test_a_region_grows_under_arrays_that_are_still_looked_at():
    """An array of an earlier frame stays readable when the memory has grown."""
    with Looped(shared=True) as channel:
        channel.send({}, {"small": np.arange(4)})
        early = channel.receive()[1]["small"]
        channel.send({}, {"large": np.ones(5_000_000)})
        late = channel.receive()[1]["large"]

        assert early.shape == (4,)
        assert late.sum() == 5_000_000
        del early, late


def test_a_hint_is_left_out_where_nobody_listens():
    """Who does not read is not waited for with a sign of life."""
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(writing, b"x" * 65536)
        os.set_blocking(writing, True)
        channel = Channel(-1, writing)

        channel.hint({"beat": 1})

        assert channel.begun == 0
    finally:
        os.close(reading)
        os.close(writing)


def test_a_hint_notices_that_nobody_is_there():
    """The reader's end is noticed by the next sign of life."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(GoneError):
            Channel(-1, writing).hint({"beat": 1})
    finally:
        os.close(writing)
