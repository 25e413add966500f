"""The command `kerasplug`: exit codes, errors, clean output, what it never imports."""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bare import bare
from cli_kit import HEAVY, Shop
from fakes import declare, install

import kerasplug
from kerasplug.cli import COMMANDS, main
from kerasplug.cli.parser import everything

ROOT = Path(__file__).parents[1]

#: Every command, in a form that ends well without Keras and without a plugin.
EACH = [
    ["list"],
    ["list", "layers"],
    ["show", "lone"],
    ["show", "lone_gate"],
    ["why", "lone_gate"],
    ["doctor"],
    ["doctor", "--retry", "lone"],
    ["timings"],
    ["cache", "show"],
    ["cache", "clear", "--quarantine"],
    ["cite"],
    ["install-command", "jax"],
    ["completion", "bash"],
]


@pytest.fixture
def shop(tmp_path):
    """A shop with one sound plugin, `lone`."""
    made = Shop(tmp_path)
    declare(
        made.site,
        "lone",
        {"lone_gate": "lone_mod:Gate"},
        modules={"lone_mod.py": "class Gate: pass\n"},
        metadata="Summary: alone\n",
    )
    return made


def fresh(code):
    """What a program prints in a new process, in which C's library keeps a buffer."""
    environment = {**os.environ}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


# --- help, versions, wrong arguments ---


def test_version_is_printed(capsys):
    """`--version` prints program and version, and ends with 0."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"kerasplug {kerasplug.__version__}\n"


def test_module_is_the_command(shop):
    """`python -m kerasplug` does what the console script does."""
    script = Path(sys.executable).with_name("kerasplug")
    done = subprocess.run(
        [script, "--version"], capture_output=True, text=True, check=True
    )

    assert shop.run("--version").out == done.stdout


def test_help_names_every_command_and_exit_code(capsys):
    """`--help` has a line for each command and for each exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert [
        name for name in COMMANDS if not re.search(rf"^ +{name}\b", out, re.MULTILINE)
    ] == []
    assert re.findall(r"^  (\d+) ", out, re.MULTILINE) == ["0", "1", "2", "130"]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_has_help_and_json(capsys, command):
    """Each command explains itself, has `--json`, and ends with 0."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: kerasplug {command}" in out
    assert "--json" in out


def test_the_page_has_every_command_and_option():
    """The documentation has a section for each command, and names each option."""
    text = (ROOT / "docs/commands.md").read_text("utf-8")
    (commands,) = (
        action
        for action in everything()._actions
        if isinstance(action, argparse._SubParsersAction)
    )

    for name, parser in commands.choices.items():
        section = text.partition(f"\n## kerasplug {name}\n")[2].partition("\n## ")[0]
        own = {one for one in parser._option_string_actions if one.startswith("--")}
        assert section, name
        assert [one for one in own - {"--help", "--json"} if one not in section] == []


WRONG = [
    [],
    ["no-such-command"],
    ["list", "no_such_kind"],
    ["show"],
    ["show", "x", "--kind", "no_such_kind"],
    ["timings", "--budget", "soon"],
    ["timings", "--budget", "-1"],
    ["cache", "explode"],
    ["completion", "tcsh"],
    ["demo", "--epochs", "0"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_arguments_end_with_2(capsys, arguments):
    """A wrong argument is explained on standard error; the exit code is 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: kerasplug" in captured.err


@pytest.mark.parametrize("arguments", WRONG[1:], ids=" ".join)
def test_wrong_arguments_are_json_as_well(capsys, arguments):
    """With `--json` a program gets the same text as an object named `error`."""
    with pytest.raises(SystemExit):
        main([*arguments, "--json"])

    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["type"] == "UsageError"
    assert error["what"] in captured.err


