"""The targets of the records: each builds one model of `keras.applications`.

Their signatures are known without Keras, and Keras is imported when one is called.
Source of arguments and defaults: `keras/src/applications` of Keras 3.15.1.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import kerasplug

__all__ = [
    "VARIANTS",
    "Builder",
    "mobilenet_v2_variant",
    "mobilenet_v3_variant",
    "mobilenet_variant",
]


class Builder:
    """Builds one model of `keras.applications`, without weights unless told otherwise.

    Args:
        constructor: its name in `keras.applications`.
        name: what `name` is by default.
        own: arguments that not all models take, with their defaults.

    Example:
        >>> from kerasplug_applications.builders import vgg16
        >>> list(vgg16.__signature__.parameters)[:2]
        ['include_top', 'weights']
    """

    def __init__(self, constructor: str, name: str | None, **own: Any) -> None:
        self.__name__ = self.__qualname__ = constructor
        self.__doc__ = f"A new `keras.applications.{constructor}`, with its arguments."
        defaults = {
            "include_top": True,
            "weights": None,
            "input_tensor": None,
            "input_shape": None,
            "pooling": None,
            "classes": 1000,
            "classifier_activation": "softmax",
            **own,
            "name": name,
        }
        by_name = inspect.Parameter.KEYWORD_ONLY
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(argument, by_name, default=default)
                for argument, default in defaults.items()
            ]
        )

    def __repr__(self) -> str:
        return f"<builder of keras.applications.{self.__name__}>"

    def __call__(self, **arguments: Any) -> Any:
        """Build the model.

        Args:
            **arguments: those of Keras' own function, by name.

        Returns:
            A Keras model.

        Raises:
            TypeError: the model takes no argument of that name.
        """
        self.__signature__.bind(**arguments)
        constructor = getattr(kerasplug.implementation().applications, self.__name__)
        # Keras' own default would download.
        return constructor(**{"weights": None, **arguments})


xception = Builder("Xception", "xception")
vgg16 = Builder("VGG16", "vgg16")
vgg19 = Builder("VGG19", "vgg19")
resnet50 = Builder("ResNet50", "resnet50")
resnet101 = Builder("ResNet101", "resnet101")
resnet152 = Builder("ResNet152", "resnet152")
resnet50_v2 = Builder("ResNet50V2", "resnet50v2")
resnet101_v2 = Builder("ResNet101V2", "resnet101v2")
resnet152_v2 = Builder("ResNet152V2", "resnet152v2")
inception_v3 = Builder("InceptionV3", "inception_v3")
inception_resnet_v2 = Builder("InceptionResNetV2", "inception_resnet_v2")
mobilenet = Builder("MobileNet", None, alpha=1.0, depth_multiplier=1, dropout=1e-3)
mobilenet_v2 = Builder("MobileNetV2", None, alpha=1.0)
_V3: Final[Mapping[str, Any]] = {
    "alpha": 1.0,
    "minimalistic": False,
    "dropout_rate": 0.2,
    "include_preprocessing": True,
}
mobilenet_v3_large = Builder("MobileNetV3Large", "MobileNetV3Large", **_V3)
mobilenet_v3_small = Builder("MobileNetV3Small", "MobileNetV3Small", **_V3)
densenet121 = Builder("DenseNet121", "densenet121")
densenet169 = Builder("DenseNet169", "densenet169")
densenet201 = Builder("DenseNet201", "densenet201")
nasnet_large = Builder("NASNetLarge", "nasnet_large")
nasnet_mobile = Builder("NASNetMobile", "nasnet_mobile")
efficientnet_b0 = Builder("EfficientNetB0", "efficientnetb0")
efficientnet_b1 = Builder("EfficientNetB1", "efficientnetb1")
efficientnet_b2 = Builder("EfficientNetB2", "efficientnetb2")
efficientnet_b3 = Builder("EfficientNetB3", "efficientnetb3")
efficientnet_b4 = Builder("EfficientNetB4", "efficientnetb4")
efficientnet_b5 = Builder("EfficientNetB5", "efficientnetb5")
efficientnet_b6 = Builder("EfficientNetB6", "efficientnetb6")
efficientnet_b7 = Builder("EfficientNetB7", "efficientnetb7")


def _with_preprocessing(constructor: str, name: str) -> Builder:
    return Builder(constructor, name, include_preprocessing=True)


efficientnet_v2b0 = _with_preprocessing("EfficientNetV2B0", "efficientnetv2-b0")
efficientnet_v2b1 = _with_preprocessing("EfficientNetV2B1", "efficientnetv2-b1")
efficientnet_v2b2 = _with_preprocessing("EfficientNetV2B2", "efficientnetv2-b2")
efficientnet_v2b3 = _with_preprocessing("EfficientNetV2B3", "efficientnetv2-b3")
efficientnet_v2s = _with_preprocessing("EfficientNetV2S", "efficientnetv2-s")
efficientnet_v2m = _with_preprocessing("EfficientNetV2M", "efficientnetv2-m")
efficientnet_v2l = _with_preprocessing("EfficientNetV2L", "efficientnetv2-l")
convnext_tiny = _with_preprocessing("ConvNeXtTiny", "convnext_tiny")
convnext_small = _with_preprocessing("ConvNeXtSmall", "convnext_small")
convnext_base = _with_preprocessing("ConvNeXtBase", "convnext_base")
convnext_large = _with_preprocessing("ConvNeXtLarge", "convnext_large")
convnext_xlarge = _with_preprocessing("ConvNeXtXLarge", "convnext_xlarge")

#: Sides for which there are weights; what has another side gets those of the largest.
_SIDES: Final = (128, 160, 192, 224)
_SIDES_V2: Final = (96, *_SIDES)


def mobilenet_variant(arguments: Mapping[str, Any]) -> str:
    """Which weights Keras would load into a MobileNet built with these arguments.

    Args:
        arguments: of `mobilenet`; what is not there has its default.

    Returns:
        A variant, without the "-notop" that a model without top adds to it.

    Example:
        >>> mobilenet_variant({"alpha": 0.5, "input_shape": (160, 160, 3)})
        'imagenet-alpha0.5-size160'
    """
    size = _size(arguments.get("input_shape"), _SIDES)
    return f"imagenet-alpha{_alpha(arguments)}-size{size}"


def mobilenet_v2_variant(arguments: Mapping[str, Any]) -> str:
    """Which weights Keras would load into a MobileNetV2 built with these arguments.

    With `alpha` 1.3 and 1.4 Keras asks for files of all sizes, but only those of 224
    exist (Keras' issue 16452). They fit all sizes, so they are the ones.

    Args:
        arguments: of `mobilenet_v2`; what is not there has its default.

    Returns:
        A variant, without the "-notop" that a model without top adds to it.

    Example:
        >>> mobilenet_v2_variant({"alpha": 1.4})
        'imagenet-alpha1.4-size224'
    """
    alpha = _alpha(arguments)
    shape = arguments.get("input_shape")
    if shape is None and arguments.get("include_top", True):
        # Without top Keras takes the tensor for one of unknown size.
        tensor = getattr(arguments.get("input_tensor"), "shape", None)
        shape = None if tensor is None else tuple(tensor)[1:]
    size = _SIDES_V2[-1] if alpha > 1 else _size(shape, _SIDES_V2)
    return f"imagenet-alpha{alpha}-size{size}"


def mobilenet_v3_variant(arguments: Mapping[str, Any]) -> str:
    """Which weights Keras would load into a MobileNetV3 built with these arguments.

    Args:
        arguments: of `mobilenet_v3_large` or `_small`; what is not there has its
            default.

    Returns:
        A variant, without the "-notop" that a model without top adds to it.

    Example:
        >>> mobilenet_v3_variant({"minimalistic": True})
        'imagenet-minimalistic'
    """
    alpha = _alpha(arguments)
    kind = "-minimalistic" if arguments.get("minimalistic", False) else ""
    return f"imagenet{kind}" + ("" if alpha == 1 else f"-alpha{alpha}")


#: By a record's name: which variant of the weights belongs to some arguments.
VARIANTS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "mobilenet": mobilenet_variant,
    "mobilenet_v2": mobilenet_v2_variant,
    "mobilenet_v3_large": mobilenet_v3_variant,
    "mobilenet_v3_small": mobilenet_v3_variant,
}


def _source(name: str, build: Builder) -> kerasplug.ApplicationSource:
    return kerasplug.ApplicationSource(
        build=build, variant_of=VARIANTS[name], weights=("imagenet",)
    )


mobilenet_source = _source("mobilenet", mobilenet)
mobilenet_v2_source = _source("mobilenet_v2", mobilenet_v2)
mobilenet_v3_large_source = _source("mobilenet_v3_large", mobilenet_v3_large)
mobilenet_v3_small_source = _source("mobilenet_v3_small", mobilenet_v3_small)


def _alpha(arguments: Mapping[str, Any]) -> float:
    return float(arguments.get("alpha", 1.0))


def _size(shape: Any, sides: tuple[int, ...]) -> int:
    """The side of a square that there are weights for, or the largest such side."""
    if shape is None:
        return sides[-1]
    # Weights need three channels, and no side is as small as that.
    rows, columns = shape[1:] if shape[0] == 3 else shape[:2]  # noqa: PLR2004 -- RGB
    return rows if rows == columns and rows in sides else sides[-1]
