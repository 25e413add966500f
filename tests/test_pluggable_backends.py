"""Backends in packages of their own, with the Keras to come."""

import os
import subprocess
import textwrap

import nightly_kit
import pytest
from fakes import install

pytestmark = [pytest.mark.slow, pytest.mark.engine]

nightly = nightly_kit.nightly  # a fixture
official = nightly_kit.official  # a fixture

PREDICT = """
import numpy as np
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("sgd", "mse")
shape = model.predict(np.ones((2, 4)), verbose=0).shape
print(keras.backend.backend(), shape)
"""
COMMAND = "import sys; from kerasplug.cli import main; sys.exit(main(sys.argv[1:]))"


def failed(where, code, **env):
    """What a process says that has to fail."""
    done = subprocess.run(
        where.command(textwrap.dedent(code)),
        env=where.env(**env),
        cwd=where.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode, done.stdout
    return done.stderr


def test_a_plain_import_computes_on_an_advertised_backend(nightly):
    """After use_backend `import keras` computes with the package, and calls it."""
    code = f"""
import kerasplug
kerasplug.use_backend("toy")
import keras
{PREDICT}
import keras_toy
print(keras_toy.calls()["numpy.matmul"] > 0)
kerasplug.use_backend("toy")
"""
    assert nightly.run("-c", code).split() == ["toy", "(2,", "3)", "True"]


def test_keras_alone_does_not_know_it(nightly):
    """The limit of Keras that all this is about: its list of names is fixed."""
    said = failed(nightly, "import keras", KERAS_BACKEND="toy")
    assert "Unsupported backend : toy" in said


def test_the_door_needs_no_choosing(nightly):
    """implementation() finds what KERAS_BACKEND names without another word."""
    code = f"""
import kerasplug
keras = kerasplug.implementation()
{PREDICT}
"""
    out = nightly.run("-c", code, KERAS_BACKEND="toy")
    assert out.split() == ["toy", "(2,", "3)"]


def test_set_backend_leaves_and_comes_back(nightly):
    """keras.config.set_backend changes to NumPy and back; kerasplug is the same."""
    code = """
import warnings
warnings.simplefilter("ignore")
import kerasplug
kerasplug.backends["toy"].use()
error = kerasplug.KerasplugError
import keras
keras.config.set_backend("numpy")
import keras
print(keras.backend.backend())
keras.config.set_backend("toy")
import keras, kerasplug
print(keras.backend.backend(), kerasplug.KerasplugError is error)
from keras.src.utils.backend_utils import DynamicBackend
print(DynamicBackend("toy").ops.__name__)
"""
    out = nightly.run("-c", code).split()
    assert out == ["numpy", "toy", "True", "keras_toy.src.ops"]


def test_too_late_is_said(nightly):
    """Keras that computes with NumPy does not change to the package."""
    code = """
import keras, kerasplug
try:
    kerasplug.use_backend("toy")
except kerasplug.KerasplugError as error:
    print(error.what)
"""
    out = nightly.run("-c", code, KERAS_BACKEND="numpy")
    assert (
        out.strip()
        == "Too late for the backend toy: Keras computes with numpy already."
    )


def test_a_broken_package_is_said_with_its_cause(nightly, tmp_path):
    """What a backend fails to import is named, not said to be 'not installed'."""
    source = {"keras_torn/__init__.py": "", "keras_torn/src/__init__.py": "import gone"}
    install(
        tmp_path,
        "keras-torn",
        {"keras.backends": {"torn": "keras_torn"}},
        modules=source,
    )
    code = """
        import kerasplug
        kerasplug.use_backend("torn")
        import keras
    """
    said = failed(nightly, code, PYTHONPATH=str(tmp_path))
    assert "The backend torn is installed (keras_torn.src)" in said
    assert "No module named 'gone'" in said
    code = """
        import kerasplug
        kerasplug.use_backend("torn")
        kerasplug.implementation().layers
    """
    said = failed(nightly, code, PYTHONPATH=str(tmp_path))
    assert "gone is not installed" in said


def test_a_broken_optional_part_is_not_taken_for_an_absent_one(nightly, tmp_path):
    """Keras takes a layer.py that can't be imported for none; the hook says it."""
    source = {
        "keras_half/__init__.py": "",
        "keras_half/src/__init__.py": "from keras_toy.src import *",
        "keras_half/src/trainer.py": "from keras_toy.src.trainer import Trainer",
        "keras_half/src/layer.py": "import gone",
    }
    install(
        tmp_path,
        "keras-half",
        {"keras.backends": {"half": "keras_half"}},
        modules=source,
    )
    code = """
        import kerasplug
        kerasplug.use_backend("half")
        import keras
    """
    said = failed(nightly, code, PYTHONPATH=str(tmp_path))
    assert "No module named 'gone'" in said


def test_spawned_children_find_it(nightly, tmp_path):
    """A child whose main module chooses the backend has it, as its parent."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import kerasplug
            kerasplug.use_backend("toy")
            import multiprocessing

            def ask(_):
                import keras
                return keras.backend.backend()

            if __name__ == "__main__":
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    print(pool.map(ask, [0]))
            """
        )
    )
    assert nightly.run(program).strip() == "['toy']"


