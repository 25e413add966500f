"""Python's hash seed: what a running program can know of it, and beginning anew."""

import json
import subprocess
import sys
import textwrap

import pytest
from bare import bare

from kerasplug.seeding import hashes

#: What a program says of itself; no Keras is there, so that it is quick.
SAY = """
import json, os, sys, warnings
import kerasplug as kp
from kerasplug.seeding import hashes

def said(mode):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = kp.use_session_with_seed(1, quiet=True, hash_seed=mode)
    one = report["hash seed"]
    return {
        "state": one.state, "reason": one.reason, "ok": report.ok,
        "variable": os.environ.get("PYTHONHASHSEED"), "hash": hash("text"),
        "warnings": [f"{each.filename}: {each.message}" for each in caught],
        "argv": sys.argv, "again": os.environ.get("KERASPLUG_BEGUN_ANEW", ""),
    }
"""
UNSET = {"PYTHONHASHSEED": ""}


def told(program, folder, **env):
    done = bare(SAY + textwrap.dedent(program), folder, env={**UNSET, **env})
    return json.loads(done.stdout.splitlines()[-1])


def test_setting_it_in_a_running_program_does_nothing_to_its_own_hashes():
    """Upstream: Python reads the variable when it starts, and only then."""
    program = """
    import os, subprocess, sys
    before = hash("text")
    os.environ["PYTHONHASHSEED"] = "0"
    print(hash("text") == before, sys.flags.hash_randomization)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "1"]


def test_warn_says_too_late_and_sets_it_for_other_programs(tmp_path):
    """By default it warns at the caller's line; programs started from it have 0."""
    said = told('print(json.dumps(said("warn")))', tmp_path)

    assert said["state"] == "too late"
    assert not said["ok"]
    assert said["variable"] == "0"
    (warning,) = said["warnings"]
    assert warning.startswith("<string>: Texts have other hashes")
    assert "reexec" in warning


def test_warn_does_not_make_a_strict_call_raise(tmp_path):
    """It is the one measure that nearly every program comes too late for."""
    assert told('print(json.dumps(said("warn")))', tmp_path)["state"] == "too late"


def test_ignore_leaves_everything_as_it_is(tmp_path):
    """Nothing is set and nothing warned of."""
    said = told('print(json.dumps(said("ignore")))', tmp_path)

    assert said["state"] == "not applicable"
    assert not said["variable"]
    assert said["warnings"] == []


@pytest.mark.parametrize("value", ["0", "42"])
def test_what_was_set_when_python_started_holds(tmp_path, value):
    """A hash seed from outside is kept, whichever it is."""
    first, second = (
        told('print(json.dumps(said("warn")))', tmp_path, PYTHONHASHSEED=value)
        for _ in range(2)
    )

    assert first["state"] == "applied"
    assert first["variable"] == value
    assert first["warnings"] == []
    assert first["hash"] == second["hash"]


@pytest.mark.parametrize("value", ["0", "42"])
def test_what_was_set_in_the_program_does_not_hold(tmp_path, value):
    """A variable that the program has set itself is told from a real one."""
    program = f"""
    os.environ["PYTHONHASHSEED"] = {value!r}
    print(json.dumps(said("warn")))
    """
    assert told(program, tmp_path)["state"] == "too late"


