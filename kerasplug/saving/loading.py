"""Loading whole models whose layers plugins provide."""

import contextlib
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from kerasplug.errors import KerasplugError, KerasplugWarning, ModelFileError
from kerasplug.implementation import chosen, implementation, keras_version
from kerasplug.saving.beside import read_beside
from kerasplug.saving.finding import Found
from kerasplug.saving.guards import has_all_guards
from kerasplug.saving.keras2_signs import is_keras2
from kerasplug.saving.limits import Limits
from kerasplug.saving.origins import restore_origins
from kerasplug.saving.providing import Provided, provide, winning
from kerasplug.saving.random_states import restore_states
from kerasplug.saving.reading import Contents, format_of
from kerasplug.saving.safe_reading import check_config, read_safely

__all__ = ["load_model", "load_model_hdf5"]

#: How much is shown of what Keras says, in characters.
_SHOWN: Final = 400


def load_model(
    path: "str | os.PathLike[str]",
    custom_objects: object = None,
    compile: bool = True,  # noqa: A002, FBT001, FBT002 -- Keras' own signature
    safe_mode: bool | None = True,  # noqa: FBT001, FBT002 -- Keras' own signature
    *,
    allow: Iterable[str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """The model that was saved at `path`; layers of plugins are found by themselves.

    Only the contributions that the file names are imported, and only from installed
    plugins that declare them; a module that the file names is never imported. What is
    dangerous in a file is refused before Keras sees it. A file of Keras 2 is translated
    for Keras 3, and a warning says what was changed.

    Args:
        path: a `.keras` file, its folder form, or an HDF5 file.
        custom_objects: what the user provides: a dict of names and objects, a list of
            classes, functions or wrappers, or one of them. It wins over plugins and
            over what is registered in this process.
        compile: whether to restore optimizer, loss and metrics.
        safe_mode: whether code in the file, and what would run code, is refused; None
            means True. False lifts that alone.
        allow: distributions or `distribution/name` that alone may provide something;
            None: all that `KERASPLUG_ALLOW` leaves. It chooses where several could.
        limits: how much the file may ask for; None: `Limits()`.

    Returns:
        A Keras model.

    Raises:
        FileNotFoundError: nothing is at `path`.
        ModelFileError: it is no whole model, it is damaged or dangerous, or Keras 2
            wrote it and it holds what Keras 3 can't do.
        MissingPluginError: it needs what nothing installed, or allowed, provides.
        AmbiguousNameError: several plugins provide it, and `allow` does not choose.
        PluginError: the plugin that provides it is broken.
        NeedsError: the plugin that provides it needs what is not here.

    Guarantees:
        What is registered with Keras is afterwards what it was, besides what the
        imported plugins register themselves.

    Example:
        >>> load_model("no-such-file.keras")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such model file: 'no-such-file.keras'
    """
    safe = safe_mode is None or bool(safe_mode)
    contents, everything = read_safely(
        path, limits=limits, safe_mode=safe, compiled=compile
    )
    origin = contents.path
    with contextlib.ExitStack() as stack:
        if is_keras2(contents) and keras_version() >= (3,):
            contents = _translated(contents, stack, compiled=compile)
            everything = check_config(
                contents, limits=limits, safe_mode=safe, compiled=compile
            )
        provided = provide(origin, everything, custom_objects, allow=allow)
        if safe:
            _warn_of_unsafe_loaders(contents)
        try:
            return _loaded(contents, provided, compiled=compile, safe=safe)
        except KerasplugError:
            raise
        except Exception as error:
            raise _explained(origin, provided.found, error) from error


def _translated(
    contents: Contents, stack: contextlib.ExitStack, *, compiled: bool
) -> Contents:
    """A copy of a file of Keras 2 for Keras 3."""
    import tempfile

    from kerasplug.saving.keras2_files import translated_file

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kerasplug-"))
    made, report = translated_file(contents, folder, compiled=compiled)
    if report:
        warnings.warn(str(report), KerasplugWarning, stacklevel=3)
    return made


def _loaded(
    contents: Contents, provided: Provided, *, compiled: bool, safe: bool
) -> Any:
    """The model; Keras 3 reads the training part of HDF5 files wrongly, so we do."""
    hdf5, ours = contents.format == "h5", keras_version() >= (3,)
    whole = compiled and not (hdf5 and ours)
    objects = provided.objects
    with (
        _named_as_keras_expects(contents) as name,
        winning(objects, provided.names),
    ):
        model = implementation().saving.load_model(
            name, custom_objects=objects, compile=whole, safe_mode=safe
        )
        if compiled and not whole:
            from kerasplug.saving.resuming import compile_as_before

            compile_as_before(model, contents, objects)
    facts = read_beside(contents.path, hdf5=hdf5)
    restore_origins(model, facts.get("applications"))
    if ours:
        restore_states(model, facts.get("random_states"), contents.path)
    return model


def load_model_hdf5(
    path: "str | os.PathLike[str]",
    custom_objects: object = None,
    compile: bool = True,  # noqa: A002, FBT001, FBT002 -- Keras' own signature
    *,
    safe_mode: bool | None = True,
    allow: Iterable[str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """The model that was saved to an HDF5 file at `path`, whatever its name.

    It is compiled if it was compiled when it was saved; optimizer, loss, metrics and
    states of random layers are restored: training goes on where it stopped.

    Args:
        path: an HDF5 file.
        custom_objects: as for `load_model`.
        compile: whether to restore optimizer, loss and metrics.
        safe_mode: as for `load_model`.
        allow: as for `load_model`.
        limits: as for `load_model`.

    Returns:
        A Keras model.

    Raises:
        ModelFileError: it is no HDF5 file; or as for `load_model`, which raises
            everything else, too.

    Example:
        >>> load_model_hdf5("no-such-file.h5")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such model file: 'no-such-file.h5'
    """
    kind = format_of(os.fsdecode(path))
    if kind != "h5":
        what = f"{os.fsdecode(path)} is no HDF5 file."
        names = {"zip": "a .keras file", "folder": "a folder"}
        raise ModelFileError(
            what,
            found=names.get(kind, kind),
            expected="an HDF5 file",
            mend="kerasplug.load_model(path) sees by itself what it is",
        )
    return load_model(
        path, custom_objects, compile, safe_mode, allow=allow, limits=limits
    )


def _warn_of_unsafe_loaders(contents: Contents) -> None:
    """Say it where the Keras that will read the file is known to have holes."""
    version = str(getattr(implementation(), "__version__", ""))
    if chosen() == "tf_keras":
        if contents.format != "h5":
            return
        message = (
            "tf_keras does not honour safe_mode for HDF5 files: it can import any "
            "module that a Lambda layer in the file names. Load only files that you "
            "trust, or use Keras 3 (KERASPLUG_IMPLEMENTATION=keras)."
        )
    elif has_all_guards(version):
        return
    else:
        message = (
            f"The loaders of Keras {version} have known holes, which a hostile file "
            "can use also in safe mode. Load only files that you trust, or upgrade: "
            'python -m pip install "keras>=3.15.1"'
        )
    warnings.warn(message, KerasplugWarning, stacklevel=3)


@contextlib.contextmanager
def _named_as_keras_expects(contents: Contents) -> Iterator[str]:
    """A path whose suffix fits: Keras goes by the name, not by the content."""
    suffixes = (".h5", ".hdf5") if contents.format == "h5" else (".keras",)
    if Path(contents.path).is_dir() or contents.path.endswith(suffixes):
        yield contents.path
        return
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="kerasplug-") as folder:
        link = Path(folder, "model" + suffixes[0])
        try:
            link.symlink_to(Path(contents.path).absolute())
        except (OSError, NotImplementedError):  # Windows, without the right to
            shutil.copyfile(contents.path, link)
        yield str(link)


def _explained(path: str, found: Found, error: Exception) -> KerasplugError:
    """A short error in place of Keras' own, which may hold a whole configuration."""
    if found.soft:
        from kerasplug.saving.missing import missing_error

        return missing_error(path, found.soft)
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return ModelFileError(
        f"Keras can't load the model in {Path(path).name}.",
        found=said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…",
        mend="what Keras says in full is the cause of this error",
    )
