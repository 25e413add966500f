"""Train the packaged model: `kerasplug_applications/digits_cnn.weights.h5`.

    python train_digits.py [FOLDER]

FOLDER, where the weights and `digits_cnn_metrics.json` go, is unless told where they
are: the weights in `kerasplug_applications`, the metrics beside this file.

The test half of the digits was used once, at the end. Before, four settings were
compared by five-fold cross-validation within the training half (1442 images):

    shifts  smoothing  epochs  decay  errors
    0.15    0.05       25      0.01   8
    0.15    0.05       40      0.05   8
    0       0.05       25      0.01   10
    0.25    0          25      0.01   11

That is not much of a difference; of the best the shorter one was taken.
`python train_digits.py --validate` counts its errors again. Then the model was trained
on the whole training half, with the first seed that was tried.

On one machine, with the same versions, the same bytes come out each time: seeds are
set, TensorFlow computes with deterministic operations in one thread, oneDNN with the
instructions of AVX2 at most, and nothing in the files says when they were made. Other
versions and other processors may round otherwise; the accuracy stays what it is to
some tenths of a percent.
"""

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import kerasplug

__all__ = ["METRICS", "WEIGHTS", "fitted", "main", "measured", "origin", "validated"]

HERE: Final = Path(__file__).resolve().parent
WEIGHTS: Final = HERE / "kerasplug_applications" / "digits_cnn.weights.h5"
METRICS: Final = HERE / "digits_cnn_metrics.json"

SEED: Final = 0
EPOCHS: Final = 25
BATCH: Final = 32
RATE: Final = 3e-3
DECAY: Final = 1e-2
#: Share of the images that are shifted by a pixel up, and the same down, left, right.
SHIFTED: Final = 0.15
#: How far the targets are from 0 and 1.
SMOOTHING: Final = 0.05
#: The weights are the mean of those after so many last epochs.
AVERAGED: Final = 5
FOLDS: Final = 5
CLASSES: Final = 10

#: Read by TensorFlow when it is imported, so they are set before.
ENVIRONMENT: Final = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERASPLUG_IMPLEMENTATION": "keras",
    "KERAS_BACKEND": "tensorflow",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


def shifted(random: np.random.Generator, x: Images) -> Images:
    """The images, some of them moved by one pixel; what comes in is white.

    Args:
        random: chooses which, and where to.
        x: of shape `(images, height, width)`.

    Example:
        >>> shifted(np.random.default_rng(0), np.ones((5, 8, 8), np.uint8)).shape
        (5, 8, 8)
    """
    count, height, width = x.shape
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    shares = [SHIFTED, 1 - 2 * SHIFTED, SHIFTED]
    down, right = random.choice(3, p=shares, size=(2, count))[:, :, None]
    rows = (down + np.arange(height))[:, :, None]
    columns = (right + np.arange(width))[:, None, :]
    moved: Images = wide[np.arange(count)[:, None, None], rows, columns]
    return moved


def fitted(x: Images, y: Labels) -> Any:
    """A new model that was trained on these digits; it is not compiled.

    Args:
        x: images, as the data set has them.
        y: their labels.

    Returns:
        A Keras model.

    Example:
        >>> model = fitted(*kerasplug.datasets["digits"].load().train)  # doctest: +SKIP
    """
    from kerasplug_applications.digits_cnn import digits_cnn

    keras = kerasplug.implementation()
    keras.utils.set_random_seed(SEED)
    random = np.random.default_rng(SEED)
    model = digits_cnn()
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=DECAY)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=SMOOTHING)
    model.compile(optimizer, loss, jit_compile=False)
    targets = np.eye(CLASSES, dtype="float32")[y]
    last = []
    for epoch in range(EPOCHS):
        optimizer.learning_rate = rate_in(epoch)
        order = random.permutation(len(x))
        images = shifted(random, x[order])[..., None].astype("float32")
        model.fit(images, targets[order], batch_size=BATCH, shuffle=False, verbose=0)
        if epoch >= EPOCHS - AVERAGED:
            last.append(model.get_weights())
    # A new one: weights of a compiled model are saved with its optimizer's.
    plain = digits_cnn()
    plain.set_weights([np.mean(same, axis=0) for same in zip(*last, strict=True)])
    return plain


def rate_in(epoch: int) -> float:
    """The step size: half a cosine wave, from `RATE` to a fiftieth of it.

    Args:
        epoch: from 0.

    Example:
        >>> rate_in(0) == RATE
        True
    """
    return RATE * max(0.02, (1 + math.cos(math.pi * epoch / EPOCHS)) / 2)


