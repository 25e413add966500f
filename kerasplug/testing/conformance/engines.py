"""What differs between Keras 2 and 3, and between their backends: in one place.

The engine's own module is taken from `sys.modules`: Keras has started it, and kerasplug
has one door to Keras.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.engine import Call, Engine, Gradients
from kerasplug.testing.conformance.structures import flatten, mapped

__all__ = ["Engine", "Gradients", "engine_of"]


class _TensorFlow(Engine):
    traces_unknown = has_strings = True
    untraced = uncompiled = no_gradients = ""

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
    untraced = no_gradients = ""
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
    no_gradients = ""

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
    kind = _Legacy if legacy else kinds.get(backend, Engine)
    return kind(keras, backend, legacy=legacy)
