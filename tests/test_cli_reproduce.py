"""`kerasplug reproduce`: what it prints, and how it ends."""

import textwrap

import pytest
from cli_kit import Shop

#: A program that trains, prints its arguments, and differs where it is told to.
_PROGRAM = """
import os, sys
print("loud", sys.argv[1:])
import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.ones((8, 3), "float32")
if "--differ" in sys.argv:
    x[2, 1] = int.from_bytes(os.urandom(4), "little")
if "--fail" in sys.argv:
    raise SystemExit("there is no such flag")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="d")])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], batch_size=4, epochs=1, shuffle=False, verbose=0)
"""


@pytest.fixture
def shop(tmp_path):
    """A folder without plugins."""
    return Shop(tmp_path / "shop")


@pytest.fixture
def script(tmp_path):
    """The program's file."""
    path = tmp_path / "train.py"
    path.write_text(textwrap.dedent(_PROGRAM), encoding="utf-8")
    return path


@pytest.mark.engine
def test_a_script_that_is_the_same_ends_with_0(shop, script):
    """A script that gives the same is told so, with what was compared."""
    said = shop.run("reproduce", script, "--backend=jax", "--runs=2")

    assert said.code == 0, said.err
    lines = [line.split() for line in said.out.splitlines()]
    assert said.out.splitlines()[0] == str(script)
    assert ["backend:", "jax"] in lines
    assert ["steps", "compared:", "2"] in lines
    assert said.out.splitlines()[-1] == "All 2 runs gave the same, bit by bit."
    assert "loud" not in said.out


@pytest.mark.engine
def test_a_script_that_differs_ends_with_1(shop, script):
    """The first difference is shown with its place; the script gets its arguments."""
    said = shop.run(
        "reproduce", script, "--no-explain", "--backend=jax", "--", "--differ", "a b"
    )

    assert said.code == 1, said.err
    assert "The first difference" in said.out
    assert "input batch x in step 1" in said.out
    assert "at (2, 1)" in said.out
    assert "Likely causes" not in said.out
    assert said.out.splitlines()[-1] == "The runs differ."


@pytest.mark.engine
def test_a_program_gets_one_document(shop, script):
    """With --json all of the output is one document, with the difference and causes."""
    said = shop.run("reproduce", script, "--json", "--backend=jax", "--", "--differ")

    assert said.code == 1, said.err
    assert said.data["same"] is False
    assert said.data["first"]["kind"] == "input batch"
    assert said.data["first"]["index"] == [2, 1]
    assert "train.py:10: os.urandom()" in said.data["causes"][0]
    assert said.data["versions"]["keras"]


@pytest.mark.engine
def test_a_script_that_fails_ends_with_1(shop, script):
    """A run that fails is told with what it wrote last; for a program, too."""
    said = shop.run("reproduce", script, "--json", "--backend=jax", "--", "--fail")

    assert said.code == 1
    assert said.data["error"]["type"] == "ReproducibilityError"
    assert said.data["error"]["what"] == f"Run 1 of {script} failed."
    assert "there is no such flag" in said.data["error"]["found"]
    assert "Run 1 of" in said.err


def test_hashes_can_be_fixed(shop, tmp_path):
    """With --hash-seed all runs have this one, and without it each has another."""
    path = tmp_path / "says.py"
    path.write_text("import os, sys\nsys.exit('has ' + os.environ['PYTHONHASHSEED'])\n")

    fixed = shop.run("reproduce", path, "--hash-seed=7", "--backend=jax")
    assert "has 7" in fixed.err
    assert "has 1" in shop.run("reproduce", path, "--backend=jax").err


@pytest.mark.parametrize(
    "arguments",
    [
        ["none.py"],
        [],
        ["FOLDER"],
        ["SCRIPT", "--runs=1"],
        ["SCRIPT", "--runs=x"],
        ["SCRIPT", "--hash-seed=-1"],
        ["SCRIPT", "--hash-seed=4294967296"],
        ["SCRIPT", "--timeout=0"],
        ["SCRIPT", "--timeout=nan"],
        ["SCRIPT", "--backend=jacks"],
        ["SCRIPT", "--depth"],
        ["SCRIPT", "more"],
        ["--", "SCRIPT"],
    ],
    ids=" ".join,
)
def test_a_wrong_argument_ends_with_2(shop, script, arguments):
    """A missing file, a wrong number, an unknown backend or option end with code 2."""
    named = {"SCRIPT": str(script), "FOLDER": str(script.parent)}
    said = shop.run("reproduce", *(named.get(word, word) for word in arguments))

    assert said.code == 2
    assert said.out == ""


def test_a_backend_that_is_missing_ends_with_1(shop, script):
    """A backend that is not installed is told before anything runs."""
    said = shop.run("reproduce", script, "--backend=openvino")

    assert said.code == 1
    assert "openvino" in said.err
