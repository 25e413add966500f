"""A program: the library for HDF5, or Keras, reads what the scan lets pass.

Its first argument is `h5py`, `keras` or `kerasplug`, the others are files; it prints
one line for each, at once, and lives on.
"""

import os
import sys
import warnings


def read_all(thing) -> None:
    """Read every attribute, type and value that can be reached."""
    import h5py

    for name in list(thing.attrs):
        thing.attrs[name]
    if isinstance(thing, h5py.Dataset):
        thing.shape, thing.dtype, thing.external, thing.is_virtual  # noqa: B018 -- read
        thing[()]
        return
    for name in list(thing):
        read_all(thing[name])


def by_h5py(path: str) -> None:
    """Read an HDF5 file."""
    import h5py

    with h5py.File(path, "r") as file:
        read_all(file)


def by_keras(path: str) -> None:
    """Load a model."""
    import keras

    keras.models.load_model(path)
    keras.backend.clear_session()


def by_kerasplug(path: str) -> None:
    """Load a model, as users do."""
    import kerasplug

    kerasplug.load_model(path)
    kerasplug.implementation().backend.clear_session()


def main() -> None:
    """Read each file; whatever is raised is told."""
    warnings.simplefilter("ignore")
    readers = {"h5py": by_h5py, "keras": by_keras, "kerasplug": by_kerasplug}
    read = readers[sys.argv[1]]
    for path in sys.argv[2:]:
        try:
            read(path)
            outcome = "read"
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is told
            outcome = type(error).__name__
        sys.stdout.write(f"{os.path.basename(path)} {outcome}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
