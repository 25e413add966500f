"""The demo's proof: a fresh process loads the files and predicts the same.

`python -m kerasplug.cli.demo_reload ANSWERS.json MODEL...` is that process. It knows
nothing of the plugins but what is installed and what the files mention.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import kerasplug
from kerasplug.cli.demo_model import prepared
from kerasplug.errors import ModelFileError

__all__ = ["in_fresh_process"]

Predictions = list[list[float]]


def in_fresh_process(files: list[Path], mine: Predictions) -> dict[str, dict[str, Any]]:
    """For each file: whether a new process predicts exactly what this one did.

    Args:
        files: of the saved model.
        mine: what this process' model predicts for the test images.

    Returns:
        File name -> `identical`, the largest absolute `difference`, and `bytes`.

    Raises:
        ModelFileError: the other process could not load a file.
    """
    with tempfile.TemporaryDirectory(prefix="kerasplug-demo-") as folder:
        answers = Path(folder) / "answers.json"
        _start([str(answers), *map(str, files)])
        theirs = json.loads(answers.read_text("utf-8"))
    return {
        path.name: {
            "identical": theirs[str(path)] == mine,
            "difference": _difference(theirs[str(path)], mine),
            "bytes": path.stat().st_size,
        }
        for path in files
    }


def _start(arguments: list[str]) -> None:
    command = [sys.executable, "-m", __name__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- this very module
    if done.returncode:
        what = "A fresh process could not load the saved models."
        raise ModelFileError(what, found=done.stderr.strip()[-2000:])


def _difference(theirs: Predictions, mine: Predictions) -> float:
    pairs = (
        pair
        for rows in zip(theirs, mine, strict=True)
        for pair in zip(*rows, strict=True)
    )
    return max(abs(a - b) for a, b in pairs)


def _main(answers: str, files: list[str]) -> None:
    images = prepared().x_test
    if "downstream_pkg.layers" in sys.modules:
        message = "the layers were imported before a file mentioned them"
        raise SystemExit(message)
    predictions = {}
    for path in files:
        model: Any = kerasplug.load_model(path)
        predictions[path] = model.predict(images, verbose=0).tolist()
    Path(answers).write_text(json.dumps(predictions), "utf-8")


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
