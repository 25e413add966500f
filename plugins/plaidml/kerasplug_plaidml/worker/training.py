"""Steps of training, and losses without a step, on batches of one size."""

from __future__ import annotations

from typing import Any, NamedTuple

import computing
import learned
import losses
import numpy as np
import optimizers
from building import checked_rows
from keras import backend as K  # noqa: N812 -- as everybody calls it

__all__ = ["Answer", "Training"]


class Answer(NamedTuple):
    """What a step says.

    Attributes:
        loss: of all outputs, weighted, with regularization.
        losses: of each output; None for an output without one.
        outputs: of the model, for the real rows; empty unless they were asked for.
    """

    loss: float
    losses: list[Any]
    outputs: list[Any]


class _Measured(NamedTuple):
    """Losses as a graph, and what it is computed from."""

    graph: Any
    inputs: list[Any]
    total: Any
    each: list[Any]
    #: The total without regularization of weights.
    data: Any


class _Step(NamedTuple):
    """The updates of a step: those with the losses, and those after them."""

    now: list[Any]
    later: list[Any]


class Training:
    """How the model is trained; begins at step 0.

    Args:
        built: the model.
        said: `losses`, `loss_weights` and `optimizer` as Keras 3 means them.

    Raises:
        ValueError: there is no such loss, reduction or optimizer, or as many losses as
            the model has outputs.
    """

    def __init__(self, built: Any, said: Any) -> None:
        self._built = built
        self._losses = _checked_losses(said["losses"], len(built.model.outputs))
        count = len(self._losses)
        self._loss_weights = [
            float(each) for each in said.get("loss_weights") or [1.0] * count
        ]
        if len(self._loss_weights) != count:
            message = f"{len(self._loss_weights)} loss_weights for {count} outputs"
            raise ValueError(message)
        self._optimizer = optimizers.optimizer_of(said["optimizer"])
        self._measured: dict[bool, _Measured] = {}
        self._step: _Step | None = None
        self._later: computing.Function | None = None
        self._numbers = [
            K.placeholder(shape=(1,)) for _ in ("decay", *self._optimizer.scalars)
        ]
        self._functions: dict[Any, computing.Function] = {}
        self._steps = 0

    def train(self, arrays: Any, batch: int, rate: float, *, outputs: bool) -> Answer:
        """Make one step.

        Args:
            arrays: `x*`, `t*` (for outputs with a loss) and `w*` (where rows weigh).
            batch: rows that are computed, at least as many as there are.
            rate: the learning rate of this step.
            outputs: whether the model's outputs are wanted.

        Raises:
            ValueError: the arrays don't fit the model, or no weight can be trained.
        """
        taken = self._taken(arrays, batch)
        decay = np.float32((self._optimizer.said.get("weight_decay") or 0.0) * rate)
        numbers = [decay, *self._optimizer.numbers(self._steps, rate)]
        function = self._function(True, batch)
        scalars = [np.full((1,), each, "float32") for each in numbers]
        taken += [] if self._later else scalars
        answer = self._answer(function, taken, len(arrays["x0"]), outputs=outputs)
        if self._later:
            self._later(scalars)
        self._steps += 1
        return answer

    def learned(self) -> tuple[int, dict[str, Any]]:
        """How many steps were made, and what the optimizer has learned by them."""
        return self._steps, learned.got(self._built, self._optimizer, self._steps)

    def learn(self, steps: Any, arrays: Any) -> None:
        """Go on after so many steps, with what `learned` gave then: all, or nothing.

        Raises:
            ValueError: that is not what this optimizer can have learned of this model.
        """
        learned.set_all(self._built, self._optimizer, steps, arrays)
        self._steps = steps

    def test(self, arrays: Any, batch: int, *, outputs: bool) -> Answer:
        """The same in inference mode, and without a step."""
        taken = self._taken(arrays, batch)
        function = self._function(False, batch)
        return self._answer(function, taken, len(arrays["x0"]), outputs=outputs)

    def _taken(self, arrays: Any, batch: int) -> list[Any]:
        """What `_Measured.inputs` are fed with, filled up to a batch."""
        inputs = self._built.inputs(arrays)
        rows = checked_rows(arrays)
        if not 0 < rows <= batch:
            message = f"a batch of {batch} rows takes 1 to {batch}; {rows} came"
            raise ValueError(message)
        wanted = [at for at, said in enumerate(self._losses) if said]
        _check_names(arrays, wanted)
        targets = [self._target(arrays[f"t{at}"], at) for at in wanted]
        real = np.zeros((batch,), "float32")
        real[:rows] = 1.0
        weights = [_weights(arrays.get(f"w{at}"), at, real) for at in wanted]
        return [computing.filled(each, batch) for each in inputs + targets] + [
            real,
            *weights,
        ]

    def _target(self, array: Any, at: int) -> Any:
        shape = K.int_shape(self._built.model.outputs[at])
        return losses.prepared(self._losses[at], array, shape, f"t{at}")

    def _answer(self, function: Any, taken: Any, rows: int, *, outputs: bool) -> Answer:
        count = sum(1 for each in self._losses if each)
        more = len(self._built.model.outputs) if outputs else 0
        found = function(taken, range(1 + count + more))
        total, each, given = found[0], found[1 : 1 + count], found[1 + count :]
        numbers = iter(each)
        told = [float(next(numbers)) if said else None for said in self._losses]
        return Answer(float(total), told, [some[:rows] for some in given])

    def _function(self, training: bool, batch: int) -> Any:  # noqa: FBT001 -- a key
        if (training, batch) not in self._functions:
            measured = self._measure(training=training)
            inputs, updates = measured.inputs, []
            if training:
                step = self._made_step(measured)
                updates = step.now
                if step.later and self._later is None:
                    self._later = computing.Function(self._numbers, [], step.later)
                inputs = inputs if step.later else inputs + self._numbers
            told = [measured.total, *measured.each, *measured.graph.outputs]
            self._functions[training, batch] = computing.Function(inputs, told, updates)
        return self._functions[training, batch]

    def _measure(self, *, training: bool) -> _Measured:
        if training not in self._measured:
            self._measured[training] = _measured(
                self._built, self._losses, self._loss_weights, training=training
            )
        return self._measured[training]

    def _made_step(self, measured: _Measured) -> _Step:
        """The updates of a step; made once, since the optimizer has variables."""
        if self._step is None:
            pairs = _gradients(self._built.model, measured.data)
            variables = [each for each, _ in pairs]
            gradients = [each for _, each in pairs]
            kept = []
            if optimizers.needs_norms(self._optimizer.said) or _constrained(variables):
                # PlaidML doesn't know the rank of some gradients before they are there.
                zeros = [np.zeros(K.int_shape(each), "float32") for each in variables]
                kept = list(zip(map(K.variable, zeros), gradients))  # noqa: B905 -- Python 3.7 has no `strict`
                gradients = [each for each, _ in kept]
            gradients = optimizers.clipped(gradients, self._optimizer.said)
            changed = [
                (variable, self._changed(variable, gradient))
                for variable, gradient in zip(variables, gradients)  # noqa: B905 -- Python 3.7 has no `strict`
            ]
            changed += self._optimizer.updates
            statistics = measured.graph.updates
            now, later = (kept, changed) if kept else (changed, [])
            self._step = _Step(now + statistics, later)
        return self._step

    def _changed(self, variable: Any, gradient: Any) -> Any:
        decay, scalars = self._numbers[0], self._numbers[1:]
        named = dict(zip(self._optimizer.scalars, scalars))  # noqa: B905 -- Python 3.7 has no `strict`
        value = variable
        if self._optimizer.said.get("weight_decay"):
            value = value - value * decay
        value = value + self._optimizer.step(gradient, variable, **named)
        constraint = _constraint(variable)
        return value if constraint is None else constraint(value)


