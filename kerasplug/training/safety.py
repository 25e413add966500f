"""Training after which the model can be used, whatever happened."""

from typing import Any

from kerasplug.implementation import family_of
from kerasplug.models.kinds import family, is_older, require_model
from kerasplug.training.basing import callback_class

__all__ = ["safe_fit"]


def safe_fit(model: Any, *args: Any, **kwargs: Any) -> Any:
    """`model.fit(...)`; where it fails, the model is what it was before.

    On JAX Keras takes the weights out of a model while it trains, and where the first
    step fails it does not put them back: every later call raises a `TypeError`.

    Args:
        model: a compiled model. What is not built yet has no weights to be put back.
        *args: as for `fit`.
        **kwargs: as for `fit`.

    Returns:
        What `fit` returns. After Ctrl-C: the history of the epochs that were completed,
        and the model keeps what it has learned, unless its weights were lost.

    Raises:
        ModelError: it is no model.
        Exception: what `fit` raises, after the weights, what the optimizer knows, and
            the states of random layers were put back.

    Example:
        >>> safe_fit([])
        Traceback (most recent call last):
        kerasplug.errors.ModelError: safe_fit() works on a Keras model.
          found:    [] (of type list)
          expected: a Keras model
    """
    require_model("safe_fit", model)
    kept = _Kept(model)
    before = getattr(model, "history", None)
    try:
        return model.fit(*args, **kwargs)
    except KeyboardInterrupt:
        if kept.is_damaged():
            kept.put_back()
        return _partial(model, before)
    except Exception as error:
        kept.put_back()
        done = len(getattr(_partial(model, before), "epoch", ()))
        note = f"safe_fit() has put the model back as it was, {done} epochs ago."
        error.add_note(note)
        raise


class _Kept:
    """Copies of all that training changes in a model."""

    def __init__(self, model: Any) -> None:
        self._model = model
        optimizer = getattr(model, "optimizer", None)
        built = bool(getattr(model, "built", False))
        if built and optimizer is not None and not getattr(optimizer, "built", True):
            # As `fit` does it: else its variables would be new ones, and lost.
            optimizer.build(model.trainable_variables)
        if is_older(model) and optimizer is not None:
            model._make_train_function()  # noqa: SLF001 -- the same there
        self._values = [(one, _copy(one)) for one in self._variables()]

    def _variables(self) -> list[Any]:
        model = self._model
        if not getattr(model, "built", False):
            return []
        optimizer: Any = getattr(model, "optimizer", None)
        if is_older(model):
            return [*model.weights, *getattr(optimizer, "weights", ())]
        known = list(getattr(optimizer, "variables", ()) or ())
        if callable(getattr(optimizer, "variables", None)):  # an old Keras 2
            known = list(optimizer.variables())
        found = {id(one): one for one in (*model.variables, *known)}
        return list(found.values())

    def is_damaged(self) -> bool:
        """Whether Keras has left a variable without its value."""
        if family(self._model) == "tf_keras":
            return False
        return any(one._value is None for one in self._variables())  # noqa: SLF001 -- `value` of such a one raises

    def put_back(self) -> None:
        """Let all variables be what they were; what came in meanwhile begins anew."""
        known = {id(one) for one, _ in self._values}
        model: Any = self._model
        if is_older(model):  # its metrics keep nothing
            _engine().batch_set_value(self._values)
            return
        for one, value in self._values:
            one.assign(value)
        for metric in model.metrics:
            if any(id(one) not in known for one in metric.variables):
                metric.reset_state()


def _engine() -> Any:
    from kerasplug.implementation import implementation

    return implementation().backend


def _copy(variable: Any) -> Any:
    if not hasattr(variable, "assign"):  # an engine's own, of an older Keras
        return _engine().get_value(variable).copy()
    if family_of(variable) == "tf_keras" or not hasattr(variable, "path"):
        return variable.numpy().copy()
    from kerasplug.implementation import implementation

    return implementation().ops.convert_to_numpy(variable).copy()


def _partial(model: Any, before: Any) -> Any:
    """The history that there is; an empty one, where nothing was begun."""
    history = getattr(model, "history", None)
    if history is None or history is before:
        history = callback_class("History")()
        history.set_model(model)
    if not hasattr(history, "epoch"):
        history.epoch = []
    return history
