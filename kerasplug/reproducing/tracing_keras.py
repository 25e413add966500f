"""Looking into a program that trains with Keras, touching it as little as possible.

Nothing here imports Keras or an engine: the program does, when it likes to, and what
has to be noticed is put round Keras' own methods right afterwards.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, Final

from kerasplug._frameworks.late import when_imported
from kerasplug.reproducing.journal import OURS, Group
from kerasplug.reproducing.tracing import Engine, Trace, put_round
from kerasplug.reproducing.tracing_values import flat

__all__ = ["watch_keras"]

_Leaves = list[tuple[str, Any]]

_LOOPS: Final = (
    "What runs in a loop of the engine, as the cells of recurrent layers do, was not "
    "compared by itself, only what comes out of the loop."
)


def watch_keras(trace: Trace) -> None:
    """Wait for Keras, and look into it once it has been imported.

    Args:
        trace: who is told.
    """

    def keras_came(keras: ModuleType) -> None:
        name = str(keras.config.backend())
        engine = _engine(name, trace)
        if engine is None:
            trace.note(f"Nothing inside the backend {name} was compared, only results.")
            return
        trace.engine = engine
        try:
            _patch(_Looking(trace, engine), keras)
            engine.patch()
        except (AttributeError, KeyError) as error:
            what = f"Keras {keras.__version__} could not be looked into"
            trace.note(f"{what}: {type(error).__name__}: {error}")

    def legacy_came(module: ModuleType) -> None:
        trace.note(f"Nothing inside {module.__name__} was compared, only results.")

    when_imported("keras", keras_came, again=True)
    when_imported("tf_keras", legacy_came, again=True)


class _Calls(threading.local):
    """How deep the running thread is in calls of layers, and whether it may look."""

    depth = 0
    quiet = 0
    losses = 0
    applying = False

    @contextlib.contextmanager
    def within(self, *, quiet: bool) -> Iterator[None]:
        self.depth += 1
        self.quiet += quiet
        try:
            yield
        finally:
            self.depth -= 1
            self.quiet -= quiet


class _Looking:
    """What stands round methods of Keras; each gets the original first.

    Args:
        trace: who is told.
        engine: on which Keras runs.
    """

    def __init__(self, trace: Trace, engine: Engine) -> None:
        self._trace = trace
        self._engine = engine
        self._calls = _Calls()

    def layer_call(self, original: Any, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a layer, and look at what it gives."""

        def call() -> Any:
            return original(layer, *args, **kwargs)

        inputs = _inputs(args, kwargs)
        weights = (self._engine.value(one) for one in _trainable(layer))
        outputs: Any = self._called(call, layer, inputs, kwargs, weights)
        return outputs

    def stateless_call(
        self,
        original: Any,
        layer: Any,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """The same, where the weights are handed over: the layer isn't called then."""

        def call() -> Any:
            given = trainable_variables, non_trainable_variables
            return original(layer, *given, *args, **kwargs)

        inputs, weights = _inputs(args, kwargs), iter(trainable_variables)
        return self._called(call, layer, inputs, kwargs, weights, part=0)

    def _called(
        self,
        call: Callable[[], Any],
        layer: Any,
        inputs: _Leaves,
        kwargs: dict[str, Any],
        weights: Iterable[Any],
        part: int | None = None,
    ) -> Any:
        calls, training = self._calls, kwargs.get("training")
        hidden = self._is_hidden(one for _, one in inputs)
        if not hidden and not calls.depth:
            self._begin(layer, training, inputs, weights)
        repeats = _repeats(layer)
        with calls.within(quiet=hidden or repeats):
            result = call()
        if self._trace.inside and not hidden and not _passes_on(layer):
            if repeats and not calls.quiet:
                self._trace.note(_LOOPS)
            outputs = result if part is None else result[part]
            leaves = [*flat(outputs, layer.path or layer.name)]
            self._look("activation", leaves, training)
        return result

    def loss_call(self, original: Any, loss: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a loss, and look at what it gives."""
        value = original(loss, *args, **kwargs)
        # What all losses of a model give together is looked at as the model's loss.
        if self._trace.inside and type(loss).__name__ != "CompileLoss":
            self._look("loss", [*flat(value, str(loss.name))], None)
        return value

    def compute_loss(self, original: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Let a model compute its loss, and look at it once."""
        outermost = not self._calls.losses
        self._calls.losses += 1
        try:
            value = original(model, *args, **kwargs)
        finally:
            self._calls.losses -= 1
        if self._trace.inside and outermost:
            self._look("loss", [*flat(value, "loss")], kwargs.get("training"))
        return value

    def apply(
        self, original: Any, optimizer: Any, grads: Any, trainable_variables: Any = None
    ) -> Any:
        """Let an optimizer change weights; look at gradients, and weights after it."""
        trace, grads = self._trace, list(grads)
        variables = trainable_variables
        if variables is None:  # what `apply` itself takes then
            known = list(getattr(optimizer, "_trainable_variables", ()))
        else:
            known = variables = list(variables)
        if self._calls.applying or self._is_hidden(grads):
            return original(optimizer, grads, variables)
        # On TensorFlow, variables can be made while the first step is traced.
        trace.begin_with(trace.together(known), self._engine.initial)
        if trace.inside:
            pairs = zip(known, grads, strict=False)
            leaves = [each for one, grad in pairs for each in flat(grad, one.path)]
            self._tap("gradient", leaves, "ahead")
        self._calls.applying = True
        try:
            result = original(optimizer, grads, variables)
        finally:
            self._calls.applying = False
        if not trace.managed:
            trace.weights(trace.together(known), "end")
        return result

    def callbacks_begin(self, original: Any, callbacks: Any) -> None:
        """Let Keras start its threads for callbacks, which are nobody's doing."""
        original(callbacks)
        executor = callbacks._executor  # noqa: SLF001 -- in order to know its threads
        if executor is not None:
            executor._thread_name_prefix = f"{OURS}callbacks"  # noqa: SLF001 -- the same

    def _begin(
        self, model: Any, training: Any, inputs: _Leaves, weights: Iterable[Any]
    ) -> None:
        """A model that isn't a part of another one is called."""
        if not isinstance(model, sys.modules["keras"].Model):
            return
        self._trace.add_model(model)
        if not self._trace.managed and self._engine.ahead(training, weights):
            self._trace.begin_with(model.variables, self._engine.initial)
            self._tap("input batch", inputs, "ahead")

    def _look(self, kind: str, leaves: _Leaves, training: Any) -> None:
        """See to it that what the program computes here is written down."""
        values = [value for _, value in leaves]
        if leaves and not self._calls.quiet and not self._is_hidden(values):
            is_ahead = self._engine.ahead(training, values)
            self._tap(kind, leaves, "ahead" if is_ahead else "now")

    def _tap(self, kind: str, leaves: _Leaves, moment: str) -> None:
        events = tuple((kind, name) for name, _ in leaves)
        self._engine.tap(Group(events, moment), [value for _, value in leaves])

    def _is_hidden(self, values: Iterable[Any]) -> bool:
        """Whether only shapes are looked for here, or nothing can be looked at."""
        scope = sys.modules["keras.src.backend.common.symbolic_scope"]
        return (
            bool(scope.in_symbolic_scope())
            or self._engine.elsewhere()
            or any(type(one).__name__ == "KerasTensor" for one in values)
        )


def _inputs(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Leaves:
    given = args[0] if len(args) == 1 else list(args)
    return [*flat(given, "x"), *flat(kwargs.get("inputs"), "x")]


def _trainable(layer: Any) -> Iterator[Any]:
    """One of a layer's weights, if it is to be trained."""
    yield from layer.trainable_variables[:1]


def _repeats(layer: Any) -> bool:
    """Whether what is called in it runs in a loop of the engine, or runs again."""
    layers = sys.modules["keras"].layers
    again = getattr(layer, "_remat_mode", None) is not None
    return again or isinstance(layer, layers.RNN | layers.TimeDistributed)


def _passes_on(layer: Any) -> bool:
    """Whether a layer only gives what a layer within it gave."""
    models = sys.modules["keras.src.models"]
    calls = {models.Sequential.call, models.Functional.call}
    is_input = isinstance(layer, sys.modules["keras"].layers.InputLayer)
    return is_input or type(layer).call in calls


def _engine(name: str, trace: Trace) -> Engine | None:
    if name == "tensorflow":
        from kerasplug.reproducing.tracing_tensorflow import OnTensorFlow

        return OnTensorFlow(trace)
    if name == "jax":
        from kerasplug.reproducing.tracing_jax import OnJax

        return OnJax(trace)
    if name == "torch":
        from kerasplug.reproducing.tracing_torch import OnTorch

        return OnTorch(trace)
    return None


def _patch(looking: _Looking, keras: Any) -> None:
    """Put ourselves round what is the same on all engines."""
    put_round(keras.layers.Layer, "__call__", looking.layer_call)
    put_round(keras.layers.Layer, "stateless_call", looking.stateless_call)
    put_round(keras.losses.Loss, "__call__", looking.loss_call)
    trainer = sys.modules["keras.src.trainers.trainer"].Trainer
    put_round(trainer, "_compute_loss", looking.compute_loss)
    put_round(trainer, "compute_loss", looking.compute_loss)
    base = sys.modules["keras.src.optimizers.base_optimizer"].BaseOptimizer
    # These have optimizers of their own to whom they pass the gradients.
    several = getattr(keras.optimizers, "MultiOptimizer", None)
    for one in (base, keras.optimizers.LossScaleOptimizer, several):
        if one is not None and "apply" in vars(one):
            put_round(one, "apply", looking.apply)
    put_round(keras.callbacks.CallbackList, "_on_begin", looking.callbacks_begin)
