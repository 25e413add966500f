"""Where Keras 2.2.4 and PlaidML are installed `use_backend` sets all that they need."""

import collections
import sys
from pathlib import Path

import here_kit
import pytest
from kerasplug_plaidml.here import prepared

import kerasplug
from kerasplug.errors import ImplementationError

here = here_kit.here  # a fixture
pytestmark = pytest.mark.engine


def test_the_name_alone_gives_keras_on_plaidml(here):
    """After `use_backend("plaidml")` the Keras of the environment computes with it."""
    out = here.run(
        """
        import kerasplug
        kerasplug.use_backend("plaidml")
        keras = kerasplug.implementation()
        print(kerasplug.backend(), keras.__version__, kerasplug.backend())
        print(keras.backend.backend(), type(keras.backend.ones((2,))).__module__)
        print(keras.backend.ones((2, 3)).eval().sum())
        """
    )
    assert out == ["plaidml 2.2.4 plaidml", "plaidml.keras.backend plaidml.tile", "6.0"]


def test_a_variable_alone_does_as_well(here):
    """With KERAS_BACKEND set, by either name, the door prepares what is imported."""
    code = """
        import os, kerasplug
        keras = kerasplug.implementation()
        print(keras.__version__, kerasplug.backend(), os.environ["KERAS_BACKEND"])
    """
    for name in ("plaidml.keras.backend", "plaidml"):
        out = here.run(code, KERAS_BACKEND=name)
        assert out == ["2.2.4 plaidml plaidml.keras.backend"]


def test_plain_imports_work_after_the_choice_and_children_inherit_it(here):
    """`import keras` works afterwards; a child that uses the door computes alike."""
    out = here.run(
        """
        import subprocess, sys, kerasplug
        kerasplug.use_backend("plaidml")
        import keras
        kerasplug.use_backend("plaidml")
        print(keras.backend.backend(), kerasplug.implementation().__version__)
        child = "import kerasplug as k; k.implementation().layers; print(k.backend())"
        print(subprocess.check_output([sys.executable, "-c", child], text=True))
        """
    )
    assert out[:2] == ["plaidml.keras.backend 2.2.4", "plaidml"]


def test_questions_are_answered_by_metadata(here):
    """What is there is said before and after the choice, and nothing is imported."""
    code = """
        import sys, kerasplug as kp
        def answers():
            return [
                kp.is_keras_available(), kp.is_keras_available(">=2.2,<2.3"),
                kp.is_keras_available(">=3"), kp.is_keras_available(backend="jax"),
                kp.is_backend_available("plaidml"), kp.is_backend_available("jax"),
            ]
        print(answers(), kp.backend(), kp.keras_version())
        kp.use_backend("plaidml")
        print(answers(), kp.backend(), kp.keras_version())
        print({"keras", "plaidml"} & set(sys.modules))
    """
    before, after, imported = here.run(code)
    version = "(2, 2, 4)"
    assert before.endswith(
        f"[False, False, False, False, True, False] tensorflow {version}"
    )
    assert after.endswith(f"[True, True, False, False, True, False] plaidml {version}")
    assert imported == "set()"


def test_the_answer_without_a_choice_says_how_to_choose(here):
    """Keras 2.2.4 without its backend is unsuitable, and the mend names the call."""
    out = here.run(
        """
        from kerasplug.implementation import availability
        answer = availability()
        print(answer.state, answer.mend, answer.reason)
        """
    )
    state, reason = out[0].split(" ", 1)
    assert state == "unsuitable"
    assert reason.startswith('kerasplug.use_backend("plaidml")')
    assert "installed here: plaidml" in reason


def test_a_probe_really_imports_it_elsewhere(here):
    """`probe="subprocess"` tries Keras and PlaidML, with nothing set but the names."""
    out = here.run(
        """
        import sys, kerasplug
        from kerasplug.implementation import availability
        print(availability(backend="plaidml", probe="subprocess"))
        print(kerasplug.is_backend_available("plaidml", probe="subprocess"))
        print({"keras", "plaidml"} & set(sys.modules))
        """
    )
    assert out == ["<Availability available: 2.2.4>", "True", "set()"]


