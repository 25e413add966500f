"""Models for kerasplug. Importing this package loads no Keras and no NumPy.

Its functions have R's names, and are loaded when they are used: see `functions`.
"""

from typing import TYPE_CHECKING

import kerasplug

if TYPE_CHECKING:
    from kerasplug_applications.functions import *  # noqa: F403 -- all its public names

__version__ = "0.1.0"

kerasplug.lazy_exports(
    __name__,
    dict.fromkeys(
        [
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
        ],
        ".functions",
    ),
)
