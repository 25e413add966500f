"""What this package keeps in a model's file beside what Keras writes.

It stands where other readers pass by: in `metadata.json` of a `.keras` file, in an
attribute of an HDF5 file. A model of which there is nothing to say has a file without.
"""

import copy
import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["read_beside", "write_beside"]

#: The name under which it is kept.
_KEY: Final = "kerasplug"
_METADATA: Final = "metadata.json"
#: How much is copied at a time, in bytes.
_CHUNK: Final = 1 << 20
#: An HDF5 attribute may not be larger; a dataset takes any size. In bytes.
_SMALL: Final = 60_000
#: The most that is read of them, in bytes: a million layers.
_CAP: Final = 1 << 26


def write_beside(path: str, facts: Mapping[str, Any], *, hdf5: bool) -> None:
    """Put facts into a model file that Keras has written; none: leave it alone.

    Args:
        path: a file that nobody else reads yet.
        facts: name -> what JSON can hold; what is empty is left out.
        hdf5: whether it is an HDF5 file; else it is a `.keras` file.
    """
    full = {name: value for name, value in facts.items() if value}
    if not full:
        return
    if hdf5:
        _write_hdf5(path, json.dumps(full))
    else:
        _write_zip(path, full)


def _write_hdf5(path: str, text: str) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        if len(text) < _SMALL:
            file.attrs[_KEY] = text
        else:
            file.create_dataset(_KEY, data=text)


def _write_zip(path: str, facts: Mapping[str, Any]) -> None:
    """Write it anew: a member more would make Keras unpack the whole file."""
    draft = f"{path}.draft"
    try:
        with (
            zipfile.ZipFile(path) as old,
            zipfile.ZipFile(draft, "w", allowZip64=True) as new,
        ):
            for member in old.infolist():
                _copy(old, new, member, facts)
        os.replace(draft, path)  # noqa: PTH105 -- both are strings
    finally:
        if os.path.lexists(draft):
            os.unlink(draft)  # noqa: PTH108 -- a string


def _copy(
    old: zipfile.ZipFile, new: zipfile.ZipFile, member: zipfile.ZipInfo, facts: Any
) -> None:
    if member.filename == _METADATA:
        about = json.loads(old.read(member))
        about[_KEY] = facts
        new.writestr(member, json.dumps(about))
        return
    again = copy.copy(member)
    with old.open(member) as source, new.open(again, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)


def read_beside(path: str, *, hdf5: bool) -> dict[str, Any]:
    """The facts in a file, unchecked; empty: it has none, or none that can be read.

    Args:
        path: a model file.
        hdf5: whether it is an HDF5 file; else it is a `.keras` file or its folder.
    """
    try:
        found = _about_hdf5(path) if hdf5 else _about_zip(path)
    except (KeyError, TypeError, ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _about_hdf5(path: str) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        if _KEY in file.attrs:
            return json.loads(file.attrs[_KEY])
        dataset = file[_KEY]
        return json.loads(dataset[()])


def _about_zip(path: str) -> Any:
    if os.path.isdir(path):  # noqa: PTH112 -- a string
        with open(os.path.join(path, _METADATA), "rb") as file:  # noqa: PTH118, PTH123 -- a string
            return json.loads(file.read(_CAP))[_KEY]
    with zipfile.ZipFile(path) as archive, archive.open(_METADATA) as member:
        return json.loads(member.read(_CAP))[_KEY]
