"""A file of Keras 2 as one that Keras 3 reads: a copy, translated, with its weights."""

import contextlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from kerasplug.saving.keras2 import translate, translate_training
from kerasplug.saving.keras2_report import Change, Translation
from kerasplug.saving.keras2_state import optimizer_values, unnamed_values
from kerasplug.saving.reading import Contents

__all__ = ["translated_file"]

_CHUNK: Final = 1024 * 1024
_WEIGHTS: Final = "model.weights.h5"
#: So a copy says that it is no longer what Keras 2 wrote.
_VERSION: Final = "3.0.0+translated"
_ANEW: Final = "nothing: the optimizer starts anew"


def translated_file(
    contents: Contents, folder: "str | Path", *, compiled: bool = True
) -> tuple[Contents, Translation]:
    """What a file of Keras 2 holds, in a copy that Keras 3 reads, and what was changed.

    The weights are the same. The file itself is left alone.

    Args:
        contents: what the file holds; it was checked when it was read.
        folder: where the copy is written; an empty one, to be removed afterwards.
        compiled: whether loss, metrics and optimizer are wanted.

    Returns:
        The contents of the copy, whose path is in `folder`; and the report.

    Raises:
        ModelFileError: it says what Keras 3 can't do; all such places are named.
    """
    name = Path(contents.path).name
    configs = dict(contents.configs)
    if contents.format == "h5":
        return _hdf5(contents, configs, Path(folder), compiled=compiled)
    config = dict(configs["config"])
    if not compiled:
        config.pop("compile_config", None)
    made, report = translate(config, name)
    copy = Path(folder, "translated.keras")
    lost = _write_zip(contents.path, copy, made, config.get("compile_config"))
    told = _told(contents, copy, {"config": made})
    return told, report + Translation(name, tuple(lost))


def _hdf5(
    contents: Contents, configs: dict[str, Any], folder: Path, *, compiled: bool
) -> tuple[Contents, Translation]:
    name = Path(contents.path).name
    model = configs["model_config"]
    made = {}
    made["model_config"], report = translate(model, name)
    training = configs.get("training_config")
    if compiled and isinstance(training, dict):
        told, more = translate_training(training, model, name)
        made["training_config"], report = told, report + more
    copy = folder / "translated.h5"
    shutil.copyfile(contents.path, copy)
    lost = _write_hdf5(copy, made, training if compiled else None)
    return _told(contents, copy, made), report + Translation(name, tuple(lost))


def _told(contents: Contents, path: Path, configs: dict[str, Any]) -> Contents:
    told = tuple(configs.items())
    return contents._replace(path=str(path), keras_version=_VERSION, configs=told)


def _write_hdf5(path: Path, configs: Mapping[str, Any], training: Any) -> list[Change]:
    import h5py

    with h5py.File(path, "r+") as file:
        for key in ("model_config", "training_config"):
            if key in file.attrs:
                del file.attrs[key]
            if key in configs:
                file.attrs[key] = json.dumps(configs[key]).encode()
        file.attrs["keras_version"] = _VERSION
        group = file.get("optimizer_weights")
        if group is None:
            return []
        names = [] if training is None else _weight_names(group)
        arrays = [group[one][()] for one in names]
        del file["optimizer_weights"]
        if not names:
            return []
        saved = training.get("optimizer_config") if isinstance(training, dict) else None
        values = optimizer_values(saved or {}, names, arrays)
        if isinstance(values, str):
            return [Change("optimizer_weights", f"its state ({values})", _ANEW)]
        _write_values(file.create_group("optimizer_weights"), values)
    return []


def _weight_names(group: Any) -> list[str]:
    """The names in order; too many of them are kept in several attributes."""
    parts = [group.attrs["weight_names"]] if "weight_names" in group.attrs else []
    while (key := f"weight_names{len(parts)}") in group.attrs:
        parts.append(group.attrs[key])
    named = [one for part in parts for one in part]
    return [one.decode() if isinstance(one, bytes) else str(one) for one in named]


def _write_values(group: Any, values: Sequence[Any]) -> None:
    names = [f"value_{place:06d}" for place in range(len(values))]
    for name, value in zip(names, values, strict=True):
        group.create_dataset(name, data=value)
    size = 2000
    if len(names) <= size:
        group.attrs["weight_names"] = [one.encode() for one in names]
        return
    for number, first in enumerate(range(0, len(names), size)):
        part = [one.encode() for one in names[first : first + size]]
        group.attrs[f"weight_names{number}"] = part


def _write_zip(source: str, target: Path, config: Any, compiled: Any) -> list[Change]:
    """Write the copy: the configuration translated, the optimizer's values in order."""
    lost = []
    with zipfile.ZipFile(target, "w") as new, _members(source) as members:
        for name, opened in members:
            if name == "config.json":
                new.writestr(name, json.dumps(config))
            elif name == "metadata.json":
                new.writestr(name, json.dumps({"keras_version": _VERSION}))
            elif name == _WEIGHTS:
                weights = target.with_name(_WEIGHTS)
                with opened() as data, weights.open("wb") as file:
                    shutil.copyfileobj(data, file, _CHUNK)
                lost = _reorder(weights, compiled)
                new.write(weights, name)
                weights.unlink()
            else:
                with opened() as data, new.open(name, "w", force_zip64=True) as file:
                    shutil.copyfileobj(data, file, _CHUNK)
    return lost


@contextlib.contextmanager
def _members(source: str) -> Iterator[list[tuple[str, Callable[[], IO[bytes]]]]]:
    """The names of a file's parts and how each is opened; a folder has the same."""
    root = Path(source)
    if root.is_dir():
        files = [one for one in sorted(root.rglob("*")) if one.is_file()]
        yield [(one.relative_to(root).as_posix(), _opener(one)) for one in files]
        return
    with zipfile.ZipFile(source) as archive:
        names = [one for one in archive.namelist() if not one.endswith("/")]
        yield [(name, partial(archive.open, name)) for name in names]


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _reorder(path: Path, compiled: Any) -> list[Change]:
    """Put the optimizer's values into the order of Keras 3; drop what metrics held."""
    import h5py

    with h5py.File(path, "r+") as file:
        file.pop("metrics", None)
        group = file.get("optimizer/vars", {})
        arrays = [group[str(place)][()] for place in range(len(group))]
        file.pop("optimizer", None)
        if not isinstance(compiled, dict):
            return []
        if not arrays:
            return [Change("optimizer", "its state, which is not in the file", _ANEW)]
        values = unnamed_values(compiled.get("optimizer"), arrays)
        if isinstance(values, str):
            return [Change("optimizer", f"its state ({values})", _ANEW)]
        group = file.create_group("optimizer/vars")
        for place, value in enumerate(values):
            group.create_dataset(str(place), data=value)
    return []
