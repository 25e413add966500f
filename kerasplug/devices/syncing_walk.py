"""TensorFlow: all replicas of a graph of layers, computed step by step.

What lies between two batch normalizations is one step for each replica: on the device
of the replica, forward and backward.

Source: keras 3.15.1, `ops/function.py` and `models/functional.py`, whose walk this is.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from kerasplug.devices.added_losses import taken_from
from kerasplug.devices.naming import framework
from kerasplug.devices.on_device import on_device
from kerasplug.devices.pieces import Piece, mask_of, notes_of, with_masks, with_notes
from kerasplug.devices.row_states import RowStates
from kerasplug.devices.slices import leaves, packed
from kerasplug.devices.syncing_norms import Norm, is_norm, training_call
from kerasplug.models.kinds import walk

__all__ = ["Replicas", "is_graph"]

#: Where the classes are whose call is nothing but the graph of their layers.
_GRAPHS = ("keras.src.models.functional", "keras.src.models.sequential")

#: For each symbolic tensor, by its id: what each replica has for it.
_Tensors = dict[int, list[Any]]


def is_graph(layer: Any) -> bool:
    """Whether a call of it is that of the graph which Keras knows of it.

    A Sequential that is not built yet may become one.
    """
    cls = type(layer)
    keras_own = cls.__call__.__module__.startswith("keras.src.")
    if not keras_own or cls.call.__module__ not in _GRAPHS:
        return False
    return not layer.built or bool(getattr(layer, "_functional", True))


class Replicas:
    """The replicas of a model during one call, with what they have gathered.

    Args:
        parts: the slices of the batch.
        states: those of the model's recurrent layers.
    """

    def __init__(self, parts: Sequence[Piece], states: RowStates) -> None:
        self._parts = parts
        self._states = states
        self._rows = [states.rows(part) for part in parts]
        self.losses: list[list[Any]] = [[] for _ in parts]

    def new_states(self) -> list[list[Any]]:
        """The states of the recurrent layers for each replica, as they are now."""
        return [[one.value for here in rows for one in here] for rows in self._rows]

    def model(
        self, model: Any, inputs: Sequence[Any], masks: Sequence[Any]
    ) -> list[Any]:
        """What a functional or Sequential model makes of each replica's inputs.

        Args:
            model: built.
            inputs: a structure of tensors for each replica, which may have masks.
            masks: a structure of masks in place of those, or None, for each.
        """
        graph = getattr(model, "_functional", None) or model
        entered = [
            _entered(model, graph, part, one, mask)
            for part, one, mask in zip(self._parts, inputs, masks, strict=True)
        ]
        columns = zip(*entered, strict=True)
        pairs = zip(graph.inputs, columns, strict=True)
        tensors = {id(one): list(column) for one, column in pairs}
        self._walk(graph, tensors)
        made = zip(*(tensors[id(one)] for one in graph.outputs), strict=True)
        return [packed(graph.output, flat) for flat in made]

    def _walk(self, graph: Any, tensors: _Tensors) -> None:
        """Compute all nodes of a graph, in Keras' order."""
        nodes = list(_nodes(graph))
        steps = [list(step) for _, step in itertools.groupby(nodes, _step_of)]
        for place, step in enumerate(steps):
            (first, *_) = step
            if _is_joint(first.operation):
                self._jointly(first, tensors)
                continue
            later = itertools.chain.from_iterable(steps[place + 1 :])
            used = [one for node in later for one in node.input_tensors]
            used_ids = {id(one) for one in (*used, *graph.outputs)}
            made = [id(one) for node in step for one in node.outputs]
            self._apart(step, [one for one in made if one in used_ids], tensors)

    def _apart(
        self, nodes: Sequence[Any], wanted: Sequence[int], tensors: _Tensors
    ) -> None:
        """Compute nodes that nothing common comes between, each replica by itself."""
        made = {id(one) for node in nodes for one in node.outputs}
        ids = (id(one) for node in nodes for one in node.input_tensors)
        needed = list(dict.fromkeys(one for one in ids if one not in made))
        results = []
        for place, part in enumerate(self._parts):
            given = {one: tensors[one][place] for one in needed}
            with self._states.of(part, self._rows[place]):
                results.append(_stretch(part.device, nodes, given, wanted))
        self._note(wanted, results, tensors)

    def _jointly(self, node: Any, tensors: _Tensors) -> None:
        """Compute a node that needs all replicas."""
        layer, outputs = node.operation, [id(one) for one in node.outputs]
        calls = []
        for place in range(len(self._parts)):
            given = {id(one): tensors[id(one)][place] for one in node.input_tensors}
            calls.append(node.arguments.fill_in(given))
        if is_norm(layer):
            self._note(outputs, Norm(layer, self._parts, calls).results(), tensors)
            return
        inputs = [args[0] if args else named["inputs"] for args, named in calls]
        masks = [named.get("mask") for _, named in calls]
        made = zip(*map(leaves, self.model(layer, inputs, masks)), strict=True)
        for one, column in zip(outputs, made, strict=True):
            tensors[one] = list(column)

    def _note(
        self, ids: Sequence[int], results: Sequence[dict[str, Any]], tensors: _Tensors
    ) -> None:
        """Keep what a step gave."""
        for one in ids:
            tensors[one] = []
        for losses, found in zip(self.losses, results, strict=True):
            losses.extend(found["losses"])
            made = with_notes(found["outputs"], found["notes"])
            for one, tensor in zip(ids, made, strict=True):
                tensors[one].append(tensor)


