"""Dtype policies: what is computed in which dtype, and how well."""

from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.policies import demand_float, made, made_globally
from kerasplug.testing.conformance.structures import flatten, mapped, paths

__all__ = [
    "global_policy_is_honoured",
    "policy_float64",
    "policy_mixed_bfloat16",
    "policy_mixed_float16",
]

#: By policy: the dtype that is computed in and that of variables, and how far outputs
#: as a whole may be from those in float32.
_POLICIES = {
    "mixed_float16": ("float16", "float32", 0.1),
    "mixed_bfloat16": ("bfloat16", "float32", 0.3),
    "float64": ("float64", "float64", 1e-3),
}

#: float16 ends at 65504, and sums are larger than what is summed.
_HALF = 1e4

#: What a backend says when this device lacks an operation in this dtype.
_LACKING = (
    "not implemented for 'Half'",
    "not implemented for 'BFloat16'",
    "No registered",
    "Could not find device for node",
    "Unsupported dtype float16",
    "Unsupported dtype bfloat16",
)
#: TensorFlow has operations without float64, and whoever calls one can't help it;
#: what lacks the half dtypes has to be called with float32.
_LACKING_DOUBLE = "Value for attr 'T' of double is not in the list"

#: False where a layer takes its inputs in the dtype that they have, as Keras' own for
#: images do.
_CONVERTS = "_convert_input_args"

_MEND = (
    "pass dtype to super().__init__() and to sublayers; in call() take dtypes from "
    "self.compute_dtype, in add_weight() leave dtype out, never write 'float32'"
)


@check(
    why="Training in mixed precision, which users turn on to be twice as fast, raises, "
    "gives NaN, or silently goes on in float32.",
    mend=_MEND,
)
def policy_mixed_float16(case: Case) -> None:
    """With the policy mixed_float16 it computes in float16, weights are float32."""
    _policy(case, "mixed_float16")


@check(
    why="Training in mixed precision on TPUs and new GPUs raises, or silently goes on "
    "in float32.",
    mend=_MEND,
)
def policy_mixed_bfloat16(case: Case) -> None:
    """With the policy mixed_bfloat16 it computes in bfloat16, weights are float32."""
    _policy(case, "mixed_bfloat16")


@check(
    why="Who needs the precision of float64 gets that of float32 and is not told; or "
    "an error where both meet.",
    mend=_MEND,
)
def policy_float64(case: Case) -> None:
    """With the policy float64 weights and outputs are float64."""
    with case.engine.double():
        _policy(case, "float64")


def _policy(case: Case, policy: str) -> None:
    demand_float(case)
    reference = case.once(_reference)
    layer = made(case, policy)
    _check_layer(layer, policy)
    try:
        _check_outputs(case, reference, layer, policy)
    except Exception as error:
        if any(said in str(error) for said in (*_LACKING, _LACKING_DOUBLE)):
            reason = (
                f"an operation that it uses is not there in {policy}, on this device"
            )
            raise NotApplicable(reason) from error
        raise


class _Reference:
    """The layer in float32: its values, and which dtypes it gives.

    Its variables are set anew by everybody who calls it.
    """

    def __init__(self, case: Case) -> None:
        case.seed(0)
        self.case = case
        self.layer = made(case, "float32")
        outputs = case.call(self.layer, case.tensors(), training=False)
        self.dtypes = [case.engine.dtype(one) for one in flatten(outputs)]
        self.values = case.engine.values(self.layer)
        self.weights = [case.engine.dtype(one) for one in self.layer.weights]

    def outputs(self, dtype: str) -> Any:
        """The outputs where weights and inputs have the values that a dtype has."""
        values = [arrays.rounded(one, dtype) for one in self.values]
        self.case.engine.assign(self.layer, values)
        self.case.forget(self.layer)
        return self.case.outputs(self.layer, _rounded(self.case, dtype))


def _reference(case: Case) -> _Reference:
    return _Reference(case)


def _rounded(case: Case, dtype: str) -> Any:
    return mapped(lambda one: arrays.rounded(one, dtype), case.data())


def _check_layer(layer: Any, policy: str) -> None:
    compute, variable, _ = _POLICIES[policy]
    found = (
        f"compute_dtype {layer.compute_dtype}, variable_dtype {layer.variable_dtype}"
    )
    expected = f"compute_dtype {compute}, variable_dtype {variable}"
    if found != expected:
        what = f"A layer made with dtype={policy!r} has another policy."
        raise Failed(what, found=found, expected=expected)


