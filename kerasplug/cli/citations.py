"""Citations as records have them: one line, taken apart for BibTeX, or BibTeX.

The line is "Authors (year). Title. Where. arXiv:…". What can't be told from it is not
made up: such a text becomes the note of an entry.
"""

import re
import unicodedata
from typing import Final

from kerasplug.cli.bibtex import Entry, escaped, written

__all__ = ["entries_of"]

_FORM: Final = re.compile(r"(\S.*?) \((\d{4})\)\. (\S.*)")

_ARXIV: Final = re.compile(
    r"\(?(?:arXiv preprint )?(?:arXiv:\s?|https?://arxiv\.org/(?:abs|pdf)/)"
    r"(?P<eprint>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?"
    r"(?: \[(?P<primaryClass>[A-Za-z-]+(?:\.[A-Za-z-]+)?)\])?\)?[.,;]?(?=\s|$)",
    re.IGNORECASE,
)
_DOI: Final = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/|doi:\s?)(?P<doi>10\.\S+?)[.,;]?(?=\s|$)",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"(?P<url>https?://\S+?)[.,;]?(?=\s|$)")

_ENCODED: Final = {"{": "%7B", "}": "%7D", "\\": "%5C"}

#: "Proceedings of the IEEE 86(11), 2278-2324": a journal has a volume and pages.
_JOURNAL: Final = re.compile(
    r"(?P<journal>.+?) (?P<volume>\d{1,3})(?:\((?P<number>[\d-]+)\))?,"
    r" (?P<pages>\d+ ?[-\N{EN DASH}]+ ?\d+)"
)
#: "CVPR 2016", "ACL 2011, 142-150", and what calls itself proceedings.
_CONFERENCE: Final = re.compile(
    r"(?:In )?(?P<booktitle>[A-Z]\S* (?P<year>\d{4})|Proceedings of .+?)"
    r"(?:, (?P<pages>\d+ ?[-\N{EN DASH}]+ ?\d+))?"
)
_REPORT: Final = re.compile(r"Technical report, (?P<institution>.+)")
_KINDS: Final = (
    ("techreport", _REPORT),
    ("article", _JOURNAL),
    ("inproceedings", _CONFERENCE),
)

_BETWEEN: Final = re.compile(r",\s*(?:and |& ?)?|\s+(?:and|&)\s+")
_OTHERS: Final = re.compile(r",? (?:et al\b\.?|and others\b)")
#: What stands behind a family's name in "Simonyan, K., & Zisserman, A.".
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.[ -]?)+|[A-Z]{1,3}")
#: No name, and whose it is can't be told from a list.
_SUFFIXES: Final = ("jr", "jr.", "sr", "sr.", "ii", "iii", "iv")
#: Small words in names; others are the words of a sentence.
_PARTICLE: Final = re.compile(
    "al|bin|da|de|del|della|den|der|di|dos|du|e|el|ibn|la|le|ten|ter|van|vom|von|y|zu|zur"
)
#: Authors that have no family.
_GROUP: Final = re.compile(
    r"The .+|.*\b(?:Assembly|Association|[Aa]uthors|Center|Centre|Consortium"
    r"|[Cc]ontributors|[Dd]evelopers|Foundation|[Gg]roup|Inc|Institute"
    r"|Laborator(?:y|ies)|Organi[sz]ation|Project|Research|Society|[Tt]eam"
    r"|University)\b.*"
)
_SMALL: Final = ("a", "an", "and", "for", "in", "of", "on", "the", "to", "with")


def entries_of(
    citation: str, name: str, summary: str = "", note: str = ""
) -> list[Entry]:
    r"""A citation as entries: one, or as many as its author wrote in BibTeX.

    Args:
        citation: one line of the form "Authors (year). Title. Where. arXiv:…", whole
            entries of BibTeX, or any other text.
        name: of what is cited: key and title, where the text is of no known form.
        summary: of what is cited, for the title in the same case.
        note: what is to be said besides; BibTeX stays as it is without it.

    Example:
        >>> text = "A. Ash and B. Birch (2020). Trees. arXiv:2001.00001."
        >>> print(*entries_of(text, "trees"))
        @misc{ash2020trees,
          author = {A. Ash and B. Birch},
          title = {{Trees}},
          year = {2020},
          eprint = {2001.00001},
          archivePrefix = {arXiv},
        }
    """
    found = written(citation)
    if found:
        return found
    text = " ".join(citation.split())
    form = _FORM.fullmatch(text)
    authors = _authors(form[1]) if form else []
    if form and authors:
        return [_read(authors, form[2], form[3], note)]
    title = f"{name}: {summary}" if summary else name
    fields = {
        "title": f"{{{escaped(title)}}}",
        "note": escaped(f"{text} ({note})" if note else text),
        **_links(text)[0],
    }
    return [Entry("misc", _plain(name) or "thing", fields)]


