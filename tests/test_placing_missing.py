"""Placed layers where the device is missing, or the engine is another one."""

import subprocess
import sys

import pytest
from parallel_kit import environment
from torch_kit import torch  # noqa: F401 -- a fixture

import kerasplug as kp

pytestmark = pytest.mark.engine

#: Makes a file of a model with places; then another process loads it.
WRITES = """
import sys, kerasplug as kp
kp.virtual_devices(3)
keras = kp.implementation()
a, b = keras.Input((3,)), keras.Input((3,))
shared = keras.layers.Dense(2, kernel_initializer="ones")
both = [kp.place(shared, "cpu:1")(a), kp.place(shared, "cpu:2")(b)]
kp.save_model(keras.Model([a, b], keras.layers.add(both)), sys.argv[1])
"""
READS = """
import sys, warnings, numpy as np, kerasplug as kp
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for _ in range(2):
        model = kp.load_model(sys.argv[1])
        made = model.predict([np.ones((2, 3))] * 2, verbose=0)
        model.compile("sgd", "mse")
        model.fit([np.ones((2, 3))] * 2, np.ones((2, 2)), verbose=0)
    print(made.tolist(), len(model.weights))
for one in told:
    if issubclass(one.category, kp.KerasplugWarning):
        print(one.message)
"""


def said(source, *arguments, **variables):
    """The lines that a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", source, *map(str, arguments)],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of each format of a model with places, made in another process."""
    folder = tmp_path_factory.mktemp("placed")
    for suffix in ("keras", "h5"):
        said(WRITES, folder / f"model.{suffix}")
    return folder


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_where_the_device_is_missing_keras_chooses(files, suffix):
    """Said once for each device in a process; it computes and trains all the same."""
    made, *told = said(READS, files / f"model.{suffix}")

    assert made == "[[6.0, 6.0], [6.0, 6.0]] 2"
    assert [one.split(": ")[0] for one in told] == [
        f"Layers that were placed on {device} run where Keras puts them"
        for device in ("cpu:1", "cpu:2")
    ]
    assert "there are cpu:0" in told[0]


def test_on_jax_a_loaded_model_runs_as_if_not_placed(files):
    """Said as well."""
    made, *told = said(READS, files / "model.keras", KERAS_BACKEND="jax")

    assert made == "[[6.0, 6.0], [6.0, 6.0]] 2"
    assert len(told) == 2
    assert "the backend jax can't" in told[0]


def test_jax_places_nothing_within_a_step():
    """It takes the wish and ignores it; so `place` and `placements` are refused."""
    program = """
import kerasplug as kp
kp.virtual_devices(2)
import jax
def put(one):
    return jax.numpy.dot(jax.device_put(one, jax.devices()[1]), one)
def scope(one):
    with jax.default_device(jax.devices()[1]):
        return jax.numpy.dot(one, one)
numbers = jax.numpy.ones((2, 2))
print(*(jax.jit(one)(numbers).devices() == {jax.devices()[0]} for one in (put, scope)))
layer = kp.implementation().layers.Dense(1)
for attempt in (lambda: kp.place(layer, "cpu:1"), lambda: kp.placements().__enter__()):
    try:
        attempt()
    except kp.DeviceError as error:
        print(error.found)
"""
    ignored, placing, looking = said(program, KERAS_BACKEND="jax")

    assert ignored == "True True"
    assert placing.startswith("JAX compiles a step as one program")
    assert looking.startswith("JAX runs a step as one program")


def test_pytorch_is_refused(torch):  # noqa: F811 -- the fixture
    """With the reason."""
    program = """
import json, kerasplug as kp
layer = kp.implementation().layers.Dense(1)
try:
    kp.place(layer, "cpu:0")
except kp.DeviceError as error:
    print(json.dumps(error.found))
"""
    assert "weights that stay on one device" in torch.run(program)


def test_older_keras_is_refused(keras, legacy):
    """Its layers have other ways."""
    with pytest.raises(kp.DeviceError, match="device of its own"):
        kp.place(legacy.layers.Dense(1), "cpu:0")
