"""What loading a cached data set costs: a set of the size and the form of MNIST.

The file is made of the plugin's own stand-in, so it packs as pictures do. Four take
turns in one process: our `load`, `numpy.load` of the same file, pooch (which hashes it
each time) followed by `numpy.load`, and Keras' own `load_data`, told the file's hash.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from timing import Row, ratio
from workshop import ROOT, Workshop

__all__ = ["measure"]

_GOALS = {"numpy.load": 1.05, "pooch, then numpy.load": None, "keras.datasets": 1.0}

# Both wait for the same unpacking; that our lookup is 3 times faster than that of pooch
# is measured in fetching.py.

# JSON with CPU seconds: for each repeat, one number a task in the order of `_GOALS`.
_TURNS = """
import dataclasses, json, os, sys, time
from hashlib import sha256
from pathlib import Path
import numpy as np, pooch
import keras.src.datasets.mnist as theirs
from kerasplug_datasets import files, mnist

pooch.get_logger().setLevel("ERROR")
repeats = int(sys.argv[1])
folder = Path(os.environ["KERAS_HOME"], "datasets")
folder.mkdir(parents=True)
path = folder / "mnist.npz"
train, test = mnist.synthetic()
np.savez_compressed(
    path, x_train=train.x, y_train=train.y, x_test=test.x, y_test=test.y
)
digest = sha256(path.read_bytes()).hexdigest()
url = "http://127.0.0.1:1/mnist.npz"
files.MNIST = dataclasses.replace(files.MNIST, url=url, sha256=digest)
keras_file = theirs.get_file
theirs.get_file = lambda fname, origin, file_hash: keras_file(
    fname, origin=url, file_hash=digest
)

def arrays(path):
    with np.load(path, allow_pickle=False) as found:
        return [found[name] for name in ("x_train", "y_train", "x_test", "y_test")]

def of_pooch():
    return arrays(pooch.retrieve(url, "sha256:" + digest, "mnist.npz", folder))

calls = (mnist.load, lambda: arrays(path), of_pooch, theirs.load_data)

def seconds(call):
    begin = time.process_time()
    call()
    return time.process_time() - begin

for call in calls:
    call()
print(json.dumps([[seconds(call) for call in calls] for _ in range(repeats)]))
"""


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about data sets that are in the cache."""
    folder = workshop.folder / "datasets"
    folder.mkdir()
    samples = json.loads(_said(workshop, folder, repeats))
    ours = "a set of MNIST's size, load"
    columns = {ours: [one[0] for one in samples]}
    for place, peer in enumerate(_GOALS, start=1):
        columns[peer] = [one[place] for one in samples]
    return [
        ratio("a data set that is in the cache", columns, ours, peer, goal)
        for peer, goal in _GOALS.items()
    ]


def _said(workshop: Workshop, folder: Path, repeats: int) -> str:
    paths = [str(workshop.library), str(ROOT / "plugins" / "datasets")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "XDG_CACHE_HOME": str(folder / "own"),
        "KERAS_HOME": str(folder / "keras"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, "-c", _TURNS, str(repeats)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]
