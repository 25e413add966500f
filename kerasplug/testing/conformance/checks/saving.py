"""Saved models are loaded in a process in which nothing of the add-on was imported."""

import json
import sys
from typing import Any

from kerasplug.saving import inspect_model
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, NotApplicable, check
from kerasplug.testing.conformance.fresh.asking import Job
from kerasplug.testing.conformance.fresh.saved import saved, verdict
from kerasplug.testing.conformance.structures import mapped
from kerasplug.wrapping.classes import is_keras_own

__all__ = [
    "fresh_h5_file",
    "fresh_json",
    "fresh_keras_file",
    "fresh_plugin_file",
    "fresh_weights_file",
]

_MEND = (
    "keep all state in weights or in the configuration; none in the module, in "
    "attributes of the class, or in what differs from process to process: hash(), "
    "id(), time, the order of sets"
)


@check(
    why="Models are saved in one process and used in another one. What can't be "
    "loaded there, or predicts something else, is lost.",
    mend=_MEND,
    fresh=True,
)
def fresh_keras_file(case: Case) -> None:
    """A `.keras` file is loaded in a new process, and the model is the same."""
    _file(case, ".keras")


@check(
    why="Many programs still write `.h5`. It holds a layer's weights by their names, "
    "and nothing of what the layer would save in its own way.",
    mend="give each weight of a layer another name; " + _MEND,
    fresh=True,
)
def fresh_h5_file(case: Case) -> None:
    """An `.h5` file is loaded in a new process, and the model is the same."""
    _file(case, ".h5")


def _file(case: Case, ending: str) -> None:
    made = case.once(saved)
    path = made.write(f"model{ending}", lambda model, file: model.save(file))

    def ask(*more: type) -> Job:
        job = Job(case, "file")
        job.import_modules(*more)
        job.tell(file=path, stage=f"loading the {ending} file")
        if ending == ".h5":
            job.tell(first=_read_with(case))
        return job

    verdict(case, ask, f"A model of it, saved as {ending},", made)


def _read_with(case: Case) -> list[str]:
    """What Keras 3 imports to read `.h5` on every backend; each job would anew."""
    has = "tensorflow" in sys.modules and case.engine.name != "tensorflow"
    return ["tensorflow"] if has else []


@check(
    why="Checkpoints hold weights alone, and are loaded into a model that another "
    "process has made by the same code.",
    mend="make the weights in build() or __init__(), in the same order each time; "
    + _MEND,
    fresh=True,
)
def fresh_weights_file(case: Case) -> None:
    """A `.weights.h5` file is loaded into a model remade in a new process."""
    made = case.once(saved)
    path = made.write("model.weights.h5", lambda model, file: model.save_weights(file))
    inputs = mapped(
        lambda spec: json.dumps([[made.batch, *spec.shape[1:]], spec.dtype]),
        case.inputs.specs,
    )

    def ask(*more: type) -> Job:
        job = Job(case, "weights")
        job.import_modules(*more)
        job.tell(
            file=path,
            config=_config(case, made.layer),
            stage="remaking the model and loading its weights",
        )
        job.pack(symbolic=inputs)
        return job

    verdict(case, ask, "A model remade of it, with weights loaded,", made)


def _config(case: Case, layer: Any) -> str:
    try:
        return json.dumps(case.keras.layers.serialize(layer))
    except (TypeError, ValueError) as error:
        by, reason = "config_is_json", "the configuration can't be written as JSON"
        raise Blocked(by, reason) from error


@check(
    why="Services and other languages hand models on as JSON, and weights as arrays: "
    "what is in neither is lost.",
    mend="what has to be saved beside the weights belongs into the configuration; "
    + _MEND,
    fresh=True,
)
def fresh_json(case: Case) -> None:
    """A model's JSON and its weights as arrays make the same model in a new process."""
    made = case.once(saved)
    try:
        text = made.model.to_json()
    except (TypeError, ValueError) as error:
        by, reason = "config_is_json", "the configuration can't be written as JSON"
        raise Blocked(by, reason) from error

    def ask(*more: type) -> Job:
        job = Job(case, "json")
        job.import_modules(*more)
        job.tell(config=text, stage="remaking the model from JSON")
        job.pack(weights=made.weights)
        return job

    verdict(case, ask, "A model of it, remade from JSON,", made)


@check(
    why="Users of an installed plugin load its models with kerasplug.load_model() and "
    "import nothing: what the plugin does not declare is not found then.",
    mend="declare in the plugin whatever a file of the layer mentions: functions and "
    "objects too; " + _MEND,
    fresh=True,
)
def fresh_plugin_file(case: Case) -> None:
    """A plugin's layer is loaded where nothing of the plugin was imported."""
    if is_keras_own(case.cls):
        reason = "it is Keras' own layer"
        raise NotApplicable(reason)
    made = case.once(saved)
    path = made.write("plugin.keras", lambda model, file: model.save(file))
    _demand_plugin(case, path)

    def ask(*_: type) -> Job:
        job = Job(case, "plugin")
        job.tell(modules=[], custom_objects={}, file=path)
        job.tell(stage="loading the file with kerasplug.load_model")
        return job

    verdict(case, ask, "A model of it, loaded by kerasplug,", made)


def _demand_plugin(case: Case, path: str) -> None:
    """The file's layer is one that an installed plugin declares."""
    names = {case.cls.__name__, case.keras.saving.get_registered_name(case.cls)}
    for mention in inspect_model(path).mentions:
        if mention.name in names and mention.status == "provided":
            break
    else:
        reason = "no installed plugin of kerasplug declares the layer"
        raise NotApplicable(reason)
    package = case.cls.__module__.partition(".")[0]
    for name, value in case.custom_objects.items():
        if str(getattr(value, "__module__", "")).partition(".")[0] != package:
            reason = f"custom_objects[{name!r}] is not of the plugin's package"
            raise NotApplicable(reason)
