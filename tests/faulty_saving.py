"""Layers that other processes can't have as they are; otherwise as they should be."""

import hashlib
from pathlib import Path
from typing import ClassVar

import faults_saving
import numpy as np
from downstream_pkg.layers import GatedDense  # noqa: F401 -- by this module's name
from faulty_base import Same

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_saving")
registered(faults_saving.doubled)

print("a module may print:", "much" * 200)  # noqa: T201 -- it must disturb nobody


class _Scales(Same):
    """Multiplies by one weight a name, each with other values."""

    names = ()

    def build(self, input_shape):
        self.scales = [
            self.add_weight(name=name, shape=(input_shape[-1],), initializer="uniform")
            for name in self.names
        ]
        super().build(input_shape)

    def call(self, inputs):
        outputs = inputs
        for number, scale in enumerate(self.scales):
            outputs = outputs + inputs * scale * (number + 1.0)
        return outputs


# --- faulty ---


@registered
class WeightsOfASet(_Scales):
    """The order of its weights is that of a set of texts: another in each process."""

    names = frozenset(f"part_{letter}" for letter in "abcdefgh")

    def call(self, inputs):
        outputs = inputs
        for name, scale in zip(self.names, self.scales, strict=True):
            outputs = outputs + inputs * scale * float(ord(name[-1]) - 96)
        return outputs


@registered
class OneName(_Scales):
    """Its weights have one name: `.h5` files, which go by names, have no place."""

    names = ("scale", "scale")


@registered
class KeepsLabelsHere(Same):
    """Its file holds a key, and what the key stands for stays in the module."""

    known: ClassVar = {}

    def build(self, input_shape):
        self.labels = [f"feature {one}" for one in range(input_shape[-1])]
        super().build(input_shape)

    def save_assets(self, folder):
        self.known[self.name] = self.labels
        (Path(folder) / "key.txt").write_text(self.name, encoding="utf-8")

    def load_assets(self, folder):
        key = (Path(folder) / "key.txt").read_text(encoding="utf-8")
        self.labels = self.known[key]

    def call(self, inputs):
        return inputs * 2.0


@registered
class HashesTextsAnew(Same):
    """Makes a number of a text by hash(), which is another one in each process."""

    def __init__(self, text="a", **kwargs):
        super().__init__(**kwargs)
        self.text = text
        self.number = hash(text) % 1_000_003 / 1_000_003

    def call(self, inputs):
        return inputs + self.number

    def get_config(self):
        return {**super().get_config(), "text": self.text}


@registered
class OwnArray(Same):
    """An array that is no weight: only files that the layer itself writes have it."""

    def build(self, input_shape):
        self.shifts = np.random.normal(size=input_shape[-1]).astype("float32")  # noqa: NPY002 -- seeded with Keras
        super().build(input_shape)

    def save_own_variables(self, store):
        store["shifts"] = self.shifts

    def load_own_variables(self, store):
        self.shifts = np.array(store["shifts"])

    def call(self, inputs):
        return inputs + self.shifts


# --- sound ---


@registered
class HashesTexts(Same):
    """Makes a number of a text, by a function that is the same everywhere."""

    def __init__(self, text="a", **kwargs):
        super().__init__(**kwargs)
        self.text = text
        self.number = hashlib.sha256(text.encode()).digest()[0] / 256

    def call(self, inputs):
        return inputs + self.number

    def get_config(self):
        return {**super().get_config(), "text": self.text}


@registered
class KeepsLabels(KeepsLabelsHere):
    """Its file holds the labels themselves."""

    def save_assets(self, folder):
        text = "\n".join(self.labels)
        (Path(folder) / "labels.txt").write_text(text, encoding="utf-8")

    def load_assets(self, folder):
        text = (Path(folder) / "labels.txt").read_text(encoding="utf-8")
        self.labels = text.splitlines()


@registered
class SavesItsOwnWay(_Scales):
    """Writes its weights under names of its own."""

    names = ("first", "second")

    def save_own_variables(self, store):
        for name, scale in zip(self.names, self.scales, strict=True):
            store[f"my {name}"] = np.array(scale)

    def load_own_variables(self, store):
        for name, scale in zip(self.names, self.scales, strict=True):
            scale.assign(store[f"my {name}"])


def _made():
    @registered
    class MadeByAFunction(_Scales):
        """A class that a function makes, and the module holds."""

        names = ("only",)

    return MadeByAFunction


MadeByAFunction = _made()


class Group:
    """A class that holds others."""

    @registered
    class Within(_Scales):
        """A class in a class."""

        names = ("only",)