def _checked_losses(said: Any, outputs: int) -> list[Any]:
    if len(said) != outputs:
        message = f"{len(said)} losses for {outputs} outputs"
        raise ValueError(message)
    if not any(said):
        message = "no output has a loss"
        raise ValueError(message)
    for each in filter(None, said):
        if each["name"] not in losses.LOSSES:
            known = ", ".join(sorted(losses.LOSSES))
            message = f"no loss {each['name']!r}; there are {known}"
            raise ValueError(message)
        if each.get("reduction", "sum_over_batch_size") not in losses.REDUCTIONS:
            known = ", ".join(losses.REDUCTIONS)
            message = f"no reduction {each['reduction']!r}; there are {known}"
            raise ValueError(message)
    return list(said)


def _check_names(arrays: Any, wanted: Any) -> None:
    targets = {f"t{at}" for at in wanted}
    missing = targets - set(arrays)
    known = targets | {f"w{at}" for at in wanted}
    strange = {name for name in arrays if not name.startswith("x")} - known
    if missing or strange:
        less = ", ".join(sorted(missing)) or "none"
        more = ", ".join(sorted(strange)) or "none"
        message = f"targets are missing: {less}; not known: {more}"
        raise ValueError(message)


def _weights(given: Any, at: int, real: Any) -> Any:
    """The weights of a whole batch's rows, 0 for those that are padding."""
    weights = real.copy()
    if given is not None:
        if given.ndim != 1:
            message = f"w{at} needs one weight a row; its shape is {given.shape}"
            raise ValueError(message)
        weights[: len(given)] = given
    return weights


