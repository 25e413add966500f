"""Random layers of models that are built, set anew: on each engine, in its process."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch_kit

from kerasplug.errors import ModelError
from kerasplug.seeding.deriving import derive_seeds
from kerasplug.seeding.layers import reseed

pytestmark = pytest.mark.engine
torch = torch_kit.torch  # a fixture

PROGRAM = Path(__file__).with_name("reseed_cases.py")

#: Name of a model in `reseed_cases.py` -> how many generators it holds.
MODELS = {
    "sequential": 1,
    "functional": 2,
    "nested": 3,
    "recurrent": 5,
    "attention": 1,
    "images": 4,
    "custom": 3,
    "written": 3,
}

#: Those that draw with nothing but Keras' dropout, without a seed.
PLAIN_DROPOUT = ("sequential", "recurrent", "attention")


@functools.cache
def answers_here(backend):
    """What the program prints on an engine of this environment."""
    done = subprocess.run(
        [sys.executable, *torch_kit.WARNINGS, PROGRAM],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@functools.cache
def answers_there(python):
    """What it prints on PyTorch."""
    return python.run(PROGRAM.name)


@pytest.fixture(params=["tensorflow", "jax", "torch"])
def engine(request):
    """The name of an engine."""
    return request.param


@pytest.fixture
def answers(engine, request):
    """What the program says on it."""
    if engine == "torch":
        return answers_there(request.getfixturevalue("torch"))
    return answers_here(engine)


def fitting(seeds, engine):
    """Seeds as the engine keeps them: PyTorch has 32 bits with a sign."""
    if engine != "torch":
        return seeds
    return [one - 2**32 if one >= 2**31 else one for one in seeds]


@pytest.mark.parametrize("name", MODELS)
def test_every_generator_of_a_model_is_set(answers, engine, name):
    """Wherever a model holds a generator, it is counted and gets a derived seed."""
    found = answers[name]
    assert found["counts"] == [MODELS[name]] * 2
    assert found["all"] == MODELS[name]
    derived = fitting(derive_seeds(1, MODELS[name]), engine)
    if name == "custom":
        derived[1] = 7  # its author's
    expected = [[seed, 0] for seed in derived]
    assert found["states"] == [expected, expected]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_draws_the_same_again(answers, engine, name):
    """After the same seed a model's random layers draw the same, after another not."""
    assert answers[name]["same"]
    if engine != "torch" or name not in PLAIN_DROPOUT:
        assert answers[name]["other"]


@pytest.mark.parametrize("name", MODELS)
def test_keras_alone_seeds_no_built_layer(answers, engine, name):
    """Upstream: `keras.utils.set_random_seed` leaves layers of built models alone.

    But on PyTorch, dropout without a seed draws from PyTorch's own state.
    """
    expected = engine == "torch" and name in PLAIN_DROPOUT
    assert answers[name]["plain repeats"] == expected


def test_trainings_in_one_process_are_the_same_to_the_bit(answers):
    """Two trainings from the same weights and seed give the same weights, to the bit.

    Without `reseed` they do not, nor with another seed.
    """
    one, two, plain, plain_again, other = answers["trainings"]
    assert one == two
    assert plain != plain_again
    assert other != one


def test_seeds_of_authors_stay(answers, engine):
    """A layer with a seed begins with it again, and the others' seeds are the same."""
    with_seed, without = answers["own_seeds"]
    derived = [[one, 0] for one in fitting(derive_seeds(3, 5), engine)]
    derived[3] = [7, 0]
    assert without == derived
    assert with_seed == [derived[0], [7, 0], *derived[2:]]


def test_what_is_shared_is_set_once(answers, engine):
    """A layer of two models and a generator of two layers are one generator."""
    (first,) = fitting(derive_seeds(1, 1), engine)
    assert answers["shared"] == [1, [first, 0], [first, 0]]


def test_states_can_be_put_back(answers):
    """What was noted before is there again afterwards, to the bit."""
    before, between, after = answers["restored"]
    assert between != before
    assert after == before


def test_a_block_seeds_models_and_puts_them_back(answers):
    """In two blocks a model draws the same, and each leaves its states alone."""
    first, restored, second, restored_again = answers["blocks"]
    assert first == second
    assert restored
    assert restored_again


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_pipelines_of_images_repeat(engine):
    """In `tf.data` layers draw with other generators, which are set as well."""
    found = answers_here(engine)["pipelines"]
    alone, before, first, states, images, second, _, again = found
    assert (alone, first, second) == ((3, 5, 5) if engine == "jax" else (3, 3, 3))
    # Those generators came later, and change no other layer's seed.
    assert states == before
    assert images == again
    assert len(set(images)) == len(images)


REFUSED = {
    "no model": "ModelError: reseed() works on a Keras model.\n  found:    'a model'",
    "a layer": "ModelError: reseed() works on a Keras model.\n  found:    <Dropout",
    "a class": "mend:     give an instance, not the class",
    "unbuilt": "ModelError: reseed() needs a model that is built, and 'sequential",
    "unbuilt of its own": "mend:     call it once, or model.build(input_shape)",
    "no seed": "SeedError: -1 is no seed.",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_changes_nothing(answers, name):
    """What can't be walked through is an error before anything is changed."""
    said, untouched = answers["refusals"][name]
    assert REFUSED[name] in said
    assert untouched


def test_models_of_keras_2_are_refused(legacy):
    """Keras 2 keeps no state with its layers: an error says what to do instead."""
    layers = [legacy.Input((2,)), legacy.layers.Dropout(0.5)]
    with pytest.raises(ModelError, match="can't set the random layers") as caught:
        reseed([legacy.Sequential(layers)], 1)
    assert caught.value.mend == "seed first, then build the model"


def test_no_model_is_no_generator():
    """Nothing given, nothing done."""
    assert reseed([], 1) == 0
