"""Carrying states on JAX: what it changes, and what it leaves alone.

The cases run in one process on JAX, which prints what came of each; each test looks at
one of them.
"""

import functools
import json
import os
import re
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from states_kit import (
    BATCH,
    case_in,
    data,
    give,
    made,
    refused,
    run_cases,
    states_of,
    told,
    weigh,
)

import kerasplug
from kerasplug.models.state_carrying import carried_states, carry_states, is_uncarried
from kerasplug.models.state_checking import check_stateful
from kerasplug.models.state_resetting import ResetStates
from kerasplug.models.states import get_states, reset_states, set_states

pytestmark = pytest.mark.engine

X, Y = data((3, 2))
ASK = {"batch_size": BATCH, "verbose": 0}
FIT = {**ASK, "shuffle": False}
CASES = {}
of = functools.partial(told, __file__)
case = case_in(CASES)


@case
def forgotten(keras, folder):
    model = made(keras, carried=False)
    first, second = model.predict(X, **ASK), model.predict(X, **ASK)
    give(keras, model, 0.5)
    third = model.predict(X, **ASK)
    carry_states(model)
    fourth = model.predict(X, **ASK)
    return {
        "twice the same": bool((first == second).all()),
        "set in vain": bool((first == third).all()),
        "then not": float(np.abs(third - fourth).max()),
    }


def test_plain_keras_forgets_and_ignores_states():
    """Each prediction is the first one again, also after somebody has set states."""
    found = of("forgotten")

    assert found["twice the same"]
    assert found["set in vain"], "a compiled function has the old states built in"
    assert found["then not"] > 1e-2


@case
def by_itself(keras, folder):
    seen = {}
    for name, call in {
        "reset": reset_states,
        "set": lambda model: set_states(model, {"lstm": [np.ones((BATCH, 4))] * 2}),
        "callback": lambda model: model.fit(X, Y, callbacks=[ResetStates()], **FIT),
    }.items():
        model = made(keras, carried=False)
        model.layers[0].name = "lstm"
        model.predict(X, **ASK)
        call(model)
        seen[name] = not is_uncarried(model)
    return seen


def test_setting_and_resetting_make_states_be_carried():
    """Whoever resets or sets states, or gives the callback, wants them carried."""
    assert of("by_itself") == {"reset": True, "set": True, "callback": True}


