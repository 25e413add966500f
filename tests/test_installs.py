"""Real installations into a real environment are seen by the next process.

Each state is asked for at once, and again when its index has to be in use: a test
can't pass because nothing is ever kept.
"""

import subprocess
import sys
import textwrap

import pytest
from fakes import python, settle
from install_kit import Environment, project, wheel

pytestmark = pytest.mark.slow

GATE = {"gate": "tiny_plugin.layers:Gate"}
HOOKS = """
    from kerasplug import LayerRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(name="hooked", target="tiny_plugin.layers:Gate")]
"""
INSTALLERS = ["pip", "uv"]
BACKENDS = ["hatchling", "setuptools"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A virtual environment with kerasplug's own wheel."""
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture(params=INSTALLERS)
def installer(request):
    """What installs: pip or uv."""
    return request.param


@pytest.fixture
def environment(made, installer):
    """The environment without any plugin, and with an index that says so."""
    assert made.warm().names == ()
    yield made
    made.uninstall(installer, "tiny-plugin")


@pytest.fixture
def build(tmp_path):
    """Builds a wheel: entry points and options of `project` -> path."""
    built = iter(range(9))

    def build_wheel(layers, **options):
        source = project(tmp_path / "source", "hatchling", layers, **options)
        return wheel(tmp_path / f"build-{next(built)}", source)

    return build_wheel


def test_an_installation_is_seen(environment, installer, build):
    """A wheel's names are there in the next process, hooked ones as well."""
    environment.install(installer, build(GATE, hooks=HOOKS))

    assert environment.warm().names == ("gate", "hooked")


def test_an_upgrade_is_seen(environment, installer, build):
    """The new version's names replace those of the old one."""
    environment.install(installer, build(GATE))
    environment.warm()

    new = {"wide_gate": "tiny_plugin.layers:WideGate"}
    environment.install(installer, build(new, version="2.0"))

    assert environment.warm().names == ("wide_gate",)


def test_a_reinstallation_of_the_same_version_is_seen(environment, installer, build):
    """Other entry points and another hook module under the same version count."""
    environment.install(installer, build(GATE, hooks=HOOKS))
    environment.warm()

    again = build({"other": "tiny_plugin:G"}, hooks=HOOKS.replace("hooked", "hoofed"))
    flag = "--force-reinstall" if installer == "pip" else "--reinstall"
    environment.install(installer, flag, again)

    assert environment.warm().names == ("hoofed", "other")


def test_a_removal_is_seen(environment, installer, build):
    """Nothing of an uninstalled plugin stays."""
    environment.install(installer, build(GATE, hooks=HOOKS))
    assert environment.warm().names == ("gate", "hooked")

    environment.uninstall(installer, "tiny-plugin")

    assert environment.warm().names == ()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_editable_installation_is_seen(environment, installer, backend, tmp_path):
    """An editable plugin is there once, without faults, and gone when removed."""
    source = project(tmp_path / "source", backend, GATE, hooks=HOOKS)
    environment.install(installer, "--editable", source)

    said = environment.warm(source, source / "tiny_plugin")
    assert (said.names, said.faults) == (("gate", "hooked"), ())

    environment.uninstall(installer, "tiny-plugin")
    assert environment.warm().names == ()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_edited_hook_module_is_seen(environment, installer, backend, tmp_path):
    """The source of an editable plugin is asked again as soon as it is saved."""
    source = project(tmp_path / "source", backend, GATE, hooks=HOOKS)
    environment.install(installer, "--editable", source)
    environment.warm(source, source / "tiny_plugin")

    hooks = source / "tiny_plugin" / "hooks.py"
    hooks.write_text(hooks.read_text().replace("hooked", "edited"))
    settle(hooks)

    assert environment.ask().names == ("edited", "gate")
    assert environment.warm(source, source / "tiny_plugin").faults == ()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_repeated_editable_installation_is_seen(
    environment, installer, backend, tmp_path
):
    """Entry points that changed count when the plugin is installed once more."""
    source = project(tmp_path / "source", backend, GATE)
    environment.install(installer, "--editable", source)
    environment.warm(source, source / "tiny_plugin")

    project(source, backend, {"other": "tiny_plugin:G"})
    environment.install(installer, "--editable", source)

    said = environment.warm(source, source / "tiny_plugin")
    assert (said.names, said.faults) == (("other",), ())


def test_an_older_keras_is_said_to_have_holes(tmp_path):
    """Loading with a Keras whose loaders are known to be unsafe warns and loads."""
    older = tmp_path / "older"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--target", str(older), "keras==3.14.0"], check=True)
    code = """
        import warnings
        import kerasplug
        keras = kerasplug.implementation("keras")
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        warnings.simplefilter("ignore")
        kerasplug.save_model(model, "m.keras")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", kerasplug.KerasplugWarning)
            kerasplug.load_model("m.keras")
            kerasplug.load_model("m.keras", safe_mode=False)
        print(keras.__version__, *(warning.message for warning in caught))
    """
    env = {"KERAS_BACKEND": "jax"}
    program = f"import os; os.chdir({str(tmp_path)!r})\n" + textwrap.dedent(code)

    old = python(program, older, env=env).stdout
    new = python(program, env=env).stdout

    assert old.startswith("3.14.0 The loaders of Keras 3.14.0 have known holes")
    assert old.count("known holes") == 1
    assert "known holes" not in new
