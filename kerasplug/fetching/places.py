"""Where fetched files lie: Keras' own folders, so that Keras finds them too.

Source: Keras 3.15.1, `get_file` in `keras/src/utils/file_utils.py`. It goes to a shared
folder for temporary files where the cache can't be written or does not exist yet; here
the place is always the one that was asked for.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from kerasplug.config import keras_home
from kerasplug.errors import FetchError, StorageError
from kerasplug.fetching.faults import refused

__all__ = ["checked_name", "folder_of", "made_folder", "storing"]

_ROOM = (
    "make room, or get permission to write there; or choose another place with "
    "cache_dir= or KERAS_HOME"
)


def checked_name(name: object, function: str = "get_file") -> str:
    """The name, if it is the plain name of a file.

    Args:
        name: what a caller or an address gave.
        function: whose argument `fname` it is, for the error.

    Raises:
        RecordError: it is empty, leads elsewhere, or is more than a name.

    Example:
        >>> checked_name("mnist.npz")
        'mnist.npz'
    """
    text = os.fspath(name) if isinstance(name, os.PathLike) else name
    good = isinstance(text, str) and text not in ("", ".", "..")
    if not good or any(one in str(text) for one in ("/", "\\", "\0", ":")):
        rule = "the plain name of a file, without folders"
        mend = "folders belong into cache_dir= or cache_subdir="
        raise refused(text, "fname", rule, of=function, mend=mend)
    return str(text)


def folder_of(
    cache_dir: "str | os.PathLike[str] | None",
    cache_subdir: "str | os.PathLike[str]" = "datasets",
) -> str:
    """The absolute path of a cache folder; it may not exist yet.

    Args:
        cache_dir: None: `$KERAS_HOME`, else `~/.keras`.
        cache_subdir: below it; an absolute path stands alone, as Keras has it.

    Raises:
        ConfigError: KERAS_HOME is set and empty.

    Example:
        >>> folder_of("/data/keras", "models")
        '/data/keras/models'
    """
    if cache_dir is not None:
        base = os.fspath(cache_dir)
    elif "KERAS_HOME" in os.environ:
        base = keras_home()
    else:
        base = "~/.keras"
    folder = Path(base).expanduser() / cache_subdir
    return os.path.abspath(folder)  # noqa: PTH100 -- resolve() would follow links


def made_folder(folder: str) -> None:
    """Make a folder with all above it, if it is missing.

    Raises:
        StorageError: it can't be made.
    """
    with storing(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def storing(path: str) -> Iterator[None]:
    """Turn what the file system refuses into an error that names the place.

    Raises:
        StorageError: instead of the `OSError` of the block.
    """
    try:
        yield
    except FetchError:
        raise
    except OSError as error:
        refusal = StorageError(
            f"{path} can't be written; it was left as it was.",
            path=path,
            found=str(error),
            mend=_ROOM,
        )
        refusal.errno = error.errno
        raise refusal from error
