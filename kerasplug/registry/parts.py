"""The plain things that the registry passes around: providers, claims, faults.

On the warm path: classes with slots, and no `dataclasses`, which costs more to
import than reading the whole index.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.hooks import Record

__all__ = [
    "KINDS",
    "Claim",
    "Fault",
    "Hooked",
    "Line",
    "Provider",
    "describe",
    "kind_of",
    "trace_of",
]

#: What the index keeps of a record: kind, name, target, registered name, aliases,
#: JSON of the whole record, summary.
Line = tuple[str, str, str, str, tuple[str, ...], str, str]

#: Kind -> the plural that names its catalog and its entry-point group.
KINDS = {
    "layer": "layers",
    "backend": "backends",
    "application": "applications",
    "dataset": "datasets",
    "callback": "callbacks",
    "object": "objects",
}


class Hooked:
    """One hook module that a distribution advertises, and what it last said.

    `lines` holds what the module's hooks returned, a `Line` for each record. None: not
    known, ask it. `stamp` is the source's modification time, size and inode when it
    said so.
    """

    __slots__ = ("entry", "hooks", "lines", "module", "reports", "source", "stamp")

    def __init__(self, entry: str, module: str) -> None:
        self.entry = entry
        self.module = module
        self.source = ""
        self.stamp = ""
        self.hooks: tuple[str, ...] = ()
        self.reports: list[str] = []
        self.lines: list[Line] | None = None


class Provider:
    """A distribution that advertises itself to kerasplug.

    `name` is normalised as PEP 503 says. `declared` holds (kind, name, target) of
    its entry points, `malformed` (group, name, value) of those that are not valid,
    `hooked` its hook modules, `requires` those of its requirements that kerasplug
    checks, `reports` what is odd about its metadata.
    """

    __slots__ = (
        "declared",
        "hooked",
        "location",
        "malformed",
        "name",
        "python",
        "reports",
        "requires",
        "summary",
        "version",
    )

    def __init__(
        self,
        name: str,
        version: str = "",
        location: str = "",
        summary: str = "",
        requires: tuple[str, ...] = (),
        python: str = "",
    ) -> None:
        self.name = name
        self.version = version
        self.location = location
        self.summary = summary
        self.requires = requires
        self.python = python
        self.declared: list[tuple[str, str, str]] = []
        self.malformed: list[tuple[str, str, str]] = []
        self.hooked: list[Hooked] = []
        self.reports: list[str] = []

    def __repr__(self) -> str:
        return f"<provider {self.name} {self.version}>".replace(" >", ">")

    def content(self) -> tuple[object, ...]:
        """What two copies of one distribution must agree on to be the same."""
        hooked = sorted((item.entry, item.module) for item in self.hooked)
        return self.version, sorted(self.declared), hooked


class Claim:
    """One distribution's claim on one name of one kind."""

    __slots__ = (
        "_record",
        "_summary",
        "aliases",
        "given",
        "kind",
        "name",
        "payload",
        "provider",
        "registered_name",
        "target",
    )

    def __init__(  # noqa: PLR0913 -- a claim is one line of the index
        self,
        provider: Provider,
        kind: str,
        name: str,
        target: str,
        registered_name: str = "",
        aliases: tuple[str, ...] = (),
        payload: str = "",
        summary: str = "",
        *,
        record: "Record | None" = None,
    ) -> None:
        self.provider = provider
        self.kind = kind
        self.name = name
        self.target = target
        self.registered_name = registered_name
        self.aliases = aliases
        self.payload = payload
        self._summary = summary
        self.given = record is not None
        self._record = record

    def __repr__(self) -> str:
        return f"<{self.kind} {self.canonical} at {self.target}>"

    @property
    def canonical(self) -> str:
        """`distribution/name`: works also where the bare name is not unique."""
        return f"{self.provider.name}/{self.name}"

    @property
    def is_declared(self) -> bool:
        """Whether an entry point is all that is known of it."""
        return not self.payload and not self.given

    @property
    def summary(self) -> str:
        """One line for people; what is only declared has that of its distribution."""
        return self.provider.summary if self.is_declared else self._summary

    def record(self) -> "Record":
        """The full description; built when it is first asked for."""
        if self._record is None:
            from kerasplug.registry.records import build

            self._record = build(self)
        return self._record


class Fault:
    """Something that is broken about a plugin, with its cause and its mend.

    Attributes:
        plugin: the distribution's name, normalised as PEP 503 says.
        version: its version.
        entry: the entry point that it is about; empty where it is about more.
        what: what is broken, one line.
        cause: why, one line: for an exception its type and text.
        trace: the traceback, where there is one.
        mend: what to do about it.
        error: the exception, where it happened in this process.
        quarantined: the hook module has ended or stopped the process that asked it,
            and is not asked again before it changes or somebody says so.
    """

    __slots__ = (
        "cause",
        "entry",
        "error",
        "mend",
        "plugin",
        "quarantined",
        "trace",
        "version",
        "what",
    )

    def __init__(
        self,
        provider: Provider,
        what: str,
        *,
        mend: str,
        entry: str = "",
        error: BaseException | None = None,
        cause: str = "",
        trace: str = "",
        quarantined: bool = False,
    ) -> None:
        self.plugin = provider.name
        self.version = provider.version
        self.entry = entry
        self.what = what
        self.mend = mend
        self.error = error
        self.cause = cause
        self.trace = trace
        self.quarantined = quarantined

    def __repr__(self) -> str:
        return f"<fault of {self.plugin}: {self.what}>"


def kind_of(group: str) -> str:
    """The kind that an entry-point group is for; empty where it is for none.

    Example:
        >>> kind_of("kerasplug.layers")
        'layer'
    """
    plural = group.partition(".")[2]
    return next((kind for kind, one in KINDS.items() if one == plural), "")


def describe(error: BaseException) -> str:
    """`Type: text` of an exception, also where its own text can't be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 -- a plugin's `__str__` may raise anything
        return f"{type(error).__name__} (its text can't be shown: __str__ raises)"


def trace_of(error: BaseException) -> str:
    """The traceback of an exception, also where the exception itself is broken."""
    import traceback

    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 -- an exception of a plugin can be broken in any way
        return "".join(traceback.format_tb(error.__traceback__))
