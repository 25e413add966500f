"""Arrays and tensors of any engine as bytes, and structures of them as a flat list.

Engines are told by what their objects have: none is imported that the traced program
hasn't imported itself.
"""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["flat", "host", "numbers", "plain"]


def flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, leaf) of what is in a structure; nothing for None.

    Args:
        value: dicts, lists and tuples of arrays, to any depth; or one array.
        name: of the whole; a part of it is called `name/part`.
    """
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{name}/{key}")
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from flat(one, f"{name}/{number}")
    elif value is not None:
        yield from _parts(value, name)


def _parts(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """What a sparse or ragged tensor consists of; others are one part."""
    if hasattr(value, "nested_row_splits"):
        yield name, value.flat_values
        for number, one in enumerate(value.nested_row_splits):
            yield f"{name}/row_splits/{number}", one
    elif hasattr(value, "dense_shape") and hasattr(value, "values"):
        yield name, value.values
        yield f"{name}/indices", value.indices
    elif hasattr(value, "todense") and hasattr(value, "indices"):
        yield name, value.data
        yield f"{name}/indices", value.indices
    elif getattr(value, "is_sparse", False) is True:
        yield name, value.to_dense()
    else:
        yield name, value


def numbers(value: Any) -> bool:
    """Whether it is a list of plain numbers, which is one array, not many."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(one, bool | int | float | complex) for one in value)
    )


def host(value: Any) -> Any:
    """The array of an engine as NumPy's, in this process' memory.

    Of small floats that PyTorch has and NumPy has not, `(dtype, array)`.
    """
    if hasattr(value, "detach"):
        return _from_torch(value.detach().cpu())
    if hasattr(value, "addressable_data"):
        return _from_jax(value)
    if hasattr(value, "numpy"):
        value = value.numpy()
    return importlib.import_module("numpy").asarray(value)


def _from_torch(tensor: Any) -> Any:
    name = str(tensor.dtype).removeprefix("torch.")
    if name == "bfloat16" or name.startswith("float8"):
        torch = sys.modules["torch"]
        whole = torch.int16 if name == "bfloat16" else torch.uint8
        return name, tensor.contiguous().view(whole).numpy()
    return tensor.resolve_conj().resolve_neg().numpy()


def _from_jax(array: Any) -> Any:
    jax = sys.modules["jax"]
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    return importlib.import_module("numpy").asarray(array)


def plain(value: Any) -> tuple[str, tuple[int, ...], memoryview, bool]:
    """(dtype, shape, bytes in C order, whether it is text) of an array.

    Args:
        value: what `host` gave, or plain text.
    """
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        return "string", (), memoryview(data), True
    name = ""
    if isinstance(value, tuple):
        name, value = value
    array = importlib.import_module("numpy").asarray(value)
    if array.dtype.kind in "OSUT":
        return "string", array.shape, memoryview(_texts(array)), True
    whole = importlib.import_module("numpy").ascontiguousarray(array).reshape(-1)
    # Not all dtypes of engines have a buffer that `memoryview` knows.
    return name or array.dtype.name, array.shape, whole.view("uint8").data, False


def _texts(array: Any) -> bytes:
    """Texts one after the other, each after its length: no two lists look the same."""
    found = []
    for one in array.reshape(-1).tolist():
        data = one if isinstance(one, bytes) else str(one).encode()
        found.append(b"%d:%s" % (len(data), data))
    return b"".join(found)
