"""One model twice: in Keras 3 here, and in a worker by words of Keras 2.2.4."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kerasplug_plaidml.engine import PlaidML
from plaidml_kit import shared_python

from kerasplug.engines.workers.process import Worker

__all__ = ["CLOSE", "Pair", "worker"]

#: float32 keeps 7 digits; sums of some hundred products, over some steps, lose two.
CLOSE = {"rtol": 2e-5, "atol": 2e-6}

Layers = Sequence[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    """A worker with PlaidML."""
    base = request.getfixturevalue("tmp_path_factory").getbasetemp()
    name = getattr(request.config, "workerinput", {}).get("workerid", "master")
    python = shared_python(Path(base), name)
    started = Worker.start(PlaidML(), str(python))
    yield started
    started.close()


class Pair:
    """A Sequential model here and there, with the same random weights.

    Args:
        there: the worker.
        layers: class and arguments of each layer, which both Keras understand.
        shape: of a row.
        seed: of the weights.
        dtype: of the rows.
    """

    def __init__(
        self,
        there: Worker,
        layers: Layers,
        shape: tuple[int, ...],
        *,
        seed: int = 3,
        dtype: str = "float32",
    ) -> None:
        import keras

        self.there = there
        made = [_layer(keras, name, said) for name, said in layers]
        self.host = keras.Sequential([keras.Input(shape, dtype=dtype), *made])
        words = [
            {"class_name": name, "config": {"name": layer.name, **_older(said)}}
            for (name, said), layer in zip(layers, made, strict=True)
        ]
        words[0]["config"].update(batch_input_shape=[None, *shape], dtype=dtype)
        config = {
            "class_name": "Sequential",
            "config": {"name": "top", "layers": words},
        }
        self.told, _ = there.ask("build", config=config)
        rng = np.random.default_rng(seed)
        for layer in made:
            values = [rng.uniform(-0.6, 0.6, w.shape) for w in layer.get_weights()]
            if type(layer).__name__ == "BatchNormalization":
                values = [np.abs(each) + 0.2 for each in values]
            layer.set_weights(values)
        there.ask("set", self.named(self.host))

    def named(self, model: Any) -> dict[str, Any]:
        """The weights of the model here, named as there."""
        return {
            f"{layer.name}:{at}": value
            for layer in model.layers
            for at, value in enumerate(layer.get_weights())
        }

    def compile(
        self,
        optimizer: Any,
        loss: Any = "mean_squared_error",
        said: dict[str, Any] | None = None,
    ) -> None:
        """Compile both alike.

        Args:
            optimizer: of Keras 3.
            loss: of Keras 3.
            said: the loss in the worker's words; None: as it is named.
        """
        self.host.compile(optimizer, loss, run_eagerly=True)
        config = optimizer.get_config()
        self.rate = float(config.pop("learning_rate"))
        training = {
            "losses": [said or {"name": loss}],
            "loss_weights": [1.0],
            "optimizer": {**config, "name": type(optimizer).__name__.lower()},
        }
        self.there.ask("compile", training=training)

    def step(
        self, x: Any, t: Any, w: Any = None, *, batch: int | None = None
    ) -> tuple[float, float]:
        """A step on both; the losses here and there.

        Args:
            x: rows.
            t: targets.
            w: weights of rows.
            batch: rows that the worker pads to; None: no more than there are.
        """
        here = float(self.host.train_on_batch(x, t, sample_weight=w))
        arrays = {"x0": x, "t0": t} | ({} if w is None else {"w0": w})
        answer, _ = self.there.ask(
            "train", arrays, batch=batch or len(x), rate=self.rate, outputs=False
        )
        return here, answer["loss"]

    def weights(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """All weights here and there, by name."""
        return self.named(self.host), self.there.ask("get")[1]

    def check_weights(self) -> None:
        """Both have the same weights, but for rounding."""
        here, there = self.weights()
        assert here.keys() == there.keys()
        for name, value in here.items():
            np.testing.assert_allclose(there[name], value, err_msg=name, **CLOSE)


def _layer(keras: Any, name: str, said: dict[str, Any]) -> Any:
    return getattr(keras.layers, name)(**said)


def _older(said: dict[str, Any]) -> dict[str, Any]:
    """Arguments as Keras 2.2.4 writes them: objects as class and config."""
    older = {}
    for key, value in said.items():
        if hasattr(value, "get_config"):
            name = {"L2": "L1L2", "L1": "L1L2"}.get(
                type(value).__name__, type(value).__name__
            )
            older[key] = {"class_name": name, "config": value.get_config()}
        else:
            older[key] = value
    return older
