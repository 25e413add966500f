"""A model with the layer, saved in this process, and what another one makes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasplug.saving.writing import without_advice
from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Check, Failed, NotApplicable
from kerasplug.testing.conformance.configs import config_of, demand_trip, trip
from kerasplug.testing.conformance.fresh.asking import Job, Raised, limits
from kerasplug.testing.conformance.fresh.pool import pool
from kerasplug.wrapping.classes import is_keras_own

__all__ = ["Saved", "saved", "verdict"]

#: Makes a job; the given classes are told to Keras beside the case's own.
Ask = Callable[..., Job]


class Saved:
    """A functional model of a used layer, its weights, and what it gives.

    Args:
        case: the layer.

    Raises:
        Blocked: no such model can be made.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.folder = pool().folder()
        self.layer = case.used()
        # A stateful layer has to know how many rows there are.
        self.batch = case.inputs.batch if case.is_stateful else None
        self.model = case.model(self.layer, self.batch)
        self.weights = [case.engine.array(one) for one in self.model.weights]
        self.outputs = self._outputs()
        #: Whether the outputs follow from weights and inputs.
        self.repeats = not case.differences(self.outputs, self._outputs())

    def _outputs(self) -> Any:
        made = self.case.model_outputs(self.model, self.case.data())
        for variable, value in zip(self.model.weights, self.weights, strict=True):
            variable.assign(value)
        return made

    def write(self, name: str, save: Callable[[Any, str], Any]) -> str:
        """The path of a file of the model; the one before it is removed.

        Args:
            name: of the file.
            save: writes the model to a path.

        Raises:
            Failed: the layer, or Keras for it, raises.
        """
        for earlier in self.folder.iterdir():
            earlier.unlink()
        path = self.folder / name
        try:
            with without_advice():
                save(self.model, str(path))
        except Exception as error:
            demand_trip(self.case)
            what = f"A model of it can't be saved as {_ending(path)}."
            raise Failed(
                what, found=f"{type(error).__name__}: {error}", expected="a file"
            ) from error
        return str(path)

    def fault(self, reply: dict[str, Any], subject: str) -> Failed | None:
        """How the model in the other process differs; None: not at all.

        Args:
            reply: its `weights` and `outputs`.
            subject: what is compared, for the message.
        """
        theirs, expected = reply["weights"], "as in the process that saved it"
        if len(theirs) != len(self.weights):
            what = f"{subject} has other weights in a new process."
            found = f"{len(theirs)} weights"
            return Failed(what, found=found, expected=f"the {len(self.weights)}")
        if (other := self._other_weight(theirs)) is not None:
            label, said = other
            what = f"{subject} has another value of {label!r} in a new process."
            return Failed(what, found=said, expected=expected)
        if self.repeats and (
            said := arrays.differences(
                self.outputs, reply["outputs"], *limits(self.case)
            )
        ):
            what = f"{subject} gives other outputs in a new process."
            return Failed(what, found=said, expected=expected)
        return None

    def _other_weight(self, theirs: list[Any]) -> tuple[str, str] | None:
        """The first weight with another value: what it is called, how it differs."""
        case = self.case
        for number, variable in enumerate(self.model.weights):
            mine, other = self.weights[number], theirs[number]
            if (said := case.differences(mine, other)) and not self._is_restored(
                number, other
            ):
                return case.engine.label(variable), said
        return None

    def _is_restored(self, number: int, other: Any) -> bool:
        """Whether the layer's own saving methods make it so in this process too.

        Keras' Dense adds what LoRA has learned to the kernel when it is saved.
        """
        again = self.case.once(_restored)
        return len(again) == len(self.weights) and not self.case.differences(
            again[number], other
        )


def _restored(case: Case) -> list[Any]:
    """The weights of a layer that got them as a file would give them."""
    layer = case.once(saved).layer
    again = trip(case, layer, config_of(layer))
    return [case.engine.array(one) for one in again.weights]


def _ending(path: Path) -> str:
    return "".join(path.suffixes)


def saved(case: Case) -> Saved:
    """The one model that all checks save, as `case.once` makes it."""
    return Saved(case)


def verdict(case: Case, ask: Ask, subject: str, made: Saved) -> None:
    """Have it loaded in another process, and compare.

    Args:
        case: the layer.
        ask: makes the job.
        subject: what is loaded, for the message.
        made: what was saved.

    Raises:
        Failed: it can't be loaded, or is not the same.
        Blocked: another check tells of the reason.
        NotApplicable: another process can't have the layer.
    """
    reply = ask().run()
    fault = (
        raised_fault(reply, f"{subject} can't be loaded in a new process.")
        if isinstance(reply, Raised)
        else made.fault(reply, subject)
    )
    if fault is None:
        return
    demand_trip(case)
    if isinstance(reply, Raised) and not is_keras_own(case.cls):
        _refuse_what_registering_mends(case, ask)
    raise fault


def raised_fault(reply: Raised, what: str) -> Failed:
    """The fault that an exception in the other process tells of.

    Args:
        reply: the exception.
        what: what is wrong, if it was not the import of a module.

    Raises:
        NotApplicable: it says so itself.
    """
    if reply.type == "NotApplicable":
        raise NotApplicable(reply.text)
    if reply.stage.startswith("importing "):
        name = reply.stage.removeprefix("importing ")
        what = f"The module {name} can't be imported in a new process."
    return Failed(
        what,
        found=f"{reply} ({reply.place})" if reply.place else str(reply),
        expected="no more than the import of the layer's own module is needed",
    )


def _refuse_what_registering_mends(case: Case, ask: Ask) -> None:
    """Nothing is said where all is well once Keras is told which class is meant."""
    if isinstance(ask(case.cls).run(), Raised):
        return
    from kerasplug.testing.conformance.checks import registration

    for one in vars(registration).values():
        if isinstance(one, Check) and not one.fresh and _fails(one, case):
            reason = "Keras does not know the class in a new process"
            raise Blocked(one.id, reason)


def _fails(check: Check, case: Case) -> bool:
    try:
        check.run(case)
    except NotApplicable:
        return False
    except Exception:  # noqa: BLE001 -- whatever a layer raises is a failure
        return True
    return False
