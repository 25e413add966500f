"""The index: what a cold look at one folder of `sys.path` found, kept on disk.

One file a folder, below the user's cache folder. Plain text, so that reading it
needs no parser to be imported: fields are separated by tabs, lists inside a field
by unit separators. A file that is not wholly as it should be is as good as none:
it gets rebuilt.

An index is current when the folder's real path, device, inode, mtime and ctime
are what they were, and that mtime was at least `SETTLED_NS` older than the moment
of looking: otherwise an installation could still have been going on, and a half
view would be frozen.

On the warm path: it imports `zlib` for the checksum, and nothing else.
"""

import os
import sys
import zlib

from kerasplug.config import cache_folder
from kerasplug.files import (
    make_own_folder,
    newest_first,
    read_own_file,
    write_atomically,
)
from kerasplug.registry.parts import KINDS, Hooked, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "SETTLED_NS",
    "Names",
    "Stamp",
    "index_file",
    "names",
    "read",
    "stamp_of",
    "write",
]

#: Format version; a file of another one is rebuilt.
_SCHEMA = "5"
#: The hook API by which the modules were asked, `hooks.HOOK_API_VERSION`, which is too
#: dear to import here. What one version reports as unknown the next one may know.
_HOOK_API = "2"
#: How long a folder must have been left alone, in nanoseconds.
SETTLED_NS = 5_000_000_000
#: A bigger file is not ours: 5,000 plugins make about 2 MB. In bytes.
_LARGEST = 64 * 1024 * 1024
#: Beyond this many files, those least recently written are removed.
_KEPT = 300
_ABSENT = "-"

Stamp = str
Names = dict[str, tuple[str, ...]]


