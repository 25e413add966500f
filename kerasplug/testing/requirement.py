"""What a test needs, as plain data, and whether the question makes sense."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kerasplug._frameworks import BUILT_IN_BACKENDS, checked, examine_backend, malformed
from kerasplug.errors import ImplementationError, KerasplugError
from kerasplug.names import normalise

__all__ = ["Names", "Requirement", "Unmet"]

#: One name, several of which any will do, or None: whatever there is.
Names = str | Sequence[str] | None

#: What people write for the names of engines.
_NICKNAMES = {"tf": "tensorflow", "pytorch": "torch", "np": "numpy", "ov": "openvino"}


class Unmet(NamedTuple):
    """Why a test can't run here.

    Attributes:
        kind: "missing": not installed, or in another version; strict mode fails.
            "other": installed and sound, and this process runs with something else,
            or on a machine without GPUs: a choice, so strict mode skips as well.
            "broken": installed, and it does not work: always a failure.
        reason: one sentence.
        mend: a command or a change that helps.
        error: what to raise where this is a failure.
    """

    kind: str
    reason: str
    mend: str
    error: KerasplugError

    def skip_reason(self) -> str:
        """The reason of a skip; the summary recognises it by its beginning."""
        return f"kerasplug: {self.reason} To run this test: {self.mend}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a test needs. Made by `of`, which checks it.

    Attributes:
        version: a specifier or a plain version; None: any.
        implementation: names, any of which will do; empty: all.
        backend: names, any of which will do; empty: all.
        plugin: normalised names of distributions, all of which have to be there.
        gpus: how many at least; 0: none.
    """

    version: str | None = None
    implementation: tuple[str, ...] = ()
    backend: tuple[str, ...] = ()
    plugin: tuple[str, ...] = ()
    gpus: int = 0

    @classmethod
    def of(
        cls,
        version: str | None = None,
        *,
        implementation: Names = None,
        backend: Names = None,
        plugin: Names = None,
        gpus: int | None = None,
    ) -> "Requirement":
        """The requirement that a test has written down.

        Args:
            version: ">=3.15,<4", or a plain version, which means "at least".
            implementation: "tensorflow", "keras", "tf_keras", or several of them.
            backend: the backends of Keras on which the test can run.
            plugin: the distributions of plugins that it uses.
            gpus: how many GPUs it takes.

        Raises:
            ImplementationError: it makes no sense, so it would skip for ever: a
                malformed version, an unknown implementation, a mistyped backend.

        Example:
            >>> Requirement.of(">=3.4", backend="jax").backend
            ('jax',)
        """
        if version is not None and (why := malformed(version)):
            raise _mistake(version, "version", '"3.15" or ">=3.15,<4"', why)
        names = _names("implementation", implementation)
        return cls(
            version,
            tuple(map(checked, names)),
            tuple(map(_backend, _names("backend", backend))),
            tuple(normalise(name.strip()) for name in _names("plugin", plugin)),
            _count(gpus),
        )

    def unmet(self) -> Unmet | None:
        """What stands in the way here; None where the test can run.

        Raises:
            ImplementationError: the environment asks for an unknown implementation.
            UnknownNameError: KERASPLUG_DISABLE or KERASPLUG_ONLY names what nothing
                has.

        Guarantees:
            No Keras is imported here. Only a test that needs GPUs starts another
            process that does, and only where there may be some.
        """
        from kerasplug.testing.checks import first_unmet

        return first_unmet(self)


def _names(argument: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    several = [value] if isinstance(value, str) else value
    names = tuple(several) if isinstance(several, list | tuple) else ()
    if names and all(isinstance(name, str) and name.strip() for name in names):
        return names
    raise _mistake(value, argument, "a name, or a list of names")


def _backend(name: str) -> str:
    """The name, unless it looks like a mistyped one: that would skip for ever."""
    if name in BUILT_IN_BACKENDS or examine_backend(name).state != "missing":
        return name
    close = difflib.get_close_matches(name.lower(), BUILT_IN_BACKENDS, n=1)
    meant = _NICKNAMES.get(name.lower()) or (close[0] if close else "")
    if not meant:
        return name
    raise _mistake(name, "backend", "the name of a backend", mend=f"write {meant!r}")


def _count(gpus: object) -> int:
    if gpus is None:
        return 0
    if isinstance(gpus, int) and not isinstance(gpus, bool) and gpus > 0:
        return gpus
    raise _mistake(gpus, "gpus", "a number of GPUs, at least 1")


def _mistake(
    value: object, argument: str, expected: str, why: str = "", mend: str = ""
) -> ImplementationError:
    return ImplementationError(
        f"A test asks for what can't be: {argument}={value!r}.",
        found=why,
        expected=expected,
        mend=mend,
    )
