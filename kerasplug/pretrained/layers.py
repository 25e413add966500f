"""What comes before and after an application, as layers of one model.

Importing this module loads Keras; `kerasplug.layers` does it when one is asked for.
"""

import operator
from typing import TYPE_CHECKING, Any

from kerasplug.errors import ApplicationError
from kerasplug.hooks.applications import PREPROCESSING
from kerasplug.implementation import implementation
from kerasplug.pretrained.known import name_of, part_of, record_of
from kerasplug.pretrained.pixels import check_channels, check_format, prepared
from kerasplug.saving.origins import MARK, is_canonical

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = implementation()

__all__ = ["ApplicationPreprocessing", "TopPredictions"]


@keras.saving.register_keras_serializable(package="kerasplug")
class ApplicationPreprocessing(keras.layers.Layer):
    """Prepares pixels within a model, as `application_preprocess_inputs` does outside.

    A model with this layer in front takes the pixels of pictures as they are, of any
    type, and can't be given the wrong ones. A file of it loads without the plugin of
    the application, unless the preparation is the plugin's own.

    Args:
        application: a name, what `kerasplug.applications` gives, or a model that it
            made; None: `mode` says it all.
        mode: None: as the application has it. `"raw"`, `"tf"`, `"caffe"` or `"torch"`.
        data_format: `"channels_last"` or `"channels_first"`; None: as Keras is set when
            the layer is made.
        kwargs: `name`, `dtype` and `trainable`, as for any Keras layer.

    Call arguments:
        inputs: pixels in [0, 255], whole numbers or fractions.

    Input shape: `(batch, height, width, channels)`, or channels first.
    Output shape: the same. The numbers are computed in Keras' `floatx` and come in the
    layer's compute dtype.

    Raises:
        ApplicationError: it is told neither application nor mode, or a wrong one; or
            the pictures have not the three channels that the mode has means of.
        UnknownNameError: there is no such application.

    Example:
        >>> import numpy as np
        >>> prepare = ApplicationPreprocessing(mode="tf")
        >>> float(prepare(np.full((1, 1, 1, 3), 255, "uint8"))[0, 0, 0, 0])
        1.0

    Source: `keras.applications.imagenet_utils.preprocess_input` of Keras 3.15.1.
    """

    #: Tells `application_preprocess_inputs` that pixels are prepared inside.
    prepares_pixels = True

    def __init__(
        self,
        application: Any = None,
        mode: str | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        # Keras would round pixels to half precision before they get here.
        super().__init__(autocast=False, **kwargs)
        self.mode, self.application = _told(application, mode)
        check_format(data_format)
        self.data_format = data_format or keras.config.image_data_format()
        own = self.application if ":" in self.mode else None
        self._own = None if own is None else part_of(own, self.mode)
        setattr(self, MARK, self.application)

    def build(self, input_shape: Any) -> None:
        """Look at the channels.

        Raises:
            ApplicationError: there are not three where the mode has means of three.
        """
        if self.mode in ("caffe", "torch"):
            check_channels(input_shape, first=self.data_format == "channels_first")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """The prepared pixels, of the same shape."""
        if self._own is not None:
            made = self._own(inputs)
        else:
            made = prepared(inputs, self.mode, self.data_format)
        return keras.ops.cast(made, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The same."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The mode itself, so that loading needs no plugin; of its own only the name.

        Returns:
            The arguments of the constructor.
        """
        own = self._own is not None
        return {
            **super().get_config(),
            "application": self.application,
            "mode": None if own else self.mode,
            "data_format": self.data_format,
        }


def _told(application: Any, mode: str | None) -> tuple[str, str | None]:
    """The mode, and the canonical name of the application."""
    if mode is not None and mode not in PREPROCESSING:
        what = "mode is not of its form."
        rule = " or ".join(map(repr, PREPROCESSING[1:]))
        raise ApplicationError(what, found=f"mode={mode!r}", expected=rule)
    if application is None:
        if mode is None:
            what = "How pixels are to be prepared is not told."
            raise ApplicationError(what, expected="an application, or a mode")
        return mode or "raw", None
    if mode is not None and isinstance(application, str):
        # A file's: its plugin need not be here.
        return mode or "raw", application if is_canonical(application) else None
    return mode or record_of(application).preprocessing or "raw", name_of(application)


@keras.saving.register_keras_serializable(package="kerasplug")
class TopPredictions(keras.layers.Layer):
    """The best classes and their scores, the best one first, of the scores of all.

    `application_decode_predictions` gives them their names.

    Args:
        top: how many, >= 1. Default: 5.
        kwargs: `name`, `dtype` and `trainable`, as for any Keras layer.

    Call arguments:
        inputs: float tensor, a score for each class.

    Input shape: `(batch, classes)`, with `top` classes or more.
    Output shape: a dictionary of two, `(batch, top)` each: `"indices"`, int32, and
    `"scores"`.

    Raises:
        ApplicationError: `top` is no whole number from 1, or there are fewer classes.

    Example:
        >>> import numpy as np
        >>> best = TopPredictions(top=2)(np.array([[0.1, 0.2, 0.7]], "float32"))
        >>> best["indices"].numpy().tolist()
        [[2, 1]]
    """

    def __init__(self, top: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.top = _whole(top)

    def build(self, input_shape: Any) -> None:
        """Look whether there are so many classes.

        Raises:
            ApplicationError: there are fewer.
        """
        classes = input_shape[-1]
        if classes is not None and classes < self.top:
            what = "There are fewer classes than are asked for."
            raise ApplicationError(
                what, found=f"{classes} classes", expected=f"at least top={self.top}"
            )
        super().build(input_shape)

    def call(self, inputs: Any) -> dict[str, Any]:
        """Which are best, and their scores."""
        scores, indices = keras.ops.top_k(inputs, self.top)
        return {"indices": keras.ops.cast(indices, "int32"), "scores": scores}

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "top": self.top}


def _whole(top: Any) -> int:
    try:
        number = 0 if isinstance(top, bool) else operator.index(top)
    except TypeError:
        number = 0
    if number < 1:
        what = "top is not of its form."
        raise ApplicationError(what, found=f"top={top!r}", expected="an int from 1")
    return number
