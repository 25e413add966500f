"""Tests that run in another process, which has several devices.

A process that has used TensorFlow can't come to have more devices, and the tests' own
may have used it. So pytest runs such a module once more in a fresh process with virtual
processors, and the tests here tell what became of each there.
"""

import collections
import functools
import importlib
import inspect
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
#: Set in the other process: the file for what becomes of its tests.
RESULTS = "KERASPLUG_TESTS_RESULTS"
DEVICES = 8
#: What equal means for numbers in float64 that were added up in another order.
CLOSE = 1e-12


def elsewhere(test):
    """Let a test run in the process with the devices; here it ends as it did there."""

    @functools.wraps(test)
    def run(*arguments, **fixtures):
        if RESULTS in os.environ:
            _begin()
            test(*arguments, **fixtures)
            return
        name = os.environ["PYTEST_CURRENT_TEST"].split("::", 1)[1].rsplit(" ", 1)[0]
        outcome, said = _outcomes(inspect.getfile(test)).get(name, ("missing", ""))
        assert outcome == "passed", f"{outcome} in the process with the devices\n{said}"

    return run


def _begin():
    """What each test starts with: devices, float64, and always the same seeds."""
    keras, tf = started()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    tf.config.run_functions_eagerly(False)
    keras.utils.set_random_seed(7)


@functools.cache
def started():
    """Keras and TensorFlow, with the devices."""
    from kerasplug import virtual_devices

    virtual_devices(DEVICES)
    return importlib.import_module("keras"), importlib.import_module("tensorflow")


@functools.cache
def _outcomes(path):
    """Name of each test of a file to (outcome, what was said), by one run of all."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.touch()
        options = ["-q", "-p", "no:cacheprovider", "-p", "parallel_kit"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, path],
            env=environment(**{RESULTS: str(results)}),
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        told = [json.loads(line) for line in results.read_text().splitlines()]
    assert told, done.stdout[-3000:] + done.stderr[-1000:]
    return {name: (outcome, said) for name, outcome, said in told}


def environment(**more):
    """The variables of a process with Keras 3 on TensorFlow."""
    chosen = {
        "KERAS_BACKEND": "tensorflow",
        "KERASPLUG_IMPLEMENTATION": "keras",
        "PYTHONPATH": str(HERE),
        **more,
    }
    return {**os.environ, **chosen}


def pytest_runtest_logreport(report):
    """Note what became of a test, at once: the process may die at the next one."""
    if RESULTS not in os.environ or (report.when != "call" and report.passed):
        return
    name = report.nodeid.split("::", 1)[1]
    with open(os.environ[RESULTS], "a") as file:
        told = [name, report.outcome, str(report.longrepr or "")]
        file.write(json.dumps(told) + "\n")


def cpus(count):
    """The names of so many devices."""
    return [f"cpu:{number}" for number in range(count)]


def twins(make, count=2, compiled=None, **options):
    """The same model twice: as it is, and on several devices; both compiled alike.

    Args:
        make: makes the model, each time with other weights.
        count: of devices.
        compiled: gives new arguments for `compile`.
        options: for `multi_gpu_model`.
    """
    from kerasplug import multi_gpu_model

    plain, template = make(), make()
    template.set_weights(plain.get_weights())
    parallel = multi_gpu_model(template, cpus(count), **options)
    compiled = compiled or (lambda: {"optimizer": "adam", "loss": "mse"})
    plain.compile(**compiled())
    parallel.compile(**compiled())
    return plain, parallel


def rows(count, *shape, seed=0):
    """Made-up numbers."""
    return np.random.default_rng(seed).normal(size=(count, *shape))


def fitted(models, *arguments, **options):
    """The histories of several models that are trained alike."""
    keras, _ = started()
    options = {"verbose": 0, "shuffle": False, **options}
    found = []
    for model in models:
        keras.utils.set_random_seed(11)
        found.append(model.fit(*arguments, **options).history)
    return found


def assert_same(one, other, close=CLOSE):
    """Two structures have the same numbers, as exactly as float64 can have them."""
    keras, _ = started()
    keras.tree.assert_same_structure(one, other)
    pairs = zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    for mine, theirs in pairs:
        np.testing.assert_allclose(
            np.asarray(mine), np.asarray(theirs), rtol=close, atol=close
        )


def assert_alike(models, histories=(), close=CLOSE):
    """The models have the same weights and optimizers; so have the histories."""
    plain, parallel = models
    assert_same(plain.get_weights(), parallel.get_weights(), close)
    assert_same(plain.get_weights(), parallel.template.get_weights(), close)
    mine, theirs = ([np.array(v) for v in m.optimizer.variables] for m in models)
    assert_same(mine, theirs, close)
    if histories:
        assert_same(*histories, close)
        assert all(np.isfinite(list(one)).all() for one in histories[0].values())


def ran_on(run):
    """Number of each (operation, device) while `run` runs."""
    from kerasplug import placements

    with placements() as noted:
        run()
    return collections.Counter(
        {(op, device): n for device in noted for op, n in noted[device].items()}
    )


def devices_of(found, *words):
    """Device to the number of operations whose names begin with one of the words."""
    kept = collections.Counter()
    for (operation, device), number in found.items():
        if operation.startswith(words):
            kept[device] += number
    return kept
