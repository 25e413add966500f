"""Plugins as users have them: wheels that a build backend made and an installer put."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes import settle
from hatchling.builders.wheel import WheelBuilder
from install_kit import run

#: A target that needs no Keras: kerasplug goes by the name of a base class.
LAYERS = """
    class Layer:
        pass

    class Gate(Layer):
        pass
"""

#: A hook module with one layer; to be formatted with name and module.
HOOKS = """
    from kerasplug import LayerRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(name="{name}", target="{module}:Gate")]
"""

#: Prints, as JSON, what there is; and what using each of the arguments gives.
_REPORT = """
import json, sys, traceback
import kerasplug as kp

FIELDS = "plugin version entry what cause trace mend quarantined".split()


def plain(fault):
    return {key: getattr(fault, key) for key in FIELDS}


names = list(kp.layers)
plugins = {
    one.name: {
        "state": one.state,
        "reports": one.reports,
        "unmet": one.unmet,
        "hooks": one.hooks,
        "faults": list(map(plain, one.faults)),
    }
    for one in kp.plugins()
}
used = {}
for name in sys.argv[1:]:
    try:
        used[name] = {"value": repr(kp.layers[name])}
    except kp.KerasplugError as error:
        text = "".join(traceback.format_exception(error))
        used[name] = {"error": type(error).__name__, "text": text, "mend": error.mend}
loaded = sorted(sys.modules)
print(json.dumps({"names": names, "plugins": plugins, "used": used, "loaded": loaded}))
"""


def build_wheel(
    folder: Path,
    name: str,
    groups: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str],
    *,
    version: str = "1.0",
    requires: Sequence[str] = (),
) -> Path:
    """The wheel of a distribution, built by hatchling.

    Args:
        folder: a new folder for its source and the wheel.
        name: the distribution.
        groups: entry points: group -> name -> value.
        modules: file (`"ill_plugin/hooks.py"`) -> source, dedented.
        version: its version.
        requires: what it depends on.
    """
    folder.mkdir(parents=True)
    lines = [
        "[build-system]",
        'requires = ["hatchling"]',
        'build-backend = "hatchling.build"',
        "[project]",
        f"name = {json.dumps(name)}",
        f"version = {json.dumps(version)}",
        f"dependencies = {json.dumps(list(requires))}",
    ]
    for group, entries in groups.items():
        lines.append(f"[project.entry-points.{json.dumps(group)}]")
        lines += [
            f"{json.dumps(key)} = {json.dumps(one)}" for key, one in entries.items()
        ]
    tops = sorted({file.partition("/")[0] for file in modules})
    lines += ["[tool.hatch.build.targets.wheel]", f"only-include = {json.dumps(tops)}"]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for file, source in modules.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
    (made,) = WheelBuilder(str(folder)).build(directory=str(folder / "dist"))
    return Path(made)


@dataclass
class Report:
    """What a fresh process says about the plugins.

    Attributes:
        names: of all layers.
        plugins: name -> state, faults, reports, unmet, hooks.
        used: name of a layer -> what using it gave.
        loaded: the modules that the process had loaded in the end.
        err: what it wrote to standard error.
    """

    names: list[str]
    plugins: dict[str, Any]
    used: dict[str, Any]
    loaded: list[str]
    err: str = field(default="", repr=False)

    def fault(self, plugin: str = "ill") -> dict[str, Any]:
        """The one fault of a plugin."""
        (fault,) = self.plugins[plugin]["faults"]
        return dict(fault)


class Site:
    """A folder of `sys.path` into which wheels are installed, with a cache of its own.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "site"
        self.cache = folder / "cache"
        self._count = 0

    def add(
        self,
        name: str,
        groups: Mapping[str, Mapping[str, str]],
        modules: Mapping[str, str],
        *,
        version: str = "1.0",
        requires: Sequence[str] = (),
    ) -> None:
        """Build the wheel and install it; an older version is replaced."""
        self._count += 1
        folder = self.folder / f"build-{self._count}"
        wheel = build_wheel(
            folder, name, groups, modules, version=version, requires=requires
        )
        command = [sys.executable, "-m", "uv", "--no-cache", "pip", "install", "-q"]
        options = ["--no-deps", "--no-index", "--upgrade", "--target", self.path]
        run([*command, *options, wheel], os.environ)
        settle(self.path)

    def add_ill(self, source: str, *, version: str = "0.3", **files: str) -> None:
        """The plugin `ill`: the given hook module, and a layer that is declared."""
        modules = {
            "ill_plugin/__init__.py": "",
            "ill_plugin/hooks.py": source,
            "ill_plugin/layers.py": LAYERS,
            **{f"ill_plugin/{name}.py": text for name, text in files.items()},
        }
        groups = {
            "kerasplug": {"ill-hooks": "ill_plugin.hooks"},
            "kerasplug.layers": {"ill_declared": "ill_plugin.layers:Gate"},
        }
        self.add("ill", groups, modules, version=version)

    def add_healthy(self) -> None:
        """The plugin `healthy`, with a declared and a hooked layer."""
        groups = {
            "kerasplug": {"sound": "healthy_plugin.hooks"},
            "kerasplug.layers": {"healthy_gate": "healthy_plugin.layers:Gate"},
        }
        modules = {
            "healthy_plugin/__init__.py": "",
            "healthy_plugin/layers.py": LAYERS,
            "healthy_plugin/hooks.py": HOOKS.format(
                name="healthy_hooked", module="healthy_plugin.layers"
            ),
        }
        self.add("healthy", groups, modules)

    def env(self, **more: str) -> dict[str, str]:
        """The environment of its processes; an empty value removes a variable."""
        given = {
            **os.environ,
            "PYTHONPATH": str(self.path),
            "XDG_CACHE_HOME": str(self.cache),
            **more,
        }
        return {key: value for key, value in given.items() if value}

    def start(
        self, code: str = _REPORT, *arguments: str, **env: str
    ) -> subprocess.Popen[str]:
        """A process that has the plugins; by default one that prints the report."""
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *arguments],
            env=self.env(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *names: str, **env: str) -> Report:
        """What a fresh process says, which also uses the layers of these names."""
        out, err = self.start(_REPORT, *names, **env).communicate(timeout=300)
        assert out, err
        return Report(**json.loads(out), err=err)

    def kerasplug(
        self, *arguments: str, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """What the command `kerasplug` does there."""
        return subprocess.run(
            [sys.executable, "-m", "kerasplug", *arguments],
            env=self.env(**env),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def assert_healthy(report: Report) -> None:
    """Nothing is wrong with the plugin `healthy`, and it works."""
    assert {"healthy_gate", "healthy_hooked"} <= set(report.names)
    assert report.plugins["healthy"]["state"] == "active"
    assert report.plugins["healthy"]["faults"] == []
    assert report.plugins["healthy"]["reports"] == []
    for name in ("healthy_gate", "healthy_hooked"):
        if name in report.used:
            assert "Gate" in report.used[name]["value"]
