"""Loading weights of VGG16's size: CPU time beside Keras' own loader, and memory.

138 million parameters, 553 MB. Both loaders take turns on one model and one file, in
one process for each format; the growth of the memory at its peak is measured in fresh
processes, once the model is built, and divided by the file's size.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from timing import Row, ratio
from workshop import Workshop, with_keras

__all__ = ["measure"]

_SECTION = "weights of VGG16"
_TIME_GOAL = 1.0
_MEMORY_GOAL = 1.2
_MEMORY_REPEATS = 3
_FORMATS = ("weights.h5", "keras", "h5")
_ENGINES = ("tensorflow", "jax")
_PEER = "keras, load_weights"

_SAVE = """
import keras
from kerasplug.saving.weights import save_model_weights_hdf5

model = keras.applications.VGG16(weights=None)
model.save_weights("vgg.weights.h5")
model.save("vgg.keras")
save_model_weights_hdf5(model, "vgg.h5")
"""

# Runs where Keras is: JSON with CPU seconds of ours and of Keras' in turn.
_TIME = """
import json, sys, time, keras
from kerasplug.saving.weights import load_model_weights_hdf5

path, by_name, repeats = sys.argv[1], sys.argv[2] == "by name", int(sys.argv[3])
model = keras.applications.VGG16(weights=None)
# Keras goes by names in files of Keras 2 only; in all others it goes by its paths.
options = {"by_name": True} if by_name and path.endswith("vgg.h5") else {}

def settle():
    if keras.backend.backend() == "jax":
        for one in model.variables:
            one.value.block_until_ready()

def ours():
    load_model_weights_hdf5(model, path, by_name)

def theirs():
    model.load_weights(path, **options)

def clocked(load):
    begin = time.process_time()
    load()
    settle()
    return time.process_time() - begin

settle()
ours(), theirs()
print(json.dumps([(clocked(ours), clocked(theirs)) for _ in range(repeats)]))
"""

# Growth of the memory at its peak over what the built model takes, and CPU seconds.
_MEMORY = """
import gc, json, re, sys, time, keras
from kerasplug.saving.weights import load_model_weights_hdf5

def status(key):
    with open("/proc/self/status") as file:
        return int(re.search(key + r":\\s+(\\d+)", file.read())[1]) << 10

path, who = sys.argv[1:]
model = keras.applications.VGG16(weights=None)
if keras.backend.backend() == "jax":
    for one in model.variables:
        one.value.block_until_ready()
gc.collect()
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before, begin = status("VmRSS"), time.process_time()
load_model_weights_hdf5(model, path) if who == "ours" else model.load_weights(path)
spent = time.process_time() - begin
print(json.dumps([status("VmHWM") - before, spent]))
"""


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about loading weights."""
    folder = workshop.folder / "weights"
    folder.mkdir()
    # The copy, not the repository, which somebody may be editing.
    paths = [workshop.library]
    with_keras(folder, "tensorflow", paths, _SAVE)
    rows = [
        _times(folder, paths, ending, how, repeats)
        for ending in _FORMATS
        for how in ("by order", "by name")
    ]
    for engine in _ENGINES:
        for ending in _FORMATS:
            rows.append(_peak(folder, paths, ending, engine, "ours", _MEMORY_GOAL))
            rows.append(_peak(folder, paths, ending, engine, "keras", None))
    # Two gigabytes that the other groups need not carry.
    shutil.rmtree(folder)
    return rows


def _times(
    folder: Path, paths: Sequence[Path], ending: str, how: str, repeats: int
) -> Row:
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    path = str(folder / f"vgg.{ending}")
    said = with_keras(folder, backend, paths, _TIME, path, how, str(repeats))
    samples: list[tuple[float, float]] = json.loads(said.splitlines()[-1])
    what = f".{ending}, {how}, {backend}"
    columns = {what: [one for one, _ in samples], _PEER: [one for _, one in samples]}
    return ratio(_SECTION, columns, what, _PEER, _TIME_GOAL)


def _peak(
    folder: Path,
    paths: Sequence[Path],
    ending: str,
    engine: str,
    who: str,
    goal: float | None,
) -> Row:
    path = folder / f"vgg.{ending}"
    grown, spent = [], []
    for _ in range(_MEMORY_REPEATS):
        said = with_keras(folder, engine, paths, _MEMORY, str(path), who)
        growth, seconds = json.loads(said.splitlines()[-1])
        grown.append(growth / path.stat().st_size)
        spent.append(seconds)
    lower, middle, upper = quantiles(grown, n=4, method="inclusive")
    return Row(
        _SECTION,
        f".{ending}, {engine}, memory",
        f"of the file, peak, {who}",
        middle,
        lower,
        upper,
        goal,
        1000 * median(spent),
        None,
    )
