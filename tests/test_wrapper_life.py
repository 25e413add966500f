"""Wrappers in files, in Keras' registry, in threads and other processes."""

import concurrent.futures
import copy
import pickle
import threading
import zipfile

import pytest
from fakes import LAYER_MODULE, install, python

from kerasplug.create_layer import create_layer_wrapper
from kerasplug.errors import LayerError

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15.1 reads TensorFlow's variables so, under NumPy 2, when it saves.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def gated(package):
    """The layer class of that module."""
    return __import__(package).GatedDense


# --- files ------------------------------------------------------------------------


def _model(keras, layer):
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, layer(inputs), name="m")


def test_wrapping_changes_no_file(keras, gated, wrapper, tmp_path):
    """A model of a wrapped layer is configured and saved as one of the bare class."""
    bare = _model(keras, gated(3, name="g"))
    wrapped = _model(keras, wrapper(3, name="g"))
    wrapped.set_weights(bare.get_weights())
    assert bare.to_json() == wrapped.to_json()
    files = []
    for model in (bare, wrapped):
        model.save(tmp_path / "m.keras")
        with zipfile.ZipFile(tmp_path / "m.keras") as archive:
            names = sorted(archive.namelist())
            files.append({name: archive.read(name) for name in names})
    assert files[0].keys() == files[1].keys()
    assert files[0]["config.json"] == files[1]["config.json"]
    assert len(files[0]["model.weights.h5"]) == len(files[1]["model.weights.h5"])
    assert b"kerasplug" not in b"".join(files[1].values())


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("saved_with", ["class", "wrapper"])
@pytest.mark.parametrize("loaded_with", ["class", "wrapper"])
def test_as_custom_object(
    keras, gated, wrapper, array, tmp_path, suffix, saved_with, loaded_with
):
    """Class and wrapper stand for each other in files and as custom objects."""
    makers = {"class": gated, "wrapper": wrapper}
    model = _model(keras, makers[saved_with](3, name="g"))
    path = tmp_path / f"m.{suffix}"
    model.save(path)
    known = {"GatedDense": makers[loaded_with]}
    again = keras.saving.load_model(path, custom_objects=known, compile=False)
    assert type(again.get_layer("g")) is gated
    assert (model.predict(array, verbose=0) == again.predict(array, verbose=0)).all()


