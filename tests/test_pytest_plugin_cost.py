"""What a run of pytest costs more with kerasplug installed: counted, not timed."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from install_kit import ROOT, wheel
from pytest_kit import clean, link, write

# Runs pytest on the folder it is in, and writes which files were opened, and which
# modules are there afterwards.
_WATCHED = """
import json, os, sys
opened = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])
sys.addaudithook(watch)
import pytest
code = pytest.main(sys.argv[2:])
there = [os.path.realpath(name) for name in opened if os.path.exists(name)]
with open(sys.argv[1], "w") as file:
    json.dump([int(code), there, sorted(sys.modules)], file)
"""
_OUR_ENTRY = re.compile(r"\[pytest11\]\n[^\[]*")


@pytest.fixture(scope="module")
def installations(tmp_path_factory):
    """Name -> a folder where kerasplug's wheel is installed.

    "with": as it is. "without": the entry point for pytest removed. "empty": the
    module that it names is an empty file, as the least that a plugin can be.
    """
    folder = tmp_path_factory.mktemp("cost")
    built = wheel(folder / "wheel", ROOT)
    for name in ("with", "without", "empty"):
        with zipfile.ZipFile(built) as archive:
            archive.extractall(folder / name)  # all that installing a wheel does
        (points,) = (folder / name).glob("*.dist-info/entry_points.txt")
        if name == "without":
            text, removed = _OUR_ENTRY.subn("", points.read_text())
            assert removed == 1
            points.write_text(text)
        if name == "empty":
            (folder / name / "_kerasplug_pytest.py").write_text("")
    parts = ("pytest", "pluggy", "iniconfig", "packaging", "pygments", "filelock")
    link(folder / "pytest", *parts)
    return folder


def watched(installations: Path, name: str, project: Path, *arguments: str):
    """Files opened and modules imported by a warm run of pytest.

    A file is named from the folder of the installation on.
    """
    folder = installations / name
    path = [folder, installations / "pytest"]
    answer = project / "answer.json"
    command = [sys.executable, "-S", "-c", _WATCHED, str(answer), *arguments]
    env = {**clean(), "PYTHONPATH": os.pathsep.join(map(str, path))}
    for _ in range(2):  # the first one writes what Python and pytest keep compiled
        answer.unlink(missing_ok=True)
        subprocess.run(command, cwd=project, env=env, check=True, capture_output=True)
    code, opened, modules = json.loads(answer.read_text())
    assert code == 0
    start = os.path.realpath(folder) + os.sep
    return [name.removeprefix(start) for name in opened], set(modules)


@pytest.fixture
def project(tmp_path):
    """A project that has nothing to do with Keras."""
    write(tmp_path, {"test_it.py": "def test():\n    pass\n"})
    yield tmp_path
    shutil.rmtree(tmp_path)


#: Where Python keeps a module, and pytest what it has made of it: the same thing twice.
_CACHE = re.compile(r"__pycache__/(\w+)\.[\w.-]+\.pyc$")


def more(with_us: list[str], without: list[str]) -> set[str]:
    """What is opened more; a module and its compiled form are one thing."""
    files = set(with_us) - set(without)
    return {_CACHE.sub(r"\1.py", name).split("/")[-1] for name in files}


#: What Python itself imports, from 3.12 on, to read anybody's RECORD.
_PYTHONS_OWN = {"csv", "_csv"}
_CSV = {"csv.py"}


def test_unrelated_run_imports_one_module_and_opens_two_files(installations, project):
    """With the plugin a run imports one module more, and opens it and RECORD."""
    opened, modules = watched(installations, "with", project, "-q")
    before, known = watched(installations, "without", project, "-q")
    assert modules - known - _PYTHONS_OWN == {"_kerasplug_pytest"}
    assert more(opened, before) - _CSV == {"RECORD", "_kerasplug_pytest.py"}


def test_header_of_pytest_reads_our_version(installations, project):
    """Where pytest prints the names of its plugins it opens METADATA as well."""
    opened, modules = watched(installations, "with", project)
    before, known = watched(installations, "without", project)
    assert modules - known - _PYTHONS_OWN == {"_kerasplug_pytest"}
    expected = {"RECORD", "METADATA", "_kerasplug_pytest.py"}
    assert more(opened, before) - _CSV == expected


@pytest.mark.parametrize("arguments", [(), ("-q",)], ids=["header", "quiet"])
def test_no_plugin_can_cost_less(installations, project, arguments):
    """We open and import exactly what pytest does for a plugin with an empty module."""
    opened, modules = watched(installations, "with", project, *arguments)
    least, known = watched(installations, "empty", project, *arguments)
    assert sorted(opened) == sorted(least)
    assert modules == known
