"""`kerasplug install-command`: the command that brings something; it is never run."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import kerasplug
from kerasplug import BackendRecord, LayerRecord, hookimpl
from kerasplug.cli import install_command, main

ROOT = Path(__file__).parents[1]


class Plugin:
    """A plugin with a layer and a backend whose names nobody else has."""

    @hookimpl
    def kerasplug_layers(self):
        """One layer."""
        return [LayerRecord(name="only_here", target="os:getcwd", summary="one line")]

    @hookimpl
    def kerasplug_backends(self):
        """One backend that says what it needs, and one that does not."""
        return [
            BackendRecord(
                name="toy_engine",
                target="os:getcwd",
                install=("toy>=1.0; python_version > '3'", "plain-toy"),
                install_gpu=("toy[gpu]",),
            ),
            BackendRecord(name="shy_engine", target="os:getcwd"),
            BackendRecord(name="far_engine", target="os:getcwd", engine="worker"),
        ]


@pytest.fixture
def plugin():
    """The plugin above, registered as `cli-tests` while a test runs."""
    with kerasplug.register(Plugin(), name="cli-tests") as registered:
        yield registered


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["tensorflow"], '"kerasplug[tensorflow]"'),
        (["tensorflow", "--gpu"], '"kerasplug[tensorflow]" "tensorflow[and-cuda]"'),
        (["jax"], '"kerasplug[jax]"'),
        (["jax", "--gpu"], '"kerasplug[jax]" "jax[cuda12]"'),
        (["torch"], '"kerasplug[torch]"'),
        (["torch", "--gpu"], '"kerasplug[torch]"'),
        (["PyTorch"], '"kerasplug[torch]"'),
        (["tf_keras"], '"kerasplug[tensorflow]" tf_keras'),
        (["keras"], '"kerasplug[files]" "keras>=3.15.1"'),
        (["numpy"], '"kerasplug[files]" "keras>=3.15.1" jax scipy'),
        (["mlx"], 'keras-mlx "mlx[cpu]"'),
        (["plaidml"], "kerasplug-plaidml\nkerasplug backend install plaidml"),
        (["datasets"], "kerasplug-datasets"),
        (["kerasplug-applications"], "kerasplug-applications"),
    ],
)
def test_known_names_have_their_command(capsys, arguments, command):
    """Engines and this project's plugins are known without being installed."""
    assert main(["install-command", *arguments]) == 0

    assert capsys.readouterr().out == f"python -m pip install {command}\n"


def test_extras_exist():
    """Every extra of kerasplug that a command mentions is in the project file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    commands = [one for pair in install_command._ENGINES.values() for one in pair]
    mentioned = {
        extra
        for command in commands
        for requirement in map(Requirement, command.requirements)
        if requirement.name == "kerasplug"
        for extra in requirement.extras
    }

    assert mentioned <= set(project["optional-dependencies"])
    assert set(install_command._PLUGINS) <= set(project["optional-dependencies"])


@pytest.mark.parametrize("name", ["only_here", "cli-tests/only_here", "cli_tests"])
def test_installed_plugin_is_named(capsys, plugin, name):
    """A provided name, bare or canonical, or a plugin's own gives its distribution."""
    assert main(["install-command", name]) == 0

    captured = capsys.readouterr()
    assert captured.out == "python -m pip install cli-tests\n"
    assert "installed already" in captured.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["toy_engine"], ["toy>=1.0; python_version > '3'", "plain-toy"]),
        (["toy_engine", "--gpu"], ["toy[gpu]"]),
        (["shy_engine"], ["cli-tests"]),
    ],
)
def test_record_of_a_backend_says_what_it_needs(capsys, plugin, arguments, words):
    """A backend's record gives the requirements, each one word of the shell."""
    assert main(["install-command", *arguments]) == 0

    said = shlex.split(capsys.readouterr().out)
    assert said == ["python", "-m", "pip", "install", *words]


def test_an_engine_of_its_own_needs_a_second_command(capsys, plugin):
    """After the plugin of a worker's engine comes what makes its environment."""
    assert main(["install-command", "far_engine"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main(["install-command", "far_engine", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)

    assert lines == [answer["command"], *answer["then"]]
    assert answer["requirements"] == ["cli-tests"]
    assert answer["then"] == ["kerasplug backend install far_engine"]


def test_requirement_is_never_more_than_one_word():
    """What a record says can't end the command and begin another one."""
    wanted = ("a @ https://example.org/$(touch x)`id`.whl", 'b; python_version < "4"')

    said = shlex.split(install_command._line(wanted))
    assert said == ["python", "-m", "pip", "install", *wanted]


def test_gpu_that_changes_nothing_is_said(capsys):
    """`--gpu` for something that is no engine is remarked on, not an error."""
    assert main(["install-command", "datasets", "--gpu"]) == 0

    captured = capsys.readouterr()
    assert captured.out == "python -m pip install kerasplug-datasets\n"
    assert re.match("# --gpu makes no difference", captured.err)


def test_unknown_name_ends_with_2(capsys):
    """An unknown name is an error with close names, on standard error, exit code 2."""
    assert main(["install-command", "tensorflaw"]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean 'tensorflow'" in captured.err


def test_contested_name_ends_with_2(capsys, plugin):
    """A name that two distributions provide is an error that names both."""
    with kerasplug.register(Plugin(), name="cli-tests-too"):
        assert main(["install-command", "only_here"]) == 2
        assert main(["list", "layers"]) == 0

    captured = capsys.readouterr()
    assert "cli-tests-too/only_here, cli-tests/only_here" in captured.err
    assert "cli-tests-too/only_here" in captured.out


def test_json_has_the_command_and_its_parts(capsys, plugin):
    """With `--json` command, requirements and remarks are one object."""
    assert main(["install-command", "toy_engine", "--json"]) == 0

    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert shlex.split(answer["command"])[-2:] == answer["requirements"]
    assert answer["requirements"] == ["toy>=1.0; python_version > '3'", "plain-toy"]
    assert answer["remarks"] == ["says cli-tests"]
    assert answer["then"] == []
    assert captured.err == ""
