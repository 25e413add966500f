"""Which classes of Keras 3 there are; a subclass of one is another one."""

from typing import Any

from kerasplug.implementation import implementation

__all__ = ["class_of", "functional_class", "keras3"]


def keras3() -> Any:
    """Keras 3, also where it is in use as tf.keras, which shows fewer of its names."""
    return implementation("keras")


def class_of(layer: Any) -> str:
    """The name of the layer's class in `keras.layers`; empty: it is not Keras' own.

    It goes by the class itself: a subclass is another one, and a name says nothing.
    """
    named = type(layer).__name__
    for keras in (
        keras3(),
        implementation(),
    ):  # tf.keras has an AlphaDropout of its own
        if getattr(keras.layers, named, None) is type(layer):
            return named
    return ""


def functional_class() -> type:
    """The class of functional models, for which Keras has no public name."""
    keras = keras3()
    x = keras.Input((1,), name="x")
    return type(keras.Model(x, x, name="functional"))
