"""What may be a name, and what a target: one rule for records and for entry points."""

import re

__all__ = ["is_name", "is_target", "normalise"]

_LONGEST = 200
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*\Z")


def is_name(value: object) -> bool:
    """Whether `value` may name a contribution.

    Example:
        >>> is_name("gated_dense"), is_name("gated dense"), is_name("a/b")
        (True, False, False)
    """
    return (
        isinstance(value, str) and bool(_NAME.match(value)) and len(value) <= _LONGEST
    )


def is_target(value: object) -> bool:
    """Whether `value` has the form `"module:attribute"`.

    Example:
        >>> is_target("my_package.layers:Gate"), is_target("my_package.layers")
        (True, False)
    """
    return isinstance(value, str) and bool(_TARGET.match(value))


def normalise(name: str) -> str:
    """A distribution's canonical name, as PEP 503 says.

    Example:
        >>> normalise("Downstream_Pkg")
        'downstream-pkg'
    """
    return re.sub(r"[-_.]+", "-", name).lower()
