"""A layer and how it is to be checked, written down before anything is imported."""

from collections.abc import Iterable, Mapping
from typing import Any

from kerasplug.errors import CheckSetupError
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Check
from kerasplug.testing.conformance.inputs import Inputs
from kerasplug.testing.conformance.outcome import Outcome
from kerasplug.testing.conformance.report import Report
from kerasplug.testing.conformance.running import run, undisturbed
from kerasplug.testing.conformance.subject import Subject, label_of
from kerasplug.testing.conformance.suite import chosen, unknown

__all__ = ["LayerCase"]


class LayerCase:
    """A layer, its arguments, and the inputs that it is checked on.

    Nothing is imported and no layer is made before the first check runs, so a case can
    stand in `parametrize_with_checks` where Keras is missing.

    Args:
        layer: a layer class; the name of one, as `kerasplug.layers` has it or as
            `"module:Class"`; or a function that makes a new layer at each call.
        init_kwargs: arguments of the constructor, or of the function. Default: none.
        input_shape: the shape of the inputs with the number of rows, at least 2 for the
            best checks; for several inputs a list, tuple or dict of shapes. A dict
            whose keys are arguments of `call` is given as these arguments.
        input_data: arrays, in the same structures, in place of shapes.
        input_dtype: the dtype of the inputs, or a structure of dtypes. Default:
            "float32", or that of the data.
        input_bounds: `(low, high)` of the values that are made for `input_shape`;
            integers are below `high`. Default: normal floats, integers 0 and 1.
        call_kwargs: further arguments of each call. Default: none.
        alternatives: by argument of the constructor, another value that it may have,
            for the check that all of them are in the configuration. Default: one that
            is made up by the kind of value, where that is possible.
        custom_objects: what else is needed to read the layer's configuration.
        expected_failures: by id of a check, why it fails. One that passes is a failure.
        checks: only these, by id. Default: all.
        minimum: how many checks have to apply at least. Default: no such demand.
        cross_backend: whether the outputs and gradients are compared with those of each
            other installed backend, in processes of their own. Default: False.
        tolerance: `(relative, absolute)` difference that counts as equal. Default: by
            dtype, for float32 `(1e-4, 1e-5)`.
        timeout: how many seconds a check in another process may take. Default: 120.
        name: how the layer is called in ids. Default: the name of the class.

    Raises:
        CheckSetupError: an id that no check has; a shape that is none.

    Example:
        >>> case = LayerCase("keras.layers:Dense", init_kwargs={"units": 3},
        ...                  input_shape=(2, 4))
        >>> case.name
        'Dense'
    """

    def __init__(  # noqa: PLR0913 -- how a layer is checked, each by its name
        self,
        layer: Any,
        *,
        init_kwargs: Mapping[str, Any] | None = None,
        input_shape: Any = None,
        input_data: Any = None,
        input_dtype: Any = None,
        input_bounds: tuple[float, float] | None = None,
        call_kwargs: Mapping[str, Any] | None = None,
        alternatives: Mapping[str, Any] | None = None,
        custom_objects: Mapping[str, Any] | None = None,
        expected_failures: Mapping[str, str] | None = None,
        checks: Iterable[str] | None = None,
        minimum: int | None = None,
        cross_backend: bool = False,
        tolerance: tuple[float, float] | None = None,
        timeout: float = 120,
        name: str | None = None,
    ) -> None:
        self.layer = layer
        self.name = name or label_of(layer)
        self.checks = chosen(checks)
        self.expected = dict(expected_failures or {})
        self.minimum = minimum
        self._check_expected()
        self._init_kwargs = dict(init_kwargs or {})
        self._inputs = (input_shape, input_data, input_dtype, input_bounds)
        self._options: dict[str, Any] = {
            "call_kwargs": call_kwargs,
            "alternatives": alternatives,
            "custom_objects": custom_objects,
            "tolerances": tolerance,
            "cross_backend": cross_backend,
            "timeout": timeout,
        }
        self._case: Case | CheckSetupError | None = None
        self._outcomes: dict[str, Outcome] = {}

    def _check_expected(self) -> None:
        unknown(self.expected, "expected_failures")
        for name, reason in self.expected.items():
            if not isinstance(reason, str) or not reason.strip():
                what = f"expected_failures[{name!r}] gives no reason."
                raise CheckSetupError(
                    what, found=repr(reason), expected="why the check fails, in words"
                )
            if name not in [one.id for one in self.checks]:
                what = f"expected_failures names {name!r}, which is not run."
                raise CheckSetupError(
                    what, found=f"checks={[one.id for one in self.checks]}"
                )

    @property
    def case(self) -> Case:
        """The live case, made at first use.

        Raises:
            CheckSetupError: the layer can't be made, or can't be called on the inputs.
        """
        if self._case is None:
            with undisturbed():
                self._case = self._made()
            self._start_early()
        if isinstance(self._case, CheckSetupError):
            raise self._case
        return self._case

    def _start_early(self) -> None:
        """Start Keras in other processes while the checks of this one run."""
        if isinstance(self._case, Case) and any(one.fresh for one in self.checks):
            from kerasplug.testing.conformance.fresh.asking import start_early

            start_early(self._case)

    def _made(self) -> Case | CheckSetupError:
        try:
            subject = Subject(self.layer, self._init_kwargs)
            return Case(subject, Inputs(*self._inputs), **self._options)
        except CheckSetupError as error:
            return error

    def outcome(self, check: Check) -> Outcome:
        """How a check ends; it runs once."""
        if check.id not in self._outcomes:
            self._outcomes[check.id] = run(
                check, self.case, self.expected.get(check.id)
            )
        return self._outcomes[check.id]

    def report(self) -> Report:
        """How all checks end; those run that did not run yet."""
        case = self.case
        outcomes = [self.outcome(check) for check in self.checks]
        version = case.keras.__version__
        family = "tf_keras" if case.engine.legacy else "keras"
        return Report(self.name, f"{family} {version}, {case.engine.name}", outcomes)
