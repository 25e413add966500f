"""Models of five families, and a plugin that has names for what they tell apart.

`main("save", FOLDER)` and `main("load", FOLDER)` run where it is installed.
"""

import json
import sys
from pathlib import Path

from fakes import install

__all__ = ["FAMILIES", "INDEX", "enliven", "install_made_up", "main"]

#: Name -> smallest side, and in which format it is saved. All four ways to prepare
#: pixels are among them, and layers that only the module of a family has.
FAMILIES = {
    "mobilenet_v2": (32, ".keras"),
    "densenet121": (32, ".h5"),
    "resnet50": (32, ".h5"),
    "efficientnet_b0": (32, ".keras"),
    "convnext_tiny": (32, ".keras"),
}
#: In the form of the class index of ImageNet, whose own bytes only Keras' site has.
INDEX = {str(place): [f"n{place:08}", f"thing {place}"] for place in range(1000)}

_HOOKS = '''
    """The records of kerasplug-applications, with other names for the classes."""

    import dataclasses

    from kerasplug import hookimpl
    from kerasplug_applications.hooks import kerasplug_applications as theirs


    @hookimpl
    def kerasplug_applications():
        return [
            dataclasses.replace(one, decoder="made_up.names:classes")
            for one in theirs()
        ]
'''
_NAMES = '''
    """Made-up classes, read by what reads those of ImageNet."""

    from pathlib import Path

    from kerasplug_applications.imagenet import read


    def classes():
        return read(str(Path(__file__).with_name("class_index.json")))
'''


def install_made_up(folder):
    """Install `made-up` into a folder of `sys.path`."""
    modules = {
        "made_up/__init__.py": "",
        "made_up/hooks.py": _HOOKS,
        "made_up/names.py": _NAMES,
        "made_up/class_index.json": json.dumps(INDEX),
    }
    install(
        folder, "made-up", {"kerasplug": {"made_up": "made_up.hooks"}}, modules=modules
    )


def save(name, folder):
    """Save a new model, and what it makes of some pictures."""
    import numpy as np

    import kerasplug

    side, suffix = FAMILIES[name]
    model = kerasplug.applications[f"made-up/{name}"](
        weights=None, input_shape=(side, side, 3)
    )
    x = np.random.default_rng(0).integers(0, 256, (16, side, side, 3), "uint8")
    enliven(model, kerasplug.application_preprocess_inputs(model, x))
    kerasplug.save_model(model, folder / f"{name}{suffix}")
    _note(model, x[:2], folder / f"{name} before.npz")


def enliven(model, prepared):
    """Give normalizations the means and variances that they meet, as training does.

    With those that new ones have, deep models answer the same to every picture.
    """
    norms = [one for one in model.layers if hasattr(one, "moving_variance")]
    usual = [one.momentum for one in norms]
    for one in norms:
        one.momentum = 0.0
    model(prepared.astype("float32"), training=True)
    for one, momentum in zip(norms, usual, strict=True):
        one.momentum = momentum


def load(name, folder):
    """Load it, and note the same; the names of its three best classes as well."""
    import numpy as np

    import kerasplug

    model = kerasplug.load_model(folder / f"{name}{FAMILIES[name][1]}")
    with np.load(folder / f"{name} before.npz") as before:
        preds = _note(model, before["x"], folder / f"{name} after.npz")
    return kerasplug.application_decode_predictions(model, preds, top=3)


def _note(model, x, path):
    import numpy as np

    import kerasplug

    prepared = kerasplug.application_preprocess_inputs(model, x)
    preds = model.predict(prepared, verbose=0)
    np.savez(path, x=x, prepared=prepared, preds=preds)
    return preds


def main(what, folder):
    """Do it with each of them; what was said is printed as JSON."""
    import kerasplug

    keras = kerasplug.implementation()
    # Each process has random weights of its own until it loads others.
    keras.utils.set_random_seed(["save", "load"].index(what))
    said = {}
    for name in FAMILIES:
        said[name] = {"save": save, "load": load}[what](name, Path(folder))
        keras.utils.clear_session()
    sys.stdout.write(json.dumps(said) + "\n")
