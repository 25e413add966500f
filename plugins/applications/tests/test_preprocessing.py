"""Pixels are prepared as Keras does it, bit for bit, and the caller's are left alone.

Each family has a `preprocess_input` of its own in Keras. It writes over its argument,
so it is given a copy.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from kerasplug_applications.families import FAMILIES
from kerasplug_applications.hooks import kerasplug_applications

import kerasplug

pytestmark = pytest.mark.engine

#: One model of each family.
NAMES = {record.family: record.name for record in kerasplug_applications()}
DTYPES = ("uint8", "int32", "float16", "float32", "float64")
FORMATS = (None, "channels_last", "channels_first")
#: One family for each way to prepare pixels.
MODES = ("mobilenet_v3", "xception", "vgg16", "densenet")

#: Arrays that are anything but whole and in order; the pixels come as they are.
LAYOUTS = {
    "plain": lambda x: x,
    "read-only": lambda x: _read_only(x.copy()),
    "every second": lambda x: x.repeat(2, axis=0)[::2],
    "backwards": lambda x: x[::-1, ..., ::-1],
    "Fortran's order": np.asfortranarray,
    "turned": lambda x: x.swapaxes(-1, -2).copy().swapaxes(-1, -2),
    "all alike": lambda x: np.broadcast_to(x[:1], x.shape),
    "other bytes first": lambda x: x.astype(x.dtype.newbyteorder()),
}


def _read_only(x):
    x.setflags(write=False)
    return x


def pixels(dtype, shape):
    """Random pixels in [0, 255], with fractions where the type has them."""
    rng = np.random.default_rng(7)
    x = rng.integers(0, 256, shape)
    if dtype.startswith("float"):
        x = np.minimum(x + rng.random(shape), 255)
    return x.astype(dtype)


def shape_of(data_format, *sizes):
    height, width = 6, 5
    one = (3, height, width) if data_format == "channels_first" else (height, width, 3)
    return (*sizes, *one)


def of_keras(family, x, data_format):
    module = getattr(kerasplug.implementation().applications, family)
    return module.preprocess_input(x, data_format=data_format)


def of_ours(family, x, data_format):
    name = f"kerasplug-applications/{NAMES[family]}"
    return kerasplug.application_preprocess_inputs(name, x, data_format=data_format)


def same(mine, his):
    """Whether type, shape and all bits are the same."""
    alike = mine.dtype == his.dtype and mine.shape == his.shape
    return alike and mine.tobytes() == his.tobytes()


def test_there_is_a_model_of_each_family():
    """What follows is about all of them, and about all modes there are."""
    assert set(NAMES) == {*FAMILIES, "digits_cnn"}
    said = {one.preprocessing for one in FAMILIES.values()}
    assert {FAMILIES[one].preprocessing for one in MODES} == said


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_arrays_are_prepared_as_keras_does_it(family, dtype, data_format):
    """One image and many, in each number type and each order of the axes."""
    for sizes in ((), (1,), (4,)):
        x = pixels(dtype, shape_of(data_format, *sizes))
        before = x.copy()

        mine = of_ours(family, x, data_format)

        assert same(mine, of_keras(family, before.copy(), data_format))
        assert same(x, before)
        raw = FAMILIES[family].preprocessing == "raw"
        assert np.shares_memory(mine, x) == raw


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_tensors_are_prepared_as_keras_does_it(family, dtype, data_format):
    """Whole numbers become `floatx` first, which Keras leaves to the caller."""
    keras = kerasplug.implementation()
    for sizes in ((), (4,)):
        x = keras.ops.convert_to_tensor(pixels(dtype, shape_of(data_format, *sizes)))
        before = keras.ops.convert_to_numpy(x).copy()

        mine = of_ours(family, x, data_format)

        his = x
        if FAMILIES[family].preprocessing != "raw" and "int" in dtype:
            his = keras.ops.cast(x, keras.config.floatx())
        his = of_keras(family, his, data_format)
        assert same(*map(keras.ops.convert_to_numpy, (mine, his)))
        assert same(keras.ops.convert_to_numpy(x), before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("family", MODES)
def test_the_callers_array_is_left_alone(family, layout, dtype):
    """Views, read-only arrays and any order in memory: the numbers, and no write."""
    for data_format in FORMATS[1:]:
        whole = pixels(dtype, shape_of(data_format, 4))
        x = LAYOUTS[layout](whole)
        before, whole_before = x.copy(), whole.copy()

        mine = of_ours(family, x, data_format)

        assert same(mine, of_keras(family, before.copy(), data_format))
        assert same(x, before)
        assert same(whole, whole_before)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 299, 300), (1, 700, 801)], ids=str)
@pytest.mark.parametrize("family", MODES)
def test_many_and_large_images_are_no_other(family, shape, dtype):
    """What is worked on in pieces comes out as if it had been done at once."""
    images, *sides = shape
    for data_format in FORMATS[1:]:
        one = (3, *sides) if data_format == "channels_first" else (*sides, 3)
        x = pixels(dtype, (images, *one))
        before = x.copy()

        mine = of_ours(family, x, data_format)

        assert same(x, before)
        assert same(mine, of_keras(family, before, data_format))


def test_keras_itself_writes_over_its_argument():
    """The reason for the copies in here; when this fails, Keras has changed."""
    for family in MODES[1:]:
        x = np.full((1, 2, 2, 3), 255.0, "float32")
        of_keras(family, x, None)
        assert not (x == 255).all()


def test_all_of_it_holds_on_jax():
    """The same tests pass in a process on JAX, none of them skipped but this one."""
    if kerasplug.backend() == "jax":
        pytest.skip("it is this very run")
    own = {
        "JAX_PLATFORMS": "cpu",
        "KERASPLUG_IMPLEMENTATION": "keras",
        "KERAS_BACKEND": "jax",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert ", 1 skipped" in done.stdout.splitlines()[-1]
