"""What devices are called, and which there are."""

import json
import subprocess
import sys

import numpy as np
import pytest
from fakes import python

from kerasplug.devices.listing import available_devices
from kerasplug.devices.naming import canonical, framework, kind_of
from kerasplug.errors import DeviceError

SPELLINGS = {
    "gpu:0": "gpu:0",
    "/gpu:0": "gpu:0",
    "GPU:0": "gpu:0",
    " gpu:1 ": "gpu:1",
    "gpu": "gpu:0",
    "gpu:01": "gpu:1",
    "cpu": "cpu:0",
    "/CPU:3": "cpu:3",
    "device:GPU:1": "gpu:1",
    "/device:GPU:1": "gpu:1",
    "/job:localhost/replica:0/task:0/device:GPU:0": "gpu:0",
    "/job:worker/task:1/device:CPU:2": "cpu:2",
    "/job:localhost/replica:0/task:0/gpu:2": "gpu:2",
    "cuda": "gpu:0",
    "cuda:1": "gpu:1",
    "rocm:1": "gpu:1",
    "mps": "mps:0",
    "xpu:1": "xpu:1",
    "TPU:7": "tpu:7",
    0: "gpu:0",
    1: "gpu:1",
    np.int64(2): "gpu:2",
}

GARBAGE = [
    "",
    " ",
    "gpu:-1",
    "gpu:x",
    "gpu:",
    "gpu:0:1",
    "gpu:1.0",
    "gpu:*",
    "gpu 0",
    "gpu:0\ncpu",
    "gpu:٣",  # a digit, elsewhere
    "gpu:" + "9" * 5000,
    "0",
    "first",
    "device:0",
    "/job:localhost",
    "//gpu:0",
    b"gpu:0",
    True,
    False,
    None,
    0.0,
    1.5,
    -1,
    np.int64(-1),
    np.True_,
    ["gpu:0"],
]


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS.items())
def test_each_spelling_of_a_device_is_understood(spelling, name):
    """Keras', TensorFlow's, PyTorch's and JAX's spellings give Keras' one."""
    assert canonical(spelling) == name
    assert canonical(name) == name


@pytest.mark.parametrize("name", GARBAGE, ids=lambda name: repr(name)[:20])
def test_what_is_no_name_is_an_error_that_shows_some(name):
    """Anything else is a ValueError with what was found and what is understood."""
    with pytest.raises(ValueError, match="not the name of a device") as caught:
        canonical(name)
    assert caught.type is DeviceError
    assert repr(name) in caught.value.found
    assert '"/device:GPU:0"' in caught.value.expected


def test_canonical_imports_nothing():
    """A name is understood without Keras, an engine or NumPy."""
    out = python(
        """
        import sys
        from kerasplug.devices.naming import canonical
        canonical("cuda"), canonical(3)
        print([n for n in ("keras", "tensorflow", "jax", "numpy") if n in sys.modules])
        """
    ).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("kind", ["", "gpus", "gpu:0", 1, True, b"gpu"])
def test_a_kind_that_does_not_exist_is_an_error(kind):
    """Kinds are checked before an engine is started."""
    with pytest.raises(DeviceError, match="no such kind") as caught:
        available_devices(kind)
    assert '"gpu", "cpu", "tpu"' in caught.value.expected


def test_a_kind_has_several_words():
    """People say CUDA, and mean GPUs."""
    assert [kind_of(word) for word in ("CUDA", "gpu", "Cpu")] == ["gpu", "gpu", "cpu"]


@pytest.mark.parametrize("ask", [available_devices, framework])
def test_older_keras_is_refused(ask, monkeypatch):
    """With the legacy implementation there is nothing to choose, and that is said."""
    monkeypatch.setenv("KERASPLUG_IMPLEMENTATION", "tf_keras")
    with pytest.raises(DeviceError, match="Keras 3 only") as caught:
        ask()
    assert "tf_keras" in caught.value.found
    assert "unset KERASPLUG_IMPLEMENTATION" in caught.value.mend


LISTED = """
import json
from kerasplug.devices import listing, naming
from kerasplug.errors import DeviceError

def error(call, *arguments):
    try:
        return call(*arguments).__name__
    except DeviceError as said:
        return str(said)

print(json.dumps({
    "all": listing.available_devices(),
    "cpu": listing.available_devices("CPU"),
    "gpu": listing.available_devices("cuda"),
    "tpu": listing.available_devices("tpu"),
    "framework": error(naming.framework),
    "existing": listing.existing(["/cpu:0", "CPU:0"]),
    "single": listing.existing("/device:CPU:0"),
    "missing": error(listing.existing, ["cpu:0", "gpu:5", "cpu:7", 5]),
    "processors": error(listing.existing, ["cpu:7"]),
}))
"""


def listed(backend, **env):
    """What a process says of its devices."""
    given = {"KERAS_BACKEND": backend, "KERASPLUG_IMPLEMENTATION": "keras", **env}
    return json.loads(python(LISTED, env=given).stdout.splitlines()[-1])


@pytest.mark.engine
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "numpy"])
def test_the_processor_is_listed_on_each_backend(backend):
    """There is one processor and no GPU; what is not there is an error with a list."""
    said = listed(backend, JAX_PLATFORMS="")
    assert said["all"] == said["cpu"] == ["cpu:0"]
    assert said["gpu"] == said["tpu"] == []
    assert said["existing"] == ["cpu:0", "cpu:0"]
    assert said["single"] == ["cpu:0"]
    missing = f"There are no devices gpu:5, cpu:7 for the backend {backend}."
    assert said["missing"].startswith(missing)
    assert said["processors"].startswith("There is no device cpu:7 for the backend")
    assert "available: cpu:0" in said["missing"]
    assert ("virtual_devices(n)" in said["processors"]) is (backend != "numpy")
    if backend == "numpy":
        assert "no devices to choose from" in said["framework"]
    else:
        assert said["framework"] == backend


@pytest.mark.engine
def test_an_engine_that_can_not_start_is_an_error_with_its_words():
    """JAX that is told to use GPUs only, where there are none, lists no devices."""
    env = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cuda"}
    done = python(LISTED, env=env, check=False)
    assert done.returncode == 1
    assert "The backend jax lists no devices." in done.stderr.splitlines()[-2]
    assert "found:    " in done.stderr.splitlines()[-1]


TOGETHER = """
import os, sys
os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
import jax
address, number = sys.argv[1:]
jax.distributed.initialize(address, 2, int(number))
from kerasplug.devices.listing import available_devices
from kerasplug.devices.scopes import device_scope
names = available_devices()
with device_scope(names[0]):
    (device,) = jax.numpy.ones(2).devices()
print(len(jax.devices()), *names, f"cpu:{device.id}" == names[0])
"""


@pytest.mark.engine
def test_of_several_processes_each_lists_its_own_devices(free_port):
    """JAX numbers the devices of all processes through; each can use its own only."""
    command = [sys.executable, "-c", TOGETHER, f"127.0.0.1:{free_port}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([*command, str(one)], **pipes) for one in (0, 1)]
    ended = [(*one.communicate(), one.returncode) for one in started]
    assert [code for _, _, code in ended] == [0, 0], [text for _, text, _ in ended]
    said = [output.split() for output, _, _ in ended]
    assert [one[0] for one in said] == ["2", "2"]
    assert [one[2] for one in said] == ["True", "True"]
    assert said[0][1] == "cpu:0"
    assert said[1][1] != "cpu:0"


@pytest.fixture
def free_port():
    """The number of a port on which nobody listens."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
