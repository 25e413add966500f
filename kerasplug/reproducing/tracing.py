"""What is known of a program while it runs and trains with Keras."""

import contextlib
import functools
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from kerasplug.reproducing.journal import Group, Journal
from kerasplug.reproducing.tracing_values import flat, host

__all__ = ["Engine", "Trace", "batch", "put_round"]

#: How the state of a seed generator is called in every layer that has one.
_SEED = "seed_generator_state"
_KNOWN = "_kerasplug_known"


class Engine(Protocol):
    """What is done differently on each engine."""

    def patch(self) -> None:
        """Put ourselves round the engine's own training."""

    def tap(self, group: Group, values: Sequence[Any]) -> Any:
        """See to it that values are written down when they have been computed."""

    def elsewhere(self) -> bool:
        """Whether nothing can be looked at here, as in a pipeline of data."""

    def ahead(self, training: Any, values: Iterable[Any]) -> bool:
        """Whether what is computed from these belongs to a step of training."""

    def value(self, variable: Any) -> Any:
        """What a variable has by now, in the code that runs; None: nothing known."""

    def initial(self, variable: Any) -> Any:
        """What it has by now, outside of compiled code; None: nothing known."""


class Trace:
    """What is known of the running program.

    Args:
        journal: where events are written.
        inside: whether to look into the steps, at activations, losses and gradients.
    """

    def __init__(self, journal: Journal, *, inside: bool) -> None:
        self.journal = journal
        self.inside = inside
        self.notes: dict[str, None] = {}
        self.places: set[str] = set()
        self.engine: Engine | None = None
        self.managed = 0
        self._models: list[weakref.ref[Any]] = []

    def note(self, text: str) -> None:
        """Say once what could not be seen, or was changed in order to see."""
        self.notes[text] = None

    @contextlib.contextmanager
    def managing(self) -> Iterator[None]:
        """Within: somebody else says when a step begins and ends."""
        self.managed += 1
        try:
            yield
        finally:
            self.managed -= 1

    def now(self, group: Group, values: Iterable[Any]) -> None:
        """Write down values that are there already."""
        if threading.current_thread() is not threading.main_thread():
            self.note("What layers compute in threads of their own was not compared.")
            return
        self.arrived(group, values)

    def arrived(self, group: Group, values: Iterable[Any]) -> None:
        """The same, from whichever thread compiled code calls."""
        try:
            self.journal.take(group, [host(value) for value in values])
        except Exception as error:  # noqa: BLE001 -- the program has to go on
            first = group.events[0] if group.events else ("step", "")
            what = f"{type(error).__name__}: {error}"
            self.note(f"{' '.join(first)} could not be recorded: {what}")

    def models(self) -> list[Any]:
        """The models that were called and are still alive, in order."""
        found = (one() for one in self._models)
        return [one for one in found if one is not None]

    def add_model(self, model: Any) -> None:
        """Remember a model that computes by itself, not as a part of another one."""
        if not any(one is model for one in self.models()):
            self._models.append(weakref.ref(model))

    def weights(
        self,
        variables: Iterable[Any],
        moment: str,
        value: Callable[[Any], Any] | None = None,
    ) -> None:
        """Write down what variables have, or see to it that it will be.

        Args:
            variables: of Keras.
            moment: as in a group.
            value: gives what one has; None: as the engine knows it.
        """
        assert self.engine is not None
        value = value or self.engine.value
        pairs = [(one, value(one)) for one in variables]
        pairs = [(one, value) for one, value in pairs if value is not None]
        kinds = tuple((_kind(one, "weight"), one.path) for one, _ in pairs)
        self.engine.tap(Group(kinds, moment), [value for _, value in pairs])

    def begin_with(self, variables: Iterable[Any], value: Callable[[Any], Any]) -> None:
        """Write down what variables have that nobody has seen yet.

        Args:
            variables: of Keras.
            value: gives what one has; None: not known.
        """
        events, values = [], []
        for variable in variables:
            found = None if getattr(variable, _KNOWN, False) else value(variable)
            if found is not None:
                setattr(variable, _KNOWN, True)
                events.append((_kind(variable, "initial weight"), variable.path))
                values.append(found)
        if events:
            self.now(Group(tuple(events)), values)

    def together(self, variables: Sequence[Any]) -> list[Any]:
        """Variables, and all others of the models that they belong to."""
        found = {id(one): one for one in variables}
        for model in self.models():
            if any(id(one) in found for one in model.trainable_variables):
                found |= {id(one): one for one in model.variables}
        return list(found.values())


def put_round(owner: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace a function or method by one that gets the original first.

    Args:
        owner: class or module.
        name: of what it has.
        around: called with the original, then with the arguments of the call.
    """
    original = getattr(owner, name)

    @functools.wraps(original)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    # TensorFlow translates the source of what it doesn't know; this is to run as it is.
    replaced.autograph_info__ = {}  # type: ignore[attr-defined]  # its mark
    setattr(owner, name, replaced)


def batch(data: Any) -> list[tuple[str, Any]]:
    """(name, leaf) of what a step of training gets."""
    if not isinstance(data, list | tuple):
        return [*flat(data, "x")]
    names = ("x", "y", "sample_weight")
    pairs = zip(names, data, strict=False)
    return [each for name, one in pairs for each in flat(one, name)]


def _kind(variable: Any, otherwise: str) -> str:
    return "seed state" if variable.path.endswith(_SEED) else otherwise