TESTS = {
    "conftest.py": "import keras\n",
    "test_it.py": """
        import keras

        def test_backend():
            assert keras.backend.backend() == "toy"
            import keras_toy
            keras.ops.add(1, 2)
            assert keras_toy.calls()["numpy.add"]
        """,
}


@pytest.mark.parametrize(
    ("options", "env"),
    [(["--keras-backend", "toy"], {}), ([], {"KERAS_BACKEND": "toy"})],
    ids=["option", "environment"],
)
def test_pytest_chooses_before_conftest_imports_keras(nightly, tmp_path, options, env):
    """The option, or the environment, is in time though conftest.py imports Keras."""
    for name, text in TESTS.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    base = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    assert "1 passed" in nightly.run(*base, *options, tmp_path, **env)


# --- plain `import keras`, where the user has opted in


@pytest.fixture(scope="module")
def opted(nightly, tmp_path_factory):
    """An environment of its own with all of `nightly`, in which enable-env was run."""
    folder = tmp_path_factory.mktemp("opted")
    made = nightly_kit._new(folder)
    (made.site / "all_of_nightly.pth").write_text(f"{nightly.site}\n")
    made.run("-c", COMMAND, "backend", "enable-env")
    return made


def test_a_plain_import_obeys_the_environment(opted):
    """KERAS_BACKEND and nothing else: no line of kerasplug in the program."""
    out = opted.run("-c", f"import keras\n{PREDICT}", KERAS_BACKEND="toy")
    assert out.split() == ["toy", "(2,", "3)"]


def test_a_plain_import_obeys_keras_json(opted, tmp_path):
    """`kerasplug backend use` writes keras.json, and `import keras` follows it."""
    own = opted.alone(tmp_path)
    own.run("-c", COMMAND, "backend", "use", "toy")
    out = own.run("-c", f"import keras\n{PREDICT}")
    assert out.split() == ["toy", "(2,", "3)"]


def test_a_spawned_child_obeys_as_well(opted):
    """A child of a program that knows nothing of kerasplug computes on the package."""
    code = """
import subprocess, sys
code = "import keras; print(keras.backend.backend())"
print(subprocess.check_output([sys.executable, "-c", code], text=True))
"""
    assert opted.run("-c", code, KERAS_BACKEND="toy").strip() == "toy"


def test_keras_own_backends_are_left_alone(opted):
    """With NumPy nothing of kerasplug is imported but the small module."""
    code = """
import keras, sys
print(keras.backend.backend(), [n for n in sys.modules if "kerasplug" in n])
"""
    out = opted.run("-c", code, KERAS_BACKEND="numpy")
    assert out.strip() == "numpy ['_kerasplug_backends']"