def test_a_probe_tells_what_is_broken(here, tmp_path):
    """A PlaidML that can't be imported is broken for a probe, with its own error."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.modules['plaidml.tile'] = None"
    )
    out = here.run(
        """
        from kerasplug.implementation import availability
        answer = availability(backend="plaidml", probe="subprocess")
        print(answer.state, answer.reason)
        """,
        PYTHONPATH=str(tmp_path),
    )
    assert out[0].startswith("broken keras 2.2.4 is installed, its import fails")


def test_warnings_may_be_errors(here):
    """The warnings about source of 2018 stop no program that turns them into errors."""
    code = """
        import kerasplug
        kerasplug.use_backend("plaidml")
        print(kerasplug.implementation().__version__)
    """
    flags = ("-W", "error")
    assert here.run(code, *flags, PYTHONPYCACHEPREFIX=str(here.home / "no")) == [
        "2.2.4"
    ]


def test_the_callbacks_find_the_name_that_numpy_took_away(here):
    """Keras 2.2.4 stops early, as its `np.Inf` is put back; without it, it can't."""
    out = here.run(
        """
        import kerasplug, numpy
        kerasplug.use_backend("plaidml")
        keras = kerasplug.implementation()
        stop = keras.callbacks.EarlyStopping("loss")
        stop.on_train_begin()
        print(stop.best)
        del numpy.Inf
        try:
            stop.on_train_begin()
        except AttributeError as error:
            print(error)
        """
    )
    assert out[0] == "inf"
    assert "np.Inf" in out[1]


def test_devices_are_those_of_plaidml(here):
    """`devices=` takes PlaidML's names, and counts for more than what was set."""
    code = """
        import os, kerasplug
        try:
            kerasplug.use_backend("plaidml", devices={})
            print(os.environ["PLAIDML_DEVICE_IDS"])
        except kerasplug.KerasplugError as error:
            print(type(error).__name__, error.found, "KERAS_BACKEND" in os.environ)
    """
    set_before = {"PLAIDML_DEVICE_IDS": "something.0"}
    assert here.run(code.format(None)) == ["llvm_cpu.0"]
    assert here.run(code.format(None), **set_before) == ["something.0"]
    assert here.run(code.format("'llvm_cpu.0'"), **set_before) == ["llvm_cpu.0"]
    assert here.run(code.format("'cpu'"), **set_before) == ["llvm_cpu.0"]
    assert here.run(code.format("0")) == ["ConfigError gpu:0 False"]


@pytest.mark.parametrize("where", ["home", "file", "variable"])
def test_a_configured_plaidml_keeps_its_configuration(here, tmp_path, where):
    """What the user has told PlaidML in a file or by variables stays in force."""
    alone = here.alone(tmp_path / "home")
    settings = '{"PLAIDML_DEVICE_IDS": ["own.0"], "PLAIDML_EXPERIMENTAL": true}'
    variables = {}
    if where == "home":
        (alone.home / ".plaidml").write_text(settings)
    elif where == "file":
        (tmp_path / "settings.json").write_text(settings)
        variables["PLAIDML_SETTINGS"] = str(tmp_path / "settings.json")
    else:
        variables |= {"PLAIDML_DEVICE_IDS": "own.0", "PLAIDML_EXPERIMENTAL": "1"}
    out = alone.run(
        """
        import kerasplug
        kerasplug.use_backend("plaidml")
        kerasplug.implementation().layers
        import plaidml.settings
        print(plaidml.settings.device_ids, plaidml.settings.experimental)
        """,
        **variables,
    )
    assert out == ["['own.0'] True"]


LATE = """
import os, sys, collections, kerasplug
{first}
before = dict(os.environ)
try:
    kerasplug.use_backend("plaidml"{devices})
except kerasplug.KerasplugError as error:
    print(type(error).__name__, error.what, error.found, error.mend)
print(before == dict(os.environ), hasattr(collections, "Iterable"))
"""


