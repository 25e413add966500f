"""What a backend can do, read in its source: what Keras has when it runs."""

import json
import sys

import pytest
from fakes import install, python

from kerasplug.engines.capabilities import ABILITIES, abilities, place_of

#: Keras as it has started: its flags, what it has for distribution, whether it trains.
RUNNING = """
    import json, keras, numpy
    from keras.src import backend
    flags = {
        "sparse": backend.SUPPORTS_SPARSE_TENSORS,
        "ragged": backend.SUPPORTS_RAGGED_TENSORS,
        "complex": backend.SUPPORTS_COMPLEX_DTYPES,
        "distribution": hasattr(backend.distribution_lib, "distribute_tensor"),
    }
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    try:
        model.fit(numpy.ones((1, 2)), numpy.ones((1, 1)), verbose=0)
        flags["train"] = True
    except NotImplementedError:
        flags["train"] = False
    print(json.dumps(flags))
"""

FLAGS = """
SUPPORTS_SPARSE_TENSORS = True
SUPPORTS_RAGGED_TENSORS = False
SUPPORTS_GRADIENT = True
"""
TRAINER = """
class OtherTrainer:
    def fit(self, x):
        "Train."
        return self.step(x, jit=self.jit_compile)
"""


@pytest.fixture
def backend(site):
    """Writes the `src` of a hand-made backend, and tells what it can do."""

    def write(**modules):
        for stem, text in {"__init__": "", **modules}.items():
            path = site / "keras_toy" / "src" / f"{stem.replace('__0__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (site / "keras_toy" / "__init__.py").write_text("raise RuntimeError\n")
        return abilities("toy", "keras_toy.src")

    return write


@pytest.mark.engine
@pytest.mark.parametrize("name", ["tensorflow", "jax", "numpy"])
def test_what_was_read_is_what_a_running_keras_has(name):
    """Each ability that a running Keras can be asked for is the one that was read."""
    running = json.loads(python(RUNNING, env={"KERAS_BACKEND": name}).stdout)

    found = abilities(name, f"keras.src.backend.{name}")

    assert {word: found[word].value for word in running} == running
    assert set(found) == {*running, "jit"} == set(ABILITIES)


@pytest.mark.parametrize(
    ("name", "compiles"), [("tensorflow", True), ("jax", True), ("numpy", False)]
)
def test_a_trainer_that_asks_for_jit_compile_compiles(name, compiles):
    """Of Keras' own backends those with a compiler read jit_compile."""
    found = abilities(name, f"keras.src.backend.{name}")["jit"]

    assert found.value is compiles
    assert f"keras.src.backend.{name}.trainer" in found.because


def test_reading_imports_nothing_of_it():
    """Neither Keras nor an engine is in `sys.modules` after its source was read."""
    code = """
        import sys
        from kerasplug.engines.capabilities import abilities
        print(abilities("jax", "keras.src.backend.jax")["train"].value)
        print(sorted({"jax", "keras", "numpy", "tensorflow"} & set(sys.modules)))
    """
    assert python(code).stdout.splitlines() == ["True", "[]"]


def test_the_place_of_each_answer_is_one_that_says_it():
    """The line that an answer names has the flag, in the installed source."""
    for word, flag in {
        "sparse": "SUPPORTS_SPARSE_TENSORS",
        "ragged": "SUPPORTS_RAGGED_TENSORS",
        "complex": "SUPPORTS_COMPLEX_DTYPES",
    }.items():
        because = abilities("jax", "keras.src.backend.jax")[word].because
        module, _, line = because.rpartition(" ")[2].partition(":")
        lines = place_of(module).read_text("utf-8").splitlines()
        assert lines[int(line) - 1].startswith(f"{flag} = ")


def test_flags_of_a_package_are_read_through_its_imports(backend):
    """Flags, a trainer and a distribution in other modules of a package are found."""
    found = backend(
        __init__=(
            "from keras_toy.src import distribution_lib\n"
            "from keras_toy.src.core import SUPPORTS_SPARSE_TENSORS\n"
            "from .core import *\n"
        ),
        core=FLAGS,
        trainer=TRAINER,
        distribution_lib="from .core import lay_out as distribute_tensor\n",
    )

    assert {word: one.value for word, one in found.items()} == {
        "train": True,
        "sparse": True,
        "ragged": False,
        "complex": None,
        "distribution": True,
        "jit": True,
    }
    assert found["sparse"].because == "SUPPORTS_SPARSE_TENSORS at keras_toy.src.core:2"
    assert found["jit"].because.startswith("the trainer at keras_toy.src.trainer:5 ")
    assert found["complex"].because == "keras_toy.src has no SUPPORTS_COMPLEX_DTYPES"
    assert "keras_toy" not in sys.modules


def test_what_the_source_does_not_say_is_unknown(backend):
    """A package without flags, trainer and distribution: everything is unknown."""
    found = backend()

    assert {one.value for one in found.values()} == {None}
    assert all(one.because for one in found.values())


