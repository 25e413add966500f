"""Reading what a model file says about itself, with bounds and without Keras.

A file is not trusted: no more than a cap is read of anything, whatever a header
declares, and what is not exactly a model file is refused by name.
"""

import errno
import os
import stat
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from kerasplug.errors import ModelFileError
from kerasplug.saving.configs import decoded, model_of, parsed, too_big
from kerasplug.saving.dangers import refusal
from kerasplug.saving.limits import DEFAULTS, Limits

if TYPE_CHECKING:
    from kerasplug.saving.scanning_hdf5 import Weights

__all__ = [
    "Contents",
    "contents_of_folder",
    "contents_of_hdf5",
    "contents_of_zip",
    "format_of",
    "read_contents",
]

#: The most that is read of `metadata.json`, which holds two short strings, and
#: kerasplug's states of random layers.
_METADATA_CAP_BYTES: Final = 4 * 1024 * 1024

_HDF5_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
#: HDF5 allows a user block of these sizes before its signature.
_HDF5_OFFSETS: Final = (0, 512, 1024, 2048)
#: How much is read at a time, in bytes.
_CHUNK: Final = 1 << 20
#: Flags of an encrypted member of a zip file.
_ENCRYPTED: Final = 0x41
_ZIP_SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")

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


def read_contents(
    path: "str | os.PathLike[str]", limits: Limits | None = None
) -> Contents:
    """The configurations that a model file holds.

    Args:
        path: a `.keras` file, its folder form, or an HDF5 file; what it is is seen
            from its content, not from its name.
        limits: what is believed; None: `Limits()`.

    Raises:
        FileNotFoundError: nothing is there.
        ModelFileError: it is not a whole model, or larger than any real one.
    """
    name = os.fsdecode(path)
    limits = limits or DEFAULTS
    kind = format_of(name)
    if kind == "folder":
        return contents_of_folder(name, limits)
    if kind == "zip":
        from kerasplug.saving.scanning_zip import open_zip

        with open_zip(name, limits) as archive:
            return contents_of_zip(archive, name, limits)
    from kerasplug.saving.scanning_hdf5 import scan_hdf5

    with Path(name).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        found = scan_hdf5(file, 0, size, limits)
    return contents_of_hdf5(name, found, limits)


def format_of(path: str) -> str:
    """`"zip"`, `"folder"` or `"h5"`, seen from what is there.

    Raises:
        FileNotFoundError: nothing is there.
        ModelFileError: it is something else.
    """
    if "://" in path:
        what = f"{path} is an address, not a file."
        raise ModelFileError(what, mend="download it first")
    if "\0" in path or not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, "No such model file", path)
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        return _folder_format(path)
    if not stat.S_ISREG(mode):  # a pipe would never answer
        raise _not_a_model(path, "something that is no file and no folder")
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


def contents_of_zip(archive: zipfile.ZipFile, path: str, limits: Limits) -> Contents:
    """The configurations in an open `.keras` file.

    Args:
        archive: the open file.
        path: where it is, for errors.
        limits: what is believed.

    Raises:
        ModelFileError: as `read_contents`.
    """
    from kerasplug.saving.scanning_zip import ZIP_FAULTS, damaged

    try:
        config = _member(archive, path, "config.json", limits.config_bytes, limits)
        about = _member(archive, path, "metadata.json", _METADATA_CAP_BYTES, limits)
    except ModelFileError:
        raise
    except ZIP_FAULTS as error:
        raise damaged(path, error) from error
    if config is None:
        what = f"{path} is a zip file without config.json, so it holds no whole model."
        raise ModelFileError(what, expected="a file Keras saved", mend=_SAVE_WHOLE)
    return _keras_contents(path, config, about, limits)


def _member(
    archive: zipfile.ZipFile, path: str, name: str, cap: int, limits: Limits
) -> str | None:
    """A member's text; the header's word on its size is not taken."""
    count = archive.namelist().count(name)
    if count > 1:
        what = (
            f"{path} holds {count} members called {name}; two readers could see "
            "two different models."
        )
        raise ModelFileError(what, expected="one")
    if not count:
        return None
    if archive.getinfo(name).flag_bits & _ENCRYPTED:
        what = f"{path} is encrypted: its {name} can't be read."
        raise ModelFileError(what, mend="unpack it with its password, and pack it anew")
    method = archive.getinfo(name).compress_type
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        what = f"{path} is refused: its {name} is packed in a way no Keras writes."
        rule = "a stored or deflated member"
        raise ModelFileError(what, found=f"zip method {method}", expected=rule)
    with archive.open(name) as file:
        return _bounded(file, path, name, cap, limits)


def contents_of_folder(path: str, limits: Limits) -> Contents:
    """The configurations in the folder form of a `.keras` file.

    Args:
        path: the folder.
        limits: what is believed.

    Raises:
        ModelFileError: as `read_contents`.
    """
    with Path(path, "config.json").open("rb") as file:
        config = _bounded(file, path, "config.json", limits.config_bytes, limits)
    about = None
    if Path(path, "metadata.json").is_file():
        with Path(path, "metadata.json").open("rb") as file:
            about = _bounded(file, path, "metadata.json", _METADATA_CAP_BYTES, limits)
    return _keras_contents(path, config, about, limits)


def _bounded(file: IO[bytes], path: str, name: str, cap: int, limits: Limits) -> str:
    """The text in a file, read in parts: so it is never in memory twice."""
    data = bytearray()
    while chunk := file.read(min(_CHUNK, cap + 1 - len(data))):
        data += chunk
    if len(data) > cap:
        raise too_big(path, name, limits)
    return decoded(data, path, name, limits)


def _keras_contents(
    path: str, config: str, about: str | None, limits: Limits
) -> Contents:
    model = model_of(config, path, "config.json", limits)
    says = parsed(about, path, "metadata.json", limits) if about else None
    version = says.get("keras_version", "") if isinstance(says, dict) else ""
    short = version[:80] if isinstance(version, str) else ""
    return Contents(path, "keras", short, (("config", model),))


def contents_of_hdf5(path: str, found: "Weights", limits: Limits) -> Contents:
    """The configurations in an HDF5 file.

    Args:
        path: where it is, for errors.
        found: what `scan_hdf5` has found in it.
        limits: what is believed.

    Raises:
        ModelFileError: as `read_contents`.
    """
    attributes = found.attributes
    if not found.readable or ("model_config" not in attributes and found.dangers):
        raise refusal(path, found.dangers)
    if "model_config" not in attributes:
        raise _no_config(path, {*found.names, *attributes})
    text = decoded(attributes["model_config"], path, "model_config", limits)
    model = model_of(text, path, "model_config", limits)
    configs: list[tuple[str, Any]] = [("model_config", model)]
    if "training_config" in attributes:
        data = attributes["training_config"]
        text = decoded(data, path, "training_config", limits)
        training = parsed(text, path, "training_config", limits)
        configs.append(("training_config", training))
    version = attributes.get("keras_version", b"").decode("utf-8", "replace")
    return Contents(path, "h5", version[:80], tuple(configs))


def _no_config(path: str, keys: set[str]) -> ModelFileError:
    weights = {"layers", "vars", "_layer_checkpoint_dependencies", "layer_names"}
    if keys & weights or path.endswith(".weights.h5"):
        return ModelFileError(
            f"{path} holds weights only, no model.",
            expected="a file that a whole model was saved to",
            mend=f"build the model and call model.load_weights(path), or {_SAVE_WHOLE}",
        )
    return _not_a_model(path, "an HDF5 file without model_config")
