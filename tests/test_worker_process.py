"""A worker that is well: hello, questions and answers, arrays both ways, its end."""

import gc
import os
import sys
import threading
import time

import numpy as np
import pytest
from worker_kit import (
    FRAMES,
    REST,
    alive,
    children,
    descriptors,
    engine,
    held,
    meanwhile,
    run,
    script,
    start,
    until,
    written,
)
from worker_kit import tidy as tidy  # noqa: PLC0414 -- a fixture, found by its name

from kerasplug.engines.workers import wire
from kerasplug.engines.workers.process import Worker
from kerasplug.errors import ConfigError, WorkerError

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="needs signals and /dev/fd"),
    pytest.mark.usefixtures("tidy"),
]

EVERY = [
    *("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"),
    *("f2", "f4", "f8", "c8", "c16", ">i4", ">f8", ">c8"),
]


@pytest.fixture(params=[True, False], ids=["shared", "inline"])
def worker(request, tidy):
    """A worker, with shared memory and without; it is closed before the test ends."""
    one = start(shared_memory=request.param)
    yield one
    one.close()


def test_a_worker_says_who_it_is(worker):
    """The hello has the program's words, the protocol, the Python and the process."""
    assert worker.hello["engine"] == "toy"
    assert worker.hello["protocol"] == wire.PROTOCOL
    assert worker.hello["pid"] == worker.pid != os.getpid()
    assert worker.hello["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "echo" in worker.hello["commands"]
    assert not worker.closed


def test_arrays_of_all_numbers_come_back_as_they_were(worker):
    """Every dtype, either byte order, 0-d, empty, large and not contiguous."""
    rng = np.random.default_rng(0)
    arrays = {kind: (rng.random((5, 3)) * 100).astype(kind) for kind in EVERY}
    arrays |= {"0-d": np.array(3.5), "empty": np.zeros((0, 4)), "view": arrays["f4"].T}
    arrays["large"] = rng.random(400_000)

    for _ in range(2):
        header, got = worker.ask("echo", arrays, word="ü", nested={"a": [1, None]})

        assert header["header"]["word"] == "ü"
        assert header["header"]["nested"] == {"a": [1, None]}
        assert list(got) == list(arrays)
        for name, array in arrays.items():
            assert got[name].dtype == array.dtype, name
            np.testing.assert_array_equal(got[name], array)


def test_answers_belong_to_the_caller(worker):
    """What was returned can be written, and later answers leave it as it is."""
    first = worker.ask("echo", {"a": np.arange(5.0)})[1]["a"]
    second = worker.ask("echo", {"a": np.zeros(5)})[1]["a"]

    first += 1
    second += 1

    assert first.tolist() == [1, 2, 3, 4, 5]
    assert second.tolist() == [1] * 5


@pytest.mark.parametrize("size", [1, 3_000_000, 30_000_000, 10])
def test_arrays_larger_than_what_there_was_get_room(worker, size):
    """The memory grows in both directions, and small arrays come after large ones."""
    for count in (size, 1, 2 * size):
        answer = worker.ask("twice", {"a": np.ones(count, "uint8")})[1]["a"]
        assert answer.shape == (count,)
        assert answer.min() == answer.max() == 2
        assert worker.ask("give", bytes=count)[1]["given"].sum() == count


@pytest.mark.parametrize(
    "arrays", [{"a": np.array([{}])}, {"a": np.array(["x"])}, {"a": [[1], [1, 2]]}]
)
def test_what_is_no_number_is_refused_and_the_worker_goes_on(worker, arrays):
    """Objects and texts are refused here, before anything is sent."""
    with pytest.raises(WorkerError, match="exchanged") as caught:
        worker.ask("echo", arrays)

    assert "arrays of numbers" in caught.value.expected
    assert worker.ask("echo", {"a": np.ones(2)})[1]["a"].tolist() == [1, 1]
    assert worker.ask("check") == ({}, {})


@pytest.mark.parametrize("do", ["objects", "unsayable"])
def test_an_answer_that_cannot_travel_is_an_error_of_the_command(worker, do):
    """A program that gives objects, or no plain data, is told so; it goes on."""
    with pytest.raises(WorkerError, match="UnsendableError"):
        worker.ask(do)

    assert worker.ask("check") == ({}, {})


@pytest.mark.parametrize("kind", ["ValueError", "SystemExit"])
def test_what_the_program_raises_is_told_with_its_traceback(worker, kind):
    """Type, message and traceback come from there, and the worker goes on."""
    with pytest.raises(WorkerError) as caught:
        worker.ask("raise", type=kind, text="what is wrong")

    assert caught.value.found == f"{kind}: what is wrong"
    assert "'raise'" in caught.value.what
    assert "in _raise" in caught.value.output
    assert caught.value.exit_code is None
    assert worker.ask("check") == ({}, {})


def test_an_unknown_command_is_told_with_those_there_are(worker):
    """A command that the program has not is an error, and the worker goes on."""
    with pytest.raises(WorkerError, match=r"no command 'fly'.*'echo'"):
        worker.ask("fly")

    assert worker.ask("check") == ({}, {})


def test_what_the_program_prints_is_kept_and_harms_nothing(worker):
    """Python's print and a library's write to descriptor 1 are output, not frames."""
    for _ in range(3):
        worker.ask("print")
    assert worker.output().splitlines()[-2:] == ["by print", "by descriptor 1"]

    worker.ask("print", times=500)

    assert len(worker.output()) <= 4096
    assert worker.output().endswith("x")


def test_the_process_is_one_of_its_own(worker, tmp_path):
    """Own session, own home for Keras, own Python; its program's folder comes first."""
    answer = worker.ask("variables")[0]

    home = answer["variables"]["KERAS_HOME"]
    assert os.path.dirname(home) == str(tmp_path)
    assert answer["path"][0].endswith("toy_worker")
    assert os.getsid(worker.pid) == worker.pid
    # What an engine leaves there, as Keras does, goes too.
    open(os.path.join(home, "keras.json"), "w").close()
    worker.kill()
    assert not os.path.exists(home)


def test_variables_of_the_host_do_not_mislead_the_worker(tidy, monkeypatch):
    """PYTHONPATH and KERAS_BACKEND stay here; those of the engine are set there."""
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("TOY_GONE", "1")
    toy = engine()
    toy.variables = lambda devices: {"TOY_DEVICES": ",".join(devices), "TOY_GONE": None}

    worker = Worker.start(toy, sys.executable, devices=["one", "two"])
    try:
        variables = worker.ask("variables")[0]["variables"]
    finally:
        worker.close()

    assert not {"PYTHONPATH", "KERAS_BACKEND", "TOY_GONE"} & set(variables)
    assert variables["TOY_DEVICES"] == "one,two"


def test_a_closed_worker_is_gone_and_says_so(worker):
    """Closing ends the process; again is no error; questions then are errors."""
    for _ in range(2):
        worker.close()
        worker.kill()

    assert worker.closed
    assert not alive(worker.pid)
    with pytest.raises(WorkerError, match="no more") as caught:
        worker.ask("check")
    assert "was closed" in caught.value.found
    assert worker.settle(1) is False


def test_a_worker_that_is_garbage_ends(tidy):
    """Nobody has to close a worker that nobody has any more."""
    worker = start()
    pid = worker.pid
    assert alive(pid)

    del worker
    gc.collect()

    assert not alive(pid)


def test_many_workers_leave_nothing(tidy):
    """Starting and closing again and again takes no descriptors and no folders."""
    before = descriptors()
    for turn in range(8):
        worker = start(shared_memory=turn % 2 == 0)
        worker.ask("echo", {"a": np.ones(10)})
        worker.close() if turn % 3 else worker.kill()
        assert descriptors() == before


def test_threads_get_their_own_answers(worker):
    """Two dozen threads ask at once, and none gets the answer of another."""
    wrong = []

    def ask(number):
        for turn in range(20):
            array = np.full(1000 + number, number * 100 + turn)
            header, got = worker.ask("echo", {"a": array}, number=number)
            if header["header"]["number"] != number or (got["a"] != array).any():
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_closing_ends_a_call_of_another_thread(worker):
    """Who waits for an answer is told that the worker was closed."""
    caught = []

    def ask():
        with pytest.raises(WorkerError) as error:
            worker.ask("sleep", seconds=600)
        caught.append(error.value)

    with meanwhile(ask):
        until(worker._lock.locked)
        time.sleep(0.1)
        worker.close()

    assert "was closed" in str(caught[0])
    assert not alive(worker.pid)


def test_the_way_of_windows_works_here_too(monkeypatch):
    """Frames over the standard streams: answers, output, errors, ends are the same."""
    monkeypatch.setattr("kerasplug.engines.workers.starting._POSIX", False)
    worker = start()
    array = np.arange(1_000_000.0)

    assert worker.ask("echo", {"a": array})[1]["a"].tolist() == array.tolist()
    worker.ask("print")
    assert worker.output().splitlines()[-2:] == ["by print", "by descriptor 1"]
    with pytest.raises(WorkerError, match="ValueError: wrong"):
        worker.ask("raise", type="ValueError", text="wrong")
    with pytest.raises(WorkerError, match="ended with code 3") as caught:
        worker.ask("crash")
    assert caught.value.output.endswith("the last words")

    worker = start()
    worker.close()
    assert not alive(worker.pid)


# How it may not start.


@pytest.mark.parametrize("patience", [0, 0.01, -1, float("nan"), float("inf")])
def test_patience_has_to_be_a_time(patience):
    """A patience that is no number of seconds is refused before anything starts."""
    with pytest.raises(ConfigError, match="patience"):
        start(patience=patience)


@pytest.mark.parametrize("time", [-1, float("nan"), float("inf")])
def test_a_limit_has_to_be_a_time(worker, time):
    """A limit or a grace that is none is refused, and the worker goes on."""
    with pytest.raises(ConfigError, match="limit"):
        worker.ask("check", limit=time)
    with pytest.raises(ConfigError, match="grace"):
        worker.settle(time)

    assert worker.ask("check") == ({}, {})


@pytest.mark.parametrize("there", [False, True], ids=["absent", "not executable"])
def test_an_interpreter_that_is_not_there(tmp_path, there):
    """The path is named, and how to get the environment; nothing is left."""
    path = tmp_path / "bin-python"
    if there:
        path.write_text("no program")

    with pytest.raises(WorkerError, match="could not be started") as caught:
        start(python=path)

    assert str(path) in caught.value.expected
    assert caught.value.mend == "kerasplug backend install toy"
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("text", "code"),
    [("echo last words; exit 7", 7), ("echo last words >&2; kill -9 $$", -9)],
)
def test_an_interpreter_that_ends_at_once(tmp_path, text, code):
    """How it ended is told, and what it wrote."""
    with pytest.raises(WorkerError, match="before it said hello") as caught:
        start(python=script(tmp_path, text))

    assert caught.value.exit_code == code
    assert caught.value.output == "last words"
    assert "doctor toy" in caught.value.mend


