"""The same model inside a PlaidML process: what the worker is measured against.

Run by the interpreter of PlaidML's environment. It loads weights, and for each line
that it reads, "many" or a number of calls with one row, prints the seconds.
"""

import importlib.util
import sys
import time

_COMPAT, _ARRAYS, _BATCH = sys.argv[1:4]
_spec = importlib.util.spec_from_file_location("compat", _COMPAT)
_compat = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_compat)
_compat.mend_python()

import keras  # noqa: E402 -- after Python has been mended
import numpy as np  # noqa: E402

arrays = np.load(_ARRAYS)
many = arrays["x"]
layers = [
    keras.layers.Dense(64, activation="relu", input_shape=many.shape[1:]),
    keras.layers.Dense(10, activation="softmax"),
]
model = keras.models.Sequential(layers)
model.set_weights([arrays[f"w{number}"] for number in range(4)])
for line in sys.stdin:
    rows, calls = (many, 1) if line.strip() == "many" else (many[:1], int(line))
    before = time.perf_counter()
    for _ in range(calls):
        model.predict(rows, batch_size=int(_BATCH))
    print(time.perf_counter() - before, file=sys.stderr, flush=True)
