"""The implementation: which Keras this process uses, and when it is too late."""

import os
import sys

import pytest
from bare import KERAS, bare, put, put_keras
from fakes import python

import kerasplug
from kerasplug.errors import ImplementationError
from kerasplug.implementation import family_of


@pytest.mark.parametrize(
    ("there", "backend", "expected"),
    [
        (("tensorflow", "keras", "tf_keras"), "", "tensorflow"),
        (("tensorflow", "keras"), "jax", "keras"),
        (("keras",), "", "keras"),
        (("tf_keras",), "", "tf_keras"),
        (("tf_keras",), "jax", "tf_keras"),
        ((), "", "keras"),
    ],
)
def test_default(tmp_path, there, backend, expected):
    """TensorFlow's on its backend, stand-alone Keras on others, else what is there."""
    for name in there:
        put(tmp_path, name)
    code = "from kerasplug.implementation import chosen; print(chosen())"
    env = {"KERAS_BACKEND": backend}
    assert bare(code, tmp_path, tmp_path, env=env).stdout.strip() == expected


def test_environment_chooses(monkeypatch):
    """KERASPLUG_IMPLEMENTATION comes before KERAS_IMPLEMENTATION, in any case."""
    code = """
        from kerasplug.implementation import chosen, loaded
        print(chosen(), loaded())
    """
    monkeypatch.setenv("KERAS_IMPLEMENTATION", "TF_KERAS")
    assert python(code).stdout.split() == ["tf_keras", "None"]
    monkeypatch.setenv("KERASPLUG_IMPLEMENTATION", "Keras")
    assert python(code).stdout.split() == ["keras", "None"]


def test_use_implementation_is_inherited(monkeypatch):
    """use_implementation holds in this process and in those that it starts."""
    out = python(
        """
        import subprocess, sys, kerasplug
        from kerasplug.implementation import chosen
        kerasplug.use_implementation("TF_Keras")
        print(chosen())
        code = "from kerasplug.implementation import chosen; print(chosen())"
        print(subprocess.check_output([sys.executable, "-c", code], text=True))
        """
    ).stdout
    assert out.split() == ["tf_keras", "tf_keras"]


def test_unknown_implementation(monkeypatch):
    """An unknown name is refused with the known ones, and nothing changes."""
    monkeypatch.delenv("KERASPLUG_IMPLEMENTATION", raising=False)
    for function in (kerasplug.implementation, kerasplug.use_implementation):
        with pytest.raises(ImplementationError) as caught:
            function("theano")
        assert caught.value.expected == "one of tensorflow, keras, tf_keras"
    assert "KERASPLUG_IMPLEMENTATION" not in os.environ


def test_first_user_is_named(tmp_path):
    """A really different Keras is refused with the line that used the first one."""
    put(put(put_keras(tmp_path), "tensorflow"), "tf_keras")
    (tmp_path / "a_package.py").write_text(
        "import kerasplug\nkeras = kerasplug.implementation('keras')\n\nkeras.layers\n"
    )
    out = bare(
        """
        import os, sys, kerasplug, a_package
        from kerasplug.implementation import chosen, loaded
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
        for ask in (
            lambda: kerasplug.implementation("tf_keras"),
            lambda: kerasplug.implementation("tensorflow"),
            lambda: kerasplug.use_implementation("tf_keras"),
            lambda: os.environ.update(KERASPLUG_IMPLEMENTATION="tf_keras")
            or kerasplug.implementation(),
        ):
            try:
                ask()
            except kerasplug.KerasplugError as error:
                print(type(error).__name__, error.found)
        print(loaded(), "tf_keras" in sys.modules)
        """,
        tmp_path,
        tmp_path,
    ).stdout.splitlines()
    where = f"ImplementationError first use: {tmp_path / 'a_package.py'}:4"
    assert out == [*[where] * 4, "keras False"]


def test_import_past_the_door_is_named(tmp_path):
    """A Keras imported past the door counts, and the modules that use it are named."""
    put(put(put_keras(tmp_path), "tensorflow"), "tf_keras")
    (tmp_path / "a_package.py").write_text("from keras import layers\n")
    (tmp_path / "b_package.py").write_text("import keras\n")
    out = bare(
        """
        import kerasplug, a_package, b_package
        from kerasplug.implementation import chosen, loaded
        lazy = kerasplug.implementation()
        try:
            kerasplug.implementation("tf_keras")
        except kerasplug.KerasplugError as error:
            print(error.found)
        print(loaded(), chosen(), kerasplug.backend())
        """,
        tmp_path,
        tmp_path,
        env={"KERAS_BACKEND": "jax"},
    ).stdout.splitlines()
    users = [f"{name} ({tmp_path / name}.py)" for name in ("a_package", "b_package")]
    assert out[0] == (
        f"first use: imported outside kerasplug; used by: {', '.join(users)}"
    )
    assert out[1] == "keras keras jax"


