"""What happens to a worker when its host is interrupted, forked, killed, or ends."""

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from worker_kit import alive, meanwhile, run, start, until, written
from worker_kit import tidy as tidy  # noqa: PLC0414 -- a fixture, found by its name

from kerasplug.engines.workers.interrupting import Interruptions
from kerasplug.errors import WorkerError

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="needs signals and forks"),
    pytest.mark.usefixtures("tidy"),
]

HOST = f"""
import os, signal, sys, tempfile, time
sys.path.insert(0, {os.path.dirname(__file__)!r})
import numpy as np
from worker_kit import start
from kerasplug.errors import WorkerError
tempfile.tempdir = sys.argv[1]
worker = start(patience=float(sys.argv[2]))
print(worker.pid, flush=True)
"""


class Host:
    """A real host process in a group of its own, as a shell would start it."""

    def __init__(self, folder, code, patience=30.0):
        self.folder = folder / "host"
        self.folder.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOST + code, str(self.folder), str(patience)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.worker = int(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def says(self, line):
        """Wait for a line."""
        assert self._process.stdout.readline().strip() == line

    def interrupt(self):
        """Press Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self):
        """End it without a word."""
        self._process.kill()
        self._process.wait()

    def ended(self):
        """Wait for its end; what it wrote."""
        output, errors = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, errors
        return output

    def left_nothing(self):
        """The worker ends, and its folder goes."""
        until(lambda: not alive(self.worker))
        assert os.listdir(self.folder) == []


IDLE = "print('idle', flush=True)\ntime.sleep(600)\n"
BUSY = "print('busy', flush=True)\nworker.ask('sleep', seconds=600)\n"


@pytest.mark.parametrize(("code", "word"), [(IDLE, "idle"), (BUSY, "busy")])
def test_a_worker_ends_when_its_host_is_killed(tmp_path, code, word):
    """Idle or in a call, no worker is left behind, nor its folder."""
    with Host(tmp_path, code) as host:
        host.says(word)
        host.kill()

        host.left_nothing()


def test_a_worker_ends_when_its_host_is_killed_while_it_starts(tmp_path):
    """A program that imports for ever does not outlive the host."""
    mark = tmp_path / "mark"
    text = f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\n"
    program = written(tmp_path, text + "time.sleep(600)\n")
    with Host(tmp_path, f"start({str(program)!r})") as host:
        until(lambda: mark.exists() and mark.read_text())
        host.kill()

        until(lambda: not alive(int(mark.read_text())))
        host.left_nothing()


def test_a_worker_that_hangs_ends_when_its_host_is_killed(tmp_path):
    """What holds the interpreter can't see that the host has gone: it ends in time."""
    code = "print('busy', flush=True)\nworker.ask('busy', count=10**12)\n"
    with Host(tmp_path, code, patience=2.0) as host:
        host.says("busy")
        time.sleep(0.2)
        host.kill()

        until(lambda: not alive(host.worker))


def test_a_worker_ends_though_a_fork_of_its_host_lives_on(tmp_path):
    """A forked child holds none of the pipes that tell a worker of its host's end."""
    code = """
child = os.fork()
if not child:
    time.sleep(600)
    os._exit(0)
print(child, flush=True)
time.sleep(600)
"""
    with Host(tmp_path, code) as host:
        child = int(host._process.stdout.readline())
        host.kill()

        host.left_nothing()
        assert alive(child)
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    "end",
    ["", "sys.exit(0)", "worker.kill()", "global_ = [worker]; worker.me = worker"],
)
def test_a_worker_ends_with_the_interpreter(tmp_path, end):
    """Nobody has to close a worker before a script ends."""
    with Host(tmp_path, f"worker.ask('check')\n{end}\n") as host:
        host.ended()

        host.left_nothing()


def test_a_worker_ends_with_an_error_of_the_script(tmp_path):
    """An exception that nobody catches leaves no worker."""
    with Host(tmp_path, "1 / 0\n") as host, contextlib.suppress(AssertionError):
        host.ended()
    host.left_nothing()


# Ctrl-C.

