"""What authors call: `check_layer`, `layer_checks`, `parametrize_with_checks`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from kerasplug.errors import CheckSetupError, ConformanceError
from kerasplug.testing.conformance.check import Check
from kerasplug.testing.conformance.layer_case import LayerCase
from kerasplug.testing.conformance.outcome import Outcome
from kerasplug.testing.conformance.report import Report
from kerasplug.testing.skipping import runs_under_pytest, skip

__all__ = ["LayerCheck", "check_layer", "layer_checks", "parametrize_with_checks"]

_Test = TypeVar("_Test", bound=Callable[..., Any])


def check_layer(layer: Any, **options: Any) -> Report:
    """Run every check that applies to a layer.

    Args:
        layer: a layer class, the name of one, or a function that makes a new layer.
        **options: as `LayerCase` has them: `init_kwargs`, `input_shape`,
            `expected_failures`, …

    Returns:
        The report: which checks ran, which did not and why.

    Raises:
        ConformanceError: a check failed; or one that was expected to fail did not; or
            fewer than `minimum` ran. It lists all of them; `report` is an attribute.
        CheckSetupError: the call says nothing about the layer: arguments that don't
            make it, inputs that it refuses, an unknown check.

    Example:
        >>> report = check_layer("keras.layers:Dense", init_kwargs={"units": 3},
        ...     input_shape=(2, 4), checks=["build_equals_call", "batch_sizes"])
        >>> report.ids("passed")
        ['build_equals_call', 'batch_sizes']
    """
    case = LayerCase(layer, **options)
    report = case.report()
    if report.faults:
        _raise(report)
    _demand(case, report)
    return report


def _raise(report: Report) -> None:
    ids = ", ".join(one.check.id for one in report.faults)
    listed = "\n\n".join(str(one) for one in report.faults)
    what = f"{report.layer} fails {len(report.faults)} checks: {ids}.\n\n{listed}\n"
    raise ConformanceError(what, report=report, found=report.summary())


def _demand(case: LayerCase, report: Report) -> None:
    """Refuse a report of fewer checks than were demanded."""
    if case.minimum is None or len(report.ran) >= case.minimum:
        return
    what = f"Only {len(report.ran)} checks said something about {report.layer}."
    raise ConformanceError(
        what,
        report=report,
        found="\n".join(["", *str(report).splitlines()]),
        expected=f"at least {case.minimum}",
        mend="see why the others did not apply; or lower `minimum`",
    )


class LayerCheck:
    """One check of one layer; calling it runs it.

    Args:
        check: the check.
        case: the layer.
    """

    def __init__(self, check: Check, case: LayerCase) -> None:
        self.check = check
        self.case = case
        self.__doc__ = f"{check.title} {check.why}"

    @property
    def id(self) -> str:
        """The id of the check, as `expected_failures` takes it."""
        return self.check.id

    def outcome(self) -> Outcome:
        """How it ends; it runs once."""
        return self.case.outcome(self.check)

    def __call__(self) -> None:
        """Run it.

        Raises:
            ConformanceError: the layer fails it, or passes though it was expected to
                fail.
            CheckSetupError: the layer can't be made or called.
        """
        __tracebackhide__ = True
        outcome = self.outcome()
        if outcome.is_fault:
            what = f"{self.case.name} fails {outcome}"
            raise ConformanceError(what) from outcome.cause
        if outcome.status == "not applicable":
            skip(f"{self.id} does not apply: {outcome.what}")
        if outcome.status == "expected":
            _expected(outcome)

    def __repr__(self) -> str:
        return f"{self.case.name}-{self.id}"


def _expected(outcome: Outcome) -> None:
    """Under pytest an expected failure is shown as one; elsewhere it is fine."""
    if runs_under_pytest():
        import pytest

        pytest.xfail(outcome.what)


class _Enough(LayerCheck):
    """The demand that enough checks apply, as an item among the others."""

    def __call__(self) -> None:
        __tracebackhide__ = True
        assert self.case.minimum is not None
        _demand(self.case, self.case.report())


def layer_checks(layer: Any, **options: Any) -> Iterator[LayerCheck]:
    """The single checks of a layer, each to be called.

    Args:
        layer: as for `check_layer`, or a `LayerCase`.
        **options: as `LayerCase` has them.

    Yields:
        The checks: `id`, `__doc__`, and calling one runs it. With `minimum` the last
        one is `enough_checks`.

    Raises:
        CheckSetupError: an option names a check that there is not.

    Example:
        >>> checks = layer_checks("keras.layers:Dense", init_kwargs={"units": 3},
        ...     input_shape=(2, 4))
        >>> next(checks).id
        'config_holds_arguments'
    """
    case = layer if isinstance(layer, LayerCase) else LayerCase(layer, **options)
    for check in case.checks:
        yield LayerCheck(check, case)
    if case.minimum is not None:
        yield _Enough(_ENOUGH, case)


_ENOUGH = Check(
    "enough_checks",
    lambda case: None,  # noqa: ARG005 -- it is about the others
    "As many checks apply as were demanded.",
    "A green run of nothing but skips says nothing.",
    "see why the others did not apply",
)


def parametrize_with_checks(cases: Iterable[Any]) -> Callable[[_Test], _Test]:
    """Make each check of each layer an own item of pytest.

    Args:
        cases: `LayerCase`s; their names have to differ.

    Returns:
        A decorator for a test with one argument, `check`.

    Raises:
        CheckSetupError: no case, one that is no `LayerCase`, or two of one name.

    Example:
        >>> @parametrize_with_checks([
        ...     LayerCase("keras.layers:Dense", init_kwargs={"units": 3},
        ...               input_shape=(2, 4)),
        ... ])
        ... def test_conformance(check):
        ...     check()
    """
    import pytest

    found = list(cases)
    _check_cases(found)
    checks = [one for case in found for one in layer_checks(case)]
    return pytest.mark.parametrize("check", checks, ids=repr)


def _check_cases(cases: list[Any]) -> None:
    for one in cases:
        if not isinstance(one, LayerCase):
            what = "parametrize_with_checks takes LayerCases."
            raise CheckSetupError(
                what,
                found=repr(one),
                mend="LayerCase(MyLayer, init_kwargs={...}, input_shape=(2, 8))",
            )
    names = [one.name for one in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice or not names:
        what = "The cases of parametrize_with_checks have different names."
        raise CheckSetupError(
            what,
            found=f"{sorted(twice)} more than once" if twice else "no case at all",
            mend="name= is an argument of LayerCase",
        )
