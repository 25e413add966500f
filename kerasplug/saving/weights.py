"""Weights alone, in files: saving them, and loading them by order or by name."""

import os
import warnings
from collections.abc import Iterable
from typing import Any, Final

from kerasplug._frameworks import refuse_newer
from kerasplug.errors import (
    KerasplugWarning,
    ModelError,
    ModelFileError,
    RecordError,
)
from kerasplug.models.kinds import is_older, require_model, saved_for
from kerasplug.saving.limits import DEFAULTS, Limits
from kerasplug.saving.weights_assigning import assign_all
from kerasplug.saving.weights_files import WeightsFile, open_weights
from kerasplug.saving.weights_fitting import fitted, reasons
from kerasplug.saving.weights_layouts import ByLayer, names_by_config
from kerasplug.saving.weights_listed import match_layers
from kerasplug.saving.weights_matching import Match, Matched, match_paths
from kerasplug.saving.weights_reading import read_all
from kerasplug.saving.weights_report import WeightsReport, no_match
from kerasplug.saving.weights_walking import snake_case_of, walked
from kerasplug.saving.weights_writing import write_weights

__all__ = ["load_model_weights_hdf5", "save_model_weights_hdf5"]

_SAVE: Final = "save_model_weights_hdf5"
_LOAD: Final = "load_model_weights_hdf5"


def save_model_weights_hdf5(
    model: Any,
    path: "str | os.PathLike[str]",
    overwrite: bool = True,  # noqa: FBT001, FBT002 -- the R interface's signature
) -> bool:
    """True; the weights of `model` are in an HDF5 file at `path`, whole.

    A name that ends in `.weights.h5` gets the layout of Keras 3, as
    `model.save_weights` writes it; every other name the layout of Keras 2, which all
    versions of Keras read from a file called `.h5` or `.hdf5`.

    Args:
        model: a built model of any Keras.
        path: where; any name.
        overwrite: whether a file at `path` may be replaced. Nobody is asked.

    Raises:
        ModelError: `model` is no model, it has no weights yet, or it has some that the
            layout of Keras 2 has no place for.
        FileExistsError: something is at `path` and `overwrite` is False, or a folder
            is. Nothing was done.
        FileNotFoundError: the folder of `path` is missing.
        KerasVersionError: the layout of Keras 3 is asked of a Keras before 2.4.

    Guarantees:
        The file appears whole or not at all; a file that was there stays until then.
        Plain Keras loads it: `model.load_weights(path)`.

    Example:
        >>> try:
        ...     save_model_weights_hdf5("no model", "w.h5")
        ... except ModelError as error:
        ...     print(error.expected)
        a Keras model
    """
    require_model(_SAVE, model)
    _require_flags(_SAVE, overwrite=overwrite)
    _require_built(_SAVE, model)
    write_weights(saved_for(model), os.fsdecode(path), overwrite=overwrite)
    return True


