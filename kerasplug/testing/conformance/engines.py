"""What differs between Keras 2 and 3, and between their backends: in one place.

A check says `engine.run(...)` or `engine.gradients(...)` and never names a backend. The
engine's own module is taken from `sys.modules`: Keras has started it, and kerasplug has
one door to Keras.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.testing.conformance.structures import flatten, mapped

__all__ = ["Engine", "Gradients", "engine_of"]

#: What a layer is run by: it takes the inputs and gives the outputs.
Call = Callable[[Any], Any]


class Gradients(NamedTuple):
    """Gradients of the projected outputs.

    Args:
        value: the projected outputs, one number.
        weights: for each asked variable its gradient, or None where there is none.
        inputs: the same for each float input, in the order of `flatten`.
    """

    value: float
    weights: list[Any]
    inputs: list[Any]


class Engine:
    """A Keras with its backend.

    Args:
        keras: the Keras module in use.
        name: its backend.
        legacy: whether it is Keras 2.
    """

    #: Whether tensors can hold strings.
    has_strings = False
    #: Whether what is traced is compiled as well.
    tracing_compiles = False
    #: Whether it can trace with sizes that are not known yet.
    traces_unknown = False
    #: Whether `run(..., how="traced")` and `how="xla"` are there, or why not.
    untraced = ""
    uncompiled = ""
    #: Whether gradients are there, or why not.
    no_gradients = ""

    def __init__(self, keras: Any, name: str, *, legacy: bool) -> None:
        self.keras = keras
        self.name = name
        self.legacy = legacy

    # --- tensors -------------------------------------------------------------------

    def tensor(self, array: Any) -> Any:
        """A tensor of the backend; what it has no dtype for stays as it is."""
        if arrays.kind(array) in "SUO":
            return array
        return self.keras.ops.convert_to_tensor(array)

    def fed(self, array: Any) -> Any:
        """An array as `predict` and `fit` take it."""
        return array

    def tensors(self, structure: Any) -> Any:
        """A structure of tensors."""
        return mapped(self.tensor, structure)

    def array(self, tensor: Any) -> Any:
        """A NumPy array of a tensor; bfloat16 comes as float32; dense where sparse."""
        if "bfloat16" in str(getattr(tensor, "dtype", "")):
            tensor = self.keras.ops.cast(tensor, "float32")
        return arrays.as_array(self.keras.ops.convert_to_numpy(tensor))

    def arrays(self, structure: Any) -> Any:
        """A structure of NumPy arrays."""
        return mapped(self.array, structure)

    def dtype(self, tensor: Any) -> str:
        """The dtype's name, of a tensor, a symbolic one or a variable."""
        return str(self.keras.backend.standardize_dtype(tensor.dtype))

    def available(self, dtype: str) -> str:
        """What a tensor gets that is asked for with a dtype."""
        return dtype

    def shape(self, tensor: Any) -> tuple[int | None, ...]:
        """The static shape: None where it is not known."""
        return tuple(None if one is None else int(one) for one in tensor.shape)

    def symbolic(self, batch_shape: tuple[int | None, ...], dtype: str) -> Any:
        """A symbolic input."""
        return self.keras.Input(batch_shape=batch_shape, dtype=dtype)

    def copy(self, tensor: Any) -> Any:
        """A copy of a tensor, symbolic or not."""
        return self.keras.ops.copy(tensor)

    def cast(self, tensor: Any, dtype: str) -> Any:
        """A tensor, or a symbolic one, of another dtype."""
        return self.keras.ops.cast(tensor, dtype)

    def is_tensor(self, value: Any) -> bool:
        """Whether a value is a tensor with values."""
        return bool(self.keras.ops.is_tensor(value))

    # --- variables -----------------------------------------------------------------

    def is_variable(self, value: Any) -> bool:
        """Whether a value is a variable."""
        return isinstance(value, self.keras.Variable)

    def is_layer(self, value: Any) -> bool:
        """Whether a value is a layer."""
        return isinstance(value, self.keras.layers.Layer)

    def layers(self, layer: Any) -> list[Any]:
        """A layer and all layers that it is known to have, at any depth."""
        return list(layer._flatten_layers())  # noqa: SLF001 -- no public way in Keras 2 and 3

    def is_foreign_variable(self, value: Any) -> bool:  # noqa: ARG002 -- of no backend
        """Whether a value is a variable of the backend, which Keras does not track."""
        return False

    def label(self, variable: Any) -> str:
        """What a variable is called in messages."""
        return str(getattr(variable, "path", None) or variable.name)

    def values(self, layer: Any) -> list[Any]:
        """The values of all variables of a layer, the states of its seeds too."""
        return [self.array(one) for one in layer.variables]

    def assign(self, layer: Any, values: list[Any]) -> None:
        """Give all variables of a layer these values."""
        for variable, value in zip(layer.variables, values, strict=True):
            variable.assign(value)

    @contextlib.contextmanager
    def global_policy(self, policy: str) -> Iterator[None]:
        """Inside, this dtype policy is the one of layers that are given none."""
        config = self.keras.config
        before = config.dtype_policy()
        config.set_dtype_policy(policy)
        try:
            yield
        finally:
            config.set_dtype_policy(before)

    # --- computing -----------------------------------------------------------------

    def seed(self, seed: int) -> None:
        """Seed Python, NumPy and the backend."""
        self.keras.utils.set_random_seed(seed)

    def seed_lightly(self, seed: int) -> None:
        """Seed Python and NumPy, on which Keras' initializers and generators draw."""
        arrays.seed(seed)

    def run(self, call: Call, layer: Any, inputs: Any, how: str = "eager") -> Any:
        """The outputs of `call(inputs)`, variables updated as the call does it.

        Args:
            call: what to run; it uses no variables but those of `layer`.
            layer: whose variables these are.
            inputs: a structure of tensors.
            how: `"eager"`; `"traced"` by what the backend traces with; `"xla"`.

        Raises:
            NotApplicable: this backend has no such thing.
        """
        if reason := {"traced": self.untraced, "xla": self.uncompiled}.get(how, ""):
            raise NotApplicable(reason)
        return (
            call(inputs) if how == "eager" else self._compiled(call, layer, inputs, how)
        )

    def _compiled(self, call: Call, layer: Any, inputs: Any, how: str) -> Any:
        raise NotImplementedError

    def traced(
        self, call: Call, layer: Any, inputs: Any, free: Iterable[int] = ()
    ) -> Call:
        """`call`, traced at its first use and then only where it has to be.

        Args:
            call: what to run; it uses no variables but those of `layer`.
            layer: whose variables these are.
            inputs: a structure of tensors such as it will be called on.
            free: the axes whose sizes are unknown when it is traced, on a backend that
                has such.

        Raises:
            NotApplicable: this backend does not trace.
        """
        if self.untraced:
            raise NotApplicable(self.untraced)
        return self._traced(call, layer, inputs, set(free))

    def _traced(self, call: Call, layer: Any, inputs: Any, free: set[int]) -> Call:
        raise NotImplementedError

    def gradients(
        self, call: Call, layer: Any, inputs: Any, weights: list[Any] | None = None
    ) -> Gradients:
        """The gradients of the outputs, each multiplied by fixed random numbers.

        Args:
            call: takes the inputs and gives the outputs, a structure of tensors.
            layer: whose variables are used.
            inputs: a structure of tensors.
            weights: with respect to these. Default: the trainable ones.

        Raises:
            NotApplicable: the backend has no gradients, or no output is a float.
        """
        if self.no_gradients:
            raise NotApplicable(self.no_gradients)
        chosen = layer.trainable_variables if weights is None else weights
        return self._gradients(call, layer, inputs, chosen)

    def _gradients(
        self, call: Call, layer: Any, inputs: Any, weights: list[Any]
    ) -> Gradients:
        raise NotImplementedError

    def projected(self, outputs: Any) -> Any:
        """One number: the float outputs, each times a fixed random number, summed.

        Raises:
            NotApplicable: no output is a float.
        """
        floats = [one for one in flatten(outputs) if arrays.is_float(self.dtype(one))]
        if not floats:
            reason = "no output is a float"
            raise NotApplicable(reason)
        return sum(self._weighted(one, number) for number, one in enumerate(floats))

    def _weighted(self, output: Any, number: int) -> Any:
        dtype = "float64" if self.dtype(output) == "float64" else "float32"
        weights = arrays.projection(self.shape(output), dtype, number)
        ops = self.keras.ops
        return ops.sum(ops.cast(output, dtype) * ops.convert_to_tensor(weights))

    def value(self, call: Call, inputs: Any) -> float:
        """The projected outputs of `call(inputs)`, without gradients."""
        return float(self.array(self.projected(call(inputs))))

    @contextlib.contextmanager
    def double(self) -> Iterator[None]:
        """Inside, float64 is computed as float64.

        On JAX and PyTorch Keras itself makes float32 of it in many operations, by a
        table. What a layer does is told apart from that by another table.
        """
        module = sys.modules.get("keras.src.backend.common.dtypes")
        table = getattr(module, "BIT64_TO_BIT32_DTYPE", {})
        before = dict(table)
        if "float64" in table:
            table["float64"] = "float64"
        try:
            yield
        finally:
            table.update(before)


