"""Which variable of Keras' optimizer is which in the worker."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kerasplug import Translation
from kerasplug.callers import level_outside
from kerasplug.errors import KerasplugWarning
from kerasplug_plaidml.translating.refusing import refused

__all__ = ["optimizer_state"]

#: Class in keras.optimizers -> groups of slots, each with the arguments it hangs on.
#: Source: keras 3.15, `optimizers/*.py`: a group goes through all variables.
_GROUPS: Final[Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]] = {
    "Adadelta": ((("accumulated_grad", "accumulated_delta_var"), ""),),
    "Adagrad": ((("accumulator",), ""),),
    "Adam": ((("momentum", "velocity"), ""), (("velocity_hat",), "amsgrad")),
    "AdamW": ((("momentum", "velocity"), ""), (("velocity_hat",), "amsgrad")),
    "Adamax": ((("momentum", "norm"), ""),),
    "Nadam": ((("momentum", "velocity"), ""),),
    "RMSprop": (
        (("velocity",), ""),
        (("momentum",), "momentum"),
        (("average_gradient",), "centered"),
    ),
    "SGD": ((("momentum",), "momentum"),),
}
#: Class -> what it keeps for all variables together, after all slots.
_PRODUCTS: Final[Mapping[str, tuple[str, ...]]] = {"Nadam": ("u_product",)}

#: A slot, and the variable of the model that it belongs to.
_Key = tuple[str, Any]


def optimizer_state(model: Any, translation: Translation) -> dict[str, Any] | None:
    """The optimizer's variables, by the names that they have in the worker.

    Args:
        model: compiled, its optimizer one of Keras' own; it is built, if it is not.
        translation: of the model.

    Returns:
        `"momentum:encoder/dense_1:0"` -> variable, for each slot of each weight that is
        trained, and `"u_product"` for Nadam. None where the optimizer can't go on
        there: it was built when other weights were trained, or the translator of a
        plugin's layer makes other weights of those here, of which is warned.

    Raises:
        TranslationError: two weights have the same name, and it is not known which
            of them the optimizer was built for.
    """
    optimizer = model.optimizer
    trained = {id(one) for one in model.trainable_variables}
    if _turned(translation, trained):
        return None
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    held = _held(model)
    if held is None:
        return None
    found = {}
    for path, carried in translation.layers.items():
        for at, one in enumerate(carried.layer.weights):
            if id(one) in trained:
                for slot in _slots(optimizer):
                    found[f"{slot}:{path}:{at}"] = held[slot, id(one)]
    names = _PRODUCTS.get(type(optimizer).__name__, ())
    return found | {name: held[name, None] for name in names}


def _turned(translation: Translation, trained: set[int]) -> bool:
    """Whether a layer that learns has other weights there; a warning names it."""
    for path, carried in translation.layers.items():
        learns = any(id(one) in trained for one in carried.layer.weights)
        if learns and (carried.there or carried.back):
            message = (
                f"The weights of the layer {path!r} are others on PlaidML. So what the "
                "optimizer learns does not go there, and does not come back: compile "
                "anew before you train the model here."
            )
            level = level_outside("kerasplug", "kerasplug_plaidml")
            warnings.warn(message, KerasplugWarning, stacklevel=level)
            return True
    return False


def _groups(optimizer: Any) -> Iterator[tuple[str, ...]]:
    for group, argument in _GROUPS[type(optimizer).__name__]:
        if not argument or getattr(optimizer, argument):
            yield group


def _slots(optimizer: Any) -> list[str]:
    return [slot for group in _groups(optimizer) for slot in group]


def _held(model: Any) -> dict[Any, Any] | None:
    """(Slot, identity of a weight) -> variable; None: some have none.

    Keras names a slot after its weight, whose name others may have as well; they are
    in the order of the weights.
    """
    optimizer, trained = model.optimizer, model.trainable_variables
    variables = [
        one
        for one in optimizer.variables
        if one is not optimizer.iterations and one.name != "learning_rate"
    ]
    products = {}
    for name in reversed(_PRODUCTS.get(type(optimizer).__name__, ())):
        products[name, None] = _number(name, variables)
    keys = [
        (slot, one) for group in _groups(optimizer) for one in trained for slot in group
    ]
    if [(_name(*key), key[1].shape) for key in keys] == _told(variables):
        pairs = zip(keys, variables, strict=True)
        return {(slot, id(one)): own for (slot, one), own in pairs} | products
    found = _by_name(model, keys, variables)
    return None if found is None else found | products


def _number(name: str, variables: list[Any]) -> Any:
    """The last of the variables, which is one number; it is taken out.

    Raises:
        TranslationError: it is not.
    """
    if not variables or tuple(variables[-1].shape) != ():
        mend = "a newer kerasplug-plaidml may know this Keras"
        where = "optimizer"
        raise refused(where, f"no {name} after all its slots", mend=mend)
    return variables.pop()


def _name(slot: str, variable: Any) -> str:
    """What Keras calls a slot."""
    return f"{variable.path.replace('/', '_')}_{slot}"


def _told(variables: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(one.name, one.shape) for one in variables]


def _by_name(
    model: Any, keys: Sequence[_Key], variables: Sequence[Any]
) -> dict[Any, Any] | None:
    """The same for an optimizer that was built for other weights, too.

    Raises:
        TranslationError: names don't tell.
    """
    paths = [one.path for one in model.weights]
    known = _told(variables)
    found = {}
    for slot, one in keys:
        wanted = (_name(slot, one), one.shape)
        if wanted not in known:
            return None
        if paths.count(one.path) > 1 or known.count(wanted) > 1:
            what = f"{wanted[0]!r} of the optimizer, and more than one {one.path!r}"
            mend = "model.compile(...) anew, or other names of layers"
            where = f"model {model.name!r}"
            raise refused(where, what, "one of that name", mend)
        found[slot, id(one)] = variables[known.index(wanted)]
    return found