@pytest.mark.parametrize(
    ("arguments", "close"),
    [
        (["lsit"], "did you mean 'list'"),
        (["list", "layrs"], "did you mean 'layers'"),
        (["show", "x", "--kind", "datset"], "did you mean 'dataset'"),
    ],
)
def test_unknown_commands_and_kinds_have_close_ones(capsys, arguments, close):
    """A command or kind that does not exist gets close names, and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert close in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["show", "why", "timings", "cite", "install-command"]
)
def test_unknown_names_have_close_ones(shop, command):
    """A name that nothing has gets close names, on both streams, and exit code 2."""
    wrong = "lnoe" if command == "timings" else "lone_gaet"
    close = wrong.replace("lnoe", "lone").replace("gaet", "gate")

    plain, asked = shop.run(command, wrong), shop.run(command, wrong, "--json")

    assert (plain.code, plain.out, asked.code) == (2, "", 2)
    assert f"did you mean '{close}'" in plain.err
    assert asked.data["error"]["type"] == "UnknownNameError"
    assert close in asked.data["error"]["close"]
    assert asked.err == plain.err


# --- clean output ---


@pytest.mark.parametrize("arguments", EACH, ids=" ".join)
def test_json_is_all_that_comes_out(shop, arguments):
    """Each command prints one JSON document, whatever plugins print or break."""
    shop.loud()
    shop.ill()

    said = shop.run(*arguments, "--json")

    assert said.code in (0, 1), said.err
    assert said.data is not None
    assert "loud" not in re.sub(r'"[^"]*"', "", said.out)


@pytest.mark.parametrize("arguments", EACH, ids=" ".join)
def test_plain_output_has_nothing_of_plugins_prints(shop, arguments):
    """Without `--json` as well nothing that a plugin prints gets into the answer."""
    shop.loud()

    said = shop.run(*arguments)

    assert said.out
    assert "Traceback" not in said.err
    # The doctor reports, and quotes, what a hook module prints.
    assert not any(line.startswith("loud ") for line in said.out.splitlines())


STREAMS = """
    import ctypes, os, subprocess, sys
    from kerasplug.cli.streams import answering
    for turn in "12":
        with answering() as stream:
            print("print")
            os.write(1, b"descriptor\\n")
            subprocess.run(["echo", "child"])
            ctypes.CDLL(None).printf(b"from C\\n")
            stream.write(f"answer {turn}\\n")
    print("afterwards")
"""


def test_standard_output_is_the_commands_alone(shop):
    """Python, descriptors, children and C all go to standard error, and come back."""
    done = fresh("if True:" + STREAMS)

    assert done.stdout == "answer 1\nanswer 2\nafterwards\n"
    said = sorted(done.stderr.splitlines())
    assert said == sorted(2 * ["print", "descriptor", "child", "from C"])


def test_output_is_found_where_tests_capture_it(capfd, shop):
    """Called in a process whose output is captured, the answer is captured, twice."""
    for _ in range(2):
        assert main(["install-command", "jax"]) == 0
        os.write(1, b"below\n")

        assert capfd.readouterr().out.splitlines() == [
            'python -m pip install "kerasplug[jax]"',
            "below",
        ]


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_is_no_traceback(shop, closed):
    """A process that was started without one of the streams ends as it should."""
    command = f"{shlex.join(shop.line(['list']))} {closed}>&-"
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env=shop.environment(),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert ("lone_gate" in done.stdout) == (closed == "2")


@pytest.mark.parametrize("arguments", EACH, ids=" ".join)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["plain", "json"])
def test_a_reader_that_leaves_is_no_traceback(shop, arguments, more):
    """Where nobody reads the answer any more the command ends quietly, with 1."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        shop.line([*arguments, *more]),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env=shop.environment(),
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told(shop):
    """An answer that can't be written is an error, not a success."""
    command = f"{shlex.join(shop.line(['list']))} > /dev/full"
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env=shop.environment(),
    )

    assert done.returncode == 1
    assert "The answer can't be written" in done.stderr
    assert "Traceback" not in done.stderr


# --- errors and interruption ---


def test_errors_are_told_without_traceback(shop):
    """An error of kerasplug is its text on standard error; the exit code is 1."""
    said = shop.run("demo", KERASPLUG_DISABLE="all")

    assert (said.code, said.out) == (1, "")
    assert "Traceback" not in said.err
    assert "kerasplug-datasets" in said.err
    assert "python -m pip install" in said.err


