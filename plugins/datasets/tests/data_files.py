"""Files of the real formats, made by hand, and a server here that has them."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import importlib
import io
import pickle
import struct
import tarfile
import threading

import numpy as np
import pytest
from kerasplug_datasets import files

FOREIGN = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


class Home:
    """A folder that a server on this machine gives out, and a Keras home.

    Args:
        folder: an empty folder.
        patch: pytest's `monkeypatch`.
    """

    def __init__(self, folder, patch):
        self.served = folder / "served"
        self.served.mkdir()
        self.cache = folder / "keras" / "datasets"
        self.patch = patch
        for name in FOREIGN:
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        for name in ("KERASPLUG_OFFLINE", "KERASPLUG_MIRROR"):
            patch.delenv(name, raising=False)
        patch.setenv("KERAS_HOME", str(folder / "keras"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "own"))
        handler = functools.partial(_Quiet, directory=self.served)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """End the server."""
        self.server.shutdown()
        self.server.server_close()

    @property
    def site(self):
        """The server's address."""
        return f"http://127.0.0.1:{self.server.server_port}/"

    def give(self, constant, data):
        """Serve bytes as the file of a data set, whose address and hash change."""
        name = f"{constant.lower()}.bin"
        (self.served / name).write_bytes(data)
        url, digest = self.site + name, hashlib.sha256(data).hexdigest()
        old = getattr(files, constant)
        new = (
            (old[0], url, hashlib.md5(data, usedforsecurity=False).hexdigest())
            if isinstance(old, tuple)
            else dataclasses.replace(old, url=url, sha256=digest)
        )
        self.patch.setattr(files, constant, new)
        return self.served / name

    def give_clothes(self, packed):
        """Serve the four files of Fashion-MNIST."""
        for name, data in zip(files.FASHION_MNIST, packed, strict=True):
            (self.served / name).write_bytes(data)
        self.patch.setattr(files, "FASHION_MNIST_ORIGIN", self.site)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A server, and a Keras home that is empty."""
    made = Home(tmp_path, monkeypatch)
    yield made
    made.close()


def of_keras(monkeypatch, name, path, **arguments):
    """What `keras.datasets` makes of a file: Keras is the peer, told where it is."""
    pytest.importorskip("keras")
    module = importlib.import_module(f"keras.src.datasets.{name}")
    monkeypatch.setattr(module, "get_file", lambda *_, **__: str(path))
    return module.load_data(**arguments)


def same(ours, theirs):
    """Fail unless two data sets are equal in values, dtypes and shapes."""
    for one, other in zip(ours, theirs, strict=True):
        for mine, his in zip(one, other, strict=True):
            assert mine.dtype == his.dtype
            assert mine.shape == his.shape
            if mine.dtype == object:
                assert mine.tolist() == his.tolist()
            else:
                assert np.array_equal(mine, his)


def joined(batches):
    """All rows of some batches, x and y."""
    xs, ys = zip(*batches, strict=True)
    return np.concatenate(xs), np.concatenate(ys)


def npz(**arrays):
    """The bytes of an `.npz` file, packed as Keras' files are."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def ragged(lists):
    """An array of lists, as Keras' files have it."""
    found = np.empty(len(lists), dtype=object)
    found[:] = lists
    return found


def old_npz(protocol, **arrays):
    """The same with arrays of lists as NumPy 1 pickled them."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                if array.dtype != object:
                    np.lib.format.write_array(file, array, allow_pickle=False)
                    continue
                head = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(file, head)
                data = pickle.dumps(array, protocol=protocol)
                new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
                assert new in data
                file.write(data.replace(new, old))
    return buffer.getvalue()


def idx(array):
    """The bytes of a gzipped IDX file."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.tobytes(), 1)


def python2_pickle(items):
    """A dict of arrays and lists as Python 2 with NumPy pickled it: CIFAR's form."""
    parts = [b"\x80\x02}q\x01("]
    for key, value in items.items():
        parts.append(_python2(key))
        parts.append(_python2(value))
    return b"".join([*parts, b"u."])


def _python2(value):
    if isinstance(value, bytes):
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, list):
        return b"](" + b"".join(b"K" + bytes([one]) for one in value) + b"e"
    rows, columns = value.shape
    return b"".join(
        (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n",
            b"K\x00\x85U\x01b\x87R",
            b"(K\x01M" + struct.pack("<H", rows) + b"M" + struct.pack("<H", columns),
            b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R",
            b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89",
            _python2(value.tobytes()),
            b"tb",
        )
    )


def tar(folder, contents):
    """The bytes of a `.tar.gz` with one folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
