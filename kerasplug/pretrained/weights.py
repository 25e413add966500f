"""The weights of an application: which file, where it is, and how they get in."""

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kerasplug.errors import ApplicationError, ModelFileError, PluginError
from kerasplug.hooks import (
    ApplicationRecord,
    PackagedFile,
    PublishedFile,
    RemoteFile,
)
from kerasplug.pretrained.asking import refusal
from kerasplug.pretrained.source import ApplicationSource

__all__ = ["Chosen", "chosen", "names_of", "path_of", "put_in"]

#: What a file for a model without its top adds to the variant.
_NOTOP: Final = "-notop"
#: Where Keras has the weights of its applications, below `~/.keras`.
_FOLDER: Final = "models"

File = RemoteFile | PublishedFile | PackagedFile


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """A weight file, and how it fits.

    Args:
        file: what the record says, or the user gave; or the path that the user gave.
        whole: whether it is for the very model that is asked for; else it has a top
            that the model lacks, and layers are found by their names.
        name: what `weights=` was; empty for a file of the user's.
    """

    file: File | str
    whole: bool = True
    name: str = ""


def names_of(record: ApplicationRecord, source: object) -> tuple[str, ...]:
    """The names that `weights=` may have, the first one being the default.

    Args:
        record: of the application.
        source: its target.
    """
    if isinstance(source, ApplicationSource):
        return source.weights
    plain = (one.removesuffix(_NOTOP) for one in _files(record) if one)
    return tuple(dict.fromkeys(plain))


def _files(record: ApplicationRecord) -> dict[str, File]:
    """Variant -> file."""
    every: tuple[File, ...] = (
        *record.packaged_weights,
        *record.weights,
        *record.published_weights,
    )
    return {one.variant: one for one in every}


def chosen(
    record: ApplicationRecord, source: object, weights: Any, given: Mapping[str, Any]
) -> Chosen:
    """The file that a call asks for.

    Args:
        record: of the application.
        source: its target.
        weights: a name, a path, or a file as records have them.
        given: the other arguments.

    Raises:
        ApplicationError: it is none of these.
    """
    if isinstance(weights, File):
        return Chosen(weights)
    names = names_of(record, source)
    if isinstance(weights, str) and weights in names:
        return _named(record, source, weights, given)
    if isinstance(weights, str | os.PathLike) and Path(weights).exists():
        return Chosen(os.fspath(weights))
    rule = "a path that is there, a file as records have them, or None"
    if names:
        rule = f"{', '.join(map(repr, names))}; {rule}"
    raise refusal(record, "weights", weights, rule)


def _named(
    record: ApplicationRecord, source: object, name: str, given: Mapping[str, Any]
) -> Chosen:
    variant = name
    if isinstance(source, ApplicationSource):
        variant = source.variant_of({**given, "weights": name})
    top = given.get("include_top", True)
    files = _files(record)
    _demand_classes(record, name, given, top=top)
    if not top and variant + _NOTOP in files:
        return Chosen(files[variant + _NOTOP], name=name)
    if variant in files:
        return Chosen(files[variant], whole=top, name=name)
    what = f"{record.name} has no weights {variant!r}."
    known = ", ".join(sorted(files)) or "none"
    raise ApplicationError(what, found=variant, expected=known)


def _demand_classes(
    record: ApplicationRecord, name: str, given: Mapping[str, Any], *, top: bool
) -> None:
    classes = given.get("classes", record.classes)
    if top and record.classes is not None and classes != record.classes:
        rule = f"{record.classes} with the top and weights={name!r}"
        mend = "include_top=False, and a head of your own"
        raise refusal(record, "classes", classes, rule, mend)


def path_of(file: File | str) -> str:
    """Where the file is; it is fetched if it has to be.

    Args:
        file: what was chosen.

    Raises:
        FetchError: it is not in the cache and can't be had.
        PluginError: it should be inside a package and is not, or is damaged.
    """
    from kerasplug import fetching

    if isinstance(file, str):
        return file
    if isinstance(file, PackagedFile):
        return _packaged(file)
    if isinstance(file, RemoteFile):
        return fetching.fetch(file, cache_subdir=_FOLDER)
    return fetching.get_file(
        file.name,
        file.url,
        md5_hash=file.md5 or None,
        mirrors=file.mirrors,
        cache_subdir=_FOLDER,
    )


def _packaged(file: PackagedFile) -> str:
    import importlib.util

    package, _, inner = file.path.partition(":")
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = Path(folder, *inner.split("/"))
        if path.is_file():
            _demand_sound(path, file, package)
            return str(path)
    what = f"The file {file.path} is not there."
    raise PluginError(what, plugin=package, mend=f"install {package} again")


def _demand_sound(path: Path, file: PackagedFile, package: str) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256.lower():
        what = f"The file {file.path} is damaged."
        raise PluginError(
            what,
            plugin=package,
            found=f"sha256 {found}",
            expected=f"sha256 {file.sha256}",
            mend=f"install {package} again",
        )


def put_in(model: Any, path: str, choice: Chosen) -> None:
    """Load weights into a model, all of them or none.

    Args:
        model: a built one.
        path: of the file.
        choice: what the path is that of; where the file is not for this very model,
            layers are found by name.

    Raises:
        ModelFileError: they don't fit, or the file is damaged or dangerous.
        ApplicationError: the file lacks a layer that the model has.
    """
    from kerasplug.saving import load_model_weights_hdf5

    try:
        report = load_model_weights_hdf5(model, path, by_name=not choice.whole)
    except ModelFileError as error:
        if not isinstance(choice.file, PublishedFile | RemoteFile):
            raise
        # Nobody publishes a hash of some files, so a damaged one is noticed here.
        what = f"{choice.file.name} can't be loaded into {model.name}: {error.what}"
        mend = f"remove {path}, and it will be fetched again"
        raise ModelFileError(
            what, found=error.found, expected=error.expected, mend=mend
        ) from error
    if report.missing:
        what = f"{path} lacks weights of {model.name}."
        found = ", ".join(map(str, report.missing))[:200]
        raise ApplicationError(what, found=f"nothing for {found}")
