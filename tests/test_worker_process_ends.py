"""Workers that are killed, crash, hang or run out of time or room, at every stage."""

import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from worker_kit import (
    FRAMES,
    REST,
    alive,
    children,
    kill_when,
    meanwhile,
    run,
    script,
    start,
    until,
    written,
)
from worker_kit import tidy as tidy  # noqa: PLC0414 -- a fixture, found by its name

from kerasplug.errors import WorkerError

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="needs signals and limits"),
    pytest.mark.usefixtures("tidy"),
]

HUGE = 60_000_000


@pytest.fixture(params=[True, False], ids=["shared", "inline"])
def worker(request, tidy):
    """A worker, with shared memory and without; it is closed before the test ends."""
    one = start(shared_memory=request.param)
    yield one
    one.close()


def is_over(worker, *words):
    """Later questions say that it has ended, and how; the process is gone."""
    with pytest.raises(WorkerError, match="no more") as caught:
        worker.ask("check")
    assert all(word in caught.value.found for word in words)
    assert worker.closed
    assert not alive(worker.pid)


# Killed.


@pytest.mark.parametrize("stage", ["the interpreter starts", "import", "describe"])
def test_killed_before_its_hello(tmp_path, stage):
    """A worker that is killed while it starts is an error that names the signal."""
    mark = tmp_path / "mark"
    waits = f"open({str(mark)!r}, 'w').close()\nimport time\ntime.sleep(600)"
    options = {
        "the interpreter starts": {
            "python": script(tmp_path, f"touch {mark}; exec sleep 600")
        },
        "import": {"program": written(tmp_path, waits)},
        "describe": {
            "program": written(
                tmp_path,
                "COMMANDS = {}\ndef describe():\n    " + waits.replace("\n", "\n    "),
            )
        },
    }[stage]

    with (
        meanwhile(kill_when(mark.exists)),
        pytest.raises(WorkerError, match="ended before it said hello") as caught,
    ):
        start(**options)

    assert caught.value.exit_code == -signal.SIGKILL
    assert "SIGKILL" in caught.value.found
    assert "memory" in caught.value.found
    assert "more memory" in caught.value.mend


def test_killed_while_it_is_idle(worker):
    """The next question finds it dead, and says how it ended and what it wrote."""
    worker.ask("print")
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: not alive(worker.pid))

    with pytest.raises(WorkerError, match="ended in 'check'") as caught:
        worker.ask("check")

    assert caught.value.exit_code == -signal.SIGKILL
    assert caught.value.output.endswith("by descriptor 1")
    is_over(worker, "SIGKILL", "in 'check'")


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM", "SIGBUS"])
def test_a_signal_ends_it_in_a_call(tidy, name):
    """The signal has its name, and the last output is told."""
    worker = start()

    with pytest.raises(WorkerError, match="ended in 'signal'") as caught:
        worker.ask("signal", name=name)

    assert caught.value.exit_code == -getattr(signal, name)
    assert name in caught.value.found
    assert "the last words" in caught.value.output
    assert (name == "SIGKILL") == ("memory" in caught.value.found)
    is_over(worker, name)


def test_a_crash_in_native_code_tells_where(tidy):
    """What faulthandler writes of an abort is the last output."""
    worker = start()

    with pytest.raises(WorkerError, match="SIGABRT") as caught:
        worker.ask("abort")

    assert "in _abort" in caught.value.output
    is_over(worker, "SIGABRT")


@pytest.mark.parametrize("code", [0, 3])
def test_it_ends_itself_in_a_call(worker, code):
    """An exit code is told, 0 as well."""
    with pytest.raises(WorkerError, match=f"ended with code {code}") as caught:
        worker.ask("crash", {"a": np.ones(10)}, code=code)

    assert caught.value.exit_code == code
    assert caught.value.output == "the last words"
    is_over(worker, f"code {code}")


def test_killed_while_large_arrays_are_sent(worker):
    """A worker that dies in the midst of what it is sent is an error like others."""
    os.kill(worker.pid, signal.SIGSTOP)  # so that it can't have taken all before

    with (
        meanwhile(kill_when(lambda: time.sleep(0.3) or True, worker.pid)),
        pytest.raises(WorkerError, match="ended in 'echo'") as caught,
    ):
        worker.ask("echo", {"a": np.ones(HUGE, "uint8")})

    assert caught.value.exit_code == -signal.SIGKILL
    is_over(worker, "SIGKILL")


