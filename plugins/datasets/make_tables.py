"""Make `digits.npz` and `wine.npz` from scikit-learn's copies of the UCI sets.

    python make_tables.py [FOLDER]

FOLDER is `kerasplug_datasets` unless told.

The same bytes come out on every machine: the members are stored, not compressed
(what zlib makes of them depends on its version; wheels and git compress anyway), and
nothing in the archive says when or where it was made. Prints the sha256 that
`digits.py` and `wine.py` have to state.
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_wine

HERE = Path(__file__).resolve().parent
UNIX = 3


def npy(array: NDArray[np.generic]) -> bytes:
    """The bytes of an `.npy` file, format 1.0, that holds `array`."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def npz(**arrays: NDArray[np.generic]) -> bytes:
    """The bytes of an `.npz` file that depend on the arrays only."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = UNIX
            member.external_attr = 0o644 << 16
            archive.writestr(member, npy(array))
    return stream.getvalue()


def digits() -> bytes:
    """The bytes of `digits.npz`."""
    images, labels = load_digits(return_X_y=True)
    exact = images.astype(np.uint8)
    if not np.array_equal(exact, images):
        message = "scikit-learn's pixels are no whole numbers in 0..255 any more"
        raise SystemExit(message)
    return npz(images=exact.reshape(-1, 8, 8), labels=labels.astype(np.uint8))


def wine() -> bytes:
    """The bytes of `wine.npz`."""
    table, labels = load_wine(return_X_y=True)
    return npz(table=table.astype("<f8"), labels=labels.astype(np.uint8))


def main(arguments: list[str]) -> None:
    """Write the files and print their sha256."""
    folder = Path(*arguments) if arguments else HERE / "kerasplug_datasets"
    for name, data in (("digits.npz", digits()), ("wine.npz", wine())):
        (folder / name).write_bytes(data)
        sys.stdout.write(f"{hashlib.sha256(data).hexdigest()}  {name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
