"""A layer in a model that is compiled and fitted, once for all checks of training."""

import functools
from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, NotApplicable
from kerasplug.testing.conformance.structures import flatten, mapped
from kerasplug.testing.conformance.tracing import demand_traceable

__all__ = ["BATCHES", "Fit", "fit_of"]

#: Steps in one go.
_STEPS = 40
#: How many draws a loss is the mean of, where chance plays a part.
_DRAWS = 8
#: Every gradient is scaled down to this norm, so that the rate alone says how far a
#: step goes, whatever the scale of the outputs. Adam does so too, and takes far longer
#: to be traced.
_NORM = 1e-6
#: Batches whose effect on the state is looked at: the second one differs, and a step
#: that is counted in Python is not counted any more.
BATCHES = 2


class Fit:
    """A functional model of the layer, compiled as Keras chooses, ready to be fitted.

    Where the layer has trainable weights and gives floats, the model is the layer and
    nothing else; otherwise a `Dense` head follows, so that there is something to train.

    Args:
        case: the case.

    Raises:
        Blocked: no functional model can be made of the layer.
        NotApplicable: a model can't be fitted on such inputs or outputs.
    """

    def __init__(self, case: Case) -> None:
        if case.engine.no_gradients:
            raise NotApplicable(case.engine.no_gradients)
        self._case = case
        self.layer = case.layer()
        inputs = case.symbolic(case.inputs.batch)
        outputs = self._outputs(inputs)
        self.has_head = not (self._trainable() and self._floats(outputs))
        #: Which outputs are trained, by number.
        self.chosen = self._floats(outputs)[: 1 if self.has_head else None]
        ends = self._ends(flatten(outputs))
        self.model = case.keras.Model(inputs, ends[0] if len(ends) == 1 else ends)
        # Equal to a layer of `case.built()`, whichever way this one was built.
        self.start = case.engine.values(case.built())
        case.engine.assign(self.layer, self.start)
        self.targets = self._targets()
        if any(one.shape[:1] != (case.inputs.batch,) for one in self.targets):
            reason = "its outputs have other rows than its inputs: no loss takes that"
            raise NotApplicable(reason)
        optimizer = case.keras.optimizers.SGD(0.0, global_clipnorm=_NORM)
        loss = "mse" if len(ends) == 1 else ["mse"] * len(ends)
        self.model.compile(optimizer=optimizer, loss=loss)

    def _outputs(self, inputs: Any) -> Any:
        engine = self._case.engine
        if any("string" in engine.dtype(one) for one in flatten(inputs)):
            reason = "models are not fitted on strings"
            raise NotApplicable(reason)
        try:
            return self._case.call(self.layer, inputs)
        except Exception as error:
            by = "in_functional"
            reason = f"no functional model can be made of it ({type(error).__name__})"
            raise Blocked(by, reason) from error

    def _trainable(self) -> list[Any]:
        dtype = self._case.engine.dtype
        found = self.layer.trainable_variables
        return [one for one in found if arrays.is_float(dtype(one))]

    def _floats(self, outputs: Any) -> list[int]:
        dtypes = [self._case.engine.dtype(one) for one in flatten(outputs)]
        return [number for number, one in enumerate(dtypes) if arrays.is_float(one)]

    def _ends(self, outputs: list[Any]) -> list[Any]:
        if not self.has_head:
            return [outputs[number] for number in self.chosen]
        engine, layers = self._case.engine, self._case.keras.layers
        end = outputs[self.chosen[0] if self.chosen else 0]
        if not arrays.is_number(engine.dtype(end)):
            reason = f"no Dense follows on outputs of {engine.dtype(end)}"
            raise NotApplicable(reason)
        if len(end.shape) == 1:
            end = layers.Reshape((1,))(end)
        if end.shape[-1] is None:
            reason = "no Dense follows on outputs whose last size is unknown"
            raise NotApplicable(reason)
        return [layers.Dense(1)(engine.cast(end, "float32"))]

    def _targets(self) -> list[Any]:
        """What is to be learnt: the outputs of the same layer with other weights."""
        case = self._case
        if self.has_head:
            shape = self.model.outputs[0].shape
            sizes = [case.inputs.batch if one is None else one for one in shape]
            return [arrays.random(tuple(sizes), "float32", seed=17)]
        for number, weight in enumerate(self._trainable()):
            value = case.engine.array(weight)
            noise = arrays.random(value.shape, "float32", seed=(19, number))
            weight.assign(value + 0.3 * noise)
        targets = self._given(training=not case.is_random)
        self._set(self.start)
        return targets

    def _given(self, *, training: bool) -> list[Any]:
        self._case.forget(self.layer)
        outputs = self._case.outputs(self.layer, self._case.data(), training=training)
        leaves = flatten(outputs)
        return [leaves[number] for number in self.chosen]

    def _set(self, values: list[Any]) -> None:
        self._case.forget(self.layer)
        self._case.engine.assign(self.layer, values)

    @functools.cached_property
    def after(self) -> list[Any]:
        """The values of the layer's variables after steps that train nothing.

        Raises:
            NotApplicable: it can't be fitted, as it says or another check does.
            Exception: whatever fit raises.
        """
        self._set(self.start)
        self.model.optimizer.learning_rate = 0.0
        batches = [self._case.data(variant=number) for number in range(BATCHES)]
        self._fit(mapped(arrays.joined, *batches), BATCHES)
        return self._case.engine.values(self.layer)

    def _fit(self, data: Any, steps: int) -> None:
        batch = self._case.inputs.batch
        targets = [arrays.rows(one, batch * steps) for one in self.targets]
        wanted = targets[0] if len(targets) == 1 else targets
        try:
            self.model.fit(data, wanted, batch_size=batch, shuffle=False, verbose=0)
        except Exception as error:
            raise _told_elsewhere(self._case) or error from error

    def losses(self, rate: float) -> list[tuple[float, float]]:
        """The loss before and after some steps down the slope, from the start.

        In training; where chance plays a part over several draws, and in inference as
        well: what fits best under dropout need not fit best without it.

        Args:
            rate: how far each weight goes in a step, on average.

        Raises:
            NotApplicable: it can't be fitted, as it says or another check does.
            Exception: whatever fit raises.
        """
        before = self._losses(self._begin)
        self._set(self._begin)
        count = sum(one.size for one in map(self._case.engine.array, self._trainable()))
        self.model.optimizer.learning_rate = rate * count**0.5 / _NORM
        count = _STEPS * self._case.inputs.batch
        data = mapped(lambda one: arrays.rows(one, count), self._case.data())
        self._fit(data, _STEPS)
        # Seeds go back to the start: chance is then the same as before.
        trained = self._mixed(self._case.engine.values(self.layer))
        return list(zip(before, self._losses(trained), strict=True))

    def _losses(self, values: list[Any]) -> list[float]:
        self._set(values)
        if not self._case.is_random:
            return [self._loss(training=True)]
        drawn = [self._loss(training=True) for _ in range(_DRAWS)]
        return [sum(drawn) / _DRAWS, self._loss(training=False)]

    @functools.cached_property
    def _begin(self) -> list[Any]:
        """The start; where weights have constraints, moved to where they want them."""
        bound = any(getattr(one, "constraint", None) for one in self._trainable())
        return self._mixed(self.after) if bound else self.start

    def _mixed(self, values: list[Any]) -> list[Any]:
        """These values for what is trained, and those of the start for the rest."""
        trained = {id(one) for one in self.layer.trainable_variables}
        return [
            value if id(variable) in trained else first
            for variable, value, first in zip(
                self.layer.variables, values, self.start, strict=True
            )
        ]

    def _loss(self, *, training: bool) -> float:
        given = self._given(training=training)
        pairs = zip(given, self.targets, strict=True)
        errors = sum(float(((one - two) ** 2).mean()) for one, two in pairs)
        added = [self._case.engine.array(one) for one in self.layer.losses]
        return errors + sum(float(one) for one in added)


def fit_of(case: Case) -> "Fit | Exception":
    """The compiled model, or what was raised on the way: for `Case.once`."""
    try:
        return Fit(case)
    except Exception as error:  # noqa: BLE001 -- the checks raise it
        return error


def _told_elsewhere(case: Case) -> NotApplicable | None:
    """Why it can't be fitted, where it says so or another check does."""
    if not case.engine.untraced:
        try:
            demand_traceable(case)
        except NotApplicable as said:
            return said
    return None