def _measured(built: Any, said: Any, loss_weights: Any, *, training: bool) -> _Measured:
    """The graph of all losses together."""
    graph = built.graph(training=training)
    targets, weights, each = [], [], []
    total: Any = 0.0
    for at, one in enumerate(said):
        if not one:
            continue
        output = graph.outputs[at]
        target = _placeholder(one["name"], K.int_shape(built.model.outputs[at]))
        weight = K.placeholder(shape=(None,))
        loss = _reduced(one, target, output, weight, graph.rows, graph.masks[at])
        total = total + loss * loss_weights[at]
        targets.append(target)
        weights.append(weight)
        each.append(loss)
    for extra in graph.losses:
        total = total + extra
    data = total
    for penalty in _penalties(built.model).values():
        total = total + penalty
    inputs = [*built.model.inputs, *targets, graph.rows, *weights]
    return _Measured(graph, inputs, total, each, data)


def _placeholder(name: str, shape: Any) -> Any:
    if name == "sparse_categorical_crossentropy":
        return K.placeholder(shape=shape[:-1], dtype="int32")
    return K.placeholder(shape=shape)


def _reduced(
    said: Any, target: Any, output: Any, weight: Any, rows: Any, mask: Any
) -> Any:
    """One number out of the losses of the rows, or of the places of rows."""
    values = losses.values(said["name"], target, output, said)
    rank = K.ndim(values)
    ones = K.ones_like(values)
    counted = ones * K.reshape(rows, (-1,) + (1,) * (rank - 1))
    if mask is not None:
        counted = counted * _widened(K.cast(mask, "float32"), rank)
    if said.get("ignore_class") is not None:
        counted = counted * K.cast(
            K.not_equal(target, int(said["ignore_class"])), "float32"
        )
    shares = counted * K.reshape(weight, (-1,) + (1,) * (rank - 1))
    total = K.sum(values * shares)
    reduction = said.get("reduction", "sum_over_batch_size")
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight":
        divisor = K.sum(shares)
        return total / K.switch(K.equal(divisor, 0.0), K.ones_like(divisor), divisor)
    return total / K.maximum(K.sum(counted), 1.0)


def _widened(mask: Any, rank: int) -> Any:
    if K.ndim(mask) > rank:
        message = f"a mask of {K.ndim(mask)} axes for a loss of {rank}"
        raise ValueError(message)
    for _ in range(rank - K.ndim(mask)):
        mask = K.expand_dims(mask)
    return mask


def _penalties(model: Any) -> dict[int, Any]:
    """Identity of a weight that is trained -> its regularization, as in Keras 3."""
    return {
        id(each): each.kerasplug_regularizer(each)
        for each in model.trainable_weights
        if getattr(each, "kerasplug_regularizer", None) is not None
    }


def _constraint(variable: Any) -> Any:
    return getattr(variable, "kerasplug_constraint", None)


def _constrained(variables: Any) -> bool:
    return any(_constraint(each) is not None for each in variables)


def _gradients(model: Any, data: Any) -> list[tuple[Any, Any]]:
    """Pairs of a weight that is trained and its gradient.

    Those of regularization are taken by themselves: PlaidML's gradient of a weight that
    is broadcast in one place and is not in another has the wrong size.

    Raises:
        ValueError: there are none.
    """
    reached, penalties = _reached(data), _penalties(model)
    trained = _unique(model.trainable_weights)
    found: dict[int, Any] = {}
    used = [each for each in trained if id(each.var) in reached]
    if used:
        found.update(zip(map(id, used), K.gradients(data, used)))  # noqa: B905 -- Python 3.7 has no `strict`
    for each in trained:
        if id(each) in penalties:
            more = K.gradients(penalties[id(each)], [each])[0]
            found[id(each)] = found[id(each)] + more if id(each) in found else more
    if not found:
        message = "there is no weight to train: all are frozen, or no loss needs one"
        raise ValueError(message)
    return [(each, found[id(each)]) for each in trained if id(each) in found]


def _unique(variables: Any) -> list[Any]:
    return list({id(each): each for each in variables}.values())


def _reached(value: Any) -> set[int]:
    """The identities of the variables that a value is computed from."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if current.source is None:
            found.add(id(current.var))
        elif id(current.source.op) not in seen:
            seen.add(id(current.source.op))
            waiting += list(current.source.op.inputs.values())
    return found
