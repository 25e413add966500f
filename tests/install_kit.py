"""Asking new processes what is installed, and how they came to know it.

Two places to ask in: `Place`, a folder beside a copy of kerasplug in an isolated
interpreter, for metadata made by hand; and `Environment`, a real virtual
environment with kerasplug's wheel, for real installations.
"""

import compileall
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fakes import settle

ROOT = Path(__file__).resolve().parent.parent

#: `looked` is about the module that reads metadata: it is imported for nothing else.
ASK = """
import sys
import kerasplug
names = list(kerasplug.layers)
looked = "kerasplug.registry.scan" in sys.modules
faults = [
    fault.what for one in kerasplug.plugins() for fault in getattr(one, "faults", ())
]
from kerasplug.registry.overview import table
assert names == list(table().names("layer")), (names, table().names("layer"))
import json
print(json.dumps([names, looked, faults]))
"""


# What an installed kerasplug tells of itself; tests of installations ask for the rest.
_OWN = {"application_preprocessing", "placed", "top_predictions"}

# What kerasplug needs; and what builds: with isolation each build would download it.
_NEEDED = [
    "filelock",
    "pluggy",
    "packaging",
    "hatchling",
    "editables",
    "setuptools>=70.1",
]


@dataclass(frozen=True)
class Said:
    """What a process found: names of plugins' layers; whether it looked; faults."""

    names: tuple[str, ...]
    looked: bool
    faults: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Said":
        """From what `ASK` prints."""
        names, looked, faults = json.loads(text)
        return cls(tuple(sorted({*names} - _OWN)), looked, tuple(faults))


def run(
    command: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None
) -> str:
    """What a program prints; its failing fails the test, with all it said."""
    done = subprocess.run(
        list(map(str, command)),
        env=dict(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def own_library(folder: Path) -> Path:
    """A folder with a copy of kerasplug and of what it imports, settled.

    The repository itself is not settled while somebody works in it.
    """
    for name in (
        "kerasplug",
        "_kerasplug_backends",
        "_kerasplug_state",
        "pluggy",
        "packaging",
    ):
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        assert spec.origin is not None, name
        source = Path(spec.origin)
        if source.name == "__init__.py":
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source.parent, folder / name, ignore=ignored)
        else:
            shutil.copy2(source, folder)
    # Now, not by the first process that imports it: that would touch the folder.
    compileall.compile_dir(folder, quiet=2)
    settle(folder)
    return folder


class Place:
    """A folder for distributions made by hand, with an index of its own.

    Attributes:
        site: the folder.
        cache: `XDG_CACHE_HOME` of the processes.
        path: what comes first on their `sys.path`; the standard library follows.
    """

    def __init__(self, folder: Path, library: Path) -> None:
        self.site = folder / "site"
        self.site.mkdir()
        self.cache = folder / "cache"
        self.path = [self.site, library]

    def settle(self) -> None:
        """Make `site` look as if its installations were over for long."""
        compileall.compile_dir(self.site, quiet=2)
        settle(self.site)

    def command(self, code: str = ASK) -> list[str]:
        """The command of a process that runs `code` on this path and no other."""
        path = f"import sys; sys.path[:0] = {[str(one) for one in self.path]}\n"
        return [sys.executable, "-I", "-S", "-c", path + textwrap.dedent(code)]

    @property
    def env(self) -> dict[str, str]:
        """The environment of its processes."""
        return {**os.environ, "XDG_CACHE_HOME": str(self.cache)}

    def ask(self, before: str = "", **env: str) -> Said:
        """What a new process finds.

        Args:
            before: a program that runs there first.
            **env: more environment variables.
        """
        code = textwrap.dedent(before) + ASK
        return Said.of(run(self.command(code), {**self.env, **env}))

    def index(self) -> Path:
        """The index file of `site`; it names its folder inside."""
        said = [
            file
            for file in (self.cache / "kerasplug" / "index").iterdir()
            if str(self.site.resolve()).encode() in file.read_bytes()
        ]
        assert len(said) == 1, said
        return said[0]


class Environment:
    """A virtual environment with kerasplug, for plugins to come and go.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.cache = folder / "cache"
        self.prefix = folder / "environment"
        run([sys.executable, "-m", "venv", self.prefix], os.environ)
        self.python = self.prefix / "bin" / "python"
        self.pip("install", *_NEEDED)
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
        run([*build, "--outdir", folder, ROOT], os.environ)
        self.pip("install", "--no-deps", *folder.glob("*.whl"))
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.site = Path(run([self.python, "-c", where], os.environ).strip())

    def pip(self, *arguments: str | Path) -> None:
        """Run the environment's own pip."""
        run([self.python, "-m", "pip", "-q", *arguments], os.environ)

    def uv(self, verb: str, *arguments: str | Path) -> None:
        """Run `uv pip` on the environment."""
        base = [sys.executable, "-m", "uv", "--no-cache", "pip", verb, "-q"]
        run([*base, "--python", self.python, *arguments], os.environ)

    def install(self, installer: str, *arguments: str | Path) -> None:
        """Install with pip or uv, without build isolation, so without network."""
        flags = ["--no-deps", "--no-build-isolation", *arguments]
        if installer == "uv":
            self.uv("install", *flags)
        else:
            self.pip("install", "--no-index", *flags)

    def uninstall(self, installer: str, name: str) -> None:
        """Remove a distribution, if it is there."""
        if installer == "uv":
            self.uv("uninstall", name)
        else:
            self.pip("uninstall", "-y", name)

    def ask(self) -> Said:
        """What a new process finds."""
        env = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "KERASPLUG"))
        }
        env["XDG_CACHE_HOME"] = str(self.cache)
        return Said.of(run([self.python, "-c", ASK], env, cwd=self.home))

    def warm(self, *folders: Path) -> Said:
        """What is found now, at once, and from an index that is really used.

        Args:
            folders: other folders on `sys.path` of these processes.
        """
        fresh = self.ask()
        settle(self.site, self.home, *folders)
        first, second = self.ask(), self.ask()
        assert fresh.names == first.names == second.names
        assert not second.looked
        return second


def project(
    folder: Path,
    backend: str,
    layers: Mapping[str, str],
    *,
    version: str = "1.0",
    hooks: str = "",
) -> Path:
    """The source tree of a small plugin, `tiny-plugin`; written anew if it is there.

    Args:
        folder: where.
        backend: `"hatchling"` or `"setuptools"`.
        layers: entry points that it declares.
        version: its version.
        hooks: source of a hook module `tiny_plugin.hooks` that it advertises.
    """
    module = "hatchling.build" if backend == "hatchling" else "setuptools.build_meta"
    lines = [
        "[build-system]",
        f'requires = ["{backend}"]',
        f'build-backend = "{module}"',
        "[project]",
        'name = "tiny-plugin"',
        f'version = "{version}"',
        '[project.entry-points."kerasplug.layers"]',
        *(f'{name} = "{target}"' for name, target in layers.items()),
    ]
    if hooks:
        lines += ["[project.entry-points.kerasplug]", 'tiny = "tiny_plugin.hooks"']
    if backend == "setuptools":
        lines += ["[tool.setuptools]", 'packages = ["tiny_plugin"]']
    package = folder / "tiny_plugin"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "hooks.py").write_text(textwrap.dedent(hooks))
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n")
    return folder


def wheel(folder: Path, source: Path) -> Path:
    """The wheel of a source tree, built in `folder`."""
    folder.mkdir()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    run([*build, "--outdir", folder, source], os.environ)
    return next(folder.glob("*.whl"))
