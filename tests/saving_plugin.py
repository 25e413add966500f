"""A small installed plugin whose layers and functions saved models mention."""

import contextlib
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
from fakes import install

import kerasplug

_LAYERS = '''
    import keras

    @keras.saving.register_keras_serializable("demo_plug")
    class Scale(keras.layers.Layer):
        """Multiplies by a learned factor for each feature."""

        def __init__(self, start=2.0, **kwargs):
            super().__init__(**kwargs)
            self.start = start

        def build(self, shape):
            first = keras.initializers.Constant(self.start)
            self.factor = self.add_weight(shape=(shape[-1],), initializer=first)

        def call(self, inputs):
            return inputs * self.factor

        def compute_output_shape(self, shape):
            return shape

        def get_config(self):
            return {**super().get_config(), "start": self.start}

    class Plain(Scale):
        """Not registered with Keras."""
'''
_NO_SHAPE = '''
    import keras

    @keras.saving.register_keras_serializable("demo_plug")
    class Silent(keras.layers.Layer):
        """Does not say its output's shape."""

        def call(self, inputs):
            return keras.ops.concatenate([inputs, inputs], axis=-1)
'''
_OTHER = """
    raise RuntimeError("imported without need")
"""
_THINGS = """
    import keras

    serializable = keras.saving.register_keras_serializable

    @serializable("demo_plug")
    def swishy(x):
        return x * keras.ops.sigmoid(x)

    @serializable("demo_plug")
    def distance(true, predicted):
        return keras.ops.mean(keras.ops.abs(true - predicted), axis=-1)

    @serializable("demo_plug")
    class Distance(keras.losses.Loss):
        def call(self, true, predicted):
            return distance(true, predicted)

    @serializable("demo_plug")
    class Ones(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return keras.ops.ones(shape, dtype)

        def get_config(self):
            return {}
"""
_MODELS = """
    import keras
    from demo_plug.layers import Scale

    @keras.saving.register_keras_serializable("demo_plug")
    class Pair(keras.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.dense = keras.layers.Dense(units)
            self.scale = Scale()

        def call(self, inputs):
            return self.scale(self.dense(inputs))

        def get_config(self):
            return {**super().get_config(), "units": self.units}
"""
_RENAMED = """
    import keras

    @keras.saving.register_keras_serializable("demo_plug")
    class Renamed(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 3.0
"""
_HOOKS = """
    from kerasplug import LayerRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(
            name="renamed",
            target="demo_plug.renamed:Renamed",
            registered_name="demo_plug>Renamed",
            aliases=("old_plug>Former",),
        )]
"""

LAYERS = {
    "scale": "demo_plug.layers:Scale",
    "plain": "demo_plug.layers:Plain",
    "silent": "demo_plug.silent:Silent",
    "other": "demo_plug.other:Other",
}
OBJECTS = {
    "swishy": "demo_plug.things:swishy",
    "distance": "demo_plug.things:distance",
    "distance_loss": "demo_plug.things:Distance",
    "ones": "demo_plug.things:Ones",
    "pair": "demo_plug.models:Pair",
}
MODULES = {
    "demo_plug/__init__.py": "",
    "demo_plug/layers.py": _LAYERS,
    "demo_plug/silent.py": _NO_SHAPE,
    "demo_plug/other.py": _OTHER,
    "demo_plug/things.py": _THINGS,
    "demo_plug/models.py": _MODELS,
    "demo_plug/renamed.py": _RENAMED,
    "demo_plug/hooks.py": _HOOKS,
}


def install_demo(folder: Path) -> None:
    """Install `demo-plug`, with its layers, objects and one hooked layer."""
    groups = {
        "kerasplug.layers": LAYERS,
        "kerasplug.objects": OBJECTS,
        "kerasplug": {"demo": "demo_plug.hooks"},
    }
    install(folder, "demo-plug", groups, modules=MODULES)


def layer_config(
    class_name: str, module: str | None, registered_name: str | None = None, **config
) -> dict[str, Any]:
    """What Keras writes for an object."""
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": registered_name,
    }


def sequential(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """What Keras writes for a sequential model that starts with an input of 2."""
    start = layer_config("InputLayer", "keras.layers", batch_shape=[None, 2])
    return layer_config("Sequential", "keras", layers=[start, *layers])


def write_keras(path: Path, config: Any, **members: bytes) -> Path:
    """A `.keras` file without weights."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", text)
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def write_hdf5(path: Path, **attributes: Any) -> Path:
    """An HDF5 file with these attributes: dicts as JSON."""
    with h5py.File(path, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = json.dumps(value) if isinstance(value, dict) else value
    return path


def rewrite(source: Path, target: Path, change) -> Path:
    """A copy of a `.keras` file whose parsed configuration went through `change`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                data = json.dumps(change(json.loads(data))).encode()
            new.writestr(name, data)
    return target


@contextlib.contextmanager
def installed_demo(folder: Path, keras) -> Iterator[Path]:
    """The folder with the demo plugin in it; afterwards Keras has forgotten it."""
    install_demo(folder)
    registered = keras.saving.get_custom_objects()
    before = dict(registered)
    try:
        yield folder
    finally:
        registered.clear()
        registered.update(before)
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(str(folder)):
                del sys.modules[name]


def forget_demo(keras):
    """Let this process be as one that has not imported the demo plugin."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "demo_plug"]:
        del sys.modules[name]
    registered = keras.saving.get_custom_objects()
    for name in [name for name in registered if name.startswith("demo_plug>")]:
        del registered[name]


def scaled(keras, path, *, nested=True):
    """A saved model with a demo layer at the top and, if asked, one inside another."""
    from demo_plug.layers import Scale

    layers = [keras.Input((4, 2)), Scale(2.0)]
    if nested:
        layers.append(keras.layers.TimeDistributed(Scale(3.0)))
    kerasplug.save_model(keras.Sequential(layers), path)
    forget_demo(keras)
    return path


def other_scale(keras, *, register):
    """Another class that calls itself `demo_plug>Scale`: it does not scale."""

    class Scale(keras.layers.Layer):
        def __init__(self, start=2.0, **kwargs):
            super().__init__(**kwargs)

        def build(self, shape):
            self.factor = self.add_weight(shape=(shape[-1],))

        def call(self, inputs):
            return inputs

        def compute_output_shape(self, shape):
            return shape

    if register:
        keras.saving.register_keras_serializable("demo_plug")(Scale)
    return Scale


def classes_in(model):
    """The classes of a model's layers, the wrapped ones included."""
    return [type(getattr(layer, "layer", layer)) for layer in model.layers]
