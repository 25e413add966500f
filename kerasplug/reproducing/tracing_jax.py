"""Looking into JAX: in compiled code, by ordered calls back to Python."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from kerasplug.reproducing.journal import Group
from kerasplug.reproducing.tracing import Trace, batch, put_round

__all__ = ["OnJax"]

#: What values are while they are differentiated.
_DIFFERENTIATED: Final = {"JVPTracer", "LinearizeTracer"}
_KEPT: Final = (
    "XLA keeps what is looked at, and compiles the rest otherwise: last digits can "
    "differ from a run without this look."
)


class OnJax:
    """What is done on JAX.

    Args:
        trace: who is told.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._jax = sys.modules["jax"]
        self._making = False

    def patch(self) -> None:
        """Put ourselves round the steps of Keras."""
        trainer = sys.modules["keras.src.backend.jax.trainer"].JAXTrainer
        put_round(trainer, "make_train_function", self._train_function)
        put_round(trainer, "_make_function", self._function)
        if self._trace.inside:
            self._trace.note(_KEPT)

    def tap(self, group: Group, values: Sequence[Any]) -> None:
        """Write down now, or put into what is compiled a call that will."""
        jax = self._jax
        if not any(isinstance(one, jax.core.Tracer) for one in values):
            # What runs already has to be written down first.
            jax.effects_barrier()
            self._trace.now(group, values)
            return

        def arrived(*arrays: Any) -> None:
            self._trace.arrived(group, arrays)

        still = [jax.lax.stop_gradient(one) for one in values]
        jax.debug.callback(arrived, *still, ordered=True)

    def elsewhere(self) -> bool:
        """Whether several devices compute, which have no order; or TensorFlow does."""
        keras = sys.modules["keras"]
        if keras.distribution.distribution() is not None:
            self._trace.note("Several devices were not looked into, only their steps.")
            return True
        eager = getattr(sys.modules.get("tensorflow"), "executing_eagerly", None)
        return eager is not None and not eager()

    def ahead(self, training: Any, values: Iterable[Any]) -> bool:
        """Whether they are differentiated."""
        if isinstance(training, bool):
            return training
        return any(type(one).__name__ in _DIFFERENTIATED for one in values)

    def value(self, variable: Any) -> Any:
        """What a variable has in the scope that runs; None: nothing there."""
        inner = sys.modules["keras.src.backend.common.stateless_scope"]
        if inner.in_stateless_scope():
            return inner.get_stateless_scope().get_current_value(variable)
        return self.initial(variable)

    def initial(self, variable: Any) -> Any:
        """What a variable has outside of all scopes; None where it was taken out."""
        value = getattr(variable, "_value", None)
        if value is None or isinstance(value, self._jax.core.Tracer):
            return None
        return None if value.is_deleted() else value

    def _train_function(self, original: Any, model: Any, *args: Any, **kw: Any) -> None:
        self._making = True
        try:
            original(model, *args, **kw)
        finally:
            self._making = False

    def _function(
        self, original: Any, model: Any, step: Any, *args: Any, **kw: Any
    ) -> Any:
        """Look at a step of Keras from outside of what is compiled."""
        watched = self._watched(model, step) if self._making else step
        return original(model, watched, *args, **kw)

    def _watched(self, model: Any, step: Callable[..., Any]) -> Callable[..., Any]:
        trace = self._trace

        def watched(state: Any, data: Any) -> Any:
            trace.add_model(model)
            before = _Held(model, state)
            trace.begin_with(before.variables, before.value)
            leaves = batch(data)
            events = tuple(("input batch", name) for name, _ in leaves)
            self.tap(Group(events, "begin"), [one for _, one in leaves])
            with trace.managing():
                logs, state = step(state, data)
            self._jax.block_until_ready(state)
            after = _Held(model, state)
            trace.weights(after.variables, "end", after.value)
            return logs, state

        return watched


class _Held:
    """The values of a model's variables, which training has outside of them.

    Args:
        model: whose.
        state: what a step of training takes and gives.
    """

    def __init__(self, model: Any, state: Any) -> None:
        lists = model.trainable_variables, model.non_trainable_variables
        self.variables = [one for each in lists for one in each]
        self._values = {
            id(variable): value
            for variables, values in zip(lists, state[:2], strict=True)
            for variable, value in zip(variables, values, strict=False)
        }

    def value(self, variable: Any) -> Any:
        """What a variable has in this state."""
        return self._values.get(id(variable))
