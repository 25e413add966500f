"""`docs/plaidml-layers.md`, written from the tables that the translation goes by.

`python -m kerasplug_plaidml.translating.table` prints the page.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from kerasplug_plaidml.translating.losses import LOSSES, REDUCTIONS
from kerasplug_plaidml.translating.masks import MASKS, WORDS
from kerasplug_plaidml.translating.tables import (
    CELLS,
    EVERY,
    GONE,
    REGULARIZED,
    ROWS,
    Argument,
    argument_of,
)
from kerasplug_plaidml.translating.training import OFF, OPTIMIZERS, SHARED
from kerasplug_plaidml.translating.values import ACTIVATIONS, CONSTRAINTS, REGULARIZERS

__all__ = ["page"]

_WIDTH: Final = 116
_MADE: Final = """
    What `kerasplug.to_backend(model, "plaidml")` takes, and what it refuses. The page
    is made from the tables that the translation goes by:
    `python -m kerasplug_plaidml.translating.table` prints it.
"""
_MODELS: Final = """
    A model is Sequential or functional, also with models inside it, shared layers,
    several inputs and several outputs. Everything is float32; integers are inputs of an
    `Embedding` or a `Rescaling` only. All dimensions but the first are known. What
    would mean something else on Keras 2.2.4 with PlaidML is refused by name: a
    `TranslationError` says what, where, and what could be used instead. An argument
    that does not stand here is refused, whatever its value.
"""
_OTHERS: Final = """
    And what Keras 2.2.4 has not, such as `LayerNormalization` and `MultiHeadAttention`;
    subclasses of Keras' layers and models; operations on tensors that are no layers;
    layers called with more than one input, except merges, models, and RNNs with
    `initial_state`; a layer that is in a model and in one inside it; a layer of which
    only some weights are frozen; `BatchNormalization` inside `TimeDistributed`; states
    of stacked cells.
"""
_PLUGINS: Final = """
    A layer of a plugin is taken where its `LayerRecord` has a translator for
    `"keras-2.2"`. Where that brings code of its own, batches are not filled up for
    training, since nobody knows whether the layer mixes their rows.
"""
_ACTIVATIONS: Final = """
    Others are refused, `hard_sigmoid` too: its slope is 0.2 in Keras 2.2.4, and 1/6 in
    Keras 3.
"""
_REGULARIZERS: Final = "those of frozen layers count for nothing, as in Keras 3."
_INITIALIZERS: Final = """
    Initializers are not carried over, since the weights themselves are.
"""
_MASKS: Final = """
    Masks come from a `Masking` or an `Embedding(mask_zero=True)`; one that is given in
    a call is refused, unless it is the one that Keras gives itself. Losses leave out
    the masked places of an output, as in Keras 3; metrics of such an output are
    refused. What the layers do with a mask:
"""
_ACTIVITY: Final = """
    Regularizers of outputs, `activity_regularizer`, are those of weights, for the
    layers that have the argument in Keras 2.2.4: {}. They count the rows of a batch
    only, and are divided by their number, as in Keras 3; inside a wrapper they are
    refused.
"""
_TRAINING: Final = """
    Losses and optimizers compute what those of Keras 3 compute: the program has
    formulas of its own for them.
"""
_GUESSED: Final = """
    The loss `"crossentropy"` is refused: which one is meant depends on the data.
"""


def page() -> str:
    """The page, as Markdown.

    Example:
        >>> page().splitlines()[0]
        '# Layers on PlaidML'
    """
    parts = ("# Layers on PlaidML", _text(_MADE), _text(_MODELS))
    return "\n\n".join(
        (*parts, *_layers(), *_arguments(), *_masks(), *_gone(), *_training())
    )


def _text(words: str) -> str:
    """A paragraph of one width, whatever was put into it."""
    return textwrap.fill(
        " ".join(words.split()),
        _WIDTH,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _rows(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(one)} |".replace("  ", " ") for one in lines)


def _layers() -> Iterator[str]:
    yield "## Layers"
    head = ("layer", "arguments", "not written there", "refused unless")
    yield _rows(head, (_line(*one) for one in {**ROWS, **CELLS}.items()))


def _line(name: str, row: Mapping[str, Argument]) -> Sequence[str]:
    own = {key: one for key, one in row.items() if not _by_role(key)}
    kept = [_renamed(key, one) for key, one in own.items() if one.there]
    idle = [f"`{key}`" for key, one in own.items() if _idle(one)]
    only = [_only(key, one) for key, one in own.items() if one.only is not None]
    return f"`{name}`", ", ".join(kept), ", ".join(idle), "; ".join(only)


def _by_role(key: str) -> bool:
    """Whether it is an initializer, a regularizer or a constraint."""
    return argument_of(key) is not None and not key.endswith("activation")


def _renamed(key: str, argument: Argument) -> str:
    there = argument.there
    return f"`{key}`" if there == key else f"`{key}` (there `{there}`)"


def _idle(argument: Argument) -> bool:
    return not argument.there and argument.only is None


def _only(key: str, argument: Argument) -> str:
    values = " or ".join(f"`{one!r}`" for one in argument.only or ())
    return f"`{key}` is {values} ({argument.why})"


def _arguments() -> Iterator[str]:
    yield "## Arguments"
    yield "Of every layer:"
    yield "\n".join(
        f"- {_only(key, one)}" if one.only else f"- `{key}`: {one.why or 'kept'}"
        for key, one in EVERY.items()
    )
    yield _text(f"Activations: {_names(ACTIVATIONS)}. {_ACTIVATIONS}")
    yield _text(f"Regularizers of weights: {_names(REGULARIZERS)}; {_REGULARIZERS}")
    yield _text(_ACTIVITY.format(_names(REGULARIZED)))
    yield _text(f"Constraints of weights: {_names(CONSTRAINTS)}. {_INITIALIZERS}")
    yield "What is not written there, and why it need not be:"
    reasons = {
        key: one.why
        for row in (*ROWS.values(), *CELLS.values())
        for key, one in row.items()
        if _idle(one) and not _by_role(key)
    }
    yield "\n".join(f"- `{key}`: {why}" for key, why in sorted(reasons.items()))


def _masks() -> Iterator[str]:
    yield "## Masks"
    yield _text(_MASKS)
    lines = []
    for does, words in WORDS.items():
        names = [name for name, one in MASKS.items() if one == does]
        lines.append(_text(f"- {_names(names) or 'all others'}: {words}"))
    yield "\n".join(lines).replace("\n", "\n  ").replace("\n  - ", "\n- ")


def _gone() -> Iterator[str]:
    yield "## What is refused"
    yield "\n".join(f"- `{name}`: {why}" for name, why in GONE.items())
    yield _text(_OTHERS)
    yield _text(_PLUGINS)


def _training() -> Iterator[str]:
    yield "## Training"
    yield _text(_TRAINING)
    losses = ((f"`{name}`", _names(own)) for name, own in LOSSES.values())
    yield _rows(("loss", "arguments"), losses)
    yield _text(f"`axis` is -1, `reduction` one of {_names(REDUCTIONS)}. {_GUESSED}")
    optimizers = ((f"`{name}`", _names(own)) for name, (_, own) in OPTIMIZERS.items())
    yield _rows(("optimizer", "arguments"), optimizers)
    shared = f"All of them take `learning_rate`, also from a schedule, {_names(SHARED)}"
    yield _text(f"{shared}. Refused: {_names(OFF)}.")


def _names(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(f"`{one}`" for one in names)


if __name__ == "__main__":
    print(page())  # noqa: T201 -- the page itself