@pytest.mark.parametrize("length", [3, 17, 300])
def test_killed_in_the_midst_of_an_answer(tmp_path, length):
    """Half an answer is no answer."""
    text = f"""
def half(header, arrays):
    import struct
    text = b'{{"header": {{}}, "arrays": [], "size": 4000}}'
    frame = struct.pack("<4sIQ", b"KPW1", len(text), 4000) + text + bytes(4000)
    os.write(frames(), frame[:{length}])
    os.kill(os.getpid(), signal.SIGKILL)

def describe():
    return {{}}

COMMANDS = {{"half": half}}
"""
    worker = start(written(tmp_path, FRAMES + text))

    with pytest.raises(WorkerError, match="ended in 'half'") as caught:
        worker.ask("half")

    assert caught.value.exit_code == -signal.SIGKILL
    is_over(worker, "SIGKILL")


def test_killed_while_it_is_closed(worker):
    """Closing a worker that dies meanwhile, or does not listen, is no error."""
    os.kill(worker.pid, signal.SIGSTOP)

    with meanwhile(kill_when(lambda: time.sleep(0.2) or True, worker.pid)):
        worker.close()

    is_over(worker, "closed")


def test_a_stopped_worker_is_closed_by_force(worker):
    """Who does not hear that it shall end is ended."""
    os.kill(worker.pid, signal.SIGSTOP)

    worker.close()

    is_over(worker, "closed")


def test_garbage_in_place_of_an_answer(tmp_path):
    """A worker that can't be understood is killed, and what came is told."""
    text = """
def babble(header, arrays):
    os.write(frames(), b"I would rather talk about the weather.")
    time.sleep(600)

def describe():
    return {}

COMMANDS = {"babble": babble}
"""
    worker = start(written(tmp_path, FRAMES + text))

    with pytest.raises(
        WorkerError, match="could not be understood in 'babble'"
    ) as caught:
        worker.ask("babble")

    assert "I wo" in caught.value.found
    is_over(worker, "killed")


def test_processes_that_a_worker_started_end_with_it(worker):
    """A process that holds the worker's pipes open hides nothing, and is not left."""
    worker.ask("fork")
    (child,) = children(worker.pid)

    with pytest.raises(WorkerError, match="ended with code 4"):
        worker.ask("fork", crash=True)

    until(lambda: not alive(child))
    is_over(worker, "code 4")


def test_processes_that_a_worker_started_end_when_it_is_closed(worker):
    """Closing takes the whole session along."""
    child = worker.ask("fork")[0]["child"]

    worker.close()

    until(lambda: not alive(child))


# Hung, and late.


@pytest.mark.parametrize("inline", [False, True])
def test_a_stopped_worker_has_hung(tidy, inline):
    """Without a sign of life for as long as one is patient, it is killed."""
    worker = start(patience=2, shared_memory=not inline)

    with pytest.raises(
        WorkerError, match="no sign of life for 2 s in 'signal'"
    ) as caught:
        worker.ask("signal", name="SIGSTOP")

    assert "patience" in caught.value.mend
    assert "the last words" in caught.value.output
    is_over(worker, "no sign of life")


def test_a_worker_that_stops_while_it_is_sent_to_has_hung(tidy):
    """Who takes nothing of what is sent is not waited for without end."""
    worker = start(patience=2, shared_memory=False)
    os.kill(worker.pid, signal.SIGSTOP)

    with pytest.raises(WorkerError, match="no sign of life"):
        worker.ask("echo", {"a": np.ones(HUGE, "uint8")})

    is_over(worker, "no sign of life")


def test_what_holds_the_interpreter_has_hung(tidy):
    """A computation that lets no other thread run gives no sign of life."""
    worker = start(patience=2)

    with pytest.raises(WorkerError, match="no sign of life"):
        worker.ask("busy", count=10**11)

    is_over(worker, "no sign of life")


def test_a_long_computation_is_no_hang(tidy):
    """With signs of life a call may take much longer than the patience."""
    worker = start(patience=2)

    assert worker.ask("sleep", seconds=5)[0] == {"slept": 5}
    worker.close()


def test_a_call_may_be_limited(worker):
    """Who takes longer than the limit is killed, whatever signs it gives."""
    assert worker.ask("sleep", seconds=0.1, limit=60)[0] == {"slept": 0.1}

    with pytest.raises(WorkerError, match=r"longer than the 1\.5 s it may") as caught:
        worker.ask("sleep", seconds=600, limit=1.5)

    assert "limit" in caught.value.mend
    is_over(worker, "longer than")


