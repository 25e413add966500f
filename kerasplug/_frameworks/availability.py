"""The answer to "can I use this Keras here?"."""

from kerasplug.errors import (
    ImplementationError,
    KerasBrokenError,
    KerasMissingError,
    KerasVersionError,
)

__all__ = ["Availability"]


class Availability:
    """Whether a Keras can be used here, and if not, why and how to mend it.

    It is true in a condition when the Keras is available.

    Attributes:
        state: "available"; "missing": not installed; "broken": installed, and it
            can't be imported; "unsuitable": installed, with another version than
            asked, or without its backend, or the question itself was wrong.
        reason: one sentence; empty when available.
        mend: a command or a change that helps; empty when available.
        version: the version of the Keras that was found; empty when none was.
        expected: the version that was asked; empty when none was.
        mistake: the question was wrong (no valid version, no such implementation).

    Example:
        >>> answer = Availability("missing", "no Keras here.", "pip install keras")
        >>> bool(answer), answer.state
        (False, 'missing')
    """

    __slots__ = ("expected", "mend", "mistake", "reason", "state", "version")

    def __init__(
        self,
        state: str,
        reason: str = "",
        mend: str = "",
        *,
        version: str = "",
        expected: str = "",
        mistake: bool = False,
    ) -> None:
        self.state = state
        self.reason = reason
        self.mend = mend
        self.version = version
        self.expected = expected
        self.mistake = mistake

    def __bool__(self) -> bool:
        return self.state == "available"

    def __repr__(self) -> str:
        parts = (self.state, self.version, self.reason)
        return f"<Availability {': '.join(part for part in parts if part)}>"

    def error(self) -> ImplementationError:
        """The error to raise where this Keras is needed."""
        kind: type[ImplementationError] = {
            "missing": KerasMissingError,
            "broken": KerasBrokenError,
        }.get(self.state, KerasVersionError if self.expected else KerasMissingError)
        if self.mistake and not self.expected:
            kind = ImplementationError
        found = f"Keras {self.version}" if self.expected and self.version else ""
        return kind(self.reason, found=found, expected=self.expected, mend=self.mend)
