"""Loading whole models whose layers plugins provide."""

import contextlib
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kerasplug.errors import KerasplugWarning, ModelFileError
from kerasplug.implementation import chosen, implementation
from kerasplug.saving.custom import named_objects
from kerasplug.saving.finding import Found, import_objects, plan
from kerasplug.saving.guards import has_all_guards
from kerasplug.saving.keras_names import keras_package
from kerasplug.saving.matching import Matcher, allowed_providers
from kerasplug.saving.mentions import Said, said_by
from kerasplug.saving.reading import Contents, read_contents

if TYPE_CHECKING:
    import os

__all__ = ["load_model"]

#: What Keras says of a short name such as 'mse' that it has itself written.
_SHORT_NAME: Final = r"keras\.(metrics|losses)\.\w+' .*KerasSaveable"
#: The parts of Keras whose functions a model is made of. From the last one, which is
#: its inside, Keras takes classes only.
_MODELLING: Final = frozenset(
    (
        "activations",
        "constraints",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "ops",
        "optimizers",
        "quantizers",
        "random",
        "regularizers",
        "src",
    )
)
#: Held while an object of the caller stands in for a registered one.
_stand_in = threading.RLock()


def load_model(
    path: "str | os.PathLike[str]",
    custom_objects: object = None,
    compile: bool = True,  # noqa: A002, FBT001, FBT002 -- Keras' own signature
    safe_mode: bool | None = True,  # noqa: FBT001, FBT002 -- Keras' own signature
    *,
    allow: Iterable[str] | None = None,
) -> Any:
    """The model that was saved at `path`; layers of plugins are found by themselves.

    Only the contributions that the file names are imported, and only from installed
    plugins that declare them; a module that the file names is never imported.

    Args:
        path: a `.keras` file, its folder form, or an HDF5 file.
        custom_objects: what the user provides: a dict of names and objects, a list of
            classes, functions or wrappers, or one of them. It wins over plugins and
            over what is registered in this process.
        compile: whether to restore optimizer, loss and metrics.
        safe_mode: whether bytecode in the file is refused; None means True.
        allow: distributions or `distribution/name` that alone may provide something;
            None: all that `KERASPLUG_ALLOW` leaves. It chooses where several could.

    Returns:
        A Keras model.

    Raises:
        FileNotFoundError: nothing is at `path`.
        ModelFileError: it is no whole model, it is damaged, or `safe_mode` refuses it.
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
    mine = named_objects(custom_objects)
    safe = safe_mode is None or bool(safe_mode)
    contents = read_contents(path)
    everything = said_by(contents, compiled=compile)
    if safe:
        _refuse_code(contents, everything)
        _refuse_tools(contents, everything)
    matcher = Matcher(allowed_providers(allow), package=keras_package())
    matches = matcher.matches(everything)
    found = plan(contents.path, matches, mine)
    if safe:
        _warn_of_unsafe_loaders(contents)
    import_objects(found, matcher)
    _ensure_output_shapes(found.layers)
    objects = {**found.objects, **mine}
    names = [said.name for said in everything]
    try:
        with _named_as_keras_expects(contents) as name, _winning(objects, names):
            return implementation().saving.load_model(
                name, custom_objects=objects, compile=compile, safe_mode=safe
            )
    except (TypeError, ValueError, AttributeError) as error:
        better = _explained(error, contents, found, compiled=compile)
        if better is None:
            raise
        raise better from error


def _refuse_code(contents: Contents, everything: Iterable[Said]) -> None:
    """Refuse bytecode ourselves: a global switch can turn Keras' own guard off."""
    for said in everything:
        if said.kind == "code":
            what = (
                f"{Path(contents.path).name} holds the bytecode of a Python lambda, "
                "which would run on this machine."
            )
            raise ModelFileError(
                what,
                found=f"at {said.where}",
                expected="no code in the file while safe_mode is on",
                mend="if you trust the file: load_model(path, safe_mode=False)",
            )


def _refuse_tools(contents: Contents, everything: Iterable[Said]) -> None:
    """Refuse public functions of Keras that are no part of a model.

    Keras has a list of those that it refuses; `keras.utils.set_random_seed`, for
    one, is not on it, and may stand for an activation.
    """
    for said in everything:
        function = said.kind == "function" or said.class_name[:1].islower()
        top, _, rest = said.module.partition(".")
        if function and top == "keras" and rest.partition(".")[0] not in _MODELLING:
            what = (
                f"{Path(contents.path).name} mentions a function of Keras that is no "
                "part of a model."
            )
            found = f"{said.module}.{said.class_name} at {said.where}"
            raise ModelFileError(
                what,
                found=repr(found)[1:-1][:200],
                expected="activations, losses and the like",
                mend="if you trust the file: load_model(path, safe_mode=False)",
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


def _ensure_output_shapes(layers: Iterable[object]) -> None:
    for layer in layers:
        if not isinstance(layer, type):
            continue
        from kerasplug.wrapping.output_shape import ensure_output_shape

        ensure_output_shape(layer)


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


@contextlib.contextmanager
def _winning(objects: Mapping[str, Any], names: Iterable[str]) -> Iterator[None]:
    """Let these objects win over registered ones of the same names, at any depth.

    Keras merges the argument, the scope and the registry differently in its two
    formats, and in one of them differently at the top and below. Only where the
    caller's object and a registered one differ is there anything to do.

    Source: keras 3.15.1, `saving/serialization_lib.py:539-542` and
    `legacy/saving/legacy_h5_format.py:114-116`.
    """
    saving = implementation().saving
    registered = saving.get_custom_objects()
    changed = {
        name: registered[name]
        for name, value in objects.items()
        if name in registered and registered[name] is not value
    }
    with contextlib.ExitStack() as stack:
        if changed:
            stack.enter_context(_stand_in)
            stack.callback(registered.update, changed)
            registered.update({name: objects[name] for name in changed})
        found = {name: saving.get_registered_object(name) for name in names}
        known = {name: value for name, value in found.items() if value is not None}
        if any(known.get(name, value) is not value for name, value in objects.items()):
            # A scope of the caller's has another object: a nested scope replaces it.
            stack.enter_context(saving.custom_object_scope({**known, **objects}))
        yield


def _explained(
    error: Exception, contents: Contents, found: Found, *, compiled: bool
) -> Exception | None:
    """A better error than Keras' own, where the cause is known."""
    if found.soft:
        from kerasplug.saving.missing import missing_error

        return missing_error(contents.path, found.soft)
    if contents.format == "h5" and compiled and re.search(_SHORT_NAME, str(error)):
        return ModelFileError(
            f"{Path(contents.path).name} was compiled with a short name such "
            "as 'mse', which Keras can write into HDF5 files and not read back. No "
            "plugin is to blame.",
            found=str(error).partition("\n")[0][:200],
            expected="a long name ('mean_squared_error') or an object",
            mend="load_model(path, compile=False) and compile it anew; or save to "
            ".keras",
        )
    return None
