"""One saved model on several backends: what each one gives, and how long it takes."""

import math
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from kerasplug._frameworks import examine, refuse_newer
from kerasplug.engines.choosing import package_for
from kerasplug.engines.comparing_inputs import Inputs, prepared, specs_of
from kerasplug.engines.comparing_result import BackendRun, Comparison
from kerasplug.engines.comparing_runs import Job, run_on, write_inputs
from kerasplug.errors import RecordError

__all__ = ["Comparison", "compare_backends"]

#: What errors about arguments are about.
_CALL: Final = "compare_backends"


def compare_backends(  # noqa: PLR0913 -- all of it is the setting of one experiment
    path: "str | os.PathLike[str]",
    backends: Iterable[str],
    inputs: Any = None,
    *,
    batch_size: int = 32,
    repeats: int = 10,
    tolerance: float = 1e-4,
    seed: int = 0,
    reference: str | None = None,
    timeout: float = 600.0,
) -> Comparison:
    """Run a saved model on several backends, and compare outputs and times.

    Each backend runs in a process of its own, one after the other, so none disturbs
    the times of another. The model is loaded by `kerasplug.load_model` without its
    training part, in safe mode; layers of plugins are found by themselves. A backend
    that fails, crashes or hangs is told as failed, and the others are compared.

    Args:
        path: a whole model: a `.keras` file, its folder form, or an HDF5 file.
        backends: names of two or more backends that are installed, bare, or
            `"distribution/name"` of those in packages.
        inputs: an array with the samples along its first axis; a list of arrays, in the
            order of the model's inputs; a dict, name of an input -> array; or, in place
            of an array, the path of a `.npy` or `.npz` file. Arrays are cast to the
            dtype of their input. None: one batch of numbers made up with `seed`: normal
            ones, whole ones from 0 (below the smallest embedding, or 10), or booleans.
        batch_size: samples in a batch, >= 1; a model with a batch size of its own gets
            that. The last batch may be smaller, and is not timed.
        repeats: how many batches are timed after the first one, >= 1.
        tolerance: the greatest deviation that is within bounds, >= 0: of floats
            `|a - r| / max(1, |r|)`, of whole numbers `|a - r|`.
        seed: of made up inputs and of random layers, from 0 below 2**32.
        reference: the backend that the others are compared with; None: the first one
            that succeeds.
        timeout: how many seconds one backend may take in all.

    Returns:
        A `Comparison`: its `ok`, `runs` and `differences`; `plot(path)` draws it.

    Raises:
        FileNotFoundError: the model or a file of inputs is not there.
        ModelFileError: the file is no whole model, is damaged or dangerous.
        MissingPluginError: it needs what nothing installed provides.
        AmbiguousNameError: several plugins provide it, or a backend of that name.
        UnknownNameError: there is no backend of a name.
        ImplementationError: Keras or a backend is not installed, or broken.
        RecordError: an argument is not of these.
        KerasVersionError: the Keras here is older than Keras 3.
        KerasplugError: inputs do not fit, can't be read, or can't be made up.

    Guarantees:
        All of these are raised before any process starts. No process is left behind,
        and no file either, also after Ctrl-C; a temporary folder only where this
        process is killed.

    Example:
        >>> compare_backends("m.keras", ["jax"])
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for argument `backends` ...
          found:    backends=('jax',) (of type tuple)
          expected: two or more different names
    """
    _check_number("batch_size", batch_size, 1)
    _check_number("repeats", repeats, 1)
    _check_number("seed", seed, 0)
    _check_size("tolerance", tolerance, zero=True)
    _check_size("timeout", timeout, zero=False)
    names = _checked_names(backends, reference)
    model = os.path.abspath(os.fspath(path))  # noqa: PTH100 -- bytes and links stay as they are
    refuse_newer("saving")
    for name in names:
        _check_backend(name)
    arrays = _checked_inputs(model, inputs, batch_size, seed)
    runs = _run_all(names, model, arrays, (repeats, seed, timeout))
    return _compared(os.fspath(path), runs, arrays, tolerance, reference)


# --- before anything starts ---------------------------------------------------------


def _check_number(field: str, value: object, least: int) -> None:
    top = 2**32
    good = isinstance(value, int) and not isinstance(value, bool)
    if not good or not least <= value < top:  # type: ignore[operator]  # an int by then
        rule = f"a whole number >= {least} and below 2**32"
        raise RecordError(_CALL, field, value, rule)


def _check_size(field: str, value: object, *, zero: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    good = number and math.isfinite(value) and (value > 0 or (zero and value == 0))  # type: ignore[arg-type,operator]  # the check before it
    if not good:
        rule = f"a finite number {'>= 0' if zero else '> 0'}"
        raise RecordError(_CALL, field, value, rule)


def _checked_names(backends: Iterable[str], reference: str | None) -> tuple[str, ...]:
    """The names of the backends, each once."""
    names = (backends,) if isinstance(backends, str) else tuple(backends)
    if len(names) < 2 or len(set(names)) < len(names):  # noqa: PLR2004 -- it takes two to compare
        rule = "two or more different names"
        raise RecordError(_CALL, "backends", names, rule)
    if reference is not None and reference not in names:
        rule = f"one of {', '.join(map(str, names))}"
        raise RecordError(_CALL, "reference", reference, rule)
    return names


def _checked_inputs(model: str, inputs: Any, batch_size: int, seed: int) -> Inputs:
    """What goes in, once the file is one that can be loaded here."""
    from kerasplug.saving.finding import plan
    from kerasplug.saving.keras_names import keras_package
    from kerasplug.saving.matching import Matcher, allowed_providers
    from kerasplug.saving.safe_reading import read_safely

    contents, everything = read_safely(model, compiled=False)
    matcher = Matcher(allowed_providers(None), package=keras_package())
    plan(model, matcher.matches(everything), {})
    return prepared(inputs, specs_of(contents), batch_size, seed)


def _check_backend(name: str) -> None:
    """Raise what says why a backend can't be used here, and what mends it."""
    if package_for(name) is None:
        state = examine("keras", name)
        if not state:
            raise state.error()


# --- the experiment -----------------------------------------------------------------


def _run_all(
    names: tuple[str, ...],
    model: str,
    inputs: Inputs,
    setting: tuple[int, int, float],
) -> tuple[BackendRun, ...]:
    """One after the other, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(
        prefix="kerasplug-compare-", ignore_cleanup_errors=True
    ) as folder:
        job = Job(model, inputs, Path(folder), *setting)
        write_inputs(job)
        return tuple(run_on(name, job) for name in names)


def _compared(
    path: str,
    runs: tuple[BackendRun, ...],
    inputs: Inputs,
    tolerance: float,
    reference: str | None,
) -> Comparison:
    from kerasplug.engines.comparing_numbers import differences

    good = [run for run in runs if run.state == "ok"]
    first = next((run for run in good if reference in (None, run.name)), None)
    found = tuple(
        one
        for run in good
        if first is not None and run is not first
        for one in differences(run, first, tolerance)
    )
    return Comparison(
        path,
        first.name if first else "",
        float(tolerance),
        inputs.batch_size,
        inputs.samples,
        runs,
        found,
    )
