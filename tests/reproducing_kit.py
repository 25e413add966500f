"""Running a program in the process that looks into it, as the parent would."""

import json
import os
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

import numpy as np

_PROGRAM = """
import importlib, json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
sys.path[:] = request["path"] + sys.path[1:]
importlib.import_module("kerasplug.reproducing.child").main(request)
"""
_VARIABLES = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    # A thread for each core in each process would have processes wait for each other.
    "OMP_NUM_THREADS": "1",
}


class Traced:
    """What a traced process left.

    Args:
        folder: where.
        output: what it printed.
    """

    def __init__(self, folder, output):
        self.output = output
        path = folder / "answer.json"
        self.answer = json.loads(path.read_text()) if path.exists() else None
        self.lines = (folder / "journal.jsonl").read_text().splitlines()
        self.events = [json.loads(line) for line in self.lines]
        self._arrays = (folder / "arrays.bin").read_bytes()

    def array(self, event):
        """The array of an event."""
        data = self._arrays[event["at"] : event["at"] + event["size"]]
        return np.frombuffer(data, event["dtype"]).reshape(event["shape"])

    def only(self, kind, step=None, name=None):
        """Events of a kind, of a step, of a name."""
        return [
            one
            for one in self.events
            if one["kind"] == kind
            and step in {None, one["step"]}
            and name in {None, one["name"]}
        ]

    def value(self, kind, name, step):
        """The array of the one event that these name."""
        (event,) = self.only(kind, step, name)
        return self.array(event)

    def names(self, kind, step):
        """Names of the events of a kind in a step, in order."""
        return [one["name"] for one in self.only(kind, step)]

    def kinds(self):
        """Names by kind."""
        found = defaultdict(set)
        for one in self.events:
            found[one["kind"]].add(one["name"])
        return dict(found)

    def comparable(self):
        """The events without what differs from process to process."""
        around = {"threads", "python", "numpy"}
        return [
            {key: value for key, value in one.items() if key not in around}
            for one in self.events
        ]


def traced(folder, target, backend, *, python=None, **changes):
    """Run a target in a child.

    Args:
        folder: for its files; made here.
        target: a script's text, or the target of a request.
        backend: of Keras.
        python: whose interpreter; None: this one's.
        **changes: of the request.
    """
    folder = Path(folder)
    folder.mkdir()
    if isinstance(target, str):
        script = folder / "script.py"
        script.write_text(textwrap.dedent(target))
        target = {"script": str(script), "argv": []}
    request = {
        "path": [] if python else [str(folder), *sys.path],
        "timeout": 300,
        "folder": str(folder),
        "keep": 1 << 26,
        "depth": "inside",
        "target": target,
        **changes,
    }
    (folder / "request.json").write_text(json.dumps(request))
    return Traced(folder, _run(python, backend, ["-c", _PROGRAM], folder))


def untraced(folder, backend, *, python=None):
    """Run the script of a traced process as Python itself would; what it printed."""
    return _run(python, backend, [str(Path(folder) / "script.py")], None)


def _run(python, backend, program, folder):
    request = [] if folder is None else [str(folder / "request.json")]
    with subprocess.Popen(
        [python or sys.executable, *program, *request],
        env={**os.environ, **_VARIABLES, "KERAS_BACKEND": backend},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        # Its standard input stays open as long as it runs: it ends when that closes.
        output = process.stdout.read()
        code = process.wait()
    assert code == 0, output[-4000:]
    return output


#: A program whose numbers can be worked out by hand: one layer without a bias, plain
#: gradient descent, two steps of three rows and four columns each, twice.
KNOWN = """
import numpy as np
import keras

keras.utils.set_random_seed(5)
x = np.arange(24, dtype="float32").reshape(6, 4) / 24
y = np.arange(12, dtype="float32").reshape(6, 2) / 12
model = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(2, use_bias=False, name="only")],
    name="known",
)
model.compile(keras.optimizers.SGD(0.5), "mse")
model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0)
print("weights", model.get_weights()[0].tobytes().hex())
"""

#: Convolutions, normalisations, dropout, and rows in a random order.
RICH = """
import hashlib

import numpy as np
import keras
from keras import layers

keras.utils.set_random_seed(7)
x = np.random.normal(size=(48, 8, 8, 3)).astype("float32")
y = np.random.randint(0, 4, size=48)
inputs = keras.Input((8, 8, 3))
h = layers.Conv2D(6, 3, use_bias=False)(inputs)
h = layers.Activation("relu")(layers.BatchNormalization()(h))
h = layers.Dropout(0.3)(layers.Flatten()(h))
outputs = layers.Dense(4, activation="softmax")(layers.LayerNormalization()(h))
model = keras.Model(inputs, outputs)
model.compile(
    keras.optimizers.Adam(0.01, clipnorm=1.0),
    "sparse_categorical_crossentropy",
    JIT
)
model.fit(x, y, batch_size=16, epochs=2, verbose=0, validation_split=0.25)
whole = b"".join(one.numpy().tobytes() for one in model.weights)
print("weights", hashlib.sha1(whole).hexdigest())
"""


def last_weights(output):
    """What a program printed of its weights."""
    (line,) = [one for one in output.splitlines() if one.startswith("weights")]
    return line
