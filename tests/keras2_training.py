"""Models of Keras 2 that have been trained, and what becomes of them there.

Each case is compiled, trained for some steps and saved; then it is trained further,
and the weights that result are kept, for comparison.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CASES", "batches", "write_trained"]

#: An optimizer as an expression, where o are the optimizers of Keras 2, and what else
#: is given to `compile`.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "adadelta": ("o.Adadelta(0.5)", {}),
    "adagrad": ("o.Adagrad(0.05)", {}),
    "adam": ("o.Adam(0.05)", {}),
    "adam-amsgrad": ("o.Adam(0.05, amsgrad=True)", {}),
    "adam-average": ("o.Adam(0.05, use_ema=True, ema_overwrite_frequency=3)", {}),
    "adam-clipped": ("o.Adam(0.05, global_clipnorm=0.1)", {}),
    "adam-scheduled": ("o.Adam(o.schedules.ExponentialDecay(0.1, 2, 0.5))", {}),
    "adamax": ("o.Adamax(0.05)", {}),
    "adamw": ("o.AdamW(0.05, weight_decay=0.1)", {}),
    "ftrl": ("o.Ftrl(0.05)", {}),
    "lion": ("o.Lion(0.01)", {}),
    "nadam": ("o.Nadam(0.05)", {"run_eagerly": "True"}),
    "rmsprop": ("o.RMSprop(0.01)", {}),
    "rmsprop-centered": ("o.RMSprop(0.01, momentum=0.9, centered=True)", {}),
    "sgd": ("o.SGD(0.05)", {}),
    "sgd-momentum": ("o.SGD(0.05, momentum=0.9, nesterov=True)", {}),
    "sgd-warmed": (
        "o.SGD(o.schedules.PiecewiseConstantDecay([2, 5], [0.1, 0.05, 0.01]))",
        {},
    ),
    "older-adadelta": ("o.legacy.Adadelta(0.5)", {}),
    "older-adam": ("o.legacy.Adam(0.05)", {}),
    "older-adam-amsgrad": ("o.legacy.Adam(0.05, amsgrad=True)", {}),
    "older-adam-decay": ("o.legacy.Adam(0.05, decay=0.1)", {}),
    "older-adamax": ("o.legacy.Adamax(0.05)", {}),
    "older-ftrl": ("o.legacy.Ftrl(0.05)", {}),
    "older-sgd": ("o.legacy.SGD(0.05, momentum=0.9)", {}),
    "older-sgd-decay": ("o.legacy.SGD(0.05, momentum=0.9, decay=0.1)", {}),
    "older-rmsprop": ("o.legacy.RMSprop(0.01, epsilon=1e-3)", {}),
    "older-adagrad": ("o.legacy.Adagrad(0.05)", {}),
    "by-name": ("'adam'", {}),
    "loss-object": ("'sgd'", {"loss": "k.losses.Huber(0.3)"}),
    "loss-function": ("'sgd'", {"loss": "k.losses.mean_absolute_error"}),
    "loss-renamed": ("'sgd'", {"loss": "'logcosh'"}),
    "metrics": (
        "'sgd'",
        {
            "metrics": "['mae', k.metrics.MeanSquaredError(name='own'), 'logcosh',"
            "'kullback_leibler_divergence', 'cosine_similarity', 'accuracy']"
        },
    ),
    "metrics-weighted": ("'sgd'", {"weighted_metrics": "['mse']"}),
    "older-nadam": ("o.legacy.Nadam(0.05)", {}),
    "adafactor": ("o.Adafactor(0.05)", {}),
}


def batches(first: int, last: int) -> Any:
    """Inputs and targets, in numbered batches of four."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(16, 4, 4)).astype("float32")
    y = rng.uniform(size=(16, 4, 1)).astype("float32")
    return zip(x[first:last], y[first:last], strict=True)


def _model(k: Any) -> Any:
    k.utils.set_random_seed(2)
    first = k.layers.Dense(3, activation="tanh", input_shape=(4,))
    return k.Sequential([first, k.layers.BatchNormalization(), k.layers.Dense(1)])


def _write(k: Any, name: str, folder: Path) -> None:
    text, options = CASES[name]
    names = {"k": k, "o": k.optimizers}
    given = {key: eval(one, names) for key, one in options.items()}  # noqa: S307 -- the table above
    model = _model(k)
    model.compile(eval(text, names), **{"loss": "mse", **given})  # noqa: S307 -- the table above
    for x, y in batches(0, 4):
        model.train_on_batch(x, y)
    for suffix in (".h5", ".keras"):
        try:
            model.save(folder / (name + suffix))
        except Exception as error:  # noqa: BLE001 -- Keras 2 can't save it: noted
            Path(folder, f"{name}{suffix}.fault").write_text(repr(error)[:500])
    told = [model.train_on_batch(x, y, return_dict=True) for x, y in batches(4, 8)]
    arrays = {f"w{place}": one for place, one in enumerate(model.get_weights())}
    np.savez(folder / f"{name}.npz", **arrays)
    said = model.evaluate(*next(batches(8, 9)), verbose=0, return_dict=True)
    (folder / f"{name}.told").write_text(json.dumps([told[-1]["loss"], said]))


def write_trained(folder: Path, *names: str) -> None:
    """Write these cases, or every one, as `keras2_kit.write_all` does."""
    import tf_keras as k

    for name in names or CASES:
        k.backend.clear_session()
        _write(k, name, folder)


if __name__ == "__main__":
    write_trained(Path(sys.argv[1]), *sys.argv[2:])
