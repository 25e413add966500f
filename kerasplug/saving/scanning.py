"""A whole model file, looked at without Keras: what it holds and what is dangerous."""

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from kerasplug.errors import ModelFileError
from kerasplug.saving.config_dangers import config_dangers
from kerasplug.saving.configs import decoded, model_of, too_big
from kerasplug.saving.dangers import Danger, refusal, shown
from kerasplug.saving.limits import DEFAULTS, Limits, available_memory
from kerasplug.saving.reading import (
    Contents,
    contents_of_folder,
    contents_of_hdf5,
    contents_of_zip,
    format_of,
)
from kerasplug.saving.scanning_hdf5 import Weights, scan_hdf5
from kerasplug.saving.scanning_zip import (
    MISFITS,
    ZIP_FAULTS,
    member_dangers,
    open_zip,
    stored_at,
    verify,
)

__all__ = ["Scan", "scan", "scan_any", "scan_weights"]

_NONE: Final = Weights({}, {}, ())
#: How much of a file tells whether it is JSON.
_START: Final = 64
#: What a folder is read for first.
_CONFIGS: Final = (shown("config.json"), shown("metadata.json"))


class Scan(NamedTuple):
    """What is known of a model file.

    Args:
        contents: its configurations.
        weights: its weights.
        sizes: name of a part -> its bytes.
        dangers: what is dangerous in it, but for the classes that it mentions.
    """

    contents: Contents
    weights: Weights
    sizes: dict[str, int]
    dangers: tuple[Danger, ...]


def scan(
    path: "str | os.PathLike[str]",
    limits: Limits | None = None,
    *,
    checksums: bool = True,
) -> Scan:
    """What a model file holds, and what is dangerous in it.

    Args:
        path: a `.keras` file, its folder form, or an HDF5 file.
        limits: what is believed; None: `Limits()`.
        checksums: whether all members are read and compared with their checksums.

    Raises:
        FileNotFoundError: nothing is there.
        ModelFileError: its configuration can't be read.
    """
    name = os.fsdecode(path)
    limits = limits or DEFAULTS
    kind = format_of(name)
    if kind == "h5":
        found = _scan_hdf5(name, limits)
    elif kind == "folder":
        found = _scan_folder(name, limits)
    else:
        found = _scan_zip(name, limits, checksums=checksums)
    return found._replace(dangers=(*found.dangers, *_of_all(found, limits)))


def _of_all(found: Scan, limits: Limits) -> Iterator[Danger]:
    """What only the configuration and the weights together tell."""
    stored = None if found.contents.format == "json" else found.weights.declared
    for label, config in found.contents.configs:
        yield from config_dangers(config, label, limits, stored)
    yield from _of_memory(found.weights.declared, limits)


def _of_memory(declared: int, limits: Limits) -> Iterator[Danger]:
    memory = limits.weight_bytes or available_memory()
    if memory is None or declared <= memory:
        return
    yield Danger(
        "memory",
        "its weights",
        "is refused: its weights need more memory than there is",
        f"{declared:,} bytes",
        f"at most {memory:,} bytes",
        "if you trust it: limits=Limits(weight_bytes=…)",
    )


def scan_any(path: "str | os.PathLike[str]", limits: Limits | None = None) -> Scan:
    """As `scan`, also for weights alone and for the JSON of an architecture.

    Weights are not compared with their checksums.

    Args:
        path: as for `scan`; or an HDF5 file with weights, or a JSON file.
        limits: as for `scan`.

    Raises:
        FileNotFoundError: nothing is there.
        ModelFileError: it is none of these.
    """
    name = os.fsdecode(path)
    limits = limits or DEFAULTS
    if _is_json(name):
        found = _scan_json(name, limits)
        return found._replace(dangers=tuple(_of_all(found, limits)))
    kind = format_of(name)
    if kind == "h5":
        weights = scan_weights(name, limits)
        if weights.readable and "model_config" not in weights.attributes:
            return _only_weights(name, weights, limits)
    return scan(name, limits, checksums=False)


def _is_json(path: str) -> bool:
    if "\0" in path or not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(_START).lstrip().startswith(b"{")


def _scan_json(path: str, limits: Limits) -> Scan:
    with Path(path).open("rb") as file:
        data = file.read(limits.config_bytes + 1)
    if len(data) > limits.config_bytes:
        raise too_big(path, "text", limits)
    text = decoded(data, path, "text", limits)
    config = model_of(text, path, "text", limits)
    version = config.get("keras_version")
    short = version[:80] if isinstance(version, str) else ""
    contents = Contents(path, "json", short, (("config", config),))
    return Scan(contents, _NONE, {"config": len(data)}, ())


def _only_weights(path: str, weights: Weights, limits: Limits) -> Scan:
    try:
        contents_of_hdf5(path, weights._replace(dangers=()), limits)
    except ModelFileError as error:
        if "holds weights only" not in error.what:
            raise
    dangers = (*weights.dangers, *_of_memory(weights.declared, limits))
    return Scan(Contents(path, "weights", "", ()), weights, _sizes_of(weights), dangers)


