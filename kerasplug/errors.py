"""Every error a user of kerasplug can meet, each with its mend.

An error says three things: what happened, what was expected and what was
found, and how to mend it. The parts are attributes too, so that a program (or
a test) reads them without parsing text.

This module imports nothing: it must cost nothing where an error is only caught.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AmbiguousNameError",
    "ApplicationError",
    "ArchiveError",
    "CheckSetupError",
    "ConfigError",
    "ConformanceError",
    "DatasetError",
    "DeviceError",
    "FetchError",
    "HashError",
    "ImplementationError",
    "KerasBrokenError",
    "KerasMissingError",
    "KerasVersionError",
    "KerasplugError",
    "KerasplugWarning",
    "LayerError",
    "LayerIndexError",
    "MissingExtraError",
    "MissingPluginError",
    "ModelError",
    "ModelFileError",
    "NeedsError",
    "OfflineError",
    "OwnershipError",
    "ParityError",
    "PluginError",
    "RecordError",
    "ReproducibilityError",
    "SaveWarning",
    "SeedError",
    "StaleCompileError",
    "StorageError",
    "TranslationError",
    "UnknownNameError",
    "WorkerError",
]


class KerasplugError(Exception):
    """The root of kerasplug's errors.

    Args:
        what: what happened, one sentence, with the name of the thing.
        found: what was received; empty where `what` says it already.
        expected: what was expected instead.
        mend: what to do about it: a command, a name, a line to change.

    Example:
        >>> print(KerasplugError("no such thing.", mend="ask for another"))
        no such thing.
          mend:     ask for another
    """

    #: So that Keras leaves an error alone that comes out of a layer's `call`; else it
    #: makes a new one of the text. Source: keras 3.15.1, `utils/traceback_utils.py`.
    _keras_call_info_injected = True

    def __init__(
        self, what: str, *, found: str = "", expected: str = "", mend: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.found = found
        self.expected = expected
        self.mend = mend

    def __str__(self) -> str:
        parts = (
            ("found:", self.found),
            ("expected:", self.expected),
            ("mend:", self.mend),
        )
        lines = [f"  {label:<9} {text}" for label, text in parts if text]
        return "\n".join([self.what, *lines])

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments: the default would lose them between processes.
        return (_rebuild, (type(self), self.__dict__, self.args))


def _rebuild(
    cls: type[KerasplugError], state: dict[str, object], args: tuple[object, ...]
) -> KerasplugError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class PluginError(KerasplugError):
    """A plugin is broken, and one of its own things was asked for.

    `plugin` is the distribution's canonical name, `version` its version; the
    exception that broke it is `__cause__` where it happened in this process.
    """

    def __init__(
        self,
        what: str,
        *,
        plugin: str = "",
        version: str = "",
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.plugin = plugin
        self.version = version


class NeedsError(PluginError):
    """A plugin's thing needs what this environment does not have."""


class RecordError(KerasplugError, ValueError):
    """A record was given a value that its field does not take.

    `field`, `value` and `rule` are attributes.
    """

    def __init__(
        self, record: str, field: str, value: object, rule: str, mend: str = ""
    ) -> None:
        super().__init__(
            f"Invalid value received for argument `{field}` of {record}.",
            found=f"{field}={value!r} (of type {type(value).__name__})",
            expected=rule,
            mend=mend,
        )
        self.field = field
        self.value = value
        self.rule = rule