def test_an_interpreter_that_prints_and_hangs(tmp_path):
    """Without a sign of life patience ends, and the process with all its children."""
    hangs = script(tmp_path, "echo hello there; sleep 600 & echo $! >child; wait")
    hangs.write_text(hangs.read_text().replace(">child", f">{tmp_path}/child"))

    with pytest.raises(WorkerError, match="no sign of life for 2 s") as caught:
        start(python=hangs, patience=2)

    assert caught.value.output == "hello there"
    assert caught.value.exit_code is None
    child = int((tmp_path / "child").read_text())
    until(lambda: not alive(child))


def test_a_start_that_never_ends_is_ended(tmp_path):
    """Who gives signs of life and never says hello is waited for five times as long."""
    program = written(tmp_path, f"import time\ntime.sleep(600)\n{REST}")

    with pytest.raises(WorkerError, match="longer than the 5 s"):
        start(program, patience=1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "import no_such_engine",
            "ModuleNotFoundError: No module named 'no_such_engine'",
        ),
        ("print('first words', flush=True)\n1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("COMMANDS = {}", "has no attribute 'describe'"),
        ("COMMANDS = {}\ndef describe():\n    return None", "TypeError"),
        ("COMMANDS = {}\ndef describe():\n    return {'a': {1}}", "UnsendableError"),
    ],
)
def test_a_program_that_cannot_be_had(tmp_path, text, found):
    """What it raised is told, with its traceback and what it wrote before."""
    with pytest.raises(WorkerError, match="failed before it said hello") as caught:
        start(written(tmp_path, text))

    assert found in caught.value.found
    assert "Traceback" in caught.value.output
    assert ("first words" in caught.value.output) == ("first words" in text)
    assert "doctor toy" in caught.value.mend


