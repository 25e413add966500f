"""R's names: `application_vgg16` and its like, one for each model.

Importing this module loads neither Keras nor NumPy, and calling a function of it is
`kerasplug.applications["kerasplug-applications/vgg16"](…)`. Source of the names: the
interface of R to Keras 3, and of the two without a `_` in `nasnet` that to Keras 2.

Example:
    >>> import inspect
    >>> from kerasplug_applications import application_vgg16
    >>> inspect.signature(application_vgg16).parameters["weights"].default
    'imagenet'
"""

from kerasplug_applications.describing import function as _function
from kerasplug_applications.signatures import (
    DigitsCNN,
    MobileNet,
    MobileNetV2,
    MobileNetV3,
    Prepared,
    Usual,
)

__all__ = [
    "application_convnext_base",
    "application_convnext_large",
    "application_convnext_small",
    "application_convnext_tiny",
    "application_convnext_xlarge",
    "application_densenet121",
    "application_densenet169",
    "application_densenet201",
    "application_digits_cnn",
    "application_efficientnet_b0",
    "application_efficientnet_b1",
    "application_efficientnet_b2",
    "application_efficientnet_b3",
    "application_efficientnet_b4",
    "application_efficientnet_b5",
    "application_efficientnet_b6",
    "application_efficientnet_b7",
    "application_efficientnet_v2b0",
    "application_efficientnet_v2b1",
    "application_efficientnet_v2b2",
    "application_efficientnet_v2b3",
    "application_efficientnet_v2l",
    "application_efficientnet_v2m",
    "application_efficientnet_v2s",
    "application_inception_resnet_v2",
    "application_inception_v3",
    "application_mobilenet",
    "application_mobilenet_v2",
    "application_mobilenet_v3_large",
    "application_mobilenet_v3_small",
    "application_nasnet_large",
    "application_nasnet_mobile",
    "application_nasnetlarge",
    "application_nasnetmobile",
    "application_resnet50",
    "application_resnet50_v2",
    "application_resnet101",
    "application_resnet101_v2",
    "application_resnet152",
    "application_resnet152_v2",
    "application_vgg16",
    "application_vgg19",
    "application_xception",
]

application_digits_cnn: DigitsCNN = _function("digits_cnn", DigitsCNN)
application_xception: Usual = _function("xception", Usual)
application_vgg16: Usual = _function("vgg16", Usual)
application_vgg19: Usual = _function("vgg19", Usual)
application_resnet50: Usual = _function("resnet50", Usual)
application_resnet101: Usual = _function("resnet101", Usual)
application_resnet152: Usual = _function("resnet152", Usual)
application_resnet50_v2: Usual = _function("resnet50_v2", Usual)
application_resnet101_v2: Usual = _function("resnet101_v2", Usual)
application_resnet152_v2: Usual = _function("resnet152_v2", Usual)
application_inception_v3: Usual = _function("inception_v3", Usual)
application_inception_resnet_v2: Usual = _function("inception_resnet_v2", Usual)
application_mobilenet: MobileNet = _function("mobilenet", MobileNet)
application_mobilenet_v2: MobileNetV2 = _function("mobilenet_v2", MobileNetV2)
application_mobilenet_v3_large: MobileNetV3 = _function(
    "mobilenet_v3_large", MobileNetV3
)
application_mobilenet_v3_small: MobileNetV3 = _function(
    "mobilenet_v3_small", MobileNetV3
)
application_densenet121: Usual = _function("densenet121", Usual)
application_densenet169: Usual = _function("densenet169", Usual)
application_densenet201: Usual = _function("densenet201", Usual)
application_nasnet_large: Usual = _function("nasnet_large", Usual)
application_nasnet_mobile: Usual = _function("nasnet_mobile", Usual)
application_efficientnet_b0: Usual = _function("efficientnet_b0", Usual)
application_efficientnet_b1: Usual = _function("efficientnet_b1", Usual)
application_efficientnet_b2: Usual = _function("efficientnet_b2", Usual)
application_efficientnet_b3: Usual = _function("efficientnet_b3", Usual)
application_efficientnet_b4: Usual = _function("efficientnet_b4", Usual)
application_efficientnet_b5: Usual = _function("efficientnet_b5", Usual)
application_efficientnet_b6: Usual = _function("efficientnet_b6", Usual)
application_efficientnet_b7: Usual = _function("efficientnet_b7", Usual)
application_efficientnet_v2b0: Prepared = _function("efficientnet_v2b0", Prepared)
application_efficientnet_v2b1: Prepared = _function("efficientnet_v2b1", Prepared)
application_efficientnet_v2b2: Prepared = _function("efficientnet_v2b2", Prepared)
application_efficientnet_v2b3: Prepared = _function("efficientnet_v2b3", Prepared)
application_efficientnet_v2s: Prepared = _function("efficientnet_v2s", Prepared)
application_efficientnet_v2m: Prepared = _function("efficientnet_v2m", Prepared)
application_efficientnet_v2l: Prepared = _function("efficientnet_v2l", Prepared)
application_convnext_tiny: Prepared = _function("convnext_tiny", Prepared)
application_convnext_small: Prepared = _function("convnext_small", Prepared)
application_convnext_base: Prepared = _function("convnext_base", Prepared)
application_convnext_large: Prepared = _function("convnext_large", Prepared)
application_convnext_xlarge: Prepared = _function("convnext_xlarge", Prepared)

#: As R's interface to Keras 2 spells them.
application_nasnetlarge = application_nasnet_large
application_nasnetmobile = application_nasnet_mobile
