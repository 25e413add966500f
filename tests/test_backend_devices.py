"""Devices of a backend: which variables say so, and when they come too late."""

import pytest
from fakes import python

import kerasplug
from kerasplug import Devices
from kerasplug.engines.devices import devices_of, variables_of
from kerasplug.errors import ConfigError


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    """An environment that says nothing about devices."""
    for variable in (
        "CUDA_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "JAX_PLATFORMS",
        "KERAS_TORCH_DEVICE",
        "THEANO_FLAGS",
    ):
        monkeypatch.delenv(variable, raising=False)


HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
TWO = {"CUDA_VISIBLE_DEVICES": "0,2", "HIP_VISIBLE_DEVICES": "0,2"}


@pytest.mark.parametrize(
    ("backend", "asked", "expected"),
    [
        ("tensorflow", None, {}),
        ("tensorflow", "cpu", HIDDEN),
        ("tensorflow", "gpu", {}),
        ("tensorflow", ["gpu:0", "gpu:2"], TWO),
        ("tensorflow", [0, 2], TWO),
        ("jax", "cpu", {"JAX_PLATFORMS": "cpu"}),
        ("jax", [0, 2], TWO),
        ("torch", "cpu", HIDDEN | {"KERAS_TORCH_DEVICE": "cpu"}),
        ("torch", [0, 2], TWO),
        ("numpy", "cpu", {}),
        ("openvino", "cpu", {}),
        ("theano", "cuda0", {"THEANO_FLAGS": "device=cuda0"}),
        (
            "tensorflow",
            Devices(memory_growth=True),
            {"TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        ),
        (
            "jax",
            Devices(memory_growth=True),
            {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
        ),
        ("torch", Devices(memory_growth=True), {}),
        ("any", Devices(environment={"A": "1"}), {"A": "1"}),
    ],
)
def test_devices_are_variables(backend, asked, expected):
    """Each backend's own variables say what it may use."""
    assert variables_of(backend, devices_of(asked)) == expected


@pytest.mark.parametrize(
    ("backend", "variable", "value", "asked", "expected"),
    [
        ("tensorflow", "CUDA_VISIBLE_DEVICES", "-1", "gpu", None),
        ("tensorflow", "CUDA_VISIBLE_DEVICES", "1", "gpu", "as it was"),
        ("jax", "JAX_PLATFORMS", "cpu", "gpu", None),
        ("jax", "JAX_PLATFORMS", "cuda", "gpu", "as it was"),
        ("torch", "KERAS_TORCH_DEVICE", "cpu", "gpu:0", None),
        ("theano", "THEANO_FLAGS", "a=1,device=x, b=2", "cpu", "device=cpu,a=1, b=2"),
    ],
)
def test_what_was_said_before_is_respected_or_replaced(
    monkeypatch, backend, variable, value, asked, expected
):
    """What hides the device that is asked for goes; everything else stays."""
    monkeypatch.setenv(variable, value)
    found = variables_of(backend, devices_of(asked)).get(variable, "as it was")
    assert found == expected


@pytest.mark.parametrize(
    ("backend", "asked"),
    [
        ("tensorflow", "tpu"),
        ("tensorflow", ["cpu", "gpu:0"]),
        ("tensorflow", ["gpu:0", "gpu:0"]),
        ("numpy", "gpu"),
        ("openvino", 0),
        ("theano", ["cpu", "cuda0"]),
        ("numpy", Devices(memory_growth=True)),
        ("torch", Devices(memory_growth=False)),
    ],
)
def test_devices_that_a_backend_has_not_are_refused(backend, asked):
    """What can't be had is an error that names the backend or the choice."""
    with pytest.raises(ConfigError, match=backend):
        variables_of(backend, devices_of(asked))


@pytest.mark.parametrize("asked", [[], 1.5, True, -1, [None], {"gpu": 1}, ""])
def test_devices_that_are_none_are_refused(asked):
    """What is neither a name nor a number says nothing about devices."""
    with pytest.raises(ConfigError):
        devices_of(asked)


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": ("",)},
        {"names": (1,)},
        {"memory_growth": "yes"},
        {"environment": {"A": 1}},
    ],
)
def test_a_description_checks_itself(wrong):
    """A wrong field of Devices is said when it is made."""
    with pytest.raises(ConfigError):
        Devices(**wrong)


def test_one_name_is_as_good_as_several():
    """`names="cpu"` is not taken for three letters."""
    assert Devices(names="cpu").names == ("cpu",)


@pytest.mark.engine
def test_the_engine_obeys():
    """Variables that use_backend sets are those that JAX starts with."""
    out = python(
        """
        import kerasplug
        flags = "--xla_force_host_platform_device_count=3"
        kerasplug.use_backend(
            "jax",
            devices=kerasplug.Devices(names=("cpu",), environment={"XLA_FLAGS": flags}),
        )
        import keras
        print(len(keras.distribution.list_devices()), kerasplug.backend())
        """
    ).stdout
    assert out.split() == ["3", "jax"]


@pytest.mark.engine
def test_too_late_for_devices_is_said_and_nothing_changes():
    """A loaded engine has read its variables: an error, and none of them is set."""
    out = python(
        """
        import os
        import jax, kerasplug
        before = dict(os.environ)
        try:
            kerasplug.use_backend("jax", devices="cpu")
        except kerasplug.KerasplugError as error:
            print(error.what, "|", error.expected)
        print(dict(os.environ) == before)
        kerasplug.use_backend("jax")
        os.environ["JAX_PLATFORMS"] = "cpu"
        kerasplug.use_backend("jax", devices="cpu")
        """,
        env={"KERAS_BACKEND": ""},
    ).stdout
    assert "Too late for these devices: jax is loaded" in out
    assert "JAX_PLATFORMS=cpu" in out
    assert out.split()[-1] == "True"


def test_devices_are_checked_before_anything_is_chosen(monkeypatch):
    """Wrong devices leave the backend as it was."""
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(ConfigError):
        kerasplug.use_backend("tensorflow", devices="tpu")
    assert kerasplug.backend() == "tensorflow"
