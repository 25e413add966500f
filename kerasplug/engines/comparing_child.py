"""The process in which one backend predicts; nothing in it is trusted to end well.

It reads a request, and writes an answer in JSON and outputs in `.npz`: files of their
own, since native libraries print to standard output.
"""

import importlib.metadata
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasplug.engines.apart import answer_and_end

__all__ = ["main"]


def main(request: dict[str, Any]) -> None:
    """Do what was requested, and end this process.

    Args:
        request: as `kerasplug.engines.comparing_runs` makes it.
    """
    answer_and_end(request, request["answer"], lambda so: _predicted(request, so))


def _predicted(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Outputs into their file; the rest of the answer."""
    started = time.perf_counter()
    keras = _started(request)
    answer["versions"] = _versions(request["backend"].rpartition("/")[2], keras)
    keras.utils.set_random_seed(request["seed"])
    running = time.perf_counter()
    from kerasplug.saving import load_model

    model = load_model(request["model"], compile=False)
    loaded = time.perf_counter()
    batches = _batches(request)
    first = next(batches)
    begun = time.perf_counter()
    outputs = [_outputs(model, first)]
    compiled = time.perf_counter()
    outputs += [_outputs(model, batch) for batch in batches]
    names = _names(model, outputs[0])
    dtypes = _write(request["outputs"], names, outputs)
    return {
        "state": "ok",
        "start": running - started,
        "load": loaded - running,
        "first": compiled - begun,
        "seconds": [_timed(model, first) for _ in range(request["repeats"])],
        "names": names,
        "dtypes": dtypes,
    }


def _started(request: dict[str, Any]) -> Any:
    """Keras on the backend that was asked for.

    Raises:
        ImplementationError: it started on another one.
    """
    from kerasplug._frameworks.pluggable import listed_by_keras
    from kerasplug.errors import ImplementationError
    from kerasplug.implementation import implementation

    name = request["backend"]
    if name not in listed_by_keras().built_in:
        from kerasplug.engines.choosing import use_backend

        use_backend(name)
    keras = implementation()
    found = str(keras.config.backend())
    if found != name.rpartition("/")[2]:
        what = f"Keras started on the backend {found}, not on {name}."
        raise ImplementationError(what, mend="kerasplug doctor")
    return keras


def _versions(backend: str, keras: Any) -> dict[str, str]:
    """The versions of Keras and of what computes, as far as they are known."""
    from kerasplug._frameworks import version_of

    found = version_of(backend)
    for name in (backend, f"keras-{backend}"):
        if not found:
            try:
                found = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
    return {"keras": str(keras.__version__), **({backend: found} if found else {})}


def _batches(request: dict[str, Any]) -> Iterator[Any]:
    """The inputs, batch by batch, in the structure that the model takes."""
    import numpy as np

    with np.load(request["inputs"], allow_pickle=False) as file:
        arrays = [file[f"arr_{number}"] for number in range(len(file.files))]
    size = request["batch_size"]
    for start in range(0, len(arrays[0]), size):
        part = [array[start : start + size] for array in arrays]
        if request["structure"] == "single":
            yield part[0]
        elif request["structure"] == "dict":
            yield dict(zip(request["names"], part, strict=True))
        else:
            yield part


def _outputs(model: Any, batch: Any) -> Any:
    """What the model gives for a batch, as NumPy arrays: so it has been computed.

    `predict_on_batch` goes the way of `predict`, compiled where that compiles, without
    what `predict` spends on feeding batches.
    """
    return _mapped(model.predict_on_batch(batch))


def _mapped(value: Any) -> Any:
    import numpy as np

    if isinstance(value, dict):
        return {name: _mapped(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(one) for one in value]
    return np.asarray(value)


def _timed(model: Any, batch: Any) -> float:
    begun = time.perf_counter()
    _outputs(model, batch)
    return time.perf_counter() - begun


def _flat(value: Any, where: str = "") -> list[tuple[str, Any]]:
    """(path, array) of each output; the path of a sole one is empty."""
    if isinstance(value, dict):
        pairs = [(str(name), one) for name, one in value.items()]
    elif isinstance(value, list):
        pairs = [(str(number), one) for number, one in enumerate(value)]
    else:
        return [(where, value)]
    prefix = f"{where}/" if where else ""
    return [each for name, one in pairs for each in _flat(one, prefix + name)]


def _names(model: Any, outputs: Any) -> list[str]:
    """Names of the outputs: the keys of a dict, else those of the model's layers."""
    paths = [path for path, _ in _flat(outputs)]
    own = list(getattr(model, "output_names", None) or ())
    if isinstance(outputs, dict):
        return paths
    if len(own) == len(paths) == len(set(own)):
        return [str(name) for name in own]
    return [f"output_{path}" if path else "output" for path in paths]


def _write(path: str, names: list[str], outputs: list[Any]) -> dict[str, str]:
    """Put all batches of each output into the file; their dtypes."""
    import numpy as np

    columns = zip(*([one for _, one in _flat(batch)] for batch in outputs), strict=True)
    whole = [_joined(column) for column in columns]
    np.savez(Path(path), *map(_storable, whole))
    return {name: str(one.dtype) for name, one in zip(names, whole, strict=True)}


def _joined(parts: tuple[Any, ...]) -> Any:
    """The batches of one output as one array; of numbers without batches, a list."""
    import numpy as np

    return np.concatenate(parts) if parts[0].ndim else np.stack(parts)


def _storable(array: Any) -> Any:
    """The same for a file without pickles: what NumPy can't name as float32."""
    if array.dtype.kind == "V":  # bfloat16 and other small floats of engines
        return array.astype("float32")
    if array.dtype.kind == "O":
        is_bytes = any(isinstance(one, bytes) for one in array.reshape(-1))
        return array.astype("S" if is_bytes else "U")
    return array
