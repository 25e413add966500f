"""A plugin with a small model, and weight files for it that Keras writes."""

import hashlib
import runpy
import textwrap
from typing import NamedTuple

import fetch_server as web
from fakes import install

from kerasplug import PackagedFile, PublishedFile, RemoteFile

__all__ = [
    "NAMES",
    "Written",
    "install_home",
    "packaged",
    "published",
    "remote",
    "writer",
]

NAMES = ("rose", "tulip", "daisy")

_MODELS = """
    import kerasplug

    keras = kerasplug.implementation()


    def flowers(include_top=True, input_shape=None, classes=3, name="flowers"):
        inputs = keras.Input(input_shape or (8, 8, 3))
        x = keras.layers.Conv2D(4, 3, name="stem")(inputs)
        x = keras.layers.Conv2D(2, 3, name="body")(x)
        x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
        if include_top:
            x = keras.layers.Dense(classes, activation="softmax", name="head")(x)
        return keras.Model(inputs, x, name=name)


    def halved(x):
        x = x.astype("float32", copy=False)
        x *= 0.5  # over what it was given, as Keras' own do
        return x


    def names():
        return [("f0", "rose"), ("f1", "tulip"), ("f2", "daisy")]
"""
_HOOKS = """
from kerasplug import (
    ApplicationRecord, PackagedFile, PublishedFile, RemoteFile, hookimpl
)

COMMON = {
    "target": "home_made.models:flowers",
    "preprocessing": "home_made.models:halved",
    "decoder": "home_made.models:names",
    "classes": 3,
    "min_size": 5,
}
FILES = __FILES__


@hookimpl
def kerasplug_applications():
    return [
        ApplicationRecord(name=name, **COMMON, **files) for name, files in FILES.items()
    ]
"""


class Written(NamedTuple):
    """A weight file, and the weights that are in it."""

    data: bytes
    weights: list


def writer(folder):
    """A function that writes the weights of a new model into a file, by Keras.

    Args:
        folder: a new one, for the source of the model and the files.
    """
    source = folder / "models.py"
    source.write_text(textwrap.dedent(_MODELS), "utf-8")
    found = runpy.run_path(str(source))

    def written(name, seed, **arguments):
        found["keras"].utils.set_random_seed(seed)
        model = found["flowers"](**arguments)
        model.save_weights(folder / name)
        return Written((folder / name).read_bytes(), model.get_weights())

    return written


def remote(server, name, data, variant):
    """A file on the server, with its SHA-256."""
    digest = hashlib.sha256(data).hexdigest()
    url = server.serve(f"/{name}", web.of(data))
    return RemoteFile(name=name, url=url, sha256=digest, variant=variant)


def published(server, name, data, variant, *, hashed=True):
    """A file on the server, with its MD5 or nothing."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() if hashed else ""
    url = server.serve(f"/{name}", web.of(data))
    return PublishedFile(name=name, url=url, md5=md5, variant=variant)


def packaged(name, data, variant):
    """A file in the package."""
    digest = hashlib.sha256(data).hexdigest()
    return PackagedFile(path=f"home_made:data/{name}", sha256=digest, variant=variant)


def install_home(site, files, data):
    """Install `home-made` into a folder of `sys.path`.

    Args:
        site: the folder.
        files: name of an application -> fields of its record, with files in them.
        data: name -> bytes, of what is in the package's folder `data`.
    """
    modules = {
        "home_made/__init__.py": "",
        "home_made/hooks.py": _HOOKS.replace("__FILES__", repr(files)),
        "home_made/models.py": _MODELS,
    }
    points = {"kerasplug": {"home": "home_made.hooks"}}
    install(site, "home-made", points, modules=modules)
    folder = site / "home_made" / "data"
    folder.mkdir()
    for name, content in data.items():
        (folder / name).write_bytes(content)
