"""Hostile files: what plain Keras does with them, and that kerasplug refuses each.

For each file of the corpus it is shown first that plain Keras is harmed or fooled, or
that it refuses the file as well.
"""

import json
import os
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest
from hostile_corpus import (
    CODE,
    CORPUS,
    CRASH,
    FOOLED,
    HANGS,
    HARM_BYTES,
    MEMORY,
    REFUSED,
    build,
)
from hostile_kit import model, text_of, write

HERE = Path(__file__).parent
TAME = [one for one in CORPUS if one.upstream != CRASH]
DEADLY = [one for one in CORPUS if one.upstream == CRASH]
ID = attrgetter("id")
CALLS = ("load_model", "inspect_model")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Name in the corpus -> the file."""
    return build(tmp_path_factory.mktemp("corpus"))


def run(program, files, tmp_path_factory, *arguments):
    """What a program says of these files, by file and by call; and how it ended."""
    folder = tmp_path_factory.mktemp("temporary")
    done = subprocess.run(
        [sys.executable, HERE / program, *arguments, *map(str, files)],
        env={
            **os.environ,
            "HOSTILE_CANARY": str(folder / "canary"),
            "TMPDIR": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    said = [json.loads(line) for line in lines]
    return {(one["path"], one.get("call", "")): one for one in said}, done


@pytest.fixture(scope="module")
def plain(files, tmp_path_factory):
    """What plain Keras does with each file but those that end its process."""
    tame = [files[one.id] for one in TAME]
    found, done = run("hostile_plain.py", tame, tmp_path_factory)
    assert done.returncode == 0, done.stderr[-2000:]
    return found


@pytest.fixture(scope="module")
def ours(files, tmp_path_factory):
    """What kerasplug says of each file, with what that took."""
    found, done = run(
        "hostile_ours.py", files.values(), tmp_path_factory, ",".join(CALLS)
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return found


@pytest.mark.engine
@pytest.mark.parametrize("one", TAME, ids=ID)
def test_plain_keras_is_harmed_or_fooled_or_refuses(files, plain, one):
    """Plain Keras does with each file what the corpus says of it."""
    found = plain[str(files[one.id]), ""]

    assert found["ran"] == (one.upstream == CODE)
    if one.upstream == MEMORY:
        assert found["took"] > HARM_BYTES
    elif one.upstream == FOOLED:
        assert found["outcome"] == "loaded"
    elif one.upstream == HANGS:
        assert found["outcome"] == "hangs"
    else:
        assert one.upstream == REFUSED
        assert found["outcome"] not in ("loaded", "hangs")
        assert found["took"] < HARM_BYTES


@pytest.mark.engine
@pytest.mark.parametrize("one", DEADLY, ids=ID)
def test_plain_keras_is_killed(files, tmp_path_factory, one):
    """The library that reads HDF5 crashes, and takes the process with it."""
    found, done = run("hostile_plain.py", [files[one.id]], tmp_path_factory)

    assert not found
    assert done.returncode < 0, done.returncode


@pytest.mark.parametrize("one", CORPUS, ids=ID)
def test_each_hostile_file_is_refused_with_one_clear_error(files, ours, one):
    """The error is a ModelFileError that says what is wrong, in few lines."""
    found = ours[str(files[one.id]), "load_model"]

    assert found.get("error") == "ModelFileError", found
    assert one.says in found["text"]
    assert len(found["text"]) < 900
    assert found["text"].isprintable() or "\n" in found["text"]
    seen = ours[str(files[one.id]), "inspect_model"]
    if one.kind and "dangers" in seen:
        assert (one.kind in seen["dangers"]) == one.seen
    else:
        assert seen.get("error") == "ModelFileError", seen


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("one", CORPUS, ids=ID)
def test_refusing_is_cheap_and_does_nothing_else(files, ours, one, call):
    """In two seconds and 300 MB, without Keras or NumPy; nothing runs or stays."""
    found = ours[str(files[one.id]), call]

    assert found["ended"] == 0, found
    assert found["peak"] <= 300 << 20
    assert found["modules"] == []
    assert found["clean"]


def test_what_is_only_just_allowed_is_cheap_as_well(tmp_path, tmp_path_factory):
    """Within the limits nothing costs more: names, texts, keys, objects."""
    most = 240_000
    inner = {
        "texts": b"[%s]" % b",".join(b'"%0200d"' % one for one in range(most)),
        "names": b"[%s]" % b",".join(b'"a%d>b"' % one for one in range(most)),
        "keys": b"{%s}" % b",".join(b'"%0200d":1.5' % one for one in range(most)),
        "objects": b"[%s]" % b",".join([b'{"class_name":0,"config":1}'] * 80_000),
    }
    files = [
        write(tmp_path / f"{name}.keras", text_of(model())[:-1] + b', "x": %s}' % text)
        for name, text in inner.items()
    ]
    found, done = run(
        "hostile_ours.py", files, tmp_path_factory, "read_safely,inspect_model"
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert len(found) == 2 * len(files)
    for said in found.values():
        assert "error" not in said, said
        assert said["ended"] == 0, said
        assert said["peak"] <= 300 << 20


def test_the_corpus_is_large_and_every_harm_is_in_it():
    """It has more than thirty files, each under its own name."""
    assert len({one.id for one in CORPUS}) == len(CORPUS) > 60
    assert {one.upstream for one in CORPUS} == {MEMORY, CRASH, HANGS, FOOLED, REFUSED}
