"""What goes into the model: what its file asks for, what was given, what is made up."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from kerasplug.errors import KerasplugError
from kerasplug.saving.reading import Contents

__all__ = ["Inputs", "Spec", "prepared", "specs_of"]

#: Whole numbers that are made up are below this, or below the smallest embedding.
_BELOW: Final = 10
_ENDINGS: Final = (".npy", ".npz")
_NO_PICKLE: Final = "arrays of numbers or texts: a pickle can run code, none is read"


class Spec(NamedTuple):
    """One input, as the model's file describes it.

    Attributes:
        name: its name.
        shape: with the batch; None where any size goes.
        dtype: as Keras writes it.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Inputs(NamedTuple):
    """Arrays as the model takes them.

    Attributes:
        structure: `"single"`, `"list"` or `"dict"`.
        names: of the arrays; for a dict its keys.
        arrays: with the same number of samples.
        batch_size: samples in a batch.
    """

    structure: str
    names: tuple[str, ...]
    arrays: tuple[Any, ...]
    batch_size: int

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.arrays[0])


class Signature(NamedTuple):
    """How a model is called, as far as its file says it.

    Attributes:
        structure: as in `Inputs`; empty where the file does not say.
        specs: its inputs, in their order.
        below: whole numbers from 0 below this are sensible inputs.
    """

    structure: str
    specs: tuple[Spec, ...]
    below: int = _BELOW


def specs_of(contents: Contents) -> Signature:
    """How the model in a file is called; of a class of its own nothing is known.

    Args:
        contents: what the file says.
    """
    config = contents.configs[0][1] if contents.configs else None
    inner = config.get("config") if isinstance(config, dict) else None
    if isinstance(inner, list):  # Keras 2 wrote sequential models so
        inner = {"layers": inner}
    if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
        return Signature("", ())
    found = dict(_input_layers(inner["layers"]))
    structure, names = _structure(inner, found)
    if not names or not all(name in found for name in names):
        return Signature("", ())
    specs = [found[name]._replace(name=key) for key, name in names.items()]
    return Signature(structure, tuple(specs), _smallest_embedding(inner))


def _input_layers(layers: list[Any]) -> Iterator[tuple[str, Spec]]:
    """The input layers of a model by name; a malformed one is none."""
    for layer in layers:
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            config = layer["config"]
            said = config.get("batch_shape", config.get("batch_input_shape"))
            if said is None:
                continue
            shape = tuple(None if size is None else int(size) for size in said)
            dtype = config.get("dtype")
            name = str(config.get("name") or layer.get("name"))
            plain = dtype if isinstance(dtype, str) else "float32"
            yield name, Spec(name, shape, plain)


def _structure(config: dict[str, Any], found: dict[str, Spec]) -> tuple[str, Any]:
    """The structure, and key -> name of the input layer; nothing where it is nested."""
    said = config.get("input_layers")
    if said is None:
        first = next(iter(found), None)
        return ("single", {first: first}) if first else ("", {})
    if _is_one(said):
        return "single", {said[0]: said[0]}
    if isinstance(said, dict) and all(map(_is_one, said.values())):
        return "dict", {key: one[0] for key, one in said.items()}
    if isinstance(said, list) and all(map(_is_one, said)):
        return "list", {one[0]: one[0] for one in said}
    return "", {}


def _is_one(said: Any) -> bool:
    """Whether it mentions one layer: name, node, tensor."""
    return isinstance(said, list) and bool(said) and isinstance(said[0], str)


def _smallest_embedding(config: Any) -> int:
    """The least `input_dim` of an embedding: what is not below it is no input."""
    waiting, sizes = [config], [_BELOW]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            size = one.get("input_dim")
            if isinstance(size, int) and size > 0:
                sizes.append(size)
    return min(sizes)


# --- what was given -----------------------------------------------------------------


