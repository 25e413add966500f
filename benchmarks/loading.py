"""What `load_model` adds to Keras' own loading, for a file with plugin layers.

Its share is the CPU time of the whole call less what passes inside Keras' own
`load_model`. Each file is loaded many times in one process, and once in many.
"""

import json
import os
from pathlib import Path

from timing import Row, ratio, spread
from workshop import Workshop, install, layer_source, settle, with_keras

__all__ = ["measure"]

_GOAL_MS = 20.0
_LAYERS = 3
_FORMATS = ("keras", "h5")

_SAVE = """
import keras
from gates import layers
x = inputs = keras.Input((8,))
for number in range({layers}):
    x = keras.layers.Dense(8)(getattr(layers, "Gate%d" % number)(8)(x))
model = keras.Model(inputs, x)
for ending in {formats}:
    model.save("model." + ending)
"""

# Runs where Keras is: JSON with CPU seconds of whole, inner and plain loads in turn.
_LOAD = """
import json, sys, time, keras
clock, inner = time.process_time, []
original = keras.saving.load_model

def timed(*args, **kwargs):
    begin = clock()
    try:
        return original(*args, **kwargs)
    finally:
        inner.append(clock() - begin)

def whole(path):
    keras.saving.load_model = timed
    begin = clock()
    import kerasplug
    kerasplug.load_model(path)
    total = clock() - begin
    keras.saving.load_model = original
    return total, inner.pop()

def plain(path):
    from gates import layers
    objects = {{name: getattr(layers, name) for name in {names}}}
    begin = clock()
    keras.saving.load_model(path, custom_objects=objects)
    return clock() - begin

path, repeats = sys.argv[1], int(sys.argv[2])
if repeats > 1:  # the very first load of a process is measured where it is alone
    whole(path), plain(path)
samples = []
for _ in range(repeats):
    samples.append((*whole(path), plain(path) if repeats > 1 else None))
print(json.dumps(samples))
"""


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about loading models."""
    folder = workshop.folder / "loading"
    (folder / "site").mkdir(parents=True)
    # The copy, not the repository, which somebody may be editing.
    (folder / "library").symlink_to(workshop.library)
    _prepare(folder)
    rows: list[Row] = []
    for ending in _FORMATS:
        path = folder / f"model.{ending}"
        many = _load(folder, path, repeats)
        once = [_load(folder, path, 1)[0] for _ in range(repeats)]
        rows += [
            _share(f".{ending}, again in one process", many),
            _share(f".{ending}, first in a process", once),
            _beside_plain(f".{ending}, again, all of it", many),
        ]
    return rows


def _prepare(folder: Path) -> None:
    """A plugin with three layers, and a model of them in both formats."""
    names = [f"Gate{number}" for number in range(_LAYERS)]
    sources = [layer_source(number) for number in range(_LAYERS)]
    install(
        folder / "site",
        "gates",
        {"kerasplug.layers": {name.lower(): f"gates.layers:{name}" for name in names}},
        modules={"gates/__init__.py": "", "gates/layers.py": "\n".join(sources)},
        metadata="Requires-Python: >=3.10\nRequires-Dist: keras>=3.0\n",
    )
    settle(folder / "site", folder)
    _run(folder, _SAVE.format(layers=_LAYERS, formats=_FORMATS))


def _load(folder: Path, path: Path, repeats: int) -> list[list[float]]:
    names = [f"Gate{number}" for number in range(_LAYERS)]
    said = _run(folder, _LOAD.format(names=names), str(path), str(repeats))
    samples: list[list[float]] = json.loads(said.splitlines()[-1])
    return samples


def _run(folder: Path, code: str, *arguments: str) -> str:
    # The engine that is imported the fastest: ours is the share around it.
    backend = os.environ.get("KERAS_BACKEND", "numpy")
    paths = [folder / "site", folder / "library"]
    return with_keras(folder, backend, paths, code, *arguments)


def _share(what: str, samples: list[list[float]]) -> Row:
    return spread(
        "load_model, our own share",
        what,
        [whole - inner for whole, inner, _ in samples],
        _GOAL_MS,
    )


def _beside_plain(what: str, samples: list[list[float]]) -> Row:
    peer = "keras.saving.load_model"
    columns = {
        what: [whole for whole, _, _ in samples],
        peer: [plain for _, _, plain in samples],
    }
    return ratio("load_model, our own share", columns, what, peer)