INTERRUPTED = """
try:
    print('busy', flush=True)
    worker.ask('sleep', seconds=%s)
except KeyboardInterrupt:
    pass
else:
    raise SystemExit('not interrupted')
"""
SETTLES = """
assert worker.settle(60)
assert worker.ask('check') == ({}, {})
assert worker.ask('echo', {'a': np.ones(3)}, n=1)[1]['a'].sum() == 3
print('settled')
"""
CATCHES_UP = """
assert worker.ask('echo', {'a': np.ones(3)}, n=1)[0]['header']['n'] == 1
print('settled')
"""
DOES_NOT = """
assert not worker.settle(1)
assert worker.closed
try:
    worker.ask('check')
except WorkerError as error:
    assert 'interruption' in error.found, error
    print('settled')
"""
TWICE = """
try:
    print('settles', flush=True)
    worker.settle(600)
except KeyboardInterrupt:
    assert worker.closed
    assert not worker.settle(1)
    print('settled')
"""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(3, SETTLES), (3, CATCHES_UP), (600, DOES_NOT), (600, TWICE)],
    ids=["settles", "catches up", "does not settle", "twice"],
)
def test_an_interruption_is_the_hosts(tmp_path, seconds, code):
    """Ctrl-C raises in the host; the worker lives, and comes back in step or ends."""
    with Host(tmp_path, INTERRUPTED % seconds + code) as host:
        host.says("busy")
        time.sleep(0.5)
        host.interrupt()
        if code is TWICE:
            host.says("settles")
            time.sleep(0.3)
            assert alive(host.worker)
            host.interrupt()

        assert host.ended().strip() == "settled"
        host.left_nothing()


OFTEN = """
import random, threading
shoots = threading.Event()

def shoot():
    while True:
        shoots.wait()
        shoots.clear()
        time.sleep(random.random() * 0.003)
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=shoot, daemon=True).start()
if inline:
    worker = start(shared_memory=False)
for turn in range(60):
    try:
        shoots.set()
        for number in range(100_000):
            array = np.full(size, number)
            header, got = worker.ask('echo', {'a': array}, number=number)
            assert header['header']['number'] == number
            assert (got['a'] == number).all()
    except KeyboardInterrupt:
        assert turn % 2 or worker.settle(60), worker.output()
print('settled')
"""


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("inline", [False, True])
def test_no_moment_for_an_interruption_is_a_bad_one(tmp_path, inline, size):
    """Wherever Ctrl-C comes, the worker lives, and no answer is lost or mixed up."""
    with Host(tmp_path, f"inline, size = {inline}, {size}\n{OFTEN}") as host:
        assert host.ended().strip() == "settled"
        host.left_nothing()


def test_an_interruption_that_was_held_back_comes_at_the_end():
    """What must not be interrupted goes on to its end, and then Ctrl-C raises."""
    done = []
    with pytest.raises(KeyboardInterrupt), Interruptions() as held_back:
        with held_back:
            signal.raise_signal(signal.SIGINT)
            done.append("inner")
        done.append("outer")

    assert done == ["inner", "outer"]


def test_what_handles_interruptions_is_put_back(tidy):
    """A call leaves the handler of Ctrl-C as it was, and other handlers alone."""
    worker = start()
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.default_int_handler, signal.SIG_IGN, print):
            signal.signal(signal.SIGINT, handler)
            worker.ask("check")
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    worker.close()


def test_an_interrupted_start_leaves_nothing(tmp_path):
    """Ctrl-C while a worker starts ends it."""
    mark = tmp_path / "mark"
    program = written(
        tmp_path, f"open({str(mark)!r}, 'w')\nimport time\ntime.sleep(600)"
    )
    code = f"""
try:
    start({str(program)!r})
except KeyboardInterrupt:
    from worker_kit import children
    assert children() == [worker.pid], children()
"""
    with Host(tmp_path, code) as host:
        until(mark.exists)
        host.interrupt()

        host.ended()
        host.left_nothing()