def prepared(given: Any, model: Signature, batch_size: int, seed: int) -> Inputs:
    """The arrays for a model, checked.

    Args:
        given: as for `compare_backends`.
        model: how it is called.
        batch_size: samples in a batch, unless the model has its own.
        seed: of what is made up.

    Raises:
        FileNotFoundError: a file is not there.
        KerasplugError: they do not fit, can't be read, or can't be made up.
    """
    sizes = {spec.shape[0] for spec in model.specs if spec.shape and spec.shape[0]}
    size = sizes.pop() if len(sizes) == 1 else batch_size
    if given is None:
        arrays = _made_up(model, size, seed)
        return Inputs(model.structure, _names(model), arrays, size)
    named = _read(given)
    if model.structure:
        structure, names = model.structure, _names(model)
        arrays = tuple(map(_fitted, model.specs, _in_order(named, names)))
    else:
        structure, names = _as_given(named), tuple(map(str, named))
        arrays = tuple(named.values())
    inputs = Inputs(structure, names, arrays, size)
    _check_samples(inputs, fixed=bool(model.specs and model.specs[0].shape[0]))
    return inputs


def _names(model: Signature) -> tuple[str, ...]:
    return tuple(spec.name for spec in model.specs)


def _made_up(model: Signature, size: int, seed: int) -> tuple[Any, ...]:
    if not model.structure:
        what = "The model's file does not say what shape its inputs have."
        mend = "give inputs: --input x.npy, or inputs=array"
        raise KerasplugError(what, mend=mend)
    return tuple(
        _random(spec, model.below, size, seed + number)
        for number, spec in enumerate(model.specs)
    )


def _random(spec: Spec, below: int, size: int, seed: int) -> Any:
    """Numbers for an input: normal, or whole ones from 0, or booleans."""
    import numpy as np

    inner = spec.shape[1:]
    if None in inner:
        what = f"The input {spec.name!r} has dimensions that can be of any size."
        found = f"shape {_shape(spec.shape)}"
        mend = f"give an array for it: --input {spec.name}=x.npy"
        raise KerasplugError(what, found=found, mend=mend)
    shape = (size, *(one or 0 for one in inner))
    generator = np.random.default_rng(seed)
    if spec.dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    if "int" in spec.dtype:
        return generator.integers(0, below, shape).astype(spec.dtype)
    if "float" in spec.dtype:
        return generator.standard_normal(shape).astype(_numpy_name(spec.dtype))
    what = f"Inputs of dtype {spec.dtype} can't be made up."
    raise KerasplugError(what, mend=f"give an array: --input {spec.name}=x.npy")


def _numpy_name(dtype: str) -> str:
    """The dtype in which NumPy holds it; it has neither bfloat16 nor float8."""
    plain = ("float16", "float32", "float64")
    return "float32" if "float" in dtype and dtype not in plain else dtype


def _read(given: Any) -> dict[str | int, Any]:
    """The arrays, each by its name, or by its number where it has none."""
    if isinstance(given, str | os.PathLike):
        return _numbered(_of_file(given))
    if isinstance(given, Mapping):
        named: dict[str | int, Any] = {str(n): _one(one) for n, one in given.items()}
        return named
    if isinstance(given, Sequence):
        parts: dict[str | int, Any] = {}
        for value in given:
            found = _numbered(_of_value(value))
            done = len(parts)
            parts |= {
                key if isinstance(key, str) else done + key: one
                for key, one in found.items()
            }
        return parts
    return {0: _checked(given, "an array")}


def _of_value(value: Any) -> dict[str, Any]:
    if isinstance(value, str | os.PathLike):
        return _of_file(value)
    return {"": _checked(value, "an array")}


def _one(value: Any) -> Any:
    """The one array that a name was given for."""
    found = list(_of_value(value).values())
    if len(found) != 1:
        what = f"{os.fspath(value)} has {len(found)} arrays for one input."
        raise KerasplugError(what, expected="one array")
    return found[0]


def _numbered(found: dict[str, Any]) -> dict[str | int, Any]:
    """By number, where the names are those that NumPy gives to what has none."""
    automatic = [f"arr_{number}" for number in range(len(found))]
    plain = list(found) in ([""], automatic)
    return {
        number if plain else name: one
        for number, (name, one) in enumerate(found.items())
    }


