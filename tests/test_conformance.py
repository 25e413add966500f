"""check_layer and layer_checks: what they take, what they say, whom they blame."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pytest_kit import clean, pytest_here

import kerasplug
from kerasplug.errors import (
    CheckSetupError,
    ConformanceError,
    LayerError,
    UnknownNameError,
)
from kerasplug.testing import LayerCase, check_layer, layer_checks
from kerasplug.testing.conformance.suite import CHECKS

pytestmark = pytest.mark.engine

QUICK = ["build_equals_call", "weights_are_made_once", "build_is_idempotent"]
DENSE = {"init_kwargs": {"units": 3}, "input_shape": (2, 4), "checks": QUICK}
NO_BUILD = {"input_shape": (2, 4), "checks": QUICK}
FAULTY = "faulty_building:NoBuild"


def test_a_correct_layer_gives_a_report(keras):
    """The report says what ran; it prints, and it is plain data for JSON."""
    report = check_layer(keras.layers.Dense, **DENSE)

    assert report.ran == QUICK
    assert "3 checks ran; 3 passed" in report.summary()
    assert json.loads(json.dumps(report.to_dict()))["checks"][QUICK[0]] == {
        "status": "passed",
        "what": "",
    }


def test_the_error_lists_all_that_failed(keras):
    """One error holds every failed check, with reason and mend, and the report."""
    faulty = {"input_shape": (2, 4), "expected_failures": {QUICK[1]: "it is expected"}}

    with pytest.raises(ConformanceError) as caught:
        check_layer(FAULTY, **faulty, checks=QUICK)

    said = str(caught.value)
    assert "NoBuild fails 2 checks: build_equals_call, weights_are_made_once." in said
    assert "why:" in said
    assert "mend:" in said
    assert caught.value.report.ids("failed") == ["build_equals_call"]
    assert caught.value.report.ids("unexpected") == ["weights_are_made_once"]


def _dense(units):
    return kerasplug.implementation().layers.Dense(units)


@pytest.mark.parametrize(
    "layer",
    [
        "keras.layers:Dense",
        "class",
        _dense,
    ],
    ids=["module:Class", "class", "factory"],
)
def test_a_layer_is_given_as_class_name_or_factory(layer, keras):
    """A class, the name of one, and a function that makes layers are the same."""
    layer = keras.layers.Dense if layer == "class" else layer

    assert check_layer(layer, **DENSE).ids("passed") == QUICK


def test_a_layer_is_given_by_its_name_in_the_catalog(keras):
    """What a plugin declares is checked by its name."""
    options = {**DENSE, "init_kwargs": {"units": 3}}

    assert check_layer("downstream-pkg/gated_dense", **options).ids("passed") == QUICK


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        ("Add", {"input_shape": [(2, 3), (2, 3)]}),
        ("Add", {"input_shape": ((2, 3), (2, 3))}),
        (
            "MultiHeadAttention",
            {
                "init_kwargs": {"num_heads": 2, "key_dim": 2},
                "input_shape": {"query": (2, 3, 4), "value": (2, 5, 4)},
            },
        ),
        (
            "Embedding",
            {
                "init_kwargs": {"input_dim": 9, "output_dim": 2},
                "input_shape": (2, 3),
                "input_dtype": "int32",
                "input_bounds": (0, 9),
            },
        ),
        (
            "Dense",
            {"init_kwargs": {"units": 3}, "input_data": [[1.0, 2.0], [3.0, 4.0]]},
        ),
    ],
    ids=["list", "tuple", "dict", "integers", "data"],
)
def test_inputs_are_shapes_or_data(layer, options, keras):
    """One shape, a list, tuple or dict of shapes, integers, or data."""
    if "input_data" in options:
        import numpy as np

        options = {**options, "input_data": np.array(options["input_data"], "float32")}

    report = check_layer(f"keras.layers:{layer}", **options, checks=QUICK)

    assert "weights_are_made_once" in report.ids("passed")


# --- the call is to blame ---


def _abstract():
    import abc

    keras = kerasplug.implementation()

    class Abstract(keras.layers.Layer, abc.ABC):
        @abc.abstractmethod
        def scores(self, inputs):
            """Subclasses have it."""

        def call(self, inputs):
            return self.scores(inputs)

    return Abstract


BLAMED = {
    "a shape that the layer refuses": (
        "keras.layers:Conv2D",
        {"init_kwargs": {"filters": 2, "kernel_size": 3}, "input_shape": (2, 4)},
        "Conv2D can't be called on these inputs",
    ),
    "an argument that it has not": (
        "keras.layers:Dense",
        {"init_kwargs": {"unit": 3}, "input_shape": (2, 4)},
        "Dense can't be made with these arguments",
    ),
    "a missing argument": (
        "keras.layers:Dense",
        {"input_shape": (2, 4)},
        "Dense can't be made with these arguments",
    ),
    "a value that it refuses": (
        "keras.layers:Dense",
        {"init_kwargs": {"units": -1}, "input_shape": (2, 4)},
        "Dense can't be made with these arguments",
    ),
    "a call argument that it has not": (
        "keras.layers:Dense",
        {"init_kwargs": {"units": 1}, "input_shape": (2, 4), "call_kwargs": {"no": 1}},
        "Dense can't be called on these inputs",
    ),
    "neither shape nor data": ("keras.layers:Dense", {}, "one of input_shape"),
    "both": (
        "keras.layers:Dense",
        {"input_shape": (2, 4), "input_data": 1.0},
        "one of input_shape",
    ),
    "a shape with an unknown size": (
        "keras.layers:Dense",
        {"input_shape": (None, 4)},
        "An input shape is a tuple of sizes",
    ),
    "a shape that is empty": (
        "keras.layers:Dense",
        {"input_shape": ()},
        "An input shape is a tuple of sizes",
    ),
    "a dtype too few": (
        "keras.layers:Add",
        {"input_shape": [(2, 3), (2, 3)], "input_dtype": ["float32"]},
        "input_dtype has nothing for the input 1",
    ),
    "a dtype that there is not": (
        "keras.layers:Flatten",
        {"input_shape": (2, 3), "input_dtype": "float33"},
        "float33",
    ),
    "a range without values": (
        "keras.layers:Flatten",
        {"input_shape": (2, 3), "input_dtype": "int32", "input_bounds": (3, 3)},
        "input_bounds",
    ),
    "the root of all layers": (
        "keras.layers:Layer",
        {"input_shape": (2, 3)},
        "Layer is an abstract layer",
    ),
}


@pytest.mark.parametrize("name", BLAMED)
def test_the_call_is_blamed_and_not_the_layer(name, keras):
    """One error says what is wrong with the call, and how to mend it."""
    layer, options, said = BLAMED[name]

    with pytest.raises(CheckSetupError) as caught:
        check_layer(layer, **options)

    assert said in str(caught.value)
    assert caught.value.found
    assert not isinstance(caught.value, ConformanceError)


def test_an_abstract_class_is_no_layer_to_check(keras):
    """The error names the abstract methods."""
    with pytest.raises(
        CheckSetupError, match="Abstract is an abstract layer"
    ) as caught:
        check_layer(_abstract(), input_shape=(2, 3))

    assert "scores" in caught.value.found


def test_an_instance_is_no_layer_to_check(keras):
    """Checks make many layers; one instance says how to give its class."""
    with pytest.raises(CheckSetupError, match="by its class") as caught:
        check_layer(keras.layers.Dense(3), input_shape=(2, 3))

    assert "Dense" in caught.value.mend


def test_a_factory_of_something_else_is_refused(keras):
    """A function that makes no layer is named."""
    with pytest.raises(CheckSetupError, match="makes no layer"):
        check_layer(lambda: 3, input_shape=(2, 3), name="three")


@pytest.mark.parametrize(
    ("layer", "error"),
    [
        ("no_such_package.layers:Thing", LayerError),
        ("keras.layers:Dens", LayerError),
        ("gated_dens", UnknownNameError),
        (3, CheckSetupError),
    ],
)
def test_a_layer_that_is_not_there_is_named(layer, error, keras):
    """A missing package, class or name is the error that it is elsewhere."""
    with pytest.raises(error, match=str(layer).rpartition(":")[2].split(".")[0]):
        check_layer(layer, input_shape=(2, 3))


# --- what is expected of checks ---


@pytest.mark.parametrize("argument", ["checks", "expected_failures"])
def test_an_unknown_check_is_an_error_that_names_one_close_by(argument):
    """A misspelt id does not silently check, or expect, nothing."""
    value = {"build_equal_call": "reason"}

    with pytest.raises(CheckSetupError, match="no check 'build_equal_call'") as caught:
        LayerCase("keras.layers:Dense", input_shape=(2, 4), **{argument: value})

    assert "build_equals_call" in caught.value.mend


def test_an_expected_failure_has_a_reason():
    """An empty reason is refused."""
    with pytest.raises(CheckSetupError, match="gives no reason"):
        LayerCase("keras.layers:Dense", expected_failures={QUICK[0]: " "})


def test_an_expected_failure_of_a_check_that_does_not_run_is_an_error():
    """What is chosen by `checks` and what is expected have to agree."""
    with pytest.raises(CheckSetupError, match="which is not run"):
        LayerCase(
            "keras.layers:Dense", checks=QUICK[:1], expected_failures={QUICK[1]: "why"}
        )


def test_an_expected_failure_is_no_fault(keras):
    """A check that was expected to fail, and does, is reported with its reason."""
    expected = {"build_equals_call": "sublayers are built by calls"}

    report = check_layer(FAULTY, **NO_BUILD, expected_failures=expected)

    assert report.ids("expected") == ["build_equals_call"]
    assert "sublayers are built by calls" in str(report)


def test_an_expected_failure_that_passes_is_a_fault(keras):
    """So that the list is taken down when the layer is mended."""
    with pytest.raises(ConformanceError, match="it was expected to fail, and passed"):
        check_layer(
            "keras.layers:Dense", **DENSE, expected_failures={QUICK[0]: "never did"}
        )


def test_a_green_run_cannot_hide_that_little_ran(keras):
    """With `minimum`, too few checks that apply are an error that lists the others."""
    options = {
        "init_kwargs": {"num_heads": 1, "key_dim": 2},
        "input_shape": [(2, 3, 4), (2, 3, 4)],
    }
    with pytest.raises(ConformanceError, match="Only 1 checks") as caught:
        check_layer(_pair, **options, name="pair", checks=QUICK[1:2], minimum=2)

    assert "at least 2" in str(caught.value)


def _pair(**kwargs):
    keras = kerasplug.implementation()
    attention = keras.layers.MultiHeadAttention(**kwargs)

    class Pair(keras.layers.Layer):
        def call(self, inputs):
            return attention(*inputs)

    return Pair()


def test_single_checks_are_called_one_by_one(keras):
    """layer_checks yields checks with id, docstring and a call."""
    checks = {one.id: one for one in layer_checks(FAULTY, **NO_BUILD)}

    assert list(checks) == QUICK
    assert "built by its shape" in checks["build_equals_call"].__doc__
    checks["weights_are_made_once"]()
    with pytest.raises(ConformanceError, match="NoBuild fails build_equals_call"):
        checks["build_equals_call"]()


def test_random_numbers_of_the_caller_go_on(keras):
    """Checks seed; afterwards Python's and NumPy's numbers are as without them."""
    import random

    import numpy as np

    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002 -- what Keras and users seed

    check_layer("keras.layers:Dense", **DENSE)

    assert random.getstate() == python
    assert str(np.random.get_state()) == str(array)  # noqa: NPY002 -- the same


# --- what is written about them ---


def _listed():
    """The table of all checks, as docs/conformance.md has it."""
    lines = ["| check | what it is about |", "|---|---|"]
    return lines + [f"| `{one.id}` | {one.title} |" for one in CHECKS.values()]


def test_the_documentation_lists_every_check():
    """The page has each check with its first sentence, in the order of the suite."""
    page = Path(__file__).parents[1] / "docs" / "conformance.md"
    _, _, rest = page.read_text("utf-8").partition("<!-- checks -->")

    written = rest.partition("<!-- end of checks -->")[0].strip().splitlines()

    assert written == _listed(), "\n".join(_listed())


def test_each_check_says_what_why_and_how():
    """No check without a sentence on what it is, why it matters and how to mend it."""
    for one in CHECKS.values():
        assert one.title.endswith("."), one.id
        assert one.why.strip().endswith("."), one.id
        assert one.mend.strip(), one.id


# --- as items of pytest ---

#: Where the faulty layers are.
_PATH = {"env": {"PYTHONPATH": str(Path(__file__).parent)}}

ITEMS = """
    import kerasplug.testing as kt

    @kt.parametrize_with_checks([
        kt.LayerCase("keras.layers:Dense", init_kwargs={"units": 3},
                     input_shape=(2, 4), checks=CHECKS, minimum=MINIMUM),
        kt.LayerCase("faulty_building:NoBuild", input_shape=(2, 4), checks=CHECKS),
        kt.LayerCase("faulty_building:NoBuild", input_shape=(2, 4), checks=CHECKS,
                     name="known", expected_failures={"build_equals_call": "known"}),
    ])
    def test_layers(check):
        check()
