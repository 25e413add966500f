"""Writing weights to HDF5 files: whole or not at all, in two layouts."""

import errno
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from kerasplug.errors import KerasVersionError, MissingExtraError, ModelError
from kerasplug.files import replacing
from kerasplug.models.kinds import family, is_older
from kerasplug.saving.weights_holders import own_variables, slot_of
from kerasplug.saving.weights_listed import listed_weights, uncovered
from kerasplug.saving.writing import without_advice

__all__ = ["write_weights"]

_KERAS3: Final = ".weights.h5"
#: The most that HDF5 keeps in one attribute, less than its 64 KiB, in bytes.
_ATTRIBUTE: Final = 64_512
_OWN: Final = "top_level_model_weights"


def write_weights(model: Any, path: str, *, overwrite: bool) -> None:
    """Write the weights of a built model to `path`.

    Args:
        model: the model.
        path: where; the name decides on the layout.
        overwrite: whether a file may be replaced.

    Raises:
        ModelError: some weights would be lost.
        FileExistsError: something is there.
        FileNotFoundError: the folder is missing.
        MissingExtraError: h5py is not installed.
        KerasVersionError: the layout is one that the model's Keras came before.
    """
    if path.endswith(_KERAS3) and is_older(model):
        raise _too_old()
    if Path(path).is_dir() or (os.path.lexists(path) and not overwrite):
        raise FileExistsError(errno.EEXIST, "Something is there already", path)
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(folder))
    if path.endswith(_KERAS3):
        with replacing(path, suffix=_KERAS3) as temporary, without_advice():
            model.save_weights(temporary, overwrite=True)
        return
    _check_covered(model)
    with replacing(path, suffix=".h5") as temporary:
        if is_older(model):  # it writes this layout itself, from its engine's variables
            model.save_weights(temporary, overwrite=True)
        else:
            _write(model, temporary)


def _too_old() -> KerasVersionError:
    what = f"Only Keras 3 writes what files are that are called {_KERAS3}."
    mend = "save to a name that ends in .h5 alone"
    return KerasVersionError(what, found="Keras 2", expected="Keras 3", mend=mend)


def _check_covered(model: Any) -> None:
    lost = [slot_of("", one).label for one in uncovered(model)]
    if not lost:
        return
    what = "This layout has no place for some of the model's weights."
    raise ModelError(
        what,
        found=", ".join(lost[:8]),
        expected="weights of the layers in model.layers, or of the model itself",
        mend=f"save to a name that ends in {_KERAS3}",
    )


def _write(model: Any, path: str) -> None:
    """The layout of Keras 2, as all versions of Keras read it.

    Source: keras 3.15.1, `legacy/saving/legacy_h5_format.py`.
    """
    try:
        import h5py
    except ImportError as error:
        what = "Weights are written to HDF5 files with h5py, which is not installed."
        raise MissingExtraError(what, extra="files") from error
    keras = sys.modules[family(model)]
    with h5py.File(path, "w") as file:
        file.attrs["backend"] = keras.backend.backend().encode()
        file.attrs["keras_version"] = str(keras.__version__).encode()
        _write_names(file, "layer_names", [layer.name for layer in model.layers])
        # In this order no name is in the way of a longer one that begins with it.
        for layer in sorted(model.layers, key=lambda one: str(one.name)):
            _write_layer(file.create_group(layer.name), listed_weights(layer))
        weights = {id(one) for one in model.weights}
        own = [one for one in own_variables(model) if id(one) in weights]
        _write_layer(file.create_group(_OWN), own)


def _write_layer(group: Any, variables: Sequence[Any]) -> None:
    names = _unique(slot_of("", one).label for one in variables)
    _write_names(group, "weight_names", names)
    for name, variable in zip(names, variables, strict=True):
        group.create_dataset(name, data=_value(variable))


def _unique(names: Iterable[str]) -> list[str]:
    """Names that no other one equals: layers in a layer may be called the same."""
    found: dict[str, None] = {}
    for name in names:
        count, unique = 0, name
        while unique in found:
            count += 1
            stem, colon, number = name.partition(":")
            unique = f"{stem}_{count}{colon}{number}"
        found[unique] = None
    return list(found)


def _value(variable: Any) -> Any:
    value = variable.numpy()
    # No Keras can read a bfloat16 back from this layout; nothing is lost this way.
    return value.astype("float32") if str(value.dtype) == "bfloat16" else value


def _write_names(group: Any, key: str, names: Sequence[str]) -> None:
    """Names as an attribute; many, as several."""
    data = [name.encode() for name in names]
    parts = [data]
    while any(_size(part) > _ATTRIBUTE for part in parts):
        count = len(parts) + 1
        step = -(-len(data) // count)
        parts = [data[at : at + step] for at in range(0, len(data), step)]
    for place, part in enumerate(parts):
        group.attrs[f"{key}{place}" if len(parts) > 1 else key] = part


def _size(names: Sequence[bytes]) -> int:
    """Bytes in the attribute: all names are kept as long as the longest."""
    return len(names) * max(map(len, names), default=0)
