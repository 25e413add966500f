"""A small engine with an environment of its own: one tiny package, made in a moment."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cli_kit import Shop
from fakes import install
from plugin_kit import build_wheel

#: The plugin: a record, and the engine that it leads to.
HOOKS = """
    from kerasplug import BackendRecord, hookimpl

    @hookimpl
    def kerasplug_backends():
        yield BackendRecord(
            name="tiny",
            target="tiny_plugin.engine:Tiny",
            engine="worker",
            capabilities=("train",),
            environment=("TINY_DEVICE",),
        )
"""
ENGINE = """
    import os
    from pathlib import Path
    from kerasplug import WorkerEngine

    class Tiny(WorkerEngine):
        name = "tiny"
        program = str(Path(__file__).parent / "program.py")
        python = os.environ.get("TINY_PYTHON", ">=3.7")
        requirements = (os.environ.get("TINY_PINS", "tiny-engine==1.0"),)
        distributions = ("tiny-engine",)

        def variables(self, devices):
            chosen = ",".join(devices) or os.environ.get("TINY_DEVICE", "cpu.0")
            return {"TINY_DEVICE": chosen}
"""
#: What its worker runs; two files steer it: one makes it wrong, one lets it wait.
PROGRAM = """
    import os, time
    from pathlib import Path
    import tiny_engine

    HERE = Path(__file__).parent

    def describe():
        (HERE / "started").touch()
        while (HERE / "wait").exists():
            time.sleep(0.05)
        device = os.environ["TINY_DEVICE"]
        seen = sorted(name for name in os.environ if name.startswith("PYTHON"))
        return {"engine": "tiny", "device": device, "seen": seen}

    def check(header, arrays):
        if (HERE / "wrong").exists():
            raise ArithmeticError("two and two are not four")
        return {}, {}

    COMMANDS = {"check": check}
"""
PLUGIN = "tiny_plugin"


class Tiny(Shop):
    """A shop whose plugin has the engine `tiny`, and a folder with its package.

    Args:
        folder: an empty folder.
        wheels: the folder of `wheelhouse`.
    """

    def __init__(self, folder, wheels):
        super().__init__(folder)
        modules = {
            f"{PLUGIN}/__init__.py": "",
            f"{PLUGIN}/hooks.py": HOOKS,
            f"{PLUGIN}/engine.py": ENGINE,
            f"{PLUGIN}/program.py": PROGRAM,
        }
        groups = {"kerasplug": {"tiny": f"{PLUGIN}.hooks"}}
        install(self.site, "tiny-plugin", groups, modules=modules)
        self.wheels = wheels
        self.user = folder / "user"
        self.user.mkdir()
        self.environments = self.home / "kerasplug" / "environments"

    def environment(self, variables=None):
        """The same, with nothing of this machine's settings about packages."""
        kept = {name: "" for name in os.environ if _is_setting(name)}
        own = {
            "HOME": str(self.user),
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_CONFIG": "1",
            "PIP_NO_INDEX": "1",
            "UV_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "UV_FIND_LINKS": str(self.wheels),
            "UV_CACHE_DIR": str(self.cache / "uv"),
            "PIP_CACHE_DIR": str(self.cache / "pip"),
            "COLUMNS": "",
        }
        return super().environment({**kept, **own, **(variables or {})})

    def flag(self, name):
        """The file that steers the program, or that it has written."""
        return self.site / PLUGIN / name

    def start(self, *arguments, **variables):
        """A process that is not waited for."""
        return subprocess.Popen(
            self.line(arguments),
            env=self.environment(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def folders(self):
        """The environments that are there, whole or not."""
        if not self.environments.exists():
            return []
        return [one for one in sorted(self.environments.iterdir()) if one.is_dir()]

    def state(self):
        """What the listing says of the engine, as (state, reason)."""
        said = self.run("backend", "list", "--json")
        assert said.code == 0, said.err
        (one,) = (one for one in said.data if one["name"] == "tiny")
        return one["state"], one["reason"]

    def find(self, before="", **variables):
        """What `interpreter_of` gives in a new process, or its error."""
        code = f"""
            import json
            import kerasplug
            from kerasplug.engines.workers.locating import interpreter_of
            from tiny_plugin.engine import Tiny
            try:
                {before or "pass"}
                answer = list(interpreter_of(Tiny()))
            except kerasplug.KerasplugError as error:
                answer = [type(error).__name__, str(error)]
            print(json.dumps(answer))
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=self.environment(variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """The folder with the engine's package, built once."""
    return wheelhouse(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny(tmp_path, wheels):
    """A shop with the engine, and no environment for it."""
    return Tiny(tmp_path / "shop", wheels)


def _is_setting(name):
    return name.startswith(("PIP_", "UV_", "CONDA", "MAMBA", "WORKON", "VIRTUAL_ENV"))


def wheelhouse(folder):
    """A folder with three versions of the engine's package; the last one is large."""
    wheels = folder / "wheels"
    wheels.mkdir()
    for version, size in (("1.0", 0), ("2.0", 0), ("3.0", 2_000_000)):
        # What carries frames imports NumPy; without arrays it needs nothing of it.
        modules = {"tiny_engine/__init__.py": "#" * size, "numpy/__init__.py": ""}
        source = folder / f"source-{version}"
        made = build_wheel(source, "tiny-engine", {}, modules, version=version)
        made.rename(wheels / made.name)
    return wheels


def put_environment(folder, *distributions, version="3.11.7", conda=False):
    """An environment's files, made by hand: its Python tells on whoever starts it.

    Args:
        folder: a new folder.
        *distributions: names of those installed there.
        version: of its Python.
        conda: make it look like conda's.

    Returns:
        The path of its interpreter.
    """
    minor = version.rpartition(".")[0]
    site = folder / "lib" / f"python{minor}" / "site-packages"
    site.mkdir(parents=True)
    for name in distributions:
        install(site, name, {})
    if conda:
        (folder / "conda-meta").mkdir()
    else:
        (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
    python = folder / "bin" / f"python{minor}"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\ntouch {folder}/was-started\n")
    python.chmod(0o755)
    (python.parent / "python").symlink_to(python.name)
    return python.parent / "python"


def was_started(python):
    """Whether somebody has started an interpreter of `put_environment`."""
    return (Path(python).parents[1] / "was-started").exists()
