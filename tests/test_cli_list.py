"""`kerasplug list`: what it shows, what is wrong, and how little it imports."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli_kit import Shop
from fakes import HOOKS, declare, install

import kerasplug
from kerasplug import BackendRecord, LayerRecord, hookimpl
from kerasplug.cli import main


class Plugin:
    """A plugin with a layer and a backend whose names nobody else has."""

    @hookimpl
    def kerasplug_layers(self):
        """One layer."""
        return [LayerRecord(name="only_here", target="os:getcwd", summary="one line")]

    @hookimpl
    def kerasplug_backends(self):
        """One backend."""
        return [BackendRecord(name="toy_engine", target="os:getcwd")]


@pytest.fixture
def plugin():
    """The plugin above, registered as `cli-tests` while a test runs."""
    with kerasplug.register(Plugin(), name="cli-tests") as registered:
        yield registered


@pytest.fixture
def shop(tmp_path):
    """An empty shop."""
    return Shop(tmp_path)


def test_each_contribution_has_a_line(capsys, plugin):
    """`list` has a line for each contribution: name, distribution, summary."""
    assert main(["list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "only_here" in line]
    assert line.split() == ["only_here", "cli-tests", "one", "line"]
    assert {"layers", "backends"} <= set(lines)


@pytest.mark.parametrize("kind", ["layer", "layers"])
def test_a_kind_leaves_the_others_out(capsys, plugin, kind):
    """A kind, in singular or plural, leaves the other kinds out."""
    assert main(["list", kind]) == 0

    out = capsys.readouterr().out
    assert "only_here" in out
    assert "toy_engine" not in out


def test_the_parser_and_the_short_way_say_the_same(capsys, plugin):
    """What is parsed by hand, for speed, gives what argparse would give."""
    said = []
    for arguments in (["list", "layers"], ["list", "--", "layers"]):
        assert main(arguments) == 0
        said.append(capsys.readouterr().out)

    assert said[0] == said[1] != ""


@pytest.mark.parametrize(
    ("arguments", "text"), [(["layers"], "no layers\n"), ([], "no plugins\n")]
)
def test_nothing_is_said_to_be_nothing(shop, arguments, text):
    """With every plugin switched off the list says so and succeeds."""
    said = shop.run("list", *arguments, KERASPLUG_DISABLE="all")

    assert said == (0, text, "")
    assert shop.run("list", "--json", KERASPLUG_DISABLE="all").data == []


def test_json_is_for_programs(shop):
    """`list --json` gives kind, names, distribution, version, target and summary."""
    declare(shop.site, "one", {"gate": "one_mod:G"}, metadata="Summary: a gäte\n")

    rows = shop.run("list", "layers", "--json").data

    (row,) = [row for row in rows if row["name"] == "gate"]
    assert row == {
        "kind": "layer",
        "name": "gate",
        "canonical": "one/gate",
        "distribution": "one",
        "version": "1.0",
        "target": "one_mod:G",
        "summary": "a gäte",
    }


def test_contested_names_are_canonical(shop):
    """A name that two distributions have is listed twice, by its canonical names."""
    shop.clash()

    names = [row["name"] for row in shop.run("list", "--json").data]

    assert {"first/wanted", "second/wanted"} <= set(names)
    assert "wanted" not in names


def test_faults_are_told_on_standard_error(shop):
    """A broken plugin is named with its mend; the others are listed, the code is 0."""
    declare(shop.site, "sound", {"sound_gate": "m:G"})
    shop.ill()

    said = shop.run("list")

    assert said.code == 0
    assert "sound_gate" in said.out
    assert "kerasplug: ill 0.3 is broken: the hook module ill_hooks" in said.err
    assert "mend:" in said.err


WARM = """
    import os, sys  # Python itself does, but for -S
    before = set(sys.modules)
    from kerasplug.cli import main
    code = main({!r})
    print(code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["list"], ["list", "layers"]], ids=" ".join)
def test_a_warm_list_imports_nothing_dear(shop, tmp_path, arguments):
    """With an index, piped: only the light registry and the output, no plugin code."""
    lib = tmp_path / "lib"
    lib.mkdir()
    root = Path(kerasplug.__file__).parents[1]
    for name in ("kerasplug", "_kerasplug_state.py"):
        (lib / name).symlink_to(root / name)
    # Hook modules are asked by way of pluggy, on the first look only.
    for package in ("pluggy", "packaging", "filelock"):
        source = Path(str(__import__(package).__file__)).parent
        (lib / package).symlink_to(source)
    groups = {"kerasplug": {"hooks": "warm_list_hooks"}}
    source = HOOKS.format(name="hooked", module="m")
    install(shop.site, "hooks", groups, modules={"warm_list_hooks.py": source})
    for number in range(5):
        declare(shop.site, f"many-{number}", {f"many_{number}": "many_mod:G"})
    shop.settle()
    # A module at the top of the folder: writing its bytecode would touch the folder.
    quiet = {"PYTHONDONTWRITEBYTECODE": "1"}
    environment = shop.environment({"PYTHONPATH": f"{shop.site}:{lib}", **quiet})

    cold, warm = (
        subprocess.run(
            [sys.executable, "-S", "-c", "if True:" + WARM.format(arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in "cw"
    )

    assert cold.stdout == warm.stdout
    assert warm.stdout.count("many_") == 5
    assert "  hooked  " in warm.stdout
    assert "kerasplug.registry.scan" in cold.stderr
    code, *modules = warm.stderr.split()
    assert code == "0"
    assert set(modules) == {
        *("kerasplug", "_kerasplug_state", "kerasplug.config", "kerasplug.errors"),
        *("kerasplug.cli", "kerasplug.cli.list_names", "kerasplug.cli.output"),
        *("kerasplug.cli.streams", "kerasplug.files", "kerasplug.registry"),
        *("kerasplug.registry.discovery", "kerasplug.registry.index"),
        *("kerasplug.registry.listing", "kerasplug.registry.overview"),
        *("kerasplug.registry.parts", "kerasplug.registry.paths"),
        *("kerasplug.registry.session", "kerasplug.registry.switches", "zlib"),
    }
