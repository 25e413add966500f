"""What is told of an engine's environment, whole or not, and how it is removed."""

import json
import os
import shutil
import sys

import environments_kit
import pytest
from environments_kit import put_environment, was_started

wheels, tiny = environments_kit.wheels, environments_kit.tiny  # fixtures

MARK = "kerasplug-environment.json"


@pytest.fixture
def made(tiny):
    """A shop whose engine has its environment; and that folder."""
    assert tiny.run("backend", "install", "tiny").code == 0
    (folder,) = tiny.folders()
    return tiny, folder


def findings(said, section):
    """The findings of one section of the doctor's answer, as (level, about, what)."""
    some = said.data["sections"].get(section, [])
    return [(one["level"], one["about"], one["what"]) for one in some]


def half(folder):
    """Take the mark away."""
    (folder / MARK).unlink()
    return "half made", "it was never finished"


def spoilt_mark(folder):
    """Let the mark be no JSON."""
    (folder / MARK).write_text("{")
    return "half made", "it was never finished"


def gone(folder):
    """Let the base Python be removed, as an upgrade does."""
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/no/such/python3.11")
    (folder / "bin" / "python3").unlink()
    return "broken", "its Python is gone"


def upgraded(folder):
    """Let the base Python become another one."""
    other = folder / "python3.99"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to(other)
    return "broken", "3.99 now"


def changed(folder):
    """Let somebody install another version there."""
    (info,) = folder.glob("lib/*/site-packages/tiny_engine-1.0.dist-info")
    text = (info / "METADATA").read_text().replace("Version: 1.0", "Version: 2.0")
    (info / "METADATA").unlink()  # it may be a link to the installer's cache
    (info / "METADATA").write_text(text)
    info.rename(info.parent / "tiny_engine-2.0.dist-info")
    return "changed", "tiny-engine is 2.0, not ==1.0"


DAMAGES = [half, spoilt_mark, gone, upgraded, changed]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_with_it_is_told_and_repaired(made, damage):
    """Nobody uses it, list and doctor say why, and the next call makes it anew."""
    tiny, folder = made
    kind, words = damage(folder)

    state, reason = tiny.state()
    assert state == "missing"
    assert words in reason
    assert tiny.find()[0] == "KerasMissingError"
    doctor = tiny.run("backend", "doctor", "tiny", "--json")
    ((level, about, what),) = findings(doctor, "environment")
    assert (level, about) == ("broken", kind)
    assert what.startswith(f"{folder}: ")
    assert words in what
    assert doctor.code == 1

    said = tiny.run("backend", "install", "tiny", "--json")
    assert said.code == 0, said.err
    assert words in said.err
    assert tiny.state() == ("available", "")


def test_one_for_other_versions_is_told_and_left_alone(made):
    """After the plugin wants other versions the old one is no longer used, nor lost."""
    tiny, folder = made
    new = {"TINY_PINS": "tiny-engine==2.0"}

    doctor = tiny.run("backend", "doctor", "tiny", "--json", **new)
    ((level, about, _),) = findings(doctor, "environment")
    assert (level, about) == ("note", "old")
    assert tiny.find(**new)[0] == "KerasMissingError"

    said = tiny.run("backend", "install", "tiny", "--json", **new)
    assert said.data["made"] is True
    assert folder in tiny.folders()
    assert tiny.find(**new) == [said.data["python"], "kerasplug backend install tiny"]
    assert tiny.find()[0].startswith(str(folder))


def test_listing_and_showing_start_nothing(made):
    """An interpreter that tells on who starts it is found, and was not started."""
    tiny, folder = made
    (folder / "bin" / "python").unlink()
    real = folder / "bin" / "python3.{1}".format(*sys.version_info)
    real.unlink(missing_ok=True)
    real.write_text(f"#!/bin/sh\ntouch {folder}/was-started\n")
    real.chmod(0o755)
    (folder / "bin" / "python").symlink_to(real.name)

    for line in (["list"], ["list", "--json"], ["show", "tiny"], ["show", "tiny"]):
        assert tiny.run("backend", *line).code == 0
    assert tiny.state() == ("available", "")

    assert not was_started(folder / "bin" / "python")
    tiny.run("backend", "show", "tiny", "--probe")
    assert was_started(folder / "bin" / "python")


def test_showing_tells_where_it_runs(made):
    """`show` has the interpreter and who says so; `--probe` what the worker says."""
    tiny, folder = made

    plain = tiny.run("backend", "show", "tiny", "--json").data
    probed = tiny.run("backend", "show", "tiny", "--probe", "--json").data
    people = tiny.run("backend", "show", "tiny", "--probe").out

    assert plain["python"].startswith(str(folder))
    assert plain["found_by"] == "kerasplug backend install tiny"
    assert (plain["devices"], plain["facts"]) == (None, None)
    assert probed["devices"] == ["cpu.0"]
    assert probed["facts"]["engine"] == "tiny"
    assert probed["because"]["train"] == "says its plugin"
    assert "runs on:" in people
    assert "says of itself" in people


def test_showing_tells_why_there_are_no_devices(tiny):
    """Without an environment `--probe` says what is missing, and ends with 0."""
    said = tiny.run("backend", "show", "tiny", "--probe", "--json")

    assert said.code == 0
    assert said.data["devices"] == []
    assert said.data["devices_error"] == "No environment has what tiny needs."
    assert said.data["facts"] == {}


def test_the_doctor_starts_it_and_lets_it_compute(made):
    """Environment, settings and worker are sections; all is well, with exit code 0."""
    tiny, folder = made

    said = tiny.run("backend", "doctor", "tiny", "--json", TINY_DEVICE="gpu.7")

    assert said.code == 0, said.out
    assert list(said.data["sections"])[1:] == [
        "tiny",
        "environment",
        "settings",
        "worker",
    ]
    assert findings(said, "settings") == [("ok", "TINY_DEVICE", "gpu.7 (set here)")]
    ((level, _, what),) = findings(said, "worker")
    assert level == "ok"
    assert "device gpu.7" in what
    ((_, _, where),) = findings(said, "environment")
    assert str(folder) in where


