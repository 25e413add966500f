"""What applications and callbacks cost, beside Keras' own.

Preprocessing: a batch of 64 photographs. Building: what our call adds to the function
of Keras that it ends in. Callbacks: a clock round a hook, and whole trainings.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from timing import Row, ratio, spread
from workshop import ROOT, Workshop, with_keras

__all__ = ["measure"]

#: Mode -> an application whose inputs are prepared so.
_MODES: Final = {"tf": "xception", "caffe": "vgg16", "torch": "densenet121"}
_TYPES: Final = ("float32", "uint8")
_TIME_GOAL, _MEMORY_GOAL, _BUILD_GOAL_MS = 1.0, 1.05, 5.0

# Runs where Keras is: JSON with the CPU seconds of each task in turn, and what was
# held at once besides the caller's pixels, as a part of the result.
_PREPARE = """
import functools, json, random, sys, time, tracemalloc
import keras, kerasplug, numpy as np
from keras.applications.imagenet_utils import preprocess_input

name, mode, kind, repeats = *sys.argv[1:4], int(sys.argv[4])
pixels = np.random.default_rng(0).integers(0, 256, (64, 224, 224, 3)).astype(kind)
ours = functools.partial(kerasplug.application_preprocess_inputs, name)
theirs = functools.partial(preprocess_input, mode=mode)
tensor = keras.ops.convert_to_tensor
tasks = {
    "kerasplug": ours,
    "keras, in place": theirs,
    "keras, of x.copy()": lambda x: theirs(x.copy()),
    "x.copy()": lambda x: x.copy(),
    "kerasplug, then a tensor": lambda x: tensor(ours(x)),
    "keras, then a tensor": lambda x: tensor(theirs(x)),
}

def seconds(task):
    x = pixels.copy()  # Keras writes over it, and finds it as warm as we do
    begin = time.process_time()
    made = task(x)  # freed when the clock has stopped
    return time.process_time() - begin

def peak():
    tracemalloc.start()
    made = ours(pixels)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held / made.nbytes

for task in tasks.values():
    seconds(task)
times = {name: [] for name in tasks}
chance = random.Random(0)  # which pages are free depends on who was just before
for _ in range(repeats):
    for name in chance.sample(list(tasks), len(tasks)):
        times[name].append(seconds(tasks[name]))
print(json.dumps([times, [peak() for _ in range(repeats)]]))
"""

#: Application -> where its constructor is, and the channels of its images.
_MODELS: Final = {
    "mobilenet": ("keras.applications", "MobileNet", 3),
    "vgg16": ("keras.applications", "VGG16", 3),
    "efficientnet_b0": ("keras.applications", "EfficientNetB0", 3),
    "digits_cnn": ("kerasplug_applications.digits_cnn", "digits_cnn", 1),
}

# JSON with CPU seconds: of our call, of what passes in it inside the constructor, and
# of the constructor alone.
_BUILD = """
import functools, gc, importlib, inspect, json, sys, time
import keras, kerasplug

name, module, constructor, channels, repeats = *sys.argv[1:4], *map(int, sys.argv[4:])
holder = importlib.import_module(module)
original, clock, inner = getattr(holder, constructor), time.process_time, []
wanted = {"include_top": False, "input_shape": (32, 32, channels)}
plain = dict(wanted)
if "weights" in inspect.signature(original).parameters:
    plain["weights"] = None  # Keras' own default would download

@functools.wraps(original)
def timed(*args, **kwargs):
    begin = clock()
    try:
        return original(*args, **kwargs)
    finally:
        inner.append(clock() - begin)

def seconds(call, **arguments):
    keras.backend.clear_session()
    gc.collect()
    begin = clock()
    call(**arguments)
    return clock() - begin

def turn():
    setattr(holder, constructor, timed)
    share = seconds(kerasplug.applications[name], weights=None, **wanted), inner.pop()
    setattr(holder, constructor, original)
    return *share, seconds(original, **plain)

turn()
print(json.dumps([turn() for _ in range(repeats)]))
"""

# JSON with the CPU seconds of many calls of an empty hook: with a clock, and bare.
_HOOK = """
import json, sys, time
import keras, kerasplug

