"""Reading what a model file says about itself, with bounds and without Keras.

A file is not trusted: no more than a cap is read of anything, whatever a header
declares, and what is not exactly a model file is refused by name.
"""

import errno
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from kerasplug.errors import MissingExtraError, ModelFileError

__all__ = ["CONFIG_CAP_BYTES", "Contents", "format_of", "read_contents"]

#: The most that is read of one configuration.
CONFIG_CAP_BYTES: Final = 64 * 1024 * 1024
#: The most that is read of `metadata.json`, which holds two short strings.
_METADATA_CAP_BYTES: Final = 1024 * 1024

_HDF5_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
#: HDF5 allows a user block of these sizes before its signature.
_HDF5_OFFSETS: Final = (0, 512, 1024, 2048)
_ZIP_SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")

#: What zipfile raises for archives that are cut short, encrypted or made up.
_ZIP_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)

_AGAIN: Final = "copy or save it again"
_SAVE_WHOLE: Final = "save the whole model: kerasplug.save_model(model, 'm.keras')"


class Contents(NamedTuple):
    """What a model file holds besides its weights.

    Args:
        path: the file or folder.
        format: `"keras"` or `"h5"`.
        keras_version: the Keras that wrote it; empty where the file does not say.
        configs: pairs of a label and the parsed configuration under it.
    """

    path: str
    format: str
    keras_version: str
    configs: tuple[tuple[str, Any], ...]


def read_contents(path: "str | os.PathLike[str]") -> Contents:
    """The configurations that a model file holds.

    Args:
        path: a `.keras` file, its folder form, or an HDF5 file; what it is is seen
            from its content, not from its name.

    Raises:
        FileNotFoundError: nothing is there.
        ModelFileError: it is not a whole model, or refused for safety.
        MissingExtraError: it is an HDF5 file and h5py is not installed.
    """
    name = os.fsdecode(path)
    kind = format_of(name)
    if kind == "h5":
        return _read_hdf5(name)
    if kind == "folder":
        return _read_folder(name)
    return _read_zip(name)


def format_of(path: str) -> str:
    """`"zip"`, `"folder"` or `"h5"`, seen from what is there.

    Raises:
        FileNotFoundError: nothing is there.
        ModelFileError: it is something else.
    """
    if "://" in path:
        what = f"{path} is an address, not a file."
        raise ModelFileError(what, mend="download it first")
    if Path(path).is_dir():
        return _folder_format(path)
    if not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, "No such model file", path)
    with Path(path).open("rb") as file:
        start = file.read(len(_HDF5_SIGNATURE))
        if start.startswith(_ZIP_SIGNATURES):
            return "zip"
        if any(_has_hdf5(file, offset) for offset in _HDF5_OFFSETS):
            return "h5"
    found = f"{len(start)} bytes" if not start else f"it begins with {start!r}"
    raise _not_a_model(path, "an empty file" if not start else found)


def _has_hdf5(file: IO[bytes], offset: int) -> bool:
    file.seek(offset)
    return file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE


def _folder_format(path: str) -> str:
    if Path(path, "config.json").is_file():
        return "folder"
    if Path(path, "saved_model.pb").is_file():
        what = f"{path} is a TensorFlow SavedModel, which holds no Keras model."
        mend = f"use it as a layer: keras.layers.TFSMLayer({path!r})"
        raise ModelFileError(what, mend=mend)
    raise _not_a_model(path, "a folder without config.json")


def _not_a_model(path: str, found: str) -> ModelFileError:
    return ModelFileError(
        f"{path} is not a Keras model file.",
        found=found,
        expected="a .keras file (zip) or a .h5 file (HDF5)",
    )


def _read_zip(path: str) -> Contents:
    try:
        with zipfile.ZipFile(path) as archive:
            config = _member(archive, path, "config.json", CONFIG_CAP_BYTES)
            metadata = _member(archive, path, "metadata.json", _METADATA_CAP_BYTES)
    except ModelFileError:
        raise
    except _ZIP_FAULTS as error:
        raise _damaged(path, error) from error
    if config is None:
        what = f"{path} is a zip file without config.json, so it holds no whole model."
        raise ModelFileError(what, expected="a file Keras saved", mend=_SAVE_WHOLE)
    return _keras_contents(path, config, metadata)


def _damaged(path: str, error: Exception) -> ModelFileError:
    return ModelFileError(
        f"{path} is damaged: it can't be read as a zip file.",
        found=f"{type(error).__name__}: {error}",
        expected="a whole .keras file",
        mend=_AGAIN,
    )


