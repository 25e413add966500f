"""A callback that lets more and more layers learn while `fit` runs."""

from collections.abc import Mapping
from typing import Any, Final

from kerasplug.errors import ModelError
from kerasplug.implementation import implementation
from kerasplug.models.choosing import Chooser, One, position
from kerasplug.models.freezing import unfreeze_weights
from kerasplug.models.kinds import family, require_model
from kerasplug.models.recompiling import recompile
from kerasplug.models.trainable import trainable_state
from kerasplug.training.basing import KerasCallback
from kerasplug.training.checking import Checked

__all__ = ["GradualUnfreezing", "check_layers", "check_model", "check_schedule"]

_CALL: Final = "GradualUnfreezing()"
#: What `compile` makes anew. `fit` has built it already, and others may hold it.
_BUILT: Final = ("_compile_loss", "_compile_metrics", "_loss_tracker")
#: What Keras on JAX takes out of a model while it trains.
_STATE: Final = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


class GradualUnfreezing(KerasCallback):
    """A callback that lets more layers learn from certain epochs on.

    Setting `trainable` while `fit` runs is not enough: TensorFlow goes on with the
    weights of before, without a word, and on JAX `fit` fails and the model loses its
    weights. This compiles the model anew as well, with all that the optimizer has
    learned, and `fit` goes on with it. Where training begins at a later epoch, all that
    is due up to it is unfrozen first.

    `model.optimizer` is another object afterwards. So this stands before the callbacks
    that look at the optimizer when an epoch begins. `BackupAndRestore` can put back
    what the optimizer knew only if the same weights are trained as then.

    Args:
        schedule: epoch, from 0 -> the layer from which on all learn, from that epoch
            on: its name, position, or itself. Layers before it stay as they are.
        base: the model in the trained one whose layers are meant; None: the trained
            one itself.

    Raises:
        RecordError: an argument is not of these; when `fit` begins: it has fewer epochs
            than the schedule.
        ModelError: `base` is no model; when `fit` begins: its model is no built and
            compiled one of Keras 3, or does not hold `base`; when an epoch begins: the
            optimizer can't be made anew, and nothing was unfrozen.
        UnknownNameError: when `fit` begins: there is no layer of that name.
        LayerIndexError: when `fit` begins: there is no such position.

    Guarantees:
        All is checked before anything is trained or changed. The weights, and what the
        optimizer knows, become what one `fit` for each stage and `recompile` between
        them would make of them.

    Example:
        >>> GradualUnfreezing({})
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    schedule={} (of type dict)
          expected: a mapping of epochs to layers
    """

    def __init__(self, schedule: Mapping[int, One], base: Any = None) -> None:
        super().__init__()
        self.schedule = self._checked(schedule, base)
        self.base = base
        self._done = -1

    @staticmethod
    def _checked(schedule: Mapping[int, One], base: Any = None) -> dict[int, One]:
        if base is not None:
            require_model("GradualUnfreezing", base)
        return check_schedule(_CALL, schedule)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """See that the schedule can be kept; nothing of it is done yet."""
        self._done = -1
        check_model(_CALL, self._it(), self.base)
        check_layers(_CALL, self.schedule, self._base(), self._epochs())

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Unfreeze what is due; at the first epoch all up to it."""
        due = [one for one in sorted(self.schedule) if self._done < one <= epoch]
        if not due:
            return
        before = trainable_state(self._base())
        try:
            for one in due:
                layer = self.schedule[one]
                unfreeze_weights(self._base(), layer, others="keep", on_stale="ignore")
            _recompile_within_fit(self._it())
        except BaseException:
            before.put_back()
            raise
        self._done = epoch

    def _it(self) -> Any:
        return self.model  # type: ignore[attr-defined]  # Keras' class has it

    def _base(self) -> Any:
        return self._it() if self.base is None else self.base

    def _epochs(self) -> int | None:
        """How many there are; None: not known, or Keras limits them for debugging."""
        if implementation().config.max_epochs():
            return None
        params: dict[str, Any] = self.params or {}  # type: ignore[attr-defined]  # Keras' class has it
        return params.get("epochs")


def check_schedule(call: str, schedule: Mapping[int, One]) -> dict[int, One]:
    """The schedule, of whatever layers.

    Args:
        call: the function or class that was called, as errors name it.
        schedule: what it was given.

    Raises:
        RecordError: it is no mapping, it is empty, or a key is no epoch.
    """
    check = Checked(call)
    if not isinstance(schedule, Mapping) or not schedule:
        raise check.wrong(schedule, of="schedule", rule="a mapping of epochs to layers")
    for epoch in schedule:
        check.whole("schedule", epoch)
    return dict(schedule)


def check_layers(
    call: str, schedule: Mapping[int, One], base: Any, epochs: int | None
) -> None:
    """Nothing, where all that a schedule says can come about.

    Args:
        call: the function or class that was called, as errors name it.
        schedule: one that was checked.
        base: the model whose layers are meant.
        epochs: how many there are; None: that is not known.

    Raises:
        RecordError: an epoch is never reached.
        UnknownNameError: there is no layer of that name.
        LayerIndexError: there is no such position.
    """
    for epoch, layer in schedule.items():
        if epochs is not None and epoch >= epochs:
            rule = f"epochs below {epochs}, counted from 0: the others never come"
            raise Checked(call).wrong(schedule, of="schedule", rule=rule)
        position(Chooser(call, base), layer, "schedule")


def check_model(call: str, model: Any, base: Any) -> None:
    """Nothing, where a model can be trained, and compiled anew while it is.

    Args:
        call: the function or class that was called, as errors name it.
        model: what is trained.
        base: the model in it whose layers are meant; None: itself.

    Raises:
        ModelError: it is no compiled, built model of Keras 3; or `base` is not in it.
    """
    if family(model) == "tf_keras" or not getattr(model, "compiled", False):
        found = "a model of Keras 2" if family(model) == "tf_keras" else "not compiled"
    elif not model.built:
        found = "not built: it has no weights yet"
    elif base is not None and not _shares(model, base):
        found = f"a base, {base.name!r}, of which it holds no weight"
    else:
        return
    what = f"{call} can't train {model.name!r}."
    mend = "model.build(input_shape); model.compile(optimizer, loss)"
    expected = "a model of Keras 3 that is built and compiled"
    if base is not None:
        expected += ", and a base in it"
    raise ModelError(what, found=found, expected=expected, mend=mend)


def _shares(model: Any, base: Any) -> bool:
    there = {id(one) for one in model.weights}
    return any(id(one) in there for one in base.weights)


def _recompile_within_fit(model: Any) -> None:
    """Compile a model anew between two epochs of its `fit`, which goes on with it.

    Source: keras 3.15.1, `fit` in `backend/*/trainer.py`: it makes the function of a
    step before the first epoch only, and on JAX builds the metrics there; `compile`
    drops both.
    """
    built = {name: vars(model)[name] for name in _BUILT}
    stop = model.stop_training
    recompile(model)
    vars(model).update(built)  # Keras' setter would list them as metrics once more
    model.stop_training = stop
    model.make_train_function()
    if getattr(model, "_jax_state", None):
        # `fit` puts it back when a step fails; it was in the order of before.
        now = model._get_jax_state(**dict.fromkeys(_STATE, True))  # noqa: SLF001 -- as `fit` gets it
        model._jax_state = dict(zip(_STATE, now, strict=True))  # noqa: SLF001 -- `fit` keeps it there
