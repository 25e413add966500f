"""Distributions made by hand: real metadata, real modules, no installer.

What lies in a folder of `sys.path` is installed, for Python and for kerasplug.
"""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

import kerasplug

#: Further back than the index wants a folder to have been left alone.
_LONG_AGO = 60

#: A module with a layer, as an author writes it.
LAYER_MODULE = '''
from __future__ import annotations

import typing

import kerasplug

keras = kerasplug.implementation("keras")

Units = typing.NewType("Units", int)


class GatedDense(keras.layers.Layer):
    """A dense layer with a gate.

    Args:
        units: how many.
    """

    def __init__(self, units: Units, scale: float = 1.0, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.scale = scale

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel) * self.scale

    def get_config(self):
        own = {"units": self.units, "scale": self.scale}
        return {**super().get_config(), **own}
'''
#: The source of a hook module with one layer; to be formatted with name and module.
HOOKS = """
    from kerasplug import LayerRecord, ObjectRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(name="{name}", target="{module}:Thing", summary="hooked")]
"""
#: A program that prints the names of all layers.
LISTING = "import kerasplug; print(*kerasplug.layers)"


def install(
    folder: Path,
    name: str,
    groups: Mapping[str, Mapping[str, str]],
    *,
    version: str = "1.0",
    modules: Mapping[str, str] | None = None,
    metadata: str = "",
    kind: str = "dist-info",
) -> Path:
    """The metadata folder of a distribution that is now installed in `folder`.

    Args:
        folder: where; made if missing.
        name: the distribution's name.
        groups: entry points: group -> name -> value.
        version: its version.
        modules: module file (`"a/b.py"`) -> source, dedented.
        metadata: more lines for METADATA.
        kind: `"dist-info"` or `"egg-info"`.
    """
    stem = name.replace("-", "_")
    info = folder / (
        f"{stem}-{version}.dist-info" if kind == "dist-info" else f"{stem}.egg-info"
    )
    info.mkdir(parents=True)
    points = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
    main = "METADATA" if kind == "dist-info" else "PKG-INFO"
    (info / main).write_text(text, encoding="utf-8")
    for path, source in (modules or {}).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source), encoding="utf-8")
    return info


def settle(*folders: Path) -> None:
    """Make these folders look as if nobody had touched them for a minute.

    Only their own times change, so the index takes them for settled at once.
    """
    then = time.time() - _LONG_AGO
    for folder in folders:
        os.utime(folder, (then, then))


def python(
    code: str, *folders: Path, env: Mapping[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter says that has `folders` on its path.

    Args:
        code: the program, dedented.
        folders: come first on `PYTHONPATH`.
        env: more environment variables; an empty value removes one.
        check: whether a failing program fails the test, with its error output.
    """
    given = {**os.environ, **(env or {})}
    known = given.get("PYTHONPATH", "")
    path = os.pathsep.join([*map(str, folders), *filter(None, [known])])
    environment = {**given, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={key: value for key, value in environment.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def declare(site, name, layers, **options):
    """Install a distribution that declares layers."""
    return install(site, name, {"kerasplug.layers": layers}, **options)


def info(name):
    """What `plugins()` says of one plugin."""
    return next(one for one in kerasplug.plugins() if one.name == name)
