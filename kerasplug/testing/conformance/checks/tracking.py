"""Tracking: Keras knows all variables and sublayers of the layer, and freezes them."""

import contextlib
from collections import deque
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check

__all__ = ["everything_is_tracked", "trainable_false_freezes_all"]

#: Where Keras and the backends keep what is tracked already, or how layers are linked.
_BOOKKEEPING = frozenset(
    (
        "_buffers",
        "_functional",  # of a Sequential: its own layers, once more
        "_inbound_nodes",
        "_inbound_nodes_value",
        "_keras_history",
        "_layers",
        "_metrics",
        "_modules",
        "_non_trainable_variables",
        "_non_trainable_weights",
        "_obj_reference_counts_dict",
        "_outbound_nodes",
        "_outbound_nodes_value",
        "_seed_generators",
        "_torch_params",
        "_tracked",
        "_tracker",
        "_trainable_variables",
        "_trainable_weights",
        "_self_tracked_trackables",
        "_self_unconditional_checkpoint_dependencies",
        "_self_unconditional_dependency_names",
        "torch_params",
        "tracker",
    )
)
#: Objects of these hold no state of a layer, or more than can be walked.
_FOREIGN = frozenset(
    (
        "jax",
        "jaxlib",
        "keras",
        "ml_dtypes",
        "numpy",
        "tensorflow",
        "tf_keras",
        "torch",
    )
)


@check(
    why="What Keras does not know of is neither trained nor saved nor frozen: after "
    "loading it has its first values again, and says nothing.",
    mend="make weights with self.add_weight(), and keep layers and variables as "
    "attributes of the layer, or in lists, tuples or dicts that are",
)
def everything_is_tracked(case: Case) -> None:
    """Every variable and sublayer that the layer holds is known to Keras."""
    layer = case.still
    known = _known(case, layer)
    for path, kind, value in _held(case, layer):
        if id(value) not in known:
            what = f"{path} is {kind} that Keras does not track."
            raise Failed(
                what,
                found=f"{_described(case, value)}, not among the layer's "
                f"{'sublayers' if kind == 'a layer' else 'variables'}",
                expected="every variable in layer.variables, every layer a sublayer",
            )


def _described(case: Case, value: Any) -> str:
    if case.engine.is_layer(value):
        return f"{type(value).__name__} {value.name!r}"
    return f"{type(value).__name__} of shape {tuple(value.shape)}"


def _known(case: Case, layer: Any) -> set[int]:
    """The ids of all that Keras tracks, and of the backend's variables within."""
    layers = case.engine.layers(layer)
    metrics = [one for each in layers for one in getattr(each, "_metrics", ())]
    variables = [
        variable for each in (*layers, *metrics) for variable in each.variables
    ]
    within = [getattr(one, "_value", one) for one in variables]
    return {id(one) for one in (*layers, *variables, *within)}


def _held(case: Case, layer: Any) -> Iterator[tuple[str, str, Any]]:
    """Every variable and layer to be reached: how, what it is, and itself."""
    waiting: deque[tuple[str, Any]] = deque([("self", layer)])
    seen = {id(layer)}
    while waiting:
        path, value = waiting.popleft()
        for where, one in _parts(case, path, value):
            if id(one) in seen:
                continue
            seen.add(id(one))
            kind = _kind(case, one)
            if kind:
                yield where, kind, one
            if kind != "a variable":
                waiting.append((where, one))


def _kind(case: Case, value: Any) -> str:
    if case.engine.is_variable(value) or case.engine.is_foreign_variable(value):
        return "a variable"
    return "a layer" if case.engine.is_layer(value) else ""


