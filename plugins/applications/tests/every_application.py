"""Each application on TensorFlow and on JAX, with its top and without, as a table.

python every_application.py                      # all, on both engines: a quarter hour
python every_application.py --write PAGE         # the same, between the marks of a page
python every_application.py --here vgg16 xception  # on this process' engine, as JSON

Each model is built by kerasplug and by Keras itself, in the same process, and has to
have as many weights from both.
"""

import argparse
import gc
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

from kerasplug_applications import builders
from kerasplug_applications.hooks import kerasplug_applications

import kerasplug

__all__ = ["ENGINES", "RECORDS", "WAYS", "built", "on_engine", "parted", "table"]

ENGINES = ("tensorflow", "jax")
MARKS = ("<!-- applications matrix -->\n", "<!-- end of applications matrix -->\n")
RECORDS = {record.name: record for record in kerasplug_applications()}
#: Of its usual size; of the smallest size, with the top and without.
WAYS = ("usual", "top", "bare")


def built(name):
    """How many weights a model has, for each of the ways to build it.

    What went wrong instead is under "error".
    """
    found = {"name": name}
    try:
        for way in WAYS:
            found[way] = _checked(name, way)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the table shows it
        found["error"] = f"{type(error).__name__}: {error}"[:200]
    return found


def _checked(name, way):
    """The number of weights, the same as Keras' and the record's."""
    record = RECORDS[name]
    handle = kerasplug.applications[f"kerasplug-applications/{name}"]
    count, outputs = _counted(handle, _arguments(record, way))
    if way != "bare":
        _demand("outputs", outputs, record.classes)
    if way == "usual":
        _demand("weights", count, record.parameters)
    elif name != "digits_cnn":  # which Keras has not
        constructor = getattr(builders, name).__name__
        theirs = getattr(kerasplug.implementation().applications, constructor)
        _demand("weights", count, _counted(theirs, _arguments(record, way))[0])
    return count


def _arguments(record, way):
    channels = 1 if record.name == "digits_cnn" else 3
    small = {"input_shape": (record.min_size, record.min_size, channels)}
    return {"usual": {}, "top": small, "bare": {**small, "include_top": False}}[way]


def _counted(build, arguments):
    """How many weights and outputs a new model has; it is forgotten at once."""
    model = build(weights=None, **arguments)
    found = model.count_params(), model.output_shape[-1]
    del model
    kerasplug.implementation().utils.clear_session()
    gc.collect()
    return found


def _demand(what, found, expected):
    if found != expected:
        message = f"{found} {what} instead of {expected}"
        raise ValueError(message)


def on_engine(engine, names):
    """By name what `built` returns in one new process on this engine."""
    own = {
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # models are built, and never used
        "JAX_PLATFORMS": "cpu",
        "KERASPLUG_IMPLEMENTATION": "keras",
        "KERAS_BACKEND": engine,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, __file__, "--here", *names],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"{engine} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        raise RuntimeError(message)
    lines = filter(lambda line: line.startswith("{"), done.stdout.splitlines())
    return {one["name"]: one for one in map(json.loads, lines)}


def table(results):
    """The table, in Markdown, of what `on_engine` returned, by engine."""
    engines = " | ".join(results)
    lines = [
        f"| application | smallest side | weights with top | without | {engines} |",
        "|---|---|---|---|" + "---|" * len(results),
    ]
    first = next(iter(results.values()))
    for name, one in first.items():
        counts = [f"{one[way]:,}" if way in one else "?" for way in ("usual", "bare")]
        said = [_said(here[name], one) for here in results.values()]
        cells = (name, str(RECORDS[name].min_size), *counts, *said)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _said(found, first):
    if "error" in found:
        return found["error"].replace("|", "/").replace("\n", " ")
    return "built" if found == first else "other numbers"


def versions():
    """What it was measured with."""
    said = []
    for name in ("keras", "tensorflow-cpu", "tensorflow", "jax"):
        try:
            said.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"\nMeasured with {', '.join(said)}.\n"


def parted(page):
    """What a page has before the table and after it, with the marks."""
    before, first, rest = page.read_text("utf-8").partition(MARKS[0])
    _, last, after = rest.partition(MARKS[1])
    if not first or not last:
        wanted = " and ".join(mark.strip() for mark in MARKS)
        message = f"{page} has no place for the table: it lacks {wanted}"
        raise ValueError(message)
    return before + first, last + after


def main():
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of applications; default: all")
    parser.add_argument("--here", action="store_true", help="in this process, as JSON")
    parser.add_argument("--write", metavar="PAGE", type=Path, help="with the marks")
    given = parser.parse_args()
    names = given.names or list(RECORDS)
    if given.here:
        for name in names:
            sys.stdout.write(json.dumps(built(name)) + "\n")
            sys.stdout.flush()
        return
    # A page without marks is told before the work of a quarter hour.
    around = parted(given.write) if given.write else None
    text = table({engine: on_engine(engine, names) for engine in ENGINES}) + versions()
    sys.stdout.write(text)
    if around:
        given.write.write_text(f"\n{text}\n".join(around), "utf-8")


if __name__ == "__main__":
    main()