def stamp_of(path: str) -> Stamp:
    """Modification time, size and inode of a file; `"-"` where it is missing."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return _ABSENT
    return f"{status.st_mtime_ns},{status.st_size},{status.st_ino},{status.st_ctime_ns}"


def _state(status: os.stat_result) -> str:
    return f"{status.st_dev},{status.st_ino},{status.st_mtime_ns},{status.st_ctime_ns}"


def _header() -> str:
    version = sys.modules["kerasplug"].__version__
    tag = sys.implementation.cache_tag or sys.implementation.name
    return f"kerasplug-index {_SCHEMA} {_HOOK_API} {version} {tag}"


def index_folder() -> str:
    """The folder that holds the index files."""
    return os.path.join(cache_folder(), "index")


def index_file(folder: str) -> str:
    """The index file of one folder; it says inside whose it is."""
    name = os.fsencode(folder)
    tag = sys.implementation.cache_tag or sys.implementation.name
    digest = f"{zlib.crc32(name):08x}{zlib.adler32(name):08x}"
    return os.path.join(index_folder(), f"{tag}-{digest}.index")


def read(folder: str, status: os.stat_result) -> "list[Provider] | None":
    """The providers in `folder`, or None where no current index says them.

    Args:
        folder: real path of a folder.
        status: its present status.
    """
    try:
        parts = _current(folder, status)
        return None if parts is None else _providers(parts[1].split("\n"))
    except (ValueError, IndexError):  # no lines, or those of another program
        return None


def names(folder: str, status: os.stat_result) -> "Names | None":
    """Kind -> sorted names in `folder`, read without the providers.

    None where no current index says them, or where they are not all there is to say:
    names that clash, a hook module to be asked, a file that has changed.

    Args:
        folder: real path of a folder.
        status: its present status.
    """
    try:
        parts = _current(folder, status)
        if parts is None or not parts[0].startswith("N\t") or _changed(parts[1]):
            return None
        fields = (_several(_unescape(field)) for field in parts[0].split("\t")[1:])
        return {kind: found for kind, found in zip(KINDS, fields, strict=True) if found}
    except ValueError:  # as above
        return None


def _current(folder: str, status: os.stat_result) -> "tuple[str, str] | None":
    """The line of names and the lines of providers of a current index."""
    data = read_own_file(index_file(folder), _LARGEST) or b""
    body = _body(data.decode("utf-8", "surrogateescape"))
    place, began, line, rest = body.split("\n", 3)
    if place.split("\t") != ["F", _escape(folder), _state(status)]:
        return None
    if int(began) - status.st_mtime_ns < SETTLED_NS:
        return None
    return line, rest


def _changed(text: str) -> bool:
    """Whether a file that these lines depend on is another one now."""
    for part in text.split("\nW\t")[1:]:
        path, _, stamp = part.partition("\n")[0].partition("\t")
        if stamp_of(_unescape(path)) != stamp:
            return True
    for part in text.split("\nH\t")[1:]:
        _, _, source, stamp, _ = part.split("\t", 4)
        if not stamp or stamp_of(_unescape(source)) != stamp:
            return True
    return False


def _body(text: str) -> str:
    """What is behind the header; nothing unless header and checksum are right."""
    head, _, body = text.partition("\n")
    mine, _, checksum = head.rpartition(" ")
    return body if (mine, checksum) == (_header(), _checksum(body)) else ""


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('utf-8', 'surrogateescape')):08x}"


def _providers(lines: "list[str]") -> "list[Provider] | None":
    """Parse the body; None where something that was looked at has changed."""
    found: list[Provider] = []
    for line in lines:
        parts = line.split("\t")
        if "\\" in line:
            parts = [_unescape(part) for part in parts]
        tag = parts[0]
        if tag == "D":
            found[-1].declared.append((parts[1], parts[2], parts[3]))
        elif tag == "R":
            hooked = found[-1].hooked[-1]
            if hooked.lines is not None:
                kind, name, target, registered, aliases, payload, summary = parts[1:]
                several = _several(aliases)
                hooked.lines.append(
                    (kind, name, target, registered, several, payload, summary)
                )
        elif tag == "P":
            name, version, location, summary, requires, python, reports = parts[1:]
            provider = Provider(
                name, version, location, summary, _several(requires), python
            )
            provider.reports.extend(_several(reports))
            found.append(provider)
        elif tag == "H":
            found[-1].hooked.append(_hooked(parts))
        elif tag == "M":
            found[-1].malformed.append((parts[1], parts[2], parts[3]))
        elif tag == "W" and stamp_of(parts[1]) != parts[2]:
            return None
    return found


def _hooked(parts: "list[str]") -> Hooked:
    hooked = Hooked(parts[1], parts[2])
    hooked.source, hooked.stamp = parts[3], parts[4]
    hooked.hooks = _several(parts[5])
    hooked.reports.extend(_several(parts[6]))
    # What the module said holds as long as its source is the same.
    if hooked.stamp and stamp_of(hooked.source) == hooked.stamp:
        hooked.lines = []
    return hooked


def write(
    folder: str,
    status: os.stat_result,
    providers: "list[Provider]",
    watched: "Iterable[str]",
    began: int,
) -> bool:
    """Whether the index of `folder` could be written.

    Args:
        folder: real path of a folder.
        status: its status from before it was read, so that what came later is seen.
        providers: what is in it.
        watched: files outside `folder`'s own listing that it depends on.
        began: when the look at the folder began, in nanoseconds of `time.time_ns`.
    """
    lines = [f"F\t{_escape(folder)}\t{_state(status)}", str(began)]
    # The empty line lets every line below begin after a line's end.
    lines += [_names_line(providers), ""]
    lines += [f"W\t{_escape(path)}\t{stamp_of(path)}" for path in watched]
    for provider in providers:
        lines.append(_line("P", *_fields(provider)))
        lines += [_line("D", *declared) for declared in provider.declared]
        lines += [_line("M", *malformed) for malformed in provider.malformed]
        for hooked in provider.hooked:
            lines += _hook_lines(hooked)
    body = "\n".join(lines)
    text = f"{_header()} {_checksum(body)}\n{body}"
    return _store(index_file(folder), text.encode("utf-8", "surrogateescape"))


def _names_line(providers: "list[Provider]") -> str:
    """All names by kind, where they are unique; else nothing."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for provider in providers:
        for kind, name, _ in provider.declared:
            found[kind].append(name)
        for hooked in provider.hooked:
            for record in hooked.lines or ():
                found[record[0]].append(record[1])
    unique = len({one.name for one in providers}) == len(providers) and all(
        len(set(one)) == len(one) for one in found.values()
    )
    # A provider without names still counts beside a copy of itself elsewhere.
    if not unique or (providers and not any(found.values())):
        return ""
    return _line("N", *(tuple(sorted(found[kind])) for kind in KINDS))


def _fields(provider: Provider) -> "tuple[str | tuple[str, ...], ...]":
    return (
        provider.name,
        provider.version,
        provider.location,
        provider.summary,
        provider.requires,
        provider.python,
        tuple(provider.reports),
    )


def _hook_lines(hooked: Hooked) -> "Iterable[str]":
    known = hooked.lines is not None and hooked.stamp
    yield _line(
        "H",
        hooked.entry,
        hooked.module,
        hooked.source,
        hooked.stamp if known else "",
        hooked.hooks,
        tuple(hooked.reports),
    )
    if known:
        for record in hooked.lines or ():
            yield _line("R", *record)


def _store(path: str, data: bytes) -> bool:
    folder = os.path.dirname(path)
    if not (make_own_folder(os.path.dirname(folder)) and make_own_folder(folder)):
        return False
    try:
        write_atomically(path, data)
        for old in list(newest_first(folder))[_KEPT:]:
            os.unlink(old)
    except OSError:
        return False
    return True


def _line(*fields: "str | tuple[str, ...]") -> str:
    return "\t".join(
        _escape(field if isinstance(field, str) else "\x1f".join(field))
        for field in fields
    )


def _several(field: str) -> "tuple[str, ...]":
    return tuple(field.split("\x1f")) if field else ()


def _escape(text: str) -> str:
    if "\\" in text or "\t" in text or "\n" in text:
        text = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    return text


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\t", "\t").replace("\\n", "\n") for part in parts)
