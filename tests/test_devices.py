"""Devices: what /dev shows, and what an engine in another process lists."""

import sys

import pytest
from bare import bare, put, put_keras

from kerasplug._frameworks import devices

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="there is no such /dev elsewhere"
)


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """A folder that stands for /dev, and no variable that hides devices."""
    folder = tmp_path / "dev"
    (folder / "dri").mkdir(parents=True)
    monkeypatch.setattr(devices, "_DEVICES", folder)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return folder


@linux
@pytest.mark.parametrize(
    ("nodes", "hidden", "why"),
    [
        ((), None, "no driver of a GPU has a device in /dev"),
        (("nvidiactl", "dri/card0"), None, "no driver of a GPU has a device in /dev"),
        (("nvidia0",), None, ""),
        (("nvidia0",), "0", ""),
        (("nvidia0", "dri/renderD128"), "", "CUDA_VISIBLE_DEVICES= hides them"),
        (("nvidia0", "nvidia1"), "-1", "CUDA_VISIBLE_DEVICES=-1 hides them"),
        (("nvidia0", "kfd"), "-1", ""),
        (("kfd",), None, ""),
        (("dxg",), "-1", ""),
        (("dri/renderD128",), "-1", ""),
    ],
)
def test_a_look_at_dev_tells_that_there_is_no_gpu(dev, monkeypatch, nodes, hidden, why):
    """Without a device node, or with all hidden, no engine is needed to say "none"."""
    for node in nodes:
        (dev / node).touch()
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert devices.no_gpus() == why
    found = [node for node in nodes if node not in ("nvidiactl", "dri/card0")]
    assert devices.gpu_nodes() == tuple(str(dev / node) for node in found)


#: A JAX with two GPUs, which counts how often it is imported.
JAX = """
import pathlib
with open(pathlib.Path(__file__).with_name("imports"), "a") as file:
    file.write("x")
class Device:
    platform = "gpu"
    def __init__(self, id):
        self.id = id
def devices():
    return [Device(0), Device(1)]
"""

ASKED = """
    import pathlib, sys, unittest
    import kerasplug
    from kerasplug._frameworks import devices
    devices._DEVICES = pathlib.Path("dev")
    for count in (1, 2, 3):
        try:
            kerasplug.skip_if_no_keras(gpus=count)
        except unittest.SkipTest as skip:
            print("skip", skip)
        except kerasplug.KerasplugError as error:
            print(type(error).__name__, error)
        else:
            print("runs")
    print("jax" in sys.modules)
"""


@linux
def test_gpus_are_counted_in_another_process(tmp_path):
    """A test that needs GPUs runs where there are enough; the engine is asked once."""
    put(put_keras(tmp_path), "jaxlib")
    put(tmp_path, "jax", JAX)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    env = {"KERAS_BACKEND": "jax", "CUDA_VISIBLE_DEVICES": "0,1"}
    out = bare(ASKED, tmp_path, tmp_path, env=env).stdout.splitlines()
    assert out[:2] == ["runs", "runs"]
    assert "3 GPUs are asked, jax sees gpu:0, gpu:1." in out[2]
    assert out[3] == "False"
    assert (tmp_path / "jax" / "imports").read_text() == "x"


@linux
def test_engine_that_fails_to_count_is_broken(tmp_path):
    """An engine that can't be asked for its devices fails the test: a skip hides it."""
    put(put_keras(tmp_path), "jaxlib")
    put(tmp_path, "jax", "raise OSError('libcudart.so.12: not found')\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    env = {"KERAS_BACKEND": "jax", "CUDA_VISIBLE_DEVICES": "0"}
    out = bare(ASKED, tmp_path, tmp_path, env=env).stdout
    assert out.count("KerasBrokenError") == 3
    assert "libcudart.so.12: not found" in out


@pytest.mark.engine
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "numpy"])
def test_real_engines_list_their_processor(backend):
    """Each engine lists the processor, under the name that Keras has for it."""
    found, error = devices.probe_devices("keras", backend)
    assert (error, devices.gpus_among(found)) == ("", [])
    assert found == ["cpu:0"]


@pytest.mark.engine
def test_engine_that_is_not_there_is_an_error_text():
    """An engine that can't be imported has no devices, and a text that says why."""
    found, error = devices.probe_devices("keras", "no_such_engine")
    assert found == []
    assert "no_such_engine" in error
