"""Several processes that want one environment, and some that are killed over it."""

import contextlib
import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import environments_kit
import pytest
from cli_kit import Said

wheels, tiny = environments_kit.wheels, environments_kit.tiny  # fixtures


class Silent(ThreadingHTTPServer):
    """An index that lets whoever asks wait, until it is told to refuse."""

    daemon_threads = True

    class Handler(BaseHTTPRequestHandler):
        """Waits."""

        def do_GET(self):
            """Say who is there, wait, and refuse."""
            self.server.reached.set()
            self.server.go_on.wait()
            with contextlib.suppress(OSError):
                self.send_error(404)

        def log_message(self, *arguments):
            """Say nothing."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.reached, self.go_on = threading.Event(), threading.Event()


@pytest.fixture
def silent():
    """Such an index."""
    with Silent() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


def until(is_true):
    """Wait until something is true; a test that waits in vain is ended from outside."""
    while not is_true():
        time.sleep(0.01)


def killed(process):
    """End a process as the kernel does when memory is short."""
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def assert_repaired(tiny, said):
    """What was half made was removed, and what is there now is whole."""
    assert said.code == 0, said.err
    assert said.data["made"] is True
    assert "it was never finished" in said.err
    assert [str(one) for one in tiny.folders()] == [said.data["folder"]]
    assert tiny.state() == ("available", "")


def assert_no_environment(tiny):
    """Nobody takes what is there for an environment."""
    state, reason = tiny.state()
    assert state == "missing"
    assert "it was never finished" in reason
    assert tiny.find()[0] == "KerasMissingError"


def test_eight_processes_at_once_make_one(tiny):
    """One of them makes it, the others wait, and all have the same."""
    started = [tiny.start("backend", "install", "tiny", "--json") for _ in range(8)]
    ended = [(one, *one.communicate()) for one in started]

    assert [one.returncode for one, _, _ in ended] == [0] * 8, ended
    said = [json.loads(out) for _, out, _ in ended]
    assert sorted(one.pop("made") for one in said) == [*[False] * 7, True]
    assert said == [said[0]] * 8
    assert len(tiny.folders()) == 1


def test_one_that_was_killed_at_its_begin_is_repaired(tiny):
    """A process that dies when the folder is there leaves nothing that counts."""
    process = tiny.start("backend", "install", "tiny")
    until(tiny.folders)
    killed(process)

    assert_no_environment(tiny)
    assert_repaired(tiny, tiny.run("backend", "install", "tiny", "--json"))


def test_one_that_was_killed_before_its_end_is_repaired(tiny):
    """A process that dies over the check, with all installed, leaves nothing either."""
    tiny.flag("wait").touch()
    process = tiny.start("backend", "install", "tiny")
    until(tiny.flag("started").exists)
    killed(process)
    tiny.flag("wait").unlink()

    assert_no_environment(tiny)
    assert_repaired(tiny, tiny.run("backend", "install", "tiny", "--json"))


def test_an_installer_that_outlives_its_parent_is_waited_for(tiny, silent):
    """What it still writes is not removed under it: the next process waits for it."""
    url = f"http://127.0.0.1:{silent.server_port}/simple"
    off = ("UV_NO_INDEX", "UV_FIND_LINKS", "PIP_NO_INDEX", "PIP_FIND_LINKS")
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    asked = {**dict.fromkeys(off, ""), **dict.fromkeys(names, url)}
    process = tiny.start("backend", "install", "tiny", **asked)
    assert silent.reached.wait(300)
    process.kill()  # its output is held open by the installer: it is not read
    process.wait()

    other = tiny.start("backend", "install", "tiny", "--json")
    first = other.stderr.readline()
    assert first.startswith("waiting for another process, which is busy with ")
    assert other.poll() is None
    assert_no_environment(tiny)
    silent.go_on.set()
    out, err = other.communicate()
    process.communicate()

    assert_repaired(tiny, Said(other.returncode, out, err))


def test_ctrl_c_leaves_nothing(tiny):
    """An interrupted process says so, and removes what it has begun."""
    tiny.flag("wait").touch()
    process = tiny.start("backend", "install", "tiny")
    until(tiny.flag("started").exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert process.returncode == 130
    assert "interrupted" in err
    assert tiny.folders() == []


def test_removing_waits_for_who_makes(tiny):
    """`remove` during `install` removes what was made, and not half of it."""
    tiny.flag("wait").touch()
    maker = tiny.start("backend", "install", "tiny", "--json")
    until(tiny.flag("started").exists)
    remover = tiny.start("backend", "remove", "tiny", "--json")
    assert remover.stderr.readline().startswith("waiting for another process")
    tiny.flag("wait").unlink()
    made, _ = maker.communicate()
    out, err = remover.communicate()

    assert (maker.returncode, remover.returncode) == (0, 0), err
    folder = json.loads(made)["folder"]
    assert json.loads(out)["removed"] == [folder]
    assert tiny.folders() == []
