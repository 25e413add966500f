"""The recipe for packages that extend Keras, on Keras 2.2.4 with PlaidML."""

import textwrap

import here_kit
import pytest

here = here_kit.here  # a fixture
pytestmark = pytest.mark.engine

#: A package as its author writes it: the class by the door, a wrapper beside it.
PACKAGE = {
    "scaled/__init__.py": """
        import kerasplug

        layer_scaled = kerasplug.create_layer_wrapper(
            "scaled.layers:Scaled", modifiers={"factor": float}
        )
    """,
    "scaled/layers.py": """
        import kerasplug

        keras = kerasplug.implementation()

        class Scaled(keras.layers.Layer):
            def __init__(self, factor=2.0, **kwargs):
                super().__init__(**kwargs)
                self.factor = factor

            def build(self, input_shape):
                self.each = self.add_weight(
                    name="each", shape=(input_shape[-1],), initializer="ones"
                )
                super().build(input_shape)

            def call(self, inputs):
                return inputs * self.each * self.factor

            def compute_output_shape(self, input_shape):
                return input_shape
    """,
    "tests/conftest.py": """
        import kerasplug

        if kerasplug.is_backend_available("plaidml"):
            kerasplug.use_backend("plaidml")
    """,
    "tests/test_scaled.py": """
        import kerasplug
        import numpy as np
        import pytest
        import scaled
        from kerasplug import skip_if_no_keras
        from kerasplug.testing import requires_keras

        @requires_keras(backend="plaidml")
        def test_it_scales():
            keras = kerasplug.implementation()
            model = keras.models.Sequential()
            scaled.layer_scaled(model, 3, input_shape=(2,))
            rows = np.array([[1, 2], [3, 4]], "float32")
            assert model.predict(rows).tolist() == [[3, 6], [9, 12]]

        @pytest.mark.requires_keras("2.2")
        def test_a_plain_version_means_at_least():
            assert kerasplug.keras_version() == (2, 2, 4)

        @pytest.mark.requires_keras(">=3")
        def test_keras_3():
            raise AssertionError("there is none")

        @requires_keras(backend="jax")
        def test_jax():
            raise AssertionError("there is none")

        def test_called():
            skip_if_no_keras(backend=["jax", "plaidml"])
    """,
}