class UnknownNameError(KerasplugError, KeyError):
    """Nothing installed has that name. `close` lists names that resemble it."""

    def __init__(
        self,
        what: str,
        *,
        close: "Iterable[str]" = (),
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.close = tuple(close)


class AmbiguousNameError(KerasplugError, LookupError):
    """Several distributions claim one name. `claims` lists the canonical names."""

    def __init__(
        self,
        what: str,
        *,
        claims: "Iterable[str]" = (),
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.claims = tuple(claims)


class ConfigError(KerasplugError, ValueError):
    """A setting or the file `keras.json` holds something that is not allowed."""


class OwnershipError(KerasplugError, PermissionError):
    """A folder that has to be the user's own belongs to somebody else."""


class ImplementationError(KerasplugError, RuntimeError):
    """The Keras that was asked for is not the one this process can have."""


class KerasMissingError(ImplementationError, ImportError):
    """No Keras, or not the asked one, is installed."""


class KerasBrokenError(ImplementationError, ImportError):
    """A Keras is installed and can't be imported."""


class KerasVersionError(ImplementationError):
    """The installed Keras has another version than the asked one."""


class LayerError(KerasplugError, TypeError):
    """A layer can't be made, wrapped or put where it was put."""


class MissingExtraError(KerasplugError, ImportError):
    """An optional dependency is missing; `extra` names the extra that brings it."""

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(what, mend=f'python -m pip install "kerasplug[{extra}]"')
        self.extra = extra


class ModelError(KerasplugError, TypeError):
    """A model is of a kind, or in a state, that a function can't work with."""


class LayerIndexError(KerasplugError, IndexError):
    """A model has no layer at such a position."""


class StaleCompileError(KerasplugError, RuntimeError):
    """A model would be trained that was compiled for other weights than it has now.

    `stale` says which: a `StaleCompile`.
    """

    def __init__(
        self,
        what: str,
        *,
        stale: object = None,
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.stale = stale


class DeviceError(KerasplugError, ValueError):
    """A device is not there, comes too late, or can't be used like that."""


class WorkerError(KerasplugError, RuntimeError):
    """A process that computes for this one could not start, failed, hung or died.

    `output` is the last that it wrote; `exit_code` how it ended, negative: the signal;
    None where it did not end by itself.
    """

    def __init__(
        self,
        what: str,
        *,
        output: str = "",
        exit_code: int | None = None,
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.output = output
        self.exit_code = exit_code

    def __str__(self) -> str:
        said = super().__str__()
        return f"{said}\n  its last output:\n{self.output}" if self.output else said


class TranslationError(KerasplugError, ValueError):
    """A model can't be had on another engine without changing what it means."""


class ParityError(TranslationError):
    """A model computes other numbers on another engine than it does here."""


class DatasetError(KerasplugError, ValueError):
    """A data set can't be had as it was asked for, or its file is not what it was."""


class ApplicationError(KerasplugError, ValueError):
    """An application can't be had as it was asked for, or a model is none."""


class ModelFileError(KerasplugError, ValueError):
    """A file is not a model that can be read, or is refused for safety."""


class MissingPluginError(KerasplugError):
    """A saved model mentions layers or objects that nothing installed provides.

    `names` lists them.
    """

    def __init__(
        self,
        what: str,
        *,
        names: "Iterable[str]" = (),
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.names = tuple(names)


class FetchError(KerasplugError, OSError):
    """A file could not be had; nothing wrong is in the cache.

    `path` is where it would lie; `failures` has a line for each request that failed.
    """

    def __init__(
        self,
        what: str,
        *,
        path: str = "",
        failures: "Iterable[str]" = (),
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.path = path
        self.failures = tuple(failures)


class HashError(FetchError, ValueError):
    """What came is not the file that was asked for; it was thrown away."""


class OfflineError(FetchError):
    """A file is not in the cache, and nothing may be downloaded.

    `path` says where to put it.
    """


class StorageError(FetchError):
    """The cache can't take the file: no room, no permission, something in the way."""


class ArchiveError(FetchError, ValueError):
    """An archive is damaged, hostile or too large; nothing of it was unpacked."""


class CheckSetupError(KerasplugError, ValueError):
    """A conformance check was called in a way that says nothing about the layer."""


class ConformanceError(KerasplugError, AssertionError):
    """A layer does not keep what layers owe. `report` says which checks failed."""

    def __init__(
        self,
        what: str,
        *,
        report: object = None,
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.report = report


class SeedError(KerasplugError, ValueError):
    """A seed is none, or something that makes results repeatable comes too late.

    `report` is what `use_session_with_seed` would have returned; None where the seed
    itself is refused.
    """

    def __init__(
        self,
        what: str,
        *,
        report: object = None,
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.report = report


class ReproducibilityError(KerasplugError, AssertionError):
    """A program gave other numbers when it ran again, or can't be run like that.

    `result` is what `check_reproducible` returned; None where nothing was compared.
    """

    def __init__(
        self,
        what: str,
        *,
        result: object = None,
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.result = result


class KerasplugWarning(UserWarning):
    """The root of kerasplug's warnings."""


class SaveWarning(KerasplugWarning):
    """A saved model holds something that a fresh process could not load."""
