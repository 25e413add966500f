"""Every example in a docstring does what it says."""

import doctest
import importlib
import pkgutil
import types

import pytest

import kerasplug

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(kerasplug.__path__, "kerasplug.")
    if not found.name.endswith("__main__")
)
# Examples there start Keras; they run together with the other tests that do.
ENGINE = ("kerasplug.create_layer", "kerasplug.saving", "kerasplug.implementation")
#: All of a room whose examples work on models.
ENGINE_ROOM = ("kerasplug.models.", "kerasplug.devices.", "kerasplug.seeding.")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.engine
            if name in ENGINE or name.startswith(ENGINE_ROOM)
            else (),
        )
        for name in MODULES
    ],
)
def test_the_examples_of_a_module_are_true(name, tmp_path, monkeypatch):
    """What an example prints is what its docstring shows."""
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    assert isinstance(module, types.ModuleType)

    failures, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)

    assert failures == 0
