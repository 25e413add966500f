"""What the functions under R's names take, for editors and type checkers.

All arguments are given by name: Keras' own functions have them in different orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from kerasplug import PackagedFile, PublishedFile, RemoteFile
    from kerasplug.typing import keras

    File: TypeAlias = RemoteFile | PublishedFile | PackagedFile
    Weights: TypeAlias = str | os.PathLike[str] | File | None
    Sizes: TypeAlias = Sequence[int | None] | None
    Pooling: TypeAlias = Literal["avg", "max"] | None
    Activation: TypeAlias = str | Callable[..., Any] | None

__all__ = ["DigitsCNN", "MobileNet", "MobileNetV2", "MobileNetV3", "Prepared", "Usual"]


class Usual(Protocol):
    """What most models take."""

    def __call__(
        self,
        *,
        include_top: bool = True,
        weights: Weights = "imagenet",
        input_tensor: Any = None,
        input_shape: Sizes = None,
        pooling: Pooling = None,
        classes: int = 1000,
        classifier_activation: Activation = "softmax",
        name: str | None = ...,
    ) -> keras.Model:
        """A new model, not compiled."""


class Prepared(Protocol):
    """The same, and whether the pixels are scaled inside the model."""

    def __call__(  # noqa: PLR0913 -- Keras' own arguments
        self,
        *,
        include_top: bool = True,
        weights: Weights = "imagenet",
        input_tensor: Any = None,
        input_shape: Sizes = None,
        pooling: Pooling = None,
        classes: int = 1000,
        classifier_activation: Activation = "softmax",
        include_preprocessing: bool = True,
        name: str | None = ...,
    ) -> keras.Model:
        """A new model, not compiled."""


class MobileNet(Protocol):
    """What the first MobileNet takes."""

    def __call__(  # noqa: PLR0913 -- Keras' own arguments
        self,
        *,
        include_top: bool = True,
        weights: Weights = "imagenet",
        input_tensor: Any = None,
        input_shape: Sizes = None,
        pooling: Pooling = None,
        classes: int = 1000,
        classifier_activation: Activation = "softmax",
        alpha: float = 1.0,
        depth_multiplier: int = 1,
        dropout: float = 1e-3,
        name: str | None = ...,
    ) -> keras.Model:
        """A new model, not compiled."""


class MobileNetV2(Protocol):
    """What the second one takes."""

    def __call__(  # noqa: PLR0913 -- Keras' own arguments
        self,
        *,
        include_top: bool = True,
        weights: Weights = "imagenet",
        input_tensor: Any = None,
        input_shape: Sizes = None,
        pooling: Pooling = None,
        classes: int = 1000,
        classifier_activation: Activation = "softmax",
        alpha: float = 1.0,
        name: str | None = ...,
    ) -> keras.Model:
        """A new model, not compiled."""


class MobileNetV3(Protocol):
    """What both of the third take."""

    def __call__(  # noqa: PLR0913 -- Keras' own arguments
        self,
        *,
        include_top: bool = True,
        weights: Weights = "imagenet",
        input_tensor: Any = None,
        input_shape: Sizes = None,
        pooling: Pooling = None,
        classes: int = 1000,
        classifier_activation: Activation = "softmax",
        alpha: float = 1.0,
        minimalistic: bool = False,
        dropout_rate: float = 0.2,
        include_preprocessing: bool = True,
        name: str | None = ...,
    ) -> keras.Model:
        """A new model, not compiled."""


class DigitsCNN(Protocol):
    """What `digits_cnn` takes."""

    def __call__(
        self,
        *,
        include_top: bool = True,
        weights: Weights = "digits",
        input_shape: Sizes = None,
        pooling: Pooling = None,
        classes: int = 10,
        classifier_activation: Activation = "softmax",
        name: str = "digits_cnn",
    ) -> keras.Model:
        """A new model, not compiled."""
