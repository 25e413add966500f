"""A callback that resets the states of RNNs while a model trains."""

import functools
from typing import Any

from kerasplug.errors import ModelError, RecordError
from kerasplug.implementation import implementation
from kerasplug.models.state_carrying import carry_states
from kerasplug.models.state_layers import hidden, stateful_layers
from kerasplug.models.states import get_states, reset_states, set_states

__all__ = ["ResetStates"]


class ResetStates:
    """A callback that lets stateful RNNs begin anew with each epoch, or more often.

    Each epoch begins with fresh states; so does each evaluation and prediction that
    gets this callback, also the validation within `fit`. Afterwards the states are what
    they were before: so validating changes no training. What training leaves at its end
    stays. On JAX it makes the states be carried, see `carry_states`.

    What is made is a real callback of the Keras in use, which is imported then.

    Args:
        every: `"epoch"`; `"batch"`; or a number of batches, counted from the beginning
            of each epoch, evaluation or prediction.

    Attributes:
        every: as it was given.

    Raises:
        RecordError: `every` is something else.
        ModelError: within `fit`, `evaluate` or `predict`: states can't be carried on
            JAX; `steps_per_execution` runs over a batch that is to begin anew; or a
            layer does not show its states, and they would have to be put back.

    Example:
        >>> ResetStates(every=10).every
        10
    """

    def __new__(cls, *_arguments: Any, **_options: Any) -> Any:  # noqa: D102 -- the class' docstring tells it
        plain: Any = cls
        callback = implementation().callbacks.Callback
        return object.__new__(
            cls if issubclass(cls, callback) else _with_base(plain, callback)
        )

    def __init__(self, every: str | int = "epoch") -> None:
        super().__init__()
        self.every = every
        self._batches = _batches(every)
        self._before: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        # The class that Keras' is a base of has no place to be imported from.
        return type(self)._plain, (self.every,)  # type: ignore[attr-defined]  # noqa: SLF001 -- set by _with_base

    def set_model(self, model: Any) -> None:
        """Let the states of the model be carried, where Keras forgets them."""
        super().set_model(model)  # type: ignore[misc]  # Keras' class comes after this one
        carry_states(model)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Check that batches begin where they are to begin anew."""
        self._require_steps()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Begin anew."""
        reset_states(self._it())

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Begin anew if it is time."""
        if batch and self._batches and batch % self._batches == 0:
            reset_states(self._it())

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Remember the states and begin anew."""
        self._require_steps()
        self._require_shown()
        self._before = get_states(self._it())
        reset_states(self._it())

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Begin anew if it is time."""
        self.on_train_batch_begin(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Put back the states."""
        set_states(self._it(), self._before)
        self._before = None

    def on_predict_begin(self, logs: Any = None) -> None:
        """Remember the states and begin anew."""
        self.on_test_begin(logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Begin anew if it is time."""
        self.on_train_batch_begin(batch, logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """Put back the states."""
        self.on_test_end(logs)

    def _it(self) -> Any:
        return self.model  # type: ignore[attr-defined]  # Keras' class has it

    def _require_steps(self) -> None:
        steps = _steps_per_execution(self._it())
        if self._batches and self._batches % steps:
            what = f"ResetStates(every={self.every!r}) can't interrupt an execution."
            raise ModelError(
                what,
                found=f"steps_per_execution={steps}: Keras runs {steps} batches in one",
                expected=f"every=n with n a multiple of {steps}",
                mend="compile the model with steps_per_execution=1",
            )

    def _require_shown(self) -> None:
        layers = stateful_layers(self._it()).items()
        silent = [path for path, one in layers if hidden(one)]
        if silent:
            what = "ResetStates can't keep the states of training and validation apart."
            raise ModelError(
                what,
                found=f"stateful layers without `states`: {', '.join(silent)}",
                expected="layers whose states can be read and put back",
                mend="give the layer an attribute `states`, a list of its variables",
            )


@functools.lru_cache(maxsize=8)
def _with_base(cls: Any, callback: Any) -> type:
    """The same class as a callback of one Keras; a process can come to have several."""
    about = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "_plain": cls,
    }
    return type(cls.__name__, (cls, callback), about)


def _batches(every: object) -> int:
    """After how many batches; 0: never within an epoch.

    Raises:
        RecordError: it is none of the allowed values.
    """
    if every in ("epoch", "batch"):
        return int(every == "batch")
    if type(every) is int and every >= 1:
        return every
    call, rule = "ResetStates", '"epoch", "batch", or a number of batches, at least 1'
    raise RecordError(call, "every", every, rule)


def _steps_per_execution(model: Any) -> int:
    """How many batches run in one; Keras 2 keeps it in a variable of TensorFlow."""
    steps = getattr(model, "steps_per_execution", None)
    if steps is None:
        steps = getattr(model, "_steps_per_execution", None)
    return 1 if steps is None else int(steps)
