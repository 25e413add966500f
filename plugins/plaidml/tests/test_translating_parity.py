"""Each layer of the tables computes on PlaidML what it computes here."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers
from plaidml_kit import plaidml_python  # noqa: F401 -- a fixture
from translat_kit import (
    CLOSE,
    SHAPES,
    apart,
    branches,
    here,
    model_of,
    randomize,
    rows_of,
    started,
    there,
)

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture(scope="module")
def worker(plaidml_python):  # noqa: F811 -- a fixture
    """One process for all tests: it takes seconds to start."""
    with started(plaidml_python) as one:
        yield one


@pytest.mark.parametrize("kind", list(SHAPES))
def test_each_layer_computes_the_same(worker, kind):
    """With random weights and random rows, to a hundred-thousandth."""
    made = branches()[kind]
    model = model_of(kind, made)
    x = rows_of(kind)
    given, wanted = there(worker, model, x), here(model, x)
    pairs = zip(made, map(apart, given, wanted), strict=True)
    wrong = {name: off for name, off in pairs if off > CLOSE}
    assert wrong == {}


def test_embeddings_take_whole_floats(worker):
    """A float32 input is cut to integers on both sides."""
    model = keras.Sequential([keras.Input((5,)), layers.Embedding(9, 3)])
    randomize(model)
    x = rows_of("words").astype("float32")
    assert apart(there(worker, model, x)[0], here(model, x)[0]) == 0


def test_pictures_may_be_integers(worker):
    """A Rescaling makes floats of them."""
    x = keras.Input((4, 4, 1), dtype="uint8")
    small = layers.Flatten()(layers.Rescaling(1 / 255)(x))
    model = keras.Model(x, layers.Dense(3)(small))
    randomize(model)
    rows = np.random.default_rng(4).integers(0, 256, (5, 4, 4, 1)).astype("uint8")
    off = apart(there(worker, model, rows)[0], here(model, rows)[0])
    assert off < CLOSE


def test_graphs_are_rebuilt_as_they_are(worker):
    """Shared layers, nested models called twice, several inputs and outputs."""
    shared, late = (
        layers.Dense(3, name="shared"),
        layers.Activation("tanh", name="late"),
    )
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    inner = keras.Sequential(
        [keras.Input((3,)), layers.Dense(3, "relu"), layers.Dense(3)], name="inner"
    )
    two = keras.Model([a, b], [layers.Subtract()([a, b]), layers.Dense(2)(a)])
    # Its first call waits for a layer that its second one does not need, and that is
    # listed behind it: there the second one is made first.
    first, second = shared(late(a)), shared(b)
    deep = second
    for _ in range(8):
        deep = layers.Activation("tanh")(deep)
    low, high = two([inner(second), deep])
    model = keras.Model([b, a], [inner(low), high, first])
    names = [one.name for one in model.layers]
    assert names.index("late") > names.index("shared")
    randomize(model)
    random = np.random.default_rng(2)
    inputs = [random.normal(size=(3, 3)).astype("float32") for _ in range(2)]
    given, wanted = there(worker, model, *inputs), here(model, *inputs)
    assert len(given) == len(wanted) == 3
    assert max(map(apart, given, wanted)) < CLOSE


def test_a_reshape_beside_padding_is_right(worker):
    """What goes to a padded operation and is reshaped as well is not disturbed."""
    x = keras.Input(SHAPES["image"])
    wide = layers.Conv2D(3, 2, activation="tanh")(x)
    padded = layers.Conv2D(2, 2, padding="same")(wide)
    both = [layers.Dense(3)(layers.Flatten()(one)) for one in (padded, wide)]
    model = keras.Model(x, layers.Add()(both))
    randomize(model)
    rows = rows_of("image")
    off = apart(there(worker, model, rows)[0], here(model, rows)[0])
    assert off < CLOSE


_VECTORS = st.sampled_from(
    [
        lambda: layers.Dense(5, "tanh"),
        lambda: layers.Dense(3, "softmax", use_bias=False),
        layers.BatchNormalization,
        layers.PReLU,
        lambda: layers.ELU(0.5),
        lambda: layers.Dropout(0.5),
    ]
)
_IMAGES = st.sampled_from(
    [
        lambda: layers.Conv2D(3, 2, padding="same", activation="relu"),
        lambda: layers.SeparableConv2D(2, 3, padding="same"),
        lambda: layers.DepthwiseConv2D(2, padding="same"),
        lambda: layers.Conv2DTranspose(2, 2, padding="same"),
        lambda: layers.MaxPooling2D(2, padding="same"),
        lambda: layers.AveragePooling2D(2, strides=1),
        lambda: layers.ZeroPadding2D(1),
        layers.BatchNormalization,
        lambda: layers.LeakyReLU(0.1),
    ]
)
_FLAT = st.sampled_from([layers.Flatten, layers.GlobalMaxPooling2D])


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    images=st.lists(_IMAGES, max_size=3),
    flat=_FLAT,
    vectors=st.lists(_VECTORS, min_size=1, max_size=3),
)
def test_random_stacks_compute_the_same(worker, images, flat, vectors):
    """Whatever layers of the tables follow each other."""
    made = [*images, flat, *vectors]
    model = keras.Sequential([keras.Input(SHAPES["image"]), *(one() for one in made)])
    randomize(model)
    x = rows_of("image")
    assert apart(there(worker, model, x)[0], here(model, x)[0]) < CLOSE
