"""Training, evaluation and prediction in a worker, as Keras' own loops do them."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from kerasplug.engines.workers.feeding import Epochs
from kerasplug.engines.workers.metrics import Scores
from kerasplug.engines.workers.ports import Batch
from kerasplug.engines.workers.session import Session
from kerasplug.errors import KerasplugError, KerasplugWarning, WorkerError

__all__ = [
    "CHUNK",
    "Plan",
    "callback_list",
    "evaluated",
    "fitted",
    "predicted",
    "tested",
    "trained",
]

#: So many batches are predicted at once where nobody watches each.
CHUNK: Final = 32


class Plan(NamedTuple):
    """How long is trained, and who watches.

    Attributes:
        epochs: number of the last epoch.
        initial_epoch: number of the first, from 0.
        verbose: as that of `fit`.
        callbacks: as those of `fit`.
        validation_freq: every how many epochs is evaluated; or after which, from 1.
    """

    epochs: int
    initial_epoch: int
    verbose: Any
    callbacks: Any
    validation_freq: Any

    def validates(self, epoch: int) -> bool:
        """Whether is evaluated after an epoch."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq

    def check(self) -> None:
        """Nothing, where it makes sense.

        Raises:
            KerasplugError: it does not.
        """
        freq = self.validation_freq
        if isinstance(freq, int) and freq < 1:
            message = "validation_freq is no number of epochs."
            raise KerasplugError(message, found=f"{freq!r}", expected="1 or more")


def callback_list(
    session: Session, callbacks: Any, verbose: Any, steps: int | None, **params: Any
) -> Any:
    """The callbacks in Keras' own list, with the model here as theirs."""
    from kerasplug.implementation import implementation

    keras: Any = implementation()
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    return keras.callbacks.CallbackList(
        callbacks,
        add_progbar=verbose != 0,
        model=session.model,
        verbose=verbose,
        steps=steps,
        **params,
    )


def fitted(
    session: Session,
    scores: Scores,
    epochs: Epochs,
    validation: Epochs | None,
    plan: Plan,
) -> Any:
    """Train, and return the history.

    Raises:
        WorkerError: the worker failed; the model here has the weights that came last.
        KeyboardInterrupt: somebody pressed Ctrl-C; the model here has the weights of
            the last whole step, unless the worker did not answer.
    """
    training = _Training(session, scores, epochs, validation, plan)
    try:
        return training.run()
    except KeyboardInterrupt:
        with contextlib.suppress(WorkerError):  # where it was killed
            session.pull()
        raise


class _Training:
    """One call of `fit`."""

    def __init__(
        self,
        session: Session,
        scores: Scores,
        epochs: Epochs,
        validation: Epochs | None,
        plan: Plan,
    ) -> None:
        self._session = session
        self._model = session.model
        self._scores = scores
        self._epochs = epochs
        self._validation = validation
        self._plan = plan
        self._callbacks = callback_list(
            session,
            plan.callbacks,
            plan.verbose,
            epochs.steps,
            add_history=True,
            epochs=plan.epochs,
        )
        self._each_step = any(map(_saves_within_epochs, _all(self._callbacks)))

    def run(self) -> Any:
        """All epochs."""
        session, callbacks = self._session, self._callbacks
        self._model.stop_training = False
        callbacks.on_train_begin()
        logs = None
        # BackupAndRestore, which has put weights back, says so where to go on.
        first = getattr(self._model, "_initial_epoch", None) or self._plan.initial_epoch
        for epoch in range(first, self._plan.epochs):
            self._scores.reset()
            callbacks.on_epoch_begin(epoch)
            session.push()
            session.words()  # what callbacks have changed
            self._scores = session.ready(training=True)
            session.push_learned()
            if not self._epoch():
                _end_early(epoch - first)
                break
            session.pull()
            logs = self._scores.result()
            if self._validation is not None and self._plan.validates(epoch):
                logs |= self._validated(self._validation)
            callbacks.on_epoch_end(epoch, logs)
            if self._model.stop_training:
                break
        callbacks.on_train_end(logs)
        session.push()
        return self._model.history

    def _epoch(self) -> int:
        """The batches of an epoch; how many there were."""
        count = 0
        for batch in self._epochs:
            self._scores.prepare(batch)
            self._session.announce("train", batch.size, self._plan.verbose)
            self._session.sizes["train"] = batch.size
            self._callbacks.on_train_batch_begin(count)
            logs = self._step(batch)
            self._callbacks.on_train_batch_end(count, logs)
            count += 1
            if self._model.stop_training:
                break
        return count

    def _step(self, batch: Batch) -> dict[str, Any]:
        logs = trained(self._session, self._scores, batch)
        if self._each_step:
            self._session.pull()
        return logs

    def _validated(self, validation: Epochs) -> dict[str, Any]:
        session, verbose = self._session, self._plan.verbose
        found = evaluated(session, self._scores, validation, self._callbacks, verbose)
        return {f"val_{name}": value for name, value in found.items()}


