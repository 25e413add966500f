"""Giving weights to a model, all or none.

What a variable had before is kept until everything is done. Where an engine's values
never change, that is no copy; the new values are taken over as they were read.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from kerasplug.errors import ModelFileError
from kerasplug.saving.weights_fitting import Fitted, Wanted
from kerasplug.saving.weights_holders import Holder

__all__ = ["assign_all"]

#: Engines whose values are never written to: keeping one is no copy.
_UNCHANGING: Final = ("jax", "numpy")
#: Smaller arrays are not worth it, in bytes.
_WORTH_IT: Final = 1 << 16


def assign_all(
    layers: Sequence[Fitted], arrays: list[Any], *, skip: bool
) -> tuple[list[str], list[tuple[str, str]]]:
    """Give each layer its weights: (names of those that took them, those skipped).

    Args:
        layers: what goes where.
        arrays: for all weights that are wanted, in order; empty afterwards.
        skip: whether a layer that refuses its weights is left as it was.

    Raises:
        ModelFileError: a layer refuses its weights, and `skip` is False.

    Guarantees:
        After any exception, also of Ctrl-C, all variables have the values they had.
    """
    values = iter(arrays)
    work = [_Work(one, [*_given(one, values)]) for one in layers]
    arrays.clear()
    # Who decides by itself may refuse: the sooner, the less is done in vain.
    work.sort(key=lambda one: not any(holder.decides for holder, _ in one.parts))
    before: list[_Before] = []
    loaded, skipped = [], []
    try:
        for one in work:
            mine = [_Before(holder) for holder, _ in one.parts]
            before += mine
            try:
                for holder, given in one.parts:
                    holder.load(_store(holder, given))
                    given.clear()
            except Exception as error:
                if not skip:
                    raise _refused(one.name, error) from error
                _put_back(mine)
                skipped.append((one.name, _said(error)))
            else:
                loaded.append(one.name)
    except BaseException:
        _put_back(before)
        raise
    order = {one.name: place for place, one in enumerate(layers)}
    return sorted(loaded, key=order.__getitem__), skipped


class _Work(NamedTuple):
    """A layer and what its holders are given."""

    layer: Fitted
    parts: list[tuple[Holder, list[tuple[Wanted, Any]]]]

    @property
    def name(self) -> str:
        return self.layer.name


def _given(
    layer: Fitted, values: Iterator[Any]
) -> Iterator[tuple[Holder, list[tuple[Wanted, Any]]]]:
    for holder, wanted in layer.parts:
        yield holder, [(one, next(values)) for one in wanted]


def _refused(name: str, error: Exception) -> ModelFileError:
    return ModelFileError(
        f"The layer {name!r} refused its weights; the model is as it was.",
        found=_said(error),
        mend="skip_mismatch=True leaves such layers alone",
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


# --- what was there before ---


class _Before:
    """What a holder had before it was loaded.

    Args:
        holder: the holder.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._values = [(one, _kept(one)) for one in holder.variables]

    def put_back(self) -> None:
        """Give the holder what it had."""
        known = {id(variable): value for variable, value in self._values}
        store = {
            key: slot.value if slot.variable is None else known.get(id(slot.variable))
            for key, slot in self._holder.slots.items()
        }
        if all(value is not None for value in store.values()):
            # Also what the layer has made of its weights by itself.
            with contextlib.suppress(Exception):
                self._holder.load(store)
        for variable, value in self._values:
            variable.assign(value)


def _put_back(before: Sequence[_Before]) -> None:
    """Give all of them what they had; who is interrupted begins anew."""
    try:
        for one in before:
            one.put_back()
    except BaseException:
        for one in before:
            one.put_back()
        raise


def _kept(variable: Any) -> Any:
    """The value of a variable, which later assignments leave alone."""
    value = variable.value
    if callable(value):  # TensorFlow's own, as Keras 2 has them
        return value()
    engine = sys.modules["keras"].backend.backend()
    if engine == "tensorflow":
        return value.value() if hasattr(value, "assign") else value
    if engine in _UNCHANGING:
        return value
    if engine == "torch":
        return value.detach().clone()
    return variable.numpy().copy()


# --- what is given ---


def _store(holder: Holder, given: Iterable[tuple[Wanted, Any]]) -> dict[str, Any]:
    """The dict that a holder loads from."""
    hand_over = _hand_over(holder)
    return {wanted.key: hand_over(_cast(wanted, array)) for wanted, array in given}


def _cast(wanted: Wanted, array: Any) -> Any:
    array = array.reshape(wanted.shape)
    if wanted.dtype in ("", str(array.dtype)):
        return array
    dtype: Any = wanted.dtype
    if dtype == "bfloat16":
        import ml_dtypes

        dtype = ml_dtypes.bfloat16
    return array.astype(dtype)


def _hand_over(holder: Holder) -> Callable[[Any], Any]:
    """How an array becomes what the holder is given.

    TensorFlow copies arrays of NumPy, twice; through DLPack it takes the memory over.
    Layers with code of their own get what Keras gives them, an array.
    """
    if not getattr(holder, "takes_tensors", False) or "tensorflow" not in sys.modules:
        return _as_it_is
    variable = next((one.variable for one in holder.slots.values()), None)
    if not _is_tensorflows(variable):
        return _as_it_is
    return _to_tensorflow


def _as_it_is(array: Any) -> Any:
    return array


def _is_tensorflows(variable: Any) -> bool:
    if variable is None:
        return False
    value = variable if callable(variable.value) else variable.value
    return type(value).__module__.startswith("tensorflow")


def _to_tensorflow(array: Any) -> Any:
    if array.nbytes < _WORTH_IT or array.dtype.kind not in "fiu":
        return array
    dlpack = importlib.import_module("tensorflow").experimental.dlpack
    try:
        return dlpack.from_dlpack(array.__dlpack__())
    except (BufferError, TypeError, ValueError, RuntimeError):
        return array  # bfloat16, which NumPy doesn't know
