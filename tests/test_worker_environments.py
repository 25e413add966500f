"""The private environment of an engine: made whole or not at all, by uv or by pip."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import environments_kit
import pytest

from kerasplug import WorkerEngine
from kerasplug.engines.workers import pythons
from kerasplug.engines.workers.children import run
from kerasplug.errors import KerasMissingError

wheels, tiny = environments_kit.wheels, environments_kit.tiny  # fixtures

#: What makes the command take pip, or uv.
WAYS = {"uv": {}, "pip": {"without": "uv", "PATH": "/usr/bin:/bin"}}


@pytest.fixture(params=WAYS)
def way(request):
    """How the command is run: where uv is, and where only pip is."""
    return request.param, WAYS[request.param]


class Index(ThreadingHTTPServer):
    """An index of packages that has none; it counts who asks."""

    class Handler(BaseHTTPRequestHandler):
        """Says that there is nothing."""

        def do_GET(self):
            """Count, and refuse."""
            self.server.asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments):
            """Say nothing."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.asked = []

    @property
    def variables(self):
        """What sends pip and uv here, and nowhere else."""
        url = f"http://127.0.0.1:{self.server_port}/simple"
        names = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
        off = ("PIP_NO_INDEX", "UV_NO_INDEX", "PIP_FIND_LINKS", "UV_FIND_LINKS")
        return {**dict.fromkeys(off, ""), **dict.fromkeys(names, url)}


@pytest.fixture
def index():
    """An index on this machine."""
    with Index() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_environment_is_made_with_the_pins_and_nothing_else(tiny, way):
    """It has what is pinned, its worker has run, and both installers make the same."""
    name, how = way

    said = tiny.run("backend", "install", "tiny", "--json", **how)

    assert said.code == 0, said.err
    assert said.data["made"] is True
    assert f"installing with {name}: tiny-engine==1.0" in said.err
    (folder,) = tiny.folders()
    assert said.data["folder"] == str(folder)
    assert folder.name.startswith("tiny-{}.{}-".format(*sys.version_info))
    code = "import tiny_engine, sys; print(tiny_engine.__file__, sys.prefix)"
    out = subprocess.check_output([said.data["python"], "-I", "-c", code], text=True)
    assert out.split()[0].startswith(str(folder))
    assert out.split()[1] == str(folder)
    assert tiny.flag("started").exists()
    assert tiny.state() == ("available", "")


def test_a_second_call_changes_nothing(tiny):
    """What is there is used; only `--reinstall` makes it anew."""
    first = tiny.run("backend", "install", "tiny", "--json")
    (folder,) = tiny.folders()
    trace = folder / "a-trace"
    trace.touch()

    second = tiny.run("backend", "install", "tiny", "--json")
    assert second.data == {**first.data, "made": False}
    assert second.err == ""
    assert trace.exists()

    third = tiny.run("backend", "install", "tiny", "--json", "--reinstall")
    assert third.data == first.data
    assert not trace.exists()


def test_people_are_told_each_step(tiny):
    """Steps go to standard error as they come, the result to standard output."""
    said = tiny.run("backend", "install", "tiny")

    (folder,) = tiny.folders()
    assert said.out == f"tiny: {folder} was made\n"
    lines = said.err.splitlines()
    begins = ("making ", "Python 3.", "installing with ", "  ", "starting tiny")
    places = [
        next(at for at, line in enumerate(lines) if line.startswith(begin))
        for begin in begins
    ]
    assert places == sorted(places)


def test_what_an_installer_says_when_it_fails_is_told(tiny, way):
    """A version that nobody has: exit code 1, the installer's words, nothing left."""
    said = tiny.run(
        "backend", "install", "tiny", TINY_PINS="tiny-engine==7.7", **way[1]
    )

    assert said.code == 1
    assert "tiny can't be made; nothing was left of it" in said.err
    assert "tiny-engine==7.7" in said.err.partition("its last output:")[2]
    assert "Traceback" not in said.err
    assert tiny.folders() == []


