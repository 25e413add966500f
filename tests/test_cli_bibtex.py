"""BibTeX of citations: what is read from a line, and what never breaks a file."""

import pytest
from cite_kit import read
from hypothesis import given
from hypothesis import strategies as st

from kerasplug.cli.bibtex import Entry, keyed, written
from kerasplug.cli.citations import entries_of

#: An entry that is there afterwards only if all before it are whole.
AFTER = "@misc{after, title = {Whole}}"
#: What BibTeX is made of, and what breaks it.
PIECES = st.lists(
    st.one_of(
        st.sampled_from(["@misc{", "@string{", "\\{", "\\}", "title=", "jan"]),
        st.sampled_from('{}",=#\\1a%@() \n'),
    ),
    max_size=12,
).map("".join)
NEARLY = PIECES.map("@misc{{a, title = {}}}".format)
LINES = st.builds(
    "{} ({}). {}. {}".format,
    st.text(min_size=1),
    st.integers(1000, 2999),
    st.text(),
    st.sampled_from(["ICLR 2015", "arXiv:1409.1556", "https://x.org/}{a", "J 5, 1-2"]),
)


def one(text, name="thing", **more):
    """The only entry of a citation, of which a reader of BibTeX reads the same."""
    (entry,) = entries_of(text, name, **more)
    kind, _, fields = read(str(entry))[entry.key]
    assert kind == entry.kind
    assert {key: value for key, value in entry.fields.items() if key != "author"} == {
        key: value for key, value in fields.items() if key != "author"
    }
    return entry


# --- lines ---


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
            "A. Ash (1997). Few. Letters & Trees 33, 291\N{EN DASH}297. doi:10.1/a(b).",
            "article",
            {"journal": r"Letters \& Trees", "pages": "291--297", "doi": "10.1/a(b)"},
        ),
        (
            "A. Ash (2011). Words. ACL 2011, 142-150.",
            "inproceedings",
            {"booktitle": "ACL 2011", "pages": "142--150", "year": "2011"},
        ),
        (
            "A. Ash (2014). Very Deep. In ICLR 2015. arXiv:1409.1556.",
            "inproceedings",
            {"booktitle": "ICLR 2015", "year": "2015", "eprint": "1409.1556"},
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
            "A. Ash (1998). Digits [Dataset]. Storehouse. https://doi.org/10.24432/C50P49",
            "misc",
            {"howpublished": "Storehouse", "doi": "10.24432/C50P49"},
        ),
        (
            "A. Ash (2014). Deep. arXiv preprint arXiv:1409.1556v6 [cs.CV]",
            "misc",
            {
                "eprint": "1409.1556",
                "archivePrefix": "arXiv",
                "primaryClass": "cs.CV",
            },
        ),
        (
            "A. Ash (2001). Old. https://arxiv.org/abs/cs/0112017",
            "misc",
            {"eprint": "cs/0112017"},
        ),
        (
            "A. Ash (2020). A page. https://example.org/a_b.",
            "misc",
            {"title": "{A page}", "url": "https://example.org/a_b"},
        ),
        (
            "A. Ash (2019). Do They Transfer? arXiv:1902.10811.",
            "misc",
            {"title": "{Do They Transfer?}", "eprint": "1902.10811"},
        ),
        (
            "A. Ash (2019). Do They Transfer? CVPR 2019.",
            "inproceedings",
            {"title": "{Do They Transfer?}", "booktitle": "CVPR 2019"},
        ),
        (
            "A. Ash (2016). Why trust? Explaining trees. KDD 2016.",
            "inproceedings",
            {"title": "{Why trust? Explaining trees}", "booktitle": "KDD 2016"},
        ),
        ("A. Ash (2020). No more", "misc", {"title": "{No more}", "year": "2020"}),
    ],
)
def test_places_tell_the_kind_of_an_entry(text, kind, fields):
    """Where something was published is taken apart, and so are links."""
    entry = one(text)

    assert entry.kind == kind
    assert entry.fields.items() >= fields.items()
    assert entry.fields["author"] == "A. Ash"


@pytest.mark.parametrize(
    ("names", "people", "key"),
    [
        ("A. Ash, B. Birch and C. Cedar", ["Ash, A.", "Birch, B.", "Cedar, C."], "ash"),
        (
            "A. Ash, B. Birch, and C. Cedar",
            ["Ash, A.", "Birch, B.", "Cedar, C."],
            "ash",
        ),
        ("Ash, A., & Birch, B.-C.", ["Ash, A.", "Birch, B.-C."], "ash"),
        ("Ash, AB, Birch, C", ["Ash, AB", "Birch, C"], "ash"),
        ("A. Ash et al.", ["Ash, A.", "others"], "ash"),
        ("L. van der Ash", ["van der Ash, L."], "ash"),
        ("É. Čapek & Ю. Ива", ["Čapek, É.", "Ива, Ю."], "capek"),
        ("The tree authors", ["{The tree authors}"], "tree"),
        ("tree developers", ["{tree developers}"], "tree"),
        (
            "United Trees General Assembly",
            ["{United Trees General Assembly}"],
            "united",
        ),
    ],
)
def test_authors_are_told_apart(names, people, key):
    """People have families, also behind their initials; a group is one name."""
    entry = one(f"{names} (2020). Trees.")

    assert read(str(entry))[entry.key].people == people
    assert entry.key == f"{key}2020trees"