def test_an_unknown_name_stays_unknown(opted):
    """A name that nobody advertises is refused by Keras in its own words."""
    said = failed(opted, "import keras", KERAS_BACKEND="nobodys")
    assert "Unsupported backend : nobodys" in said


def test_what_is_done_can_be_undone(nightly, tmp_path):
    """enable-env twice is once; after disable-env the environment is as before."""
    made = nightly_kit._new(tmp_path)
    (made.site / "all_of_nightly.pth").write_text(f"{nightly.site}\n")
    before = sorted(os.listdir(made.site))
    first = made.run("-c", COMMAND, "backend", "enable-env", "--json")
    assert made.run("-c", COMMAND, "backend", "enable-env", "--json") == first
    assert len(os.listdir(made.site)) == len(before) + 1
    made.run("-c", COMMAND, "backend", "disable-env")
    assert sorted(os.listdir(made.site)) == before
    made.run("-c", COMMAND, "backend", "disable-env")
    said = failed(made, "import keras", KERAS_BACKEND="toy")
    assert "Unsupported backend : toy" in said


def test_the_file_is_silent_where_kerasplug_is_gone(opted, tmp_path):
    """After `pip uninstall kerasplug` each interpreter still starts without a word."""
    bare = nightly_kit._new(tmp_path)
    name = "kerasplug-backends.pth"
    (bare.site / name).write_text((opted.site / name).read_text())
    done = subprocess.run(
        bare.command("print('well')"),
        env=bare.env(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("well", "")


# --- Keras' own packages


def test_openvino_predicts(official):
    """keras-openvino, which Keras lists, predicts; the hook stays away."""
    code = f"""
import sys, kerasplug
kerasplug.use_backend("openvino")
import keras
{PREDICT}
import _kerasplug_backends
print(_kerasplug_backends.is_installed())
"""
    assert official.run("-c", code).split() == ["openvino", "(2,", "3)", "False"]


def test_mlx_trains(official):
    """keras-mlx learns on a processor under Linux: the loss falls."""
    code = """
import kerasplug
kerasplug.use_backend("mlx")
import keras, numpy as np
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.1), "mse")
losses = model.fit(x, x.sum(1, keepdims=True), epochs=5, verbose=0).history["loss"]
print(keras.backend.backend(), losses[-1] < losses[0] / 2)
"""
    assert official.run("-c", code).split() == ["mlx", "True"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mlx", "cpu:0"), ("toy", "toy tells Keras of no devices")],
)
def test_devices_are_listed_or_it_is_said_that_nobody_tells(official, name, expected):
    """`show --probe` starts the backend of a package, and asks it."""
    out = official.run("-c", COMMAND, "backend", "show", name, "--probe")
    (line,) = [line for line in out.splitlines() if "devices:" in line]
    assert expected in line


def test_the_hook_steps_aside_for_what_keras_resolves(official):
    """Installed or not, it changes nothing about a name that Keras lists."""
    code = f"""
import _kerasplug_backends
_kerasplug_backends.install()
def never(*_, **__): raise AssertionError
_kerasplug_backends._part = never
import keras
{PREDICT}
from keras.src.backend import config
print(sorted(config.PLUGGABLE_BACKENDS))
"""
    out = official.run("-c", code, KERAS_BACKEND="openvino")
    assert out.splitlines()[-1] == "['mlx', 'openvino', 'paddle']"


def test_the_true_cause_behind_not_installed(official, tmp_path):
    """Keras says 'not installed' of keras-openvino without SciPy; the door does not."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['scipy'] = None\n"
    )
    env = {"PYTHONPATH": str(tmp_path), "KERAS_BACKEND": "openvino"}
    said = failed(official, "import keras", **env)
    assert "The openvino backend is not installed" in said
    said = failed(
        official, "import kerasplug; kerasplug.implementation().layers", **env
    )
    last = said[said.rindex("KerasBrokenError") :]
    assert "scipy" in last.partition("Keras says of it")[0]