def _sizes_of(weights: Weights) -> dict[str, int]:
    """Bytes in memory by the first name in an array's path."""
    sizes: dict[str, int] = {}
    for where, (_, size) in weights.arrays.items():
        top = where.split("/")[1]
        sizes[top] = sizes.get(top, 0) + size
    return sizes


# --- HDF5 ---


def _scan_hdf5(path: str, limits: Limits) -> Scan:
    weights = scan_weights(path, limits)
    contents = contents_of_hdf5(path, weights, limits)
    sizes = {
        name: len(weights.attributes[name])
        for name, _ in contents.configs
        if name in weights.attributes
    }
    sizes |= _sizes_of(weights)
    return Scan(contents, weights, sizes, weights.dangers)


def scan_weights(path: str, limits: Limits) -> Weights:
    """What an HDF5 file holds.

    Args:
        path: the file.
        limits: what is believed.
    """
    with Path(path).open("rb") as file:
        return scan_hdf5(file, 0, file.seek(0, os.SEEK_END), limits)


# --- zip ---


def _scan_zip(path: str, limits: Limits, *, checksums: bool) -> Scan:
    with open_zip(path, limits) as archive:
        contents = contents_of_zip(archive, path, limits)
        dangers = member_dangers(archive, limits)
        sizes = {
            shown(info.filename)[1:-1]: info.file_size for info in archive.infolist()
        }
        if dangers:  # nothing else in it can be believed
            return Scan(contents, _NONE, sizes, tuple(dangers))
        weights = _weights_in_zip(archive, limits)
        dangers += weights.dangers
        if checksums and not dangers:
            dangers += _damaged_members(archive)
    return Scan(contents, weights, sizes, tuple(dangers))


def _weights_in_zip(archive: zipfile.ZipFile, limits: Limits) -> Weights:
    name = next((one for one in MISFITS if one in archive.NameToInfo), None)
    if name is None:
        return _NONE
    info = archive.getinfo(name)
    try:
        if info.compress_type == zipfile.ZIP_STORED:
            file = cast("IO[bytes]", archive.fp)
            return _scan_member(
                file, stored_at(file, info), info.file_size, name, limits
            )
        too_large = tuple(_of_memory(info.file_size, limits))
        if too_large:
            return _NONE._replace(dangers=too_large, readable=False)
        import tempfile

        with tempfile.TemporaryFile() as unpacked:
            verify(archive, unpacked, name)
            size = unpacked.seek(0, os.SEEK_END)
            return _scan_member(unpacked, 0, size, name, limits)
    except ZIP_FAULTS as error:
        return _NONE._replace(dangers=(_damaged(name, error),), readable=False)


def _scan_member(
    file: IO[bytes], start: int, size: int, name: str, limits: Limits
) -> Weights:
    if name.endswith(".npz"):
        from kerasplug.saving.scanning_npz import Slice, scan_npz  # few files need it

        return scan_npz(cast("IO[bytes]", Slice(file, start, size)), limits, name)
    return scan_hdf5(file, start, size, limits, name)


def _damaged_members(archive: zipfile.ZipFile) -> Iterator[Danger]:
    for name in archive.namelist():
        try:
            verify(archive, None, name)
        except ZIP_FAULTS as error:
            yield _damaged(shown(name), error)
            return


def _damaged(name: str, error: Exception) -> Danger:
    found = f"{type(error).__name__}: {error}"[:200]
    what = "is damaged: one of its members can't be read"
    mend = "copy or save it again"
    return Danger("damaged-member", name, what, found, "a whole .keras file", mend)


# --- folder ---


def _scan_folder(path: str, limits: Limits) -> Scan:
    dangers: list[Danger] = []
    sizes: dict[str, int] = {}
    for where, entry in _entries(path):
        if len(sizes) >= limits.members:
            what = "is refused: it holds more files than any real one"
            rule = f"at most {limits.members:,}"
            dangers.append(Danger("too-many-members", path, what, "", rule))
            break
        sizes[where] = entry.stat(follow_symlinks=False).st_size
        dangers += _of_entry(path, where, entry)
    if any(one.where in _CONFIGS for one in dangers):
        raise refusal(path, dangers)
    contents = contents_of_folder(path, limits)
    if dangers:
        return Scan(contents, _NONE, sizes, tuple(dangers))
    weights = _NONE
    name = next((one for one in MISFITS if one in sizes), None)
    if name is not None:
        with Path(path, name).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            weights = _scan_member(file, 0, size, name, limits)
    return Scan(contents, weights, sizes, weights.dangers)


def _entries(path: str) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Each file in a folder and in its folders; links are not followed."""
    waiting = [("", path)]
    while waiting:
        prefix, folder = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{prefix}{entry.name}/", entry.path))
                else:
                    yield f"{prefix}{entry.name}", entry


def _of_entry(path: str, where: str, entry: "os.DirEntry[str]") -> Iterator[Danger]:
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        target, root = Path(entry.path).resolve(), Path(path).resolve()
        if target.is_relative_to(root) and target.is_file():
            return
        what = "holds a link that leads out of it"
        mend = "copy it with all that it links to: cp -rL"
        yield Danger("link", shown(where), what, "", "files", mend)
    elif not stat.S_ISREG(mode):
        what = "holds something that is no file"
        yield Danger("link", shown(where), what, "", "files")