def test_an_engine_that_computes_something_else_is_not_kept(tiny):
    """Where its worker answers the check with an error the environment is removed."""
    tiny.flag("wrong").touch()

    said = tiny.run("backend", "install", "tiny", "--json")

    assert said.code == 1
    assert said.data["error"]["type"] == "WorkerError"
    assert "two and two are not four" in json.dumps(said.data)
    assert tiny.folders() == []


def test_an_installer_that_can_not_write_leaves_nothing(tiny):
    """Where a file can't grow, as on a full disk, nothing is left, and it is said."""
    line = " ".join(tiny.line(["backend", "install", "tiny"]))
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 1000; exec {line}"],
        env=tiny.environment({"TINY_PINS": "tiny-engine==3.0"}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "tiny can't be made" in done.stderr
    assert "Traceback" not in done.stderr
    assert tiny.folders() == []


def test_a_home_that_can_not_be_written_is_said(tiny):
    """Where Keras' home is a file the error names it and its mend."""
    tiny.home.write_text("")

    said = tiny.run("backend", "install", "tiny")

    assert said.code == 1
    assert "KERAS_HOME" in said.err
    assert "Traceback" not in said.err


def test_offline_nobody_is_asked(tiny, index, way):
    """Under KERASPLUG_OFFLINE no index is asked, and the error says why."""
    asked = {**index.variables, **way[1]}
    tiny.run("backend", "install", "tiny", **asked)
    assert index.asked  # or the rest would prove nothing
    index.asked.clear()

    said = tiny.run("backend", "install", "tiny", KERASPLUG_OFFLINE="1", **asked)

    assert index.asked == []
    assert said.code == 1
    assert "KERASPLUG_OFFLINE is set" in said.err
    assert "mend:     unset KERASPLUG_OFFLINE" in said.err
    assert tiny.folders() == []


def test_offline_what_is_at_hand_will_do(tiny, way):
    """Under KERASPLUG_OFFLINE packages from a folder on this machine are installed."""
    said = tiny.run("backend", "install", "tiny", KERASPLUG_OFFLINE="1", **way[1])

    assert said.code == 0, said.err


def test_settings_that_lead_elsewhere_do_not(tiny, tmp_path, way):
    """Targets of pip and uv, and variables of Python, have no say in it."""
    other = tmp_path / "other"
    variables = {
        "PIP_TARGET": str(other),
        "PIP_PREFIX": str(other),
        "PIP_USER": "1",
        "UV_PYTHON": "3.99",
        "UV_SYSTEM_PYTHON": "1",
        "UV_PROJECT_ENVIRONMENT": str(other),
        "PYTHONHOME": "",
        "PYTHONUSERBASE": str(other),
        "VIRTUAL_ENV": str(other),
    }

    said = tiny.run("backend", "install", "tiny", **variables, **way[1])

    assert said.code == 0, said.err
    assert not other.exists()
    assert tiny.state()[0] == "available"


def test_children_know_nothing_of_this_python(tmp_path, monkeypatch):
    """A program that is run gets no variable that begins with PYTHON."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("KEPT", "as it is")
    lines = []

    ended = run(["env"], cwd=str(tmp_path), say=lines.append)

    assert ended.code == 0
    assert "KEPT=as it is" in lines
    assert [line for line in lines if line.startswith("PYTHON")] == []


def test_a_program_that_is_not_there_has_ended_as_in_a_shell(tmp_path):
    """What can't be started is exit code 127, with the reason as its output."""
    ended = run([str(tmp_path / "gone")], cwd=str(tmp_path), say=print)

    assert ended.code == 127
    assert "No such file" in ended.output


# --- which Python ---


class Old(WorkerEngine):
    """An engine for Pythons that none of these tests runs on."""

    name = "old"
    python = ">=3.6,<3.11"


def put_program(folder, name, text):
    """A program of a few lines of shell."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_another_python_of_path_is_taken_where_ours_does_not_fit(tmp_path, monkeypatch):
    """The newest that starts and fits is taken; a shim that fails is passed over."""
    put_program(tmp_path, "python3.10", "echo no such version >&2; exit 127")
    wanted = put_program(tmp_path, "python3.9", "echo 3.9.18")
    put_program(tmp_path, "python3.8", "echo 3.8.1")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert pythons.fitting(Old()) == (wanted, "3.9.18")


def test_ours_is_taken_where_it_fits(monkeypatch, tmp_path):
    """This process' own Python goes before those on PATH."""
    put_program(tmp_path, "python3.13", "echo 3.13.1")
    monkeypatch.setenv("PATH", str(tmp_path))

    class Any(WorkerEngine):
        name = "any"
        python = ">=3.7"

    assert pythons.fitting(Any()).path == sys.executable


def test_where_no_python_fits_the_error_says_which_would(monkeypatch, tmp_path):
    """The versions that were found are named, and the one that is wanted."""
    path = put_program(tmp_path, "python3", "echo 3.4.1")
    monkeypatch.setenv("PATH", str(tmp_path))

    class Future(WorkerEngine):
        name = "future"
        python = ">=3.98"

    with pytest.raises(KerasMissingError) as caught:
        pythons.fitting(Future())

    assert f"3.4.1 at {path}" in caught.value.found
    assert caught.value.expected == "Python >=3.98"
    assert "--python" in caught.value.mend


def test_the_python_that_is_asked_for_is_taken_or_refused(tiny, tmp_path):
    """`--python` takes a path; one of another version or none at all is refused."""
    nothing = put_program(tmp_path, "nothing", "exit 3")
    for asked, variables, words in (
        (nothing, {}, "no Python that can be started"),
        (str(tmp_path / "gone"), {}, "no Python that can be started"),
        (sys.executable, {"TINY_PYTHON": ">=3.6,<3.11"}, "tiny can't run on"),
    ):
        said = tiny.run("backend", "install", "tiny", "--python", asked, **variables)
        assert said.code == 1
        assert words in said.err
        assert tiny.folders() == []

    line = ("backend", "install", "tiny", "--json", "--python")
    assert tiny.run(*line, os.path.realpath(sys.executable)).data["made"] is True


# --- what is no such engine ---


def test_a_backend_of_keras_has_no_environment_of_its_own(tiny):
    """For jax the error names the command that says how to install it."""
    said = tiny.run("backend", "install", "jax", "--json")
    removed = tiny.run("backend", "remove", "jax", "--json")

    assert said.code == removed.code == 1
    assert said.data["error"]["mend"].startswith("kerasplug install-command jax")
    assert removed.data["error"]["mend"].startswith("python -m pip uninstall jax")


def test_a_plugin_that_is_missing_is_named_first(tiny):
    """For an engine whose plugin is not there the error has both commands."""
    ask = ("backend", "install", "plaidml", "--json")
    said = tiny.run(*ask, KERASPLUG_ONLY="tiny-plugin")

    assert said.code == 1
    assert said.data["error"]["type"] == "KerasMissingError"
    mend = said.data["error"]["mend"]
    assert mend.startswith("python -m pip install ")
    assert mend.endswith("plaidml, and then: kerasplug backend install plaidml")


def test_an_engine_that_nobody_brings_is_no_riddle(tiny):
    """For an engine of the past without a plugin there is no command to try."""
    said = tiny.run("backend", "install", "cntk", "--json")

    assert said.code == 1
    assert said.data["error"]["found"] == "No plugin that is known brings it."
    assert not said.data["error"].get("mend")


def test_a_target_that_is_no_engine_is_refused(tiny):
    """A record that leads to something else is the plugin's fault, and is said."""
    path = tiny.flag("engine.py")
    path.write_text("class Tiny:\n    name = 'tiny'\n")

    said = tiny.run("backend", "install", "tiny", "--json")

    assert said.code == 1
    assert said.data["error"]["type"] == "PluginError"
    assert "a subclass of WorkerEngine" in said.data["error"]["expected"]
    assert tiny.state()[0] == "broken"
