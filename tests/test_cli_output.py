"""How answers look: piped, on terminals, in colours, in small encodings."""

import re
import unicodedata
from pathlib import Path

import pytest
from cli_kit import Shop
from fakes import declare, install

from kerasplug.cli.output import cleaned
from kerasplug.cli.tables import _fitting, columns, wrapped

LONG = (
    "Summary: a summary that goes on for longer than any terminal is wide, so that it "
    "has to be broken somewhere, and that has an_unbroken_word_of_more_than_"
    "eighty_columns_which_nobody_would_write_but_which_a_path_can_easily_be_as_such\n"
)
ESCAPE = "\x1b"
#: Every command whose answer is a table, in the form that people see.
TABLES = [
    ["list"],
    ["show", "wide"],
    ["show", "wide_gate"],
    ["why", "wide_gate"],
    ["doctor"],
    ["cache", "show"],
    ["timings"],
]


@pytest.fixture
def shop(tmp_path):
    """A shop with a plugin that says much about itself, and a broken one."""
    made = Shop(tmp_path)
    name = "wide_layer_with_a_name_that_is_long_enough_to_be_a_nuisance_in_any_table"
    points = {"wide_gate": "wide_mod.deep.down.below:WideGate", name: "wide_mod:Other"}
    declare(made.site, "wide", points, metadata=LONG, version="1.0.dev20260101")
    made.ill()
    made.loud("printing")
    return made


# --- terminals ---


@pytest.mark.parametrize("without", ["", "rich"], ids=["rich", "plain"])
@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("arguments", TABLES, ids=" ".join)
def test_no_line_is_wider_than_the_terminal(shop, arguments, columns, without):
    """On a terminal, with rich and without, each line fits and nothing is left out."""
    said = shop.on_terminal(*arguments, columns=columns, without=without, NO_COLOR="1")
    piped = shop.run(*arguments, without=without)

    assert said.code == piped.code
    assert [line for line in said.out.splitlines() if len(line) > columns] == []
    if arguments[0] != "timings":  # no two measurements are the same
        # Words may be broken; letters don't get lost.
        assert sorted("".join(said.out.split())) == sorted("".join(piped.out.split()))


@pytest.mark.parametrize("arguments", [["list"], ["doctor"]], ids=" ".join)
def test_a_pipe_gets_every_line_whole(shop, arguments):
    """Piped, nothing is broken or cut, however long it is; no escape sequences."""
    said = shop.run(*arguments, COLUMNS="40")

    assert ESCAPE not in said.out
    assert max(map(len, said.out.splitlines())) > 80


def test_columns_are_aligned(shop):
    """Piped, the second column begins at the same place in each row of a kind."""
    out = shop.run("list", "layers").out

    starts = {line.index(" wide ") for line in out.splitlines() if " wide " in line}
    assert len(starts) == 1


# --- colours ---

COLOURED = [
    ({}, True),
    ({"NO_COLOR": "1"}, False),
    ({"TERM": "dumb"}, False),
    ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
]


@pytest.mark.parametrize("without", ["", "rich"], ids=["rich", "plain"])
@pytest.mark.parametrize(("variables", "coloured"), COLOURED)
def test_terminals_have_colours_unless_told_otherwise(
    shop, variables, coloured, without
):
    """NO_COLOR goes before FORCE_COLOR, and that before TERM=dumb."""
    said = shop.on_terminal("doctor", without=without, **variables)

    assert (ESCAPE in said.out) == coloured
    if coloured:
        assert f"{ESCAPE}[32mok{ESCAPE}[0m" in said.out
        plain = re.sub(rf"{ESCAPE}\[[\d;]*m", "", said.out)
        assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False)],
)
def test_pipes_have_colours_only_when_forced(shop, variables, coloured):
    """FORCE_COLOR gives a pipe colours; the text stays what it is."""
    said = shop.run("list", **variables)

    assert (ESCAPE in said.out) == coloured
    assert re.sub(rf"{ESCAPE}\[[\d;]*m", "", said.out) == shop.run("list").out


def test_json_has_no_colours_on_a_terminal(shop):
    """`--json` is the same on a terminal, with FORCE_COLOR, and in a pipe."""
    said = shop.on_terminal("list", "--json", FORCE_COLOR="1")

    assert said.data == shop.run("list", "--json").data


# --- what a terminal would obey ---

NASTY = f"{ESCAPE}]0;owned\x07{ESCAPE}[31m\u202e\x9b2J\x85\u2028back"


