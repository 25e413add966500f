"""Saving whole models: whole or not at all, and with a word on what can't come back."""

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from kerasplug.errors import ModelFileError, RecordError, SaveWarning
from kerasplug.files import replacing
from kerasplug.implementation import family_of, implementation, keras_version
from kerasplug.models.kinds import saved_for
from kerasplug.registry import Claim
from kerasplug.saving.beside import write_beside
from kerasplug.saving.forgotten import forgotten_arguments
from kerasplug.saving.keras2_signs import HARD_SIGMOID
from kerasplug.saving.keras_names import keras_package
from kerasplug.saving.matching import Match, Matcher
from kerasplug.saving.mentions import Said, said_by
from kerasplug.saving.origins import origins
from kerasplug.saving.random_states import random_states
from kerasplug.saving.scanning import scan

__all__ = ["save_model", "save_model_hdf5", "without_advice"]

_HDF5_SUFFIXES: Final = (".h5", ".hdf5")


def save_model(
    model: Any,
    path: "str | os.PathLike[str]",
    overwrite: bool = True,  # noqa: FBT001, FBT002 -- Keras' own signature
    *,
    include_optimizer: bool = True,
) -> None:
    """Nothing; `model` is in a file at `path` afterwards, whole.

    Args:
        model: a Keras model.
        path: ends in `.keras`, or in `.h5` or `.hdf5` for HDF5.
        overwrite: whether a file at `path` may be replaced.
        include_optimizer: whether the optimizer's state is saved; `.keras` files
            always hold it, so False is refused there.

    Raises:
        FileExistsError: something is at `path` and `overwrite` is False, or a folder
            is. Nothing was done.
        FileNotFoundError: the folder of `path` is missing.
        ModelFileError: the suffix is none of the three.
        RecordError: `model` is no Keras model, or `include_optimizer` is False for
            a `.keras` file.

    Guarantees:
        The file appears whole or not at all; a file that was there stays until then.
        The live model is as it was. One `SaveWarning` names each object that a fresh
        process could not load, with the reason. kerasplug adds nothing to the file.

    Example:
        >>> try:
        ...     save_model("no model", "m.keras")
        ... except RecordError as error:
        ...     print(error.expected)
        a Keras model
    """
    name = os.fsdecode(path)
    if not name.endswith((".keras", *_HDF5_SUFFIXES)):
        what = f"{name} has no suffix that says what to write."
        rule = "a name that ends in .keras, .h5 or .hdf5"
        mend = f"for example {name + '.keras'!r}; or save_model_hdf5(model, path)"
        raise ModelFileError(what, expected=rule, mend=mend)
    hdf5 = name.endswith(_HDF5_SUFFIXES)
    if not hdf5 and not include_optimizer:
        rule = "True for a .keras file, which always holds the optimizer's state"
        raise _refused(rule, call="save_model", include_optimizer=False)
    model = saved_for(model)
    _check("save_model", model, name, overwrite=overwrite)
    _write(model, name, hdf5=hdf5, include_optimizer=include_optimizer)


def save_model_hdf5(
    model: Any,
    path: "str | os.PathLike[str]",
    overwrite: bool = True,  # noqa: FBT001, FBT002 -- the R interface's signature
    include_optimizer: bool = True,  # noqa: FBT001, FBT002 -- the R interface's signature
) -> bool:
    """True; `model` is in an HDF5 file at `path`, whole, whatever the suffix.

    Args:
        model: a Keras model.
        path: where; any name.
        overwrite: whether a file at `path` may be replaced. Nobody is asked.
        include_optimizer: whether the training configuration and the optimizer's state
            are saved; without them the model is loaded uncompiled.

    Raises:
        FileExistsError: something is at `path` and `overwrite` is False, or a folder
            is. Nothing was done.
        FileNotFoundError: the folder of `path` is missing.
        RecordError: `model` is no Keras model.

    Guarantees:
        As `save_model` gives them.

    Example:
        >>> try:
        ...     save_model_hdf5("no model", "weights.anything")
        ... except RecordError as error:
        ...     print(error.expected)
        a Keras model
    """
    name = os.fsdecode(path)
    model = saved_for(model)
    _check("save_model_hdf5", model, name, overwrite=overwrite)
    _write(model, name, hdf5=True, include_optimizer=include_optimizer)
    return True


def _write(model: Any, name: str, *, hdf5: bool, include_optimizer: bool) -> None:
    extra = {"include_optimizer": include_optimizer} if hdf5 else {}
    suffix = ".h5" if hdf5 else ".keras"
    with replacing(name, suffix=suffix) as temporary:
        with _kept_compile_config(model), without_advice():
            model.save(temporary, overwrite=True, **extra)
        facts: dict[str, object] = {"applications": origins(model)}
        if keras_version() >= (3,):
            facts["random_states"] = random_states(model)
        write_beside(temporary, facts, hdf5=hdf5)
        problems = [*_problems(model, temporary), *forgotten_arguments(model)]
    if problems:
        warnings.warn(_text(name, problems), SaveWarning, stacklevel=3)


