"""The only door to Keras: what is there, which one, and the module, lazily."""

import copy
import doctest
import inspect
import os
import pickle
import sys
import types

import pytest
from bare import KERAS, bare, put, put_keras
from fakes import python
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

import kerasplug
from kerasplug._frameworks.metadata import malformed, satisfies
from kerasplug.errors import (
    ImplementationError,
    KerasplugWarning,
    KerasVersionError,
)
from kerasplug.implementation import availability, family_of

STATE = """
    from kerasplug.implementation import availability
    answer = availability()
    print(answer.state, answer.version, answer.reason, answer.mend, sep="|")
"""
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


# What is installed


def test_without_keras(tmp_path):
    """Without Keras kerasplug is imported, availability says how to get one."""
    out = bare(
        """
        import sys, kerasplug
        keras = kerasplug.implementation()
        print(kerasplug.is_keras_available(), "keras" in sys.modules)
        try:
            keras.layers
        except kerasplug.KerasplugError as error:
            print(type(error).__name__, isinstance(error, ImportError), error.mend)
        for need in (kerasplug.keras_version, kerasplug.require_keras):
            try:
                need()
            except kerasplug.KerasplugError as error:
                print(type(error).__name__, error.mend)
        """,
        tmp_path,
    ).stdout.splitlines()
    assert out == [
        "False False",
        'KerasMissingError True python -m pip install "kerasplug[tensorflow]"',
        *['KerasMissingError python -m pip install "kerasplug[tensorflow]"'] * 2,
    ]


def test_install_command_follows_the_question(tmp_path):
    """The install command names the asked version and the backend."""
    out = bare(
        """
        from kerasplug.implementation import availability
        print(availability(">=3.15,<4").mend)
        print(availability("3.15").mend)
        """,
        tmp_path,
        env={"KERAS_BACKEND": "jax"},
    ).stdout.splitlines()
    assert out == [
        'python -m pip install "kerasplug[jax]" "keras>=3.15,<4"',
        'python -m pip install "kerasplug[jax]" "keras>=3.15"',
    ]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"keras-3.15.1.dist-info/METADATA": "Name: keras\nVersion: 3.15.1\n"},
            "files",
        ),
        ({"keras/README": ""}, "no __init__.py"),
        ({"keras/__init__.py": ""}, "has no version"),
        (
            {
                "keras/__init__.py": "",
                "keras-3.dist-info/METADATA": "Name: keras\nVersion: unknown\n",
            },
            "has no version",
        ),
    ],
)
def test_installed_but_broken(tmp_path, files, why):
    """A Keras of which a part is missing is broken, not missing."""
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    put(tmp_path, "tensorflow")
    state, _, reason, mend = bare(STATE, tmp_path, tmp_path).stdout.strip().split("|")
    assert state == "broken"
    assert why in reason
    assert mend.startswith("python -m pip install")


def test_checkout_without_metadata(tmp_path):
    """A Keras that is on the path without being installed has its source's version."""
    put(tmp_path, "tensorflow")
    (tmp_path / "keras" / "src").mkdir(parents=True)
    (tmp_path / "keras" / "__init__.py").write_text("")
    (tmp_path / "keras" / "src" / "version.py").write_text('__version__ = "3.16.0"\n')
    out = bare(STATE, tmp_path, tmp_path).stdout.strip()
    assert out == "available|3.16.0||"


@pytest.mark.parametrize(
    ("backend", "there", "state"),
    [
        ("jax", (), "unsuitable"),
        ("jax", ("jax",), "broken"),
        ("jax", ("jax", "jaxlib"), "available"),
        ("numpy", ("numpy", "jax", "jaxlib"), "broken"),
        ("numpy", ("numpy", "jax", "jaxlib", "scipy"), "available"),
        ("torch", ("torch",), "available"),
        ("mlx", ("keras_mlx",), "available"),
        ("mlx", ("jax", "jaxlib"), "unsuitable"),
        ("", ("tensorflow",), "available"),
    ],
)
def test_backend_decides(tmp_path, backend, there, state):
    """An installed Keras is available only with all that its backend imports."""
    put_keras(tmp_path)
    for name in there:
        put(tmp_path, name)
    out = bare(STATE, tmp_path, tmp_path, env={"KERAS_BACKEND": backend}).stdout
    assert out.split("|")[0] == state, out


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


