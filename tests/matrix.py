"""Saving and loading on every engine that is here: what comes back, as a table.

python tests/matrix.py                          # tensorflow, jax and tf_keras
python tests/matrix.py --torch .venv-torch/bin/python --write docs/saving.md
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from every_kind import FORMATS, install_every

FOLDER = Path(__file__).parent
MARKS = ("<!-- matrix -->\n", "<!-- end of matrix -->\n")
#: By engine the variables that choose it.
ENGINES = {
    "tensorflow": {"KERAS_BACKEND": "tensorflow"},
    "jax": {"KERAS_BACKEND": "jax"},
    "torch": {"KERAS_BACKEND": "torch"},
    "tf_keras": {"KERASPLUG_IMPLEMENTATION": "tf_keras"},
}


def run(python, engine, script, what, folder, site=""):
    """The JSON that a kit prints at its end, in a process with this engine."""
    done = subprocess.run(
        [python, FOLDER / script, what, folder],
        env={
            **os.environ,
            **ENGINES[engine],
            "PYTHONPATH": os.pathsep.join([str(site), str(FOLDER)]),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"{engine}, {script} {what}:\n{done.stderr[-3000:]}"
        raise RuntimeError(message)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}


def resumed(python, engine):
    """How many went on to the bit, and of how many: without random layers and with."""
    with tempfile.TemporaryDirectory() as folder:
        whole = run(python, engine, "resume_kit.py", "start", folder)
        again = run(python, engine, "resume_kit.py", "go-on", folder)
    same = {key: whole[key.rpartition(".")[0]] == bits for key, bits in again.items()}
    random = {key for key in same if "dropout" in key or "averaged" in key}
    return [
        _count([one for key, one in same.items() if (key in random) is chance])
        for chance in (False, True)
    ]


def _count(answers):
    return f"{sum(answers)} of {len(answers)}"


def found(python, engine):
    """In how many places the plugin's thing was found, by format."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        site.mkdir()
        install_every(site)
        run(python, engine, "every_kind.py", "save", folder, site)
        answers = run(python, engine, "every_kind.py", "load", folder, site)
    return ", ".join(
        f"{form} "
        + _count([one.startswith("every_plug.") for one in answers[form].values()])
        for form in FORMATS
    )


def table(pythons):
    """The table, in Markdown."""
    lines = [
        "| engine | training goes on to the bit | with random layers | parts found |",
        "|---|---|---|---|",
    ]
    for engine, python in pythons.items():
        plain, random = resumed(python, engine)
        parts = found(python, engine) if engine != "tf_keras" else "as Keras 2 does it"
        lines.append(f"| {engine} | {plain} | {random} | {parts} |")
    return "\n".join(lines) + "\n"


def versions():
    """What it was measured with."""
    names = ("keras", "tensorflow-cpu", "tensorflow", "jax", "tf_keras")
    said = []
    for name in names:
        try:
            said.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"\nMeasured with {', '.join(said)}.\n"


def main():
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", metavar="PYTHON", help="one that has PyTorch")
    parser.add_argument(
        "--write", metavar="PAGE", help="the page to put the table into"
    )
    given = parser.parse_args()
    pythons = {engine: sys.executable for engine in ENGINES if engine != "torch"}
    if given.torch:
        pythons["torch"] = given.torch
    text = table(pythons) + versions()
    sys.stdout.write(text)
    if given.write:
        page = Path(given.write)
        before, _, rest = page.read_text("utf-8").partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    main()
