"""Who holds weights in a model: the pieces that are loaded one by one.

A piece says what it would save, by its own `save_own_variables`, and is loaded by its
own `load_own_variables`: so a layer that does either in its own way keeps it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from kerasplug.errors import ModelError
from kerasplug.implementation import family_of

__all__ = ["Holder", "Listed", "Piece", "Slot", "Unit", "own_variables"]

#: The lists of a layer's own variables, in Keras 3 and in Keras 2.
_LISTS: Final = (
    ("_trainable_variables", "_non_trainable_variables"),
    ("_trainable_weights", "_non_trainable_weights"),
)
_SAVE: Final = "save_own_variables"
_LOAD: Final = "load_own_variables"


class Slot(NamedTuple):
    """Where one weight goes.

    Args:
        label: the variable's name or path.
        shape: what fits.
        dtype: the name of its type; empty where it is not known.
        variable: that is assigned; None: only its layer knows.
        value: what is there, where there is no variable.
    """

    label: str
    shape: tuple[int, ...]
    dtype: str
    variable: Any = None
    value: Any = None


class Holder(Protocol):
    """Something that takes weights by key."""

    @property
    def path(self) -> str:
        """Where Keras 3 keeps it in a file."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Where else it may be kept: other attributes lead to it, too."""

    @property
    def slots(self) -> Mapping[str, Slot]:
        """What it holds, by key."""

    @property
    def decides(self) -> bool:
        """Whether it says by itself what fits, in code that is not Keras' own."""

    @property
    def variables(self) -> list[Any]:
        """All that loading may change."""

    def load(self, store: dict[str, Any]) -> None:
        """Take what is in `store`, by key."""


class Unit(NamedTuple):
    """A layer of a model, with all that it is made of; or a model's own weights.

    Args:
        names: of the models that it is in, from the outside, and its own.
        path: where Keras 3 keeps it in a file.
        pieces: the holders in it, the layer itself first.
        parents: paths of the models that it is in; the outermost has none.
        aliases: where else it may be kept: another Keras goes by other attributes.
        own: whether it is what a model holds besides its layers.
    """

    names: tuple[str, ...]
    path: str
    pieces: tuple[Holder, ...]
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    own: bool = False

    @property
    def name(self) -> str:
        """How it is called in reports."""
        path = "/".join(self.names)
        if not self.own:
            return path
        return f"{path} (its own weights)" if path else "(the model's own weights)"

    @property
    def weighted(self) -> bool:
        """Whether there is anything to load."""
        return any(piece.slots for piece in self.pieces)


def own_variables(layer: Any) -> list[Any]:
    """The variables that belong to a layer itself, and not to one within it."""
    for names in _LISTS:
        if all(hasattr(layer, name) for name in names):
            return [one for name in names for one in getattr(layer, name)]
    return []


def _is_kerass(layer: Any, method: str) -> bool:
    """Whether a method of a layer is as Keras wrote it."""
    function = getattr(type(layer), method, None)
    module = str(getattr(function, "__module__", ""))
    return module.partition(".")[0] in ("keras", "tf_keras")


def _is_base(layer: Any, method: str) -> bool:
    """Whether a method is the one that all layers have."""
    owner = next((one for one in type(layer).__mro__ if method in vars(one)), None)
    return owner is not None and owner.__name__ in ("Layer", "TFLayer")


class Piece:
    """A layer, or a part of one, that loads by `load_own_variables`.

    Args:
        path: where Keras 3 keeps it in a file.
        layer: what it is.
        aliases: other paths that lead to it.

    Raises:
        ModelError: it can't say what it holds.
    """

    def __init__(self, path: str, layer: Any, aliases: tuple[str, ...] = ()) -> None:
        self.path = path
        self.aliases = aliases
        self.layer = layer
        self.slots: dict[str, Slot] = _slots(layer)

    @property
    def decides(self) -> bool:
        """Whether it says by itself what fits.

        One that saves nothing today may still know what a file of old holds.
        """
        if _is_kerass(self.layer, _LOAD):
            return not self.slots and not _is_base(self.layer, _LOAD)
        return True

    @property
    def takes_tensors(self) -> bool:
        """Whether it only assigns what it is given: then it need not be NumPy's."""
        return _is_kerass(self.layer, _LOAD)

    @property
    def variables(self) -> list[Any]:
        """All that loading may change."""
        if self.takes_tensors:
            return own_variables(self.layer)
        return list(self.layer.variables)

    def load(self, store: dict[str, Any]) -> None:
        """Take what is in `store`, by key."""
        getattr(self.layer, _LOAD)(store)


def _slots(layer: Any) -> dict[str, Slot]:
    if family_of(layer) == "tf_keras" and _is_base(layer, _SAVE):
        # It would copy each value for a file.
        held: dict[str, Any] = {
            str(key): one for key, one in enumerate(own_variables(layer))
        }
    else:
        held = {}
        try:
            getattr(layer, _SAVE)(held)
        except Exception as error:
            what = f"The layer {layer.name!r} can't say what weights it holds."
            found = f"{type(error).__name__}: {error}"[:200]
            mend = f"see to its {_SAVE}: saving the model would fail, too"
            raise ModelError(what, found=found, mend=mend) from error
    return {str(key): slot_of(str(key), value) for key, value in held.items()}


def slot_of(key: str, value: Any) -> Slot:
    """The slot for a variable, or for a value that a layer would save.

    Args:
        key: stands for its name where it has none.
        value: of a variable, an array or a number.
    """
    if hasattr(value, "assign") and hasattr(value, "shape"):
        label = str(getattr(value, "path", "") or getattr(value, "name", key))
        return Slot(label, tuple(value.shape), _dtype(value), value)
    shape = tuple(getattr(value, "shape", ()))
    return Slot(key, shape, _dtype(value), None, value)


def _dtype(value: Any) -> str:
    dtype = getattr(value, "dtype", "")
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2]


class Listed:
    """A layer's weights in one list, as HDF5 files of Keras 2 have them.

    Args:
        layers: the layer, and all layers within it.
        variables: the list.
    """

    path = ""
    aliases: tuple[str, ...] = ()
    decides = False
    takes_tensors = True

    def __init__(self, layers: Iterable[Any], variables: Iterable[Any]) -> None:
        self.layers = list(layers)
        self.variables = list(variables)
        self.slots = {
            str(key): slot_of(str(key), one) for key, one in enumerate(self.variables)
        }

    def load(self, store: dict[str, Any]) -> None:
        """Take what is in `store`, by key."""
        for key, slot in self.slots.items():
            slot.variable.assign(store[key])
        for layer in self.layers:
            # What is made of the weights, once: Normalization and its like.
            if hasattr(layer, "finalize_state") and own_variables(layer):
                layer.finalize_state()
