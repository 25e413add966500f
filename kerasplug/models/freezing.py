"""Freezing: which layers training leaves alone.

The semantics are those of the R interface: `freeze_weights()` and
`unfreeze_weights()` with a range, or with `which`, give the chosen layers one state and
all others the opposite one.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Literal, TypeVar

from kerasplug.errors import ModelError, RecordError
from kerasplug.models.choosing import Chooser, Layers, One, choose, position
from kerasplug.models.compiling import OnStale, check_on_stale, watch_if_stale
from kerasplug.models.kinds import is_model, require_layer, saved_for
from kerasplug.models.trainable import own_variables, set_trainable, trainable_state

__all__ = ["Others", "freeze_weights", "frozen", "unfreeze_weights"]

Layer = TypeVar("Layer")
#: What becomes of the layers that are not chosen.
Others = Literal["invert", "keep"]

_OTHERS: Final = ("invert", "keep")


def freeze_weights(
    model: Layer,
    from_: One | None = None,
    to: One | None = None,
    which: Layers | None = None,
    *,
    others: Others = "invert",
    on_stale: OnStale = "raise",
) -> Layer:
    """The same model; its weights, or those of some layers, are frozen afterwards.

    Compile a model anew after this: until then Keras does not look at the change.

    Args:
        model: a model, or a single layer, which can only be frozen as a whole.
        from_: the first layer to freeze: its name, its position or itself. None: the
            model's first. Positions count from 0 in `model.layers`, negative ones from
            the end.
        to: the last layer to freeze, which is frozen too. None: the model's last.
        which: the layers to freeze, instead of a range: one or a sequence of names,
            positions or layers; a truth value for each layer; or a function that is
            given a layer and says whether.
        others: with a range or `which`, what becomes of the layers outside:
            `"invert"`, as in R, unfreezes them; `"keep"` leaves them as they are.
        on_stale: what `fit` does where this very model was trained already and is not
            compiled anew: `"raise"`, `"warn"`, `"recompile"` or `"ignore"`; see
            `watch_compile`, which also serves for a model around this one.

    Raises:
        ModelError: `model` is no layer or model; or a range of a layer that has none.
        UnknownNameError: there is no layer of that name; close ones are named.
        LayerIndexError: there is no such position.
        RecordError: `to` is before `from_`, `which` comes with a range, it chooses
            nothing, or an argument is of another type.

    Guarantees:
        After an error nothing has changed. A layer counts with everything in it, at
        any depth, on every backend. With a range or `which` the model itself becomes
        trainable, so that the layers' own flags decide.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> dense = keras.layers.Dense(1)
        >>> freeze_weights(dense) is dense, dense.trainable
        (True, False)

    Source: R interface to Keras 2.15, `freeze_weights()`.
    """
    call = _Call("freeze_weights()", model, others, on_stale)
    call.set(from_, to, which, trainable=False)
    return model


def unfreeze_weights(
    model: Layer,
    from_: One | None = None,
    to: One | None = None,
    which: Layers | None = None,
    *,
    others: Others = "invert",
    on_stale: OnStale = "raise",
) -> Layer:
    """The same model; its weights, or those of some layers, are trainable afterwards.

    With a range or `which` and `others="invert"` all other layers are frozen, as in R:
    `unfreeze_weights(base, from_="block5_conv1")` freezes everything before.

    Args:
        model: as for `freeze_weights`.
        from_: the first layer to unfreeze.
        to: the last one.
        which: the layers to unfreeze, instead of a range.
        others: as for `freeze_weights`.
        on_stale: as for `freeze_weights`.

    Raises:
        ModelError: as for `freeze_weights`, and so the others.
        UnknownNameError: there is no layer of that name.
        LayerIndexError: there is no such position.
        RecordError: an argument makes no sense.

    Guarantees:
        As `freeze_weights` gives them.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> dense = keras.layers.Dense(1, trainable=False)
        >>> unfreeze_weights(dense).trainable
        True

    Source: R interface to Keras 2.15, `unfreeze_weights()`.
    """
    call = _Call("unfreeze_weights()", model, others, on_stale)
    call.set(from_, to, which, trainable=True)
    return model


@contextlib.contextmanager
def frozen(
    model: Layer,
    from_: One | None = None,
    to: One | None = None,
    which: Layers | None = None,
    *,
    others: Others = "keep",
) -> Iterator[Layer]:
    """A block in which a model, or some of its layers, are frozen.

    Args:
        model: as for `freeze_weights`.
        from_: the first layer to freeze.
        to: the last one.
        which: the layers to freeze, instead of a range.
        others: as for `freeze_weights`, but they are left as they are by default: what
            is asked for is a freeze that passes.

    Yields:
        The model.

    Raises:
        ModelError: as for `freeze_weights`, and so the others.
        UnknownNameError: there is no layer of that name.
        LayerIndexError: there is no such position.
        RecordError: an argument makes no sense.

    Guarantees:
        Afterwards all flags, at any depth, are exactly what they were before, also
        where the block ends with an error. Layers that came in meanwhile keep theirs.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> with frozen(keras.layers.Dense(1)) as dense:
        ...     dense.trainable
        False
        >>> dense.trainable
        True
    """
    call = _Call("frozen()", model, others, "ignore")
    before = trainable_state(model)
    call.set(from_, to, which, trainable=False)
    try:
        yield model
    finally:
        before.put_back()


class _Call:
    """One call of a function of this module, with what it was given."""

    def __init__(self, name: str, model: Any, others: str, on_stale: OnStale) -> None:
        require_layer(name.removesuffix("()"), model)
        if others not in _OTHERS:
            raise RecordError(name, "others", others, '"invert" or "keep"')
        check_on_stale(name, on_stale)
        self._name, self._given = name, model
        self._model = saved_for(model)  # whose layers have names and positions
        self._others, self._on_stale = others, on_stale

    def set(
        self,
        from_: One | None,
        to: One | None,
        which: Layers | None,
        *,
        trainable: bool,
    ) -> Any:
        """The model, after its flags were set, all or none."""
        whole = from_ is None and to is None and which is None
        chosen = None if whole else self._chosen(from_, to, which)
        before = trainable_state(self._given)
        try:
            if chosen is None:
                set_trainable(self._given, trainable)
            else:
                self._set_some(chosen, trainable=trainable)
        except BaseException:
            before.put_back()
            raise
        watch_if_stale(self._given, self._on_stale)

    def _set_some(self, chosen: frozenset[int], *, trainable: bool) -> None:
        layers = list(self._model.layers)
        before = [trainable_state(layer) for layer in layers]
        for model in (self._given, self._model):
            model.trainable = True  # which Keras passes on, or not
            for variable in own_variables(model):
                variable.trainable = True
        for place, layer in enumerate(layers):
            if place in chosen:
                set_trainable(layer, trainable)
            elif self._others == "invert":
                set_trainable(layer, not trainable)
            else:
                before[place].put_back()

    def _chosen(
        self, from_: One | None, to: One | None, which: Layers | None
    ) -> frozenset[int]:
        if not is_model(self._model) or not self._model.layers:
            what = f"{self._name} was asked for some layers of what has none."
            raise ModelError(
                what,
                found=f"{self._model.name!r}, a {type(self._model).__name__}",
                expected="a model that has layers",
                mend="leave out from_, to and which to set it as a whole",
            )
        chooser = Chooser(self._name, self._model)
        if which is None:
            return self._range(chooser, from_, to)
        if from_ is not None or to is not None:
            rule = "either `which`, or `from_` and `to`"
            raise RecordError(self._name, "which", which, rule)
        return frozenset(choose(chooser, which))

    def _range(
        self, chooser: Chooser, from_: One | None, to: One | None
    ) -> frozenset[int]:
        first = 0 if from_ is None else position(chooser, from_, "from_")
        last = len(chooser.layers) - 1 if to is None else position(chooser, to, "to")
        if last < first:
            names = chooser.names()
            rule = f"a layer from {names[first]!r} (position {first}) on"
            mend = f"from_={names[last]!r}, to={names[first]!r}"
            raise RecordError(self._name, "to", to, rule, mend)
        return frozenset(range(first, last + 1))
