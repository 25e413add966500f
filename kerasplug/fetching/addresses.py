"""Which addresses may be asked, in which order, and how they are shown."""

import os
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from kerasplug.errors import ConfigError
from kerasplug.fetching.faults import refused

__all__ = ["MIRROR", "name_in", "shown_url", "sources_of"]

#: The environment variable with the address that stands for all others.
MIRROR: Final = "KERASPLUG_MIRROR"

_WEB: Final = ("http", "https")
_SHOWN: Final = 200


def sources_of(urls: Iterable[object], *, allow_file: bool = False) -> tuple[str, ...]:
    """The addresses to ask, in this order, each once.

    Where `KERASPLUG_MIRROR` is set, the scheme and the host, with its port, of each web
    address are replaced by it: `https://host/a/b?c` becomes `$KERASPLUG_MIRROR/a/b?c`.
    No other host is asked then.

    Args:
        urls: the address of a file, then its mirrors.
        allow_file: whether `file:` is an address, too.

    Raises:
        RecordError: an address is none, or not of such a kind.
        ConfigError: KERASPLUG_MIRROR is no web address.

    Example:
        >>> sources_of(["https://example.org/a", "https://example.org/a"])
        ('https://example.org/a',)
    """
    mirror = _mirror()
    found = []
    for url in urls:
        text = _checked(url, allow_file=allow_file)
        found.append(_through(mirror, text) if mirror else text)
    return tuple(dict.fromkeys(found))


def _checked(url: object, *, allow_file: bool) -> str:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        parts = None
    if parts is not None and parts.scheme in _WEB and parts.hostname:
        return str(url)
    if parts is not None and parts.scheme == "file":
        if allow_file and parts.netloc in ("", "localhost"):
            return str(url)
        mend = "allow_file=True, where you trust whoever gave the address"
    else:
        mend = ""
    rule = "an http or https URL"
    raise refused(url, "origin", rule, mend=mend)


def _mirror() -> str:
    text = os.environ.get(MIRROR, "").strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in _WEB and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        message = f"The environment variable {MIRROR} is not the address of a mirror."
        raise ConfigError(
            message,
            found=repr(text[:_SHOWN]),
            expected="an http or https URL without ? and #",
            mend=f"correct it, or: unset {MIRROR}",
        )
    return text.rstrip("/")


def _through(mirror: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in _WEB:
        return url
    query = f"?{parts.query}" if parts.query else ""
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    return f"{mirror}{path}{query}"


def name_in(url: str) -> str:
    """The name of the file in an address; empty where it has none.

    Example:
        >>> name_in("https://example.org/data/mnist.npz?version=1")
        'mnist.npz'
    """
    return urlsplit(url).path.rpartition("/")[2]


def shown_url(url: str) -> str:
    """An address for an error or a log: one line, short, without passwords and tokens.

    Example:
        >>> shown_url("https://me:secret@example.org/a?token=1")
        'https://example.org/a'
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        text = urlunsplit((parts.scheme, host, parts.path, "", ""))
    except ValueError:
        text = "an address that is none"
    return repr(text[:_SHOWN])[1:-1]
