"""Citations as BibTeX: what a record says in one line, taken apart.

The text is UTF-8, which BibTeX writes through and biber reads. What a plugin says
can't break an entry: all that BibTeX or LaTeX would obey is escaped.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

__all__ = ["Entry", "entry_of", "is_bibtex", "keyed"]

#: Authors (year). Title. The rest.
_FORM: Final = re.compile(
    r"(?P<authors>\S.*?) \((?P<year>\d{4})\)\. "
    r"(?P<title>\S.*?)\.?(?:(?<=\.) (?P<rest>.+))?",
    re.DOTALL,
)
_ARXIV: Final = re.compile(r"arXiv:(\d{4}\.\d{4,5})(?:v\d+)?\.?")
_DOI: Final = re.compile(r"(?:https?://doi\.org/|doi:\s*)(10\.\S+?)\.?(?=\s|$)")
_URL: Final = re.compile(r"(https?://\S+?)\.?(?=\s|$)")
#: "Proceedings of the IEEE 86(11), 2278-2324": a journal has a volume and pages.
_JOURNAL: Final = re.compile(
    r"(?P<journal>.+?) (?P<volume>\d{1,3})(?:\((?P<number>\d+)\))?,"
    r" (?P<pages>\d+-\d+)"
)
#: "CVPR 2016", "ACL 2011, 142-150", and what calls itself proceedings.
_CONFERENCE: Final = re.compile(
    r"(?P<booktitle>[A-Z]\S* (?P<year>\d{4})|Proceedings of .+?)"
    r"(?:, (?P<pages>\d+-\d+))?"
)
_REPORT: Final = re.compile(r"Technical report, (?P<institution>.+)")

_ESCAPES: Final = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{one: f"\\{one}" for one in "{}&%$#_"},
}
#: One entry, whole: its kind and its key.
_ENTRY: Final = re.compile(r"@(?P<kind>[A-Za-z]+)\s*\{\s*(?P<key>[^\s,{}=\"#%]+)\s*,")


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


def escaped(text: str) -> str:
    r"""The text on one line, so that LaTeX prints it as it is.

    Example:
        >>> print(escaped("50% of {A_b}"))
        50\% of \{A\_b\}
    """
    line = "".join(one if one.isprintable() else " " for one in text)
    return "".join(_ESCAPES.get(one, one) for one in " ".join(line.split()))


def is_bibtex(text: str) -> bool:
    """Whether it is one entry of BibTeX, whole, with nothing after it.

    Example:
        >>> is_bibtex("@misc{a, title={B}}"), is_bibtex("@misc{a, title={B}")
        (True, False)
    """
    text = text.strip()
    if not _ENTRY.match(text):
        return False
    depth = 0
    for place, one in enumerate(re.sub(r"\\[{}]", "  ", text)):
        depth += (one == "{") - (one == "}")
        if not depth and one == "}":
            return place == len(text) - 1
    return False


def entry_of(citation: str, name: str, note: str = "") -> Entry:
    r"""A citation as an entry.

    Args:
        citation: one line of the form "Authors (year). Title. Where. arXiv:…", an entry
            of BibTeX, or any other text.
        name: of what is cited: the title, where the text is of no known form.
        note: what is to be said besides.

    Returns:
        BibTeX as it is; else an entry with a key of author, year and title.

    Example:
        >>> print(entry_of("A. Ash and B. Birch (2020). Trees. arXiv:2001.00001.", "t"))
        @misc{ash2020trees,
          author = {A. Ash and B. Birch},
          title = {{Trees}},
          year = {2020},
          eprint = {2001.00001},
          archivePrefix = {arXiv},
        }
    """
    text = " ".join(citation.split())
    if is_bibtex(citation):
        key = _ENTRY.match(citation.strip())
        assert key is not None
        return Entry(key["kind"], key["key"], {}, citation.strip())
    form = _FORM.fullmatch(text)
    noted = {"note": escaped(note)} if note else {}
    if form is None:
        said = f"{text} ({note})" if note else text
        fields = {"title": f"{{{escaped(name)}}}", "note": escaped(said)}
        return Entry("misc", _plain(name) or "thing", fields)
    authors = _authors(form["authors"])
    kind, where = _where(form["rest"] or "")
    year = where.pop("year", form["year"])
    fields = {
        "author": " and ".join(map(escaped, authors)),
        "title": f"{{{escaped(form['title'])}}}",
        "year": year,
        **where,
        **noted,
    }
    return Entry(kind, _key(authors[0], year, form["title"]), fields)


def _authors(text: str) -> list[str]:
    return re.split(r", (?:and )?| and ", text)


def _where(text: str) -> tuple[str, dict[str, str]]:
    """The kind of an entry, and the fields that say where it was published."""
    links: dict[str, str] = {}
    for name, pattern in (("eprint", _ARXIV), ("doi", _DOI), ("url", _URL)):
        found = pattern.search(text)
        if found and (name != "url" or "doi" not in links):
            links[name] = _linked(found[1])
            text = text.replace(found[0], "").strip()
    if "eprint" in links:
        links["archivePrefix"] = "arXiv"
    place = text.strip(" .")
    for kind, pattern in (
        ("techreport", _REPORT),
        ("article", _JOURNAL),
        ("inproceedings", _CONFERENCE),
    ):
        found = pattern.fullmatch(place)
        if found:
            fields = {k: escaped(v) for k, v in found.groupdict().items() if v}
            if "pages" in fields:
                fields["pages"] = fields["pages"].replace("-", "--")
            return kind, fields | links
    return "misc", ({"howpublished": escaped(place)} if place else {}) | links


def _linked(address: str) -> str:
    """An address without what would end the field; the rest of it LaTeX takes."""
    return re.sub(r"[{}\\\s]", "", address)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", letters.lower())


def _key(author: str, year: str, title: str) -> str:
    family = author.rsplit(maxsplit=1)[-1]
    small = ("a", "an", "the", "on", "of", "to")
    words = [_plain(word) for word in re.split(r"[^\w']+", title)]
    first = next((word for word in words if word and word not in small), "")
    return f"{_plain(family) or 'anonymous'}{year}{first}"


def keyed(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, each with a key of its own: `b`, `c`, … after one that is taken.

    What authors wrote themselves keeps its key.
    """
    made = list(entries)
    taken = {entry.key for entry in made if entry.verbatim}
    for place, entry in enumerate(made):
        if entry.verbatim:
            continue
        key, number = entry.key, 1
        while key in taken:
            number += 1
            key = f"{entry.key}{_letters(number)}"
        taken.add(key)
        made[place] = entry._replace(key=key)
    return made


def _letters(number: int) -> str:
    return chr(96 + number) if number <= 26 else f"-{number}"  # noqa: PLR2004 -- a to z