@case
def reading(keras, folder):
    model = made(keras, carried=False)
    seen = {}
    for name in ("before", "after"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            get_states(model)
        seen[name] = [str(one.message) for one in caught]  # Keras' own, too
        seen[f"check {name}"] = refused(check_stateful, model, len(X), BATCH)
        carry_states(model)
    return seen


def test_reading_states_that_are_not_carried_warns():
    """They are what `fit` left alone: reading warns, and the check is an error."""
    found = of("reading")

    assert len(found["before"]) == 1
    assert "carry_states" in found["before"][0]
    assert "carry_states(model)" in found["check before"]
    assert "shuffle=False" in found["check before"]
    assert not found["after"]
    assert not found["check after"]


def contents(path):
    """What a file of weights holds: name -> bytes; of a model file that in it."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.extract("model.weights.h5", f"{path}.parts")
            about = json.loads(archive.read("metadata.json")).get("kerasplug")
            config = archive.read("config.json").decode()
        config = re.sub(r'"shared_object_id": \d+', "", config)
        inside = contents(os.path.join(f"{path}.parts", "model.weights.h5"))
        return {**inside, "config": config, "random": str(about)}
    found = {}
    with h5py.File(path) as file:

        def note(name, item):
            if isinstance(item, h5py.Dataset):
                found[name] = item[()].tobytes().hex()

        file.visititems(note)
    return found


@case
def files(keras, folder):
    def make():
        cell = keras.layers.LSTM(4, stateful=True, dropout=0.5, seed=1, name="lstm")
        layers = [keras.Input(batch_shape=(BATCH, 3, 2), name="in"), cell]
        model = keras.Sequential([*layers, keras.layers.Dense(1, name="out")], name="m")
        model.compile(keras.optimizers.SGD(name="sgd"), "mse")
        return weigh(model)

    seen = {}
    for name, save in {
        "w.weights.h5": lambda model, path: model.save_weights(path),
        "m.keras": lambda model, path: model.save(path),
        "m.h5": lambda model, path: model.save(path),
        "ours.keras": kerasplug.save_model,
        "ours.h5": kerasplug.save_model,
    }.items():
        both = []
        for way in ("plain", "carried"):
            model = make()
            if way == "carried":
                carry_states(model)
            path = os.path.join(folder, f"{way}-{name}")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                save(model, path)
            both.append(contents(path))
        seen[name] = both[0] == both[1] and len(both[0]) > 4
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = kerasplug.load_model(os.path.join(folder, "carried-ours.keras"))
        model.predict(X, **ASK)
        kerasplug.save_model(model, os.path.join(folder, "later.keras"))
        later = carry_states(kerasplug.load_model(os.path.join(folder, "later.keras")))
    seen["warnings"] = [
        str(one.message)
        for one in caught
        if issubclass(one.category, kerasplug.KerasplugWarning)
    ]
    seen["loaded is carried"] = not is_uncarried(loaded)
    seen["carried again"] = not is_uncarried(later)
    return seen


def test_files_are_the_same_with_and_without():
    """No format holds anything of it, or takes states for those of random layers."""
    found = of("files")

    for name in ("w.weights.h5", "m.keras", "m.h5", "ours.keras", "ours.h5"):
        assert found[name], name
    assert found["warnings"] == []


def test_it_is_called_again_for_a_loaded_model():
    """A loaded model carries nothing before it is asked to."""
    found = of("files")

    assert not found["loaded is carried"]
    assert found["carried again"]


@case
def copied(keras, folder):
    model = made(keras)
    clone = keras.models.clone_model(model)
    before = is_uncarried(clone)
    carry_states(clone)
    clone.set_weights(model.get_weights())
    same = np.abs(clone.predict(X, **ASK) - model.predict(X, **ASK)).max()
    return {"before": before, "after": is_uncarried(clone), "same": float(same)}


def test_a_clone_is_asked_anew():
    """A cloned model carries nothing before it is asked to, and then does the same."""
    found = of("copied")

    assert (found["before"], found["after"]) == (True, False)
    assert found["same"] < 1e-6


@case
def repeated(keras, folder):
    model = made(keras, "two")
    model.fit(X, Y, **FIT)
    functions = [model.train_function]
    count = len(model.variables)
    paths = [one.path for one in model.variables]
    carry_states(model)
    model.build(model.input_shape)
    carry_states(model)
    return {
        "states": len(carried_states(model)),
        "same function": functions[0] is model.train_function,
        "same number": count == len(model.variables),
        "distinct": len(paths) == len(set(paths)),
        "same paths": paths == [one.path for one in model.variables],
        "weights": len(model.weights) == len(made(keras, "two", carried=False).weights),
        "tree": len(keras.tree.flatten(model.get_state_tree())) > count,
    }


def test_a_second_call_changes_nothing():
    """The states are listed once, under paths of their own, and are no weights."""
    found = of("repeated")

    assert found.pop("states") == 3
    assert all(found.values()), found


@case
def executions(keras, folder):
    ends = []
    for steps in (1, 3):
        model = made(keras)
        sgd = keras.optimizers.SGD(0.1)
        model.compile(sgd, "mse", steps_per_execution=steps)
        model.fit(X, Y, epochs=2, callbacks=[ResetStates()], **FIT)
        ends.append([*model.get_weights(), *states_of(keras, model)])
    return max(float(np.abs(a - b).max()) for a, b in zip(*ends, strict=True))


def test_several_batches_in_one_execution_are_as_many_alone():
    """States go from batch to batch within an execution as well."""
    assert of("executions") < 1e-6


@case
def compiled_before(keras, folder):
    """Layers that a compiled outer model holds: given states, they count in it."""
    model = made(keras, "nested", carried=False)
    first = model.predict(X, **ASK)
    inner = model.get_layer("inner")
    carry_states(inner)
    set_states(inner, {path: [np.ones((BATCH, 3))] * 2 for path in get_states(inner)})
    second = model.predict(X, **ASK)
    return {"differs": float(np.abs(first - second)[:BATCH].max())}


def test_a_part_can_be_given_states_too():
    """States of an inner model count in the outer one, even if that was compiled."""
    assert of("compiled_before")["differs"] > 1e-2


if __name__ == "__main__":
    run_cases(CASES)