@pytest.fixture
def nasty(tmp_path):
    """A shop with a plugin whose name, summary, target and error are hostile."""
    made = Shop(tmp_path)
    info = declare(made.site, "nasty", {"x": "m:G"}, metadata=f"Summary: {NASTY}\n")
    (info / "entry_points.txt").write_text(
        f"[kerasplug.layers]\nugly = nasty_mod:G\nna{ESCAPE}[31msty = nasty_mod:G\n"
        f"be{ESCAPE}nt = {NASTY}\n[kerasplug]\nn = nasty_hooks\n",
        encoding="utf-8",
    )
    source = f"raise ValueError({NASTY!r})"
    (made.site / "nasty_hooks.py").write_text(source)
    return made


def control(text):
    """The characters of a text that do more than show."""
    return {one for one in text if unicodedata.category(one)[0] == "C" and one != "\n"}


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "nasty", "--trace"], ["doctor"]], ids=" ".join
)
def test_no_control_characters_reach_people(nasty, arguments):
    """Whatever a plugin calls itself, nothing of it is obeyed, on either stream."""
    piped = nasty.run(*arguments)
    shown = nasty.on_terminal(*arguments, NO_COLOR="1")

    for said in (piped, shown):
        assert control(said.out + said.err) == set()
        assert "\u2028" not in said.out + said.err
    assert "\\x1b" in piped.out


def test_errors_about_odd_names_show_them(nasty):
    """A name that somebody typed with control characters is shown, not obeyed."""
    said = nasty.run("show", f"{ESCAPE}[31mred")

    assert said.code == 2
    assert control(said.err) == set()


def test_json_has_texts_as_they_are(nasty):
    """JSON spells control characters in its own way: a program gets the very text."""
    said = nasty.run("list", "--json")

    (summary,) = [row["summary"] for row in said.data if row["name"] == "ugly"]
    assert summary == NASTY.split("\x85", maxsplit=1)[0]
    assert control(said.out) == set()


@pytest.mark.parametrize("text", ["plain", "gäte", "日本語", "a b"])
def test_harmless_text_is_left_alone(text):
    """Letters of any language are shown as they are."""
    assert cleaned(text) == text


def test_cleaned_text_says_what_it_was():
    """What is not shown is spelled as Python spells it."""
    assert cleaned("a\x1b[0m\tb\udc80") == "a\\x1b[0m\\tb\\udc80"


# --- encodings ---


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("arguments", [["list"], ["show", "foreign"]], ids=" ".join)
def test_small_encodings_are_no_error(tmp_path, arguments, encoding):
    """What standard output can't encode is escaped, and JSON stays JSON."""
    shop = Shop(tmp_path)
    declare(shop.site, "foreign", {"gate": "m:G"}, metadata="Summary: gäte 日本 🎉\n")
    env = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    said = shop.run(*arguments, **env)
    asked = shop.run(*arguments, "--json", **env)

    assert (said.code, asked.code) == (0, 0)
    assert "UnicodeEncodeError" not in said.err
    assert "\\u65e5\\u672c" in said.out
    assert "gäte 日本 🎉" in str(asked.data)


def test_undecodable_names_are_no_error(tmp_path):
    """A folder whose name is no UTF-8 is told in both forms."""
    shop = Shop(tmp_path)
    folder = str(tmp_path / "caf") + "\udce9"
    install(Path(folder), "bytes", {"kerasplug.layers": {"b": "m:G"}})

    for form in ([], ["--json"]):
        said = shop.run("show", "bytes", *form, PYTHONPATH=folder)
        assert said.code == 0, said.err
        assert "caf" in said.out


# --- breaking lines ---


def test_broken_lines_keep_all_words():
    """A text is broken at its spaces, and a word that is too long inside."""
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("a" * 20, 8) == ["a" * 8, "a" * 8, "a" * 4]
    assert wrapped("", 8) == [""]
    assert wrapped("    indented", 20) == ["    indented"]


@pytest.mark.parametrize("without", ["", "rich"], ids=["rich", "plain"])
def test_wide_letters_count_as_two_columns(tmp_path, without):
    """East Asian text keeps to the width of the terminal as well."""
    shop = Shop(tmp_path)
    text = "層" * 70
    declare(shop.site, "wide", {"wide_gate": "m:G"}, metadata=f"Summary: {text}\n")

    out = shop.on_terminal("list", "layers", without=without, NO_COLOR="1").out

    assert out.count("層") == 70
    assert max(map(columns, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("widths", "width", "fitted"),
    [
        ([5, 10], 40, [5, 10]),
        ([5, 60, 60], 49, [5, 20, 20]),
        ([30, 30], 10, [8, 8]),
        ([50, 2, 50], 80, [37, 2, 37]),
    ],
)
def test_wide_columns_share_what_narrow_ones_leave(widths, width, fitted):
    """Narrow columns keep their width; none gets too narrow to be read."""
    assert _fitting(widths, width) == fitted