def test_asked_backend(tmp_path):
    """For a backend that a caller asks for, the mend is to install that one."""
    put(put(put_keras(tmp_path), "jax"), "jaxlib")
    out = bare(
        """
        from kerasplug.implementation import availability
        print(availability(backend="jax"))
        print(availability(backend="torch").mend)
        """,
        tmp_path,
        tmp_path,
    ).stdout.splitlines()
    assert out == [
        "<Availability available: 3.15.1>",
        "python -m pip install torch",
    ]


def test_blocked_module_is_missing(tmp_path):
    """A module that is None in sys.modules, Python's way to block it, is missing."""
    put(put_keras(tmp_path), "tensorflow")
    code = "import sys\nsys.modules['keras'] = sys.modules['tensorflow'] = None\n"
    out = bare(code + STATE.replace("\n    ", "\n"), tmp_path, tmp_path).stdout
    assert out.startswith("missing|")


@pytest.mark.parametrize(
    ("version", "requirement", "good"),
    [
        ("3.15.1", "3.15", True),
        ("3.15.1", "3.16", False),
        ("3.15.1", ">=3.15,<4", True),
        ("3.15.1", "~=3.14", True),
        ("3.15.1", "==3.15.*", True),
        ("3.15.1", "!=3.15.1", False),
        ("2.15.0rc1", "2.15.0", True),
        ("3.16.0.dev20260101", ">=3.16", True),
        ("3.16.0.dev20260101", "<3.16", False),
        ("2.21.0+cpu", "==2.21.0", True),
    ],
)
def test_versions(version, requirement, good):
    """A plain version means at least; pre-releases count as what they become."""
    assert satisfies(version, requirement) is good


@pytest.mark.parametrize(
    "wanted", ["", "three", ">=", "3.15 or so", "=3", 3.15, ("3",)]
)
def test_malformed_versions(wanted):
    """What is not a version or specifier is told so."""
    assert malformed(wanted)


@pytest.mark.parametrize(
    "question",
    [
        {"version": "three"},
        {"version": 3.15},
        {"implementation": "theano"},
        {"implementation": 3},
        {"backend": 3},
        {"probe": "guess"},
    ],
)
def test_senseless_question(question):
    """A question that makes no sense is answered False with one warning here."""
    with pytest.warns(KerasplugWarning) as caught:
        assert kerasplug.is_keras_available(**question) is False
    assert [warning.filename for warning in caught] == [__file__]


def test_unknown_implementation_in_the_environment(tmp_path):
    """An unknown name in the environment is an error at first use, not at import."""
    out = bare(
        """
        import warnings, kerasplug
        keras = kerasplug.implementation()
        warnings.simplefilter("ignore")
        print(kerasplug.is_keras_available())
        try:
            keras.layers
        except kerasplug.KerasplugError as error:
            print(error)
        """,
        tmp_path,
        env={"KERAS_IMPLEMENTATION": "Kears"},
    ).stdout
    assert out.splitlines()[0] == "False"
    assert "KERAS_IMPLEMENTATION=Kears" in out
    assert "one of tensorflow, keras, tf_keras" in out


def test_versions_in_errors(tmp_path):
    """require_keras names the version that is there, the asked one, and a command."""
    put(put_keras(tmp_path), "tensorflow")
    out = bare(
        """
        import kerasplug
        kerasplug.require_keras(">=3.4,<4")
        print(kerasplug.keras_version())
        for wanted in ("4", "four"):
            try:
                kerasplug.require_keras(wanted)
            except kerasplug.KerasplugError as error:
                print(type(error).__name__, error.found, error.expected, error.mend)
        """,
        tmp_path,
        tmp_path,
    ).stdout.splitlines()
    assert out[:2] == [
        "(3, 15, 1)",
        'KerasVersionError Keras 3.15.1 4 python -m pip install "keras>=4"',
    ]
    assert out[2].startswith("ImplementationError")


