"""A plugin that has one of each kind of thing that a saved model can mention.

`python tests/every_kind.py save FOLDER` and `… load FOLDER` run where it is installed.
"""

import json
import sys
from pathlib import Path

from fakes import install

__all__ = ["FORMATS", "KINDS", "install_every", "parts", "rebuilt"]

FORMATS = ("keras", "h5", "json", "yaml")

_THINGS = '''
    """One of each kind."""

    import kerasplug

    keras = kerasplug.implementation()
    registered = keras.saving.register_keras_serializable("every_plug")

    @registered
    class Inner(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

        def compute_output_shape(self, shape):
            return shape

    @registered
    class Outer(keras.layers.Layer):
        """Holds a layer, as authors do it: in its configuration."""

        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, inputs):
            return self.inner(inputs)

        def compute_output_shape(self, shape):
            return shape

        def get_config(self):
            inner = keras.saving.serialize_keras_object(self.inner)
            return {**super().get_config(), "inner": inner}

        @classmethod
        def from_config(cls, config):
            inner = keras.saving.deserialize_keras_object(config.pop("inner"))
            return cls(inner, **config)

    @registered
    class Wrapped(keras.layers.Wrapper):
        def call(self, inputs):
            return self.layer(inputs)

        def compute_output_shape(self, shape):
            return shape

    @registered
    class Init(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return keras.ops.ones(shape, dtype)

        def get_config(self):
            return {}

    @registered
    class Reg(keras.regularizers.Regularizer):
        def __call__(self, x):
            return keras.ops.sum(keras.ops.abs(x)) * 0.25

        def get_config(self):
            return {}

    @registered
    class Con(keras.constraints.Constraint):
        def __call__(self, w):
            return keras.ops.minimum(w, 4.0)

        def get_config(self):
            return {}

    @registered
    def act(x):
        return x * 3.0

    @registered
    class Loss(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

    @registered
    class Met(keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(keras.ops.abs(y_true - y_pred))

    @registered
    def met(y_true, y_pred):
        return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)

    @registered
    class Opt(keras.optimizers.SGD):
        pass

    @registered
    class Sched(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.25

        def get_config(self):
            return {}
'''
_UNUSED = "raise RuntimeError('imported without need')\n"

_LAYERS = ("Inner", "Outer", "Wrapped")
_OBJECTS = ("Init", "Reg", "Con", "act", "Loss", "Met", "met", "Opt", "Sched")
#: What the model is made of, and what it is trained with.
KINDS = {
    "made of": ("Inner", "Outer", "Wrapped", "Init", "Reg", "Con", "act"),
    "trained with": ("Loss", "Met", "met", "Opt", "Sched"),
}


def install_every(folder):
    """Install `every-plug` into a folder of `sys.path`."""
    place = "every_plug.things:{}".format
    groups = {
        "kerasplug.layers": {name: place(name) for name in _LAYERS},
        "kerasplug.objects": {name: place(name) for name in _OBJECTS}
        | {"unused": "every_plug.unused:Unused"},
    }
    modules = {
        "every_plug/__init__.py": "",
        "every_plug/things.py": _THINGS,
        "every_plug/unused.py": _UNUSED,
    }
    install(folder, "every-plug", groups, modules=modules)


def model_of(keras, things):
    """A compiled model with each thing, at the top, nested and inside others."""
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4, 3)), things.Inner()], name="nested")
    inputs = keras.Input((4, 3))
    value = layers.TimeDistributed(things.Inner())(inputs)
    value = things.Outer(things.Inner())(inner(value))
    value = things.Wrapped(layers.Activation(things.act))(value)
    value = layers.Dense(
        2,
        activation=things.act,
        kernel_initializer=things.Init(),
        kernel_regularizer=things.Reg(),
        kernel_constraint=things.Con(),
    )(value)
    model = keras.Model(inputs, value)
    model.compile(
        things.Opt(things.Sched(), momentum=0.5),
        loss=things.Loss(),
        metrics=[things.Met(name="met_object"), things.met],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def parts(model):
    """The class or function of each part, by where it is."""
    _, distributed, nested, outer, wrapped, dense = model.layers
    made = {
        "in TimeDistributed": distributed.layer,
        "in a nested model": nested.layers[0],
        "outer": outer,
        "in outer": outer.inner,
        "wrapper": wrapped,
        "initializer": dense.kernel_initializer,
        "regularizer": dense.kernel_regularizer,
        "constraint": dense.kernel_constraint,
    }
    found = {place: type(one) for place, one in made.items()}
    found |= {"activation": dense.activation, "in wrapper": wrapped.layer.activation}
    if not model.compiled:
        return found
    given = model._compile_config.config
    found["loss"], found["optimizer"] = type(given["loss"]), type(given["optimizer"])
    found["metric"] = type(given["metrics"][0])
    found["metric function"] = given["metrics"][1]
    found["schedule"] = type(given["optimizer"]._learning_rate)
    return found


def save(model, folder):
    """In each format; the texts without weights."""
    import kerasplug

    for suffix in ("keras", "h5"):
        kerasplug.save_model(model, folder / f"m.{suffix}")
    texts = {"json": kerasplug.model_to_json, "yaml": kerasplug.model_to_yaml}
    for suffix, write in texts.items():
        (folder / f"m.{suffix}").write_text(write(model), "utf-8")


def rebuilt(folder, form, custom_objects=None, **options):
    """The model from one of its files."""
    import kerasplug

    path = Path(folder) / f"m.{form}"
    if form in ("keras", "h5"):
        return kerasplug.load_model(path, custom_objects, **options)
    read = {"json": kerasplug.model_from_json, "yaml": kerasplug.model_from_yaml}
    return read[form](path.read_text("utf-8"), custom_objects, **options)


def _main(what, folder):
    import kerasplug

    keras = kerasplug.implementation()
    if what == "save":
        from every_plug import things

        save(model_of(keras, things), Path(folder))
        return
    found = {}
    for form in FORMATS:
        names = parts(rebuilt(folder, form))
        found[form] = {
            place: f"{one.__module__}.{one.__name__}" for place, one in names.items()
        }
    found["modules"] = sorted(name for name in sys.modules if name[:10] == "every_plug")
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
