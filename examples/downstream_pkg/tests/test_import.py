"""The package is light: these tests need no Keras, and none may be loaded."""

import subprocess
import sys

import kerasplug

ENGINES = {"keras", "tf_keras", "tensorflow", "jax", "torch", "numpy"}


def loaded_after(code):
    """The top-level modules that a new process has after running `code`."""
    code += "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import_loads_no_keras():
    """Importing the package, and asking what is in it, loads no Keras."""
    code = "import downstream_pkg; dir(downstream_pkg); downstream_pkg.__all__"

    assert not ENGINES & loaded_after(code)


def test_wrappers_load_no_keras():
    """A wrapper can be imported and looked at without Keras."""
    code = "from downstream_pkg import layer_gated_dense; repr(layer_gated_dense)"

    assert not ENGINES & loaded_after(code)


def test_hooks_load_no_keras():
    """The records can be made without Keras."""
    code = "from downstream_pkg import hooks; hooks.kerasplug_layers()"

    assert not ENGINES & loaded_after(code)


def test_kerasplug_lists_everything():
    """What was declared and what the hooks return are in the catalogs, side by side."""
    ours = {one.name: one for one in kerasplug.plugins()}["downstream-pkg"]

    assert not ours.faults
    assert ours.names == {
        "layer": ("gated_dense", "running_norm"),
        "application": ("tiny_mlp",),
        "dataset": ("two_spirals",),
        "callback": ("best_keeper",),
        "object": ("squared_relu",),
    }
