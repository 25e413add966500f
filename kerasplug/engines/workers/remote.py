"""`to_backend`: a model of this Keras, computed elsewhere by another engine."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kerasplug.engines.workers.carrying import check_shapes, gathered, kept_if_it_fails
from kerasplug.engines.workers.feeding import Wish, batch_of, epochs_of, split, unpacked
from kerasplug.engines.workers.fitting import (
    CHUNK,
    Plan,
    callback_list,
    evaluated,
    fitted,
    predicted,
    tested,
    trained,
)
from kerasplug.engines.workers.metrics import Scores, in_order
from kerasplug.engines.workers.opening import opened
from kerasplug.engines.workers.session import Session

if TYPE_CHECKING:
    from kerasplug.engines.workers.ports import Batch

__all__ = ["RemoteModel", "to_backend"]


def to_backend(
    model: Any,
    name: str,
    *,
    batch_size: int = 32,
    devices: str | Sequence[str] | None = None,
    patience: float = 60.0,
    probe: bool = True,
    tolerance: float = 1e-4,
    verbose: bool = True,
) -> "RemoteModel":
    """A model that another engine computes, in a process of its own.

    The model stays what it is: its layers, its compilation, its metrics and callbacks
    are Keras'. Predictions, losses and steps of the optimizer are computed by the
    engine, whose environment `kerasplug backend install` makes.

    Args:
        model: a built Sequential or functional model of Keras 3.
        name: of the engine, as in `kerasplug.backends`: `"plaidml"`.
        batch_size: rows that are computed at once, where a call does not say. Engines
            compile for it; fewer rows are filled up, and change no number.
        devices: names of devices as the engine has them; None: its own choice.
        patience: seconds without any sign of life after which the process counts as
            hung and is killed.
        probe: whether a copy of the model with other weights is computed on both sides
            first, and has to agree.
        tolerance: the greatest deviation of the probe, by max(1, |y|).
        verbose: whether a compilation that takes long is announced, on standard error.

    Raises:
        ModelError: it is no built model of Keras 3.
        TranslationError: something of the model would not mean the same there.
        ParityError: the probe does not agree, or weights came back changed.
        UnknownNameError: no plugin has such an engine.
        ImplementationError: it is none in a process of its own.
        KerasMissingError: no environment has what it needs.
        WorkerError: its process could not start, or failed.

    Guarantees:
        The model is not changed. After an error there is no process.

    Example:
        >>> to_backend([], "plaidml")
        Traceback (most recent call last):
        kerasplug.errors.ModelError: to_backend() works on a Keras model.
          found:    [] (of type list)
          expected: a Keras model
    """
    session, size = opened(
        model,
        name,
        batch_size,
        devices=devices,
        patience=patience,
        tolerance=tolerance if probe else None,
        verbose=verbose,
    )
    return RemoteModel(session, size)


class RemoteModel:
    """A model that another engine computes; `kerasplug.to_backend` makes one.

    It is used as a model of Keras 3, with the same arguments and results. What is not
    said below is as there, but for these:

    - Weights of rows are one number for each row.
    - Batches are shuffled by NumPy, which `keras.utils.set_random_seed` sets; on
      TensorFlow Keras has another order.
    - The loss of each output is the mean over all rows of the epoch. On TensorFlow
      Keras takes the mean over the batches, whatever their size.

    The weights, and what the optimizer has learned, come to `host` at the end of each
    epoch, and with `sync`. What changes there, by callbacks or between calls, goes to
    the engine at the next `fit`, weights also at `evaluate` or `predict`.

    As a context manager it takes the weights over and closes, after an error it closes
    only: `host` then has the weights that came last.

    Attributes:
        host: the model of Keras that it was made of.
        batch_size: rows that are computed at once, where a call does not say.

    Example:
        >>> RemoteModel.fit.__name__
        'fit'
    """

    def __init__(self, session: Session, batch_size: int) -> None:
        self._session = session
        self.batch_size = batch_size

    @property
    def host(self) -> Any:
        """The model of Keras that it was made of."""
        return self._session.model

    @property
    def model(self) -> Any:
        """The same as `host`."""
        return self.host

    @property
    def facts(self) -> dict[str, Any]:
        """What the process says of itself: engine, Keras, device, Python."""
        return dict(self._session.worker.hello)

    @property
    def closed(self) -> bool:
        """Whether its process has ended."""
        return self._session.worker.closed

    @property
    def stop_training(self) -> bool:
        """Whether training ends after this batch; callbacks set it on `host`."""
        return bool(self.host.stop_training)

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self.host.stop_training = value

    def __repr__(self) -> str:
        facts = self.facts
        said = [f"{key} {facts[key]}" for key in ("keras", "device") if facts.get(key)]
        state = "ended" if self.closed else f"process {facts.get('pid')}"
        what = ", ".join([*said, state])
        return f"<{self.host.name!r} on {self._session.engine.name} ({what})>"

    # --- training ---

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the model, as Keras does; the engine hears of it when it matters.

        Args:
            *args: as for `compile` of Keras.
            **kwargs: the same.
        """
        self.host.compile(*args, **kwargs)

    def fit(  # noqa: PLR0913 -- Keras' own signature
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> Any:
        """Train, as `fit` of Keras does.

        Callbacks get `host`, which has the weights of the epoch when it ends. Where one
        saves after a number of batches, they come after each batch.

        Args:
            x: arrays, lists or dicts of them, a `PyDataset`, a `tf.data.Dataset`, a
                generator, or what else gives batches.
            y: targets, for arrays.
            batch_size: rows of a batch; None: that of `to_backend`.
            epochs: number of the last epoch.
            verbose: 0, 1, 2 or `"auto"`.
            callbacks: Keras' callbacks.
            validation_split: part of the arrays, at their end, that is not trained on.
            validation_data: what is evaluated after epochs.
            shuffle: whether arrays are shuffled; `"batch"`: within batches.
            class_weight: class -> weight, for models with one output.
            sample_weight: one number for each row, for arrays.
            initial_epoch: number of the first epoch, from 0.
            steps_per_epoch: batches of an epoch.
            validation_steps: batches of an evaluation.
            validation_batch_size: rows of its batches.
            validation_freq: every how many epochs; or after which, from 1.

        Returns:
            Keras' `History`.

        Raises:
            KerasplugError: the data do not fit; nothing has changed.
            ModelError: the model is not compiled, or was changed on both sides.
            TranslationError: a loss or an optimizer would not mean the same there.
            WorkerError: the process failed, hung or died; `host` has the weights that
                came last.
            KeyboardInterrupt: somebody pressed Ctrl-C; `host` has the weights of the
                last whole step, or those that came last where the process did not
                answer within 5 s.
        """
        session = self._session
        plan = Plan(epochs, initial_epoch, verbose, callbacks, validation_freq)
        plan.check()
        losses = session.words()["losses"]
        if validation_split and validation_data is None:
            data, wish = (x, y, sample_weight), Wish(session.ports, losses)
            parts = split(wish, data, validation_split)
            x, y, sample_weight, validation_data = parts
        batches = epochs_of(
            session.ports,
            losses,
            (x, y, sample_weight),
            batch_size=batch_size,
            default=self.batch_size,
            steps=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
        )
        validation = None
        if validation_data is not None:
            validation = epochs_of(
                session.ports,
                losses,
                unpacked(validation_data),
                batch_size=validation_batch_size or batch_size,
                default=self.batch_size,
                steps=validation_steps,
            )
        session.push()
        scores = session.ready(training=True)
        return fitted(session, scores, batches, validation, plan)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics, as `evaluate` of Keras gives them.

        Args:
            x: as that of `fit`.
            y: the same.
            batch_size: rows of a batch; None: that of `to_backend`.
            verbose: 0, 1, 2 or `"auto"`.
            sample_weight: one number for each row, for arrays.
            steps: batches; None: all.
            callbacks: Keras' callbacks.
            return_dict: whether the numbers come by name.

        Returns:
            The loss, or a list with it and the metrics, or a dict.

        Raises:
            KerasplugError: as `fit`.
        """
        session = self._session
        batches = epochs_of(
            session.ports,
            session.words()["losses"],
            (x, y, sample_weight),
            batch_size=batch_size,
            default=self.batch_size,
            steps=steps,
        )
        session.push()
        scores = session.ready(training=False)
        listed = callback_list(session, callbacks, verbose, batches.steps, epochs=1)
        logs = evaluated(session, scores, batches, listed, verbose)
        return logs if return_dict else in_order(self.host, logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs, as `predict` of Keras gives them.

        Args:
            x: as that of `fit`.
            batch_size: rows of a batch; None: that of `to_backend`.
            verbose: 0, 1, 2 or `"auto"`.
            steps: batches; None: all.
            callbacks: Keras' callbacks.

        Returns:
            An array, or as many as there are outputs, nested as these.

        Raises:
            KerasplugError: as `fit`.
        """
        session = self._session
        session.check_open()
        watched = bool(callbacks) or verbose != 0 or steps is not None
        batches = epochs_of(
            session.ports,
            None,
            (x, None, None),
            batch_size=batch_size,
            default=self.batch_size,
            steps=steps,
            together=1 if watched else CHUNK,
        )
        session.push()
        listed = callback_list(session, callbacks, verbose, batches.steps, epochs=1)
        return predicted(session, batches, listed, verbose)

    # --- single batches ---

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """One step of the optimizer; the weights come to `host` with `sync`.

        Args:
            x: arrays, as those of `fit`.
            y: the same.
            sample_weight: one number for each row.
            class_weight: class -> weight.
            return_dict: whether the numbers come by name.

        Returns:
            As `evaluate`: the numbers of this batch.

        Raises:
            KerasplugError: as `fit`.
        """
        wish = Wish(
            self._session.ports,
            self._session.words(anew=False)["losses"],
            class_weight=class_weight,
        )
        batch = self._batch(wish, "train", x, y, sample_weight)
        scores = self._session.ready(training=True)
        _begin(scores, batch)
        logs = trained(self._session, scores, batch)
        return logs if return_dict else in_order(self.host, logs)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics of a batch.

        Args:
            x: arrays, as those of `fit`.
            y: the same.
            sample_weight: one number for each row.
            return_dict: whether the numbers come by name.

        Returns:
            As `evaluate`.

        Raises:
            KerasplugError: as `fit`.
        """
        losses = self._session.words(anew=False)["losses"]
        wish = Wish(self._session.ports, losses)
        batch = self._batch(wish, "test", x, y, sample_weight)
        scores = self._session.ready(training=False)
        _begin(scores, batch)
        logs = tested(self._session, scores, batch)
        return logs if return_dict else in_order(self.host, logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for a batch.

        Args:
            x: arrays, as those of `fit`.

        Raises:
            KerasplugError: as `fit`.
        """
        session = self._session
        batch = self._batch(Wish(session.ports), "predict", x)
        return session.ports.packed(session.predict(batch))

    def _batch(
        self, wish: Wish, kind: str, x: Any, y: Any = None, w: Any = None
    ) -> "Batch":
        """A batch as large as the last of its kind: no other has to be compiled for."""
        sizes = self._session.sizes
        batch = batch_of(wish, x, y, w, wish.batch_size or sizes.get(kind, 1))
        sizes[kind] = batch.size
        return batch

    # --- weights ---

    def sync(self) -> Any:
        """Let `host` have what was trained, weights and optimizer: all of it, or none.

        Returns:
            `host`.

        Raises:
            WorkerError: they can't be had; `host` has those that came last.
        """
        self._session.pull()
        return self.host

    def get_weights(self) -> list[Any]:
        """The weights as they are now, in Keras' order; `host` has them then, too.

        Raises:
            WorkerError: they can't be had.
        """
        return list(self.sync().get_weights())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the weights, of `host` and there: all of them, or none.

        Args:
            weights: in Keras' order, as `get_weights` gives them.

        Raises:
            ModelError: they are none for this model.
            WorkerError: they could not be sent; `host` has those of before.
        """
        session = self._session
        session.check_open()
        check_shapes(self.host, weights)
        with kept_if_it_fails(self.host):
            self.host.set_weights(weights)
            session.send(gathered(session.translation))

    # --- the end ---

    def close(self) -> None:
        """End the process; twice is no error. What was not synchronised is lost."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None and not self.closed:
                self.sync()
        finally:
            self.close()


def _begin(scores: Scores, batch: "Batch") -> None:
    scores.prepare(batch)
    scores.reset()
