"""What every record has: its fields, their rules, and its plain form.

A record is a frozen, plain-data description of one thing that a plugin
provides. It holds no Keras object, so it can be built, compared, cached on disk
and listed where no Keras is installed.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self, dataclass_transform
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from kerasplug.errors import RecordError
from kerasplug.names import is_name, is_target

__all__ = [
    "HOOK_API_VERSION",
    "Needs",
    "Plain",
    "Record",
    "RemoteFile",
    "is_sha256",
    "is_web",
]

#: The contract between host and plugins. It grows by one when a hook or a field
#: is added; what a newer plugin says beyond it is reported and ignored.
HOOK_API_VERSION = 2

IMPLEMENTATIONS = ("tensorflow", "keras", "tf_keras")

_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")


class _RecordMeta(type):
    """Keeps fields of a newer hook API from breaking an older host.

    A keyword that a record does not know is remembered in
    `unknown_fields`; the registry reports it with the plugin's name.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # every instance of this metaclass is a dataclass
        unknown = tuple(sorted(set(kwargs) - known))
        kept = {key: value for key, value in kwargs.items() if key in known}
        if unknown and "unknown_fields" in known:
            kept["unknown_fields"] = unknown
        elif unknown:
            raise RecordError(
                cls.__name__,
                unknown[0],
                kwargs[unknown[0]],
                "one of " + ", ".join(sorted(known)),
            )
        return super().__call__(*args, **kept)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Plain(metaclass=_RecordMeta):
    """Plain data with rules; to and from JSON-ready dicts."""

    __slots__ = ()

    #: Fields that hold other plain data, and their type.
    nested: ClassVar[Mapping[str, "type[Plain]"]] = {}

    def refuse(self, field: str, rule: str, mend: str = "") -> RecordError:
        """The error for the value that `field` has now."""
        value = getattr(self, field)
        return RecordError(type(self).__name__, field, value, rule, mend)

    def demand(self, field: str, good: bool, rule: str, mend: str = "") -> None:  # noqa: FBT001 -- the condition itself, always the second argument
        """Raise `RecordError` unless the condition holds."""
        if not good:
            raise self.refuse(field, rule, mend)

    def freeze(self, field: str) -> None:
        """Turn a list that an author wrote into the tuple that the field is."""
        value = getattr(self, field)
        if isinstance(value, list):
            object.__setattr__(self, field, tuple(value))

    def demand_counts(self, *fields: str, least: int = 1) -> None:
        """Raise `RecordError` unless each field is None or an int >= `least`."""
        for field in fields:
            value = getattr(self, field)
            good = isinstance(value, int) and not isinstance(value, bool)
            rule = f"an int >= {least}, or None"
            self.demand(field, value is None or (good and value >= least), rule)

    def demand_texts(self, *fields: str) -> None:
        """Raise `RecordError` unless each field is a string."""
        for field in fields:
            self.demand(field, isinstance(getattr(self, field), str), "a string")

    def demand_all(self, field: str, kind: type) -> None:
        """Raise `RecordError` unless the field is a tuple of such things."""
        self.freeze(field)
        value = getattr(self, field)
        good = isinstance(value, tuple) and all(isinstance(one, kind) for one in value)
        self.demand(field, good, f"a tuple of `{kind.__name__}`")

    def demand_files(self, field: str) -> None:
        """Raise `RecordError` unless the field is a tuple of `RemoteFile`."""
        self.demand_all(field, RemoteFile)

    def demand_strings(self, *fields: str) -> None:
        """Raise `RecordError` unless each field is a tuple of non-empty strings."""
        for field in fields:
            self.freeze(field)
            value = getattr(self, field)
            good = isinstance(value, tuple) and all(
                isinstance(item, str) and item for item in value
            )
            self.demand(field, good, "a tuple of non-empty strings")

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready data from which `from_plain` makes an equal object."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]  # subclasses are dataclasses
            if getattr(self, field.name) != field.default
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Self:
        """The object that `to_plain` wrote."""
        return cls(**{key: cls._thaw(key, value) for key, value in data.items()})

    @classmethod
    def _thaw(cls, key: str, value: Any) -> Any:
        inner = cls.nested.get(key)
        if inner is None:
            return _frozen(value)
        if isinstance(value, list):
            return tuple(inner.from_plain(item) for item in value)
        return inner.from_plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Plain):
        return value.to_plain()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def is_specifier(value: object) -> bool:
    """Whether `value` is a PEP 440 specifier set such as `">=3.15,<4"`."""
    try:
        return isinstance(value, str) and SpecifierSet(value) is not None
    except InvalidSpecifier:
        return False


