"""Checks in other processes: what layers do there is reported, and not suffered."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from faults_saving import SOUND
from fresh_kit import FILES, Program, case_in, gone, kill, only, write_layer

from kerasplug.errors import CheckSetupError
from kerasplug.testing.conformance.fresh import asking, pool
from kerasplug.testing.conformance.fresh.servers import Setting
from kerasplug.testing.conformance.layer_case import LayerCase

pytestmark = pytest.mark.engine

DENSE = {"init_kwargs": {"units": 3}, "input_shape": (2, 4)}


@pytest.fixture(autouse=True)
def host(keras, monkeypatch):
    """Layers of `fresh_kit` know this process by it."""
    monkeypatch.setenv("HOST_OF_TEST", str(os.getpid()))


def dense(*checks):
    return LayerCase("keras.layers:Dense", checks=list(checks), **DENSE)


def server():
    """The started process for the Keras of these tests."""
    return pool.pool().start(asking.setting_of(dense().case))


# --- layers that end, or hang ---


@pytest.mark.parametrize(
    ("place", "stage"),
    [
        ("top", "importing hangs_at_top"),
        ("init", "loading the .keras file"),
        ("call", "calling the model"),
    ],
)
def test_a_layer_that_hangs_is_reported(place, stage, site):
    """The failure says during what it hangs, and where; the next check runs."""
    name = f"Hangs_at_{place}"
    path = write_layer(site, name, **{place: "if ELSEWHERE: time.sleep(600)"})

    outcome = only(case_in(name, timeout=3))

    assert outcome.status == "failed"
    assert outcome.what == f"In a new process it hangs while {stage}."
    assert str(path) in outcome.found
    assert only(dense("fresh_json")).status == "passed"


@pytest.mark.parametrize(
    ("how", "found", "has_line"),
    [
        ("os._exit(3)", "exit code 3", True),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL", False),
        ("ctypes.string_at(0)", "ended by SIGSEGV", True),
    ],
    ids=["exit", "kill", "crash"],
)
def test_a_layer_that_ends_its_process_is_reported(how, found, has_line, site, request):
    """The failure says how it ended, and where if that can be known."""
    name = f"Ends_{request.node.callspec.id}"
    path = write_layer(site, name, init=f"if ELSEWHERE: {how}")

    outcome = only(case_in(name))

    assert outcome.status == "failed"
    assert outcome.what == "It ends a new process while loading the .keras file."
    assert outcome.found.startswith(found)
    assert (str(path) in outcome.found) == has_line
    assert only(dense("fresh_json")).status == "passed"


def test_a_module_that_leaves_is_an_exception(site):
    """sys.exit() during the import is told like any other exception."""
    path = write_layer(site, "Leaves", top="if ELSEWHERE: sys.exit('no licence')")

    outcome = only(case_in("Leaves"))

    assert outcome.what == "The module leaves can't be imported in a new process."
    assert outcome.found == f"SystemExit: no licence ({path}:8)"


def test_what_it_has_started_ends_with_it(site, tmp_path):
    """A process that a layer leaves behind ends with the check."""
    note = tmp_path / "child"
    start = f"""if ELSEWHERE:
            import subprocess
            wait = "import time; time.sleep(600)"
            left = subprocess.Popen([sys.executable, "-c", wait])
            open({str(note)!r}, "w").write(str(left.pid))"""
    write_layer(site, "Leaves_one", init=start)

    assert only(case_in("Leaves_one")).status == "passed"
    assert gone(int(note.read_text()))


# --- what a job is ---


def test_each_check_has_a_process_of_its_own(site, tmp_path):
    """The layer's module is imported anew for each check, in another process."""
    note = tmp_path / "processes"
    write_layer(site, "Notes", top=f"print(os.getpid(), file=open({str(note)!r}, 'a'))")

    report = case_in("Notes", FILES).report()

    assert report.ids("passed") == FILES
    host, *others = note.read_text().split()
    assert host == str(os.getpid())
    assert len(set(others)) == len(FILES)


