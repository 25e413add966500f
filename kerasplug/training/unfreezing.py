"""Fine-tuning by stages: more and more layers learn."""

from collections.abc import Mapping
from typing import Any

from kerasplug.models.choosing import One
from kerasplug.models.kinds import require_model
from kerasplug.training.checking import Checked, callbacks_of
from kerasplug.training.gradual import (
    GradualUnfreezing,
    check_layers,
    check_model,
    check_schedule,
)

__all__ = ["fit_gradually"]

_CALL = "fit_gradually()"


def fit_gradually(
    model: Any,
    schedule: Mapping[int, One],
    *args: Any,
    epochs: int,
    base: Any = None,
    callbacks: Any = None,
    **fit_options: Any,
) -> Any:
    """Train a model, and let more of its layers learn from certain epochs on.

    This is `model.fit(...)` with a `GradualUnfreezing` before all other callbacks, and
    its arguments are checked before `fit` begins.

    Args:
        model: a compiled model of Keras 3, built; freeze what is not to learn at first.
        schedule: epoch, from 0 -> the layer from which on all learn, from that epoch
            on: its name, position, or itself. Layers before it stay as they are.
        *args: as for `fit`.
        epochs: how many in all.
        base: the model in `model` whose layers are meant; None: `model` itself.
        callbacks: one or a list of them; they see one training.
        **fit_options: as for `fit`.

    Returns:
        What `fit` returns, a `History`.

    Raises:
        RecordError: an argument is not of these; or an epoch of the schedule is never
            reached.
        ModelError: it is no compiled, built model of Keras 3; or `base` is not in it.
        UnknownNameError: there is no layer of that name.
        LayerIndexError: there is no such position.

    Guarantees:
        All is checked before anything is trained or changed.

    Example:
        >>> fit_gradually([], {0: "dense"}, epochs=1)
        Traceback (most recent call last):
        kerasplug.errors.ModelError: fit_gradually() works on a Keras model.
          found:    [] (of type list)
          expected: a Keras model
    """
    require_model("fit_gradually", model)
    if base is not None:
        require_model("fit_gradually", base)
    check_model(_CALL, model, base)
    check = Checked(_CALL)
    check.whole("initial_epoch", fit_options.get("initial_epoch", 0))
    check.whole("epochs", epochs, least=1)
    check_schedule(_CALL, schedule)
    check_layers(_CALL, schedule, model if base is None else base, epochs)
    given = [] if callbacks is None else callbacks_of(_CALL, "callbacks", callbacks)
    listed = [GradualUnfreezing(schedule, base), *given]
    return model.fit(*args, epochs=epochs, callbacks=listed, **fit_options)