@pytest.mark.parametrize(
    "text",
    [
        "Ash, in 2020",
        "A. Ash (2020) Trees.",
        "See the paper of Ash (2020). Trees.",
        "A. Ash, Jr. (2020). Trees.",
        "A.B., Ash (2020). Trees.",
        "A. Ash et al. and B. Birch (2020). Trees.",
        "and (2020). Trees.",
        "@misc{a, title={B}",
    ],
)
def test_what_cannot_be_told_is_not_made_up(text):
    """A text of another form is a note under the name of the thing."""
    entry = one(text, "old_oak", summary="50 oaks", note="data set old_oak")

    assert (entry.kind, entry.key) == ("misc", "oldoak")
    assert set(entry.fields) == {"title", "note"}
    assert entry.fields["title"] == r"{old\_oak: 50 oaks}"
    assert entry.fields["note"].endswith(r"(data set old\_oak)")


def test_links_are_found_in_any_text():
    """Also where nothing else is known, a reader can follow them."""
    entry = one("Ash, 2020, doi:10.1/x_y, see arXiv:2001.00001 https://x.org/a}b%20c")

    assert (entry.fields["doi"], entry.fields["eprint"]) == ("10.1/x_y", "2001.00001")
    assert entry.fields["url"] == "https://x.org/a%7Db%20c"
    assert entry.fields["note"].startswith(r"Ash, 2020, doi:10.1/x\_y, see arXiv:")


def test_special_characters_are_text():
    """LaTeX obeys none of them, and no brace is left for BibTeX to count."""
    entry = one("A. Ash (2020). 5% & $1 #_{a}~^\\b\n\x1b[31m. X.")

    assert entry.fields["title"] == (
        r"{5\% \& \$1 \#\_\textbraceleft{}a\textbraceright{}"
        r"\textasciitilde{}\textasciicircum{}\textbackslash{}b [31m}"
    )


# --- BibTeX ---


@pytest.mark.parametrize(
    "text",
    [
        "@Article{own2020, title={Ours {and} theirs}, year=2020}",
        '@misc{a, title = "A {"}B{"}" # { and } # 1, month = jan,}',
        "@misc{DBLP:conf/x-1,\n\ttitle={B}\n}",
        "@misc{a,}",
        "@misc{a, title={\\{B\\}}}",
    ],
)
def test_whole_entries_are_passed_on(text):
    """They are as their author wrote them, and BibTeX reads them."""
    (entry,) = written(f"\n{text}  ")

    assert str(entry) == text
    assert [*read(text)] == [entry.key]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A. Ash (2020). Trees.",
        "@misc{a, title={B}",
        "@misc{a, title={B}}}",
        "@misc{a, title={B}} and more",
        "@misc{title={B}}",
        "@misc{a, only words}",
        "@misc{a, title={B} year=2020}",
        "@misc{a, title=B}",
        "@misc{a, title={B}, Title={C}}",
        '@misc{a, title="}"}',
        r'@misc{a, title="\}\{"}',
        # To BibTeX a brace behind a backslash is a brace; some readers think otherwise.
        "@misc{a, title={\\{}}",
        "@misc{a, title={\\}}",
        "@comment{a, b}",
        "@string{a, b = {c}}",
        "@preamble{a, b}",
    ],
)
def test_what_is_no_whole_entry_is_not_passed_on(text):
    """It would swallow what comes after it, or be no entry at all."""
    assert written(text) == []


def test_several_entries_are_several():
    """An author may ask for more than one paper to be cited."""
    found = written("@misc{a, title={A}}\n\n@book{b, title={B}}@misc{c,}")

    assert [(entry.kind, entry.key) for entry in found] == [
        ("misc", "a"),
        ("book", "b"),
        ("misc", "c"),
    ]


def test_no_terminal_obeys_what_an_author_wrote():
    """Control characters are left out, tabs and ends of lines are not."""
    (entry,) = written("@misc{a,\r\n\ttitle={\x1b[31mred\u202e}}")

    assert str(entry) == "@misc{a,\n\ttitle={ [31mred }}"


# --- keys ---


def test_keys_are_plain_and_their_own():
    """ASCII without accents; `b` and `c` after one that is taken; given ones first."""
    given_one = written("@misc{capek1920r, title={B}}")
    made = keyed(
        [*3 * entries_of("É. Čapek (1920). R.U.R. and more.", "x"), *given_one]
    )

    keys = [entry.key for entry in made]
    assert keys == ["capek1920rb", "capek1920rc", "capek1920rd", "capek1920r"]


def test_two_authors_may_have_chosen_one_key():
    """The first keeps it; capitals tell no keys apart."""
    texts = ["@misc{a, title={A}}", "@misc{ A , title={B}}", "@misc{a, title={C}}"]
    made = keyed(entry for text in texts for entry in written(text))

    assert [entry.key for entry in made] == ["a", "Ab", "ac"]
    assert [*map(str, made)] == [
        "@misc{a, title={A}}",
        "@misc{ Ab , title={B}}",
        "@misc{ac, title={C}}",
    ]
    assert [*read("\n".join(map(str, made)))] == ["a", "Ab", "ac"]


def test_there_are_keys_after_z():
    """Twenty-seven entries of one key are twenty-seven keys."""
    made = keyed(27 * [Entry("misc", "a", {})])

    assert [made[0].key, made[25].key, made[26].key] == ["a", "az", "a-27"]
    assert len({entry.key for entry in made}) == 27


# --- anything ---


@given(text=st.one_of(st.text(), LINES, PIECES, NEARLY), name=st.text(), note=st.text())
def test_whatever_a_record_says_the_next_entry_is_read(text, name, note):
    """No text ends its entry early, late, or not at all."""
    made = keyed(entries_of(text, name, note, note) + written(AFTER))

    found = read("\n\n".join(map(str, made)))
    assert [*found] == [entry.key for entry in made]
    assert found["after"].fields == {"title": "Whole"}
