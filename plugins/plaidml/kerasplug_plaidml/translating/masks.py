"""Which tensors of a model carry a mask, and what the layers do that get one.

A mask has one axis fewer than its tensor in all that is here: it comes from a `Masking`
or an `Embedding`, and what passes it on keeps the axes.

Source: `compute_mask` and `supports_masking` of the layers of keras 3.15.1 and of
Keras 2.2.4; both are compared with this table in `tests/test_translating_masks.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kerasplug_plaidml.translating.collected import Collected, Place
from kerasplug_plaidml.translating.refusing import refused
from kerasplug_plaidml.translating.sources import MASKED
from kerasplug_plaidml.translating.tables import DIRECTED

__all__ = ["MASKS", "WORDS", "follow_masks"]

MAKES: Final = "makes"
PASSES: Final = "passes"
STEPS: Final = "steps"
ENDS: Final = "ends"
DROPS: Final = "drops"
MERGES: Final = "merges"
JOINS: Final = "joins"
REFUSED: Final = "refused"

#: What each of them means, for the page.
WORDS: Final[Mapping[str, str]] = {
    MAKES: "make a mask; an `Embedding` with `mask_zero=True`",
    PASSES: "pass it on; a `BatchNormalization` leaves masked places out, and a "
    "`TimeDistributed` holds only layers that pass it on themselves",
    STEPS: "skip masked steps, and pass it on with `return_sequences=True`; "
    "refused with first states, since Keras 3 does not skip then, and with "
    "`zero_output_for_mask=True`",
    ENDS: "have no use for it behind them; a `GlobalAveragePooling1D` leaves masked "
    "steps out",
    MERGES: "have one where all their inputs have one: the places that any has",
    JOINS: "has a mask joined of those of its inputs",
    DROPS: "drop it, of which Keras 3 warns",
    REFUSED: "are refused with a mask, which means something else there",
}

#: Name of a layer in keras.layers -> what it does with a mask, there and here; all
#: others drop it.
_MASKS: Final[Mapping[str, Sequence[str]]] = {
    MAKES: ("Embedding", "Masking"),
    PASSES: (
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dense",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "LeakyReLU",
        "PReLU",
        "ReLU",
        "Rescaling",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "TimeDistributed",
    ),
    STEPS: ("Bidirectional", "RNN", *DIRECTED),
    ENDS: ("Dot", "GlobalAveragePooling1D"),
    MERGES: ("Add", "Average", "Subtract"),
    JOINS: ("Concatenate",),
    # Keras 3 leaves masked places out of the last three.
    REFUSED: ("ConvLSTM2D", "Softmax", "Maximum", "Minimum", "Multiply"),
}
MASKS: Final[Mapping[str, str]] = {
    name: does for does, names in _MASKS.items() for name in names
}

#: What drops a mask, and does nothing else.
_MEND: Final = "Reshape to the same shape, before it: that drops the mask"

_Node = tuple[str, int]


def follow_masks(config: Mapping[str, Any], made: Collected) -> list[bool]:
    """Follow all masks of a model, and have them do there what they do here.

    Args:
        config: of the model, as it is written there.
        made: classes that get masks, and would treat them otherwise, are put there.

    Returns:
        Which outputs of the model have masks.

    Raises:
        TranslationError: a mask comes where it would mean something else.
    """
    none = [False] * len(config["input_layers"])
    return _Walk(made).through(config, none, Place())


class _Walk:
    """A walk along the masks of a model and of those inside it."""

    def __init__(self, made: Collected) -> None:
        self._made = made

    def through(
        self, model: Mapping[str, Any], given: Sequence[bool], place: Place
    ) -> list[bool]:
        """Which outputs of a model have masks, where these inputs have."""
        known: dict[_Node, Sequence[bool]] = {
            (end[0], end[1]): [masked]
            for end, masked in zip(model["input_layers"], given, strict=True)
        }
        waiting = list(_calls(model))
        while waiting:
            left = []
            for number, entry, inputs in waiting:
                if all((one[0], one[1]) in known for one in inputs):
                    masks = [_mask(known, one) for one in inputs]
                    there = place.below(entry["name"])
                    known[entry["name"], number] = self._outputs(entry, masks, there)
                else:
                    left.append((number, entry, inputs))
            if len(left) == len(waiting):
                break  # a call of what is not in the model
            waiting = left
        return [_mask(known, one) for one in model["output_layers"]]

    def _outputs(
        self, entry: Mapping[str, Any], masks: Sequence[bool], place: Place
    ) -> Sequence[bool]:
        """Which outputs of a call have masks."""
        name, config = entry["class_name"], entry["config"]
        if name == "Model":
            return self.through(config, masks, place)
        if name == "TimeDistributed":
            self._check_each_step(config["layer"], masks, place)
        if MASKS.get(name) == MAKES:
            return [name == "Masking" or config["mask_zero"]]
        if not any(masks):
            return [False]
        self._check(name, masks, place)
        if name in MASKED:
            self._made.add_code(place.where, name, MASKED[name])
        return [_passed(name, config, masks)]

    def _check(self, name: str, masks: Sequence[bool], place: Place) -> None:
        """Raise for a layer that does not take a mask as here."""
        why = self._made.unmaskable.get(place.path)
        if why:
            raise refused(place.where, f"a mask: {why}", mend=_MEND)
        if MASKS.get(name) == REFUSED:
            found = f"a mask that goes to a {name}, where it means something else"
            raise refused(place.where, found, mend=_MEND)
        if MASKS.get(name) == STEPS and len(masks) > 1:
            found = "a mask and first states: Keras 3 does not skip masked steps then"
            raise refused(place.where, found, mend=_MEND)

    def _check_each_step(
        self, held: Mapping[str, Any], masks: Sequence[bool], place: Place
    ) -> None:
        """Raise where masks come into what is applied to each step."""
        name = held["class_name"]
        inner = place.below(held["config"].get("name", name))
        if _makes(name, held["config"]):
            found = "masks that are made in it, of which Keras 3 knows nothing outside"
            raise refused(place.where, found, mend="make them before it")
        foreign = inner.path in self._made.unmaskable
        if any(masks) and (MASKS.get(name) != PASSES or foreign):
            found = f"a mask that goes to a {name} in it"
            raise refused(place.where, found, "a layer that passes masks on, as Dense")


def _calls(model: Mapping[str, Any]) -> Any:
    """The number of each call of a layer, the layer and the inputs."""
    for entry in model["layers"]:
        first = int(entry["class_name"] == "Model")  # there they are counted from 1
        for number, inputs in enumerate(entry["inbound_nodes"], first):
            yield number, entry, inputs


def _mask(known: Mapping[_Node, Sequence[bool]], end: Sequence[Any]) -> bool:
    """Whether this output of a call has a mask; states of an RNN have none."""
    masks = known[end[0], end[1]]
    return end[2] < len(masks) and bool(masks[end[2]])


def _passed(name: str, config: Mapping[str, Any], masks: Sequence[bool]) -> bool:
    """Whether what a layer gives has a mask, where any of its inputs has one."""
    does = MASKS.get(name, DROPS)
    if does == STEPS:
        own = config["layer"]["config"] if name == "Bidirectional" else config
        return bool(own["return_sequences"])
    if does == JOINS:
        return all(masks) or config["axis"] != -1
    return does == PASSES or (does == MERGES and all(masks))


def _makes(name: str, config: Mapping[str, Any]) -> bool:
    """Whether a mask is made in a layer, or in a model."""
    if name == "Model":
        return any(_makes(one["class_name"], one["config"]) for one in config["layers"])
    if name == "TimeDistributed":
        return _makes(config["layer"]["class_name"], config["layer"]["config"])
    return name == "Masking" or bool(config.get("mask_zero"))
