"""What Keras 2 wrote, for Keras 3: configurations translated, data to data.

Nothing here imports Keras. What has no counterpart is refused by name, and all of it
at once; what was changed is reported.
"""

from typing import Any, Final

from kerasplug.errors import ModelFileError
from kerasplug.saving.config_dangers import is_deeper
from kerasplug.saving.keras2_objects import objects
from kerasplug.saving.keras2_report import Change, Notes, Translation
from kerasplug.saving.keras2_signs import is_keras2
from kerasplug.saving.keras2_training import compile_arguments

__all__ = [
    "Change",
    "Translation",
    "is_keras2",
    "translate",
    "translate_training",
]

#: No model is nested so deeply, and the translation follows it with Python's stack.
_DEEPEST: Final = 200
_COMPILE_ONLY: Final = "load it without its training: compile=False"


def translate(
    config: dict[str, Any], name: str = "the configuration"
) -> tuple[dict[str, Any], Translation]:
    """The configuration of a model as Keras 3 says it, and what was changed.

    Args:
        config: what Keras 2 wrote; it is not changed.
        name: the file or text, for the report.

    Raises:
        ModelFileError: it says what Keras 3 can't do; all such places are named.

    Example:
        >>> layer = {"class_name": "Dense", "config": {"units": 1, "name": "d"}}
        >>> layer["config"]["batch_input_shape"] = [None, 4]
        >>> made, report = translate({"class_name": "Sequential", "config": [layer]})
        >>> [one["class_name"] for one in made["config"]["layers"]]
        ['InputLayer', 'Dense']
        >>> print(report)
        the configuration was written by Keras 2 and is translated:
          batch_input_shape of a layer -> an InputLayer (config.layers[0])
    """
    _check(config, name)
    if not isinstance(config.get("class_name"), str) or "config" not in config:
        what = f"{name} describes no model."
        raise ModelFileError(what, expected="a class_name and a config")
    notes = Notes()
    made: dict[str, Any] = objects(config, "", "", notes)
    report = notes.report(name)
    told = config.get("compile_config")
    if isinstance(told, dict):
        notes = Notes()
        outputs = _output_names(config)
        told = compile_arguments(told, outputs, "compile_config", notes)
        made["compile_config"] = told
        report += notes.report(name, _COMPILE_ONLY)
    return made, report


def translate_training(
    training: dict[str, Any], model: dict[str, Any], name: str = "the configuration"
) -> tuple[dict[str, Any], Translation]:
    """The training configuration of an HDF5 file as Keras 3 says it.

    Args:
        training: what Keras 2 wrote; it is not changed.
        model: the configuration of the model, which names its outputs.
        name: the file, for the report.

    Raises:
        ModelFileError: it says what Keras 3 can't do.

    Example:
        >>> adam = {"class_name": "Custom>Adam", "config": {"learning_rate": 0.1}}
        >>> made, _ = translate_training({"loss": "mse", "optimizer_config": adam}, {})
        >>> made["optimizer_config"]["class_name"]
        'Adam'
    """
    _check(training, name)
    notes = Notes()
    outputs = _output_names(model)
    made = compile_arguments(training, outputs, "training_config", notes)
    return made, notes.report(name, _COMPILE_ONLY)


def _check(config: Any, name: str) -> None:
    if not isinstance(config, dict):
        what = f"{name} describes no object of Keras."
        raise ModelFileError(what, found=type(config).__name__, expected="an object")
    if is_deeper(config, _DEEPEST):
        what = f"{name} is refused: it is nested as no model is."
        raise ModelFileError(what, expected=f"at most {_DEEPEST} levels")
    version = config.get("keras_version")
    if isinstance(version, str) and version.startswith(("0.", "1.")):
        what = f"{name} was written by Keras 1, which nothing here reads."
        raise ModelFileError(what, found=version[:20], expected="Keras 2 or 3")


def _output_names(model: dict[str, Any]) -> list[str]:
    """The names of the outputs, in order; empty where they are not a plain list."""
    config = model.get("config")
    ends = config.get("output_layers") if isinstance(config, dict) else None
    if not isinstance(ends, list):
        return []
    named = [one[0] for one in ends if isinstance(one, list) and one]
    return [one for one in named if isinstance(one, str)]