def test_its_temporary_files_go_with_it(site, tmp_path):
    """A process that was left cleans up nothing: tracing leaves a file each time."""
    told = tmp_path / "path"
    tell = f"print(tempfile.mkstemp()[1], end='', file=open({str(told)!r}, 'w'))"
    call = f"if ELSEWHERE: import tempfile; {tell}"
    write_layer(site, "Drops_a_file", call=call)

    assert only(case_in("Drops_a_file")).status == "passed"
    assert not Path(told.read_text("utf-8")).exists()


def test_output_disturbs_nothing(site, capfd):
    """What a layer prints, on any way, is neither read as an answer nor shown."""
    loud = "print('loud ' * 1000); os.write(1, b'loud'); os.write(2, b'loud')"
    write_layer(site, "Loud", top=f"if ELSEWHERE: {loud}", call=f"if ELSEWHERE: {loud}")

    assert only(case_in("Loud")).status == "passed"
    assert "loud" not in "".join(capfd.readouterr())


def test_a_job_is_where_the_host_is(site, tmp_path, monkeypatch):
    """Folder, variables and settings of Keras are those of this moment."""
    keras = sys.modules["keras"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SET_LATE", "yes")
    at = (
        "assert (os.getcwd(), os.environ['SET_LATE'], keras.config.epsilon()) == "
        f"({str(tmp_path)!r}, 'yes', 0.25)"
    )
    write_layer(site, "Looks_round", init=at)
    before = keras.config.epsilon()
    keras.config.set_epsilon(0.25)
    try:
        outcome = only(case_in("Looks_round"))
    finally:
        keras.config.set_epsilon(before)

    assert outcome.status == "passed", outcome


def test_a_plugin_is_found_with_nothing_imported():
    """A layer that an installed plugin declares is found by itself."""
    fault = SOUND["of_a_plugin"]
    case = LayerCase(fault.layer, checks=["fresh_plugin_file"], **fault.options)

    assert only(case).status == "passed"


def test_a_layer_of_no_plugin_says_so(site):
    """Where no plugin declares the layer, the check about plugins does not apply."""
    write_layer(site, "Undeclared")

    outcome = only(case_in("Undeclared", ["fresh_plugin_file"]))

    assert outcome.status == "not applicable"
    assert outcome.what == "no installed plugin of kerasplug declares the layer"


def test_an_array_that_is_no_weight(keras):
    """What only the layer's own saving methods know is lost where these don't count."""
    report = LayerCase(
        "faulty_saving:OwnArray", input_shape=(2, 4), checks=FILES
    ).report()

    assert report.ids("passed") == ["fresh_keras_file", "fresh_weights_file"]
    assert report.ids("failed") == ["fresh_h5_file", "fresh_json"]


def test_a_forgotten_argument_is_told_elsewhere(site):
    """What goes wrong in this process as well is no matter of new processes."""
    path = write_layer(site, "Forgets", init="self.factor = factor")
    own = """
    def get_config(self):
        return {"name": self.name, "dtype": "float32"}
"""
    text = path.read_text().replace("(self, **kwargs)", "(self, factor=2.0, **kwargs)")
    path.write_text(text.replace("inputs * 2.0", f"inputs * self.factor\n{own}"))

    outcome = only(case_in("Forgets", init_kwargs={"factor": 3.0}))

    assert outcome.status == "not applicable"
    assert outcome.what.endswith("see config_round_trip")


# --- where the class is ---


def test_a_class_of_a_function_does_not_apply(keras):
    """No other process can have a class that is local to a function."""

    class Local(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

    outcome = only(LayerCase(Local, input_shape=(2, 4), checks=["fresh_keras_file"]))

    assert outcome.status == "not applicable"
    assert "move it to the level of its module" in outcome.what


_SCRIPT = """
import json
import kerasplug
from kerasplug.testing import LayerCase

keras = kerasplug.implementation()


@keras.saving.register_keras_serializable(package="script")
class Doubles(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape

{guard}
    checks = {checks!r}
    report = LayerCase(Doubles, input_shape=(2, 4), checks=checks).report()
    print()
    print(json.dumps([report.ids("passed"), str(report)]))
"""


def test_a_class_of_a_script(tmp_path):
    """A class of the program that is run is found by the program's file."""
    script = _SCRIPT.format(guard='if __name__ == "__main__":', checks=FILES)

    passed, report = Program(tmp_path, script).said()

    assert passed == FILES, report


def test_a_script_without_a_guard(tmp_path):
    """A program that checks layers whenever it is imported is told to stop that."""
    script = _SCRIPT.format(guard="if True:", checks=["fresh_keras_file"])

    passed, report = Program(tmp_path, script).said()

    assert passed == []
    assert 'put the call under if __name__ == "__main__":' in report


def test_a_class_of_a_test(tmp_path):
    """A class of a test module that no path leads to is found by the module's file."""
    folder = tmp_path / "tests" / "deep"
    folder.mkdir(parents=True)
    source = _SCRIPT.format(guard="def test_it():", checks=FILES)
    (folder / "test_deep.py").write_text(
        source + "    assert report.ids('passed') == checks, report\n"
    )
    program = """
        import json, pytest
        code = pytest.main(["--import-mode=importlib", "-q", "tests"])
        print()
        print(json.dumps(int(code)))
    """

    assert Program(tmp_path, program).said() == 0


# --- servers ---


def test_a_server_that_was_killed_is_started_again():
    """Somebody kills a server between two jobs: the next job starts a new one."""
    assert only(dense("fresh_json")).status == "passed"
    before = server().pid
    kill(before)
    assert gone(before)

    assert only(dense("fresh_json")).status == "passed"
    assert server().pid != before


def test_keras_that_does_not_start_is_an_error():
    """The error says what Keras said, and blames nobody's layer."""
    with pytest.raises(CheckSetupError, match="does not start in another") as caught:
        pool.pool().run(Setting("keras", "no_such_backend"), {"limit": 5, "first": []})

    assert "no_such_backend" in caught.value.found
    assert "nothing was said about the layer" in str(caught.value)


def test_a_server_that_never_lives_is_an_error(tmp_path, monkeypatch):
    """A Python that ends at once is tried twice, then its last lines are shown."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os; os.write(2, b'no Python today'); os._exit(7)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    mine = pool.Pool()
    monkeypatch.setattr(pool, "_pool", mine)
    try:
        outcome = only(dense("fresh_json"))
    finally:
        mine.close()

    assert outcome.status == "error"
    assert outcome.found == "its process ended twice. no Python today"


def test_eight_threads_share_a_server():
    """Jobs of many threads at once each get their own answer."""
    case = dense("fresh_json").case
    case.timeout = 300

    def run(number):
        job = asking.Job(case, "compare")
        job.import_modules()
        layer = case.still
        weights = [case.engine.array(one) + number for one in layer.weights]
        config = json.dumps(case.keras.layers.serialize(layer))
        job.tell(config=config, gradients=False, more={})
        job.pack(weights=weights)
        reply = job.run()
        expected = case.data() @ weights[0] + weights[1]
        return case.differences(reply["outputs"], expected)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(run, range(8))) == [""] * 8


_ENDS = """
import json, os, sys, threading
sys.path[:0] = {path!r}
os.environ["HOST_OF_TEST"] = str(os.getpid())
from fresh_kit import case_in
from kerasplug.testing.conformance.fresh import asking, pool

case = case_in("Waits", timeout=600)
number = pool.pool().start(asking.setting_of(case.case)).pid
thread = threading.Thread(target=case.report, daemon=True)
thread.start()
while not os.path.exists({note!r}):
    thread.join(0.1)
print()
print(json.dumps([number, int(open({note!r}).read())]), flush=True)
{end}
"""


@pytest.mark.parametrize(
    "end", ["sys.exit()", "thread.join()"], ids=["leaves", "killed"]
)
def test_nothing_is_left_behind(end, site, tmp_path):
    """Server and job end when the host leaves, and when it is killed."""
    note = str(tmp_path / "process")
    here = (
        f"if ELSEWHERE: open({note + '.draft'!r}, 'w').write(str(os.getpid())); "
        f"os.replace({note + '.draft'!r}, {note!r}); time.sleep(600)"
    )
    write_layer(site, "Waits", call=here)
    source = _ENDS.format(path=[str(site), *sys.path], note=note, end=end)

    with Program(tmp_path, source).start() as host:
        line = next(line for line in host.stdout if line.startswith("["))
        if end == "thread.join()":
            host.kill()
        _, errors = host.communicate()

    server, job = json.loads(line)
    assert gone(server), errors
    assert gone(job), errors


_FORKS = """
import json, os
from kerasplug.testing import LayerCase
from kerasplug.testing.conformance.fresh import asking, pool

def outcome():
    case = LayerCase("keras.layers:Dense", init_kwargs=dict(units=3),
                     input_shape=(2, 4), checks=["fresh_json"])
    return case.report().ids("passed"), asking.setting_of(case.case)

if __name__ == "__main__":
    first, setting = outcome()
    server = pool.pool().start(setting)
    process = os.fork()
    if not process:
        assert pool.pool().start(setting).pid != server.pid
        raise SystemExit(0)
    assert os.waitpid(process, 0)[1] == 0
    assert pool.pool().start(setting) is server
    assert not server.is_dead
    print()
    print(json.dumps([first, outcome()[0]]))
"""


def test_a_fork_of_the_host_has_servers_of_its_own(tmp_path):
    """A forked host leaves the servers alone, also when it ends."""
    # Torch and JAX warn of forks; TensorFlow's threads do not matter here.
    said = Program(tmp_path, _FORKS).said()

    assert said == [["fresh_json"], ["fresh_json"]]


@pytest.mark.slow
def test_without_forks_each_job_has_a_process(site, monkeypatch):
    """Where no process can be forked safely, results and reports are the same."""
    write_layer(site, "Hangs_alone", call="if ELSEWHERE: time.sleep(600)")
    write_layer(site, "Ends_alone", call="if ELSEWHERE: os._exit(5)")
    mine = pool.Pool(forks=False)
    monkeypatch.setattr(pool, "_pool", mine)
    try:
        passed = dense(*FILES[2:]).report().ids("passed")
        hangs, ends = (
            only(case_in(f"{one}_alone", timeout=10)) for one in ("Hangs", "Ends")
        )
    finally:
        mine.close()

    assert passed == FILES[2:]
    assert hangs.what == "In a new process it hangs while calling the model."
    assert ends.found.startswith("exit code 5")


# --- other Keras, other backends ---

_ALL = """
import json
from kerasplug.testing import LayerCase

if __name__ == "__main__":
    case = LayerCase({layer!r}, init_kwargs=dict(units=3), input_shape=(2, 4),
                     checks={checks!r}, cross_backend=True)
    print()
    print(json.dumps(case.report().to_dict()["checks"]))
"""


@pytest.mark.parametrize(
    ("variables", "layer"),
    [
        ({"KERAS_BACKEND": "jax"}, "keras.layers:Dense"),
        ({"KERASPLUG_IMPLEMENTATION": "tf_keras"}, "tf_keras.layers:Dense"),
    ],
    ids=["jax", "tf_keras"],
)
def test_every_keras_starts_its_own(variables, layer, tmp_path):
    """The other process has the Keras and the backend of this one."""
    checks = [*FILES, "cross_backend"]
    program = Program(tmp_path, _ALL.format(layer=layer, checks=checks), **variables)

    said = program.said()

    assert [said[one]["status"] for one in FILES] == ["passed"] * 4, said
    last = said["cross_backend"]
    if "tf_keras" in layer:
        assert last["what"] == "Keras 2 has one backend"
    else:
        assert last["status"] == "passed", last


def test_backends_are_compared_only_when_asked():
    """Without `cross_backend=True` no other backend is started."""
    outcome = only(dense("cross_backend"))

    assert outcome.what == "cross_backend=True was not given"


def test_a_gradient_that_differs_is_named(keras):
    """The failure names the backends, and the weight whose gradient differs."""
    case = LayerCase(
        "faulty_backends:OtherGradient",
        input_shape=(2, 4),
        checks=["cross_backend"],
        cross_backend=True,
    )

    outcome = only(case)

    assert outcome.status == "failed"
    assert "scale' differs between tensorflow and jax" in outcome.what
    assert outcome.what.startswith("The gradient of '")