def _read(authors: list[str], year: str, rest: str, note: str) -> Entry:
    """The entry of a line whose authors and year are known."""
    links, rest = _links(rest)
    title, place = _title_and_place(rest)
    kind, where = _where(place)
    year = where.pop("year", year)
    fields = {
        "author": " and ".join(map(_author, authors)),
        "title": f"{{{escaped(title)}}}",
        "year": year,
        **where,
        **links,
        "note": escaped(note),
    }
    given = {name: value for name, value in fields.items() if value}
    return Entry(kind, _key(authors[0], year, title), given)


def _authors(text: str) -> list[str]:
    """The names of the authors; none where it can't be told who they are."""
    others = _OTHERS.search(text)
    if others:
        if others.end() != len(text):
            return []
        text = text[: others.start()]
    names: list[str] = []
    for piece in filter(None, _BETWEEN.split(text)):
        if not _INITIALS.fullmatch(piece):
            names.append(piece)
        elif names and not re.search(r"[.,]", names[-1]):
            names[-1] = f"{names[-1]}, {piece.strip()}"
        else:
            return []
    if not names or not all(map(_is_author, names)):
        return []
    return [*names, "others"] if others else names


def _is_author(name: str) -> bool:
    if _GROUP.fullmatch(name):
        return True
    words = name.split()
    if words[-1].lower() in ("and", "others", *_SUFFIXES):
        return False
    small = [word for word in words if word[0].islower()]
    return all(map(_PARTICLE.fullmatch, small)) and any(map(str.isalpha, words[-1]))


def _author(name: str) -> str:
    """A name as BibTeX wants it, which gives a family to all that has no braces."""
    return f"{{{escaped(name)}}}" if _GROUP.fullmatch(name) else escaped(name)


def _links(text: str) -> tuple[dict[str, str], str]:
    """The fields of what can be followed, and the text without it."""
    links: dict[str, str] = {}
    for pattern in (_ARXIV, _DOI, _URL):
        found = pattern.search(text)
        if found:
            links |= {name: one for name, one in found.groupdict().items() if one}
            text = f"{text[: found.start()].rstrip()} {text[found.end() :].lstrip()}"
    if "eprint" in links:
        links["archivePrefix"] = "arXiv"
    return {name: _linked(one) for name, one in links.items()}, text.strip()


def _linked(address: str) -> str:
    """An address whose braces can't end the field; the rest of it LaTeX takes."""
    return "".join(_ENCODED.get(one, one) for one in address if one.isprintable())


def _title_and_place(text: str) -> tuple[str, str]:
    title, _, place = text.rstrip(" .").partition(". ")
    asked = re.fullmatch(r"(.+?[?!]) (.+)", title)
    # A question may also be the first half of a title.
    if asked and not place and _where(asked[2])[0] != "misc":
        return asked[1], asked[2]
    return title, place


def _where(place: str) -> tuple[str, dict[str, str]]:
    """The kind of an entry, and the fields that say where it was published."""
    for kind, pattern in _KINDS:
        found = pattern.fullmatch(place)
        if found:
            fields = {k: escaped(v) for k, v in found.groupdict().items() if v}
            if "pages" in fields:
                fields["pages"] = re.sub(r" ?[-\N{EN DASH}]+ ?", "--", fields["pages"])
            return kind, fields
    return "misc", {"howpublished": escaped(place)}


def _plain(text: str) -> str:
    """The letters and digits of a text that are ASCII without their accents."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", letters.lower())


def _key(author: str, year: str, title: str) -> str:
    """Family, year, first word that says something."""
    family = author.partition(",")[0].split()[-1]
    who = _first_word(author) if _GROUP.fullmatch(author) else _plain(family)
    return f"{who or 'anonymous'}{year}{_first_word(title)}"


def _first_word(text: str) -> str:
    words = [_plain(word) for word in re.split(r"[^\w']+", text)]
    return next((word for word in words if word and word not in _SMALL), "")