class Empty(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass

calls, repeats = map(int, sys.argv[1:])
(clocked,), _ = kerasplug.callback_costs([Empty()])

def seconds(callback):
    begin = time.process_time()
    for batch in range(calls):
        callback.on_train_batch_end(batch, logs=None)
    return time.process_time() - begin

bare = Empty()
seconds(clocked), seconds(bare)
print(json.dumps([(seconds(clocked), seconds(bare)) for _ in range(repeats)]))
"""
_CALLS: Final = 100_000

# JSON: for trainings with other callbacks, in turn, the CPU seconds of all of it, and
# the wall seconds of the hooks alone, as `callback_costs` tells them.
_FIT = """
import contextlib, json, os, subprocess, sys, time
os.environ["TERM"] = "xterm-256color"
if hasattr(os, "sched_setaffinity"):  # threads that wait for each other are noise
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
import keras, kerasplug, numpy as np
from keras.callbacks import Callback, ProgbarLogger
from kerasplug import JsonLog, RichProgress, StepCosts

steps, repeats = map(int, sys.argv[1:])
x = np.random.default_rng(0).random((4 * steps, 8), "float32")
y = x.sum(axis=1, keepdims=True)
layers = [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
model = keras.Sequential(layers)
model.compile("sgd", "mse")
there, here = os.openpty()
reader = subprocess.Popen(["cat"], stdin=there, stdout=subprocess.DEVNULL)
terminal, log = open(here, "w"), open("log.txt", "w")

class Empty(Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass

def training(make, stream=sys.stdout):
    made, report = kerasplug.callback_costs([make()] if make else [])
    bar = int(make is ProgbarLogger)
    with contextlib.redirect_stdout(stream):
        begin = time.process_time()
        model.fit(x, y, 4, verbose=bar, callbacks=made, shuffle=False)
        return time.process_time() - begin, report.seconds

tasks = {
    "": (None,),
    "an empty hook": (Empty,),
    "StepCosts": (StepCosts,),
    "JsonLog": (lambda: JsonLog("log.jsonl"),),
    "RichProgress, file": (lambda: RichProgress(log),),
    "RichProgress, terminal": (lambda: RichProgress(terminal),),
    "keras' bar, file": (ProgbarLogger, log),
    "keras' bar, terminal": (ProgbarLogger, terminal),
}
for task in tasks.values():
    training(*task)
turns = [[training(*task) for task in tasks.values()] for _ in range(repeats)]
reader.kill()
print(json.dumps(dict(zip(tasks, zip(*turns)))))
"""
_STEPS: Final = 1000


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about applications and callbacks."""
    folder = workshop.folder / "applications"
    folder.mkdir()
    bench = _Bench(folder, workshop.library, repeats)
    rows = [
        row for kind in _TYPES for mode in _MODES for row in _pixels(bench, kind, mode)
    ]
    rows += [row for name in _MODELS for row in _building(bench, name)]
    return [*rows, _hook(bench), *_training(bench)]


class _Bench:
    """Where programs run that print JSON.

    Args:
        folder: theirs.
        library: kerasplug's copy, not the repository, which somebody may be editing.
        repeats: how many samples of each.
    """

    def __init__(self, folder: Path, library: Path, repeats: int) -> None:
        self.folder = folder
        self.repeats = repeats
        self._paths = [library, ROOT / "plugins" / "applications"]

    def says(self, code: str, *arguments: object) -> Any:
        """What a program says that is given these and the number of repeats."""
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        words = map(str, (*arguments, self.repeats))
        said = with_keras(self.folder, backend, self._paths, code, *words)
        return json.loads(said.splitlines()[-1])


def _pixels(bench: _Bench, kind: str, mode: str) -> list[Row]:
    section = f"64 photographs of {kind} prepared"
    times, peaks = bench.says(_PREPARE, _MODES[mode], mode, kind)
    copied, tensor = f"{mode}, only x.copy()", f"{mode}, then a tensor"
    columns = {mode: times.pop("kerasplug"), copied: times.pop("x.copy()"), **times}
    columns[tensor] = times["kerasplug, then a tensor"]
    rows = [ratio(section, columns, mode, "keras, in place", _TIME_GOAL)]
    if kind == "float32":  # whole numbers Keras copies by itself
        rows.append(ratio(section, columns, copied, "keras, in place"))
        rows.append(ratio(section, columns, mode, "keras, of x.copy()"))
    rows.append(ratio(section, columns, tensor, "keras, then a tensor"))
    return [*rows, _memory(section, mode, peaks, columns[mode])]


def _memory(
    section: str, mode: str, peaks: Sequence[float], seconds: Sequence[float]
) -> Row:
    lower, middle, upper = quantiles(peaks, n=4, method="inclusive")
    what, unit = f"{mode}, memory", "of the result, peak"
    own = 1000 * median(seconds)
    return Row(section, what, unit, middle, lower, upper, _MEMORY_GOAL, own, None)


def _building(bench: _Bench, name: str) -> list[Row]:
    section = "an application built"
    samples = bench.says(_BUILD, name, *_MODELS[name])
    whole, inner, plain = zip(*samples, strict=True)
    share = [one - other for one, other in zip(whole, inner, strict=True)]
    what, unit = f"{name}, all of it", "ms of CPU more"
    return [
        spread(section, f"{name}, our own share", share, _BUILD_GOAL_MS),
        _difference(section, what, unit, 1e3, whole, plain),
    ]


def _hook(bench: _Bench) -> Row:
    clocked, bare = zip(*bench.says(_HOOK, _CALLS), strict=True)
    what, unit = "callback_costs, an empty hook", "ns of CPU more a call"
    return _difference("callbacks", what, unit, 1e9 / _CALLS, clocked, bare)


def _training(bench: _Bench) -> list[Row]:
    section = f"callbacks in a training of {_STEPS} steps"
    times = bench.says(_FIT, _STEPS)
    bare = [whole for whole, _ in times.pop("")]
    rows = []
    for what, samples in times.items():
        whole, hooks = zip(*samples, strict=True)
        each = [1e3 / _STEPS * one for one in hooks]
        unit = "us of CPU more a step"
        rows += [
            spread(section, f"{what}, hooks", each, unit="us a step"),
            _difference(section, what, unit, 1e6 / _STEPS, whole, bare),
        ]
    return rows


def _difference(
    section: str,
    what: str,
    unit: str,
    scale: float,
    own: Sequence[float],
    peer: Sequence[float],
) -> Row:
    """The row that tells how much more one of two tasks of an interleaved run takes."""
    pairs = [scale * (mine - his) for mine, his in zip(own, peer, strict=True)]
    lower, _, upper = quantiles(pairs, n=4, method="inclusive")
    middle = scale * (median(own) - median(peer))
    mine, his = 1000 * median(own), 1000 * median(peer)
    return Row(section, what, unit, middle, lower, upper, None, mine, his)
