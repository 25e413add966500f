"""The state of an optimizer of Keras 2, in the order in which Keras 3 keeps it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kerasplug.saving.keras2_training import by_name, optimizer_class

__all__ = ["optimizer_values", "unnamed_values"]

#: For each optimizer its slots: those in one bracket are kept side by side for each
#: weight, those in the next one follow after all weights.
_SLOTS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "Adadelta": (("accumulated_grad", "accumulated_delta_var"),),
    "Adagrad": (("accumulator",),),
    "Adam": (("m", "v"), ("vhat",)),
    "AdamW": (("m", "v"), ("vhat",)),
    "Adamax": (("m", "u"),),
    "Ftrl": (("accumulator", "linear"),),
    "Lion": (("m",),),
    "Nadam": (("m", "v"),),
    "RMSprop": (("velocity",), ("momentum",), ("average_gradient",)),
    "SGD": (("m",),),
}
#: What the older optimizers call their slots.
_OLDER: Final = {
    "Adadelta": {
        "accum_grad": "accumulated_grad",
        "accum_var": "accumulated_delta_var",
    },
    "Adamax": {"v": "u"},
    "RMSprop": {"mg": "average_gradient", "rms": "velocity"},
    "SGD": {"momentum": "m"},
}
_STEPS: Final = ("iteration:0", "iter:0")


def optimizer_values(
    optimizer: Mapping[str, Any], names: Sequence[str], arrays: Sequence[Any]
) -> list[Any] | str:
    """The values in the order of Keras 3, or the reason why they are not carried over.

    Args:
        optimizer: its configuration as the file of Keras 2 has it.
        names: the names of the saved values.
        arrays: the values.

    Example:
        >>> names = ["iteration:0", "Adam/m/dense/kernel:0", "Adam/v/dense/kernel:0"]
        >>> config = {"name": "Adam", "learning_rate": 0.5}
        >>> adam = {"class_name": "Custom>Adam", "config": config}
        >>> optimizer_values(adam, names, [3, 0.1, 0.2])
        [3, 0.5, 0.1, 0.2]
    """
    name, config = optimizer_class(optimizer), optimizer.get("config")
    if name not in _SLOTS or not isinstance(config, dict):
        return f"the state of {name or 'this optimizer'} is kept in another way"
    steps = [one for one in names if one.rpartition("/")[2] in _STEPS]
    if len(steps) != 1 or names[0] != steps[0]:
        return "its first value is not the number of its steps"
    older = steps[0].endswith("iter:0")
    slots: dict[str, list[Any]] = {}
    for title, value in zip(names[1:], arrays[1:], strict=True):
        slot = _older_slot(title, name) if older else _slot(title, config)
        slots.setdefault(slot, []).append(value)
    values = _ordered(name, config, slots)
    if isinstance(values, str):
        return values
    return [arrays[0], *_rate(config), *values, *_product(name, config, int(arrays[0]))]


def unnamed_values(optimizer: Any, arrays: Sequence[Any]) -> list[Any] | str:
    """As `optimizer_values`, for a `.keras` file, where the values have no names.

    Only the newer optimizers are kept there in a known order, which is that of Keras 3.

    Args:
        optimizer: its configuration, or its name, as the file of Keras 2 has it.
        arrays: the values.

    Example:
        >>> unnamed_values("adam", [3, 0.1, 0.2])
        [3, 0.001, 0.1, 0.2]
    """
    told = by_name(optimizer) or optimizer
    name = optimizer_class(told)
    config = told.get("config") if isinstance(told, dict) else None
    if name not in _SLOTS or not isinstance(config, dict):
        return f"the state of {name or 'this optimizer'} is kept in another way"
    if config.get("is_legacy_optimizer", told is optimizer):
        return f"the state of the older {name} has no names"
    rest = [] if name == "SGD" and not config.get("momentum") else arrays[1:]
    return [arrays[0], *_rate(config), *rest, *_product(name, config, int(arrays[0]))]


def _slot(title: str, config: Mapping[str, Any]) -> str:
    return title.removeprefix(f"{config.get('name')}/").partition("/")[0]


def _older_slot(title: str, name: str) -> str:
    slot = title.rpartition("/")[2].removesuffix(":0")
    return _OLDER.get(name, {}).get(slot, slot)


def _rate(config: Mapping[str, Any]) -> list[Any]:
    """The learning rate is a value of its own where no schedule gives it."""
    rate = config.get("learning_rate", config.get("lr"))
    scheduled = isinstance(rate, dict) or config.get("decay")
    return [] if scheduled else [rate]


def _ordered(
    name: str, config: Mapping[str, Any], slots: dict[str, list[Any]]
) -> list[Any] | str:
    groups = (("average",), *_SLOTS[name]) if config.get("use_ema") else _SLOTS[name]
    unknown = sorted(slots.keys() - {slot for group in groups for slot in group})
    if unknown:
        return f"it holds {', '.join(unknown[:3])!r:.80}, which {name} has not"
    if name == "SGD" and not config.get("momentum"):
        slots.pop("m", None)  # Keras 3 keeps none where they are of no use
    values = []
    for group in groups:
        columns = [slots.get(slot, []) for slot in group]
        if len({len(column) for column in columns}) > 1:
            return f"it holds more of one of {', '.join(group)} than of the others"
        values += [value for row in zip(*columns, strict=True) for value in row]
    return values


def _product(name: str, config: Mapping[str, Any], steps: int) -> list[float]:
    """What Nadam has multiplied until now: Keras 2 does not save it.

    Source: tf_keras 2.21 and keras 3.15.1, `optimizers/nadam.py`.
    """
    if name != "Nadam":
        return []
    product = 1.0
    for step in range(1, steps + 1):
        product *= config.get("beta_1", 0.9) * (1 - 0.5 * 0.96**step)
        if not product:
            break  # a smaller number there is not
    return [product]
