"""What tests of architectures share: names that YAML misreads, places in a tree."""

from collections.abc import Iterator
from typing import Any

__all__ = ["ODD", "places"]

#: Names that one version of YAML or another takes for something else than a text.
ODD = (
    *("on", "off", "yes", "No", "y", "n", "true", "False", "null", "Null", "~", "none"),
    *("1e3", "1.5", "1_000", "12:30:00", "0o17", "017", "0x1F", "0b11", ".inf", ".NaN"),
    *("2001-01-01", "2001-12-14t21:59:43.10-05:00", "<<", "=", "-", "?", ":", "- a"),
    *(
        "#",
        "a: b",
        "a #b",
        "&a",
        "*a",
        "!a",
        "!!str a",
        "%a",
        "@a",
        "`a",
        "'",
        '"',
        "|",
    ),
    *(">", "", " a", "a ", "[", "]", "{", "}", ",", "a\nb", "a\n\n b\n", "\t", "a\\b"),
    *("---", "...", "-1", "+1", "1.", ".5", "1E5", "é", "模型", "😀", "\u2028", "\x85"),
    *("\x00", "\x7f", "\ufeff", "a\r\nb", "NaN", "Infinity", "-.inf", "0.1e-07", "_1"),
)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each (dict or list, key) in a tree: where something can be put."""
    stack = [tree]
    while stack:
        one = stack.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one))
        for key in keys:
            yield one, key
            if isinstance(one[key], dict | list):
                stack.append(one[key])