class _NoGradients(Engine):
    untraced = uncompiled = "this backend runs eagerly only"
    no_gradients = "this backend has no gradients"


class _TensorFlow(Engine):
    traces_unknown = has_strings = True

    @property
    def _tf(self) -> Any:
        return sys.modules["tensorflow"]

    def fed(self, array: Any) -> Any:
        # Keras has no data adapter for arrays of strings.
        strings = arrays.kind(array) in "SUO"
        return self._tf.convert_to_tensor(array) if strings else array

    def array(self, tensor: Any) -> Any:
        for kind in ("SparseTensor", "RaggedTensor"):
            if type(tensor).__name__ == kind:
                dense = self._tf.sparse.to_dense if kind[0] == "S" else None
                return super().array(dense(tensor) if dense else tensor.to_tensor())
        if str(getattr(tensor, "dtype", "")).endswith("'string'>"):
            return arrays.as_array(tensor.numpy())
        return super().array(tensor)

    def is_foreign_variable(self, value: Any) -> bool:
        return isinstance(value, self._tf.Variable)

    def _compiled(self, call: Call, layer: Any, inputs: Any, how: str) -> Any:  # noqa: ARG002 -- other backends need it
        return self._tf.function(call, jit_compile=how == "xla")(inputs)

    def _traced(
        self,
        call: Call,
        layer: Any,  # noqa: ARG002 -- other backends need it
        inputs: Any,
        free: set[int],
    ) -> Call:
        def described(value: Any) -> Any:
            tensor = self._tf.convert_to_tensor(value)
            sizes = enumerate(tensor.shape)
            shape = [None if axis in free else size for axis, size in sizes]
            return self._tf.TensorSpec(shape, tensor.dtype)

        signature = [mapped(described, inputs)]
        return self._tf.function(call, input_signature=signature)  # type: ignore[no-any-return]  # TensorFlow ships no types

    def _gradients(
        self,
        call: Call,
        layer: Any,  # noqa: ARG002 -- other backends need it
        inputs: Any,
        weights: list[Any],
    ) -> Gradients:
        floats = [one for one in flatten(inputs) if self._is_float(one)]
        raw = [self._raw(one) for one in weights]
        with self._tf.GradientTape() as tape:
            for one in (*floats, *raw):
                tape.watch(one)
            value = self.projected(call(inputs))
        found = tape.gradient(value, [raw, floats])
        return Gradients(float(value), *(list(map(self._dense, one)) for one in found))

    def _is_float(self, value: Any) -> bool:
        return self.is_tensor(value) and arrays.is_float(self.dtype(value))

    def _raw(self, variable: Any) -> Any:
        return variable.value

    def _dense(self, gradient: Any) -> Any:
        # An embedding's gradient holds only the rows that were looked up.
        if gradient is None:
            return None
        return self.array(self._tf.convert_to_tensor(gradient))


