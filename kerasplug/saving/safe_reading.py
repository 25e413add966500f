"""What loading does first: read a file, and refuse it before Keras sees it.

`safe_mode=False` says that the caller trusts the code which a file holds or points to,
and lifts those dangers only (`dangers.LIFTED`). That a file reads other files, unpacks
to far more than it is, or is two files to two readers, is never meant, and refused in
every mode; the limits for its sizes can be raised for a call.
"""

from typing import TYPE_CHECKING

from kerasplug.saving.config_dangers import config_dangers, said_dangers
from kerasplug.saving.dangers import Danger, refusal
from kerasplug.saving.limits import DEFAULTS, Limits
from kerasplug.saving.mentions import Said, said_by
from kerasplug.saving.reading import Contents
from kerasplug.saving.scanning import scan

if TYPE_CHECKING:
    import os

__all__ = ["check_config", "read_safely"]


def read_safely(
    path: "str | os.PathLike[str]",
    *,
    limits: Limits | None = None,
    safe_mode: bool = True,
    compiled: bool = True,
) -> tuple[Contents, tuple[Said, ...]]:
    """What a model file holds and mentions, once nothing dangerous is in it.

    Neither Keras nor an HDF5 library is imported, and nothing is written.

    Args:
        path: a `.keras` file, its folder form, or an HDF5 file.
        limits: what is believed of it; None: `Limits()`.
        safe_mode: whether code in the file, and what runs code, is refused.
        compiled: whether loss, metrics and optimizer of the whole model count.

    Returns:
        Its configurations, and everything that they mention.

    Raises:
        FileNotFoundError: nothing is there.
        ModelFileError: it is no whole model, it is damaged, or it is dangerous.

    Example:
        >>> read_safely("no-such-file.keras")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such model file: 'no-such-file.keras'
    """
    found = scan(path, limits)
    _refuse(found.contents.path, found.dangers, safe_mode=safe_mode)
    everything = said_by(found.contents, compiled=compiled)
    _refuse(found.contents.path, tuple(said_dangers(everything)), safe_mode=safe_mode)
    return found.contents, everything


def check_config(
    contents: Contents,
    *,
    limits: Limits | None = None,
    safe_mode: bool = True,
    compiled: bool = True,
) -> tuple[Said, ...]:
    """Everything that a parsed configuration mentions, once nothing in it is dangerous.

    For texts, JSON and YAML, which have no weights and are parsed already.

    Args:
        contents: the configuration; its path is a word for where it comes from.
        limits: as for `read_safely`.
        safe_mode: as for `read_safely`.
        compiled: as for `read_safely`.

    Raises:
        ModelFileError: it is dangerous.
    """
    limits = limits or DEFAULTS
    for label, config in contents.configs:
        dangers = tuple(config_dangers(config, label, limits))
        _refuse(contents.path, dangers, safe_mode=safe_mode)
    everything = said_by(contents, compiled=compiled)
    _refuse(contents.path, tuple(said_dangers(everything)), safe_mode=safe_mode)
    return everything


def _refuse(path: str, dangers: tuple[Danger, ...], *, safe_mode: bool) -> None:
    left = [one for one in dangers if safe_mode or not one.lifted_by_safe_mode]
    if left:
        raise refusal(path, left)
