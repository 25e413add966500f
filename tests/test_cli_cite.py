"""`kerasplug cite`: BibTeX that a bibliography can be made of."""

import subprocess
import sys

import bibtexparser
import pytest
from cli_kit import HEAVY, Shop
from fakes import install

from kerasplug.cli.bibtex import Entry, entry_of, is_bibtex, keyed

WRITTEN = "@Article{own2020, title={Ours {and} theirs}, year=2020}"
PAPER = "A. Ash, B. Birch and C. Cedar (2020). On Trees & Leaves. NICE 2021. "
PAPER += "arXiv:2001.00001."
EVIL = "X}\n@misc{y, title={z}} \\input{a} 50% #_~^"
#: Name of an application -> what it says.
SAID = {
    "oak": PAPER,
    "elm": PAPER,
    "own": WRITTEN,
    "shared": "D. Date (1999). One.",
    "silent": "",
    "evil": EVIL,
}
RECORDS = f"""
    from kerasplug import ApplicationRecord, DatasetRecord, hookimpl

    @hookimpl
    def kerasplug_applications():
        return [
            ApplicationRecord(name=name, target="m:a", citation=text)
            for name, text in {SAID!r}.items()
        ]

    @hookimpl
    def kerasplug_datasets():
        text = "D. Date (1999). Two."
        return [DatasetRecord(name="shared", target="m:d", citation=text)]
"""


@pytest.fixture
def shop(tmp_path):
    """A shop with a plugin whose things say how to cite them, or do not."""
    made = Shop(tmp_path)
    install(
        made.site,
        "woods",
        {"kerasplug": {"woods": "woods_hooks"}},
        version="2.1",
        modules={"woods_hooks.py": RECORDS},
    )
    return made


def read(text):
    """The entries, by key, as a parser of BibTeX reads them."""
    library = bibtexparser.parse_string(text)
    assert not library.failed_blocks, library.failed_blocks
    assert len(library.blocks) == len(library.entries), "something is between them"
    return {
        entry.key: {field.key: field.value for field in entry.fields}
        for entry in library.entries
    }


# --- the command ---


def test_without_names_it_cites_what_everybody_uses(shop):
    """Keras, the backend that it uses, and the toolkit; nothing but BibTeX."""
    said = shop.run("cite", KERAS_BACKEND="jax")

    assert (said.code, said.err) == (0, "")
    found = read(said.out)
    assert [*found] == ["chollet2015keras", "jax2018github", "kerasplug"]
    assert found["kerasplug"]["version"] == "0.1.0"


def test_software_can_be_named(shop):
    """Keras, the engines and the toolkit, also where they are not installed."""
    said = shop.run("cite", "torch", "tensorflow", "kerasplug", without="torch")

    assert said.code == 0
    assert len(read(said.out)) == 3


def test_one_paper_is_one_entry(shop):
    """Of two applications, which are named in it."""
    said = shop.run("cite", "oak", "woods/elm", "oak")

    ((key, fields),) = read(said.out).items()
    assert key == "ash2021trees"
    assert fields["author"] == "A. Ash and B. Birch and C. Cedar"
    assert fields["title"] == r"{On Trees \& Leaves}"
    assert (fields["year"], fields["booktitle"]) == ("2021", "NICE 2021")
    assert (fields["eprint"], fields["archivePrefix"]) == ("2001.00001", "arXiv")
    assert fields["note"] == "applications oak, elm of woods 2.1"


def test_a_name_of_two_kinds_cites_both(shop):
    """An application and a data set; their keys are told apart."""
    found = read(shop.run("cite", "shared").out)

    assert [*found] == ["date1999one", "date1999two"]


def test_what_the_author_wrote_is_passed_on(shop):
    """BibTeX in a record is not taken apart."""
    assert shop.run("cite", "own").out == WRITTEN + "\n"


def test_a_plugin_cites_all_that_it_provides(shop):
    """By the name of the distribution; what says nothing is left out."""
    said = shop.run("cite", "woods")

    assert said.code == 0
    assert len(read(said.out)) == 5


def test_what_says_nothing_is_told_apart(shop):
    """The others are still printed, and the exit code tells."""
    said = shop.run("cite", "oak", "silent")

    assert said.code == 1
    assert [*read(said.out)] == ["ash2021trees"]
    assert "woods/silent does not say how to cite it" in said.err


def test_an_unknown_name_is_an_error(shop):
    """With close names, and nothing on standard output."""
    said = shop.run("cite", "oka", "elm")

    assert (said.code, said.out) == (2, "")
    assert "oak" in said.err


