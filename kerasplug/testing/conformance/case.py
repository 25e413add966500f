"""The layer in question, and everything that a check makes of it."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from kerasplug._frameworks import refuse_newer
from kerasplug.errors import CheckSetupError
from kerasplug.implementation import backend, implementation
from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.check import Blocked, NotApplicable
from kerasplug.testing.conformance.engines import Engine, engine_of
from kerasplug.testing.conformance.inputs import Inputs, Spec
from kerasplug.testing.conformance.structures import flatten, mapped
from kerasplug.testing.conformance.subject import Subject
from kerasplug.wrapping.classes import keras_of

__all__ = ["Case"]

_Made = TypeVar("_Made")

#: Inference and training.
_MODES = (False, True)


class Case:
    """A layer with its arguments and inputs, ready to be checked.

    Making one makes the layer and calls it once: when that fails, the call is to blame.

    Args:
        subject: the layer.
        inputs: what it is called on.
        call_kwargs: further arguments of each call.
        alternatives: by argument of the constructor, another value that it can have.
        custom_objects: what is needed to read its configuration, besides itself.
        tolerances: `(relative, absolute)`; default: by dtype.
        cross_backend: whether it is compared with the other installed backends.
        timeout: how many seconds one check in another process may take.

    Raises:
        CheckSetupError: the layer can't be made, or can't be called on the inputs.
    """

    def __init__(
        self,
        subject: Subject,
        inputs: Inputs,
        *,
        call_kwargs: Mapping[str, Any] | None = None,
        alternatives: Mapping[str, Any] | None = None,
        custom_objects: Mapping[str, Any] | None = None,
        tolerances: tuple[float, float] | None = None,
        cross_backend: bool = False,
        timeout: float = 120,
    ) -> None:
        self.subject = subject
        self.inputs = inputs
        self.call_kwargs = dict(call_kwargs or {})
        self.alternatives = dict(alternatives or {})
        self.custom_objects = dict(custom_objects or {})
        self.tolerances = tolerances
        self.cross_backend = cross_backend
        self.timeout = timeout
        self._made: dict[Any, Any] = {}
        self._lightly = False
        self.cls = subject.cls
        self.keras: Any = keras_of(subject.cls)
        if not hasattr(self.keras.utils, "set_random_seed"):
            refuse_newer("utils.set_random_seed")
        self.engine: Engine = engine_of(self.keras, self._backend())
        self._prepare()

    def _backend(self) -> str:
        if str(self.keras.__version__).startswith("2."):
            return "tensorflow"
        implementation().__name__  # noqa: B018 -- starts the Keras in use, so that its backend is known
        return backend()

    def _prepare(self) -> None:
        self.seed(0)
        layer = self.subject.first()
        try:
            outputs = self.call(layer, self.tensors())
        except Exception as error:
            raise self._uncallable(error) from error
        if not flatten(outputs):
            what = f"{self.label} gives nothing for these inputs."
            raise CheckSetupError(what, found="no output", expected="a tensor at least")
        # Raises where it can't be had twice; each check would tell of it then.
        with contextlib.suppress(Exception):
            self._lightly = not arrays.differences(self._life(), self._life())

    def _life(self) -> list[Any]:
        """What a layer has and does when it was seeded lightly."""
        self._lightly = True
        layer = self.built()
        outputs = [self.outputs(layer, self.data(), training=on) for on in _MODES]
        self._lightly = False
        return [outputs, self.engine.values(layer)]

    def seed(self, seed: int) -> None:
        """Seed what this layer takes its random numbers from.

        Seeding TensorFlow makes it forget every compiled operation, which takes longer
        than most checks. A layer of Keras' initializers and seed generators does
        without; whether this one does, was tried when the case was made.
        """
        if self._lightly:
            self.engine.seed_lightly(seed)
        else:
            self.engine.seed(seed)

    def _uncallable(self, error: Exception) -> CheckSetupError:
        shapes = mapped(lambda spec: (spec.shape, spec.dtype), self.inputs.specs)
        return CheckSetupError(
            f"{self.label} can't be called on these inputs.",
            found=f"{type(error).__name__}: {error}",
            expected=f"inputs that it takes; it was given {shapes}"
            + (
                f" and call_kwargs {sorted(self.call_kwargs)}"
                if self.call_kwargs
                else ""
            ),
            mend="correct input_shape, input_dtype, input_data, input_bounds or "
            "call_kwargs; no check has run. Should the layer take such inputs, then it "
            "is the layer that is to be mended",
        )

    @property
    def label(self) -> str:
        """How the layer is called in messages."""
        return self.subject.label

    # --- layers --------------------------------------------------------------------

    def layer(self, **changes: Any) -> Any:
        """A new layer, not built, with other values for some arguments."""
        return self.subject.make(**changes)

    def built(self, **changes: Any) -> Any:
        """A new layer that was called once; equal weights each time."""
        self.seed(0)
        layer = self.layer(**changes)
        self.call(layer, self.tensors())
        return layer

    def used(self, **changes: Any) -> Any:
        """A new layer as a user has it: trained a little, no weight as it was made.

        Equal each time. A bias of zeros, a scale of ones hide faults.
        """
        layer = self.built(**changes)
        for variant in range(2):
            self._train(layer, variant)
        for number, weight in enumerate(layer.trainable_variables):
            if arrays.is_float(self.engine.dtype(weight)):
                value = self.engine.array(weight)
                noise = arrays.random(
                    value.shape, "float32", seed=(11, number), low=0.01, high=0.1
                )
                weight.assign(value + noise.astype(value.dtype))
        return layer

    def _train(self, layer: Any, variant: int = 0) -> None:
        try:
            self.call(layer, self.tensors(variant=variant), training=True)
        except Exception as error:
            reason = f"it can't be called in training ({type(error).__name__})"
            by = "training_is_honoured"
            raise Blocked(by, reason) from error

    @functools.cached_property
    def still(self) -> Any:
        """A used layer that all checks share: only to be called in inference."""
        return self.used()

    @functools.cached_property
    def expected(self) -> Any:
        """The outputs of `still` for `data()`, in inference."""
        return self.outputs(self.still, self.data())

    @functools.cached_property
    def repeats(self) -> bool:
        """Whether inference twice gives the same outputs, state or chance aside."""
        if self.is_stateful:
            return False
        return not self.differences(
            self.expected, self.outputs(self.still, self.data())
        )

    def demand_repeats(self) -> None:
        """For a check that compares outputs.

        Raises:
            NotApplicable: they differ from call to call, as the layer says.
            Blocked: they differ, and it says nothing of that.
        """
        if self.is_stateful:
            reason = "it is stateful: its outputs depend on the calls before"
            raise NotApplicable(reason)
        if not self.repeats:
            by, reason = "inference_repeats", "its outputs differ from call to call"
            raise Blocked(by, reason)

    @functools.cached_property
    def is_stateful(self) -> bool:
        """Whether it says that its outputs depend on the calls before."""
        return bool(getattr(self.layer(), "stateful", False))

    def demand_any_batch(self) -> None:
        """For a check that calls with other numbers of rows.

        Raises:
            NotApplicable: what the layer or the call says fixes that number.
        """
        reason = ""
        if self.is_stateful:
            reason = "it is stateful: it goes on with the rows of the call before"
        elif any(hasattr(one, "shape") for one in flatten(self.call_kwargs)):
            reason = "call_kwargs has arrays, which have as many rows as the inputs"
        if reason:
            raise NotApplicable(reason)

    def demand_tensors(self) -> None:
        """For a check that needs tensors as inputs.

        Raises:
            NotApplicable: they are strings, and the backend has no such tensors.
        """
        if not self.engine.has_strings and any(
            spec.dtype == "string" for spec in flatten(self.inputs.specs)
        ):
            reason = "this backend has no tensors of strings, and so no such models"
            raise NotApplicable(reason)

    def once(self, make: Callable[["Case"], _Made]) -> _Made:
        """What `make(case)` gives; made by the first check that asks, then kept."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("_Made", self._made[make])

    def know(self, make: Callable[["Case"], _Made], made: _Made) -> None:
        """Keep what a check has found out on the way, for `once`."""
        self._made[make] = made

    def forget(self, layer: Any) -> None:
        """Make a recurrent layer forget what it keeps from batch to batch."""
        keeps = getattr(layer, "stateful", False) and layer.built
        if keeps and hasattr(layer, "reset_states"):
            layer.reset_states()

    # --- inputs --------------------------------------------------------------------

    def data(self, batch: int | None = None, **options: Any) -> Any:
        """Arrays as inputs, as `Inputs.data` makes them."""
        return self.inputs.data(batch, **options)

    def tensors(self, batch: int | None = None, **options: Any) -> Any:
        """The same as tensors."""
        return self.engine.tensors(self.data(batch, **options))

    def symbolic(
        self,
        batch: int | None = None,
        *,
        sizes: Mapping[int, int | None] | None = None,
        dtype: str | None = None,
    ) -> Any:
        """Symbolic inputs.

        Args:
            batch: the number of rows. Default: unknown.
            sizes: other sizes by axis, None for an unknown one.
            dtype: the dtype of float inputs. Default: as they are.
        """
        other = sizes or {}

        def made(spec: Spec) -> Any:
            shape = [other.get(axis, size) for axis, size in enumerate(spec.shape)]
            name = dtype if dtype and arrays.is_float(spec.dtype) else spec.dtype
            return self.engine.symbolic((batch, *shape[1:]), name)

        return mapped(made, self.inputs.specs)

    # --- calling -------------------------------------------------------------------

    @functools.cached_property
    def by_keyword(self) -> bool:
        """Whether a dict of inputs is given as arguments, by their names in `call`."""
        specs = self.inputs.specs
        return isinstance(specs, dict) and set(specs) <= set(self.parameters)

    @functools.cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The parameters of the layer's `call`, without `self`."""
        found = dict(inspect.signature(self.cls.call).parameters)  # type: ignore[attr-defined]  # every layer class has it
        found.pop("self", None)
        return found

    def call(
        self, layer: Any, inputs: Any, *, training: bool | None = None, **kwargs: Any
    ) -> Any:
        """The outputs of a layer, or of a model with the same inputs.

        Args:
            layer: the layer.
            inputs: tensors, arrays or symbolic tensors, in the inputs' structure.
            training: what is said about the mode. Default: nothing.
            kwargs: further arguments, in place of those in `call_kwargs`.
        """
        given = {**self.call_kwargs, **kwargs}
        # Keras 2 refuses the argument where `call` has none; Keras 3 knows what to do.
        if training is not None and (
            not self.engine.legacy or "training" in self.parameters
        ):
            given["training"] = training
        if self.by_keyword:
            return layer(**inputs, **given)
        return layer(inputs, **given)

    def outputs(
        self, layer: Any, data: Any, *, training: bool | None = False, **kwargs: Any
    ) -> Any:
        """The outputs as arrays, for arrays; inference unless said otherwise."""
        tensors = self.engine.tensors(data)
        return self.engine.arrays(
            self.call(layer, tensors, training=training, **kwargs)
        )

    def model(self, layer: Any = None, batch: int | None = None) -> Any:
        """A functional model of inputs, the layer and nothing else.

        Args:
            layer: the layer. Default: a new one.
            batch: the number of rows. Default: unknown, but where it is stateful.

        Raises:
            NotApplicable: the backend has no tensors for these inputs.
            Blocked: the layer can't be used so; the check `in_functional` says why.
        """
        self.demand_tensors()
        if batch is None and self.is_stateful:
            batch = self.inputs.batch
        inputs = self.symbolic(batch)
        try:
            outputs = self.call(self.layer() if layer is None else layer, inputs)
            return self.keras.Model(inputs, outputs)
        except Exception as error:
            reason = f"no functional model can be made of it ({type(error).__name__})"
            by = "in_functional"
            raise Blocked(by, reason) from error

    def model_outputs(self, model: Any, data: Any, *, training: bool = False) -> Any:
        """The outputs of a functional model of `model()`, as arrays."""
        found = model(self.engine.tensors(data), training=training)
        return self.engine.arrays(found)

    # --- comparing -----------------------------------------------------------------

    def differences(self, first: Any, second: Any) -> str:
        """How two structures of arrays differ, by more than rounding; empty: not."""
        return arrays.differences(first, second, *(self.tolerances or (None, None)))

    @functools.cached_property
    def is_random(self) -> bool:
        """Whether two calls in training give different outputs."""
        layer = self.built()
        first, second = (self.outputs(layer, self.data(), training=True) for _ in "12")
        return bool(self.differences(first, second))

    @property
    def scope(self) -> Any:
        """A scope in which the layer's own configuration can be read."""
        return self.keras.utils.custom_object_scope(
            {self.cls.__name__: self.cls, **self.custom_objects}
        )