def is_requirement(value: str) -> bool:
    """Whether `value` is a PEP 508 requirement such as `"scipy>=1.11"`."""
    try:
        return Requirement(value) is not None
    except InvalidRequirement:
        return False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Needs(Plain):
    """What a contribution needs from its environment.

    Args:
        keras: a PEP 440 specifier for Keras' version, for example `">=3.15,<4"`;
            empty: any.
        implementations: which of `"tensorflow"`, `"keras"`, `"tf_keras"` will do;
            empty: any.
        backends: which Keras backends will do, for example `("jax",)`; empty: any.
        packages: PEP 508 requirements of other packages, for example
            `("scipy>=1.11",)`.
        python: a PEP 440 specifier for Python's version; empty: any.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> Needs(keras=">=3.15", backends=("jax", "torch")).backends
        ('jax', 'torch')
    """

    keras: str = ""
    implementations: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    python: str = ""

    def __post_init__(self) -> None:
        rule = "a PEP 440 specifier such as '>=3.15,<4', or ''"
        self.demand("keras", is_specifier(self.keras), rule)
        self.demand("python", is_specifier(self.python), rule)
        self.demand_strings("implementations", "backends", "packages")
        self.demand(
            "implementations",
            set(self.implementations) <= set(IMPLEMENTATIONS),
            f"a tuple of some of {IMPLEMENTATIONS}",
        )
        good = all(map(is_requirement, self.packages))
        self.demand("packages", good, "PEP 508 requirements such as 'scipy>=1.11'")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile(Plain):
    """One file that a contribution downloads, and how to know it is the right one.

    Args:
        name: the file's name in the cache; no folders in it.
        url: where it is; `http` or `https`.
        sha256: 64 hexadecimal digits. Mandatory: without it wrong bytes could not
            be told from right ones.
        size: in bytes, or None where it is not known.
        mirrors: other URLs of the same bytes, tried in this order.
        variant: which of the contribution's files this is, for example
            `"imagenet"` or `"imagenet-notop"`.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> file = RemoteFile(
        ...     name="w.h5", url="https://example.org/w.h5", sha256="0" * 64
        ... )
        >>> file.name
        'w.h5'
    """

    name: str
    url: str
    sha256: str
    size: int | None = None
    mirrors: tuple[str, ...] = ()
    variant: str = ""

    def __post_init__(self) -> None:
        self.demand("name", is_name(self.name), "a plain file name, without folders")
        self.demand("url", is_web(self.url), "an http or https URL")
        self.demand("sha256", is_sha256(self.sha256), "64 hexadecimal digits")
        self.demand_counts("size", least=0)
        self.demand_texts("variant")
        self.demand_strings("mirrors")
        self.demand("mirrors", all(map(is_web, self.mirrors)), "http or https URLs")


def is_sha256(value: object) -> bool:
    """Whether `value` is 64 hexadecimal digits."""
    return isinstance(value, str) and bool(_SHA256.match(value))


def is_web(url: object) -> bool:
    """Whether `url` is an address for `http` or `https`."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record(Plain):
    """What the records of all kinds have in common.

    Args:
        name: the contribution's name: a letter, then letters, digits, `_`, `.`
            or `-`. Its canonical name is `distribution/name`.
        target: where the thing is: `"module:attribute"`. It is imported only when
            someone uses it.
        registered_name: the name under which Keras writes it into files, for
            example `"my_package>GatedDense"`; empty where the class is not
            registered with Keras.
        aliases: older registered names that saved files may still hold.
        summary: one line for people.
        needs: what the environment must have.
        unknown_fields: filled in by the host, never by an author: the names of
            arguments that this version of kerasplug does not know.

    Raises:
        RecordError: a value is not of the form its argument asks for.
    """

    kind: ClassVar[str] = ""
    nested: ClassVar[Mapping[str, type[Plain]]] = {"needs": Needs}

    name: str
    target: str
    registered_name: str = ""
    aliases: tuple[str, ...] = ()
    summary: str = ""
    needs: Needs = Needs()
    unknown_fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.demand(
            "name",
            is_name(self.name),
            "a letter, then letters, digits, '_', '.' or '-' (at most 200)",
            mend="for example 'gated_dense'",
        )
        self.demand(
            "target",
            is_target(self.target),
            "'module:attribute'",
            mend="for example 'my_package.layers:GatedDense'",
        )
        self.demand_texts("registered_name", "summary")
        self.demand("summary", "\n" not in self.summary, "one line")
        self.demand_strings("aliases", "unknown_fields")
        self.demand("needs", isinstance(self.needs, Needs), "a `Needs`")
        self.check()

    def check(self) -> None:
        """Raise `RecordError` unless the kind's own fields follow their rules."""
