"""Everything a test writes goes to folders of its own; fixtures for many modules."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

# Before anything imports Keras: importing it writes its configuration file.
_HOME = Path(tempfile.mkdtemp(prefix="kerasplug-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["KERAS_HOME"] = str(_HOME / "keras")
os.environ["XDG_CACHE_HOME"] = str(_HOME / "cache")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on `sys.path`, empty and settled."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(scope="module")
def keras():
    """Keras 3 on TensorFlow, in this process."""
    import kerasplug

    module = kerasplug.implementation("keras")
    assert module.__version__.startswith("3.")
    return module


@pytest.fixture(scope="module")
def legacy():
    """The other Keras, in the same process."""
    import tf_keras

    return tf_keras


@pytest.fixture(params=["keras", "legacy"], ids=["keras", "tf_keras"])
def any_keras(request):
    """Keras 3, then Keras 2, each only where it is asked for."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def array():
    """Two samples of four features."""
    import numpy as np

    return np.ones((2, 4), "float32")


@pytest.fixture
def package(keras, tmp_path, monkeypatch, request):
    """The name of an importable module with a layer, another one for each test."""
    from fakes import LAYER_MODULE

    name = "wrapped_" + "".join(filter(str.isalnum, request.node.name)).lower()
    (tmp_path / f"{name}.py").write_text(LAYER_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.fixture
def wrapper(package):
    """A wrapper that was given the class by name."""
    from kerasplug.create_layer import create_layer_wrapper

    return create_layer_wrapper(f"{package}:GatedDense")


@pytest.fixture
def gated(keras):
    """A layer as an author writes it: no compute_output_shape."""

    class GatedDense(keras.layers.Layer):
        """A dense layer with a gate."""

        def __init__(self, units: int, kernel_constraint=None, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.kernel_constraint = kernel_constraint

        def build(self, input_shape):
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units), name="kernel"
            )

        def call(self, inputs):
            return keras.ops.matmul(inputs, self.kernel)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return GatedDense