def test_a_program_that_is_not_there(tmp_path):
    """A plugin whose program is missing is told its path."""
    with pytest.raises(WorkerError, match=r"none\.py"):
        start(tmp_path / "none.py")


def test_another_protocol_is_refused(monkeypatch):
    """A host that was changed under its feet is told to start anew."""
    monkeypatch.setattr("kerasplug.engines.workers.talking.PROTOCOL", 2)

    with pytest.raises(WorkerError, match="another protocol") as caught:
        start()

    assert (caught.value.found, caught.value.expected) == ("protocol 1", "protocol 2")
    assert "start Python anew" in caught.value.mend


@pytest.mark.parametrize(
    "words", ["b'hello, I am a worker' * 9", "b'KPW1' + bytes(99)"]
)
def test_garbage_in_place_of_a_hello(tmp_path, words):
    """What is no frame ends the conversation with what was found."""
    said = f"os.write(frames(), {words})\ntime.sleep(600)\n"

    with pytest.raises(WorkerError, match="could not be understood before") as caught:
        start(written(tmp_path, FRAMES + said + REST))

    assert caught.value.found
    assert caught.value.exit_code is None


def test_a_hello_of_another_form(tmp_path):
    """A frame that is no hello is no worker of this protocol."""
    said = """
import struct
text = b'{"header": {"hallo": 1}, "arrays": [], "size": 0}'
os.write(frames(), struct.pack("<4sIQ", b"KPW1", len(text), 0) + text)
"""
    with pytest.raises(WorkerError, match="another protocol"):
        start(written(tmp_path, FRAMES + said + REST))