def confusion(model: Any, x: Images, y: Labels) -> NDArray[np.int64]:
    """How many images of the class of the row were taken for that of the column.

    Args:
        model: what was trained.
        x: images.
        y: their labels.

    Returns:
        A matrix of shape `(10, 10)`.

    Example:
        >>> confusion(model, x_test, y_test).trace() / len(y_test)  # doctest: +SKIP
        0.99
    """
    found = model.predict(x[..., None], verbose=0).argmax(axis=1)
    counts = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(counts, (y, found), 1)
    return counts


def validated() -> int:
    """Wrong answers in the training half, each image judged by a model without it.

    Example:
        >>> validated()  # doctest: +SKIP
        8
    """
    x, y = kerasplug.datasets["digits"].load().train
    fold = np.empty(len(y), dtype=np.int64)
    for label in range(CLASSES):
        places = np.flatnonzero(y == label)
        fold[places] = np.arange(len(places)) % FOLDS
    wrong = 0
    for number in range(FOLDS):
        out = fold == number
        counts = confusion(fitted(x[~out], y[~out]), x[out], y[out])
        wrong += int(counts.sum() - counts.trace())
    return wrong


def origin() -> dict[str, Any]:
    """What the bytes of the weights depend on, besides this file.

    Returns:
        The versions of the packages and the kind of the processor.

    Example:
        >>> sorted(origin())
        ['machine', 'versions']
    """
    # TensorFlow's module has one name, its distribution several.
    (engine, *_) = importlib.metadata.packages_distributions()["tensorflow"]
    version = importlib.metadata.version
    versions = {name: version(name) for name in ("h5py", "keras", "numpy")}
    return {
        "machine": f"{platform.system()} {platform.machine()} {_processor()}".rstrip(),
        "versions": {**versions, "tensorflow": version(engine)},
    }


def _processor() -> str:
    """The instructions that change how sums are rounded, where the system tells."""
    told = Path("/proc/cpuinfo")
    words = set(told.read_text("utf-8").split()) if told.exists() else set()
    return " ".join(sorted(words & {"avx2", "avx512f", "fma"}))


def measured(counts: NDArray[np.int64], data: bytes) -> dict[str, Any]:
    """What `digits_cnn_metrics.json` says.

    Args:
        counts: of the test half, see `confusion`.
        data: what is in the file of weights.

    Returns:
        Plain data for JSON.

    Example:
        >>> measured(np.eye(10, dtype=np.int64), b"")["test_accuracy"]
        1.0
    """
    total, right = int(counts.sum()), int(counts.trace())
    return {
        "weights": WEIGHTS.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "test_accuracy": right / total,
        "test_images": total,
        "test_errors": total - right,
        "confusion": counts.tolist(),
        "seed": SEED,
        "epochs": EPOCHS,
        **origin(),
    }


def main(arguments: Sequence[str]) -> None:
    """Write weights and metrics, or validate; say what came of it.

    Args:
        arguments: see the top of this file.

    Example:
        >>> main(["/tmp"])  # doctest: +SKIP
    """
    os.environ.update(ENVIRONMENT)
    start = time.monotonic()
    if list(arguments) == ["--validate"]:
        said = f"{validated()} errors in cross-validation"
    else:
        said = _made(*map(Path, arguments))
    sys.stdout.write(f"{said}, {time.monotonic() - start:.0f} s\n")


def _made(folder: Path | None = None) -> str:
    weights = folder / WEIGHTS.name if folder else WEIGHTS
    metrics = folder / METRICS.name if folder else METRICS
    train, test = kerasplug.datasets["digits"].load()
    model = fitted(*train)
    kerasplug.save_model_weights_hdf5(model, weights)
    found = measured(confusion(model, *test), weights.read_bytes())
    metrics.write_text(f"{_json(found)}\n", encoding="utf-8")
    return f"{found['sha256']}  {weights.name}\n{found['test_accuracy']:.4f} of test"


def _json(found: dict[str, Any]) -> str:
    """Indented JSON with a line for each row of the matrix."""
    rows = ",\n    ".join(map(json.dumps, found["confusion"]))
    text = json.dumps({**found, "confusion": "ROWS"}, indent=2)
    return text.replace('"ROWS"', f"[\n    {rows}\n  ]")


if __name__ == "__main__":
    main(sys.argv[1:])
