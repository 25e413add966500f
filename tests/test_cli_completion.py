"""Completion in shells: the code that they read, and what the tab key gives."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_kit import Shop
from fakes import declare

BIN = Path(sys.executable).parent

#: What bash does when the tab key is pressed behind a line, without a keyboard.
TAB = """
    eval "$(kerasplug completion bash)"
    COMP_LINE="$1"
    COMP_POINT=${#COMP_LINE}
    COMP_TYPE=9
    read -r -a COMP_WORDS <<< "$COMP_LINE"
    if [[ "$COMP_LINE" == *" " ]]; then COMP_WORDS+=(""); fi
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    spec=$(complete -p kerasplug)
    function=${spec##*-F }
    ${function%% *} kerasplug "${COMP_WORDS[COMP_CWORD]}" ""
    printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def shop(tmp_path):
    """A shop with a plugin of a name that nothing else begins with."""
    made = Shop(tmp_path)
    declare(made.site, "zebra-pkg", {"zebra_gate": "m:G", "zebra_norm": "m:N"})
    made.loud()
    return made


def completed(shop, line):
    """What bash offers behind a line."""
    environment = shop.environment()
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", TAB, "bash", line],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return {one.strip() for one in done.stdout.split("\n") if one.strip()}


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kerasplug tim", {"timings"}),
        ("kerasplug list la", {"layers"}),
        ("kerasplug show zebra", {"zebra-pkg", "zebra_gate", "zebra_norm"}),
        ("kerasplug why zebra_n", {"zebra_norm"}),
        ("kerasplug timings zeb", {"zebra-pkg"}),
        ("kerasplug install-command tensorf", {"tensorflow"}),
        ("kerasplug cite vgg16 tensorf", {"tensorflow"}),
        ("kerasplug cite two_sp", {"two_spirals"}),
        ("kerasplug show --kind data", {"datasets"}),
        ("kerasplug doctor --im", {"--imports"}),
        ("kerasplug cache ", {"show", "clear"}),
    ],
)
def test_bash_completes(shop, line, words):
    """In a real bash commands, options, kinds and installed names are completed."""
    offered = completed(shop, line)

    assert words <= offered
    if line[-1] != " ":
        assert words == offered


@pytest.mark.parametrize(
    ("shell", "words"),
    [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --command")],
)
def test_each_shell_has_its_code(shop, shell, words):
    """The code of each shell is printed, alone or as JSON."""
    plain, asked = (shop.run("completion", shell, *more) for more in ([], ["--json"]))

    assert plain.code == 0
    assert words in plain.out
    assert "kerasplug" in plain.out
    assert asked.data == {"shell": shell, "code": plain.out}


def test_a_missing_library_is_named_with_its_command(shop):
    """Without argcomplete the command says how to get it, and ends with 1."""
    said = shop.run("completion", "bash", without="argcomplete")

    assert (said.code, said.out) == (1, "")
    assert 'python -m pip install "kerasplug[completion]"' in said.err


def test_a_shell_gets_nothing_from_a_missing_library(shop):
    """The tab key is quiet when argcomplete was removed behind the shell's back."""
    said = shop.run("list", without="argcomplete", _ARGCOMPLETE="1")

    assert said == (1, "", "")


def test_completion_costs_nothing_elsewhere(shop):
    """No command imports argcomplete but the one that prints the shell's code."""
    code = (
        "import sys; from kerasplug.cli import main; main(['doctor'])\n"
        "print('argcomplete' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=shop.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "False"
