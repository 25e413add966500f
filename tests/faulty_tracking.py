"""Layers whose parts Keras does not know, or does not freeze; correct in all else."""

import weakref

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_tracking")


class _Box:
    """A plain object: Keras does not look into it."""

    def __init__(self, content):
        self.content = content


class _Same(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape):
        return input_shape

    def norm(self):
        """A sublayer of the layer's own dtypes."""
        return keras.layers.LayerNormalization(dtype=self.dtype_policy)


@registered
class HidesLayer(_Same):
    """One of its two sublayers is in a plain object."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = self.norm()
        self.box = _Box([self.norm()])

    def build(self, input_shape):
        for one in (self.inner, *self.box.content):
            if not one.built:
                one.build(input_shape)

    def call(self, inputs):
        return self.box.content[0](self.inner(inputs))


class _Composed(_Same):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = self.norm()
        self.scale = None

    def build(self, input_shape):
        if self.scale is None:
            self.inner.build(input_shape)
            size = (input_shape[-1],)
            self.scale = self.add_weight(shape=size, name="scale", initializer="ones")

    def call(self, inputs):
        return self.inner(inputs) * self.scale


@registered
class FreezesNoPart(_Composed):
    """Freezing the layer leaves its sublayer as it is."""

    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        if self.scale is not None:
            self.scale.trainable = bool(value)


@registered
class FrozenPart(_Composed):
    """As it should be: a part that is never trained, unless one says so."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner.trainable = False


@registered
class Containers(_Same):
    """As it should be: Keras looks into lists, tuples and dicts, however deep."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = {"first": [self.norm(), (self.norm(),)], "second": self.norm()}
        self.order = (self.parts["first"][0], *self.parts["first"][1])

    def build(self, input_shape):
        for one in (*self.order, self.parts["second"]):
            one.build(input_shape)

    def call(self, inputs):
        for one in self.order:
            inputs = one(inputs)
        return self.parts["second"](inputs)


@registered
class BackReference(_Composed):
    """As it should be: what plain objects refer to is tracked elsewhere."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.box = _Box({"whole": self, "part": self.inner})
        self.weak = weakref.ref(self)