def test_what_an_interpreter_prints_at_its_start_harms_nothing(tmp_path):
    """A wrapper of the interpreter may greet its user: frames have their own pipe."""
    greets = script(tmp_path, f'echo "Welcome!"\nexec "{sys.executable}" "$@"')

    worker = start(python=greets)

    assert worker.ask("check") == ({}, {})
    assert worker.output() == "Welcome!"
    worker.close()


def test_nothing_starts_where_no_process_can(tmp_path):
    """No descriptors left is an error of the worker, and nothing is left of it."""
    code = f"""
import resource, sys, tempfile
sys.path.insert(0, {os.path.dirname(__file__)!r})
import numpy
from worker_kit import engine, held, start
from kerasplug.errors import WorkerError
tempfile.tempdir = {str(tmp_path)!r}
before = held()
used = max(int(name) for name in before[2]) + 1
for free in range(12):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + free, limits[1]))
    try:
        start().close()
        worked = True
    except WorkerError as error:
        assert "could not be started" in str(error), error
        worked = False
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert held() == before, (free, held(), before)
assert worked
"""
    run(code)


def test_the_kit_sees_what_is_held(tidy):
    """The measure of these tests is no constant: a worker shows in each part of it."""
    before = held()
    worker = start()
    during = held()
    worker.close()

    assert [len(part) > len(was) for part, was in zip(during, before, strict=True)] == [
        *(True, False, True, True),
    ]
    assert children() == before[3]
