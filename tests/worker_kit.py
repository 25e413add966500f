"""A worker engine that is small and real: NumPy, run by this very interpreter."""

import contextlib
import glob
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from kerasplug import WorkerEngine
from kerasplug.engines.workers.process import Worker

PROGRAM = Path(__file__).parent / "toy_worker" / "program.py"
#: What stands at the end of a program that does one thing too much.
REST = """
def describe():
    return {"engine": "toy"}

COMMANDS = {}
"""
#: Gives the descriptor that frames go to, which programs are not meant to have.
FRAMES = """
import gc, os, signal, sys, time

def frames():
    kinds = [one for one in gc.get_objects() if type(one).__name__ == "Channel"]
    return kinds[0]._writing
"""


class ToyEngine(WorkerEngine):
    """What `tests/toy_worker/program.py` is served as."""

    name = "toy"
    program = str(PROGRAM)


def engine(program=PROGRAM):
    """The toy, or another program in its place."""

    class Engine(ToyEngine):
        pass

    Engine.program = str(program)
    return Engine()


def start(program=PROGRAM, python=sys.executable, **options):
    """A worker of the toy."""
    return Worker.start(engine(program), str(python), **{"patience": 30.0, **options})


def run(code):
    """Run Python in a process of its own, which has to end well; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(folder, text, name="program.py"):
    """A program of a test's own."""
    path = folder / name
    path.write_text(text)
    return path


def script(folder, text):
    """Something that can be executed in place of an interpreter."""
    path = written(folder, f"#!/bin/sh\n{text}\n", "python")
    path.chmod(0o755)
    return path


@pytest.fixture
def tidy(tmp_path, monkeypatch):
    """After the test there is what there was: files, descriptors and processes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = held()
    yield
    assert held() == before


def held():
    """What a worker takes: folders, shared memory, descriptors, processes."""
    folders = glob.glob(os.path.join(tempfile.gettempdir(), "kerasplug-*"))
    memory = glob.glob("/dev/shm/*kerasplug*")  # noqa: S108 -- looked at, not used
    return folders, memory, descriptors(), children()


def descriptors():
    """The open descriptors of this process; on Linux with what they are."""
    found = {}
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            found[name] = os.readlink(f"/dev/fd/{name}")
    return {name: what for name, what in found.items() if "/fd" not in what}


def children(of=None):
    """The processes that this one, or another one, has started."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = Path(path).read_text()
            if int(text.rpartition(")")[2].split()[1]) == (of or os.getpid()):
                found.append(int(text.split()[0]))
    return found


def alive(pid):
    """Whether there is such a process, and it is more than a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def until(condition, seconds=60.0):
    """Wait for something that has to come."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
    return found


@contextlib.contextmanager
def meanwhile(action):
    """Another thread does something; it is waited for."""
    failures = []

    def act():
        try:
            action()
        except BaseException as error:  # noqa: BLE001 -- told to the test
            failures.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not failures, failures


def kill_when(condition, pid=None):
    """An action for `meanwhile`: kill a process when it is time.

    Without `pid` the one that is started meanwhile: other tests may have left
    children, such as the resource tracker of `multiprocessing`.
    """
    before = set(children())

    def act():
        until(condition)
        (started,) = [pid] if pid else until(lambda: set(children()) - before)
        os.kill(started, signal.SIGKILL)

    return act
