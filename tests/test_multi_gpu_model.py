"""`multi_gpu_model` and its arguments: which devices are meant, and what is refused."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from parallel_kit import cpus, elsewhere, environment, started, twins

pytestmark = pytest.mark.engine

#: What TensorFlow has in the process of these tests.
THERE = "cpu:0, cpu:1, cpu:2, cpu:3, cpu:4, cpu:5, cpu:6, cpu:7"


def compiled():
    """A compiled model with a name."""
    keras, _ = started()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="small")
    model.compile("adam", "mse")
    return model


def about(model):
    """All that a call might have changed, and attributes of the model."""
    layer = model.layers[0]
    places = [one.value.device for one in model.weights]
    values = [np.array(one).tolist() for one in model.weights]
    return set(vars(model)), model.optimizer, model.compiled, places, values, layer.name


def refused(error, *arguments, **options):
    """The error that a call gives, after which the model is as it was."""
    from kerasplug import multi_gpu_model

    model = compiled()
    before = about(model)
    with pytest.raises(error) as caught:
        multi_gpu_model(model, *arguments, **options)
    assert about(model) == before
    return caught.value


@elsewhere
def test_names_in_any_spelling():
    """Devices are named as Keras, TensorFlow or R name them."""
    from kerasplug import multi_gpu_model

    names = ["cpu:1", "/cpu:0", "/device:CPU:2", "CPU:7"]

    parallel = multi_gpu_model(compiled(), names)

    assert parallel.devices == ("cpu:1", "cpu:0", "cpu:2", "cpu:7")
    assert parallel.merge_on == "cpu:0"
    assert parallel.name == "parallel_small"
    assert parallel(np.ones((5, 4))).shape == (5, 2)


@pytest.mark.parametrize("names", [tuple, list], ids=["tuple", "list"])
@elsewhere
def test_any_sequence_of_names(names):
    """A tuple is as good as a list."""
    from kerasplug import multi_gpu_model

    assert multi_gpu_model(compiled(), names(cpus(2))).devices == ("cpu:0", "cpu:1")


NONE = "\n".join(
    (
        "multi_gpu_model() takes at least two devices.",
        f"  found:    no GPU; available: {THERE}",
        "  expected: two or more, such as gpus=2",
        '  mend:     on_single="return" takes the model as it is then',
    )
)


@pytest.mark.parametrize("gpus", [None, 0, 0.0, [], ()], ids=repr)
@elsewhere
def test_all_gpus_and_there_are_none(gpus):
    """None, 0 and an empty list mean all that there are; two at least are wanted."""
    from kerasplug.errors import DeviceError

    assert str(refused(DeviceError, gpus)) == NONE
    assert str(refused(DeviceError, gpus, on_single="error")) == NONE


@pytest.mark.parametrize("gpus", ["cpu:3", ["cpu:3"], ["/device:CPU:3"]], ids=repr)
@elsewhere
def test_one_device_is_too_few(gpus):
    """The error names it, and what else there is."""
    from kerasplug.errors import DeviceError

    assert str(refused(DeviceError, gpus)) == NONE.replace("no GPU", "cpu:3")


@pytest.mark.parametrize(
    ("gpus", "missing"),
    [
        (1, "is no device gpu:0"),
        (2, "are no devices gpu:0, gpu:1"),
        (2.0, "are no devices gpu:0, gpu:1"),
        (np.int64(2), "are no devices gpu:0, gpu:1"),
        ([0, 3], "are no devices gpu:0, gpu:3"),
        (["gpu:0", "cpu:0"], "is no device gpu:0"),
        (["cpu:0", "cpu:8"], "is no device cpu:8"),
        ([0, 0], "is no device gpu:0"),
    ],
    ids=repr,
)
@elsewhere
def test_devices_that_are_missing_are_named(gpus, missing):
    """With those that are there; this is never taken for having a single one."""
    from kerasplug.errors import DeviceError

    for on_single in ("error", "warn", "return"):
        error = refused(DeviceError, gpus, on_single=on_single)

        assert error.what == f"There {missing} for the backend tensorflow."
        assert error.found == f"available: {THERE}"
        assert error.mend


@pytest.mark.parametrize(
    "gpus",
    [True, False, 2.5, -1, -2.0, float("nan"), float("inf"), 1j, {0: 1}, {0, 1}, b"01"],
    ids=repr,
)
@elsewhere
def test_what_names_no_devices_is_refused(gpus):
    """What is neither a number of GPUs nor a list of devices; a half GPU is neither."""
    from kerasplug.errors import RecordError

    error = refused(RecordError, gpus)

    assert error.field == "gpus"
    assert "a number of GPUs, or their numbers or names" in str(error)


@pytest.mark.parametrize(
    "gpus", [["cpu:0", "what"], ["cpu:0", ""], [0, 1.5], [None, "cpu:0"], [True, "cpu"]]
)
@elsewhere
def test_names_that_are_none_are_refused(gpus):
    """The error shows what is understood."""
    from kerasplug.errors import DeviceError

    assert "/device:GPU:0" in str(refused(DeviceError, gpus))


@pytest.mark.parametrize("gpus", [["cpu:0", "cpu:0"], ["cpu:1", "cpu:0", "/cpu:1"]])
@elsewhere
def test_a_device_named_twice_is_refused(gpus):
    """It would have two slices to compute, one after the other."""
    from kerasplug.errors import DeviceError

    error = refused(DeviceError, gpus)

    assert error.what == "multi_gpu_model() takes each device once."
    assert error.found == ", ".join(gpus).replace("/", "")


@elsewhere
def test_a_single_device_returns_the_model():
    """`on_single="return"` is silent, and gives the very model, whatever it is."""
    from kerasplug import multi_gpu_model

    model = compiled()
    before = about(model)

    for gpus in (None, 0, [], ["cpu:0"], "cpu:2"):
        assert multi_gpu_model(model, gpus, on_single="return") is model
    assert about(model) == before


@pytest.mark.parametrize(
    ("gpus", "found"), [(None, "no GPU"), (["cpu:2"], "cpu:2")], ids=["none", "one"]
)
@elsewhere
def test_a_single_device_warns(gpus, found):
    """`on_single="warn"` says so, at the caller's line, and gives the very model."""
    from kerasplug import KerasplugWarning, multi_gpu_model

    model = compiled()
    told = (
        f"multi_gpu_model() takes at least two devices. There is {found}, so the model "
        "is used as it is."
    )

    with pytest.warns(KerasplugWarning, match=f"^{re.escape(told)}$") as caught:
        assert multi_gpu_model(model, gpus, on_single="warn") is model
    assert [one.filename for one in caught] == [__file__]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on_single", "ignore"),
        ("on_single", None),
        ("cpu_merge", 1),
        ("cpu_merge", "no"),
        ("cpu_relocation", None),
        ("sync_batch_norm", 0),
    ],
)
@elsewhere
def test_switches_take_what_they_name(name, value):
    """The error names the argument and the values that it takes."""
    from kerasplug.errors import RecordError

    error = refused(RecordError, cpus(2), **{name: value})

    assert (error.field, error.value) == (name, value)