def begun(folder, *command, **more):
    """What a program says that begins anew, started by this command."""
    env = more.pop("env", {})
    done = bare("", folder, check=False)  # makes the folders
    assert done.returncode == 0
    from bare import ROOT

    path = f"{ROOT}:{folder / 'needed'}:{folder}"
    return subprocess.run(
        [sys.executable, "-S", *command],
        env={"PYTHONPATH": path, "KERAS_HOME": str(folder / "home"), **env},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


REEXEC = SAY + 'print("begins", flush=True)\nprint(json.dumps(said("reexec")))\n'


@pytest.mark.parametrize("how", ["script", "module", "text"])
def test_reexec_begins_the_same_program_anew(tmp_path, how):
    """It runs again in the same process, with its arguments and a fixed hash seed."""
    (tmp_path / "train.py").write_text(REEXEC, "utf-8")
    command = {
        "script": ["-X", "dev", "train.py"],
        "module": ["-m", "train"],
        "text": ["-c", REEXEC],
    }[how]

    first, second = (begun(tmp_path, *command, "--rate", "0.1") for _ in range(2))

    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert lines[:2] == ["begins", "begins"]
    said = json.loads(lines[2])
    assert said["state"] == "applied"
    assert said["variable"] == "0"
    assert said["argv"][1:] == ["--rate", "0.1"]
    assert said["hash"] == json.loads(second.stdout.splitlines()[2])["hash"]


def test_reexec_does_not_begin_anew_where_the_seed_is_fixed(tmp_path):
    """Where PYTHONHASHSEED was set, there is no need."""
    done = begun(tmp_path, "-c", REEXEC, env={"PYTHONHASHSEED": "7"})

    assert done.stdout.count("begins") == 1
    assert json.loads(done.stdout.splitlines()[1])["variable"] == "7"


HINDERED = """
from kerasplug.errors import SeedError
import random
state = random.getstate()
{before}
try:
    kp.use_session_with_seed(1, quiet=True, hash_seed="reexec")
except SeedError as error:
    print(error.found, "|", error.mend, "|", random.getstate() == state)
"""


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (
            (
                "import time; from threading import Thread as T\n"
                "T(target=time.sleep, args=(5,), daemon=True, name='feed').start()"
            ),
            "other threads are running, which would be lost: feed",
        ),
        ("sys.modules['ipykernel'] = sys", "pytest or a notebook runs it"),
        (
            "os.environ['KERASPLUG_BEGUN_ANEW'] = str(os.getpid())",
            "it has begun anew already",
        ),
    ],
)
def test_reexec_is_refused_where_something_would_be_lost(tmp_path, before, reason):
    """It raises and changes nothing, where beginning anew would not be the same."""
    done = begun(tmp_path, "-c", SAY + HINDERED.format(before=before))

    assert done.returncode == 0, done.stderr
    found, mend, same = done.stdout.split(" | ")
    assert reason in found
    assert mend.startswith("PYTHONHASHSEED=0 python")
    assert same.strip() == "True"


def test_reexec_from_another_thread_is_refused(tmp_path):
    """Only the main thread may begin the program anew."""
    program = HINDERED.replace("\n", "\n    ").format(before="")
    code = (
        f"{SAY}\nimport threading\ndef work():\n    {program}\n"
        "one = threading.Thread(target=work); one.start(); one.join()\n"
    )
    done = begun(tmp_path, "-c", code)

    assert "another thread than the main one" in done.stdout


def test_reexec_of_a_program_from_standard_input_is_refused(tmp_path):
    """What was read from standard input can't be read again."""
    done = begun(tmp_path, "-", input=SAY + HINDERED.format(before=""))

    assert "its command line names no program" in done.stdout


def test_reexec_where_python_reads_no_environment_is_refused(tmp_path):
    """With -E the variable would not be read the second time either."""
    path = f"import sys; sys.path[:0] = {[*map(str, paths(tmp_path))]}\n"
    done = begun(tmp_path, "-E", "-c", path + SAY + HINDERED.format(before=""))

    assert "does not read the environment" in done.stdout, done.stderr


def paths(folder):
    from bare import ROOT

    return ROOT, folder / "needed"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train.py", "-"], True),
        (["-m", "train"], True),
        (["-Im", "train"], True),
        (["-W", "error", "train.py"], True),
        (["-W", "error"], False),
        ([], False),
        (["-"], False),
        (["-i"], False),
        (["--check-hash-based-pycs", "always", "train.py"], True),
    ],
)
def test_a_command_line_names_a_program_or_does_not(arguments, expected):
    """Options and their values are not taken for programs."""
    assert hashes._has_program(arguments) is expected