def _check_outputs(case: Case, reference: _Reference, layer: Any, policy: str) -> None:
    compute, variable, limit = _POLICIES[policy]
    data = _rounded(case, compute)
    if policy == "float64":
        data = mapped(_double, data)
    tensors = case.engine.tensors(data)
    case.call(layer, tensors, training=False)
    _check_weights(case, reference, layer, variable)
    case.engine.assign(layer, reference.values)
    case.forget(layer)
    outputs = case.call(layer, tensors, training=False)
    _check_dtypes(case, reference, layer, outputs, "in inference")
    _check_symbolic(case, layer, outputs, policy)
    _check_values(case, reference.outputs(compute), outputs, policy, limit)
    in_training = case.call(layer, tensors, training=True)
    _check_dtypes(case, reference, layer, in_training, "in training")


def _double(array: Any) -> Any:
    return array.astype("float64") if array.dtype.kind == "f" else array


def _check_weights(
    case: Case, reference: _Reference, layer: Any, expected: str
) -> None:
    if len(layer.weights) != len(reference.weights):
        what = f"The number of weights depends on the policy {layer.dtype_policy.name}."
        raise Failed(
            what,
            found=f"{len(layer.weights)} weights",
            expected=f"{len(reference.weights)}, as in float32",
        )
    for weight, before in zip(layer.weights, reference.weights, strict=True):
        found = case.engine.dtype(weight)
        if before == "float32" and found != expected:
            what = f"The weight {case.engine.label(weight)!r} is not in variable_dtype."
            raise Failed(what, found=found, expected=expected)


def _check_dtypes(
    case: Case, reference: _Reference, layer: Any, outputs: Any, mode: str
) -> None:
    """What is float32 in float32 is in the policy's dtype, but for uncast inputs."""
    allowed = {str(layer.compute_dtype)}
    if not all(getattr(layer, name, True) for name in ("autocast", _CONVERTS)):
        allowed.add("float32")
    found = [(where, case.engine.dtype(one)) for where, one in paths(outputs)]
    for (where, dtype), before in zip(found, reference.dtypes, strict=False):
        if before == "float32" and dtype not in allowed:
            what = f"The output{where} {mode} is not in the dtype of the policy."
            raise Failed(what, found=dtype, expected=str(layer.compute_dtype))


def _check_symbolic(case: Case, layer: Any, outputs: Any, policy: str) -> None:
    dtype = "float64" if policy == "float64" else None
    try:
        symbolic = case.call(layer, case.symbolic(case.inputs.batch, dtype=dtype))
    except Exception:
        case.model(batch=case.inputs.batch)  # blocked where float32 can't either
        raise
    said, given = (
        [case.engine.dtype(one) for one in flatten(structure)]
        for structure in (symbolic, outputs)
    )
    if said != given:
        what = "Symbolic outputs have other dtypes than eager ones."
        raise Failed(what, found=f"symbolic {said}", expected=f"as eager {given}")


def _check_values(
    case: Case, expected: Any, outputs: Any, policy: str, limit: float
) -> None:
    size = max(arrays.largest(expected), arrays.largest(case.data()))
    if size > _HALF and policy != "float64":
        return
    found = case.engine.arrays(outputs)
    for (where, one), two in zip(paths(found), flatten(expected), strict=False):
        if two.dtype.kind != "f" or one.shape != two.shape:
            continue
        if arrays.largest(one) > arrays.largest(two) * 100 + 100:
            what = f"The output{where} is not finite in {policy}, as it is in float32."
            raise Failed(what, found=_few(one), expected=_few(two))
        apart = arrays.relative(one, two)
        if apart > limit and case.repeats:
            what = f"The output{where} in {policy} is far from that in float32."
            raise Failed(
                what, found=f"{apart:.0%} apart", expected=f"at most {limit:.1%}"
            )


def _few(array: Any) -> str:
    return str(array.reshape(-1)[:4])


@check(
    why="keras.config.set_dtype_policy('mixed_float16') is one line at the top of a "
    "script: a layer that does not hear of it is slow, or does not fit the others.",
    mend="have dtype=None in __init__(), or only **kwargs, and pass it to "
    "super().__init__()",
)
def global_policy_is_honoured(case: Case) -> None:
    """A layer that is given no dtype takes the global policy."""
    if case.subject.arguments.get("dtype") is not None:
        reason = "init_kwargs says which dtype"
        raise NotApplicable(reason)
    demand_float(case)
    layer = made_globally(case, "mixed_bfloat16")
    found = str(layer.compute_dtype)
    if found != "bfloat16":
        what = "The global policy mixed_bfloat16 does not reach the layer."
        raise Failed(what, found=f"compute_dtype {found}", expected="bfloat16")
