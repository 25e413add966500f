"""Reading BibTeX as BibTeX does."""

from typing import NamedTuple

from pybtex.database import parse_string


class Read(NamedTuple):
    """An entry as a reader of BibTeX understands it."""

    kind: str
    people: list
    fields: dict


def read(text):
    """The entries, by key; what is no BibTeX, or has a key twice, is an error.

    Unlike other readers pybtex counts braces as BibTeX does: a backslash before one
    makes no difference.
    """
    found = parse_string(text, "bibtex").entries
    return {
        key: Read(
            entry.type,
            [str(one) for one in entry.persons.get("author", ())],
            dict(entry.fields),
        )
        for key, entry in found.items()
    }
