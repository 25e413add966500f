"""`python -m kerasplug_plaidml`: a model trained on PlaidML, from nothing installed.

It makes PlaidML's environment where there is none, trains on the handwritten digits of
kerasplug-datasets, and saves a model that this Keras loads anywhere.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kerasplug as kp
from kerasplug.errors import KerasMissingError

_BATCH = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, evaluate, compare and save; 0 when both engines agree."""
    options = _options(arguments)
    (x, y), (x_test, y_test) = _digits()
    model = _model()
    with _remote(model) as remote:
        _say(f"training on {remote}")
        remote.fit(x, y, batch_size=_BATCH, epochs=options.epochs)
        loss, accuracy = remote.evaluate(x_test, y_test, verbose=0)
        there = remote.predict(x_test, verbose=0)
    here = model.predict(x_test, verbose=0)
    model.save(options.save)
    apart = float(abs(here - there).max())
    _say(f"test loss {loss:.4f}, accuracy {accuracy:.4f}, computed by PlaidML")
    _say(f"{kp.backend()} predicts the same digits: they differ by {apart:.1e} at most")
    _say(f"the trained model is in {options.save}")
    return int((here.argmax(1) != there.argmax(1)).any())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m kerasplug_plaidml", description="Train a model on PlaidML."
    )
    parser.add_argument("--epochs", type=int, default=5, help="default: 5")
    parser.add_argument(
        "--save",
        type=Path,
        default=Path("digits_plaidml.keras"),
        metavar="FILE",
        help="where the model goes; default: digits_plaidml.keras",
    )
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- what the program is for


def _digits() -> Any:
    """The digits, each pixel from 0 to 1."""
    (x, y), (x_test, y_test) = kp.datasets["digits"].load()
    return (_scaled(x), y), (_scaled(x_test), y_test)


def _scaled(pixels: Any) -> Any:
    return pixels[..., None].astype("float32") / 16


def _model() -> Any:
    keras = kp.implementation()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _remote(model: Any) -> Any:
    try:
        return kp.to_backend(model, "plaidml", batch_size=_BATCH)
    except KerasMissingError:
        from kerasplug.cli import main as kerasplug_command

        if kerasplug_command(["backend", "install", "plaidml"]):
            raise
    return kp.to_backend(model, "plaidml", batch_size=_BATCH)


if __name__ == "__main__":
    sys.exit(main())