def test_errors_have_their_parts_as_json(shop):
    """With `--json` the parts of an error are on standard output, the text beside."""
    said = shop.run("demo", "--json", KERASPLUG_DISABLE="all")

    error = said.data["error"]
    assert said.code == 1
    assert error["type"] == "MissingPluginError"
    assert "kerasplug-datasets/digits" in error["names"]
    assert error["what"] in said.err


def test_wrong_switches_are_told_by_each_command(shop):
    """A switch that names nothing is an error of `list`, and a finding of `doctor`."""
    said = shop.run("list", KERASPLUG_DISABLE="loen")
    found = shop.run("doctor", KERASPLUG_DISABLE="loen")

    assert said.code == 2
    assert "did you mean lone" in said.err
    assert found.code == 1
    assert "KERASPLUG_DISABLE names 'loen'" in found.out


def test_ctrl_c_ends_with_130(shop, tmp_path):
    """Ctrl-C while a plugin is imported ends the command with 130, and quietly."""
    started = tmp_path / "started"
    source = f"""
        import pathlib, time
        pathlib.Path({str(started)!r}).touch()
        time.sleep(60)
    """
    groups = {"kerasplug": {"slow": "slow_hooks"}}
    install(shop.site, "slow", groups, modules={"slow_hooks.py": source})
    process = subprocess.Popen(
        shop.line(["list"]),
        env=shop.environment({"KERASPLUG_HOOK_TIMEOUT": "60"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it

    out, err = process.communicate()

    assert (process.returncode, out) == (130, "")
    assert err.strip() == "kerasplug: interrupted"


# --- what is never imported ---

_COUNTING = """
    import sys
    from kerasplug.cli import main
    code = main({!r})
    print(code, *{{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", EACH, ids=" ".join)
def test_no_command_imports_keras_here(shop, arguments):
    """No command imports Keras, an engine or NumPy into its own process."""
    done = subprocess.run(
        [sys.executable, "-c", "if True:" + _COUNTING.format(arguments)],
        env=shop.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0"
    assert not (HEAVY | {"rich"}) & set(modules)


@pytest.mark.engine
@pytest.mark.parametrize(
    "arguments", [["doctor", "--probe"], ["doctor", "--imports"]], ids=" ".join
)
def test_who_asks_for_imports_gets_them_elsewhere(shop, arguments):
    """Where somebody asks for Keras to be imported, that is done in other processes."""
    done = subprocess.run(
        [sys.executable, "-c", "if True:" + _COUNTING.format(arguments)],
        env=shop.environment({"KERAS_HOME": os.environ["KERAS_HOME"]}),
        capture_output=True,
        text=True,
        check=True,
    )

    assert not HEAVY & set(done.stderr.splitlines()[-1].split())
    expected = "cpu:0" if "--probe" in arguments else "lone_gate is not a layer"
    assert expected in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", EACH, ids=" ".join)
def test_each_command_works_without_keras(shop, tmp_path, arguments):
    """Where no Keras is installed each command says what it says, and does not fail."""
    code = f"import sys; from kerasplug.cli import main; sys.exit(main({arguments!r}))"
    env = {"XDG_CACHE_HOME": str(shop.cache)}

    done = bare(code, tmp_path, shop.site, env=env, check=False)

    needs_extra = arguments[0] == "completion"
    assert done.returncode == int(needs_extra), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if needs_extra:
        assert "kerasplug[completion]" in done.stderr


def test_version_imports_no_command():
    """`--version` imports neither a command's module nor the registry."""
    done = fresh(
        "import sys\nfrom kerasplug.cli import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "print(*[name for name in sys.modules if name.startswith('kerasplug.')])"
    )

    assert set(done.stdout.split()[2:]) == {
        "kerasplug.errors",
        "kerasplug.cli",
        "kerasplug.cli.parser",
    }
