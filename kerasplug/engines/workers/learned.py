"""What an optimizer has learned, here and in a worker: steps, momenta, means."""

from collections.abc import Callable, Mapping
from typing import Any

from kerasplug.engines.workers.carrying import kept, same_bits
from kerasplug.errors import ModelError, WorkerError

__all__ = ["Learned"]

_Ask = Callable[..., tuple[dict[str, Any], dict[str, Any]]]


class Learned:
    """What the optimizer of the model here has learned, and its likeness in a worker.

    Args:
        optimizer: of the model here.
        variables: as the engine's `optimizer_state` gives them; None: the one there
            begins anew, and what it learns stays there.

    Attributes:
        ahead: whether the worker has made steps since it came here last.
    """

    def __init__(self, optimizer: Any, variables: Mapping[str, Any] | None) -> None:
        self._optimizer = optimizer
        self._variables = variables
        self._alike: dict[str, Any] = {}
        self._step = -1  # that the worker was told, or said; none yet
        self._made = 0
        self.ahead = False

    def push(self, ask: _Ask) -> None:
        """Send it, where it has changed here.

        Args:
            ask: the worker.

        Raises:
            ModelError: it has, and there as well.
        """
        if self._variables is None:
            return
        step, arrays = int(self._optimizer.iterations), self._gathered()
        if step == self._step + self._made and same_bits(arrays, self._alike):
            return
        if self.ahead:
            message = "The optimizer was changed here, and there as well, by training."
            expected = "remote.sync() before it is changed here"
            mend = "remote.sync(), which takes what it has learned there"
            raise ModelError(message, expected=expected, mend=mend)
        ask("set_optimizer", arrays, step=step)
        self._step, self._alike = step, arrays

    def count(self) -> None:
        """Note that the worker has made a step: here it is one, too."""
        self._optimizer.iterations.assign_add(1)
        self._made += 1

    def fetched(self, ask: _Ask) -> list[tuple[Any, Any]]:
        """Pairs of a variable here and what it is there.

        Args:
            ask: the worker.

        Raises:
            WorkerError: the worker gave something else; nothing was changed.
        """
        if self._variables is None:
            return []
        reply, arrays = ask("get_optimizer")
        found = {name: tuple(array.shape) for name, array in arrays.items()}
        wanted = {name: tuple(one.shape) for name, one in self._variables.items()}
        if found != wanted or type(reply.get("step")) is not int:
            different = sorted(dict(found.items() ^ wanted.items()))
            where = ", ".join(different[:6]) or "step"
            message = f"The worker's optimizer has learned something else: {where}."
            raise WorkerError(
                message,
                found=f"{len(found)} arrays, step {reply.get('step')!r}",
                expected=f"{len(wanted)} arrays, and the number of steps",
            )
        pairs = [(one, arrays[name]) for name, one in self._variables.items()]
        return [(self._optimizer.iterations, reply["step"]), *pairs]

    def settle(self) -> None:
        """Note that what was fetched is here now."""
        self._step, self._alike = int(self._optimizer.iterations), self._gathered()
        self._made, self.ahead = 0, False

    def forget(self) -> None:
        """Take back the steps that the worker has lost."""
        if self._made:
            self._optimizer.iterations.assign_sub(self._made)
        self._made, self.ahead = 0, False

    def _gathered(self) -> dict[str, Any]:
        from kerasplug.implementation import implementation

        ops: Any = implementation().ops
        variables = self._variables or {}
        return kept({name: ops.convert_to_numpy(v) for name, v in variables.items()})
