"""Looking into PyTorch, where everything is computed at once."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from kerasplug.reproducing.journal import Group
from kerasplug.reproducing.tracing import Trace, batch, put_round

__all__ = ["OnTorch"]

_NOT_COMPILED: Final = (
    "jit_compile was switched off: what PyTorch compiles can't be looked into. Other "
    "numbers may come of it than without this look."
)


class OnTorch:
    """What is done on PyTorch.

    Args:
        trace: who is told.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._torch = sys.modules["torch"]

    def patch(self) -> None:
        """Put ourselves round the steps of Keras and of PyTorch's own optimizers."""
        trainer = sys.modules["keras.src.backend.torch.trainer"].TorchTrainer
        put_round(trainer, "make_train_function", self._train_function)
        put_round(trainer, "make_test_function", self._other_function)
        put_round(trainer, "make_predict_function", self._other_function)
        optimizer = sys.modules["torch.optim.optimizer"]
        optimizer.register_optimizer_step_pre_hook(self._before)
        optimizer.register_optimizer_step_post_hook(self._after)

    def tap(self, group: Group, values: Sequence[Any]) -> None:
        """Write down now."""
        self._trace.now(group, values)

    def elsewhere(self) -> bool:
        """Whether PyTorch compiles this, or only looks for shapes."""
        if self._torch.compiler.is_compiling():
            return True
        device = self._torch.get_default_device()
        return bool(device.type == "meta")

    def ahead(self, training: Any, values: Iterable[Any]) -> bool:
        """Whether gradients are wanted of them."""
        if isinstance(training, bool):
            return training
        wanted = any(getattr(one, "requires_grad", False) for one in values)
        return wanted and bool(self._torch.is_grad_enabled())

    def value(self, variable: Any) -> Any:
        """What a variable has."""
        return variable.value

    def initial(self, variable: Any) -> Any:
        """The same: nothing is compiled."""
        value = variable.value
        return None if value.device.type == "meta" else value

    def _not_compiled(self, model: Any) -> None:
        if self._trace.inside and model.jit_compile:
            self._trace.note(_NOT_COMPILED)
            model.jit_compile = False

    def _other_function(self, original: Any, model: Any, *args: Any, **kw: Any) -> Any:
        self._not_compiled(model)
        return original(model, *args, **kw)

    def _train_function(self, original: Any, model: Any, *args: Any, **kw: Any) -> None:
        """Let Keras make what trains, and look at each step from outside of it."""
        before = model.train_function
        self._not_compiled(model)
        original(model, *args, **kw)
        made = model.train_function
        if made is not before and made is not None:
            model.train_function = self._watched(model, made)

    def _watched(self, model: Any, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        trace = self._trace

        def watched(data: Any) -> Any:
            trace.add_model(model)
            trace.begin_with(model.variables, self.initial)
            leaves = batch(data[0])
            # Dropout and others take random numbers from PyTorch's own generator.
            random = ("seed state", "torch"), self._torch.get_rng_state()
            events = *(("input batch", name) for name, _ in leaves), random[0]
            self.tap(Group(events, "begin"), [*(one for _, one in leaves), random[1]])
            with trace.managing():
                logs = step(data)
            trace.weights(model.variables, "end")
            return logs

        return watched

    def _before(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """One of PyTorch's optimizers is about to change parameters."""
        del args, kwargs
        trace, named = self._trace, self._named(optimizer)
        if not trace.managed:
            trace.begin_with(trace.together(self._known(named)), self.initial)
        if trace.inside:
            pairs = [(name, one.grad) for name, one in named if one.grad is not None]
            events = tuple(("gradient", name) for name, _ in pairs)
            self.tap(Group(events, "ahead"), [grad for _, grad in pairs])

    def _after(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """It has changed them."""
        del args, kwargs
        if self._trace.managed:
            return
        named = self._named(optimizer)
        known = self._known(named)
        owned = {id(one.value) for one in known}
        others = [(name, one) for name, one in named if id(one) not in owned]
        events = tuple(("weight", name) for name, _ in others)
        self.tap(Group(events, "ahead"), [one for _, one in others])
        self._trace.weights(self._trace.together(known), "end")

    def _variables(self) -> dict[int, Any]:
        """Variables of Keras, by the parameter that each one has."""
        models = self._trace.models()
        return {id(one.value): one for model in models for one in model.variables}

    def _named(self, optimizer: Any) -> list[tuple[str, Any]]:
        """(name, parameter) of all that an optimizer changes."""
        variables = self._variables()
        return [
            (
                variables[id(one)].path
                if id(one) in variables
                else f"parameter/{g}/{n}",
                one,
            )
            for g, group in enumerate(optimizer.param_groups)
            for n, one in enumerate(group["params"])
        ]

    def _known(self, named: list[tuple[str, Any]]) -> list[Any]:
        variables = self._variables()
        return [variables[id(one)] for _, one in named if id(one) in variables]
