"""All checks, in the order in which they run."""

from collections.abc import Iterable

from kerasplug.errors import CheckSetupError
from kerasplug.testing.conformance.check import Check
from kerasplug.testing.conformance.checks import (
    backends,
    building,
    compiled,
    composing,
    configuration,
    copies,
    dtypes,
    gradients,
    learning,
    masks,
    modes,
    purity,
    randomness,
    registration,
    saving,
    shapes,
    sizes,
    tracking,
)
from kerasplug.wrapping.classes import did_you_mean

__all__ = ["CHECKS", "chosen", "unknown"]

_MODULES = (
    configuration,
    building,
    shapes,
    sizes,
    composing,
    compiled,
    modes,
    masks,
    randomness,
    dtypes,
    gradients,
    learning,
    purity,
    tracking,
    registration,
    copies,
    saving,
    backends,
)

#: Every check by its id.
CHECKS: dict[str, Check] = {
    one.id: one
    for module in _MODULES
    for one in vars(module).values()
    if isinstance(one, Check)
}


def chosen(ids: Iterable[str] | None) -> list[Check]:
    """The checks with these ids, in the suite's order; all of them for None.

    Raises:
        CheckSetupError: there is no such check.
    """
    wanted = None if ids is None else list(ids)
    unknown(wanted or (), "checks")
    return [one for one in CHECKS.values() if wanted is None or one.id in wanted]


def unknown(ids: Iterable[str], argument: str) -> None:
    """Refuse ids that no check has.

    Args:
        ids: what was given.
        argument: where it was given.

    Raises:
        CheckSetupError: there is no such check.
    """
    for name in ids:
        if name not in CHECKS:
            what = f"There is no check {name!r}."
            raise CheckSetupError(
                what,
                found=f"{argument} names {name!r}",
                expected="ids as `layer_checks()` gives them",
                mend=did_you_mean(str(name), CHECKS),
            )
