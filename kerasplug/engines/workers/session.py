"""A model here and its likeness in a worker, kept alike."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kerasplug.callers import level_outside
from kerasplug.engines.workers import alive
from kerasplug.engines.workers.carrying import (
    assigned,
    check_all_carried,
    check_built,
    gathered,
    kept,
    returned,
    same_bits,
)
from kerasplug.engines.workers.engine import Translation, WorkerEngine
from kerasplug.engines.workers.learned import Learned
from kerasplug.engines.workers.metrics import Scores
from kerasplug.engines.workers.ports import Batch, ports_of
from kerasplug.engines.workers.process import Worker
from kerasplug.errors import (
    KerasplugWarning,
    ModelError,
    ParityError,
    TranslationError,
    WorkerError,
)

__all__ = ["Session", "check_own"]

#: Seconds to wait for the step that Ctrl-C came into.
_GRACE: Final = 5.0
#: Seconds of compiling that are announced.
_LONG: Final = 5.0

Arrays = dict[str, Any]


class Session:
    """A worker with a model in it, and what is known of both.

    Args:
        model: here.
        engine: the plugin's.
        translation: of the model.
        worker: one that has said hello.

    Attributes:
        ahead: whether the worker has trained since the weights came here last.
        losses: one for each output, None for one without; empty before `ready`.
        sizes: kind of call -> rows of the batches that it was called with last.
    """

    def __init__(
        self, model: Any, engine: WorkerEngine, translation: Translation, worker: Worker
    ) -> None:
        self.model = model
        self.engine = engine
        self.translation = translation
        self.worker = worker
        self.ports = ports_of(model)
        self.ahead = False
        self.losses: Sequence[Any] = ()
        self.sizes: dict[str, int] = {}
        self._scores: Scores | None = None
        self._learned: Learned | None = None
        self._alike: Arrays = {}
        self._flags = _flags(model)
        self._said: tuple[Any, dict[str, Any]] = (None, {})
        self._sent: tuple[Any, Any] | None = None
        self._announced: set[tuple[str, int]] = set()
        self._builds = 0
        alive.note(self)

    # --- asking ---

    def ask(
        self, do: str, arrays: Mapping[str, Any] | None = None, **header: Any
    ) -> tuple[dict[str, Any], Arrays]:
        """Have something done by the worker.

        Raises:
            WorkerError: it failed, or it has ended.
            KeyboardInterrupt: somebody pressed Ctrl-C; the worker has come to an end
                with what it did, or was killed.
        """
        self.check_open()
        try:
            return self.worker.ask(do, arrays, **header)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                self.worker.settle(_GRACE)
            if self.worker.closed:
                self._forget()
            raise

    def check_open(self) -> None:
        """Nothing, while there is a worker.

        Raises:
            WorkerError: it has ended.
        """
        if self.worker.closed:
            self._forget()
            name = self.engine.name
            message = f"This remote model has ended: its worker of {name} is no more."
            mend = f'kerasplug.to_backend(model, "{name}"), which starts another one'
            raise WorkerError(message, output=self.worker.output(), mend=mend)

    def close(self) -> None:
        """End the worker; steps that did not come here are lost, and do not count."""
        self._forget()
        self.worker.close()

    def _forget(self) -> None:
        self.ahead = False
        if self._learned:
            self._learned.forget()

    # --- the model there ---

    def build(self) -> None:
        """Let the worker build the model, and see that it is the one that was meant.

        Raises:
            TranslationError: it is another one.
        """
        translation = self.translation
        check_all_carried(self.model, translation)
        config, code = dict(translation.config), dict(translation.code)
        self._builds += 1
        seed = alive.decided(f"{self.model.name} {self._builds}")
        reply, _ = self.ask("build", config=config, code=code, seed=seed)
        check_built(translation, reply)
        self._sent = None

    def asked(self, weights: Arrays, x: list[Any], batch: int) -> list[Any]:
        """The outputs there for some weights, which stay; for the parity probe."""
        self.ask("set", weights)
        return self.predict(Batch(len(x[0]), batch, x, [], []))

    # --- weights ---

    def push(self) -> None:
        """Send the weights, where they have changed here.

        Raises:
            ModelError: they have, and the worker has trained as well.
        """
        self.check_open()
        arrays = gathered(self.translation)
        if same_bits(arrays, self._alike):
            return
        if self.ahead:
            message = "The weights were changed here, and there as well, by training."
            expected = "remote.sync() before they are changed here"
            mend = "remote.sync() takes those there, remote.set_weights() those here"
            raise ModelError(message, expected=expected, mend=mend)
        self.send(arrays)

    def send(self, arrays: Arrays) -> None:
        """Let the worker have these weights, which are those of the model here."""
        self.ask("set", arrays)
        self._alike = kept(arrays)
        self.ahead = False

    def prove(self) -> None:
        """See that the weights there are those of the model here, bit by bit.

        Raises:
            ParityError: they are others.
        """
        _, there = self.ask("get")
        here = gathered(self.translation)
        if not same_bits(here, there):
            message = f"Weights that were sent to {self.engine.name} came back changed."
            raise ParityError(message, expected="the same bits")

    def pull(self) -> None:
        """Let the model here have what was learned there: all of it, or nothing.

        That are its weights, and what its optimizer has learned.

        Raises:
            WorkerError: it can't be had, or does not fit.
        """
        self.check_open()
        learned = self._learned if self._learned and self._learned.ahead else None
        weights = returned(self.translation, self.ask("get")[1]) if self.ahead else []
        assigned(weights, learned.fetched(self.ask) if learned else ())
        if self.ahead:
            self._alike = kept(gathered(self.translation))
            self.ahead = False
        if learned:
            learned.settle()

    def push_learned(self) -> None:
        """Send what the optimizer has learned, where it has changed here.

        Raises:
            ModelError: it has, and there as well.
        """
        if self._learned:
            self._learned.push(self.ask)

    # --- training ---

    def words(self, *, anew: bool = True) -> dict[str, Any]:
        """How the model is trained, in the engine's words.

        Args:
            anew: False: as they were, unless the model was compiled since.

        Raises:
            ModelError: it is not compiled.
            TranslationError: it would not mean the same there.
        """
        self.check_open()
        _check_compiled(self.model, self.engine.name)
        compiled = self.model.metrics[0]  # another one after each compile
        if anew or compiled is not self._said[0]:
            self._said = (compiled, self.engine.translate_training(self.model))
        return self._said[1]

    def ready(self, *, training: bool) -> Scores:
        """Let the worker know how the model is compiled, where that has changed.

        Args:
            training: whether it is going to be trained.

        Returns:
            The model's metrics.

        Raises:
            ModelError: it is not compiled.
            TranslationError: it would not mean the same there.
        """
        words, optimizer = self.words(anew=False), self.model.optimizer
        flags = _flags(self.model)
        if training and flags != self._flags:
            self._rebuild(flags)
        if self._scores is None or self._sent != (words, optimizer):
            self._bring_home()
            self._learned = None
            self.ask("compile", training=words)
            self._sent = (words, optimizer)
            self.losses = tuple(words["losses"])
            self._scores = Scores(self.model, self.ports, self.losses)
        if training and self._learned is None:
            self._learned = self._begun()
        return self._scores

    def _bring_home(self) -> None:
        """Have what the worker is about to forget, where it is compiled anew."""
        if self.ahead or (self._learned and self._learned.ahead):
            self.push()  # which sees to it that nothing is changed here as well
            self.pull()

    def _begun(self) -> Learned:
        """The optimizer there, which knows what the one here has learned."""
        variables = self.engine.optimizer_state(self.model, self.translation)
        if variables is None:
            _warn_of_steps(self.model, self.engine.name)
        learned = Learned(self.model.optimizer, variables)
        learned.push(self.ask)
        return learned

    def _rebuild(self, flags: tuple[bool, ...]) -> None:
        """Build the model anew: which layers learn is a part of it there."""
        translation = self.engine.translate(self.model)
        self.pull()
        self._alike = {}  # should it be interrupted, the weights are sent again
        self.translation = translation
        self.build()
        self.send(gathered(translation))
        self._flags = flags
        self._announced.clear()

    def train(self, batch: Batch, *, outputs: bool) -> tuple[dict[str, Any], Arrays]:
        """One step of the optimizer.

        Args:
            batch: what it learns from.
            outputs: whether the outputs are wanted.
        """
        size = batch.rows if self.translation.mixes_rows else batch.size
        learned, rate = self._learned, _rate(self.model.optimizer)
        assert learned is not None  # `ready` comes first
        sent = self.ports.sent(batch, self.losses)
        self.ahead = learned.ahead = True  # also where the answer does not come
        answer = self.ask("train", sent, batch=size, rate=rate, outputs=outputs)
        learned.count()
        return answer

    def test(self, batch: Batch, *, outputs: bool) -> tuple[dict[str, Any], Arrays]:
        """The losses of a batch."""
        sent = self.ports.sent(batch, self.losses)
        return self.ask("test", sent, batch=batch.size, outputs=outputs)

    def predict(self, batch: Batch) -> list[Any]:
        """The outputs for rows, any number of them."""
        sent = {f"x{number}": array for number, array in enumerate(batch.x)}
        _, arrays = self.ask("predict", sent, batch=batch.size)
        return [arrays[f"y{number}"] for number in range(len(self.ports.outputs))]

    # --- what it costs ---

    def announce(self, kind: str, size: int, verbose: Any) -> None:
        """Say before it is spent that compiling takes long; each time only once.

        Args:
            kind: of the call that has to be compiled for.
            size: of its batches.
            verbose: 0 or False: nothing is said.
        """
        if not verbose or (kind, size) in self._announced:
            return
        self._announced.add((kind, size))
        seconds = self.engine.cost(self.translation, size)
        if seconds < _LONG:
            return
        steps = self.translation.unrolled
        what = f" {steps} steps of time one by one" if steps else ""
        line = f"{self.engine.name} compiles{what}: about {seconds:.0f} s at first"
        print(line, file=sys.stderr, flush=True)  # noqa: T201 -- as Keras' own progress bar speaks


def _flags(model: Any) -> tuple[bool, ...]:
    """Which weights, and which layers, learn."""
    from kerasplug.models.kinds import walk

    layers = [bool(layer.trainable) for _, layer in walk(model)]
    return (*layers, *(bool(one.trainable) for one in model.weights))


def _rate(optimizer: Any) -> float:
    """The learning rate of the next step, also where a schedule gives it."""
    from kerasplug.implementation import implementation

    ops: Any = implementation().ops
    return float(ops.convert_to_numpy(optimizer.learning_rate))


def _check_compiled(model: Any, name: str) -> None:
    if not getattr(model, "compiled", False) or model.optimizer is None:
        message = f"The model {model.name!r} is not compiled."
        mend = "model.compile(optimizer, loss), or remote.compile(...)"
        raise ModelError(message, mend=mend)
    check_own(model, name, ("train_step", "test_step", "compute_loss"))


def check_own(model: Any, name: str, methods: Sequence[str]) -> None:
    """Nothing, where a model does these as Keras does: the engine knows no other way.

    Raises:
        TranslationError: its class has one of its own.
    """
    from kerasplug.implementation import implementation

    keras: Any = implementation()
    own = [
        method
        for method in methods
        if getattr(type(model), method) is not getattr(keras.Model, method)
    ]
    if own:
        message = f"The model {model.name!r} computes in its own way."
        found = f"{type(model).__name__}.{own[0]}()"
        expected = f"Keras' own way, which {name} has as well"
        raise TranslationError(message, found=found, expected=expected)


def _warn_of_steps(model: Any, name: str) -> None:
    steps = int(model.optimizer.iterations)
    if steps:
        message = (
            f"The optimizer has taken {steps} steps. What it knows of the weights does "
            f"not go to {name}: there it begins anew."
        )
        level = level_outside("kerasplug")
        warnings.warn(message, KerasplugWarning, stacklevel=level)