def load_model_weights_hdf5(
    model: Any,
    path: "str | os.PathLike[str]",
    by_name: bool = False,  # noqa: FBT001, FBT002 -- the R interface's signature
    skip_mismatch: bool = False,  # noqa: FBT001, FBT002 -- the R interface's signature
    reshape: bool = False,  # noqa: FBT001, FBT002 -- the R interface's signature
    *,
    limits: Limits | None = None,
) -> WeightsReport:
    """What was loaded; `model` has the weights of the file at `path` afterwards.

    What the file is, is seen from its content: a `.keras` file or its folder, weights
    of Keras 3 in one file or in shards, weights or whole models in HDF5 of Keras 2.
    Only weights of layers are loaded: the optimizer, the states of random layers and
    metrics are left alone.

    Args:
        model: a built model of any Keras.
        path: the file; for shards, the `.weights.json`.
        by_name: False: the n-th layer with weights takes those of the n-th in the
            file, in `.keras` and `.weights.h5` the n-th of its class, as Keras has it;
            True: those of the layer of the same name, also in models in the model.
        skip_mismatch: whether a layer that its weights don't fit is left alone, all of
            it, with the reason in the report.
        reshape: whether as many values in another shape fit, row by row.
        limits: how much the file may ask for; None: `Limits()`.

    Returns:
        Which layers were loaded, skipped, missing in the file, or unexpected.

    Raises:
        FileNotFoundError: nothing is at `path`.
        ModelError: `model` is no model, or has no weights yet.
        ModelFileError: the file holds no weights, is damaged or dangerous, or they
            don't fit; all that doesn't is listed.
        AmbiguousNameError: two layers have one name, and `by_name` is True.
        RecordError: an option is of the wrong type.
        KerasVersionError: the model is of a Keras before 2.4.

    Guarantees:
        All or nothing: after an exception, also of Ctrl-C, the model's weights are
        what they were. A `KerasplugWarning` says where no name was the same.

    Example:
        >>> try:
        ...     load_model_weights_hdf5("no model", "w.h5")
        ... except ModelError as error:
        ...     print(error.expected)
        a Keras model
    """
    require_model(_LOAD, model)
    _require_flags(_LOAD, by_name=by_name, skip_mismatch=skip_mismatch, reshape=reshape)
    if not isinstance(limits, Limits | None):
        raise RecordError(_LOAD, "limits", limits, "kerasplug.Limits() or None")
    _require_built(_LOAD, model)
    model = saved_for(model)
    if is_older(model):
        refuse_newer("saving")
    with open_weights(os.fsdecode(path), limits or DEFAULTS) as file:
        matched = _matched(file, model, by_name=by_name)
        good, skipped = _sorted_out(
            matched, file.name, skip=skip_mismatch, reshape=reshape
        )
        layers = [fitted(one, reshape=reshape) for one in good]
        wanted = [
            one.stored for layer in layers for _, many in layer.parts for one in many
        ]
        arrays = read_all(wanted, file.sources)
    loaded, refused = assign_all(layers, arrays, skip=skip_mismatch)
    if by_name and not matched.matches:
        _warn_of_no_match(file.name, matched)
    return WeightsReport(
        tuple(loaded), (*skipped, *refused), matched.missing, matched.unexpected
    )


def _require_flags(call: str, **flags: object) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise RecordError(call, name, value, "True or False")


def _require_built(call: str, model: Any) -> None:
    if getattr(model, "built", False):
        return
    what = f"{call}() needs weights, and {model.name!r} has none yet."
    raise ModelError(
        what,
        found="a model that was not built",
        expected="a built model",
        mend="call it once on data, or model.build(input_shape)",
    )


def _matched(file: WeightsFile, model: Any, *, by_name: bool) -> Matched:
    content = file.content
    if isinstance(content, ByLayer):
        return match_layers(content, model, file.name, by_name=by_name)
    if by_name and not any(content.names.get(one) for one in content.names if one):
        content = content._replace(
            names=names_by_config(file.config, snake_case_of(model))
        )
    return match_paths(content, walked(model), file.name, by_name=by_name)


def _sorted_out(
    matched: Matched, file: str, *, skip: bool, reshape: bool
) -> tuple[list[Match], list[tuple[str, str]]]:
    """The layers whose weights fit, and those to skip, with the reason.

    Raises:
        ModelFileError: some don't fit, and none is to be skipped.
    """
    found = [(one, reasons(one, reshape=reshape)) for one in matched.matches]
    bad = [(one.name, "; ".join(why)) for one, why in found if why]
    if bad and not skip:
        raise _misfit(file, bad, matched.unexpected, reshape=reshape)
    return [one for one, why in found if not why], bad


def _misfit(
    file: str,
    bad: Iterable[tuple[str, str]],
    unexpected: Iterable[str],
    *,
    reshape: bool,
) -> ModelFileError:
    bad = list(bad)
    lines = [f"{name}: {why}" for name, why in bad]
    lines += [f"nothing in the model for {name}" for name in unexpected]
    more = "" if reshape else ", and reshape=True takes as many values in another shape"
    return ModelFileError(
        f"{file} doesn't fit the model: {len(bad)} of its layers; nothing was loaded.",
        found="\n            ".join(lines),
        expected="weights of the same shapes as the model's",
        mend=f"skip_mismatch=True leaves such layers alone{more}",
    )


def _warn_of_no_match(file: str, matched: Matched) -> None:
    text = no_match(file, matched.unexpected, matched.missing)
    warnings.warn(text, KerasplugWarning, stacklevel=3)
