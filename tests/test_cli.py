"""The command `kerasplug`: its exit codes, its output, and what it does not import."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import kerasplug
from kerasplug import BackendRecord, LayerRecord, hookimpl
from kerasplug.cli import COMMANDS, install_command, main

ROOT = Path(__file__).parents[1]
HEAVY = {"keras", "tf_keras", "tensorflow", "jax", "torch", "numpy", "rich"}


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
        ]


@pytest.fixture
def plugin():
    """The plugin above, registered as `cli-tests` while a test runs."""
    with kerasplug.register(Plugin(), name="cli-tests") as registered:
        yield registered


def kerasplug_process(*arguments, **variables):
    """What a real process `python -m kerasplug` said."""
    return subprocess.run(
        [sys.executable, "-m", "kerasplug", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


def test_version_is_printed(capsys):
    """`--version` prints program and version, and ends with 0."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"kerasplug {kerasplug.__version__}\n"


def test_module_is_the_command():
    """`python -m kerasplug` does what the console script does."""
    script = Path(sys.executable).with_name("kerasplug")
    done = subprocess.run(
        [script, "--version"], capture_output=True, text=True, check=True
    )

    assert kerasplug_process("--version").stdout == done.stdout


def test_help_names_every_command(capsys):
    """`--help` has a line for each command."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in out] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_has_help(capsys, command):
    """Each command explains itself and ends with 0."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert f"usage: kerasplug {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["no-such-command"], ["list", "no_such_kind"], ["demo", "--epochs", "0"]],
)
def test_wrong_arguments_end_with_2(capsys, arguments):
    """A wrong argument is explained on standard error; the exit code is 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: kerasplug" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["list"], ["list", "--json"], ["install-command", "jax"]],
)
def test_light_commands_import_nothing_heavy(arguments):
    """Listing and its like import no Keras, no engine, no NumPy and no rich."""
    code = (
        "import sys\nfrom kerasplug.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert not HEAVY & set(done.stderr.split())


def test_version_imports_no_other_command():
    """`--version` imports neither a command's module nor the registry."""
    code = (
        "import sys\nfrom kerasplug.cli import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "print(*[name for name in sys.modules if name.startswith('kerasplug.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert set(done.stdout.split()[2:]) == {"kerasplug.errors", "kerasplug.cli"}


def test_list_shows_each_contribution(capsys, plugin):
    """`list` has a line for each contribution: name, distribution, summary."""
    assert main(["list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "only_here" in line]
    assert line.split() == ["only_here", "cli-tests", "one", "line"]
    assert {"layers", "backends"} <= set(lines)


@pytest.mark.parametrize("kind", ["layer", "layers"])
def test_list_takes_a_kind(capsys, plugin, kind):
    """A kind, in singular or plural, leaves the other kinds out."""
    assert main(["list", kind]) == 0

    out = capsys.readouterr().out
    assert "only_here" in out
    assert "toy_engine" not in out


def test_list_says_that_there_is_nothing():
    """With every plugin switched off the list says so and succeeds."""
    done = kerasplug_process("list", "layers", KERASPLUG_DISABLE="all")

    assert (done.returncode, done.stdout) == (0, "no layers\n")


def test_json_list_is_for_programs(capsys, plugin):
    """`list --json` gives kind, names, distribution, version, target and summary."""
    assert main(["list", "layers", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    (row,) = [row for row in rows if row["name"] == "only_here"]
    assert row == {
        "kind": "layer",
        "name": "only_here",
        "canonical": "cli-tests/only_here",
        "distribution": "cli-tests",
        "version": "",
        "target": "os:getcwd",
        "summary": "one line",
    }


def test_closed_pipe_is_no_traceback():
    """A reader that stops reading ends the command quietly."""
    command = f"{shlex.quote(sys.executable)} -m kerasplug list --json | true"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False
    )

    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


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
        (["plaidml"], "kerasplug-plaidml"),
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


def test_errors_are_told_without_traceback():
    """An error of kerasplug is its text on standard error; the exit code is 1."""
    done = kerasplug_process("demo", KERASPLUG_DISABLE="all")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "kerasplug-datasets" in done.stderr
    assert "python -m pip install" in done.stderr
