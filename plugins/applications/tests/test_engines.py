"""The eight smallest models and the digits' are built on each engine, as Keras does it.

All of them `every_application.py` builds; it takes a quarter of an hour.
"""

import dataclasses
import subprocess
import sys

import every_application
import pytest
from every_application import ENGINES, MARKS, RECORDS, WAYS

pytestmark = pytest.mark.engine

SMALLEST = sorted(RECORDS, key=lambda name: RECORDS[name].parameters)[:9]


@pytest.fixture(scope="module", params=ENGINES)
def found(request):
    """What one process on an engine says on all of them."""
    return every_application.on_engine(request.param, SMALLEST)


@pytest.mark.parametrize("name", SMALLEST)
def test_each_is_built_on_each_engine(name, found):
    """With the top and without there are as many weights as Keras' own function has."""
    assert "error" not in found[name], found[name]["error"]
    usual, top, bare = (found[name][way] for way in WAYS)

    assert usual == RECORDS[name].parameters
    # Of those the size of pictures changes the number of weights only in VGG.
    assert top == usual > bare > 0


def test_another_number_of_weights_is_told(monkeypatch):
    """A model that has not what its record says is an error in place of the number."""
    wrong = dataclasses.replace(RECORDS["digits_cnn"], parameters=5)
    monkeypatch.setitem(RECORDS, "digits_cnn", wrong)

    said = every_application.built("digits_cnn")

    assert said["error"] == "ValueError: 21818 weights instead of 5"
    assert not set(WAYS) & set(said)


def run(*arguments):
    """The script."""
    return subprocess.run(
        [sys.executable, every_application.__file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_table_comes_between_the_marks(tmp_path):
    """What was there before is replaced; the rest of the page stays what it was."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}after\n", "utf-8")

    done = run("--write", page, "digits_cnn")

    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    assert text == f"before\n{MARKS[0]}\n{done.stdout}\n{MARKS[1]}after\n"
    assert "| digits_cnn | 8 | 21,818 | 21,328 | built | built |\n" in text


@pytest.mark.parametrize("marks", [(), MARKS[:1], MARKS[::-1]], ids=len)
def test_a_page_without_marks_is_left_alone(marks, tmp_path):
    """The error names them, and comes before anything is built."""
    page = tmp_path / "page.md"
    page.write_text("".join(marks), "utf-8")

    done = run("--write", page)

    assert done.returncode == 1
    assert f"it lacks {MARKS[0].strip()} and {MARKS[1].strip()}" in done.stderr
    assert done.stdout == ""
    assert page.read_text("utf-8") == "".join(marks)


def test_what_went_wrong_is_in_the_table():
    """An engine that fails, or finds other numbers, is seen in its column."""
    good = {"name": "vgg16", "usual": 3, "top": 2, "bare": 1}
    bad = {"name": "vgg16", "usual": 3, "error": "ValueError: a | b\nc"}
    results = {"one": {"vgg16": good}, "two": {"vgg16": bad}}

    assert every_application.table(results).splitlines()[-1] == (
        "| vgg16 | 32 | 3 | 1 | built | ValueError: a / b c |"
    )
    results["two"] = {"vgg16": {**good, "bare": 0}}
    assert "| built | other numbers |" in every_application.table(results)
