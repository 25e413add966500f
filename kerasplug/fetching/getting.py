"""`get_file`, with Keras' arguments and results and none of its accidents.

Source: Keras 3.15.1, `get_file` in `keras/src/utils/file_utils.py`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerasplug.fetching.addresses import name_in, sources_of
from kerasplug.fetching.caching import brought
from kerasplug.fetching.downloading import Wanted
from kerasplug.fetching.faults import refused
from kerasplug.fetching.hashing import meant
from kerasplug.fetching.patience import PATIENCE, Patience
from kerasplug.fetching.places import checked_name, folder_of
from kerasplug.fetching.unpack_limits import UnpackLimits
from kerasplug.fetching.unpacking import formats_of, unpacked

if TYPE_CHECKING:
    import os

    from kerasplug.fetching.downloading import Report

__all__ = ["get_file"]


def get_file(  # noqa: PLR0913, PLR0917 -- Keras' own arguments, then ours
    fname: "str | os.PathLike[str] | None" = None,
    origin: str | None = None,
    untar: bool = False,  # noqa: FBT001, FBT002 -- Keras' signature
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: "str | os.PathLike[str]" = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,  # noqa: FBT001, FBT002 -- Keras' signature
    archive_format: "str | Sequence[str] | None" = "auto",
    cache_dir: "str | os.PathLike[str] | None" = None,
    force_download: bool = False,  # noqa: FBT001, FBT002 -- Keras' signature
    *,
    mirrors: Iterable[str] = (),
    offline: bool | None = None,
    progress: "bool | Report | None" = None,
    verify: bool = False,
    allow_file: bool = False,
    largest: int | None = None,
    limits: UnpackLimits | None = None,
    patience: Patience = PATIENCE,
) -> str:
    """The path of a file from the web, in Keras' cache, whole and right.

    The arguments up to `force_download` are those of `keras.utils.get_file`, and so is
    the path. What can't be had is an error, and leaves the cache as it was.

    Args:
        fname: its name in the cache; default: the last part of the address. With
            `extract` and without a dot it names the folder.
        origin: its address; `http` or `https`.
        untar: `extract`, for a tar file.
        md5_hash: `file_hash`, for MD5.
        file_hash: the hash it must have, in hexadecimal digits of either case. Without
            one, wrong bytes can't be told from right ones, a file that is in the
            cache is believed, and no download goes on where it broke off.
        cache_subdir: the folder below `cache_dir`, or an absolute path.
        hash_algorithm: "sha256", "sha512", "md5", or "auto": the one whose hash is as
            long as `file_hash`.
        extract: unpack it as an archive; what comes back is the folder.
        archive_format: "auto", "tar", "zip", or several.
        cache_dir: default: `$KERAS_HOME`, else `~/.keras`. It is made where it
            is missing, and never another one is used.
        force_download: download it, and unpack it, even if it is there.
        mirrors: other addresses of the same bytes, asked in this order.
        offline: download nothing; None: what KERASPLUG_OFFLINE says.
        progress: None: a bar on a terminal, where rich is installed; True or False; or
            a function that gets the number of bytes so far and in all, or None.
        verify: hash a file even where it was hashed before and has not changed since,
            and compare each unpacked file with the archive.
        allow_file: whether `file:` is an address too.
        largest: bytes that are downloaded at most; None: any number.
        limits: what an archive may unpack to.
        patience: when to try again, and when to give up.

    Returns:
        The path of the file; with `extract` or `untar` that of the folder.

    Raises:
        RecordError: an argument is not of its form.
        HashError: a source gave another file, and none gave the right one.
        OfflineError: it is not in the cache, and may not be downloaded.
        FetchError: no source gave it.
        StorageError: the cache can't take it.
        ArchiveError: it is not an archive, damaged, hostile or too large.
        MissingExtraError: it has to be downloaded, and urllib3 is not installed.

    Guarantees:
        Under the final name there is never anything but the whole file. Several
        processes that ask at once do not harm each other, and one downloads.
    """
    if origin is None:
        rule = "the address of the file"
        raise refused(origin, "origin", rule)
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    algorithm, digest = meant(file_hash, hash_algorithm)
    sources = sources_of([origin, *_listed(mirrors)], allow_file=allow_file)
    formats = formats_of("tar" if untar else archive_format)
    if largest is not None and (isinstance(largest, bool) or largest < 1):
        raise refused(largest, "largest", "a whole number from 1, or None")
    name, folder = _names(fname, origin, into_folder=extract or untar)
    base = Path(folder_of(cache_dir, cache_subdir))
    path = brought(
        Wanted(str(base / name), sources, algorithm, digest, largest=largest),
        patience=patience,
        progress=progress,
        offline=offline,
        verify=verify,
        force=force_download,
    )
    if not folder:
        return path
    return unpacked(
        path,
        str(base / folder),
        formats,
        limits=limits,
        verify=verify,
        force=force_download,
        wait=patience.lock,
    )


def _listed(mirrors: Iterable[str]) -> list[str]:
    if isinstance(mirrors, str):
        raise refused(mirrors, "mirrors", "a list of URLs")
    return list(mirrors)


def _names(fname: object, origin: str, *, into_folder: bool) -> tuple[str, str]:
    """The file's name, and the folder's where there is one, as Keras chooses them."""
    name = checked_name(fname or name_in(origin))
    if not into_folder:
        return name, ""
    if fname and "." in name:
        return name, f"{name.partition('.')[0]}_extracted"
    return f"{name}_archive", name
