"""pipe(): steps from left to right, on tensors and on Sequential models."""

import pytest

from kerasplug.create_layer import create_layer_wrapper, pipe
from kerasplug.errors import LayerError

pytestmark = pytest.mark.engine


@pytest.fixture
def dense(keras):
    """A wrapper of Dense."""
    return create_layer_wrapper(keras.layers.Dense, name="dense")


def test_no_steps(keras):
    """Without steps what was given comes back."""
    x = object()
    assert pipe(x) is x


def test_left_to_right():
    """Each step gets what the step before returned."""
    assert pipe([3, 1, 2], sorted, "".__class__, str.upper) == "[1, 2, 3]"


def test_layers_models_wrappers_and_functions(keras, dense):
    """Layers, models, what wrappers return, and functions are steps."""
    inner = keras.Sequential([keras.Input((8,)), keras.layers.Dense(6)])
    out = pipe(
        keras.Input((4,)),
        dense(8),
        inner,
        keras.layers.Dropout(0.1),
        keras.ops.abs,
        lambda x: x[:, :2],
    )
    assert out.shape == (None, 2)


def test_arrays_and_dicts(keras, dense, array):
    """The pipe begins with an array, or with a dict of tensors, just as well."""
    assert pipe(array, dense(3), dense(2)).shape == (2, 2)
    pair = {"a": keras.Input((4,)), "b": keras.Input((4,))}
    out = pipe(pair, lambda x: [x["a"], x["b"]], keras.layers.Add(), dense(2))
    assert out.shape == (None, 2)


def test_sequential_grows_in_place(keras, dense):
    """On a Sequential model the layers are added, and the model comes back."""
    model = keras.Sequential([keras.Input((4,))])
    inner = keras.Sequential([keras.layers.Dense(6)])
    assert pipe(model, dense(8), inner, keras.layers.ReLU()) is model
    assert len(model.layers) == 3
    assert model.output_shape == (None, 6)


def test_function_on_sequential_is_refused(keras, dense):
    """A function can't be added to a Sequential model, which stays as it was."""
    model = keras.Sequential([keras.Input((4,))])
    with pytest.raises(LayerError, match=r"Step 1 of pipe.*Only layers") as caught:
        pipe(model, dense(3), keras.ops.abs)
    assert "keras.Input" in caught.value.mend
    assert model.layers == []


def test_failing_layer_on_sequential_is_taken_back(keras, dense):
    """A layer that doesn't fit leaves the Sequential model as it was."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="ndim") as caught:
        pipe(model, dense(3), keras.layers.Conv2D(2, 3))
    assert "In step 1 of pipe(): <Conv2D" in caught.value.__notes__[0]
    assert len(model.layers) == 1
    assert model.output_shape == (None, 2)
    assert pipe(model, dense(3)).output_shape == (None, 3)


def test_wrapper_that_was_not_called(keras, dense):
    """A wrapper that nobody called works where its class needs no arguments."""
    relu = create_layer_wrapper(keras.layers.ReLU)
    assert pipe(keras.Input((4,)), relu).shape == (None, 4)
    with pytest.raises(LayerError, match=r"Step 0 of pipe.*'units'") as caught:
        pipe(keras.Input((4,)), dense)
    assert "was not called: write dense(...)" in caught.value.mend


def test_step_that_cannot_be_called(keras, dense):
    """A step that can't be called is refused before anything is done."""
    model = keras.Sequential()
    with pytest.raises(LayerError, match=r"Step 1 .* can't be called: 3\.") as caught:
        pipe(model, dense(3), 3)
    assert "type int" in caught.value.found
    assert model.layers == []


def test_step_that_is_a_tensor(keras, dense):
    """Who calls the wrapper on a tensor inside the pipe hears what happened."""
    x = keras.Input((4,))
    with pytest.raises(LayerError) as caught:
        pipe(x, dense(x, 3))
    assert "leave it out" in caught.value.mend


@pytest.mark.parametrize("wrong", [None, 3, "x"])
def test_layers_need_something_to_be_put_on(dense, wrong):
    """A layer on what is neither model nor tensor is refused, naming the step."""
    with pytest.raises(LayerError, match=r"Step 1 of pipe.*Dense can't be put on"):
        pipe(wrong, lambda x: x, dense(3))


def test_what_a_step_raises_passes_through():
    """An exception of a step keeps its type and gets a note with the step."""

    def fails(x):
        message = "no"
        raise KeyError(message)

    with pytest.raises(KeyError, match="no") as caught:
        pipe(1, abs, fails)
    assert caught.value.__notes__[0].startswith("In step 1 of pipe(): <function")


def test_long_reprs_are_cut(array):
    """A step with an endless repr doesn't flood the message."""
    import numpy as np

    with pytest.raises(LayerError) as caught:
        pipe(1, np.zeros((50, 50)))
    assert max(map(len, str(caught.value).splitlines())) < 200


def test_layer_of_another_keras(keras, legacy, dense):
    """A layer of another Keras is refused, naming both and the step."""
    x = keras.Input((4,))
    with pytest.raises(LayerError, match=r"Step 1 of pipe.*Keras 2.*Keras 3"):
        pipe(x, dense(3), legacy.layers.Dense(3))
    model = legacy.Sequential([legacy.layers.Dense(2)])
    with pytest.raises(LayerError, match=r"Keras 3.*Sequential of Keras 2"):
        pipe(model, legacy.layers.Dense(2), dense(3))
    assert len(model.layers) == 1


def test_functional_model_at_the_start(keras, dense):
    """A model that can't grow is refused."""
    x = keras.Input((4,))
    with pytest.raises(LayerError, match="only a Sequential model"):
        pipe(keras.Model(x, keras.layers.Dense(3)(x)), dense(3))
