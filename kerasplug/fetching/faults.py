"""The error for an argument of fetching that is not of its form."""

from typing import Final

from kerasplug.errors import RecordError

__all__ = ["refused"]

_SHOWN: Final = 200


def refused(
    value: object, argument: str, rule: str, *, of: str = "get_file", mend: str = ""
) -> RecordError:
    """The error for an argument that is not of its form; a long text is cut.

    Args:
        value: what was received.
        argument: its name.
        rule: what was expected.
        of: the function.
        mend: what to do about it.
    """
    shown = value[:_SHOWN] if isinstance(value, str) else value
    return RecordError(of, argument, shown, rule, mend)
