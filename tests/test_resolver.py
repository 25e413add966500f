"""Plain Keras finds plugins while a resolver is installed, and not before or after."""

import sys

import numpy as np
import pytest
from saving_plugin import classes_in, forget_demo, installed_demo, scaled

import kerasplug
from kerasplug.errors import ImplementationError, MissingPluginError
from kerasplug.saving import install_resolver
from kerasplug.saving import resolver as resolver_module

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15's TensorFlow backend, with NumPy 2: its users see it as well.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def keras():
    """The Keras of this process."""
    return kerasplug.implementation()


@pytest.fixture
def site(tmp_path, monkeypatch, keras):
    """A folder on `sys.path` with the demo plugin; it and its names are forgotten."""
    with installed_demo(tmp_path / "site", keras) as folder:
        monkeypatch.syspath_prepend(folder)
        yield folder


def functions():
    """The functions of Keras that a resolver replaces, as they are now."""
    places = (*resolver_module._LOADERS["keras"], *resolver_module._MAKERS["keras"])
    return [getattr(sys.modules[module], name) for module, name in places]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_plain_keras_loads_what_plugins_provide(suffix, site, keras, tmp_path):
    """By each of its public names, also one imported before; then it is undone."""
    from keras.models import load_model as early

    path = scaled(keras, tmp_path / f"m{suffix}")
    names = (early, keras.saving.load_model, sys.modules["keras"].models.load_model)
    before = functions()

    with pytest.raises((TypeError, ValueError)):
        early(path)
    for load in names:
        with install_resolver() as resolver:
            assert resolver.installed
            assert [one.__module__ for one in classes_in(load(path))][1:] == [
                "demo_plug.layers"
            ]
        assert not resolver.installed
        forget_demo(keras)
        with pytest.raises((TypeError, ValueError)):
            load(path)
    assert functions() == before


def test_texts_and_single_layers_are_found_as_well(site, keras, tmp_path):
    """`model_from_json` and `layers.deserialize` go the same way."""
    model = kerasplug.load_model(scaled(keras, tmp_path / "m.keras"))
    text = model.to_json()
    layer = keras.layers.serialize(model.layers[0])
    forget_demo(keras)

    with install_resolver():
        again = keras.models.model_from_json(text)
        forget_demo(keras)
        one = keras.layers.deserialize(layer)

    assert [one.__name__ for one in classes_in(again)] == ["Scale", "Scale"]
    assert type(one).__module__ == "demo_plug.layers"
    assert again.to_json() == text


def test_it_does_what_load_model_does(site, keras, tmp_path):
    """Also where plain Keras fails on its own file: training goes on after HDF5."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((2, 2)), np.ones((2, 1))
    model.fit(x, y, verbose=0)
    kerasplug.save_model_hdf5(model, tmp_path / "m.h5")

    with install_resolver():
        loaded = keras.models.load_model(tmp_path / "m.h5")
        loaded.fit(x, y, verbose=0)
    assert int(loaded.optimizer.iterations) == 2


def test_the_latest_says_who_may_provide(site, keras, tmp_path):
    """`allow` is that of the one installed last; removed, the one before counts."""
    path = scaled(keras, tmp_path / "m.keras")
    outer = install_resolver()
    inner = install_resolver(allow="other-plug")

    with pytest.raises(MissingPluginError):
        keras.models.load_model(path)
    inner.remove()
    inner.remove()
    assert outer.installed
    assert len(classes_in(keras.models.load_model(path))) == 2
    outer.remove()
    assert not any(hasattr(one, "replaces") for one in functions())


def test_what_is_missing_is_said_in_our_words(site, keras, tmp_path):
    """The short error names the thing, in place of Keras' long one."""
    path = scaled(keras, tmp_path / "m.keras")
    layer = {
        "module": "absent_pkg.layers",
        "class_name": "Absent",
        "config": {},
        "registered_name": "absent_pkg>Absent",
    }

    with install_resolver(), kerasplug.blocked("demo-plug"):
        with pytest.raises(MissingPluginError, match="demo_plug>Scale"):
            keras.models.load_model(path)
        with pytest.raises(MissingPluginError, match="absent_pkg>Absent"):
            keras.layers.deserialize(layer)


def test_what_is_no_file_is_left_to_keras(keras, tmp_path):
    """Its errors are its own, for paths that are not there and for open files."""
    with install_resolver():
        with pytest.raises(ValueError, match="File not found"):
            keras.models.load_model(tmp_path / "none.keras")
        assert keras.activations.get("relu") is keras.activations.relu


def test_a_keras_without_these_functions_is_an_error(keras, monkeypatch):
    """Nothing is replaced then, and the error says what works in its stead."""
    before = functions()
    module, name = resolver_module._LOADERS["keras"][1]
    monkeypatch.delattr(sys.modules[module], name)

    with pytest.raises(ImplementationError, match="no place") as caught:
        install_resolver()
    assert f"{module}.{name}" in caught.value.found
    monkeypatch.undo()
    assert functions() == before


def test_every_thread_finds_plugins(site, keras, tmp_path):
    """Eight threads load at once, each gets its model."""
    from concurrent.futures import ThreadPoolExecutor

    path = scaled(keras, tmp_path / "m.keras")
    with install_resolver(), ThreadPoolExecutor(8) as pool:
        models = list(pool.map(keras.models.load_model, [path] * 8))
    assert len({id(model) for model in models}) == 8
    assert all(len(classes_in(model)) == 2 for model in models)
