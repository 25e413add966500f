"""`device_scope`: what it means on each engine, as its docstring says.

One process for each engine, with four virtual devices, does it all; the tests look at
what it says: numbers of devices.
"""

import functools
import json

import pytest
from fakes import python

from kerasplug.devices.scopes import device_scope
from kerasplug.errors import DeviceError

pytestmark = pytest.mark.engine

#: What both programs do. `at(value)` is the number of the device that a value lies on.
BOTH = """
import json, threading
import numpy as np
from kerasplug.devices.scopes import device_scope
from kerasplug.devices.virtual import virtual_devices
from kerasplug.errors import DeviceError
from kerasplug.implementation import implementation

virtual_devices(4)
keras = implementation()
{engine}
said = {{}}
x, y = np.ones((2, 4), "float32"), np.ones((2, 2), "float32")
compute = lambda: at(keras.ops.add(x, 1))

again = device_scope("/CPU:1")
with again as said["name"], device_scope("cpu:2"):
    said["inner"] = compute()
    with again, again:
        said["again"] = compute()
    said["inner_after"] = compute()
    thread = threading.Thread(target=lambda: said.update(thread=compute()))
    thread.start()
    thread.join()
said["after"] = compute()
try:
    with again:
        raise KeyError
except KeyError:
    said["after_error"] = compute()

def enter_elsewhere():
    with device_scope("cpu:3"):
        with again:
            ready.set()
            leave.wait(60)
            said["other_thread"] = compute()
        said["other_after"] = compute()
ready, leave = threading.Event(), threading.Event()
thread = threading.Thread(target=enter_elsewhere)
thread.start()
ready.wait(60)
with again:
    leave.set()
    thread.join()
    said["this_thread"] = compute()
said["both_left"] = compute()

with device_scope("cpu:2"):
    said["variable"] = at(keras.Variable([1.0]).value)
    inputs = keras.Input((4,))
    layer = keras.layers.Dense(2)
    model = keras.Model(inputs, layer(inputs))
said["symbolic_weights"] = at(layer.kernel.value)
said["symbolic_call"] = at(model(x))
with device_scope("cpu:3"):
    said["called"] = at(model(x))

class InCall(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer = keras.layers.Dense(2)
        self.build((None, 4))
    def build(self, shape):
        self.layer.build(shape)
        self.built = True
    def call(self, inputs):
        with device_scope("cpu:1"):
            return self.layer(inputs)
in_call = InCall()
said["in_call_called"] = at(in_call(x))

def refused(name):
    try:
        device_scope(name)
    except DeviceError as error:
        return str(error)
said["absent"] = [refused(name) for name in ("cpu:4", "/device:GPU:0", None)]
"""

TENSORFLOW = """
import importlib
tf = importlib.import_module("tensorflow")
context = importlib.import_module("tensorflow.python.eager.context")
at = lambda value: int(value.device.rpartition(":")[2])
"""

#: Where each product of matrices ran in a step of fit, forward and backward.
TENSORFLOW_MORE = """
with keras.device("cpu:9"):
    said["keras_takes_any_name"] = compute()

def steps(model, **options):
    model.compile("sgd", "mse", **options)
    context.enable_run_metadata()
    model.fit(x, y, verbose=0)
    graphs = context.export_run_metadata().function_graphs
    context.disable_run_metadata()
    parts = [part for graph in graphs for part in graph.partition_graphs]
    nodes = [(node.op, at(node)) for part in parts for node in part.node]
    products = {"fused": [], "plain": [], "step": []}
    for op, number in nodes:
        if "FusedMatMul" in op or op == "_FusedMatMul":
            products["fused"].append(number)
        elif "MatMul" in op:
            products["plain"].append(number)
        elif op == "StatefulPartitionedCall":
            products["step"].append(number)
    return products

said["fit"] = steps(model)
with device_scope("cpu:3"):
    said["fit_in"] = steps(model)
said["fit_in_call"] = steps(in_call)
said["fit_jit"] = steps(in_call, jit_compile=True)
with device_scope("cpu:3"):
    said["lying_elsewhere"] = at(keras.ops.add(layer.bias, 1))
print(json.dumps(said))
"""

JAX = """
import importlib
jax = importlib.import_module("jax")
at = lambda value: next(iter(value.devices())).id
"""

JAX_MORE = """
with device_scope("cpu:3"):
    said["lying_elsewhere"] = at(keras.ops.add(layer.bias, 1))
    put = jax.device_put(np.ones(2), jax.devices()[1])
    said["put"] = at(keras.ops.add(put, 1))

def fit(model):
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    return at(model.layers[-1].kernel.value)

said["fit"] = fit(model)
with device_scope("cpu:3"):
    said["fit_in"] = fit(model)
said["in_call_before"] = at(in_call.layer.kernel.value)
said["fit_in_call"] = fit(in_call)

def step(inputs):
    values = [one.value for one in in_call.trainable_variables]
    return in_call.stateless_call(values, [], inputs)[0]
compiled = jax.jit(step)
said["compiled_in_call"] = at(compiled(x))
with device_scope("cpu:3"):
    said["compiled_in"] = at(compiled(x))
print(json.dumps(said))
"""

