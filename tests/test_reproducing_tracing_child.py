"""How the traced process runs what it was given, and how it ends; without Keras."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from reproducing_kit import traced


def test_a_script_runs_as_python_runs_it(tmp_path):
    """It is the main program, with its arguments, and finds modules beside it."""
    (tmp_path / "run").mkdir()
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "neighbour_of_the_script.py").write_text("VALUE = 41\n")
    script = folder / "script.py"
    text = """
    import sys
    import neighbour_of_the_script
    if __name__ == "__main__":
        print("said", sys.argv[1:], neighbour_of_the_script.VALUE, sys.path[0])
        print(__file__ == sys.argv[0], sys.modules["__main__"].__name__)
    """
    script.write_text(textwrap.dedent(text))
    target = {"script": str(script), "argv": ["--a", "b"]}
    run = traced(tmp_path / "run" / "one", target, "")
    assert f"said ['--a', 'b'] 41 {folder}" in run.output
    assert "True __main__" in run.output
    assert run.answer["state"] == "ok"
    assert run.answer["backend"] == ""


@pytest.mark.parametrize(
    ("ending", "state", "error"),
    [
        ("sys.exit(0)", "ok", ""),
        ("sys.exit()", "ok", ""),
        ("sys.exit(3)", "failed", "SystemExit: 3"),
        ("raise KeyError('gone')", "failed", "KeyError: 'gone'"),
    ],
)
def test_how_a_script_ends_is_told(tmp_path, ending, state, error):
    """An exit without an error is none; anything else is told with its text."""
    run = traced(tmp_path / "run", f"import sys, random\nrandom.seed()\n{ending}\n", "")
    assert (run.answer["state"], run.answer["error"]) == (state, error)
    assert "python" in run.answer["versions"]
    # What came before the end stays.
    assert len(run.only("random")) == 1


def test_a_process_that_takes_too_long_ends_itself(tmp_path):
    """After its time the process says where it hangs, and gives no answer."""
    with pytest.raises(AssertionError, match=r"(?s)Timeout.*script\.py"):
        traced(tmp_path / "run", "import time\ntime.sleep(600)\n", "", timeout=1)
    assert not (tmp_path / "run" / "answer.json").exists()


FUNCTIONS = """
import numpy as np
LOADED = __name__
def given(*numbers):
    return {"sum": sum(numbers), "parts": [np.arange(3), (1.5, 2.5)], "name": LOADED}
class Holder:
    @staticmethod
    def inner():
        return "text", None, object()
if __name__ == "__main__":
    raise SystemExit("a guarded part ran")
"""


def test_a_function_is_called_with_its_arguments(tmp_path):
    """What a function returns is told part by part."""
    (tmp_path / "module_with_functions.py").write_text(FUNCTIONS)
    target = {
        "module": "module_with_functions",
        "qualname": "given",
        "main": None,
        "args": [1, 2, 4],
    }
    run = traced(tmp_path / "run", target, "", path=[str(tmp_path), *sys.path])
    names = ["result/sum", "result/parts/0", "result/parts/1", "result/name"]
    assert run.names("result", 0) == names
    assert run.array(run.only("result", name="result/sum")[0]) == 7
    pair = run.array(run.only("result", name="result/parts/1")[0])
    np.testing.assert_array_equal(pair, [1.5, 2.5])


def test_a_function_of_the_main_file_is_found(tmp_path):
    """The main file is loaded without what it guards; what can't be told is noted."""
    main = tmp_path / "main_file"
    main.write_text(FUNCTIONS)
    target = {
        "module": "__main__",
        "qualname": "Holder.inner",
        "main": str(main),
        "args": [],
    }
    run = traced(tmp_path / "run", target, "")
    assert run.answer["state"] == "ok", run.answer
    assert run.names("result", 0) == ["result/0"]
    assert run.answer["notes"] == ["result/2: builtins.object can't be compared."]


def test_arrays_are_kept_until_the_room_is_used_up(tmp_path):
    """Beyond the bytes that may be kept, there are digests and no arrays."""
    text = "import numpy as np\ndef made():\n"
    text += "    return [np.ones(4), np.zeros(5), np.ones((1, 4), 'float32')]\n"
    (tmp_path / "arrays_for_keeping.py").write_text(text)
    target = {"module": "arrays_for_keeping", "qualname": "made", "main": None}
    run = traced(
        tmp_path / "run",
        {**target, "args": []},
        "",
        path=[str(tmp_path), *sys.path],
        keep=50,
    )
    told = [(one["at"], one["size"], one["shape"]) for one in run.events]
    assert told == [(0, 32, [4]), (None, 40, [5]), (32, 16, [1, 4])]
    assert len({one["digest"] for one in run.events}) == 3
    assert (tmp_path / "run" / "arrays.bin").stat().st_size == 48


