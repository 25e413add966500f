r"""BibTeX: entries that stay whole, whatever the texts in them hold.

The text is UTF-8: LaTeX and biber expect it, BibTeX hands it through, and a name stays
readable. Braces can't be escaped in it: to BibTeX `\{` is a brace as well.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

__all__ = ["Entry", "escaped", "keyed", "written"]

_ESCAPES: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{one: f"\\{one}" for one in "&%$#_"},
}
_HEAD: Final = re.compile(
    r"@(?P<kind>[A-Za-z]+)\s*\{\s*(?P<key>[^\s,{}()=\"'#%~\\@]+)\s*,"
)
#: What looks like an entry and is none.
_NO_ENTRIES: Final = ("comment", "preamble", "string")
_FIELD: Final = re.compile(r"\s*(?P<name>[A-Za-z][A-Za-z0-9_:.+/-]*)\s*=\s*")
#: A value without braces or quotes; other abbreviations may be defined nowhere.
_BARE: Final = re.compile(
    r"(?:\d+|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_JOIN: Final = re.compile(r"\s*#\s*")
_COMMA: Final = re.compile(r"\s*,")
_CLOSE: Final = re.compile(r"\s*\}")
_GAP: Final = re.compile(r"\s*")
#: There are 26 letters to tell keys apart.
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class Entry(NamedTuple):
    """One entry of a bibliography.

    Args:
        kind: such as `"article"`.
        key: by which texts cite it.
        fields: name -> value, escaped where it has to be.
        verbatim: the entry as its author wrote it; then the fields are not used.
    """

    kind: str
    key: str
    fields: Mapping[str, str]
    verbatim: str = ""

    def __str__(self) -> str:
        if self.verbatim:
            return self.verbatim
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])

    def under(self, key: str) -> "Entry":
        """The same entry under another key."""
        head = _HEAD.match(self.verbatim)
        if key == self.key or not head:
            return self._replace(key=key)
        before, after = self.verbatim[: head.start("key")], head.end("key")
        return self._replace(key=key, verbatim=before + key + self.verbatim[after:])


def escaped(text: str) -> str:
    r"""The text on one line, so that LaTeX prints it as it is.

    Example:
        >>> print(escaped("50% of A_b"))
        50\% of A\_b
    """
    line = " ".join(_shown(text).split())
    return "".join(_ESCAPES.get(one, one) for one in line)


def _shown(text: str) -> str:
    """The text without control characters: a terminal would obey them."""
    return "".join(one if one.isprintable() or one in "\n\t" else " " for one in text)


def written(text: str) -> list[Entry]:
    """The entries of a text that is BibTeX; none unless all of it are whole entries.

    Example:
        >>> [entry.key for entry in written("@misc{a, title={B}} @misc{c, year=1}")]
        ['a', 'c']
        >>> written("@misc{a, title={B}")
        []
    """
    text = _shown("\n".join(text.strip().splitlines()))
    found, place = [], 0
    while place < len(text):
        end = _after_entry(text, place)
        if not end:
            return []
        entry = text[place:end]
        head = _HEAD.match(entry)
        assert head is not None
        found.append(Entry(head["kind"], head["key"], {}, entry))
        gap = _GAP.match(text, end)
        place = gap.end() if gap else end
    return found


def _after_entry(text: str, place: int) -> int:
    """The place behind the whole entry that begins here; 0 where none does."""
    begin, head = place, _HEAD.match(text, place)
    if not head or head["kind"].lower() in _NO_ENTRIES:
        return 0
    place, seen = head.end(), set()
    while field := _FIELD.match(text, place):
        name = field["name"].lower()
        place = _after_value(text, field.end())
        if not place or name in seen:
            return 0
        seen.add(name)
        comma = _COMMA.match(text, place)
        if not comma:
            break
        place = comma.end()
    closed = _CLOSE.match(text, place)
    if not closed or not _is_whole_to_all(text[begin : closed.end()]):
        return 0
    return closed.end()


def _is_whole_to_all(entry: str) -> bool:
    r"""Whether it ends where it ends also to readers that take `\{` for no brace."""
    rest = re.sub(r"\\[{}]", "", entry[entry.index("{") :])
    return _after_piece(rest, 0) == len(rest)


def _after_value(text: str, place: int) -> int:
    """The place behind the value that begins here; 0 where it does not end."""
    while place := _after_piece(text, place):
        join = _JOIN.match(text, place)
        if not join:
            break
        place = join.end()
    return place


def _after_piece(text: str, place: int) -> int:
    opening = text[place : place + 1]
    if opening not in ("{", '"'):
        bare = _BARE.match(text, place)
        return bare.end() if bare else 0
    depth = 0
    for here in range(place + (opening == '"'), len(text)):
        one = text[here]
        depth += (one == "{") - (one == "}")
        if depth < 0:
            return 0
        if not depth and (opening == "{" or one == '"'):
            return here + 1
    return 0


def keyed(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, each with a key of its own: `b`, `c`, … after one that is taken.

    What authors wrote themselves chooses first. BibTeX takes `A` and `a` for one key.
    """
    made, taken = list(entries), set[str]()
    for place in sorted(range(len(made)), key=lambda at: not made[at].verbatim):
        first = key = made[place].key
        number = 1
        while key.lower() in taken:
            key = f"{first}{_LETTERS[number : number + 1] or f'-{number + 1}'}"
            number += 1
        taken.add(key.lower())
        made[place] = made[place].under(key)
    return made