def test_default_follows_what_is_loaded(tmp_path):
    """Without a wish, the Keras that somebody imported already is the one in use."""
    put(
        put(put_keras(tmp_path), "tensorflow"), "tf_keras", KERAS.format(version="2.21")
    )
    out = bare(
        """
        import tf_keras, kerasplug
        from kerasplug.implementation import chosen
        print(chosen(), kerasplug.implementation().__version__)
        """,
        tmp_path,
        tmp_path,
    ).stdout
    assert out.split() == ["tf_keras", "2.21"]


def test_failed_import_leaves_the_choice_open(tmp_path):
    """After a Keras that could not be imported another one can be used."""
    put(put_keras(tmp_path, "1 / 0\n"), "tensorflow")
    put(tmp_path, "tf_keras", KERAS.format(version="2.21"))
    out = bare(
        """
        import kerasplug
        from kerasplug.implementation import loaded
        try:
            kerasplug.implementation("keras").layers
        except kerasplug.KerasplugError as error:
            print(type(error).__name__, type(error.__cause__).__name__)
        print(loaded(), kerasplug.implementation("tf_keras").__version__, loaded())
        """,
        tmp_path,
        tmp_path,
    ).stdout
    assert out.split() == [
        *("KerasBrokenError", "ZeroDivisionError"),
        *("None", "2.21", "tf_keras"),
    ]


def test_family_of_plain_things():
    """Nothing of Python's own is of a Keras family."""
    for thing in (object(), int, sys, print, None, kerasplug):
        assert family_of(thing) is None


# With the real ones


@pytest.mark.engine
def test_tf_keras_of_tensorflow_is_keras(tmp_path):
    """tf.keras and stand-alone Keras count as one, also after set_backend."""
    out = python(
        """
        import warnings, kerasplug
        from kerasplug.implementation import loaded
        keras, alone = kerasplug.implementation(), kerasplug.implementation("keras")
        print(keras.layers.Dense is alone.layers.Dense, loaded(), kerasplug.backend())
        print(keras.saving.register_keras_serializable.__name__)
        warnings.simplefilter("ignore")
        old = keras.layers.Dense
        keras.config.set_backend("jax")
        print(keras.layers.Dense is alone.layers.Dense, keras.layers.Dense is old)
        print(keras.backend.backend())
        """,
        env={"KERAS_BACKEND": "tensorflow"},
    ).stdout
    assert out.splitlines() == [
        "True tensorflow tensorflow",
        "register_keras_serializable",
        "True False",
        "jax",
    ]


@pytest.mark.engine
def test_tensorflows_own_import_does_not_count(tmp_path):
    """After a bare `import tensorflow` the legacy Keras can still be chosen."""
    out = python(
        """
        import sys, tensorflow, kerasplug
        from kerasplug.implementation import loaded
        print("keras" in sys.modules, loaded())
        legacy = kerasplug.implementation("tf_keras")
        print(legacy.layers.Dense.__module__.split(".")[0])
        print(loaded(), kerasplug.backend())
        try:
            kerasplug.implementation("keras")
        except kerasplug.KerasplugError as error:
            print(error.what)
        """
    ).stdout.splitlines()
    assert out[:3] == ["True None", "tf_keras", "tf_keras tensorflow"]
    assert out[3].startswith("Too late for 'keras': this process uses tf_keras")


@pytest.mark.engine
def test_legacy_keras_by_environment(tmp_path):
    """TF_USE_LEGACY_KERAS makes TensorFlow's Keras the legacy one, for the door too."""
    out = python(
        """
        import sys, kerasplug
        from kerasplug.implementation import family_of, loaded
        print(kerasplug.keras_version()[0])
        keras = kerasplug.implementation()
        print(family_of(keras.layers.Dense), loaded(), keras.__version__[0])
        """,
        env={"TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": ""},
    ).stdout
    assert out.splitlines() == ["2", "tf_keras tensorflow 2"]
