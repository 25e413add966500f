"""Where the private environments of engines lie, and what state each is in.

An environment can't be moved once it is made: its scripts have its path. So it is made
in its place, and a mark in it, written last, says that it is whole.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from kerasplug.config import keras_home
from kerasplug.engines.workers import inspecting
from kerasplug.files import belongs_to_us, read_own_file, write_atomically

if TYPE_CHECKING:
    from kerasplug.engines.workers.engine import WorkerEngine

__all__ = [
    "Private",
    "environments_folder",
    "folders_of",
    "look",
    "mark",
    "name_for",
    "privates",
    "unmark",
]

_MARK: Final = "kerasplug-environment.json"
_LARGEST: Final = 1 << 16
_FORM: Final = r"{}-(\d+)\.(\d+)-[0-9a-f]{{12}}\Z"


class Private(NamedTuple):
    """A private environment of an engine, as its files show it.

    Attributes:
        folder: where it is.
        python: its interpreter; empty where it has none.
        state: "made"; "half made"; "broken": its Python is gone, or another one;
            "changed": it has other versions than were installed; "old": it was made for
            other versions than the engine requires now; "foreign": somebody else could
            have made it.
        reason: why it is not "made"; empty otherwise.
    """

    folder: str
    python: str
    state: str
    reason: str


def environments_folder() -> Path:
    """The folder of all private environments, below Keras' home; it may not exist.

    Raises:
        ConfigError, OwnershipError: as `kerasplug.config.keras_home`.
    """
    return Path(os.path.abspath(keras_home()), "kerasplug", "environments")  # noqa: PTH100 -- resolve() would follow links


def name_for(engine: "WorkerEngine", minor: str) -> str:
    """The name of an environment's folder: engine, Python, and a hash of the pins."""
    pins = "\n".join(engine.requirements).encode()
    return f"{engine.name}-{minor}-{hashlib.sha256(pins).hexdigest()[:12]}"


def privates(engine: "WorkerEngine") -> list[Private]:
    """All private environments of an engine that are there, the best one first.

    Whole ones go before others, that for this process' Python before those for others,
    and newer Pythons before older ones.

    Args:
        engine: whose.

    Raises:
        ConfigError, OwnershipError: as `kerasplug.config.keras_home`.
    """
    found = []
    for folder in folders_of(engine.name):
        one = look(engine, folder)
        version = _version_in(engine.name, folder)
        rank = one.state == "made", version == sys.version_info[:2], version
        found.append((rank, one))
    return [one for _, one in sorted(found, reverse=True)]


def folders_of(name: str) -> list[Path]:
    """The folders that are, or were to be, private environments of an engine.

    Args:
        name: the engine's.

    Raises:
        ConfigError, OwnershipError: as `kerasplug.config.keras_home`.
    """
    try:
        folders = sorted(environments_folder().iterdir())
    except OSError:
        return []
    return [one for one in folders if _version_in(name, one)]


def _version_in(name: str, folder: Path) -> tuple[int, int] | None:
    """The Python that a folder's name has; None: it is no environment of the engine."""
    found = re.match(_FORM.format(re.escape(name)), folder.name)
    return (int(found[1]), int(found[2])) if found else None


def look(engine: "WorkerEngine", folder: Path) -> Private:
    """What one folder is that is, or was to be, a private environment.

    Args:
        engine: whose.
        folder: it is there.
    """
    python = inspecting.python_in(folder)
    minor = "{}.{}".format(*_version_in(engine.name, folder) or ("", ""))
    current = folder.name == name_for(engine, minor)
    state, reason = _state(folder, python, engine.requirements if current else ())
    if state == "made" and not current:
        reason = "it was made for other versions than the plugin asks for now"
        state = "old"
    return Private(str(folder), python, state, reason)


def _state(folder: Path, python: str, pins: Sequence[str]) -> tuple[str, str]:
    if not _is_ours(folder):
        return "foreign", "it is a link, or others can write there"
    if _standing(folder) is None:
        return "half made", "it was never finished"
    damage = inspecting.damage_of(folder)
    if damage:
        return "broken", damage
    wrong = inspecting.strays(pins, python)
    return ("changed", "; ".join(wrong)) if wrong else ("made", "")


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can have put anything into an environment's folder."""
    try:
        ours = belongs_to_us(folder.lstat()) and belongs_to_us(folder.parent.lstat())
    except OSError:
        return False
    return ours and not folder.is_symlink() and not folder.parent.is_symlink()


def _standing(folder: Path) -> dict[str, object] | None:
    """What the mark of a whole environment says; None where there is no mark."""
    text = read_own_file(str(folder / _MARK), _LARGEST)
    try:
        said = json.loads(text or b"")
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def mark(folder: Path, said: dict[str, object]) -> None:
    """Say that an environment is whole.

    Raises:
        OSError: the mark can't be written.
    """
    text = json.dumps(said, indent=2) + "\n"
    write_atomically(str(folder / _MARK), text.encode())


def unmark(folder: Path) -> None:
    """Say that an environment is not whole any longer: the first step of removing it.

    Raises:
        OSError: the mark can't be removed.
    """
    (folder / _MARK).unlink(missing_ok=True)
