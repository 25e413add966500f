"""`kerasplug demo`: everything a user does with plugins, once, in half a minute.

It lists the plugins, builds a model out of their layers, trains it, saves it in both
formats, loads both files in a fresh process without `custom_objects`, compares the
predictions and draws the training curves.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kerasplug
from kerasplug import registry
from kerasplug.errors import (
    ImplementationError,
    KerasMissingError,
    MissingExtraError,
    MissingPluginError,
    UnknownNameError,
)
from kerasplug.files import write_atomically

__all__ = ["add_arguments", "run"]

WANTED_ACCURACY = 0.95
EPOCHS = 20
_PREDICT_ONLY = ("numpy", "openvino")

#: What the demo uses, by canonical names: they are right whatever else is installed.
_USES = (
    ("dataset", "kerasplug-datasets/digits"),
    ("layer", "downstream-pkg/gated_dense"),
    ("layer", "downstream-pkg/running_norm"),
    ("callback", "downstream-pkg/best_keeper"),
)
_BRINGS = {
    "kerasplug-datasets": "python -m pip install kerasplug-datasets",
    "downstream-pkg": "python -m pip install ./examples/downstream_pkg"
    "  (in a checkout of kerasplug)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug demo` takes."""
    parser.add_argument(
        "--output",
        dest="folder",
        metavar="FOLDER",
        default="demo-output",
        help="where the models and the picture go (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=_count,
        metavar="N",
        default=EPOCHS,
        help="how often the training data are gone through (default: %(default)s)",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"expected a whole number >= 1, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Run the demo: 0 if it did what it promises, else 1.

    Raises:
        MissingPluginError: a plugin that it uses is not installed.
        MissingExtraError: matplotlib or h5py is not installed.
        KerasMissingError: no Keras with an engine is installed.
        ImplementationError: the chosen backend can't train.
    """
    # For a program the lines for people stay where all else goes: on standard error.
    stream = sys.stdout if options.json else options.output.stream
    with contextlib.redirect_stdout(stream):
        facts = _run(options)
    if options.json:
        options.output.data(facts)
    return 0 if facts["passed"] else 1


def _run(options: argparse.Namespace) -> dict[str, Any]:
    started = time.monotonic()
    # TensorFlow reads it once, when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _check_environment()
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    _say(f"kerasplug {kerasplug.__version__} demo\n")
    _list_plugins()

    facts = _train_and_save(folder, options.epochs)
    facts["seconds"] = round(time.monotonic() - started, 1)
    write_atomically(str(folder / "summary.json"), _json(facts), mode=0o644)
    _summarise(facts, folder)
    return facts


def _say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _json(facts: dict[str, Any]) -> bytes:
    return (json.dumps(facts, indent=2) + "\n").encode()


def _check_environment() -> None:
    """Say what is missing, all plugins at once, before anything takes time."""
    missing = [name for kind, name in _USES if not _is_provided(kind, name)]
    if missing:
        owners = dict.fromkeys(name.partition("/")[0] for name in missing)
        what = f"The demo needs {', '.join(missing)}, which no installed plugin has."
        raise MissingPluginError(
            what,
            names=missing,
            mend="\n            ".join(_BRINGS[owner] for owner in owners),
        )
    _check_engine()
    for library, extra in (("matplotlib", "plot"), ("h5py", "files")):
        if importlib.util.find_spec(library) is None:
            what = f"The demo needs {library}, which is not installed."
            raise MissingExtraError(what, extra=extra)


def _is_provided(kind: str, name: str) -> bool:
    """Whether something provides it; a broken plugin raises what broke it."""
    try:
        return bool(registry.claim(kind, name))
    except UnknownNameError:
        return False


def _check_engine() -> None:
    from kerasplug.implementation import availability

    state = availability()
    if not state:
        what = "The demo trains a model, and no Keras that can do so is installed."
        raise KerasMissingError(
            what,
            found=state.reason,
            mend=state.mend or 'python -m pip install "kerasplug[tensorflow]"',
        )
    if kerasplug.backend() in _PREDICT_ONLY:
        what = f"The demo trains a model, and the backend {kerasplug.backend()} can't."
        raise ImplementationError(
            what,
            expected="a backend that trains: tensorflow, jax or torch",
            mend="KERAS_BACKEND=tensorflow kerasplug demo",
        )


def _list_plugins() -> None:
    _say("Plugins")
    for plugin in kerasplug.plugins():
        _say(f"  {plugin.name} {plugin.version}".rstrip() + _unless_active(plugin))
        for kind, names in plugin.names.items():
            _say(f"    {registry.KINDS[kind] + ':':<14}{', '.join(names)}")
    _say()


def _unless_active(plugin: registry.PluginInfo) -> str:
    return "" if plugin.state == "active" else f" ({plugin.state})"


def _train_and_save(folder: Path, epochs: int) -> dict[str, Any]:
    """Everything that needs Keras; the facts for the summary."""
    from kerasplug.cli import demo_curves, demo_model, demo_reload

    keras: Any = kerasplug.implementation()
    with _quiet():  # TensorFlow greets below Python, whatever its log level is
        keras.utils.set_random_seed(demo_model.SEED)
    data = demo_model.prepared()
    model = demo_model.build(keras)
    _say(f"Model, on Keras {keras.__version__} with {kerasplug.backend()}")
    for layer in model.layers:
        _say(f"  {type(layer).__name__:<12} {layer.count_params():>6} weights")
    _say("\nTraining")
    history, best_epoch = demo_model.train(keras, model, data, epochs)

    accuracy = demo_model.accuracy(model, data.x_test, data.y_test)
    mine = model.predict(data.x_test, verbose=0).tolist()
    files = [folder / "model.keras", folder / "model.h5"]
    for path in files:
        demo_model.save(model, path)
    _say("\nLoading both files in a fresh process ...")
    checks = demo_reload.in_fresh_process(files, mine)
    picture = folder / "training.png"
    demo_curves.draw(history, best_epoch, accuracy, picture)
    same = all(check["identical"] for check in checks.values())
    return {
        "kerasplug": kerasplug.__version__,
        "keras": keras.__version__,
        "backend": kerasplug.backend(),
        "epochs": epochs,
        "best_epoch": best_epoch,
        "test_images": len(mine),
        "test_accuracy": accuracy,
        "files": checks,
        "picture": picture.name,
        "passed": accuracy >= WANTED_ACCURACY and same,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what anything writes to the standard error; show it after a failure."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def _summarise(facts: dict[str, Any], folder: Path) -> None:
    total, accuracy = facts["test_images"], facts["test_accuracy"]
    right = f"{round(accuracy * total)} of {total} digits read right"
    enough = (
        ""
        if accuracy >= WANTED_ACCURACY
        else f"; TOO FEW, {WANTED_ACCURACY:.0%} wanted"
    )
    best = f"{facts['best_epoch']} of {facts['epochs']}"
    _say("\nSummary")
    _row("test accuracy", f"{accuracy:.1%}  ({right}{enough})")
    _row("best epoch", f"{best}; its weights were kept")
    for name, check in facts["files"].items():
        same = "the same predictions, bit for bit"
        differ = f"OTHER PREDICTIONS, by up to {check['difference']:g}"
        _row(
            name, f"loaded in a fresh process: {same if check['identical'] else differ}"
        )
    _row("picture", str(folder / facts["picture"]))
    _row("all of it", f"{folder}{os.sep}, after {facts['seconds']:.0f} seconds")
    _say("\nIt works." if facts["passed"] else "\nIt does not work.")


def _row(label: str, text: str) -> None:
    _say(f"  {label:<15}{text}")
