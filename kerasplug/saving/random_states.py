"""The states of random layers, which neither of Keras' formats keeps.

A model with Dropout goes on with the numbers that it would have drawn. They stand where
other readers pass by: in `metadata.json` of a `.keras` file, in an attribute of an
HDF5 file. A model without random layers has a file without them.
"""

import copy
import json
import os
import warnings
import zipfile
from typing import Any, Final

from kerasplug.errors import KerasplugWarning

__all__ = ["random_states", "read_states", "restore_states", "write_states"]

#: The name under which they are kept.
_KEY: Final = "kerasplug"
_METADATA: Final = "metadata.json"
#: How much is copied at a time, in bytes.
_CHUNK: Final = 1 << 20
#: An HDF5 attribute may not be larger; a dataset takes any size. In bytes.
_SMALL: Final = 60_000
#: The most that is read of them, in bytes: a million layers.
_CAP: Final = 1 << 26

#: A state: two whole numbers, the seed and how often it was used.
State = list[int]


def random_states(model: Any) -> list[State]:
    """The states of all seed generators of a model, in the model's order."""
    return [[int(one) for one in _array(state)] for state in _variables(model)]


def _variables(model: Any) -> list[Any]:
    """Those that are neither weights, nor a metric's, nor carried states of RNNs."""
    from kerasplug.models.state_carrying import carried_states  # few files need it

    known = (*model.weights, *model.metrics_variables, *carried_states(model))
    others = {id(one) for one in known}
    return [one for one in model.variables if id(one) not in others]


def _array(variable: Any) -> list[Any]:
    from kerasplug.implementation import implementation

    values = implementation().ops.convert_to_numpy(variable)
    return list(values.reshape(-1).tolist())


def write_states(path: str, states: list[State], *, hdf5: bool) -> None:
    """Put the states into a model file that Keras has written; none: leave it alone.

    Args:
        path: a file that nobody else reads yet.
        states: from `random_states`.
        hdf5: whether it is an HDF5 file; else it is a `.keras` file.
    """
    if not states:
        return
    if hdf5:
        _write_hdf5(path, states)
    else:
        _write_zip(path, states)


def _write_hdf5(path: str, states: list[State]) -> None:
    import h5py

    text = json.dumps({"random_states": states})
    with h5py.File(path, "r+") as file:
        if len(text) < _SMALL:
            file.attrs[_KEY] = text
        else:
            file.create_dataset(_KEY, data=text)


def _write_zip(path: str, states: list[State]) -> None:
    """Write it anew: a member more would make Keras unpack the whole file."""
    draft = f"{path}.draft"
    try:
        with (
            zipfile.ZipFile(path) as old,
            zipfile.ZipFile(draft, "w", allowZip64=True) as new,
        ):
            for member in old.infolist():
                _copy(old, new, member, states)
        os.replace(draft, path)  # noqa: PTH105 -- both are strings
    finally:
        if os.path.lexists(draft):
            os.unlink(draft)  # noqa: PTH108 -- a string


def _copy(
    old: zipfile.ZipFile, new: zipfile.ZipFile, member: zipfile.ZipInfo, states: Any
) -> None:
    if member.filename == _METADATA:
        about = json.loads(old.read(member))
        about[_KEY] = {"random_states": states}
        new.writestr(member, json.dumps(about))
        return
    again = copy.copy(member)
    with old.open(member) as source, new.open(again, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)


def read_states(path: str, *, hdf5: bool) -> list[State] | None:
    """The states in a file; None: it has none, or none that can be read."""
    try:
        about = _about_hdf5(path) if hdf5 else _about_zip(path)
        states = about["random_states"]
        return [_state(one) for one in states]
    except (KeyError, TypeError, ValueError, OSError):
        return None


def _about_hdf5(path: str) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        if _KEY in file.attrs:
            return json.loads(file.attrs[_KEY])
        dataset = file[_KEY]
        return json.loads(dataset[()])


def _about_zip(path: str) -> Any:
    if os.path.isdir(path):  # noqa: PTH112 -- a string
        with open(os.path.join(path, _METADATA), "rb") as file:  # noqa: PTH118, PTH123 -- a string
            return json.loads(file.read(_CAP))[_KEY]
    with zipfile.ZipFile(path) as archive, archive.open(_METADATA) as member:
        return json.loads(member.read(_CAP))[_KEY]


def _state(value: Any) -> State:
    """The two numbers.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, list) and len(value) == 2 and all(map(_is_word, value)):  # noqa: PLR2004 -- a state is a pair
        return value
    message = f"no state of a seed generator: {value!r}"[:200]
    raise ValueError(message)


def _is_word(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _holds(variable: Any, state: State) -> bool:
    """Whether it can have this state: engines keep it in 32 or in 64 bits."""
    dtype = str(variable.dtype).rpartition(".")[2]
    bits = 64 if dtype.endswith("64") else 32
    return max(state) < 1 << (bits - (not dtype.startswith("u")))


def restore_states(model: Any, path: str, *, hdf5: bool) -> None:
    """Let a loaded model go on with its random numbers, where the file has them."""
    states = read_states(path, hdf5=hdf5)
    if states is None:
        return
    variables = _variables(model)
    fits = len(variables) == len(states) and all(map(_holds, variables, states))
    if not fits:
        message = (
            f"{path}: the states of random layers do not fit and start anew. Found: "
            f"{len(states)} states. Expected: {len(variables)}, as the model has."
        )
        warnings.warn(message, KerasplugWarning, stacklevel=3)
        return
    for variable, state in zip(variables, states, strict=True):
        variable.assign(state)