@elsewhere
def test_the_arguments_have_rs_order():
    """cpu_merge and cpu_relocation follow the devices, as in R."""
    from kerasplug import multi_gpu_model

    given = (["cpu:3", "cpu:1"], False, True)

    parallel = multi_gpu_model(compiled(), *given)

    assert parallel.merge_on == "cpu:3"


@pytest.mark.parametrize("thing", ["model.keras", None, len, object], ids=repr)
@elsewhere
def test_what_is_no_model_is_refused(thing):
    """It says so before it looks for devices."""
    from kerasplug import multi_gpu_model
    from kerasplug.errors import ModelError

    with pytest.raises(ModelError, match="works on a Keras model"):
        multi_gpu_model(thing)


@elsewhere
def test_a_parallel_model_is_no_template():
    """The error says what is."""
    from kerasplug import multi_gpu_model
    from kerasplug.errors import DeviceError

    _, parallel = twins(compiled)

    with pytest.raises(DeviceError, match="parallel already") as caught:
        multi_gpu_model(parallel, cpus(3))
    assert caught.value.mend == "give it `model.template`"


@elsewhere
def test_a_model_of_keras_2_is_refused():
    """Only Keras 3's models can be computed in slices."""
    tf_keras = pytest.importorskip("tf_keras")
    from kerasplug import multi_gpu_model
    from kerasplug.errors import DeviceError

    model = tf_keras.Sequential([tf_keras.layers.Dense(2, input_shape=(4,))])

    with pytest.raises(DeviceError, match="a model of tf_keras") as caught:
        multi_gpu_model(model, cpus(2))
    assert caught.value.expected == "a model of Keras 3"


#: Prints what a backend says, without other devices.
_PROGRAM = """
import json
import keras
import kerasplug
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
told = {}
for on_single in ("error", "warn", "return"):
    try:
        kerasplug.multi_gpu_model(model, ["cpu:0", "cpu:1"], on_single=on_single)
    except kerasplug.DeviceError as error:
        told[on_single] = str(error)
print(json.dumps(told))
"""


def test_a_backend_with_one_device_is_refused():
    """On NumPy there is nothing to be split over, and the error says where there is."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=environment(KERAS_BACKEND="numpy"),
        capture_output=True,
        text=True,
        check=True,
    )

    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == {"error", "warn", "return"}
    (said,) = set(told.values())
    assert said == (
        "multi_gpu_model() can't split this model over devices.\n"
        "  found:    the backend numpy, which computes on one device\n"
        "  expected: tensorflow, jax or torch\n"
        '  mend:     kerasplug.use_backend("jax") before Keras is imported'
    )
