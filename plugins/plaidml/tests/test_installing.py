"""PlaidML's environment as users get it: by the command, whole, and gone again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import plaidml_kit
import pytest
from kerasplug_plaidml.engine import PlaidML

plaidml_python = plaidml_kit.plaidml_python  # a fixture

pytestmark = [pytest.mark.engine, pytest.mark.slow]

#: What would choose another environment or device than the one that is made here.
CHOOSING = ("KERASPLUG_PLAIDML_PYTHON", "PLAIDML_DEVICE_IDS", "KERASPLUG_OFFLINE")


def kerasplug(home, *arguments):
    """The exit code of `kerasplug backend …`, its answer in JSON, and what it told."""
    kept = {key: value for key, value in os.environ.items() if key not in CHOOSING}
    done = subprocess.run(
        [sys.executable, "-m", "kerasplug", "backend", *arguments, "--json"],
        env={**kept, "KERAS_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_it_is_installed_looked_at_and_removed(tmp_path):
    """`install` makes an environment in which PlaidML computes; `remove` takes it."""
    home = tmp_path / "home"
    code, made, told = kerasplug(home, "install", "plaidml")
    assert code == 0, told
    assert made["made"] is True
    assert made["name"] == "plaidml"
    folder = Path(made["folder"])
    assert folder.is_relative_to(home)
    site = next(folder.glob("lib/python3.*/site-packages"))
    assert not list(site.glob("enum*"))  # it would hide Python's own
    assert len(list(site.glob("*.dist-info"))) == len(PlaidML.requirements)

    code, doctor, _ = kerasplug(home, "doctor", "plaidml")
    sections = doctor["sections"]
    assert code == 0, sections
    assert [one["level"] for one in sections["worker"]] == ["ok"]
    assert "keras 2.2.4" in sections["worker"][0]["what"]
    values = {one["about"]: one["what"] for one in sections["settings"]}
    assert values["PLAIDML_DEVICE_IDS"] == "llvm_cpu.0 (by its plugin)"

    _, shown, _ = kerasplug(home, "show", "plaidml", "--probe")
    assert (shown["state"], shown["engine_version"]) == ("available", "0.7.0")
    assert shown["python"] == made["python"]
    assert shown["facts"]["keras"] == "2.2.4"
    assert shown["devices"] == ["llvm_cpu.0"]

    code, gone, _ = kerasplug(home, "remove", "plaidml")
    assert (code, gone["removed"]) == (0, [str(folder)])
    assert not folder.exists()


def test_a_device_that_is_not_there_is_told_by_the_doctor(tmp_path, plaidml_python):
    """What PlaidML says of a wrong device is in the doctor's answer, with code 1."""
    done = subprocess.run(
        [sys.executable, "-m", "kerasplug", "backend", "doctor", "plaidml", "--json"],
        env={
            **os.environ,
            "KERAS_HOME": str(tmp_path),
            "KERASPLUG_PLAIDML_PYTHON": str(plaidml_python),
            "PLAIDML_DEVICE_IDS": "no_such_device.7",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    sections = json.loads(done.stdout)["sections"]
    assert done.returncode == 1
    assert sections["settings"][1]["what"] == "no_such_device.7 (set here)"
    (worker,) = sections["worker"]
    assert worker["level"] == "broken"
    assert "No devices found" in worker["what"]
    assert "llvm_cpu.0" in worker["what"]  # what there is instead