def _parts(case: Case, path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What an object consists of, by how it is reached."""
    if isinstance(value, dict):
        for key, one in list(value.items()):
            yield f"{path}[{key!r}]", one
            yield f"a key of {path}", key
    elif isinstance(value, list | tuple | deque):
        for number, one in enumerate(value):
            yield f"{path}[{number}]", one
    elif isinstance(value, set | frozenset):
        for one in value:
            yield f"an element of {path}", one
    elif _is_walked(case, value):
        for name, one in _attributes(value):
            yield f"{path}.{name}", one


def _is_walked(case: Case, value: Any) -> bool:
    """Whether an object's attributes may hold what is the layer's.

    Not those of a class, a module or a function; nor of Keras' and the backend's
    objects, but for layers and generators of seeds.
    """
    if isinstance(value, type | ModuleType) or hasattr(type(value), "__get__"):
        return False
    if case.engine.is_layer(value) or type(value).__name__ == "SeedGenerator":
        return True
    root = str(type(value).__module__).partition(".")[0]
    return root not in _FOREIGN and (
        hasattr(value, "__dict__") or hasattr(type(value), "__slots__")
    )


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that an object itself has; no property is asked."""
    yield from (
        (name, one)
        for name, one in list(getattr(value, "__dict__", {}).items())
        if name not in _BOOKKEEPING and not (name in _STATES and _is_stateful(value))
    )
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)


#: Where recurrent layers keep what goes on from batch to batch.
_STATES = ("states", "_states")


def _is_stateful(value: Any) -> bool:
    """Whether `states` go on from batch to batch: Keras does not track these."""
    return bool(getattr(value, "stateful", False))


@check(
    why="Whoever freezes a pretrained part before training the rest finds it trained, "
    "and its knowledge gone.",
    mend="make sublayers attributes of the layer, let Keras' own `trainable` be, and "
    "assign to weights in call() only where self.trainable is true",
)
def trainable_false_freezes_all(case: Case) -> None:
    """With `trainable=False` no weight of the layer or its sublayers is trained."""
    layer = case.built()
    trained = layer.trainable_weights
    if not trained:
        reason = "it has no trainable weights"
        raise NotApplicable(reason)
    layer.trainable = False
    for one in case.engine.layers(layer):
        name = "it" if one is layer else f"its {type(one).__name__} {one.name!r}"
        _demand_frozen(case, one, f"After trainable=False {name} still has")
    _demand_kept(case, layer, trained)
    layer.trainable = True
    _demand_back(case, layer, trained)
    _check_new(case, len(trained))


def _demand_frozen(case: Case, layer: Any, what: str) -> None:
    if layer.trainable_weights:
        names = [case.engine.label(one) for one in layer.trainable_weights]
        what = f"{what} {'weights' if names[1:] else 'a weight'} to be trained."
        raise Failed(
            what,
            found=", ".join(names[:6]),
            expected="no trainable_weights",
        )


def _demand_kept(case: Case, layer: Any, trained: list[Any]) -> None:
    """What would be trained stays as it is in a call in training."""
    engine = case.engine
    before = [engine.array(one) for one in trained]
    case.call(layer, case.tensors(variant=1), training=True)
    for weight, value in zip(trained, before, strict=True):
        if said := case.differences(engine.array(weight), value):
            what = (
                f"A call in training changes the frozen weight {engine.label(weight)}."
            )
            raise Failed(what, found=said, expected="the value that it had")


def _demand_back(case: Case, layer: Any, trained: list[Any]) -> None:
    again = {id(one) for one in layer.trainable_weights}
    lost = [case.engine.label(one) for one in trained if id(one) not in again]
    if lost:
        what = f"After trainable=True again {lost[0]} is not trained any more."
        raise Failed(
            what,
            found=f"{len(lost)} of {len(trained)} trainable weights are missing",
            expected="all that were trainable before",
        )


def _check_new(case: Case, count: int) -> None:
    """The same for a layer that is frozen before it has weights, in both ways."""
    frozen = case.layer()
    frozen.trainable = False
    made = {"A layer that is frozen before it is built has": frozen}
    with contextlib.suppress(Exception):  # not every constructor takes the argument
        made["A layer made with trainable=False has"] = case.layer(trainable=False)
    for what, layer in made.items():
        case.call(layer, case.tensors())
        _demand_frozen(case, layer, what)
        layer.trainable = True
        if len(layer.trainable_weights) < count:
            said = what.replace(" has", " can't be trained after trainable=True.")
            raise Failed(
                said,
                found=f"{len(layer.trainable_weights)} trainable weights",
                expected=f"{count}, as in a layer that never was frozen",
            )