class _Legacy(_TensorFlow):
    """`tf_keras`: Keras 2, which has neither `ops` nor a `Variable` of its own."""

    def tensor(self, array: Any) -> Any:
        return self._tf.convert_to_tensor(array)

    def array(self, tensor: Any) -> Any:
        if hasattr(tensor, "to_tensor"):
            tensor = tensor.to_tensor()
        found = tensor.numpy() if hasattr(tensor, "numpy") else tensor
        if "bfloat16" in str(getattr(tensor, "dtype", "")):
            found = found.astype("float32")
        return arrays.as_array(found)

    def dtype(self, tensor: Any) -> str:
        return str(self._tf.as_dtype(tensor.dtype).name)

    @contextlib.contextmanager
    def global_policy(self, policy: str) -> Iterator[None]:
        precision = self.keras.mixed_precision
        before = precision.global_policy()
        precision.set_global_policy(policy)
        try:
            yield
        finally:
            precision.set_global_policy(before)

    def symbolic(self, batch_shape: tuple[int | None, ...], dtype: str) -> Any:
        return self.keras.Input(
            shape=batch_shape[1:], batch_size=batch_shape[0], dtype=dtype
        )

    def copy(self, tensor: Any) -> Any:
        return self._tf.identity(tensor)

    def cast(self, tensor: Any, dtype: str) -> Any:
        return self._tf.cast(tensor, dtype)

    def is_tensor(self, value: Any) -> bool:
        return bool(self._tf.is_tensor(value))

    def is_variable(self, value: Any) -> bool:
        return isinstance(value, self._tf.Variable)

    def is_foreign_variable(self, value: Any) -> bool:  # noqa: ARG002 -- it tracks all
        return False

    def _raw(self, variable: Any) -> Any:
        return variable

    def _weighted(self, output: Any, number: int) -> Any:
        dtype = "float64" if self.dtype(output) == "float64" else "float32"
        weights = arrays.projection(self.shape(output), dtype, number)
        return self._tf.reduce_sum(self._tf.cast(output, dtype) * weights)