def test_the_doctor_tells_what_a_worker_said_last(made):
    """Where it does not start, or computes something else, that is broken: code 1."""
    tiny, folder = made
    tiny.flag("wrong").touch()
    wrong = tiny.run("backend", "doctor", "tiny", "--json")
    tiny.flag("wrong").unlink()
    (module,) = folder.glob("lib/*/site-packages/tiny_engine/__init__.py")
    module.unlink()
    module.write_text("raise SystemError('this machine is too old')\n")
    ended = tiny.run("backend", "doctor", "tiny", "--json")

    assert wrong.code == ended.code == 1
    ((level, _, what),) = findings(wrong, "worker")
    assert level == "broken"
    assert "two and two are not four" in what
    (finding,) = ended.data["sections"]["worker"]
    assert finding["level"] == "broken"
    assert "this machine is too old" in finding["what"]
    assert finding["mend"]


def test_the_doctor_notes_versions_that_nobody_tested(tiny):
    """An environment of the user's own may have others: that is a note."""
    place = tiny.user / ".virtualenvs" / "tiny"
    there = put_environment(place, "tiny-engine")

    said = tiny.run("backend", "doctor", "tiny", "--json", TINY_PINS="tiny-engine==2.0")

    first, second = findings(said, "environment")
    assert first[0] == "ok"
    assert str(there) in first[2]
    assert second[:2] == ("note", "versions")
    assert "tiny-engine is 1.0, not ==2.0" in second[2]


def test_a_variable_that_goes_before_a_new_one_is_noted(tiny, tmp_path):
    """`install` says that the variable is set, which leads to another environment."""
    other = put_environment(tmp_path / "other", "tiny-engine")

    said = tiny.run(
        "backend", "install", "tiny", KERASPLUG_TINY_PYTHON=os.fspath(other)
    )

    assert said.code == 0
    assert "note: KERASPLUG_TINY_PYTHON is set, and goes before it" in said.err


# --- removing ---


def test_removing_twice_is_no_error(made):
    """The environment is gone, whole as it was, and then there is nothing to remove."""
    tiny, folder = made

    first = tiny.run("backend", "remove", "tiny", "--json")
    second = tiny.run("backend", "remove", "tiny", "--json")

    assert first.data == {"name": "tiny", "removed": [str(folder)]}
    assert second.data == {"name": "tiny", "removed": []}
    assert (first.code, second.code) == (0, 0)
    assert tiny.folders() == []
    assert tiny.state()[0] == "missing"


def test_all_of_an_engine_are_removed_and_nothing_else(made):
    """Half made and old ones too; what has another name, or lies elsewhere, stays."""
    tiny, folder = made
    old = folder.parent / "tiny-3.12-0123456789ab"
    old.mkdir()
    others = ("tiny-3.12-notahash", "tiny", "tinyish-3.12-0123456789ab", "other")
    for name in others:
        (folder.parent / name).mkdir()

    said = tiny.run("backend", "remove", "tiny", "--json")

    assert sorted(said.data["removed"]) == sorted([str(folder), str(old)])
    assert sorted(one.name for one in tiny.folders()) == sorted(others)


def test_links_are_not_followed(made, tmp_path):
    """What a link in the environment leads to is left alone."""
    tiny, folder = made
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (folder / "link").symlink_to(outside)
    (folder / "lib" / "file").symlink_to(outside / "precious")

    assert tiny.run("backend", "remove", "tiny").code == 0

    assert (outside / "precious").exists()
    assert tiny.folders() == []


@pytest.mark.parametrize("action", ["remove", "install"])
def test_a_link_in_its_place_is_refused(made, tmp_path, action):
    """A link that is called as an environment, wherever it leads, is left alone."""
    tiny, folder = made
    outside = tmp_path / "outside"
    shutil.move(folder, outside)
    folder.symlink_to(outside)

    said = tiny.run("backend", action, "tiny", "--json")

    assert said.code == 1
    assert said.data["error"]["type"] == "OwnershipError"
    assert "a link to " in said.data["error"]["found"]
    assert (outside / MARK).exists()
    assert folder.is_symlink()


def test_a_folder_that_others_can_write_is_refused(made):
    """Where somebody else could have put things it is neither used nor removed."""
    tiny, folder = made
    for place in (folder, folder.parent):
        place.chmod(0o777)
        state = tiny.state()
        said = tiny.run("backend", "remove", "tiny", "--json")
        place.chmod(0o700)
        assert state[0] == "missing"
        assert "others can write there" in state[1]
        assert said.code == 1
        assert said.data["error"]["type"] == "OwnershipError"
        assert (folder / MARK).exists()


def test_it_can_be_removed_when_its_plugin_is_gone(made):
    """The name is enough: the plugin need not be installed any longer."""
    tiny, folder = made
    for one in tiny.site.iterdir():
        shutil.rmtree(one)

    said = tiny.run("backend", "remove", "tiny", "--json")
    again = tiny.run("backend", "remove", "tiny", "--json")

    assert said.data["removed"] == [str(folder)]
    assert again.code == 2
    assert again.data["error"]["type"] == "UnknownNameError"


def test_its_mark_says_what_was_made(made):
    """People find in the folder for what, of what and with what it was made."""
    _, folder = made

    said = json.loads((folder / MARK).read_text())

    assert said["engine"] == "tiny"
    assert said["requirements"] == ["tiny-engine==1.0"]
    assert said["base"] == sys.executable
