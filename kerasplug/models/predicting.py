"""Classes and probabilities, as the R interface and Keras 2 return them."""

import warnings
from typing import Any

from kerasplug.errors import KerasplugWarning, ModelError
from kerasplug.models.kinds import require_model

__all__ = ["predict_classes", "predict_proba"]


def predict_classes(
    model: Any,
    x: Any,
    batch_size: int | None = None,
    verbose: int = 0,
    steps: int | None = None,
    *,
    threshold: float = 0.5,
) -> Any:
    """The class of each sample: a NumPy array of whole numbers.

    Args:
        model: a model with one output. Where that has one column, the classes are 0
            and 1; else they are the columns, and the highest one wins.
        x: as for `model.predict`.
        batch_size: samples in a batch; None: 32.
        verbose: as for `model.predict`.
        steps: batches; None: all that `x` has.
        threshold: with one column, above which value the class is 1.

    Returns:
        Shape `(samples,)` where the output has several columns, `(samples, 1)` where
        it has one; dtype int64 and int32, as in Keras 2.

    Raises:
        ModelError: it is no model, or has several outputs.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
        >>> predict_classes(model, np.eye(3)).tolist()
        [0, 1, 2]

    Source: keras 2.3.1, `Sequential.predict_classes`.
    """
    values = _predicted("predict_classes", model, x, batch_size, verbose, steps)
    if values.shape[-1] > 1:
        return values.argmax(axis=-1)
    _warn_unless_probable(values, "predict_classes() compares with the threshold")
    return (values > threshold).astype("int32")


def predict_proba(
    model: Any,
    x: Any,
    batch_size: int | None = None,
    verbose: int = 0,
    steps: int | None = None,
) -> Any:
    """The probability of each class for each sample: a NumPy array.

    It is what `model.predict` returns; a warning says where that can't be one.

    Args:
        model: a model with one output.
        x: as for `model.predict`.
        batch_size: samples in a batch; None: 32.
        verbose: as for `model.predict`.
        steps: batches; None: all that `x` has.

    Raises:
        ModelError: it is no model, or has several outputs.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
        >>> predict_proba(model, np.zeros((1, 2))).tolist()
        [[0.5, 0.5]]

    Source: keras 2.3.1, `Sequential.predict_proba`.
    """
    values = _predicted("predict_proba", model, x, batch_size, verbose, steps)
    _warn_unless_probable(values, "predict_proba() returns it as it is")
    return values


def _predicted(
    call: str, model: Any, x: Any, batch_size: Any, verbose: Any, steps: Any
) -> Any:
    require_model(call, model)
    values = model.predict(x, batch_size=batch_size, verbose=verbose, steps=steps)
    if not hasattr(values, "argmax"):
        what = f"{call}() works on a model with one output."
        mend = "kerasplug.truncate_model(model, layer), or model.predict(x)"
        raise ModelError(what, found=f"{len(values)} outputs", mend=mend)
    return values


def _warn_unless_probable(values: Any, consequence: str) -> None:
    if values.size and (values.min() < 0 or values.max() > 1):
        message = (
            f"The model's output is no probability: values from {values.min():.3g} to "
            f"{values.max():.3g}. {consequence}. Does the last layer lack a softmax or "
            "sigmoid?"
        )
        warnings.warn(message, KerasplugWarning, stacklevel=3)