class _Jax(Engine):
    tracing_compiles = True
    uncompiled = "JAX traces and compiles in one: see traced_equals_eager"

    @property
    def _jax(self) -> Any:
        return sys.modules["jax"]

    def available(self, dtype: str) -> str:
        if dtype == "string":
            return dtype
        return str(self._jax.dtypes.canonicalize_dtype(dtype))

    def _stateless(
        self, call: Call, layer: Any, values: list[Any], inputs: Any
    ) -> tuple[Any, list[Any]]:
        """The outputs and the new values of all variables: no side effects."""
        mapping = list(zip(layer.variables, values, strict=True))
        with self.keras.StatelessScope(
            state_mapping=mapping, collect_losses=True
        ) as scope:
            outputs = call(inputs)
        after = [
            value if (new := scope.get_current_value(one)) is None else new
            for one, value in mapping
        ]
        return outputs, after

    def _compiled(self, call: Call, layer: Any, inputs: Any, how: str) -> Any:  # noqa: ARG002 -- other backends need it
        return self._traced(call, layer, inputs, set())(inputs)

    def _traced(self, call: Call, layer: Any, inputs: Any, free: set[int]) -> Call:  # noqa: ARG002 -- JAX traces for each shape
        function = self._jax.jit(
            lambda values, tensors: self._stateless(call, layer, values, tensors)
        )

        def run(tensors: Any) -> Any:
            outputs, after = function([one.value for one in layer.variables], tensors)
            self.assign(layer, after)
            return outputs

        return run

    def _gradients(
        self, call: Call, layer: Any, inputs: Any, weights: list[Any]
    ) -> Gradients:
        leaves = flatten(inputs)
        floats = [number for number, one in enumerate(leaves) if self._is_float(one)]
        chosen = {id(one): number for number, one in enumerate(weights)}

        def loss(free: list[Any], given: list[Any]) -> Any:
            values = [
                free[chosen[id(one)]] if id(one) in chosen else one.value
                for one in layer.variables
            ]
            now = list(leaves)
            for number, value in zip(floats, given, strict=True):
                now[number] = value
            outputs, _ = self._stateless(call, layer, values, _filled(inputs, now))
            return self.projected(outputs)

        value, found = self._jax.value_and_grad(loss, argnums=(0, 1))(
            [one.value for one in weights], [leaves[number] for number in floats]
        )
        return Gradients(float(value), *(list(map(self.array, one)) for one in found))

    def _is_float(self, value: Any) -> bool:
        return hasattr(value, "dtype") and arrays.is_float(str(value.dtype))

    @contextlib.contextmanager
    def double(self) -> Iterator[None]:
        config = self._jax.config
        before = config.jax_enable_x64
        config.update("jax_enable_x64", True)
        try:
            with super().double():
                yield
        finally:
            config.update("jax_enable_x64", before)


def _filled(structure: Any, leaves: list[Any]) -> Any:
    """The structure with these leaves, in the order of `flatten`."""
    rest = iter(leaves)
    return mapped(lambda _: next(rest), structure)


class _Torch(Engine):
    untraced = uncompiled = "Keras runs eagerly on PyTorch"

    @property
    def _torch(self) -> Any:
        return sys.modules["torch"]

    def seed_lightly(self, seed: int) -> None:
        super().seed_lightly(seed)
        self._torch.manual_seed(seed)

    def is_foreign_variable(self, value: Any) -> bool:
        return isinstance(value, self._torch.nn.Parameter)

    def _gradients(
        self,
        call: Call,
        layer: Any,  # noqa: ARG002 -- other backends need it
        inputs: Any,
        weights: list[Any],
    ) -> Gradients:
        inputs = mapped(self._leaf, inputs)
        floats = [
            one for one in flatten(inputs) if getattr(one, "requires_grad", False)
        ]
        wanted = [*(one.value for one in weights), *floats]
        value = self.projected(call(inputs))
        # What does not depend on any of them has no graph to go back through.
        found = (
            self._torch.autograd.grad(value, wanted, allow_unused=True)
            if value.requires_grad and wanted
            else [None] * len(wanted)
        )
        given = [None if one is None else self.array(one) for one in found]
        return Gradients(float(value), given[: len(weights)], given[len(weights) :])

    def _leaf(self, value: Any) -> Any:
        """A copy of a tensor that gradients reach; what is no float is left alone."""
        if not (self.is_tensor(value) and value.is_floating_point()):
            return value
        return value.detach().clone().requires_grad_(True)


def engine_of(keras: Any, backend: str) -> Engine:
    """The engine of a loaded Keras.

    Args:
        keras: the Keras module.
        backend: the name of its backend.
    """
    legacy = str(keras.__version__).startswith("2.")
    kinds = {"tensorflow": _TensorFlow, "jax": _Jax, "torch": _Torch}
    kind = _Legacy if legacy else kinds.get(backend, _NoGradients)
    return kind(keras, backend, legacy=legacy)