""".replace("CHECKS", repr(QUICK))


def test_each_check_is_an_item_with_a_readable_id(tmp_path):
    """A failing check is one failing item, an expected failure one xfailed item."""
    ran = pytest_here(
        tmp_path, {"test_it.py": ITEMS.replace("MINIMUM", "3")}, "-v", **_PATH
    )

    assert ran.counts == {"passed": 8, "failed": 1, "xfailed": 1}
    assert "test_it.py::test_layers[Dense-build_equals_call] PASSED" in ran.out
    assert "test_it.py::test_layers[NoBuild-build_equals_call] FAILED" in ran.out
    assert "test_it.py::test_layers[known-build_equals_call] XFAIL" in ran.out


def test_too_few_checks_are_a_failing_item(tmp_path):
    """The demand is an item of its own; it counts rightly when it runs alone."""
    files = {"test_it.py": ITEMS.replace("MINIMUM", "4")}

    ran = pytest_here(tmp_path, files, "-k", "enough", **_PATH)

    assert ran.counts == {"failed": 1, "deselected": 9}
    assert "Only 3 checks said something about Dense" in ran.out


def test_collecting_checks_loads_no_keras(tmp_path):
    """Ids are known, and listed, before any Keras is imported."""
    files = {
        "test_it.py": ITEMS.replace("MINIMUM", "None"),
        "conftest.py": """
            import sys

            def pytest_collection_finish():
                assert not {"keras", "tensorflow", "numpy"} & set(sys.modules)
        """,
    }

    ran = pytest_here(tmp_path, files, "--collect-only", "-q", **_PATH)

    assert ran.code == 0
    assert "test_layers[known-build_is_idempotent]" in ran.out


def test_a_backend_without_training_is_no_fault_of_the_layer(tmp_path):
    """On NumPy, which has no gradients and no fit, checks of them do not apply."""
    program = """
        from kerasplug.testing import check_layer

        options = {"init_kwargs": {"units": 3}, "input_shape": (2, 4)}
        report = check_layer("keras.layers:Dense", **options, minimum=30)
        skipped = set(report.ids("not applicable"))
        assert {"loss_falls", "gradients_are_right", "traced_equals_eager"} < skipped
    """
    chosen = {"KERAS_BACKEND": "numpy", "KERASPLUG_IMPLEMENTATION": "keras"}

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**clean(), **chosen},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
