"""The demo's data, model and training."""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import kerasplug

__all__ = ["SEED", "accuracy", "build", "prepared", "save", "train"]

SEED = 7
BATCH = 32
RATE = 0.002
BLACK = 16.0
#: Each fifth of the training images watches over the training.
VALIDATION_EVERY = 5


class Data(NamedTuple):
    """Images in [0, 1] of shape `(n, 8, 8)`, float32, and labels `(n,)`."""

    x_train: Any
    y_train: Any
    x_validation: Any
    y_validation: Any
    x_test: Any
    y_test: Any


def prepared() -> Data:
    """The digits, scaled; the test images are those of the data set."""
    (x, y), (x_test, y_test) = kerasplug.datasets["kerasplug-datasets/digits"].load()
    x, x_test = (images.astype("float32") / BLACK for images in (x, x_test))
    watch = [i for i in range(len(x)) if i % VALIDATION_EVERY == 0]
    learn = [i for i in range(len(x)) if i % VALIDATION_EVERY]
    return Data(x[learn], y[learn], x[watch], y[watch], x_test, y_test)


def build(keras: Any) -> Any:
    """A compiled model with two plugin layers: one by its wrapper, one by its name."""
    downstream_pkg = importlib.import_module("downstream_pkg")
    running_norm = kerasplug.layers["downstream-pkg/running_norm"]
    inputs = keras.Input((8, 8), name="image")
    outputs = kerasplug.pipe(
        inputs,
        keras.layers.Reshape((8, 8, 1)),
        keras.layers.Conv2D(24, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        running_norm(epsilon=0.05),  # some features are nearly always 0
        keras.layers.Dropout(0.3),
        downstream_pkg.layer_gated_dense(units=64),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(10, activation="softmax"),
    )
    model = keras.Model(inputs, outputs, name="digits")
    model.compile(
        keras.optimizers.Adam(RATE),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def train(
    keras: Any, model: Any, data: Data, epochs: int
) -> tuple[dict[str, list[float]], int]:
    """The numbers of each epoch, and which epoch's weights the model has now."""
    keeper = kerasplug.callbacks["downstream-pkg/best_keeper"]()
    steps = -(-len(data.x_train) // BATCH)
    with _progress(keras, epochs, steps) as progress:
        history = model.fit(
            data.x_train,
            data.y_train,
            batch_size=BATCH,
            epochs=epochs,
            validation_data=(data.x_validation, data.y_validation),
            callbacks=[keeper, progress],
            verbose=0,
        )
    return history.history, keeper.best_epoch


def accuracy(model: Any, x: Any, y: Any) -> float:
    """The share of images, in [0, 1], that get their own label."""
    return float((model.predict(x, verbose=0).argmax(axis=-1) == y).mean())


def save(model: Any, path: Path) -> None:
    """Write the model in the format that the file's suffix names."""
    # Keras advises against HDF5 through this logger; the demo shows it on purpose.
    logging.getLogger("absl").setLevel(logging.ERROR)
    kerasplug.save_model(model, path)


@contextmanager
def _progress(keras: Any, epochs: int, steps: int) -> Iterator[Any]:
    """A callback that shows how far the training is, as the output can show it."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich"):
        with _bar(keras, epochs, steps) as callback:
            yield callback
    else:
        yield _lines(keras, epochs)


def _numbers(logs: dict[str, Any]) -> str:
    return (
        f"loss {logs['loss']:.3f}  accuracy {logs['accuracy']:.3f}  "
        f"validation {logs['val_accuracy']:.3f}"
    )


def _lines(keras: Any, epochs: int) -> Any:
    """One line an epoch: right for files and for pipes."""

    def tell(epoch: int, logs: dict[str, Any]) -> None:
        sys.stdout.write(f"  epoch {epoch + 1:>2} of {epochs}  {_numbers(logs)}\n")
        sys.stdout.flush()

    return keras.callbacks.LambdaCallback(on_epoch_end=tell)


@contextmanager
def _bar(keras: Any, epochs: int, steps: int) -> Iterator[Any]:
    """A bar that fills with every batch, and the numbers of the last epoch."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = ("  {task.percentage:>3.0f} %", "{task.fields[numbers]}")
    with Progress(
        TextColumn(columns[0]), BarColumn(), TimeElapsedColumn(), TextColumn(columns[1])
    ) as progress:
        task = progress.add_task("training", total=epochs * steps, numbers="")

        def step(batch: int, logs: dict[str, Any]) -> None:  # noqa: ARG001 -- Keras' own signature
            progress.advance(task)

        def tell(epoch: int, logs: dict[str, Any]) -> None:  # noqa: ARG001 -- Keras' own signature
            progress.update(task, numbers=_numbers(logs))

        yield keras.callbacks.LambdaCallback(on_train_batch_end=step, on_epoch_end=tell)
