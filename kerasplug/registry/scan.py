"""The cold look: what the metadata in one folder says. No plugin code runs here.

Source of the formats: the PyPA specifications "Recording installed projects",
"Core metadata" and "Entry points"; for `.egg-info` setuptools' own documentation.
"""

import os
import re
from collections.abc import Iterable, Iterator

from kerasplug.names import is_name, is_target, normalise
from kerasplug.registry.parts import KINDS, Hooked, Provider, kind_of

__all__ = ["provider_from", "scan"]

_GROUP = "kerasplug"
# What the state of a plugin depends on; everything else is pip's business.
_CHECKED = re.compile(r"(keras|tf[-_.]keras|tensorflow|jax|torch)\b", re.IGNORECASE)
_REPLACING = "utf-8", "replace"


def scan(folder: str) -> tuple[list[Provider], list[str]]:
    """Providers in `folder`, and the files that have to be watched beside it.

    Args:
        folder: real path of a folder on `sys.path`.

    Returns:
        The providers, sorted by name; and the files whose change would not change
        the folder's own times: those in `.egg-info` folders, and `.egg-link` files
        with what they point to.
    """
    found: list[Provider] = []
    watched: list[str] = []
    for name in _listing(folder):
        path = os.path.join(folder, name)
        if name.endswith(".dist-info"):
            found += _read(path, "METADATA")
        elif name.endswith(".egg-info"):
            watched += [os.path.join(path, "entry_points.txt")]
            found += _read(path, "PKG-INFO")
        elif name.endswith(".egg-link"):
            # What it points to is on `sys.path` itself and read there.
            watched += [path, *_behind(path)]
        elif name == "EGG-INFO" and folder.endswith(".egg"):
            found += _read(path, "PKG-INFO")
    return sorted(found, key=lambda one: (one.name, one.location)), sorted(watched)


def _listing(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _behind(link: str) -> Iterator[str]:
    first = _bytes(link).decode(*_REPLACING).partition("\n")[0].strip()
    for name in _listing(first) if first else ():
        if name.endswith(".egg-info"):
            yield os.path.join(first, name, "entry_points.txt")


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""


def _read(info: str, metadata: str) -> Iterator[Provider]:
    points = _bytes(os.path.join(info, "entry_points.txt"))
    if _GROUP.encode() not in points:
        return
    text = _bytes(os.path.join(info, metadata)).decode(*_REPLACING)
    yield from provider_from(points.decode(*_REPLACING), text, info)


def provider_from(points: str, metadata: str, location: str) -> Iterable[Provider]:
    """The provider that these texts describe; none without a group of ours.

    Args:
        points: content of `entry_points.txt`.
        metadata: content of `METADATA` or `PKG-INFO`.
        location: where they come from, for messages.
    """
    entries = list(_entries(points))
    if not entries:
        return []
    fields = _headers(metadata)
    stem = os.path.basename(location).rpartition(".")[0]
    name, _, version = stem.partition("-")
    provider = Provider(
        normalise(fields.get("name", name)),
        fields.get("version", version),
        location,
        fields.get("summary", ""),
        tuple(fields.get("requires-dist", "").splitlines()),
        fields.get("requires-python", ""),
    )
    for group, key, value in entries:
        _take(provider, group, key, value)
    # The file's order is not ours to depend on; equal lines collapse.
    provider.declared = sorted(set(provider.declared))
    return [provider]


def _entries(points: str) -> Iterator[tuple[str, str, str]]:
    """(group, name, value) of the lines in groups of ours."""
    group = ""
    for raw in points.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif line and line[0] not in "#;" and group.split(".")[0] == _GROUP:
            name, _, value = line.partition("=")
            yield group, name.strip(), value.strip()


def _take(provider: Provider, group: str, name: str, value: str) -> None:
    kind = kind_of(group)
    # Brackets ask for extras of the plugin itself, which is the installer's business.
    target = re.sub(r"\s*:\s*", ":", re.sub(r"\s*\[[^]]*\]\s*\Z", "", value.strip()))
    module = target.partition(":")[0]
    if group == _GROUP and is_target(f"{module}:x"):
        provider.hooked.append(Hooked(name, module))
    elif group != _GROUP and not kind:
        known = ", ".join(f"{_GROUP}.{plural}" for plural in sorted(KINDS.values()))
        provider.reports.append(f"unknown group [{group}]; known are {known}")
    elif kind and is_name(name) and is_target(target):
        provider.declared.append((kind, name, target))
    else:
        provider.malformed.append((group, name, value))


def _headers(metadata: str) -> dict[str, str]:
    """The header fields that are used; `requires-dist` joined by newlines."""
    fields: dict[str, str] = {}
    for line in metadata.splitlines():
        if not line:
            break
        key, _, value = line.partition(": ")
        key = key.lower()
        if key in ("name", "version", "summary", "requires-python"):
            fields[key] = value.strip()
        elif key == "requires-dist" and _CHECKED.match(value):
            fields[key] = f"{fields.get(key, '')}{value.strip()}\n"
    return fields