RANDOM = """
import os, random, secrets, tempfile, threading, uuid
import numpy as np
import numpy

random.seed(1); np.random.seed(1); np.random.default_rng(1); random.Random(1)
np.random.RandomState(3); np.random.SeedSequence(4)
tempfile.NamedTemporaryFile().close()
for _ in range(3):
    np.random.default_rng()
np.random.RandomState()
numpy.random.seed()
random.Random()
random.seed()
secrets.token_hex(3)
uuid.uuid4()
os.urandom(4)
random.SystemRandom().random()
np.random.Generator(np.random.PCG64())
def work():
    stop.wait()
stop = threading.Event()
threading.Thread(target=work, name="workshop").start()
random.Random()
stop.set()
"""


@pytest.fixture(scope="module")
def unseeded(tmp_path_factory):
    """A script that asks for random numbers in many ways."""
    return traced(tmp_path_factory.mktemp("random") / "run", RANDOM, "")


def test_calls_without_a_seed_are_told_with_their_place(unseeded):
    """Each call without a seed is told once, with its place; seeded ones are not."""
    names = [one["name"].partition("script.py:")[2] for one in unseeded.events]
    assert names == [
        "10: np.random.default_rng()",
        "11: np.random.RandomState()",
        "12: numpy.random.seed()",
        "13: random.Random()",
        "14: random.seed()",
        "15: secrets.token_hex()",
        "16: uuid.uuid4()",
        "17: os.urandom()",
        "18: random()",
        "19: np.random.PCG64()",
        "24: random.Random()",
    ]
    assert {one["kind"] for one in unseeded.events} == {"random"}


def test_other_threads_are_named(unseeded):
    """An event names the program's own threads that run beside it, and none of ours."""
    assert [one["threads"] for one in unseeded.events] == [[]] * 10 + [["workshop"]]


def test_states_of_shared_generators_are_told(unseeded):
    """The states of Python's and NumPy's generators move with each seeding."""
    first, states = unseeded.events[0], unseeded.events
    assert all(len(one["python"]) == len(first["python"]) == 12 for one in states)
    assert states[2]["numpy"] == first["numpy"]  # told before the seeding
    assert states[3]["numpy"] != first["numpy"]
    assert states[5]["python"] != first["python"]


def test_copies_of_the_process_write_nothing(tmp_path):
    """A fork of the program leaves the journal to the program."""
    text = """
    import os, random
    if not os.fork():
        random.Random()
        os._exit(0)
    os.wait()
    random.seed()
    """
    run = traced(tmp_path / "run", text, "")
    assert [one["name"].rpartition(" ")[2] for one in run.events] == ["random.seed()"]


def test_a_loader_stays_what_it_was(tmp_path):
    """Watching for a module's import leaves it with the loader that it has."""
    text = """
    import numpy.random.bit_generator as watched
    print(type(watched.__spec__.loader).__name__, type(watched.__loader__).__name__)
    """
    run = traced(tmp_path / "run", text, "")
    assert "ExtensionFileLoader ExtensionFileLoader" in run.output


def test_tracing_starts_no_engine(tmp_path):
    """A program without Keras stays without it, and without any engine."""
    text = """
    import sys
    names = {"keras", "tensorflow", "jax", "torch", "numpy"} & set(sys.modules)
    print("loaded", sorted(names))
    """
    run = traced(tmp_path / "run", text, "")
    assert "loaded []" in run.output
    assert run.events == []


def test_it_ends_with_the_process_that_asked(tmp_path):
    """When its standard input is closed, the process ends, wherever it is."""
    script = tmp_path / "script.py"
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
    request = {
        "path": sys.path,
        "timeout": 300,
        "folder": str(tmp_path),
        "keep": 0,
        "depth": "steps",
        "target": {"script": str(script), "argv": []},
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    program = "import json, sys; request = json.load(open(sys.argv[1]))\n"
    program += "sys.path[:] = request['path']\n"
    program += "from kerasplug.reproducing.child import main; main(request)\n"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "request.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.close()
        assert process.wait() == 1
