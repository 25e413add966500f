"""The lazy module that stands for Keras: who may touch it, and its first use."""

import copy
import doctest
import inspect
import pickle
import sys
import types

import pytest
from bare import bare, put, put_keras
from fakes import python

import kerasplug

USE = """
    import kerasplug
    keras = kerasplug.implementation()
    try:
        keras.layers
    except ImportError as error:
        print(type(error).__name__, error)
        print(type(error.__cause__).__name__)
    else:
        print("used")
"""


def test_probing_imports_nothing(tmp_path):
    """What doctest, inspect, copy, pickle and pytest look at never starts Keras."""
    keras = kerasplug.implementation("keras")
    before = set(sys.modules)
    module = types.ModuleType("an_authors_module")
    vars(module)["keras"] = keras
    doctest.DocTestFinder().find(module)
    inspect.unwrap(keras)  # type: ignore[arg-type]  # doctest and pytest do that too
    assert not hasattr(keras, "_pytestfixturefunction")
    assert not hasattr(keras, "__test__")
    assert copy.copy(keras) is keras
    assert pickle.loads(pickle.dumps(keras)) is keras
    assert "keras" in repr(keras)
    assert "layers" not in dir(keras) or "keras" in before
    assert isinstance(keras, types.ModuleType)
    assert "keras" in before or "keras" not in sys.modules


def test_collecting_a_lazy_module(tmp_path):
    """Collecting a test module that holds the lazy module needs no Keras."""
    test = tmp_path / "test_authors.py"
    test.write_text(
        "import sys, kerasplug\nkeras = kerasplug.implementation()\n"
        "def test_nothing():\n    assert 'keras' not in sys.modules\n"
    )
    code = f"""
        import pytest
        raise SystemExit(pytest.main([{str(test)!r}, "-q", "-p", "no:cacheprovider"]))
    """
    assert "1 passed" in python(code).stdout


def test_lazy_module_passes_everything_on(tmp_path):
    """Setting, deleting and listing reach the real module, and errors come through."""
    put(put_keras(tmp_path), "tensorflow")
    (tmp_path / "keras" / "saving.py").write_text("x = 1\n")
    out = bare(
        """
        import kerasplug
        keras = kerasplug.implementation("keras")
        keras.extra = 1
        import keras as real
        print(real.extra, "extra" in dir(keras), keras.__file__ == real.__file__)
        del keras.extra
        print(hasattr(real, "extra"), hasattr(keras, "extra"), keras.saving.x)
        """,
        tmp_path,
        tmp_path,
    ).stdout
    assert out.split() == ["1", "True", "True", "False", "False", "1"]


def test_sixteen_threads(tmp_path):
    """Sixteen threads at first use get one Keras, imported once."""
    slow = "import time, builtins\ntime.sleep(0.3)\n"
    slow += "builtins.imports = getattr(builtins, 'imports', 0) + 1\n"
    put(put_keras(tmp_path, slow), "tensorflow")
    out = bare(
        """
        import builtins, threading, kerasplug
        from concurrent.futures import ThreadPoolExecutor
        start = threading.Barrier(16)
        def use(_):
            start.wait()
            return kerasplug.implementation("keras").layers
        with ThreadPoolExecutor(16) as pool:
            print(len(set(pool.map(use, range(16)))), builtins.imports)
        """,
        tmp_path,
        tmp_path,
    ).stdout
    assert out.split() == ["1", "1"]


def test_empty_keras_home_is_refused(tmp_path):
    """Keras is not imported with an empty KERAS_HOME: it would litter the folder."""
    put(put_keras(tmp_path), "tensorflow")
    code = USE.replace("ImportError", "Exception")
    out = bare(code, tmp_path, tmp_path, env={"KERAS_HOME": ""}).stdout
    assert out.startswith("ConfigError")


def test_backend_in_keras_json(tmp_path):
    """A missing backend is reported with where it is configured and what helps."""
    for name in ("jax", "jaxlib"):
        put(put_keras(tmp_path) if name == "jax" else tmp_path, name)
    home = tmp_path / "keras-home"
    home.mkdir()
    (home / "keras.json").write_text('{"backend": "torch"}')
    out = bare(USE, tmp_path, tmp_path).stdout
    assert "KerasMissingError" in out
    assert f"its backend torch ({home / 'keras.json'}) is not" in out
    assert "installed here: jax" in out
    assert "export KERAS_BACKEND=jax   (or: python -m pip install torch)" in out


# With the real ones


@pytest.mark.engine
def test_set_backend(tmp_path):
    """After keras.config.set_backend the same lazy module serves the new Keras."""
    out = python(
        """
        import warnings, kerasplug
        from kerasplug.implementation import family_of, loaded
        keras = kerasplug.implementation()
        print(loaded(), kerasplug.backend())
        old = keras.layers.Layer
        print(loaded(), kerasplug.backend())
        print(family_of(old), family_of(keras.Input((2,))))
        warnings.simplefilter("ignore")
        keras.config.set_backend("numpy")
        import keras as new
        print(keras.layers.Layer is new.layers.Layer, keras.layers.Layer is old)
        import kerasplug as again
        print(again is kerasplug, again.implementation() is keras, kerasplug.backend())
        """,
        env={"KERAS_BACKEND": "jax"},
    ).stdout
    assert out.splitlines() == [
        "None jax",
        "keras jax",
        "keras keras",
        "True False",
        "True True numpy",
    ]


@pytest.mark.engine
def test_bad_keras_json_is_named(tmp_path):
    """When keras.json breaks the import of Keras, the error says which line does."""
    (tmp_path / "keras.json").write_text('{"floatx": "bfloat16", "epsilon": 1}')
    env = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    out = python(USE, env=env).stdout
    assert out.startswith("KerasBrokenError keras 3")
    assert "floatx is 'bfloat16'" in out
    assert "epsilon is 1" in out
    assert out.splitlines()[-1] == "ValueError"
