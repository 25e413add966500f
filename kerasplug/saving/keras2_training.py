"""How a model of Keras 2 was trained, as Keras 3 says it: loss, metrics, optimizer."""

from collections.abc import Sequence
from typing import Any, Final

from kerasplug.saving.keras2_objects import objects, placed
from kerasplug.saving.keras2_report import Notes

__all__ = ["by_name", "compile_arguments", "optimizer", "optimizer_class"]

#: Functions that have another name.
_FUNCTIONS: Final = {
    "cosine_proximity": "cosine_similarity",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
#: Functions as metrics, and the classes that are their means.
_MEANS: Final = {
    "binary_accuracy": "BinaryAccuracy",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_accuracy": "CategoricalAccuracy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_hinge": "CategoricalHinge",
    "hinge": "Hinge",
    "kl_divergence": "KLDivergence",
    "log_cosh": "LogCoshError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_error": "MeanSquaredError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "poisson": "Poisson",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
    "squared_hinge": "SquaredHinge",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
}
_GONE: Final = ("MeanRelativeError", "MeanTensor", "SumOverBatchSize")
_OPTIMIZERS: Final = frozenset(
    (
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "Ftrl",
        "Lion",
        "Nadam",
        "RMSprop",
        "SGD",
    )
)
#: Arguments for which Keras 3 has no None.
_DEFAULTED: Final = ("jit_compile", "run_eagerly", "steps_per_execution")
_BY_NAME: Final = {name.lower(): name for name in _OPTIMIZERS}
#: The learning rates that are not 0.001, where nothing is said.
_RATES: Final = {"Lion": 0.0001, "SGD": 0.01}
_SCALED: Final = ("LossScaleOptimizer", "LossScaleOptimizerV3")
#: Keys of an optimizer that Keras 3 has not: they chose how, not what, is computed.
_IDLE: Final = ("decay", "is_legacy_optimizer", "jit_compile")
#: Optimizers whose older form adds epsilon to the root, and not under it.
_ROOTS: Final = ("Adagrad", "RMSprop")


def compile_arguments(
    config: dict[str, Any], outputs: Sequence[str], where: str, notes: Notes
) -> dict[str, Any]:
    """What the model was compiled with.

    Args:
        config: a training configuration, or a compile configuration.
        outputs: the names of the model's outputs, as far as they are known.
        where: its place, for the report.
        notes: what was changed, and what can't be.
    """
    told: dict[str, Any] = {}
    for key, value in config.items():
        here = f"{where}.{key}"
        if key == "sample_weight_mode" or (value is None and key in _DEFAULTED):
            continue
        if key == "loss":
            told[key] = _losses(value, here, notes)
        elif key in ("metrics", "weighted_metrics"):
            told[key] = _metrics(value, outputs, here, notes)
        elif key in ("optimizer", "optimizer_config"):
            given = by_name(value) or value
            known = isinstance(given, dict)
            told[key] = optimizer(given, here, notes) if known else given
        else:
            told[key] = value
    return told


def _losses(value: Any, where: str, notes: Notes) -> Any:
    if isinstance(value, str):
        return _name(value, where, notes)
    if isinstance(value, list):
        return [_losses(one, where, notes) for one in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {
            key: _losses(one, f"{where}.{key}", notes) for key, one in value.items()
        }
    return _loss(value, where, notes) if isinstance(value, dict) else value


def _name(value: str, where: str, notes: Notes) -> str:
    if value in _FUNCTIONS:
        notes.note(where, value, _FUNCTIONS[value])
    return _FUNCTIONS.get(value, value)


def _is_keras(value: dict[str, Any]) -> bool:
    """Whether it may be an object of Keras: it has no package, and no other module."""
    module = value.get("module")
    own = not isinstance(module, str) or module.partition(".")[0] in (
        "keras",
        "tf_keras",
    )
    return own and isinstance(value.get("config"), dict) and ">" not in _class(value)


def _class(value: dict[str, Any]) -> str:
    return f"{value.get('registered_name') or value.get('class_name')}"


def _loss(value: dict[str, Any], where: str, notes: Notes) -> Any:
    if not _is_keras(value) or value["class_name"] == "function":
        return objects(value, where, "loss", notes)
    config = dict(value["config"])
    function = config.pop("fn", None)
    if value["class_name"] == "LossFunctionWrapper" and isinstance(function, str):
        notes.note(where, "a LossFunctionWrapper", "its function")
        return _name(function, where, notes)
    if config.get("reduction") in ("auto", "sum_over_nonzero_weights"):
        notes.note(where, f"reduction {config['reduction']}", "sum_over_batch_size")
        config["reduction"] = "sum_over_batch_size"
    return placed(value, "keras.losses", value["class_name"], config)


def _metrics(value: Any, outputs: Sequence[str], where: str, notes: Notes) -> Any:
    """Keras 2 keeps a list for each output, also where there is one output only."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    elif isinstance(value, list) and all(isinstance(one, list | None) for one in value):
        several = len(value) == len(outputs)
        return [
            _metric(one, outputs[place] if several else "", where, notes)
            for place, one in enumerate(value)
        ]
    return _metric(value, "", where, notes)


def _metric(value: Any, output: str, where: str, notes: Notes) -> Any:
    if isinstance(value, str):
        return _named_metric(value, where, notes)
    if isinstance(value, list):
        return [_metric(one, output, where, notes) for one in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _metric(one, key, where, notes) for key, one in value.items()}
    if not _is_keras(value) or value["class_name"] == "function":
        return objects(value, where, "metrics", notes)
    return _own_metric(value, output, where, notes)


def _named_metric(value: str, where: str, notes: Notes) -> Any:
    """A metric's name; where Keras 3 knows it not, the metric, which keeps the name."""
    name = _FUNCTIONS.get(value)
    if name is None or name not in _MEANS:
        return value
    notes.note(where, value, _MEANS[name])
    return placed({}, "keras.metrics", _MEANS[name], {"name": value})


def _own_metric(value: dict[str, Any], output: str, where: str, notes: Notes) -> Any:
    name, config = value["class_name"], dict(value["config"])
    title = config.get("name")
    if output and isinstance(title, str):
        # Keras 3 puts the output's name before it once more.
        config["name"] = title.removeprefix(f"{output}_")
    if name in _GONE:
        notes.refuse(where, name, "this metric was removed")
    if name == "MeanMetricWrapper":
        function = str(config.pop("fn", ""))
        function = _FUNCTIONS.get(function, function)
        if function not in _MEANS:
            notes.note(where, f"the mean of {function}", "that function as a metric")
            return function
        notes.note(where, f"the mean of {function}", _MEANS[function])
        name = _MEANS[function]
    else:
        config.pop("fn", None)
    return placed(value, "keras.metrics", name, config)


def optimizer_class(value: Any) -> str:
    """The name of an optimizer's class without the package that Keras 2 adds."""
    name = value.get("class_name") if isinstance(value, dict) else None
    return name.removeprefix("Custom>") if isinstance(name, str) else ""


def by_name(value: Any) -> dict[str, Any] | None:
    """The configuration of an optimizer that is only named: the defaults of Keras 2."""
    if not isinstance(value, str) or value.lower() not in _BY_NAME:
        return None
    name = _BY_NAME[value.lower()]
    rate = _RATES.get(name, 0.001)
    config = {"learning_rate": rate, "is_legacy_optimizer": False}
    return {"class_name": name, "config": config}


def optimizer(value: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    """An optimizer's configuration; that of somebody else is kept."""
    name, config = optimizer_class(value), value.get("config")
    if name in _SCALED and isinstance(config, dict):
        return _scaled(value, config, where, notes)
    if name not in _OPTIMIZERS or not isinstance(config, dict):
        told: dict[str, Any] = objects(value, where, "optimizer", notes)
        return told
    older = "is_legacy_optimizer" not in config or bool(config["is_legacy_optimizer"])
    if name == "Nadam" and not older:
        why = "Nadam; compiled, Keras 2 scheduled its momentum otherwise"
        notes.note(where, name, why)
    if older and name == "Nadam":
        notes.refuse(where, "the older Nadam", "its momentum was scheduled otherwise")
    if older and name in _ROOTS:
        notes.note(where, f"the older {name}", f"{name}, with epsilon under the root")
    if value["class_name"] != name:
        notes.note(where, f"the optimizer Custom>{name}", name)
    kept = {key: one for key, one in config.items() if key not in _IDLE}
    if "lr" in kept:
        kept["learning_rate"] = kept.pop("lr")
    if name == "Adam":
        kept.pop("adaptive_epsilon", None)
    kept["learning_rate"] = _rate(kept.get("learning_rate"), config, where, notes)
    return placed(value, "keras.optimizers", name, kept)


def _rate(value: Any, config: dict[str, Any], where: str, notes: Notes) -> Any:
    """The learning rate; the older decay of it is one of Keras 3's schedules."""
    decay = config.get("decay") or 0.0
    if isinstance(value, dict) and "class_name" in value:
        if decay:
            notes.refuse(where, "decay besides a schedule", "Keras 3 has one of them")
        module = "keras.optimizers.schedules"
        if not _is_keras(value):
            return value
        inner = {key: one for key, one in value["config"].items() if one is not None}
        return placed(value, module, value["class_name"], inner)
    if not decay:
        return value
    notes.note(where, f"decay={decay!r}", "the schedule InverseTimeDecay")
    return placed(
        {},
        "keras.optimizers.schedules",
        "InverseTimeDecay",
        {"initial_learning_rate": value, "decay_steps": 1, "decay_rate": decay},
    )


def _scaled(
    value: dict[str, Any], config: dict[str, Any], where: str, notes: Notes
) -> dict[str, Any]:
    if not config.get("dynamic", True):
        notes.refuse(where, "a loss scale that is not dynamic", "Keras 3 has no such")
    inner = config.get("inner_optimizer")
    kept = {"dynamic_growth_steps", "initial_scale", "name"}
    told = {key: one for key, one in config.items() if key in kept}
    if isinstance(inner, dict):
        told["inner_optimizer"] = optimizer(inner, f"{where}.inner_optimizer", notes)
    notes.note(where, value["class_name"], "LossScaleOptimizer")
    return placed(value, "keras.optimizers", "LossScaleOptimizer", told)