def test_nothing_is_remembered(tmp_path):
    """Availability follows sys.path and the environment from call to call."""
    put(put(put_keras(tmp_path / "late"), "jax"), "jaxlib")
    out = bare(
        f"""
        import os, sys
        from kerasplug.implementation import availability
        print(availability().state)
        sys.path.insert(0, {str(tmp_path / "late")!r})
        print(availability().state)
        os.environ["KERAS_BACKEND"] = "jax"
        print(availability().state)
        """,
        tmp_path,
    ).stdout
    assert out.split() == ["missing", "unsuitable", "available"]


def test_subprocess_probe(tmp_path):
    """A real import elsewhere finds what metadata can't, and takes our sys.path."""
    put(tmp_path / "b", "tensorflow")
    put_keras(tmp_path / "b", "import absent_dependency\n")
    put(put_keras(tmp_path / "a"), "tensorflow")
    out = bare(
        """
        import sys
        from kerasplug.implementation import availability
        for folder in ("none", "a", "b"):
            sys.path.insert(0, folder)
            sys.path_importer_cache.clear()
            for probe in ("metadata", "subprocess"):
                answer = availability(implementation="keras", probe=probe)
                print(answer.state, answer.reason, answer.mend)
        print("keras" in sys.modules)
        """,
        tmp_path,
    ).stdout.splitlines()
    states = [line.split()[0] for line in out]
    assert states == [
        *("missing", "missing", "available", "available", "available", "broken"),
        "False",
    ]
    assert "absent_dependency" in out[5]


def test_dying_import_is_broken(tmp_path):
    """A Keras that ends the process at import is broken, with its last words."""
    put_keras(tmp_path, "import os; os.write(2, b'aaargh'); os._exit(3)\n")
    put(tmp_path, "tensorflow")
    code = STATE.replace("availability()", "availability(probe='subprocess')")
    out = bare(code, tmp_path, tmp_path).stdout
    assert out.startswith("broken|3.15.1|")
    assert "ended with 3: aaargh" in out


# Which one


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


# The lazy module


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


def test_availability_is_plain_to_read():
    """An answer is true only when available, and makes the error that fits."""
    answer = availability(">=99")
    assert not answer
    assert answer.state in ("unsuitable", "missing")
    error = answer.error()
    assert isinstance(error, KerasVersionError)
    assert error.mend == 'python -m pip install "keras>=99"'


def test_family_of_plain_things():
    """Nothing of Python's own is of a Keras family."""
    for thing in (object(), int, sys, print, None, kerasplug):
        assert family_of(thing) is None


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


@pytest.mark.engine
def test_real_probe(tmp_path):
    """The probe imports the real Keras elsewhere, and writes nothing to its home."""
    home = tmp_path / "home"
    env = {"KERAS_HOME": str(home), "KERAS_BACKEND": "jax"}
    out = python(
        """
        import sys, kerasplug
        print(kerasplug.is_keras_available(">=3", probe="subprocess"))
        print(kerasplug.is_backend_available("jax", probe="subprocess"))
        print("keras" in sys.modules)
        """,
        env=env,
    ).stdout
    assert out.split() == ["True", "True", "False"]
    assert not home.exists()


RELEASE = st.lists(st.integers(0, 20), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)


@given(version=RELEASE, wanted=RELEASE, sign=st.sampled_from(["", ">=", ">= "]))
def test_the_short_way_to_compare_releases_is_pep_440s(version, wanted, sign):
    """Plain releases compare as `packaging` compares them."""
    expected = SpecifierSet(f">={wanted}").contains(version)

    assert satisfies(version, sign + wanted) is expected