def _all(callbacks: Any) -> list[Any]:
    return list(getattr(callbacks, "callbacks", ()))


def _saves_within_epochs(callback: Any) -> bool:
    """Whether it needs the weights after each batch: it saves after some of them."""
    return isinstance(getattr(callback, "save_freq", None), int)


def _end_early(done: int) -> None:
    """Say that there is no data for an epoch.

    Raises:
        KerasplugError: there was none at all.
    """
    if not done:
        message = "There is no batch to train with."
        raise KerasplugError(message, expected="at least one")
    message = f"The data ended after {done} epochs; training ends with them."
    warnings.warn(message, KerasplugWarning, stacklevel=6)


def trained(session: Session, scores: Scores, batch: Batch) -> dict[str, Any]:
    """Train with a batch; the numbers up to now."""
    reply, outputs = session.train(batch, outputs=scores.wants_outputs)
    return scores.add(batch, reply, outputs)


def tested(session: Session, scores: Scores, batch: Batch) -> dict[str, Any]:
    """Measure a batch; the numbers up to now."""
    reply, outputs = session.test(batch, outputs=scores.wants_outputs)
    return scores.add(batch, reply, outputs)


def evaluated(
    session: Session, scores: Scores, epochs: Epochs, callbacks: Any, verbose: Any
) -> dict[str, Any]:
    """The numbers of all batches, by name.

    Args:
        session: with the model.
        scores: its metrics.
        epochs: what gives the batches; one epoch of it is taken.
        callbacks: Keras' list of them.
        verbose: whether a long compilation is announced.
    """
    epochs.restart()
    callbacks.on_test_begin()
    session.model.stop_evaluating = False
    scores.reset()
    for count, batch in enumerate(epochs):
        scores.prepare(batch)
        session.announce("test", batch.size, verbose)
        session.sizes["test"] = batch.size
        callbacks.on_test_batch_begin(count)
        callbacks.on_test_batch_end(count, tested(session, scores, batch))
        if session.model.stop_evaluating:
            break
    logs = scores.result()
    callbacks.on_test_end(logs)
    return logs


def predicted(session: Session, epochs: Epochs, callbacks: Any, verbose: Any) -> Any:
    """The outputs for all batches, nested as the model nests its outputs.

    Raises:
        KerasplugError: there was no batch.
    """
    import numpy as np

    callbacks.on_predict_begin()
    session.model.stop_predicting = False
    parts = list(_predictions(session, epochs, callbacks, verbose))
    callbacks.on_predict_end()
    if not parts:
        message = "There is no batch to predict for."
        raise KerasplugError(message, expected="at least one")
    columns = zip(*parts, strict=True)
    return session.ports.packed([np.concatenate(column) for column in columns])


def _predictions(
    session: Session, epochs: Epochs, callbacks: Any, verbose: Any
) -> Iterator[list[Any]]:
    for count, batch in enumerate(epochs):
        session.announce("predict", batch.size, verbose)
        session.sizes["predict"] = batch.size
        callbacks.on_predict_batch_begin(count)
        outputs = session.predict(batch)
        logs = {"outputs": session.ports.packed(outputs)}
        callbacks.on_predict_batch_end(count, logs)
        yield outputs
        if session.model.stop_predicting:
            return
