"""Layers made with a dtype policy, for the checks that compute in another dtype."""

import inspect
from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.testing.conformance.structures import flatten

__all__ = ["demand_float", "made", "made_globally"]


def demand_float(case: Case) -> None:
    """For a check that makes the layer with another dtype policy.

    Raises:
        NotApplicable: it computes with no floats; or the layers it was given have
            policies of their own.
    """
    if any(case.engine.is_layer(one) for one in flatten(case.subject.arguments)):
        reason = (
            "init_kwargs has layers, made with a policy of their own: give a function "
            "that makes them"
        )
        raise NotApplicable(reason)
    dtype = str(case.once(Case.layer).compute_dtype)
    if not arrays.is_float(dtype):
        reason = f"it computes in {dtype}, whatever the policy"
        raise NotApplicable(reason)


def made(case: Case, policy: str) -> Any:
    """A new layer with this policy, not built.

    Where a function makes it, or its constructor has no `dtype`, by the global policy:
    so what it is made of has the policy as well.
    """
    if case.subject.factory is None and _takes_dtype(case):
        return case.layer(dtype=policy)
    return made_globally(case, policy)


def _takes_dtype(case: Case) -> bool:
    parameters = inspect.signature(case.cls).parameters
    return "dtype" in parameters or any(
        one.kind is one.VAR_KEYWORD for one in parameters.values()
    )


def made_globally(case: Case, policy: str) -> Any:
    """A new layer, made while this policy is the global one; not built."""
    with case.engine.global_policy(policy):
        return case.layer()
