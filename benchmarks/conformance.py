"""What checking a layer costs: beside Keras' own `run_layer_test`, and in processes.

Both check the same layer in one process, in turn, after each has run once. What needs
another process is measured over layer classes that differ, each in a module of its own.
"""

import json
from pathlib import Path
from typing import Any

from timing import Row, ratio, spread
from workshop import Workshop, layer_source, with_keras

__all__ = ["measure"]

#: Ours against Keras': CPU time.
_GOAL = 10.0
#: For one more class of layers, in milliseconds of wall time.
_GOAL_FRESH_MS = 3000.0
_BACKENDS = ("tensorflow", "jax")

# Runs where Keras is; JSON with the CPU seconds of ours and of Keras' own.
_BESIDE = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import keras
from keras.src import testing
from kerasplug.testing import LayerCase
from kerasplug.testing.conformance.suite import CHECKS

ours = [name for name, check in CHECKS.items() if not check.fresh]
case = testing.TestCase("run_layer_test")

def own():
    LayerCase("keras.layers:Dense", init_kwargs={"units": 3}, input_shape=(2, 4),
              checks=ours).report()

def theirs():
    case.run_layer_test(keras.layers.Dense, {"units": 3}, input_shape=(2, 4))

def timed(task):
    begin = time.process_time()
    task()
    return time.process_time() - begin

own(), theirs()
print(json.dumps([(timed(own), timed(theirs)) for _ in range(int(sys.argv[1]))]))
"""

# The wall seconds of all that needs another process, for one class after the other.
_FRESH = """
import importlib, json, sys, time, warnings
warnings.simplefilter("ignore")
from kerasplug.testing import LayerCase
from kerasplug.testing.conformance.suite import CHECKS

wanted = [name for name, check in CHECKS.items()
          if check.fresh and name.startswith("fresh_")]

def timed(number):
    case = LayerCase(f"gate{number}:Gate{number}", init_kwargs={"units": 3},
                     input_shape=(2, 4), checks=wanted)
    case.case
    begin = time.perf_counter()
    report = case.report()
    assert not report.faults, str(report)
    return time.perf_counter() - begin

timed(0)
print(json.dumps([timed(number) for number in range(1, int(sys.argv[1]) + 1)]))
"""


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about the conformance suite."""
    folder = workshop.folder / "conformance"
    (folder / "gates").mkdir(parents=True)
    (folder / "library").symlink_to(workshop.library)
    for number in range(repeats + 1):
        path = folder / "gates" / f"gate{number}.py"
        registered = f"@keras.saving.register_keras_serializable('gate{number}')"
        path.write_text(layer_source(number, registered), encoding="utf-8")
    return [row for backend in _BACKENDS for row in _rows(folder, backend, repeats)]


def _rows(folder: Path, backend: str, repeats: int) -> list[Row]:
    section = f"conformance of a layer, {backend}"
    what, peer = "in-process checks of Dense", "run_layer_test"
    pairs = _run(folder, backend, _BESIDE, repeats)
    columns = {what: [one for one, _ in pairs], peer: [one for _, one in pairs]}
    fresh = _run(folder, backend, _FRESH, repeats)
    return [
        ratio(section, columns, what, peer, _GOAL),
        spread(
            section,
            "fresh processes, one more class",
            fresh,
            _GOAL_FRESH_MS,
            "ms of wall",
        ),
    ]


def _run(folder: Path, backend: str, code: str, repeats: int) -> list[Any]:
    """The samples that a process with this backend prints."""
    paths = [folder / "gates", folder / "library"]
    said = with_keras(folder, backend, paths, code, str(repeats))
    samples: list[Any] = json.loads(said.splitlines()[-1])
    return samples