def test_programs_get_json(shop):
    """Keys, the things of each, and those without."""
    said = shop.run("cite", "--json", "oak", "elm", "silent", "keras")

    keras, paper = said.data["entries"]
    assert keras["things"] == ["keras"]
    assert (paper["key"], paper["things"]) == (
        "ash2021trees",
        ["woods/oak", "woods/elm"],
    )
    assert paper["bibtex"].startswith("@inproceedings{ash2021trees,")
    assert said.data["without"] == ["woods/silent"]


def test_nothing_that_a_plugin_says_breaks_the_bibliography(shop):
    """Braces, line ends, commands: all of it is the text of one note."""
    ((key, fields),) = read(shop.run("cite", "evil").out).items()

    assert key == "evil"
    assert r"\textbackslash{}input\{a\}" in fields["note"]
    assert r"50\% \#\_" in fields["note"]


def test_citing_imports_no_keras(shop):
    """As no command does."""
    code = (
        "import sys; from kerasplug.cli import main; main(sys.argv[1:]); "
        f"print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    for names in ((), ("oak", "shared", "keras")):
        done = subprocess.run(
            [sys.executable, "-c", code, "cite", *names],
            env=shop.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.strip() == ""


@pytest.mark.parametrize(
    ("plugin", "count"), [("kerasplug-applications", 15), ("kerasplug-datasets", 10)]
)
def test_our_own_plugins_can_be_cited(plugin, count, tmp_path):
    """Each application and data set says by whom it is, in a form that is known."""
    found = read(Shop(tmp_path).run("cite", plugin).out)

    assert len(found) == count
    # A resolution of the United Nations has no authors.
    unread = [key for key, fields in found.items() if "author" not in fields]
    assert unread == (["udhr"] if "udhr" in found else [])
    for key in set(found) - {"udhr"}:
        assert 1900 < int(found[key]["year"]) < 2100
        assert len(found[key]["title"]) > 5


# --- entries ---


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        (
            "A. Ash (1998). Reading. Proceedings of the IEEE 86(11), 2278-2324.",
            "article",
            {
                "journal": "Proceedings of the IEEE",
                "volume": "86",
                "number": "11",
                "pages": "2278--2324",
            },
        ),
        (
            "A. Ash (1978). Prices. Journal of Trees 5, 81-102.",
            "article",
            {"journal": "Journal of Trees", "volume": "5", "pages": "81--102"},
        ),
        (
            "A. Ash (2011). Words. ACL 2011, 142-150.",
            "inproceedings",
            {"booktitle": "ACL 2011", "pages": "142--150", "year": "2011"},
        ),
        (
            "A. Ash (1988). Spirals. Proceedings of the Summer School.",
            "inproceedings",
            {"booktitle": "Proceedings of the Summer School", "year": "1988"},
        ),
        (
            "A. Ash (2009). Images. Technical report, University of Trees.",
            "techreport",
            {"institution": "University of Trees"},
        ),
        (
            "A. Ash (1998). Digits [Dataset]. Repository. https://doi.org/10.24432/C50P49",
            "misc",
            {"howpublished": "Repository", "doi": "10.24432/C50P49"},
        ),
        (
            "A. Ash (2020). A page. https://example.org/a_b.",
            "misc",
            {"url": "https://example.org/a_b"},
        ),
        ("A. Ash (2020). No more", "misc", {"title": "{No more}", "year": "2020"}),
        ("Ash, in 2020", "misc", {"note": "Ash, in 2020", "title": "{thing}"}),
    ],
)
def test_forms_of_citations(text, kind, fields):
    """Where something was published tells what kind of entry it is."""
    entry = entry_of(text, "thing")

    assert entry.kind == kind
    assert entry.fields.items() >= fields.items()
    assert read(str(entry))[entry.key] == dict(entry.fields)


def test_keys_are_plain_and_their_own():
    """ASCII without accents; `b` and `c` after one that is taken; given ones stay."""
    made = keyed(
        [
            *[entry_of("É. Čapek (1920). R.U.R. and more.", "x") for _ in range(3)],
            Entry("misc", "capek1920r", {}, "@misc{capek1920r, a=b}"),
        ]
    )

    keys = [entry.key for entry in made]
    assert keys == ["capek1920rb", "capek1920rc", "capek1920rd", "capek1920r"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (WRITTEN, True),
        ("@misc{a, title={\\{}}", True),
        ("@misc{a, title={B}", False),
        ("@misc{a, title={B}} @misc{b, title={C}}", False),
        ("@misc{a, title={B}}}", False),
        ("@misc{title={B}}", False),
        ("A. Ash (2020). Trees.", False),
    ],
)
def test_half_an_entry_is_no_entry(text, whole):
    """Only one that is whole is passed on; another one would swallow the next."""
    assert is_bibtex(text) is whole