def _nodes(graph: Any) -> Iterator[Any]:
    """The calls of a graph in Keras' order, but for its inputs."""
    known = {id(one) for one in graph.inputs}
    by_depth = graph._nodes_by_depth  # noqa: SLF001 -- Keras has no other list of them
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if node.is_input or any(id(one) not in known for one in node.input_tensors):
                continue
            known |= {id(one) for one in node.outputs}
            yield node


def _is_joint(operation: Any) -> bool:
    """Whether the replicas have to meet in it."""
    if is_norm(operation):
        return True
    return is_graph(operation) and any(is_norm(one) for _, one in walk(operation))


def _step_of(node: Any) -> int:
    """The same number for neighbours that can be one step."""
    return id(node) if _is_joint(node.operation) else 0


def _stretch(
    device: str, nodes: Sequence[Any], given: dict[int, Any], wanted: Sequence[int]
) -> dict[str, Any]:
    """Compute some nodes on a device, from tensors by their ids."""
    masks = [mask_of(one) for one in given.values()]

    def compute(tensors: Any) -> dict[str, Any]:
        here = dict(zip(given, with_masks(tensors, masks), strict=True))
        losses: list[Any] = []
        for node in nodes:
            args, named = node.arguments.fill_in(here)
            with taken_from(node.operation) as added:
                made = leaves(training_call(node.operation, args, named))
            losses += added
            here |= {id(x): one for x, one in zip(node.outputs, made, strict=True)}
        outputs = [here[one] for one in wanted]
        return {"outputs": outputs, "notes": notes_of(outputs), "losses": losses}

    found: dict[str, Any] = on_device(device, compute, list(given.values()))
    return found


def _entered(model: Any, graph: Any, part: Piece, inputs: Any, masks: Any) -> list[Any]:
    """A replica's inputs as a model's layers take them: flat, cast, of its rank."""
    masks = [mask_of(one) for one in leaves(inputs)] if masks is None else leaves(masks)
    model._assert_input_compatibility(inputs)  # noqa: SLF001 -- what a call of it does
    with framework().device(part.device):
        flat: list[Any] = graph._standardize_inputs(inputs)  # noqa: SLF001 -- likewise
    return list(with_masks(flat, masks))
