"""Training goes on after an HDF5 file: compile as before, put back the optimizer.

Keras 3 reads this part of its own files in a way that fails: it takes the names of
losses and metrics for classes, and builds the optimizer for no weights at all. So the
model is loaded without it, and here comes the rest, by Keras' public functions.

Source: keras 3.15.1, `legacy/saving/saving_utils.py:compile_args_from_training_config`
and `legacy/saving/legacy_h5_format.py:161-167`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kerasplug.errors import KerasplugWarning, ModelFileError
from kerasplug.implementation import implementation
from kerasplug.saving.reading import Contents

__all__ = ["compile_as_before"]

#: What `compile` takes, that is plain data, and is written into the file.
_PLAIN: Final = (
    "loss_weights",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
    "auto_scale_loss",
)


def compile_as_before(
    model: Any, contents: Contents, objects: Mapping[str, Any]
) -> None:
    """Nothing; `model` is compiled as it was when the HDF5 file was written.

    Args:
        model: as the file has it, with its weights, not compiled.
        contents: of the file; without a training configuration nothing is done.
        objects: the caller's and the plugins', by the names in the file.

    Raises:
        ModelFileError: the training configuration is not one.
    """
    config = dict(contents.configs).get("training_config")
    if config is None:
        return
    if not isinstance(config, dict) or "optimizer_config" not in config:
        what = f"{contents.path} has a training configuration without an optimizer."
        mend = "load_model(path, compile=False) and compile the model anew"
        raise ModelFileError(what, mend=mend)
    model.compile(**_arguments(config, objects))
    _restore_optimizer(model, contents.path)


def _arguments(config: Mapping[str, Any], objects: Mapping[str, Any]) -> dict[str, Any]:
    keras = implementation()
    read = _Reader(objects)
    metric = read.like(keras.metrics.deserialize)
    arguments = {
        "optimizer": read.like(keras.optimizers.deserialize)(
            config["optimizer_config"]
        ),
        "loss": read.like(keras.losses.deserialize)(config.get("loss")),
        "metrics": metric(config.get("metrics")),
        "weighted_metrics": metric(config.get("weighted_metrics")),
    }
    return arguments | {key: config[key] for key in _PLAIN if key in config}


class _Reader:
    """Makes objects of what a training configuration says, at any depth."""

    def __init__(self, objects: Mapping[str, Any]) -> None:
        self._objects = dict(objects)

    def like(self, deserialize: Callable[..., Any]) -> Callable[[Any], Any]:
        """A reader of nested dicts and lists, with Keras' function for one object."""

        def read(config: Any) -> Any:
            if isinstance(config, str):
                return self._named(config)
            if isinstance(config, list):
                return [read(one) for one in config]
            if not isinstance(config, dict):
                return config
            if "class_name" in config:
                return deserialize(config, custom_objects=self._objects)
            return {key: read(one) for key, one in config.items()}

        return read

    def _named(self, name: str) -> Any:
        """What a name stands for; `compile` itself knows the names of Keras."""
        if name in self._objects:
            return self._objects[name]
        registered = implementation().saving.get_registered_object(name)
        return name if registered is None else registered


def _restore_optimizer(model: Any, path: str) -> None:
    """Put the saved values back, all or none."""
    values = _saved_values(path)
    if values is None or model.optimizer is None:
        return
    if not model.built:
        # It gets its weights with its first batch, and the optimizer its own then.
        _warn(path, "the model has no weights yet", "build it, and load_weights")
        return
    model.optimizer.build(model.trainable_variables)
    variables = model.optimizer.variables
    found, expected = _shapes(values), _shapes(variables)
    if not any(found):  # counters only: it was saved before its first step
        expected = expected[: len(found)]
    if found != expected:
        _warn(
            path, f"it holds {_brief(found)}", f"this optimizer has {_brief(expected)}"
        )
        return
    for variable, value in zip(variables[: len(values)], values, strict=True):
        variable.assign(value)


def _saved_values(path: str) -> list[Any] | None:
    import h5py

    with h5py.File(path, "r") as file:
        group = file.get("optimizer_weights")
        if group is None:
            return None
        return [group[name][()] for name in _names(group)]


def _names(group: Any) -> list[str]:
    """The names in order; too many of them are kept in several attributes."""
    parts = [group.attrs["weight_names"]] if "weight_names" in group.attrs else []
    while (key := f"weight_names{len(parts)}") in group.attrs:
        parts.append(group.attrs[key])
    names = [name for part in parts for name in part]
    return [one.decode() if isinstance(one, bytes) else str(one) for one in names]


def _shapes(values: Sequence[Any]) -> list[tuple[int, ...]]:
    return [tuple(one.shape) for one in values]


def _brief(shapes: Sequence[tuple[int, ...]]) -> str:
    listed = ", ".join(map(str, shapes[:6]))
    return f"{len(shapes)} values: {listed}{', …' if len(shapes) > 6 else ''}"  # noqa: PLR2004 -- as many as a line holds


def _warn(path: str, found: str, expected: str) -> None:
    message = (
        f"{path}: the optimizer's state does not fit and starts anew. Found: {found}. "
        f"Expected: {expected}."
    )
    warnings.warn(message, KerasplugWarning, stacklevel=4)