PROGRAMS = {
    "tensorflow": BOTH.format(engine=TENSORFLOW) + TENSORFLOW_MORE,
    "jax": BOTH.format(engine=JAX) + JAX_MORE,
}


def where(products):
    """The numbers of the devices on which matrices were multiplied, or a step ran."""
    return {number for numbers in products.values() for number in numbers}


@functools.cache
def told(backend):
    """What the program of a backend says; it runs once."""
    env = {"KERAS_BACKEND": backend, "KERASPLUG_IMPLEMENTATION": "keras"}
    return json.loads(python(PROGRAMS[backend], env=env).stdout.splitlines()[-1])


@pytest.fixture(params=["tensorflow", "jax"])
def said(request):
    """What was said on TensorFlow, then on JAX."""
    return told(request.param)


@pytest.fixture
def on_tensorflow():
    """What was said on TensorFlow."""
    return told("tensorflow")


@pytest.fixture
def on_jax():
    """What was said on JAX."""
    return told("jax")


def test_the_inner_scope_counts_and_a_scope_is_used_again(said):
    """Scopes nest, also one in itself, and leave things as they were."""
    assert said["name"] == "cpu:1"
    assert [said["inner"], said["again"], said["inner_after"]] == [2, 1, 2]
    assert said["after"] == said["after_error"] == 0


def test_a_scope_holds_for_its_thread(said):
    """Other threads compute where they did, and may enter the same scope meanwhile."""
    assert said["thread"] == 0
    assert [said["other_thread"], said["other_after"]] == [1, 3]
    assert [said["this_thread"], said["both_left"]] == [1, 0]


def test_a_device_that_is_absent_is_an_error_before_the_block(said):
    """The error says which there are; so does that for what is no name."""
    processor, gpu, nothing = said["absent"]
    assert "There is no device cpu:4" in processor
    assert "There is no device gpu:0" in gpu
    assert "available: cpu:0, cpu:1, cpu:2, cpu:3" in processor
    assert "not the name of a device" in nothing


def test_keras_on_tensorflow_takes_any_name(on_tensorflow):
    """What kerasplug refuses computes on the processor there, and nothing says so."""
    assert on_tensorflow["keras_takes_any_name"] == 0


def test_variables_lie_where_they_are_created(said):
    """A variable, and the weights of a layer that is built in the block."""
    assert said["variable"] == said["symbolic_weights"] == 2


def test_calling_a_layer_on_an_input_places_no_computing(said):
    """A functional model that was made in a scope runs where it is called."""
    assert said["symbolic_call"] == 0
    assert said["called"] == 3


def test_what_is_called_in_a_scope_runs_there(said):
    """Eagerly, a scope in `call` counts, and so does one for what lies elsewhere."""
    assert said["in_call_called"] == 1
    assert said["lying_elsewhere"] == 3


def test_fit_on_tensorflow_runs_where_it_is_called(on_tensorflow):
    """All of a compiled step is on the device of the scope, its gradients too."""
    assert where(on_tensorflow["fit"]) == {0}
    inside = on_tensorflow["fit_in"]
    assert inside["plain"]
    assert where(inside) == {3}


def test_a_scope_in_call_on_tensorflow_places_operations_but_no_gradients(
    on_tensorflow,
):
    """In a compiled step the layer computes on its device, gradients on the first."""
    assert set(on_tensorflow["fit_in_call"]["fused"]) == {1}
    assert set(on_tensorflow["fit_in_call"]["plain"]) == {0}


def test_a_scope_in_call_with_jit_compile_on_tensorflow_places_nothing(on_tensorflow):
    """The step is one program on one device."""
    assert on_tensorflow["fit_jit"] == {"fused": [], "plain": [], "step": [0]}


def test_a_scope_on_jax_leaves_what_was_put_on_a_device(on_jax):
    """The scope is a default, and an array that was put somewhere has no need of it."""
    assert on_jax["put"] == 1


def test_fit_on_jax_runs_where_it_is_called(on_jax):
    """A step in a scope runs there, and moves the weights there."""
    assert on_jax["fit"] == 0
    assert on_jax["fit_in"] == on_jax["compiled_in"] == 3


def test_a_scope_inside_a_compiled_step_on_jax_places_nothing(on_jax):
    """The same `call` that computes on another device eagerly does not in a step."""
    assert on_jax["in_call_called"] == 1
    assert on_jax["in_call_before"] == on_jax["fit_in_call"] == 0
    assert on_jax["compiled_in_call"] == 0


@pytest.mark.parametrize("name", ["gpu:x", "", True, 1.0, None])
def test_what_is_no_name_starts_no_engine(name):
    """A name is understood first, and only then is the device looked for."""
    with pytest.raises(DeviceError, match="not the name of a device"):
        device_scope(name)