def test_as_custom_object_in_a_scope(keras, gated, wrapper):
    """A custom object scope takes the wrapper, for a configuration and for a clone."""
    model = _model(keras, gated(3))
    with keras.saving.custom_object_scope({"GatedDense": wrapper}):
        again = keras.models.model_from_json(model.to_json())
    assert type(again.layers[1]) is gated


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_as_custom_object_on_keras_2(suffix, array, tmp_path):
    """On Keras 2 a wrapper is a custom object as well."""
    import tf_keras

    class Scale(tf_keras.layers.Layer):
        def __init__(self, by=2.0, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return x * self.by

        def get_config(self):
            return {**super().get_config(), "by": self.by}

    wrapper = create_layer_wrapper(Scale)
    inputs = tf_keras.Input((4,))
    model = tf_keras.Model(inputs, wrapper(inputs, 3.0))
    path = tmp_path / f"m.{suffix}"
    if suffix == "h5":
        with pytest.warns(UserWarning, match="HDF5"):
            model.save(path)
    else:
        model.save(path)
    again = tf_keras.models.load_model(path, {"Scale": wrapper}, compile=False)
    assert type(again.layers[1]) is Scale
    assert again.predict(array, verbose=0)[0, 0] == 3.0


def test_wrapped_layer_in_time_distributed(keras, wrapper):
    """A wrapped layer without compute_output_shape goes into TimeDistributed."""
    out = keras.layers.TimeDistributed(wrapper(3))(keras.Input((5, 4)))
    assert out.shape == (None, 5, 3)


# --- registration -----------------------------------------------------------------


def test_nothing_is_registered_by_default(keras, gated, wrapper):
    """Wrapping registers nothing."""
    wrapper(3)
    assert keras.saving.get_registered_name(gated) == "GatedDense"


def test_register_under_the_top_level_package(keras, tmp_path, monkeypatch):
    """`register` registers under the top-level package, and a file loads plainly."""
    modules = {"reg_plug/__init__.py": "", "reg_plug/deep/__init__.py": LAYER_MODULE}
    install(tmp_path, "reg-plug", {}, modules=modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    wrapper = create_layer_wrapper("reg_plug.deep:GatedDense", register=True)
    name = "reg_plug>GatedDense"
    assert keras.saving.get_registered_object(name) is None
    model = _model(keras, wrapper(3))
    assert keras.saving.get_registered_name(wrapper.layer_class) == name
    model.save(tmp_path / "m.keras")
    assert keras.saving.load_model(tmp_path / "m.keras").layers[1].units == 3


def test_register_of_a_class_is_done_at_once(keras, gated, package):
    """A class that is there already is registered when the wrapper is made, once."""
    for _ in range(2):
        create_layer_wrapper(gated, register=True)
        name = keras.saving.get_registered_name(gated)
        assert name == f"{package}>GatedDense"


def test_own_registration_stays(keras, gated):
    """A class that its author registered keeps the author's name."""
    keras.saving.register_keras_serializable(package="mine", name="Own")(gated)
    create_layer_wrapper(gated, register=True)
    assert keras.saving.get_registered_name(gated) == "mine>Own"


def test_classes_of_keras_are_not_registered(keras):
    """A class of Keras itself needs no registration and gets none."""
    create_layer_wrapper(keras.layers.Dense, register=True)
    assert keras.saving.get_registered_name(keras.layers.Dense) == "Dense"


def test_two_classes_of_one_registered_name(keras, gated, package):
    """A name that another class has already is refused, naming both places."""
    create_layer_wrapper(gated, register=True)
    names = {"__module__": f"{package}.other", "__qualname__": "GatedDense"}
    other = type("GatedDense", (gated,), names)
    with pytest.raises(LayerError, match="already") as caught:
        create_layer_wrapper(other, register=True)
    assert f"{package}.other.GatedDense" in caught.value.found


def test_main_is_refused():
    """A class of `__main__` is not registered, and the reason is given."""
    done = python(
        """
        import kerasplug
        keras = kerasplug.implementation()

        class Gate(keras.layers.Layer):
            pass

        kerasplug.create_layer_wrapper(Gate)
        try:
            kerasplug.create_layer_wrapper(Gate, register=True)
        except kerasplug.KerasplugError as error:
            print(error)
        """
    )
    assert "__main__" in done.stdout
    assert "no other program can import" in done.stdout
    assert "move the class" in done.stdout


# --- laziness, threads, processes -------------------------------------------------


def test_making_a_wrapper_needs_no_keras(tmp_path):
    """Where Keras is missing, a package of wrappers is imported all the same."""
    modules = {
        "lazy_plug/__init__.py": """
            import kerasplug
            dense = kerasplug.create_layer_wrapper("lazy_plug.layers:Dense")
            gate = kerasplug.create_layer_wrapper(
                "lazy-plug/gate", modifiers={"units": int}, register=True)
        """,
        "lazy_plug/layers.py": "import not_installed_at_all",
    }
    install(tmp_path, "lazy-plug", {}, modules=modules)
    done = python(
        """
        import sys
        for name in ("keras", "tensorflow", "tf_keras", "numpy"):
            sys.modules[name] = None
        import lazy_plug, pickle
        again = pickle.loads(pickle.dumps(lazy_plug.gate))
        print(lazy_plug.dense, again, "lazy_plug.layers" in sys.modules)
        try:
            lazy_plug.dense(3)
        except ModuleNotFoundError as error:
            print(error)
        """,
        tmp_path,
    )
    said, error = done.stdout.splitlines()
    assert said == (
        "<layer wrapper Dense of lazy_plug.layers:Dense> "
        "<layer wrapper gate of lazy-plug/gate> False"
    )
    assert error == "No module named 'not_installed_at_all'"


def test_pickle_and_copy(package, wrapper):
    """A wrapper is pickled by what it was given, before and after its first use."""
    given = create_layer_wrapper(
        f"{package}:GatedDense", modifiers={"units": int}, name="dense"
    )
    for _ in range(2):
        again = pickle.loads(pickle.dumps(given))
        assert (again.__name__, again("3").units) == ("dense", 3)
        assert copy.deepcopy(given)("3").units == 3
        assert given("3").units == 3


def test_first_use_from_many_threads(package):
    """First use from 16 threads gives one class, registered and prepared once."""
    wrapper = create_layer_wrapper(f"{package}:GatedDense", register=True)
    start = threading.Barrier(16)

    def use(_):
        start.wait()
        return wrapper.layer_class, wrapper(3).units

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = set(pool.map(use, range(16)))
    assert results == {(wrapper.layer_class, 3)}


def test_a_module_may_use_its_wrapper_while_it_is_imported(
    keras, tmp_path, monkeypatch
):
    """Two threads, one importing a module that uses a wrapper of it, both finish."""
    source = LAYER_MODULE + (
        "import time\ntime.sleep(0.3)\nfrom kerasplug.create_layer import *\n"
        "made = create_layer_wrapper('import_in_use:GatedDense')(3)\n"
    )
    (tmp_path / "import_in_use.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    wrapper = create_layer_wrapper("import_in_use:GatedDense")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        one = pool.submit(lambda: __import__("import_in_use").made.units)
        two = pool.submit(lambda: wrapper(3).units)
        assert (one.result(60), two.result(60)) == (3, 3)


def test_broken_module_stays_retryable(keras, tmp_path, monkeypatch):
    """A first use that fails leaves the wrapper as it was; the next one may work."""
    monkeypatch.syspath_prepend(str(tmp_path))
    wrapper = create_layer_wrapper("appears_later:GatedDense")
    with pytest.raises(LayerError, match="no module 'appears_later'"):
        wrapper(3)
    (tmp_path / "appears_later.py").write_text(LAYER_MODULE)
    __import__("importlib").invalidate_caches()
    assert wrapper(3).units == 3