def test_an_interruption_within_a_frame_ends_the_worker(tidy):
    """Where nobody knows what was said, the conversation can't go on; it says so."""
    worker = start(shared_memory=False)
    os.kill(worker.pid, signal.SIGSTOP)
    with (
        pytest.raises(KeyboardInterrupt),
        meanwhile(lambda: time.sleep(0.5) or signal.raise_signal(signal.SIGINT)),
    ):
        worker.ask("echo", {"a": np.ones(50_000_000, "uint8")})

    assert worker.settle(5) is False
    with pytest.raises(WorkerError, match="not be understood after an interruption"):
        worker.ask("check")


def test_an_interruption_before_anything_is_sent_changes_nothing(tidy):
    """While arrays are prepared nothing is outstanding yet."""

    class Interrupting:
        def __array__(self, *_, **__):
            raise KeyboardInterrupt

    worker = start()
    with pytest.raises(KeyboardInterrupt):
        worker.ask("echo", {"a": Interrupting()})

    assert worker.settle(0)
    assert worker.ask("check") == ({}, {})
    worker.close()


# Forks.


def in_fork(action):
    """Do something in a fork of this process; what it gives, as text."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        child = os.fork()
    if not child:
        try:
            os.write(writing, str(action()).encode())
        except BaseException as error:  # noqa: BLE001 -- told to the test
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    return said


def test_a_fork_cannot_use_the_worker_of_its_parent(tidy):
    """It is told so, and neither settles nor ends nor hears it."""
    worker = start()

    def act():
        assert worker.settle(1) is False
        worker.output()
        worker.close()
        worker.kill()
        try:
            worker.ask("check")
        except WorkerError as error:
            return error

    said = in_fork(act)

    assert "belongs to another process" in said
    assert f"forked from {os.getpid()}" in said
    assert worker.ask("check") == ({}, {})
    worker.close()


def test_a_fork_can_have_a_worker_of_its_own(tidy):
    """The mend that a fork is told does mend."""
    worker = start()

    def act():
        own = start()
        answer = own.ask("echo", {"a": np.arange(3)})[1]["a"].tolist()
        own.close()
        return answer

    assert in_fork(act) == "[0, 1, 2]"
    assert worker.ask("check") == ({}, {})
    worker.close()


def test_the_end_of_a_fork_ends_no_worker(tidy):
    """Neither its garbage nor its exit handlers reach the parent's worker."""
    worker = start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        process = multiprocessing.get_context("fork").Process(target=sys.exit)
        process.start()
    process.join()

    def garbage():
        nonlocal worker
        kept = worker.pid
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            worker = None
            gc.collect()
        return alive(kept), [str(one.message) for one in caught]

    gc.collect()  # other tests' functions of TensorFlow: freed in a fork they crash it
    assert in_fork(garbage) == "(True, [])"
    assert os.path.isdir(worker.ask("variables")[0]["variables"]["KERAS_HOME"])
    assert worker.ask("check") == ({}, {})
    worker.close()


def test_a_fork_during_a_call_of_another_thread(tidy):
    """A fork that is made while another thread waits can end, and disturbs nothing."""
    worker = start()
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(worker.ask("sleep", seconds=1))
    )
    thread.start()
    until(worker._lock.locked)

    assert in_fork(lambda: worker.closed) == "False"

    thread.join()
    assert answers == [({"slept": 1}, {})]
    worker.close()


def test_a_subprocess_of_the_host_inherits_nothing(tidy):
    """A program that the host starts has none of the worker's descriptors."""
    worker = start()
    code = "import os; print(len(os.listdir('/dev/fd')))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        check=True,
        close_fds=False,
    )

    assert int(done.stdout) == int(run(code)) + inheritable()
    worker.close()


def inheritable():
    """How many descriptors above 2 this process lets others inherit."""
    found = 0
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            found += int(name) > 2 and os.get_inheritable(int(name))
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_worker_inherits_what_is_its_own(tidy):
    """It has its pipes, its memory and nothing else of this process."""
    with open(os.devnull) as file:
        os.set_inheritable(file.fileno(), True)
        worker = start()
        names = worker.ask("descriptors")[0]["open"]
    worker.close()

    # Standard streams, two for frames, two for memory, and the listing itself.
    assert len(names) == 3 + 2 + 2 + 1
