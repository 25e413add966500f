"""Weight files that are no `RemoteFile`: with a weaker hash, or inside a package."""

import dataclasses
import re

from kerasplug.hooks.record import Plain, is_sha256, is_web
from kerasplug.names import is_name, is_target

__all__ = ["PackagedFile", "PublishedFile"]

_MD5 = re.compile(r"[0-9a-fA-F]{32}\Z")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile(Plain):
    """A file on the web of which its publisher states an MD5, or nothing.

    An MD5 finds damage, not malice. Such files are looked into before they are used.
    Who publishes a file himself says `RemoteFile`.

    Args:
        name: the file's name in the cache; no folders in it.
        url: where it is; `http` or `https`.
        md5: 32 hexadecimal digits; empty: nobody states one.
        size: in bytes, or None where it is not known.
        mirrors: other URLs of the same bytes, tried in this order.
        variant: which of the contribution's files this is, for example `"imagenet"`.

    Raises:
        RecordError: a value is not of the form its argument asks for.
    """

    name: str
    url: str
    md5: str = ""
    size: int | None = None
    mirrors: tuple[str, ...] = ()
    variant: str = ""

    def __post_init__(self) -> None:
        self.demand("name", is_name(self.name), "a plain file name, without folders")
        self.demand("url", is_web(self.url), "an http or https URL")
        good = isinstance(self.md5, str) and (
            not self.md5 or bool(_MD5.match(self.md5))
        )
        self.demand("md5", good, "32 hexadecimal digits, or ''")
        self.demand_counts("size", least=0)
        self.demand_texts("variant")
        self.demand_strings("mirrors")
        self.demand("mirrors", all(map(is_web, self.mirrors)), "http or https URLs")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile(Plain):
    """A file that comes inside an installed package.

    Args:
        path: `"package:folder/file"`, below the folder of that importable package.
        sha256: 64 hexadecimal digits.
        variant: which of the contribution's files this is, for example `"digits"`.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> PackagedFile(path="my_models:w.h5", sha256="0" * 64, variant="own").path
        'my_models:w.h5'
    """

    path: str
    sha256: str
    variant: str = ""

    def __post_init__(self) -> None:
        rule = "'package:folder/file', with plain names"
        self.demand("path", _is_inside(self.path), rule)
        self.demand("sha256", is_sha256(self.sha256), "64 hexadecimal digits")
        self.demand_texts("variant")


def _is_inside(path: object) -> bool:
    if not isinstance(path, str):
        return False
    package, colon, inner = path.partition(":")
    return (
        bool(colon)
        and is_target(f"{package}:x")
        and all(map(is_name, inner.split("/")))
    )