def test_a_package_that_is_not_there_is_unknown(site):
    """Where there is no source at all nothing is called a no."""
    found = abilities("toy", "keras_toy.src")

    assert {one.value for one in found.values()} == {None}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nSUPPORTS_SPARSE_TENSORS = bool(os.environ.get('X'))\n",
        "if True:\n    SUPPORTS_SPARSE_TENSORS = True\n",
        "try:\n    SUPPORTS_SPARSE_TENSORS = True\nfinally:\n    pass\n",
        "SUPPORTS_SPARSE_TENSORS = 1\n",
        "from elsewhere_not_there import SUPPORTS_SPARSE_TENSORS\n",
        "SUPPORTS_SPARSE_TENSORS = True\ndel SUPPORTS_SPARSE_TENSORS\n",
        "SUPPORTS_SPARSE_TENSORS = (True\n",
    ],
    ids=["computed", "if", "try", "a number", "elsewhere", "gone", "no python"],
)
def test_what_is_not_said_plainly_is_unknown(backend, source):
    """A flag that is computed, conditional or taken away again is not guessed."""
    assert backend(__init__=source)["sparse"].value is None


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("SUPPORTS_SPARSE_TENSORS: bool = True\n", True),
        ("SUPPORTS_SPARSE_TENSORS = True\nSUPPORTS_SPARSE_TENSORS = False\n", False),
        ("from .core import *\nSUPPORTS_SPARSE_TENSORS = False\n", False),
        ("SUPPORTS_SPARSE_TENSORS = False\nfrom .core import *\n", True),
        ("from .core import *\nfrom .late import *\n", False),
        ("from .core import HAS as SUPPORTS_SPARSE_TENSORS\n", True),
    ],
)
def test_the_last_word_of_a_module_counts(backend, source, value):
    """A name that is set more than once has the value that Python would give it."""
    found = backend(
        __init__=source,
        core="SUPPORTS_SPARSE_TENSORS = HAS = True\n",
        late="SUPPORTS_SPARSE_TENSORS = False\n",
    )
    assert found["sparse"].value is value


def test_imports_in_a_circle_come_to_an_end(backend):
    """Two modules that take a flag from each other leave it unknown."""
    found = backend(
        __init__="from .core import SUPPORTS_SPARSE_TENSORS\n",
        core="from keras_toy.src import SUPPORTS_SPARSE_TENSORS\n",
    )
    assert found["sparse"].value is None


def test_the_flag_of_newer_versions_goes_before_the_trainer(backend):
    """SUPPORTS_GRADIENT is the last word on training, whatever the trainer has."""
    found = backend(__init__="SUPPORTS_GRADIENT = False\n", trainer=TRAINER)

    assert found["train"].value is False
    assert found["train"].because == "SUPPORTS_GRADIENT at keras_toy.src:1"


@pytest.mark.parametrize("method", ["fit", "train_step"])
def test_a_trainer_that_only_raises_does_not_train(backend, method):
    """A method that does nothing but raise, below its docstring, is a no."""
    raising = f'def {method}(self):\n        "No."\n        raise NotImplementedError\n'
    fit = "" if method == "fit" else "def fit(self):\n        return self\n    "
    found = backend(trainer=f"class ToyTrainer:\n    {fit}{raising}")

    assert found["train"].value is False
    assert found["jit"].value is False


def test_a_trainer_of_another_module_is_followed(backend):
    """A trainer that is imported, and one that inherits its fit, are read."""
    imported = backend(trainer="from .core import Trainer\n", core="")
    assert imported["train"].value is None

    core = TRAINER.replace("OtherTrainer", "Trainer")
    imported = backend(trainer="from .core import Trainer\n", core=core)
    assert (imported["train"].value, imported["jit"].value) == (True, True)

    heir = "from .core import Trainer\nclass ToyTrainer(Trainer):\n    pass\n"
    assert backend(trainer=heir, core=core)["train"].value is True


def test_no_distribution_is_a_no(backend):
    """None in place of the module, or one that lays out nothing, is a no."""
    assert backend(__init__="distribution_lib = None\n")["distribution"].value is False

    own = "from keras_toy.src import distribution_lib\n"
    found = backend(__init__=own, distribution_lib="")
    assert found["distribution"].value is False


def test_modules_are_found_as_python_finds_them(site):
    """A module's file is that of its package or its own; a namespace has none."""
    modules = {"keras_toy/a/b.py": "", "keras_toy/c.py": ""}
    install(site, "keras-toy", {}, modules=modules)

    assert place_of("keras_toy.a.b") == site / "keras_toy" / "a" / "b.py"
    assert place_of("keras_toy.c") == site / "keras_toy" / "c.py"
    assert place_of("keras_toy.a") is None
    assert place_of("keras_toy.d") is None
