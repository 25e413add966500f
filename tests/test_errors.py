"""Errors say what happened, what was expected and found, and how to mend it."""

import inspect
import pickle

import pytest

from kerasplug import errors

CLASSES = [
    value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.KerasplugError)
]
SPECIAL = {
    errors.RecordError: lambda: errors.RecordError("LayerRecord", "name", 3, "a rule"),
    errors.MissingExtraError: lambda: errors.MissingExtraError(
        "No h5py.", extra="files"
    ),
}


def make(cls):
    """An instance with all its parts."""
    if cls in SPECIAL:
        return SPECIAL[cls]()
    return cls("It broke.", found="this", expected="that", mend="do so")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_shows_its_parts_and_survives_pickling(cls):
    """Text and attributes are the same in another process."""
    error = make(cls)

    again = pickle.loads(pickle.dumps(error))

    assert str(again) == str(error)
    assert type(again) is cls
    assert vars(again) == vars(error)
    for part in (error.what, error.found, error.expected, error.mend):
        assert part in str(error)


def test_all_lists_every_class():
    """`__all__` is complete."""
    here = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }

    assert set(errors.__all__) == here


def test_the_builtin_classes_that_users_catch_still_catch():
    """An unknown name is a KeyError, a bad value a ValueError, and so on."""
    assert issubclass(errors.UnknownNameError, KeyError)
    assert issubclass(errors.RecordError, ValueError)
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.KerasMissingError, ImportError)
    assert issubclass(errors.ImplementationError, RuntimeError)
    assert issubclass(errors.OwnershipError, PermissionError)
    assert not issubclass(errors.PluginError, KeyError)