def test_too_late_for_another_backend_changes_nothing(here, tmp_path):
    """Keras that computes with another module is in use: that is said, and by whom."""
    (tmp_path / "another.py").write_text("from plaidml.keras.backend import *\n")
    (tmp_path / "early.py").write_text(
        "from kerasplug_plaidml.compat import mend_python\n"
        "mend_python()\n"
        "import keras\n"
    )
    first = "import early"
    said, unchanged = here.run(
        LATE.format(first=first, devices=""),
        KERAS_BACKEND="another",
        PYTHONPATH=str(tmp_path),
        PLAIDML_DEVICE_IDS="llvm_cpu.0",
    )
    assert said.startswith(
        "ImplementationError Too late for the backend plaidml: Keras computes with "
        "another already. keras 2.2.4"
    )
    assert f"early ({tmp_path / 'early.py'})" in said
    assert unchanged == "True True"


def test_too_late_for_other_devices_changes_nothing(here):
    """A PlaidML that is loaded has its devices; others are refused, these not."""
    late = LATE.format(first="import plaidml", devices=", devices='an_other.0'")
    said, unchanged = here.run(late, PLAIDML_DEVICE_IDS="llvm_cpu.0")
    assert said.startswith("ImplementationError Too late for these devices: plaidml is")
    assert unchanged == "True False"
    same = LATE.format(first="import plaidml", devices=", devices='llvm_cpu.0'")
    assert here.run(same, PLAIDML_DEVICE_IDS="llvm_cpu.0") == ["False True"]


@pytest.mark.parametrize("wish", ["tensorflow", "tf_keras"])
def test_another_implementation_does_not_run_on_it(here, wish):
    """Who has asked for another Keras is told that it has no PlaidML."""
    said, unchanged = here.run(
        LATE.format(first="", devices=""), KERASPLUG_IMPLEMENTATION=wish
    )
    expected = f"ImplementationError The Keras that was chosen, {wish}, does not run on"
    assert said.startswith(expected)
    assert "unset KERASPLUG_IMPLEMENTATION" in said
    assert unchanged == "True False"


def test_other_backends_are_not_to_be_had_there(here):
    """An engine of Keras 3 is missing, or too late once Keras computes with PlaidML."""
    out = here.run(
        """
        import kerasplug
        for _ in range(2):
            try:
                kerasplug.use_backend("jax")
            except kerasplug.KerasplugError as error:
                print(type(error).__name__, error.what)
            kerasplug.use_backend("plaidml")
            kerasplug.implementation().layers
        """
    )
    missing, late = out
    assert missing.startswith("KerasMissingError The backend jax is missing")
    assert late.startswith("ImplementationError Too late for the backend jax")


def test_what_came_with_keras_3_is_said_to_be_missing(here):
    """Reading a file of Keras 3, and what else the old Keras lacks, fails clearly."""
    out = here.run(
        """
        import kerasplug
        kerasplug.use_backend("plaidml")
        keras = kerasplug.implementation()
        print(hasattr(keras, "saving"), hasattr(keras, "layers"))
        for call in (lambda: keras.ops.add, kerasplug.install_resolver):
            try:
                call()
            except kerasplug.errors.KerasVersionError as error:
                print(error.what, error.mend)
        """
    )
    assert out[0] == "False True"
    assert out[1].startswith("keras 2.2.4 has no 'ops'")
    assert out[1].endswith("do it in an environment with Keras 3")
    assert out[2].startswith("keras 2.2.4 has no 'saving'")


def test_a_keras_3_is_not_told_to_compute_with_it():
    """Here, with Keras 3, nothing is mended, and the error says what to write."""
    with pytest.raises(ImplementationError, match="no Keras here runs on it") as caught:
        kerasplug.use_backend("plaidml")
    assert caught.value.mend == 'remote = kerasplug.to_backend(model, "plaidml")'
    assert not prepared()
    assert not hasattr(collections, "Iterable")


def test_a_keras_3_with_the_variable_set_says_what_to_write(here):
    """KERAS_BACKEND=plaidml.keras.backend under Keras 3 is refused at once."""
    host = type(here)(Path(sys.prefix), here.home)
    out = host.run(
        """
        import sys, kerasplug
        try:
            kerasplug.implementation("keras").layers
        except kerasplug.KerasplugError as error:
            print(error.what, error.mend, "keras" in sys.modules)
        """,
        KERAS_BACKEND="plaidml.keras.backend",
    )
    assert "does not run on plaidml (KERAS_BACKEND), only an older one did." in out[0]
    assert out[0].endswith('remote = kerasplug.to_backend(model, "plaidml") False')