def _member(archive: zipfile.ZipFile, path: str, name: str, cap: int) -> bytes | None:
    """A member's bytes; the header's word on its size is not taken."""
    count = archive.namelist().count(name)
    if count > 1:
        what = (
            f"{path} holds {count} members called {name}; two readers could see "
            "two different models."
        )
        raise ModelFileError(what, expected="one")
    if not count:
        return None
    method = archive.getinfo(name).compress_type
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        what = f"{path} is refused: its {name} is packed in a way no Keras writes."
        rule = "a stored or deflated member"
        raise ModelFileError(what, found=f"zip method {method}", expected=rule)
    with archive.open(name) as file:
        return _bounded(file, path, name, cap)


def _read_folder(path: str) -> Contents:
    with Path(path, "config.json").open("rb") as file:
        config = _bounded(file, path, "config.json", CONFIG_CAP_BYTES)
    metadata = None
    if Path(path, "metadata.json").is_file():
        with Path(path, "metadata.json").open("rb") as file:
            metadata = _bounded(file, path, "metadata.json", _METADATA_CAP_BYTES)
    return _keras_contents(path, config, metadata)


def _bounded(file: IO[bytes], path: str, name: str, cap: int) -> bytes:
    data = file.read(cap + 1)
    if len(data) > cap:
        raise _too_big(path, name, cap)
    return data


def _too_big(path: str, name: str, cap: int) -> ModelFileError:
    return ModelFileError(
        f"{path} is refused: its {name} is larger than any real one.",
        found=f"more than {cap:,} bytes",
        expected=f"at most {cap:,} bytes",
    )


def _keras_contents(path: str, config: bytes, metadata: bytes | None) -> Contents:
    parsed = _model(config, path, "config.json")
    about = _parse(metadata, path, "metadata.json") if metadata else None
    version = about.get("keras_version", "") if isinstance(about, dict) else ""
    return Contents(path, "keras", _short(version), (("config", parsed),))


def _short(version: object) -> str:
    if isinstance(version, bytes):
        version = version.decode("utf-8", "replace")
    return version[:80] if isinstance(version, str) else ""


def _parse(data: "bytes | str", path: str, name: str) -> Any:
    try:
        return json.loads(data)
    # A deep nesting exhausts the stack; bad bytes and bad JSON are ValueErrors.
    except (ValueError, RecursionError) as error:
        what = f"{path} is damaged: its {name} can't be read as JSON."
        found = f"{type(error).__name__}: {error}"[:200]
        raise ModelFileError(what, found=found, mend=_AGAIN) from error


def _model(data: "bytes | str", path: str, name: str) -> dict[str, Any]:
    """The configuration of a model; anything else that JSON can say is none."""
    parsed = _parse(data, path, name)
    if isinstance(parsed, dict) and isinstance(parsed.get("class_name"), str):
        return parsed
    raise _not_a_model(path, f"its {name} describes no object of Keras")


def _read_hdf5(path: str) -> Contents:
    # Also where it is installed and broken: then the extra mends it.
    try:
        import h5py
    except ImportError as error:
        what = f"reading {path} needs h5py, which can't be imported here."
        raise MissingExtraError(what, extra="files") from error
    try:
        with h5py.File(path, "r") as file:
            config = _attribute(file, path, "model_config")
            training = _attribute(file, path, "training_config")
            version = file.attrs.get("keras_version", "")
            keys = set() if config is not None else {*file, *file.attrs}
    except (OSError, RuntimeError, KeyError) as error:
        what = f"{path} is damaged: it can't be read as an HDF5 file."
        found = f"{type(error).__name__}: {error}"[:200]
        raise ModelFileError(what, found=found, mend=_AGAIN) from error
    if config is None:
        raise _no_config(path, keys)
    configs = [("model_config", _model(config, path, "model_config"))]
    if training is not None:
        parsed = _parse(training, path, "training_config")
        configs.append(("training_config", parsed))
    return Contents(path, "h5", _short(version), tuple(configs))


def _attribute(file: Any, path: str, name: str) -> "str | bytes | None":
    """An attribute's text. HDF5 stores attributes whole, so a file of that size."""
    if name not in file.attrs:
        return None
    if file.attrs.get_id(name).get_storage_size() > CONFIG_CAP_BYTES:
        raise _too_big(path, name, CONFIG_CAP_BYTES)
    text = file.attrs[name]
    if not isinstance(text, str | bytes):
        raise _not_a_model(path, f"{name} of type {type(text).__name__}")
    if len(text) > CONFIG_CAP_BYTES:
        raise _too_big(path, name, CONFIG_CAP_BYTES)
    return text


def _no_config(path: str, keys: set[str]) -> ModelFileError:
    weights = {"layers", "vars", "_layer_checkpoint_dependencies", "layer_names"}
    if keys & weights or path.endswith(".weights.h5"):
        return ModelFileError(
            f"{path} holds weights only, no model.",
            expected="a file that a whole model was saved to",
            mend=f"build the model and call model.load_weights(path), or {_SAVE_WHOLE}",
        )
    return _not_a_model(path, "an HDF5 file without model_config")
