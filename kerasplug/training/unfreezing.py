"""Fine-tuning by stages: more and more layers learn."""

from collections.abc import Mapping
from typing import Any

from kerasplug.errors import ModelError
from kerasplug.models.choosing import Chooser, One, position
from kerasplug.models.freezing import unfreeze_weights
from kerasplug.models.kinds import family, require_model
from kerasplug.models.recompiling import recompile
from kerasplug.training.basing import KerasCallback, callback_class
from kerasplug.training.checking import Checked, callbacks_of

__all__ = ["fit_gradually"]

_CALL = "fit_gradually()"


def fit_gradually(
    model: Any,
    schedule: Mapping[int, One],
    *args: Any,
    epochs: int,
    base: Any = None,
    **fit_options: Any,
) -> Any:
    """Train a model, and let more of its layers learn from certain epochs on.

    Keras reads which weights learn when `fit` begins, so a callback can't change it.
    This calls `fit` once for each stage and compiles between them, with all that the
    optimizer has learned; callbacks see one training: they begin once, count on over
    the stages, and end once. When one of them stops training, no stage follows.

    Args:
        model: a compiled model of Keras 3, built; freeze what is not to learn at first.
        schedule: epoch, from 0 -> the layer from which on all learn, from that epoch
            on: its name, position, or itself. Layers before it stay as they are.
        *args: as for `fit`.
        epochs: how many in all.
        base: the model in `model` whose layers are meant; None: `model` itself.
        **fit_options: as for `fit`.

    Returns:
        A `History` of the whole training.

    Raises:
        RecordError: an argument is not of these; or an epoch of the schedule is never
            reached.
        ModelError: it is no compiled, built model of Keras 3.
        UnknownNameError: there is no layer of that name.
        LayerIndexError: there is no such position.

    Guarantees:
        All is checked before anything is trained or changed.

    Example:
        >>> fit_gradually([], {0: "dense"}, epochs=1)
        Traceback (most recent call last):
        kerasplug.errors.ModelError: fit_gradually() works on a Keras model.
          found:    [] (of type list)
          expected: a Keras model
    """
    require_model("fit_gradually", model)
    base = model if base is None else base
    require_model("fit_gradually", base)
    _require_ready(model)
    first = Checked(_CALL).whole("initial_epoch", fit_options.pop("initial_epoch", 0))
    Checked(_CALL).whole("epochs", epochs, least=1)
    _check_schedule(schedule, base, epochs)
    whole = _Whole(model, epochs, fit_options)
    begins = sorted({first, *(one for one in schedule if one > first)})
    for begin, end in zip(begins, [*begins[1:], epochs], strict=True):
        _unfreeze(model, base, schedule, begin)
        whole.is_last = end >= epochs
        options = fit_options | {"initial_epoch": begin, "epochs": end}
        model.fit(*args, **(options | {"callbacks": [whole], "verbose": 0}))
        if whole.has_ended:
            break
    model.history = whole.history
    return whole.history


def _require_ready(model: Any) -> None:
    if family(model) == "tf_keras" or not getattr(model, "compiled", False):
        found = "a model of Keras 2" if family(model) == "tf_keras" else "not compiled"
    elif not model.built:
        found = "not built: it has no weights yet"
    else:
        return
    what = f"fit_gradually() can't train {model.name!r}."
    mend = "model.build(input_shape); model.compile(optimizer, loss)"
    expected = "a model of Keras 3 that is built and compiled"
    raise ModelError(what, found=found, expected=expected, mend=mend)


def _check_schedule(schedule: Mapping[int, One], base: Any, epochs: int) -> None:
    check = Checked(_CALL)
    if not isinstance(schedule, Mapping) or not schedule:
        raise check.wrong(schedule, of="schedule", rule="a mapping of epochs to layers")
    for epoch, layer in schedule.items():
        check.whole("schedule", epoch)
        if epoch >= epochs:
            rule = f"epochs below {epochs}, counted from 0: the others never come"
            raise check.wrong(schedule, of="schedule", rule=rule)
        position(Chooser(_CALL, base), layer, "schedule")


def _unfreeze(model: Any, base: Any, schedule: Mapping[int, One], begin: int) -> None:
    """Do what the schedule has for this epoch; at the first stage all up to it."""
    done = [epoch for epoch in sorted(schedule) if epoch <= begin]
    before = {id(one) for one in model.trainable_variables}
    for epoch in done:
        unfreeze_weights(base, schedule[epoch], others="keep", on_stale="ignore")
    after = {id(one) for one in model.trainable_variables}
    if before != after or getattr(model.optimizer, "built", False):
        recompile(model)


class _Whole(KerasCallback):
    """The callbacks of the user, who see one training where Keras sees several."""

    def __init__(self, model: Any, epochs: int, fit_options: dict[str, Any]) -> None:
        super().__init__()
        verbose = fit_options.pop("verbose", "auto")
        given = fit_options.pop("callbacks", None) or []
        self.is_last = False
        self.has_ended = False
        self._has_begun = False
        self._told = {"verbose": verbose, "epochs": epochs}
        self._list = callback_class("CallbackList")(
            callbacks_of(_CALL, "callbacks", given),
            add_history=True,
            add_progbar=verbose != 0,
            model=model,
        )
        self.history = next(
            one
            for one in self._list.callbacks
            if isinstance(one, callback_class("History"))
        )

    def set_params(self, params: Any) -> None:
        """Tell them of the whole training."""
        super().set_params(params)  # type: ignore[misc]  # Keras' class comes after this one
        if not self._has_begun:
            self._list.set_params({**params, **self._told})

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin, the first time."""
        if not self._has_begun:
            self._has_begun = True
            self._list.on_train_begin(logs)

    def on_train_end(self, logs: Any = None) -> None:
        """End, the last time."""
        model = self.model  # type: ignore[attr-defined]  # Keras' class has it
        if self.is_last or model.stop_training:
            self.has_ended = True
            self._list.on_train_end(logs)


def _passed_on(name: str) -> Any:
    def hook(self: Any, *args: Any, **options: Any) -> None:
        getattr(self._list, name)(*args, **options)

    hook.__name__ = name
    return hook


for _what in ("epoch", "train_batch", "test", "test_batch"):
    for _moment in ("begin", "end"):
        _name = f"on_{_what}_{_moment}"
        setattr(_Whole, _name, _passed_on(_name))