@pytest.fixture
def package(tmp_path):
    """The package in a folder of its own."""
    for name, text in {**PACKAGE, "pytest.ini": "[pytest]\npythonpath = .\n"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path


def test_the_tests_of_a_package_run_on_plaidml(here, package):
    """Marks and calls let run what PlaidML and Keras 2.2.4 serve, and skip the rest."""
    done = here.start("-m", "pytest", "-rs", cwd=package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed, 2 skipped" in done.stdout
    assert "Keras: keras 2.2.4 (implementation keras) on plaidml 0.7.0" in done.stdout
    assert "keras 2.2.4 is installed, >=3 is asked" in done.stdout
    assert "this process is plaidml (KERAS_BACKEND), jax is asked" in done.stdout


def test_strict_mode_fails_for_a_version_and_skips_for_a_backend(here, package):
    """KERASPLUG_STRICT makes an error of the missing Keras 3, and none of JAX."""
    done = here.start("-m", "pytest", cwd=package, KERASPLUG_STRICT="1")
    assert done.returncode == 1
    assert "3 passed, 1 skipped, 1 error" in done.stdout
    assert "KerasVersionError: keras 2.2.4 is installed, >=3 is asked" in done.stdout


def test_without_the_choice_all_of_them_skip(here, package):
    """A run that nobody told to use PlaidML skips, and says how it would run."""
    (package / "tests" / "conftest.py").unlink()
    done = here.start("-m", "pytest", "-rs", cwd=package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 skipped" in done.stdout
    assert 'kerasplug.use_backend("plaidml")' in done.stdout


def test_layers_compose_and_a_model_learns(here, package):
    """Wrappers and pipes serve tensors and models; training finds a known line."""
    out = here.run(
        """
        import kerasplug as kp, numpy as np
        kp.use_backend("plaidml")
        keras = kp.implementation()
        import scaled
        dense = kp.create_layer_wrapper(keras.layers.Dense, modifiers={"units": int})
        start = keras.layers.Input((2,))
        end = kp.pipe(start, scaled.layer_scaled(0.5), dense(1.0))
        model = keras.models.Model(start, end)
        model.compile(keras.optimizers.Adam(0.1), "mse")
        rows = np.random.RandomState(0).rand(128, 2).astype("float32")
        right = rows @ np.array([[2.0], [-1.0]], "float32") + 0.5
        first = model.evaluate(rows, right, batch_size=64, verbose=0)
        model.fit(rows, right, batch_size=64, epochs=150, verbose=0)
        last = model.evaluate(rows, right, batch_size=64, verbose=0)
        print(last < 1e-3 < first)
        each, kernel, bias = model.get_weights()
        expected = rows * each * 0.5 @ kernel + bias
        print(np.abs(model.predict(rows, batch_size=64) - expected).max() < 1e-5)
        grown = kp.create_layer("scaled.layers:Scaled", keras.models.Sequential(),
                                factor=1, input_shape=(2,))
        print(kp.create_layer(keras.layers.Dense, grown, units=3) is grown)
        print(grown.output_shape, [type(one).__name__ for one in grown.layers])
        for wrong in (dict(unitz=3), dict(units="many")):
            try:
                dense(**wrong)
            except kp.errors.LayerError as error:
                print(error.what)
        """,
        cwd=package,
    )
    assert out[:4] == ["True", "True", "True", "(None, 3) ['Scaled', 'Dense']"]
    assert "missing a required argument: 'units'" in out[4]
    assert "can't be converted by int" in out[5]


def test_frozen_layers_do_not_learn_there(here):
    """Freezing, thawing and the table go by range, and into nested models."""
    out = here.run(
        """
        import kerasplug as kp, numpy as np
        kp.use_backend("plaidml")
        keras = kp.implementation()
        layers = keras.layers
        def dense(name, units=2, **more):
            return layers.Dense(units, name=name, **more)
        base = keras.models.Sequential([dense("a", input_shape=(3,)), dense("b")])
        model = keras.models.Sequential([base, dense("c"), dense("d")])
        print(kp.freeze_weights(model, to="c") is model)
        print([one.trainable for one in (*base.layers, *model.layers)])
        print(kp.trainable_summary(model))
        model.compile("sgd", "mse")
        rows = np.random.RandomState(0).rand(32, 3)
        before = model.get_weights()
        model.fit(rows, rows[:, :2], verbose=0)
        print([bool((a == b).all()) for a, b in zip(before, model.get_weights())])
        kp.unfreeze_weights(model, from_="c")
        print([one.trainable for one in (*base.layers, *model.layers)])
        print(kp.stale_compile(model))
        try:
            model.fit(rows, rows[:, :2], verbose=0)
        except kp.StaleCompileError as error:
            print(error.found)
        model.compile("sgd", "mse")
        model.fit(rows, rows[:, :2], verbose=0)
        print(kp.stale_compile(model))
        with kp.frozen(model):
            print(len(model.trainable_weights))
        print(len(model.trainable_weights))
        """
    )
    assert out[:2] == ["True", "[False, False, False, False, True]"]
    assert [line.split() for line in out[2:8]] == [
        ["layer", "class", "trainable", "trained", "frozen"],
        ["sequential_1", "Sequential", "no", "0", "14"],
        ["sequential_1/a", "Dense", "no", "0", "8"],
        ["sequential_1/b", "Dense", "no", "0", "6"],
        ["c", "Dense", "no", "0", "6"],
        ["d", "Dense", "yes", "6", "0"],
    ]
    same, flags, *rest = out[9:]
    assert same == f"{[True] * 6 + [False] * 2}"
    assert flags == "[False, False, False, True, True]"
    assert rest == ["trainable since: c"] * 2 + ["None", "0", "4"]


def test_freezing_reaches_the_parts_of_wrappers_there(here):
    """Both layers of a Bidirectional and all cells of an RNN are frozen with it."""
    out = here.run(
        """
        import kerasplug as kp
        kp.use_backend("plaidml")
        keras = kp.implementation()
        layers = keras.layers
        both = layers.Bidirectional(layers.LSTM(2), input_shape=(3, 2))
        model = keras.models.Sequential([both, layers.Dense(1)])
        print(len(model.trainable_weights))
        print(len(kp.freeze_weights(model, to=0).trainable_weights))
        print(len(kp.unfreeze_weights(model).trainable_weights))
        cells = layers.RNN([layers.LSTMCell(2), layers.LSTMCell(2)])
        kp.freeze_weights(cells)
        print([one.trainable for one in cells.cell.cells])
        """
    )
    assert out == ["8", "2", "8", "[False, False]"]


def test_models_are_looked_into_there(here):
    """Outputs of inner layers, shorter models and removed layers are to be had."""
    out = here.run(
        """
        import kerasplug as kp, numpy as np
        kp.use_backend("plaidml")
        keras = kp.implementation()
        start = keras.layers.Input((2,))
        hidden = keras.layers.Dense(3, name="hidden")(start)
        end = keras.layers.Dense(1, name="end")(hidden)
        model = keras.models.Model(start, end)
        rows = np.eye(2, dtype="float32")
        kernel, bias = model.layers[1].get_weights()
        inner = kp.layer_outputs(model, "hidden").predict(rows)
        print(np.abs(inner - kernel - bias).max() < 1e-6)
        print(kp.truncate_model(model, "hidden").output_shape)
        line = keras.models.Sequential([keras.layers.Dense(3, input_shape=(2,)),
                                        keras.layers.Dense(1, name="last")])
        print(kp.pop_layer(line).name, line.output_shape)
        print(kp.predict_classes(model, rows).shape)
        """
    )
    assert out == ["True", "(None, 3)", "last (None, 3)", "(2, 1)"]
