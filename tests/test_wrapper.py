"""create_layer_wrapper(): calling, the face of the class, files, laziness."""

import concurrent.futures
import copy
import functools
import inspect
import io
import pickle
import pydoc
import threading
import typing
import zipfile

import pytest
from fakes import install, python

import kerasplug
from kerasplug.create_layer import LayerWrapper, create_layer, create_layer_wrapper
from kerasplug.errors import LayerError

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15.1 reads TensorFlow's variables so, under NumPy 2, when it saves.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SOURCE = '''
from __future__ import annotations

import typing

import kerasplug

keras = kerasplug.implementation("keras")

Units = typing.NewType("Units", int)


class GatedDense(keras.layers.Layer):
    """A dense layer with a gate.

    Args:
        units: how many.
    """

    def __init__(self, units: Units, scale: float = 1.0, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.scale = scale

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel) * self.scale

    def get_config(self):
        own = {"units": self.units, "scale": self.scale}
        return {**super().get_config(), **own}
'''


@pytest.fixture(scope="module")
def keras():
    """Keras 3 on TensorFlow, in this process."""
    module = kerasplug.implementation("keras")
    assert module.__version__.startswith("3.")
    return module


@pytest.fixture
def package(keras, tmp_path, monkeypatch, request):
    """The name of an importable module with a layer, another one for each test."""
    name = "wrapped_" + "".join(filter(str.isalnum, request.node.name)).lower()
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.fixture
def gated(package):
    """The layer class of that module."""
    return __import__(package).GatedDense


@pytest.fixture
def wrapper(package):
    """A wrapper that was given the class by name."""
    return create_layer_wrapper(f"{package}:GatedDense")


@pytest.fixture
def array():
    """Two samples of four features."""
    import numpy as np

    return np.ones((2, 4), "float32")


# --- calling ----------------------------------------------------------------------


def test_the_three_ways_to_call(keras, wrapper, gated):
    """`wrapper(x, 32)`, `wrapper(32)` and `wrapper(32)(x)` all work."""
    x = keras.Input((4,))
    assert wrapper(x, 32).shape == (None, 32)
    assert isinstance(wrapper(32), gated)
    assert wrapper(32)(x).shape == (None, 32)


def test_object_by_name(keras, wrapper, array):
    """The object can be given by name, before or after what else is given."""
    assert wrapper(object=array, units=3).shape == (2, 3)
    assert wrapper(3, object=array).shape == (2, 3)
    assert wrapper(object=None, units=3).units == 3


def test_two_objects_are_refused(wrapper, array):
    """An object by position and another by name are refused."""
    with pytest.raises(LayerError, match="two things"):
        wrapper(array, 3, object=array)


def test_numpy_integer_is_an_argument(wrapper):
    """A NumPy number is an argument, not a tensor."""
    import numpy as np

    assert wrapper(np.int64(32)).units == 32


def test_sequential_and_arrays(keras, wrapper, array):
    """A Sequential model grows, an array is called, in first place too."""
    model = keras.Sequential([keras.Input((4,))])
    assert wrapper(model, 3) is model
    assert wrapper(model, 2, name="second") is model
    assert model.output_shape == (None, 2)
    assert wrapper(array, 3).shape == (2, 3)


def test_first_argument_that_is_a_layer(keras):
    """A layer in first place is an argument: it is what wrappers of layers take."""
    timed = create_layer_wrapper(keras.layers.TimeDistributed)
    out = timed(keras.layers.Dense(2))(keras.Input((5, 4)))
    assert out.shape == (None, 5, 2)


def test_first_argument_that_is_a_model(keras):
    """A model in first place is the object; the error says how to give it otherwise."""
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    timed = create_layer_wrapper(keras.layers.TimeDistributed)
    with pytest.raises(LayerError) as caught:
        timed(model)
    assert "layer=model" in caught.value.mend
    assert timed(layer=model).layer is model


def test_class_with_an_argument_called_object(keras):
    """A class that calls an argument of its own `object` gets it by that name."""

    class Odd(keras.layers.Layer):
        def __init__(self, object=None, **kwargs):  # noqa: A002 -- the point of the test
            super().__init__(**kwargs)
            self.thing = object

        def call(self, x):
            return x

    odd = create_layer_wrapper(Odd)
    assert odd(object=3).thing == 3
    assert odd(keras.Input((4,)), object=3).shape == (None, 4)
    assert list(inspect.signature(odd).parameters) == ["_object", "object", "kwargs"]


def test_wrong_arguments_name_the_wrapper(wrapper):
    """A wrong argument is a TypeError with the wrapper's name and the signature."""
    for call in (lambda: wrapper(unit=3), wrapper, lambda: wrapper(1, 2, 3)):
        with pytest.raises(TypeError, match=r"^GatedDense\(\): ") as caught:
            call()
        assert "GatedDense(units: " in caught.value.expected
    with pytest.raises(TypeError) as caught:
        wrapper(unit=3)
    assert caught.value.mend == "did you mean 'units'?"


# --- modifiers --------------------------------------------------------------------


def test_modifiers_convert_what_was_given(package):
    """Modifiers convert arguments that were given, by position or by name, only."""
    calls = []

    def noted(value):
        calls.append(value)
        return float(value)

    wrapper = create_layer_wrapper(
        f"{package}:GatedDense", modifiers={"units": int, "scale": noted}
    )
    assert wrapper("3").units == 3
    assert wrapper(units=3.0).units == 3
    assert calls == []
    assert wrapper("3", "2").scale == 2.0
    assert calls == ["2"]
    assert wrapper(3, None).scale is None


def test_modifiers_see_arguments_behind_keywords(keras):
    """A modifier reaches an argument that the class takes through `**kwargs`."""
    wrapper = create_layer_wrapper(keras.layers.Dense, modifiers={"name": str.lower})
    assert wrapper(3, name="UPPER").name == "upper"


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`:UserWarning")
@pytest.mark.parametrize("given", [(4,), [4], 4, 4.0])
def test_input_shape_is_converted(keras, given):
    """`input_shape` becomes a tuple of ints unless a modifier says otherwise."""
    wrapper = create_layer_wrapper(keras.layers.Dense)
    model = wrapper(keras.Sequential(), 3, input_shape=given)
    assert model.input_shape == (None, 4)


def test_input_shape_of_broken_size_is_refused(keras):
    """A size that is no whole number is refused with its name."""
    with pytest.raises(LayerError, match=r"4.5 is not a whole number") as caught:
        create_layer_wrapper(keras.layers.Dense)(3, input_shape=[4.5])
    assert "input_shape=[4.5]" in caught.value.found


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`:UserWarning")
def test_own_modifier_beats_the_default(keras):
    """A modifier for `input_shape` takes the place of the default one."""
    swap = {"input_shape": lambda shape: tuple(reversed(shape))}
    model = create_layer_wrapper(keras.layers.Dense, modifiers=swap)(
        keras.Sequential(), 3, input_shape=(4, 5)
    )
    assert model.input_shape == (None, 5, 4)


def test_modifier_that_fails(package):
    """A value that can't be converted is refused with argument and value."""
    wrapper = create_layer_wrapper(f"{package}:GatedDense", modifiers={"units": int})
    with pytest.raises(LayerError, match="'units' can't be converted by int") as caught:
        wrapper("many")
    assert "units='many'" in caught.value.found
    assert isinstance(caught.value.__cause__, ValueError)


def test_modifier_of_unknown_name(package):
    """A modifier for what is no argument is refused when the class is known."""
    wrapper = create_layer_wrapper(f"{package}:GatedDense", modifiers={"unit": int})
    with pytest.raises(LayerError, match="modifier for 'unit'") as caught:
        wrapper(3)
    assert "'units'" in caught.value.mend


def test_modifier_that_is_no_function(package):
    """A modifier that can't be called is refused at once."""
    with pytest.raises(LayerError, match="can't be called"):
        create_layer_wrapper(f"{package}:GatedDense", modifiers={"units": "int"})


# --- the face of the class --------------------------------------------------------


def test_signature_is_the_class_own(wrapper, gated):
    """The signature is the constructor's, after a parameter `object`."""
    first, *rest = inspect.signature(wrapper).parameters.values()
    assert (first.name, first.default) == ("object", None)
    own = list(inspect.signature(gated.__init__).parameters.values())[1:]
    assert rest == own
    assert str(inspect.signature(wrapper)).startswith("(object=None, units: 'Units', ")


def test_signature_of_a_partial(wrapper):
    """The signature of a partial call of the wrapper can be told as well."""
    partial = functools.partial(wrapper, scale=2.0)
    assert "units" in inspect.signature(partial).parameters


def test_doc_and_names(wrapper, gated, package):
    """Docstring and names are the class' own; `name` gives it another."""
    assert inspect.getdoc(wrapper) == inspect.getdoc(gated)
    assert (wrapper.__name__, wrapper.__qualname__) == ("GatedDense", "GatedDense")
    assert wrapper.__module__ == package
    named = create_layer_wrapper(gated, name="layer_gated")
    assert named.__name__ == named.__qualname__ == "layer_gated"


def test_help(wrapper):
    """help() shows the name and the docstring of the class, and goes anywhere."""
    stream = io.StringIO()
    pydoc.Helper(output=stream).help(wrapper)
    text = pydoc.plain(stream.getvalue())
    assert "GatedDense = <layer wrapper GatedDense" in text
    assert "A dense layer with a gate." in text
    assert "What `create_layer_wrapper` returns" not in text


def test_type_hints(wrapper, package):
    """Type hints are resolved where the class was written."""
    hints = typing.get_type_hints(wrapper)
    assert hints["units"] is __import__(package).Units
    assert hints["scale"] is float
    assert hints["return"] is typing.Any


def test_the_wrapper_class_keeps_its_own_face():
    """The class of wrappers has a docstring and a signature of its own."""
    assert inspect.getdoc(LayerWrapper).startswith("What `create_layer_wrapper`")
    assert "layer_class" in inspect.signature(LayerWrapper).parameters
    with pytest.raises(AttributeError, match="no attribute 'layer_clas'"):
        _ = create_layer_wrapper("nowhere:Gate").layer_clas


def test_class_without_constructor(keras):
    """A class without a constructor of its own has the signature of its base."""

    class Plain(keras.layers.Layer):
        def call(self, x):
            return x

    wrapper = create_layer_wrapper(Plain)
    assert {"object", "name", "dtype"} <= set(inspect.signature(wrapper).parameters)
    assert wrapper(keras.Input((4,))).shape == (None, 4)


def test_repr_says_what_is_wrapped(gated, package):
    """The repr names class and module."""
    expected = f"<layer wrapper GatedDense of {package}:GatedDense>"
    assert repr(create_layer_wrapper(gated)) == expected
    assert repr(create_layer_wrapper(f"{package}:GatedDense")) == expected
    catalogued = create_layer_wrapper("downstream-pkg/gated_dense")
    assert (
        repr(catalogued) == "<layer wrapper gated_dense of downstream-pkg/gated_dense>"
    )


def test_as_a_base(wrapper, gated):
    """The class serves as a base, and so does the wrapper itself."""

    class One(wrapper.layer_class):
        pass

    class Two(wrapper):
        pass

    assert issubclass(One, gated)
    assert Two.__mro__[1] is gated


def test_as_a_decorator(keras):
    """Put over a class, it makes the class a wrapper."""

    @create_layer_wrapper
    class Twice(keras.layers.Layer):
        def call(self, x):
            return x * 2

    assert isinstance(Twice, LayerWrapper)
    assert Twice(keras.Input((4,))).shape == (None, 4)


def test_wrapper_of_a_wrapper(wrapper, gated, array):
    """A wrapper in the place of a class stands for its class."""
    assert create_layer_wrapper(wrapper, name="again").layer_class is gated
    assert create_layer(wrapper, array, units=3).shape == (2, 3)


@pytest.mark.parametrize("wrong", [int, 3, None, "a b", "x:y:z", len])
def test_what_cannot_be_wrapped(keras, wrong):
    """What names no layer class is refused when the wrapper is made."""
    with pytest.raises(LayerError, match="no layer class"):
        create_layer_wrapper(wrong)


def test_everything_but_the_class_is_by_name(gated):
    """Modifiers, name and register are given by name only."""
    with pytest.raises(TypeError, match="positional"):
        create_layer_wrapper(gated, {"units": int})


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
    modules = {"reg_plug/__init__.py": "", "reg_plug/deep/__init__.py": SOURCE}
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
    source = SOURCE + (
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
    (tmp_path / "appears_later.py").write_text(SOURCE)
    __import__("importlib").invalidate_caches()
    assert wrapper(3).units == 3
