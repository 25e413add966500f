"""What type checkers see: right code passes under --strict, wrong code does not."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAD = """
from typing import TYPE_CHECKING, Any

import kerasplug
from kerasplug import LayerRecord, hookimpl
from kerasplug.typing import Tensor

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()
"""
WRONG = {
    'LayerRecord(name=3, target="a:B")': "arg-type",
    'LayerRecord(nam="a", target="a:B")': "call-arg",
    'LayerRecord(name="a", target="a:B").name = "b"': "misc",
    "@hookimpl\ndef kerasplug_layers() -> list[LayerRecord]:\n"
    "    return ['gate']": "list-item",
    "class A(keras.layers.Layer):\n"
    "    def get_config(self) -> int: return 1": "override",
    "class C(keras.callbacks.Callback):\n"
    "    def on_epoch_end(self, epoch: str, logs: Any = None) -> None: ...": "override",
    "keras.layers.Dense(units='many')": "arg-type",
    "keras.layers.Dense(3, naem='d')": "call-arg",
    "keras.layers.Layer().add_weight(shpae=(1,))": "call-arg",
    "kerasplug.use_implementation(3)": "arg-type",
    "kerasplug.lazy_exports(__name__, ['a'])": "arg-type",
    "keras.Sequential().fit(epochs='three')": "arg-type",
}


def mypy(path: Path) -> list[str]:
    """The command that checks a file, without the settings of the project.

    Its cache is the file's own: from a shared one mypy tells the errors of an equal
    module at another place, with that place.
    """
    cache = path.with_suffix(".cache")
    options = ["--strict", "--config-file", "", "--cache-dir", str(cache)]
    return [sys.executable, "-m", "mypy", *options, str(path)]


@pytest.mark.slow
def test_wrong_code_is_rejected(tmp_path):
    """Wrong records, hooks, layers and callbacks are rejected, each at its line."""
    source, expected = HEAD, {}
    for code, error in WRONG.items():
        first = source.count("\n") + 1
        source += code + "\n"
        expected[first] = (error, source.count("\n"))
    path = tmp_path / "wrong.py"
    path.write_text(source)
    command = mypy(path)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = [line for line in done.stdout.splitlines() if line.startswith(str(path))]
    for first, (error, last) in expected.items():
        lines = [f"{path}:{number}: error" for number in range(first, last + 1)]
        hits = [line for line in found if line.startswith(tuple(lines))]
        assert any(f"[{error}]" in line for line in hits), (error, hits, done.stdout)


@pytest.mark.slow
def test_right_code_passes_without_our_settings(tmp_path):
    """A layer and its hook pass mypy --strict with no settings of the project's."""
    path = tmp_path / "right.py"
    path.write_text(
        HEAD
        + textwrap.dedent(
            """
            class Gate(keras.layers.Layer):
                def call(self, inputs: Tensor, training: bool = False) -> Tensor:
                    return keras.ops.sigmoid(inputs)

            @hookimpl
            def kerasplug_layers() -> list[LayerRecord]:
                return [LayerRecord(name="gate", target="right:Gate")]
            """
        )
    )
    command = mypy(path)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
