"""create_layer_wrapper(): calling, modifiers, the face of the class."""

import functools
import inspect
import io
import pydoc
import typing

import pytest

from kerasplug.create_layer import LayerWrapper, create_layer, create_layer_wrapper
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