def test_the_limit_of_a_call_is_not_that_of_the_next(worker):
    """A limit holds for one call."""
    worker.ask("check", limit=1)

    assert worker.ask("sleep", seconds=2)[0] == {"slept": 2}


# Short of room.


def limited(worker, room):
    """Let the worker have so many bytes more than it has."""
    pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + room
    resource.prlimit(worker.pid, resource.RLIMIT_AS, (most, most))


linux = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")


@linux
def test_no_memory_for_a_computation_is_an_error_of_the_command(worker):
    """The program's MemoryError is told, and the worker goes on."""
    limited(worker, 200_000_000)

    with pytest.raises(WorkerError, match="MemoryError") as caught:
        worker.ask("allocate", bytes=1_000_000_000)

    assert "in _allocate" in caught.value.output
    assert worker.ask("allocate", bytes=1_000_000)[0] == {"held": 1_000_000}


@linux
def test_no_memory_to_look_at_what_came_is_an_error_of_the_command(tidy):
    """A worker that can't map what it is sent says so, and goes on."""
    worker = start()
    limited(worker, 50_000_000)

    with pytest.raises(WorkerError, match="no room to look at 300000000 bytes"):
        worker.ask("echo", {"a": np.ones(300_000_000, "uint8")})

    assert worker.ask("check") == ({}, {})
    worker.close()


@linux
def test_no_memory_for_an_answer_is_an_error_of_the_command(tidy):
    """What the answer has no room for is told in its place, and the worker goes on."""
    worker = start()
    limited(worker, 500_000_000)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (50_000_000, 50_000_000))

    with pytest.raises(WorkerError, match="OSError"):
        worker.ask("give", bytes=200_000_000)

    assert worker.ask("give", bytes=100)[1]["given"].sum() == 100
    worker.close()


HOST = f"""
import resource, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import numpy as np
from worker_kit import start
from kerasplug.errors import WorkerError

def refused(do, arrays=None, **header):
    try:
        worker.ask(do, arrays, **header)
    except WorkerError as error:
        assert "exchanged" in str(error), error
        assert worker.ask("check") == ({{}}, {{}})
        return
    raise SystemExit("nothing was refused")

def most(kind, value):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    return before

def room(more):
    pages = int(open("/proc/self/statm").read().split()[0])
    return pages * resource.getpagesize() + more

large = np.ones(100_000_000, "uint8")
"""
NO_FILE = """
worker = start()
most(resource.RLIMIT_FSIZE, 50_000_000)
refused("echo", {"a": large})
assert worker.ask("twice", {"a": large[:9]})[1]["a"].sum() == 18
"""
NO_MAP = """
worker = start()
before = most(resource.RLIMIT_AS, room(60_000_000))
refused("echo", {"a": large})
refused("give", bytes=200_000_000)
resource.setrlimit(resource.RLIMIT_AS, before)
assert worker.ask("echo", {"a": large})[1]["a"].size == 100_000_000
"""
NO_COPY = """
worker = start()
worker.ask("give", bytes=100_000_000)
most(resource.RLIMIT_AS, room(60_000_000))
refused("give", bytes=100_000_000)
"""
NO_INLINE = """
worker = start(shared_memory=False)
most(resource.RLIMIT_AS, room(60_000_000))
refused("echo", {"a": large})
"""


@linux
@pytest.mark.parametrize("code", [NO_FILE, NO_MAP, NO_COPY, NO_INLINE])
def test_no_room_in_the_host_is_an_error_and_the_worker_goes_on(code):
    """Nothing is half sent where there is no room for it, nor half heard."""
    run(f"{HOST}{code}worker.close()\n")


def test_a_frame_without_memory_for_it_ends_a_worker_without_shared_memory(tidy):
    """What can't be taken from a pipe can't be left there: the worker ends, and why."""
    worker = start(shared_memory=False)
    limited(worker, 50_000_000)

    with pytest.raises(WorkerError, match="ended in 'echo'") as caught:
        worker.ask("echo", {"a": np.ones(300_000_000, "uint8")})

    assert "room" in caught.value.output
    is_over(worker, "code 1")


def test_a_program_that_forgets_its_answer(tmp_path):
    """What gives no header and arrays is an error of the command."""
    rest = REST.replace("{}\n", "{'forgets': lambda header, arrays: None}\n")
    worker = start(written(tmp_path, rest))

    with pytest.raises(WorkerError, match="TypeError"):
        worker.ask("forgets")

    worker.close()
