"""`virtual_devices`: before the engine starts, or said to be too late."""

import json

import numpy as np
import pytest
from fakes import python

from kerasplug.devices.virtual import virtual_devices
from kerasplug.errors import DeviceError

pytestmark = pytest.mark.engine

ENGINES = pytest.mark.parametrize("backend", ["tensorflow", "jax"])
TITLES = {"tensorflow": "TensorFlow", "jax": "JAX"}

#: Programs begin with it; what they put into `said` is what the tests look at.
BEGIN = """
import atexit, json, os, sys, threading
from kerasplug.devices.listing import available_devices
from kerasplug.devices.virtual import virtual_devices
from kerasplug.errors import DeviceError
from kerasplug.implementation import implementation

said = {}
atexit.register(lambda: print(json.dumps(said)))

def error(n):
    try:
        return virtual_devices(n)
    except DeviceError as raised:
        return str(raised)
"""


def told(program, backend, **env):
    """What a program says, in a process with this backend."""
    given = {"KERAS_BACKEND": backend, "KERASPLUG_IMPLEMENTATION": "keras"}
    done = python(BEGIN + program, env={**given, "XLA_FLAGS": "", **env})
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("n", [0, -1, True, False, None, "2", 2.0, 1.5, np.True_])
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch", None])
def test_a_number_that_is_none_is_an_error(n, backend):
    """One or more, a whole number: else it is an error, whatever the backend."""
    with pytest.raises(ValueError, match="can't be divided into") as caught:
        virtual_devices(n, backend=backend)
    assert caught.type is DeviceError
    assert caught.value.found == f"n={n!r}"
    assert caught.value.expected == "a whole number, 1 or more"


@pytest.mark.parametrize("backend", ["torch", "numpy", "openvino", "TensorFlow", "", 1])
def test_other_backends_have_no_virtual_devices(backend):
    """It is said which backends have some."""
    with pytest.raises(
        DeviceError, match=f"backend {backend} has no virtual"
    ) as caught:
        virtual_devices(2, backend=backend)
    assert caught.value.expected == "tensorflow or jax"


FLAGS = "--xla_cpu_enable_fast_math=false --xla_force_host_platform_device_count=3"

BEFORE = """
said["threads"] = []
asking = threading.Thread(target=lambda: said["threads"].append(virtual_devices(2)))
asking.start()
asking.join()
implementation().layers
said["names"] = virtual_devices(4)
said["flags"] = os.environ.get("XLA_FLAGS", "")
said["there"] = available_devices()
said["late"] = error(3)
said["again"] = virtual_devices(4)
said["still"] = available_devices()
"""


@ENGINES
def test_before_the_engine_starts_the_processor_is_divided(backend):
    """After Keras was imported, from any thread, over and over; and not too late."""
    said = told(BEFORE, backend, XLA_FLAGS=FLAGS)
    assert said["threads"] == [["cpu:0", "cpu:1"]]
    four = ["cpu:0", "cpu:1", "cpu:2", "cpu:3"]
    assert said["names"] == said["there"] == said["again"] == said["still"] == four
    late = said["late"]
    assert f"Too late for 3 virtual devices: {TITLES[backend]} has started." in late
    assert "these devices exist: cpu:0, cpu:1, cpu:2, cpu:3" in late
    # JAX would have taken this number; the variable stays, with what else is in it.
    assert said["flags"] == FLAGS


LATE = """
keras = implementation()
keras.ops.ones(2)
said["late"] = error(2)
said["same"] = error(1)
said["still"] = available_devices()
"""


@ENGINES
def test_too_late_says_what_there_is_and_who_came_first(backend):
    """After the first array only the number that there is can be had."""
    said = told(LATE, backend)
    assert (
        f"Too late for 2 virtual devices: {TITLES[backend]} has started" in said["late"]
    )
    assert (
        "these devices exist: cpu:0; Keras was used first by <string>:" in said["late"]
    )
    assert "virtual_devices(2) earlier, or in a new process" in said["late"]
    assert said["same"] == said["still"] == ["cpu:0"]


def test_a_number_that_somebody_else_chose_is_not_too_late():
    """JAX that has started with three devices of XLA_FLAGS has three."""
    program = """
import jax
jax.devices()
said["three"], said["two"] = error(3), error(2)
"""
    said = told(program, "jax", XLA_FLAGS=FLAGS)
    assert said["three"] == ["cpu:0", "cpu:1", "cpu:2"]
    assert "found:    these devices exist: cpu:0, cpu:1, cpu:2\n" in said["two"]


def test_a_processor_that_is_hidden_from_tensorflow_is_an_error():
    """TensorFlow can't start without its processor, so it is not divided."""
    program = """
import tensorflow as tf
tf.config.set_visible_devices([], "CPU")
said["error"] = error(2)
(processor,) = tf.config.list_physical_devices("CPU")
said["configured"] = tf.config.get_logical_device_configuration(processor)
tf.config.set_visible_devices(processor, "CPU")
said["now"] = error(2)
"""
    said = told(program, "tensorflow")
    assert "The processor is hidden from TensorFlow" in said["error"]
    assert said["configured"] is None
    assert said["now"] == ["cpu:0", "cpu:1"]


def test_a_processor_that_is_hidden_from_jax_is_an_error():
    """JAX that is told to use GPUs only has no processor, and nothing is changed."""
    program = """
said["error"] = error(2)
import jax
said["configured"] = jax.config.jax_num_cpu_devices
jax.config.update("jax_platforms", "cuda,cpu")
said["now"] = error(2)
"""
    said = told(program, "jax", JAX_PLATFORMS="cuda")
    assert "hidden from JAX" in said["error"]
    assert "JAX_PLATFORMS=cuda" in said["error"]
    assert said["configured"] == -1
    assert said["now"] == ["cpu:0", "cpu:1"]


def test_the_engine_alone_will_do():
    """With a backend's name Keras is not needed, and not imported."""
    program = """
said["names"] = virtual_devices(2, backend="jax")
said["keras"] = "keras" in sys.modules
import jax
said["devices"] = len(jax.devices())
"""
    assert told(program, "numpy") == {
        "names": ["cpu:0", "cpu:1"],
        "keras": False,
        "devices": 2,
    }
