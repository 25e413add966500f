"""Looking into TensorFlow: in graphs, by calls back to Python."""

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from kerasplug.reproducing.journal import Group
from kerasplug.reproducing.tracing import Trace, batch, put_round

__all__ = ["OnTensorFlow"]

_LAST: Final = "_kerasplug_last"
_NO_XLA: Final = (
    "jit_compile was switched off: what XLA compiles can't be looked into. Other "
    "numbers may come of it than without this look."
)


class OnTensorFlow:
    """What is done on TensorFlow.

    Args:
        trace: who is told.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._tf = sys.modules["tensorflow"]
        self._here = _Here()

    def patch(self) -> None:
        """Put ourselves round the steps of Keras, XLA, and functions of pipelines."""
        trainer = sys.modules["keras.src.backend.tensorflow.trainer"].TensorFlowTrainer
        put_round(trainer, "make_train_function", self._train_function)
        put_round(trainer, "make_test_function", self._other_function)
        put_round(trainer, "make_predict_function", self._other_function)
        put_round(trainer, "_autoconvert_optionals", self._step)
        inner = "tensorflow.python.eager.polymorphic_function.polymorphic_function"
        function = sys.modules[inner].Function
        put_round(function, "__init__", self._function)
        put_round(function, "_initialize_uninitialized_variables", self._initialized)
        inner = "tensorflow.python.data.ops.structured_function"
        put_round(
            sys.modules[inner].StructuredFunctionWrapper, "__init__", self._pipeline
        )

    def tap(self, group: Group, values: Sequence[Any]) -> Any:
        """Write down now, or put into the graph what will; its operation."""
        tf = self._tf
        if tf.executing_eagerly():
            return self._trace.now(group, values)

        def arrived(*arrays: Any) -> None:
            self._trace.arrived(group, arrays)

        graph = tf.compat.v1.get_default_graph()
        last = getattr(graph, _LAST, None)
        # One after the other: what doesn't need one another would run in any order.
        with tf.control_dependencies([] if last is None else [last]):
            operation = tf.numpy_function(arrived, list(values), [])
        setattr(graph, _LAST, operation)
        return operation

    def elsewhere(self) -> bool:
        """Whether this is a pipeline of data, or something for XLA."""
        if self._here.pipelines:
            self._trace.note("What layers compute in tf.data was not compared.")
            return True
        if self._tf.executing_eagerly():
            return False
        util = sys.modules["tensorflow.python.ops.control_flow_util"]
        graph = self._tf.compat.v1.get_default_graph()
        return bool(util.GraphOrParentsInXlaContext(graph))

    def ahead(self, training: Any, values: Iterable[Any]) -> bool:
        """Whether a tape is running."""
        del values
        if isinstance(training, bool):
            return training
        record = sys.modules["tensorflow.python.eager.record"]
        return bool(record.could_possibly_record())

    def value(self, variable: Any) -> Any:
        """What a variable has, at this point of the graph."""
        return variable.value

    def initial(self, variable: Any) -> Any:
        """What a variable has before any graph runs; None: not known."""
        try:
            with self._tf.init_scope():
                value = variable.value.numpy()
        except Exception:  # noqa: BLE001 -- made in a graph that hasn't run
            return None
        return value if value.shape == tuple(variable.shape) else None

    def _pipeline(
        self, original: Any, made: Any, function: Any, name: str, *args: Any, **kw: Any
    ) -> None:
        """A function of a pipeline; or a loop over one in a function."""
        is_loop = "scan" in name or "reduce" in name
        self._here.pipelines += not is_loop
        try:
            original(made, function, name, *args, **kw)
        finally:
            self._here.pipelines -= not is_loop

    def _function(self, original: Any, *args: Any, **kwargs: Any) -> None:
        """A function of the program's own, which XLA would have compiled."""
        function = args[1] if len(args) > 1 else kwargs.get("python_function")
        home = str(getattr(function, "__module__", "")).partition(".")[0]
        if kwargs.get("jit_compile") and home not in {"keras", "tensorflow"}:
            self._trace.note(_NO_XLA)
            kwargs["jit_compile"] = False
        original(*args, **kwargs)

    def _initialized(self, original: Any, function: Any, initializers: Any) -> None:
        """Variables that were made while a function was traced have got values."""
        original(function, initializers)
        for model in self._trace.models():
            self._trace.begin_with(model.variables, self.initial)

    def _no_xla(self, model: Any) -> None:
        if self._trace.inside and model.jit_compile:
            self._trace.note(_NO_XLA)
            model.jit_compile = False

    def _other_function(self, original: Any, model: Any, *args: Any, **kw: Any) -> Any:
        self._no_xla(model)
        return original(model, *args, **kw)

    def _train_function(self, original: Any, model: Any, *args: Any, **kw: Any) -> None:
        """Let Keras make what trains, and look at the weights before its first use."""
        before = model.train_function
        self._no_xla(model)
        self._here.makes_training = True
        try:
            original(model, *args, **kw)
        finally:
            self._here.makes_training = False
        made = model.train_function
        if made is before or made is None:
            return

        def train(iterator: Any) -> Any:
            self._trace.add_model(model)
            self._trace.begin_with(model.variables, self.initial)
            return made(iterator)

        model.train_function = train

    def _step(self, original: Any, model: Any, step: Any) -> Any:
        """Look at a step of Keras from outside of what is compiled."""
        if not self._here.makes_training:
            return original(model, step)
        return original(model, self._watched(model, step))

    def _watched(self, model: Any, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        tf, trace = self._tf, self._trace

        def watched(data: Any) -> Any:
            leaves = [(name, one) for name, one in batch(data) if self._is_tensor(one)]
            events = tuple(("input batch", name) for name, _ in leaves)
            begun = self.tap(Group(events, "begin"), [one for _, one in leaves])
            with (
                trace.managing(),
                tf.control_dependencies([] if begun is None else [begun]),
            ):
                outputs = step(data)
            done = [one for one in tf.nest.flatten(outputs) if tf.is_tensor(one)]
            with tf.control_dependencies(done):
                trace.weights(model.variables, "end")
            return outputs

        watched.autograph_info__ = {}  # type: ignore[attr-defined]  # as it is
        return watched

    def _is_tensor(self, value: Any) -> bool:
        numpy = sys.modules["numpy"]
        plain = numpy.ndarray | numpy.generic | int | float
        return isinstance(value, plain) or bool(self._tf.is_tensor(value))


class _Here(threading.local):
    """What the running thread is doing."""

    pipelines = 0
    makes_training = False
