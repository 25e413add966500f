"""The file's side of weights: what it calls them, in every format, before reading any.

Which format a file has is seen from its content. h5py opens nothing that our own reader
has not looked through before.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from kerasplug.errors import MissingExtraError, ModelFileError
from kerasplug.saving.dangers import Danger, refusal
from kerasplug.saving.limits import Limits, available_memory
from kerasplug.saving.reading import format_of
from kerasplug.saving.scanning_hdf5 import scan_hdf5
from kerasplug.saving.weights_layouts import ByLayer, ByPath, content_of, merged
from kerasplug.saving.weights_reading import Source, Window

__all__ = ["WeightsFile", "open_weights"]

_MEMBER: Final = "model.weights.h5"
#: How much of a file tells whether it is JSON.
_START: Final = 64
#: What h5py raises, and what comes of files that are put together otherwise.
_FAULTS: Final = (
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
)


class WeightsFile(NamedTuple):
    """A file with weights, open.

    Args:
        name: its name, for errors.
        content: its arrays, by the layers or by the paths that it has them under.
        config: of the model that is in it, too; None: it has none.
        sources: the HDF5 files that hold them.
    """

    name: str
    content: ByLayer | ByPath
    config: Any
    sources: tuple[Source, ...]


@contextlib.contextmanager
def open_weights(path: str, limits: Limits) -> Iterator[WeightsFile]:
    """What the file at `path` holds; it is closed at the end.

    Args:
        path: a `.keras` file, its folder form, HDF5 in either layout, or the JSON file
            of sharded weights.
        limits: what is believed of it.

    Raises:
        FileNotFoundError: nothing is there, or a shard is missing.
        ModelFileError: it holds no weights, is damaged, or is dangerous.
        MissingExtraError: h5py is not installed.
    """
    _require_h5py()
    with contextlib.ExitStack() as stack:
        if _is_json(path):
            from kerasplug.saving.weights_shards import shards_of

            names, mapped = shards_of(path, limits)
            parts = {
                name: _opened_hdf5(str(Path(path).with_name(name)), limits, stack)
                for name in names
            }
            content: ByLayer | ByPath = merged(path, parts, mapped)
            sources = tuple(source for source, _ in parts.values())
            config = None
        else:
            source, content, config = _opened(path, limits, stack)
            sources = (source,)
        _check_memory(path, content, limits)
        yield WeightsFile(Path(path).name, content, config, sources)


def _require_h5py() -> None:
    try:
        import h5py  # noqa: F401 -- whether it is there
    except ImportError as error:
        what = "Weights in HDF5 files are read with h5py, which is not installed."
        raise MissingExtraError(what, extra="files") from error


def _is_json(path: str) -> bool:
    if "\0" in path or "://" in path or not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(_START).lstrip().startswith(b"{")


def _opened(
    path: str, limits: Limits, stack: contextlib.ExitStack
) -> tuple[Source, ByLayer | ByPath, Any]:
    kind = format_of(path)
    if kind == "h5":
        return (*_opened_hdf5(path, limits, stack), None)
    from kerasplug.saving.scanning import scan

    found = scan(path, limits, checksums=False)
    # Code in a configuration hurts only those who run it.
    _refuse(path, [one for one in found.dangers if not one.lifted_by_safe_mode])
    config = dict(found.contents.configs).get("config")
    if kind == "folder":
        inner = Path(path, _MEMBER)
        if not inner.is_file():
            raise _no_weights(path, f"a folder without {_MEMBER}")
        source = _source(str(inner), stack)
    else:
        source = _member(path, limits, stack)
    return source, _read(source, stack), config


def _opened_hdf5(
    path: str, limits: Limits, stack: contextlib.ExitStack
) -> tuple[Source, ByLayer | ByPath]:
    source = _source(path, stack)
    found = scan_hdf5(source.file, 0, source.size, limits)
    _refuse(path, found.dangers)
    return source, _read(source, stack)


def _source(path: str, stack: contextlib.ExitStack) -> Source:
    if not Path(path).exists():
        raise FileNotFoundError(2, "No such file with weights", path)
    file = stack.enter_context(Path(path).open("rb", buffering=0))  # noqa: SIM115 -- the stack closes it
    return Source(path, file, 0, file.seek(0, os.SEEK_END))


def _member(path: str, limits: Limits, stack: contextlib.ExitStack) -> Source:
    """The weights in a `.keras` file, in place; unpacked, where they are packed."""
    import zipfile

    from kerasplug.saving.scanning_zip import ZIP_FAULTS, damaged, open_zip, stored_at

    with open_zip(path, limits) as archive:
        if _MEMBER not in archive.NameToInfo:
            raise _no_weights(path, f"a .keras file without {_MEMBER}")
        info = archive.getinfo(_MEMBER)
        try:
            if info.compress_type == zipfile.ZIP_STORED:
                start = stored_at(cast("IO[bytes]", archive.fp), info)
                whole = _source(path, stack)
                return Source(path, whole.file, start, info.file_size, info.CRC)
            return _unpacked(path, archive, stack)
        except ZIP_FAULTS as error:
            raise damaged(path, error) from error


def _unpacked(path: str, archive: Any, stack: contextlib.ExitStack) -> Source:
    import tempfile

    from kerasplug.saving.scanning_zip import verify

    file = stack.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 -- the stack closes it
    verify(archive, file, _MEMBER)
    return Source(path, file, 0, file.seek(0, os.SEEK_END))


def _read(source: Source, stack: contextlib.ExitStack) -> ByLayer | ByPath:
    """The content of an HDF5 file that was looked through."""
    import h5py

    try:
        file = stack.enter_context(h5py.File(Window(source), "r"))
        found = content_of(file, source)
    except _FAULTS as error:
        what = f"{source.name} is damaged: it can't be read as an HDF5 file."
        raise ModelFileError(
            what,
            found=f"{type(error).__name__}: {error}"[:200],
            expected="what Keras writes",
            mend="copy or save it again",
        ) from error
    if found is None:
        raise _no_weights(source.name, "an HDF5 file without them")
    return found


def _refuse(path: str, dangers: Any) -> None:
    if dangers:
        raise refusal(path, list(dangers))


def _no_weights(path: str, found: str) -> ModelFileError:
    return ModelFileError(
        f"{path} holds no weights of a Keras model.",
        found=found,
        expected="a .keras, .weights.h5, .weights.json, .h5 or .hdf5 file of Keras",
        mend="kerasplug.save_model_weights_hdf5(model, path) writes one",
    )


def _check_memory(path: str, content: ByLayer | ByPath, limits: Limits) -> None:
    """Refuse what this machine can't hold, before it is tried."""
    memory = limits.weight_bytes or available_memory()
    wanted = sum(one.size for one in content.arrays())
    if memory is not None and wanted > memory:
        danger = Danger(
            "memory",
            "its weights",
            "is refused: its weights need more memory than there is",
            f"{wanted:,} bytes",
            f"at most {memory:,} bytes",
            "if you trust it: limits=Limits(weight_bytes=…)",
        )
        _refuse(path, [danger])