def _of_file(path: "str | os.PathLike[str]") -> dict[str, Any]:
    """The arrays in a file of NumPy, none of which is a pickle."""
    import numpy as np

    name = os.fspath(path)
    if not name.endswith(_ENDINGS):
        what = f"{name} is not a file of arrays."
        raise KerasplugError(what, expected="a file that ends in .npy or .npz")
    try:
        with Path(name).open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"": _checked(content, name)}
            return {key: _checked(content[key], name) for key in content.files}
    except FileNotFoundError:
        raise
    except Exception as error:
        what = f"{name} can't be read as a file of arrays."
        raise KerasplugError(what, found=str(error), expected=_NO_PICKLE) from error


def _checked(value: Any, where: str) -> Any:
    """The value as an array that can be handed to another process."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biufcSU" or not array.ndim or not len(array):
        what = f"{where} is not a batch of inputs."
        found = f"shape {array.shape}, dtype {array.dtype}"
        expected = "at least one sample, of numbers or texts"
        raise KerasplugError(what, found=found, expected=expected)
    return array


# --- whether it fits ----------------------------------------------------------------


def _as_given(named: dict[str | int, Any]) -> str:
    """The structure for a model of which nothing is known."""
    if any(isinstance(name, str) for name in named):
        return "dict"
    return "single" if len(named) == 1 else "list"


def _in_order(named: dict[str | int, Any], names: tuple[str, ...]) -> list[Any]:
    """The arrays in the order of the model's inputs."""
    if set(named) == set(names):
        return [named[name] for name in names]
    by_number = all(isinstance(name, int) for name in named)
    if len(named) == len(names) and (by_number or len(names) == 1):
        return list(named.values())
    what = "The arrays are not those that the model takes."
    found = ", ".join(str(name) for name in named)
    if by_number:
        found = f"{len(named)} without names"
    expected = ", ".join(names)
    mend = f"--input {names[0]}=x.npy, one for each"
    raise KerasplugError(what, found=found, expected=expected, mend=mend)


def _fitted(spec: Spec, array: Any) -> Any:
    """The array in the input's dtype, so that each backend gets the same numbers."""
    import numpy as np

    if array.ndim == len(spec.shape) - 1 and spec.shape[-1] == 1:
        array = array[..., None]  # as Keras does it
    pairs = zip(spec.shape[1:], array.shape[1:], strict=False)
    same_rank = array.ndim == len(spec.shape)
    if not same_rank or any(want not in (None, have) for want, have in pairs):
        raise _misfit(spec, f"shape {array.shape}")
    if spec.dtype == "string" or array.dtype.kind in "SU":
        if spec.dtype != "string" or array.dtype.kind not in "SU":
            raise _misfit(spec, f"dtype {array.dtype}")
        return array
    wanted = np.dtype(_numpy_name(spec.dtype))
    if wanted.kind in "biu" and array.dtype.kind not in "biu":
        raise _misfit(spec, f"dtype {array.dtype}")
    return array.astype(wanted)


def _misfit(spec: Spec, found: str) -> KerasplugError:
    what = f"An array does not fit the input {spec.name!r}."
    expected = f"shape {_shape(spec.shape)}, dtype {spec.dtype}"
    return KerasplugError(what, found=found, expected=expected)


def _shape(shape: tuple[int | None, ...]) -> str:
    """A shape with a word where any size goes."""
    return f"({', '.join('any' if one is None else str(one) for one in shape)})"


def _check_samples(inputs: Inputs, *, fixed: bool) -> None:
    counts = [len(array) for array in inputs.arrays]
    if len(set(counts)) > 1:
        what = "The inputs have different numbers of samples."
        raise KerasplugError(what, found=", ".join(map(str, counts)))
    if fixed and counts[0] % inputs.batch_size:
        what = f"The model takes batches of {inputs.batch_size} samples only."
        expected = f"a multiple of {inputs.batch_size} samples"
        raise KerasplugError(what, found=f"{counts[0]} samples", expected=expected)