@contextlib.contextmanager
def without_advice() -> Iterator[None]:
    """Keras keeps its advice against HDF5 to itself: whoever is here has chosen so."""
    import logging

    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*file format is considered legacy")
            yield
    finally:
        logger.setLevel(before)


def _check(call: str, model: Any, path: str, *, overwrite: bool) -> None:
    if family_of(model) is None or not callable(getattr(model, "save", None)):
        rule = "a Keras model"
        raise _refused(rule, call=call, model=model)
    if Path(path).is_dir() or (os.path.lexists(path) and not overwrite):
        raise FileExistsError(errno.EEXIST, "Something is there already", path)
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(folder))


def _refused(rule: str, *, call: str, **argument: object) -> RecordError:
    ((field, value),) = argument.items()
    return RecordError(call, field, value, rule)


@contextlib.contextmanager
def _kept_compile_config(model: Any) -> Iterator[None]:
    """The live model keeps its optimizer: saving to HDF5 pops it from the live config.

    Source: keras 3.15.1, `legacy/saving/saving_utils.py`, `model_metadata`.
    """
    holder = getattr(model, "_compile_config", None)
    config = getattr(holder, "config", None)
    before = dict(config) if isinstance(config, dict) else None
    try:
        yield
    finally:
        if before is not None and isinstance(config, dict):
            config.clear()
            config.update(before)


def _problems(model: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """(name, why it can't come back, what would mend it) for each such thing."""
    matcher = Matcher(package=keras_package())
    classes = _classes(model)
    found = scan(path, checksums=False)
    for danger in found.dangers:
        if not danger.lifted_by_safe_mode:  # those are mentions, and follow
            yield f"{danger.kind} at {danger.where}", f"it {danger.what}", danger.mend
    for match in matcher.matches(said_by(found.contents)):
        said = match.said
        if said.name == HARD_SIGMOID:
            continue  # kerasplug has it
        live = _live(said, classes)
        if match.status == "code":
            yield (
                "a lambda",
                f"its bytecode is refused while safe_mode is on (at {said.where})",
                "use a named, registered function",
            )
        elif match.status == "ambiguous":
            names = ", ".join(dict.fromkeys(one.canonical for one in match.claims))
            yield said.name, f"several plugins claim it: {names}", "load with allow="
        elif match.status == "provided" and _differs(match.claim, live):
            assert match.claim is not None
            why = f"{match.claim.canonical} would stand in, and is another thing"
            yield said.name, why, _mend(said, live)
        elif match.status == "missing":
            yield said.name, _why(match, live), _mend(said, live)


def _classes(model: Any) -> dict[str, Any]:
    """The classes of the model's own parts by name, for what is not registered."""
    parts = [model, *_layers(model), getattr(model, "optimizer", None)]
    return {type(part).__name__: type(part) for part in parts}


def _layers(model: Any) -> Iterable[Any]:
    flatten = getattr(model, "_flatten_layers", None)
    return flatten() if callable(flatten) else getattr(model, "layers", ())


def _live(said: Said, classes: dict[str, Any]) -> Any:
    """The object that was saved, as far as it can be found by its name."""
    registered = implementation().saving.get_registered_object(said.name)
    return classes.get(said.class_name) if registered is None else registered


def _differs(claim: Claim | None, live: Any) -> bool:
    """Whether the claim's target is surely not the live object. Imports nothing."""
    if claim is None or live is None:
        return False
    module, _, path = claim.target.partition(":")
    value: Any = sys.modules.get(module)
    for part in path.split("."):
        value = getattr(value, part, None)
    return value is not live


def _module(said: Said, live: Any) -> str:
    return getattr(live, "__module__", None) or said.module


def _why(match: Match, live: Any) -> str:
    said = match.said
    if "<locals>" in getattr(live, "__qualname__", ""):
        return "it is defined inside a function, where no other process finds it"
    if _module(said, live) == "__main__":
        return "it is defined in __main__, which another process does not have"
    if said.registered_name.startswith("Custom>"):
        return 'it is registered as "Custom>", which belongs to nobody'
    return "no installed plugin declares it"


def _mend(said: Said, live: Any) -> str:
    """The lines that declare it, as far as its module is known."""
    module = _module(said, live)
    kind = "layers" if _is_layer(live) else "objects"
    if module in ("", "__main__") or "<locals>" in getattr(live, "__qualname__", ""):
        module = "your_package.layers"
    name = "".join(
        "_" + one if one.isupper() and place else one
        for place, one in enumerate(said.class_name)
    ).lower()
    group = f'[project.entry-points."kerasplug.{kind}"]'
    return f'{group} {name} = "{module}:{said.class_name}"'


def _is_layer(live: Any) -> bool:
    layer = implementation().layers.Layer
    return isinstance(live, type) and issubclass(live, layer)


def _text(path: str, problems: list[tuple[str, str, str]]) -> str:
    name = Path(path).name
    lines = [f"{name} is saved; a fresh process could not load it as it is by itself:"]
    for thing, why, mend in problems:
        lines += [f"  {thing}: {why}", f"    mend: {mend}"]
    return "\n".join(lines)
