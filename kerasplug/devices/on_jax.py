"""JAX: one program for all devices, its batch split among them, its weights on each.

XLA makes that program of Keras' step for one device: it cuts each operation by rows
where it can, and adds what devices have to tell each other. So what a step computes is
what it computes on one device, whatever is in the model: batch normalization sees the
whole batch, dropout drops the same, sums are sums of all rows. Rows that the number of
devices does not divide are filled up within the program, and what fills counts nowhere.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from kerasplug.devices.naming import framework
from kerasplug.devices.on_jax_mesh import Mesh, require_alone
from kerasplug.devices.parallel import Parallel
from kerasplug.devices.pieces import with_masks
from kerasplug.devices.slices import leaves
from kerasplug.implementation import implementation

__all__ = ["PARALLEL", "OnJax"]

#: What each of Keras' steps takes and gives back, in its order.
_STATE: Final = {
    "train": ("trainable", "non_trainable", "optimizer", "metrics"),
    "test": ("trainable", "non_trainable", "metrics"),
    "predict": ("trainable", "non_trainable"),
}


class OnJax(Parallel):
    """A model whose batches are split over devices of JAX.

    Its weights, and all that the optimizer and metrics keep, lie on every device, and
    stay there when the template is used by itself.

    Raises:
        DeviceError: Keras has a distribution already.
    """

    #: As Keras has them; the second in keras 3.15.1, `backend/jax/trainer.py`.
    steps_per_execution: int
    _jax_state: Any

    def _prepare(self) -> None:
        require_alone()
        self._mesh = Mesh(self.devices)
        self._mesh.lay_out(self.variables)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Run the template on inputs whose rows are split over the devices."""
        self._build_template(inputs)
        split = implementation().tree.map_structure(self._mesh.split, inputs)
        if mask is not None:
            with_masks(split, leaves(mask))
        told = {} if training is None else {"training": training}
        return self.template(split, **told)

    def make_train_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 -- Keras' signature
        """As Keras does, for all devices."""
        self._make("train", super().make_train_function, force)

    def make_test_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 -- Keras' signature
        """As Keras does, for all devices."""
        self._make("test", super().make_test_function, force)

    def make_predict_function(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 -- Keras' signature
        """As Keras does, for all devices."""
        self._make("predict", super().make_predict_function, force)

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        """As Keras does; an error leaves the model as it is."""
        try:
            return super().evaluate(*arguments, **options)
        finally:
            self.jax_state_sync()

    def predict(self, *arguments: Any, **options: Any) -> Any:
        """As Keras does; an error leaves the model as it is."""
        try:
            return super().predict(*arguments, **options)
        finally:
            self.jax_state_sync()

    def _make(self, what: str, make: Callable[..., None], force: bool) -> None:  # noqa: FBT001 -- as above
        """Have Keras make the function of a step, when its variables are in place."""
        require_alone()
        self._mesh.lay_out(self._kept())
        name = f"{what}_function"
        if getattr(self, name) is not None and not force:
            return
        steps, self.steps_per_execution = self.steps_per_execution, 1
        try:
            with self._mesh.distribution.scope():
                make(force=True)
        finally:
            self.steps_per_execution = steps
        setattr(self, name, self._spread(what, getattr(self, name), steps))

    def _kept(self) -> list[Any]:
        """All variables that a step takes."""
        optimizer = getattr(self, "optimizer", None)
        state = [] if optimizer is None else optimizer.variables
        return [*self.variables, *self.metrics_variables, *state]

    def _spread(self, what: str, step: Callable[..., Any], steps: int) -> Any:
        """The function that does some steps, with their batches split.

        While it runs Keras holds the values, and no variable has one. Whatever ends it
        before Keras has noted a state would be the end of them all.
        """

        def spread(state: Any, iterator: Iterator[Any]) -> Any:
            results: list[Any] = []
            try:
                for _ in range(steps):
                    batch = self._mesh.place(next(iterator))
                    result, state = step(state, iter([batch]))
                    results.append(result)
            except BaseException as error:
                if not results or not isinstance(error, StopIteration):
                    self._give_back(what, state)
                    raise
            return _joined(results) if what == "predict" else results[-1], state

        return spread

    def _give_back(self, what: str, state: Any) -> None:
        """Have Keras put the values into the variables."""
        names = [f"{group}_variables" for group in _STATE[what]]
        self._jax_state = dict(zip(names, state, strict=True))
        self._jax_state_synced = False
        self.jax_state_sync()
        self._jax_state = None


def _joined(results: list[Any]) -> Any:
    """The predictions of several batches as those of one."""
    if len(results) == 1:
        return results[0]
    join = framework().numpy.concatenate
    return implementation().tree.map_structure(lambda *one: join(one), *results)


PARALLEL = OnJax
