"""The functions under R's names: all are there, typed, and do what the records say."""

import doctest
import inspect
import pickle
import subprocess
import sys

import kerasplug_applications as package
import numpy as np
import pytest
from kerasplug_applications import functions
from kerasplug_applications.hooks import kerasplug_applications

import kerasplug

RECORDS = {record.name: record for record in kerasplug_applications()}
#: As R's interface to Keras 2 spells them.
OLD = {
    "application_nasnetlarge": "application_nasnet_large",
    "application_nasnetmobile": "application_nasnet_mobile",
}


class _Other:
    """Another plugin with an application of the same name."""

    @kerasplug.hookimpl
    def kerasplug_applications(self):
        return [kerasplug.ApplicationRecord(name="digits_cnn", target="builtins:dict")]


@pytest.fixture
def other():
    """The other plugin is there for as long as the test runs."""
    plugin = _Other()
    kerasplug.register(plugin)
    yield plugin
    kerasplug.unregister(plugin)


def function(name):
    return getattr(functions, f"application_{name}")


def defaults(callable_):
    return {p.name: p.default for p in inspect.signature(callable_).parameters.values()}


def test_each_record_has_its_function():
    """There is one for each model, two have an old spelling, and there is no other."""
    wanted = {f"application_{name}" for name in RECORDS} | set(OLD)

    assert set(functions.__all__) == wanted
    assert len(wanted) == 43
    for old, new in OLD.items():
        assert getattr(functions, old) is getattr(functions, new)
    for name in RECORDS:
        assert function(name).__name__ == f"application_{name}"


def test_the_package_has_them_as_well():
    """The package lists each name, and each is the very function."""
    assert package.__all__ == functions.__all__
    assert set(functions.__all__) <= set(dir(package))
    for name in functions.__all__:
        assert getattr(package, name) is getattr(functions, name)


def test_importing_them_imports_no_keras():
    """Functions and their descriptions need no NumPy; the package not even them."""
    code = (
        "import inspect, sys; import kerasplug_applications as package; "
        "print('kerasplug_applications.functions' in sys.modules); "
        "one = package.application_vgg16; inspect.signature(one), one.__doc__; "
        "print(*{'numpy', 'keras', 'tensorflow', 'jax', 'h5py'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False"]


@pytest.mark.parametrize("name", RECORDS)
def test_what_type_checkers_see_is_what_is_there(name):
    """The protocol of a function has its arguments, in order, and their defaults."""
    like = functions.__annotations__[f"application_{name}"]
    typed, real = defaults(like.__call__), defaults(function(name))
    del typed["self"]

    assert list(typed) == list(real)
    # What a model of Keras is called by default is its own.
    assert typed["name"] in (..., real["name"])
    assert {**typed, "name": real["name"]} == real


@pytest.mark.parametrize("name", RECORDS)
def test_arguments_are_those_of_the_application(name):
    """They are the handle's, and the default weights are the handle's first ones."""
    handle = kerasplug.applications[f"kerasplug-applications/{name}"]
    real = defaults(function(name))

    assert real.pop("weights") == handle.weights[0]
    assert real == handle.arguments
    kinds = {one.kind for one in inspect.signature(function(name)).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", RECORDS)
def test_each_describes_itself(name):
    """The docstring tells what it is, each argument, what comes back, and its paper."""
    text = inspect.getdoc(function(name))

    first = " ".join(text.partition("\n\n")[0].split())
    assert first.lower() == f"{RECORDS[name].summary}.".lower()
    for argument in defaults(function(name)):
        assert f"\n    {argument}: " in text
    for part in ("\nReturns:\n", "\nRaises:\n", "\nExample:\n", "\nSource: "):
        assert part in text
    assert max(map(len, text.splitlines())) <= 88


def test_examples_are_true():
    """What the examples print is what the docstrings show, one for each function."""
    from kerasplug_applications import describing

    failures, tried = doctest.testmod(functions)
    assert failures == 0
    assert tried >= 3 * len(RECORDS)
    assert doctest.testmod(describing)[0] == 0


def test_they_can_be_pickled():
    """A function comes back as itself, so other processes can be given it."""
    for name in functions.__all__:
        one = getattr(functions, name)
        assert pickle.loads(pickle.dumps(one)) is one


def test_positions_are_refused():
    """Keras has different orders, so an argument without its name is a `TypeError`."""
    with pytest.raises(TypeError, match=r"application_vgg16\(\) takes 0 positional"):
        functions.application_vgg16(True)


@pytest.mark.engine
@pytest.mark.parametrize("name", sorted(set(RECORDS) - {"digits_cnn"}))
def test_arguments_are_those_of_keras(name):
    """Names and defaults are those of Keras' own function, `weights` included."""
    import keras

    constructor = RECORDS[name].summary.partition(":")[0]

    theirs = defaults(getattr(keras.applications, constructor))
    assert defaults(function(name)) == theirs


@pytest.mark.engine
def test_the_digits_are_read():
    """Without arguments the packaged weights are in it, and it knows its classes."""
    (_, _), (x, y) = kerasplug.datasets["digits"].load()
    model = functions.application_digits_cnn()
    preds = model.predict(x[:9, ..., None], verbose=0)

    assert preds.argmax(axis=1).tolist() == y[:9].tolist()
    rows = kerasplug.application_decode_predictions(model, preds, top=1)
    assert [row[0][1] for row in rows] == [str(one) for one in y[:9]]


@pytest.mark.engine
def test_a_model_of_keras_is_built_and_known():
    """Arguments reach Keras, and the model is known to be of this distribution."""
    model = functions.application_mobilenet(
        weights=None, alpha=0.25, input_shape=(32, 32, 3), include_top=False, name="m"
    )
    white = np.full((1, 32, 32, 3), 255, "uint8")

    assert model.name == "m"
    assert model.output_shape == (None, 1, 1, 256)
    assert kerasplug.application_preprocess_inputs(model, white).max() == 1.0


@pytest.mark.engine
def test_no_other_plugin_comes_in_between(other):
    """Where the bare name is another plugin's as well, the function's is this one's."""
    with pytest.raises(kerasplug.AmbiguousNameError):
        kerasplug.applications["digits_cnn"]

    assert functions.application_digits_cnn().count_params() == 21_818


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("vgg16", {"pooling": "average", "include_top": False}, "did you mean 'avg'"),
        ("vgg16", {"poling": "avg"}, "did you mean 'pooling'"),
        ("vgg16", {"alpha": 0.5}, "takes no argument 'alpha'"),
        ("digits_cnn", {"weights": "imagenet"}, "'digits'"),
        ("digits_cnn", {"input_tensor": None}, "takes no argument 'input_tensor'"),
        ("mobilenet_v2", {"weights": None, "classes": 0}, "from 1"),
    ],
    ids=str,
)
def test_wrong_arguments_are_told(name, wrong, said):
    """Errors are those of `kerasplug.applications`, before anything is fetched."""
    with pytest.raises(kerasplug.ApplicationError) as caught:
        function(name)(**wrong)

    assert said in str(caught.value)
