"""Seeds for what a worker draws at random: when it is built, and later."""

import os
import random
import signal
import warnings

import pytest
import remote_kit as kit

from kerasplug import to_backend
from kerasplug.engines.workers.alive import LARGEST

pytestmark = pytest.mark.engine

#: The toy, and what it notes of seeds; `hold` waits for a file.
PROGRAM = """
import runpy, time
from pathlib import Path

_toy = runpy.run_path({toy!r})
describe = _toy["describe"]
_seeds = []


def build(header, arrays):
    _seeds.append(header["seed"])
    return _toy["COMMANDS"]["build"](header, arrays)


def seed(header, arrays):
    if {fault!r}:
        raise ValueError({fault!r})
    _seeds.append(header["seed"])
    return {{}}, {{}}


def seeds(header, arrays):
    return {{"seeds": _seeds}}, {{}}


def hold(header, arrays):
    Path(header["folder"], "holds").touch()
    while not Path(header["folder"], "let go").exists():
        time.sleep(0.01)
    return {{}}, {{}}


COMMANDS = dict(_toy["COMMANDS"], build=build, seeds=seeds, hold=hold)
if {knows!r}:
    COMMANDS["seed"] = seed
"""


@pytest.fixture
def make(keras, tmp_path, monkeypatch):
    """Remote models of a toy that notes its seeds; `knows`: it takes new ones."""
    opened = []
    with kit.toy(monkeypatch):

        def opening(name="first", *, model=None, knows=True, fault=""):
            said = {"toy": str(kit.PROGRAM), "knows": knows, "fault": fault}
            program = tmp_path / "program.py"
            program.write_text(PROGRAM.format(**said))
            monkeypatch.setattr(kit.ToyEngine, "program", str(program))
            model = model or two_layers(keras, name)
            remote = to_backend(model, "toyengine", patience=30.0, probe=False)
            opened.append(remote)
            return remote

        yield opening
    for remote in opened:
        remote.close()


def two_layers(keras, name):
    """A model of that name."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(5)(inputs)
    outputs = keras.layers.Dense(3, activation="softmax")(hidden)
    return keras.Model(inputs, outputs, name=name)


def seeds(remote):
    """The seeds that a worker got, the first one when its model was built."""
    return remote._session.ask("seeds")[0]["seeds"]


def test_a_worker_is_built_with_a_seed_of_this_process(keras, make):
    """Python's `random` decides the seed, so what seeds that seeds the worker."""
    found = []
    for seed, name in ((3, "first"), (3, "first"), (4, "first"), (3, "second")):
        model = two_layers(keras, name)
        keras.utils.set_random_seed(seed)
        found += seeds(make(model=model))

    assert found[0] == found[1]
    assert len(set(found)) == 3
    assert all(isinstance(seed, int) and 1 <= seed <= LARGEST for seed in found)


def test_a_model_that_is_built_again_there_draws_on(keras, make):
    """Freezing a layer builds the model anew, with another seed; the same each time."""
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        remote = make()
        remote.host.compile("sgd", "sparse_categorical_crossentropy")
        remote.host.layers[1].trainable = False
        remote.host.layers[2].trainable = True
        remote.train_on_batch(kit.X, kit.CLASSES)
        found.append(seeds(remote))

    assert found[0] == found[1]
    assert len(set(found[0])) == 2


def test_each_worker_that_is_alive_gets_a_seed_of_its_own(make):
    """The same one for the same model's name, whichever others there are."""
    first = make("first")
    assert kit.ToyEngine.seed_workers(7) == ["toyengine: 1 worker"]
    second = make("second")
    assert kit.ToyEngine.seed_workers(7) == ["toyengine: 2 workers"]
    assert kit.ToyEngine.seed_workers(8) == ["toyengine: 2 workers"]

    _, *one = seeds(first)
    _, *other = seeds(second)

    assert one[0] == one[1] != one[2]
    assert other[0] not in one
    assert other[0] != other[1]
    assert all(1 <= seed <= LARGEST for seed in one + other)


def test_seeding_draws_nothing_from_this_process(make):
    """What follows here does not depend on how many workers there are."""
    make()
    before = random.getstate()

    kit.ToyEngine.seed_workers(7)

    assert random.getstate() == before


def test_a_program_without_the_command_is_told_of(make):
    """An engine that draws nothing, or is older, works as before; the text says so."""
    remote = make(knows=False)

    (text,) = kit.ToyEngine.seed_workers(7)

    assert text == ("toyengine: 1 worker not seeded: its program has no command for it")
    assert len(seeds(remote)) == 1


def test_a_command_that_fails_is_told_of(make):
    """The worker goes on, and the text has what went wrong."""
    remote = make(fault="no seeds today")

    (text,) = kit.ToyEngine.seed_workers(7)

    assert "1 worker not seeded: " in text
    assert "'seed'" in text
    assert not remote.closed


def test_a_busy_worker_is_not_waited_for(make, tmp_path):
    """A worker that another thread is waiting for is left alone, and told of."""
    from worker_kit import meanwhile, until

    remote, idle = make("busy"), make("idle")

    def hold():
        remote._session.ask("hold", folder=str(tmp_path))

    with meanwhile(hold):
        until((tmp_path / "holds").exists)
        told = kit.ToyEngine.seed_workers(7)
        (tmp_path / "let go").touch()

    assert told == [
        "toyengine: 1 worker",
        "toyengine: 1 worker not seeded: it is busy in another thread",
    ]
    assert (len(seeds(remote)), len(seeds(idle))) == (1, 2)


def test_a_worker_that_was_killed_is_told_of_once(make):
    """That it has ended is noticed by the question; later it counts no more."""
    remote = make()
    os.kill(remote._session.worker.pid, signal.SIGKILL)

    told = kit.ToyEngine.seed_workers(7)

    assert told == ["toyengine: 1 worker not seeded: it has ended"]
    assert remote.closed
    assert kit.ToyEngine.seed_workers(7) == []


def test_what_was_closed_or_let_go_is_not_seeded(make):
    """Only workers that somebody can still use count."""
    make("closed").close()

    assert kit.ToyEngine.seed_workers(7) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_leaves_the_workers_of_its_parent_alone(make):
    """A forked process has no workers, and does not disturb those of its parent."""
    remote = make()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        child = os.fork()
    if not child:
        os.write(writing, repr(kit.ToyEngine.seed_workers(7)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        told = file.read()
    os.waitpid(child, 0)

    assert told == "[]"
    assert len(seeds(remote)) == 1
