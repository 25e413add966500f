"""What type checkers know of the functions under R's names; this is never executed."""

from pathlib import Path
from typing import Any, assert_type

from kerasplug_applications import (
    application_convnext_tiny,
    application_digits_cnn,
    application_mobilenet,
    application_mobilenet_v2,
    application_mobilenet_v3_small,
    application_nasnetlarge,
    application_vgg16,
)

from kerasplug import RemoteFile
from kerasplug.typing import keras

file = RemoteFile(name="w.h5", url="https://example.org/w.h5", sha256="0" * 64)

assert_type(application_vgg16(), keras.Model)
assert_type(application_vgg16(weights=None).layers, list[keras.layers.Layer])
application_vgg16(weights=Path("w.h5"), input_shape=(None, None, 3), include_top=False)
application_nasnetlarge(weights=file, pooling="avg", name=None)
application_digits_cnn(weights="digits", classes=10, name="mine")
application_convnext_tiny(include_preprocessing=False, classifier_activation=None)
application_mobilenet(alpha=0.25, depth_multiplier=1, dropout=0)
application_mobilenet_v2(alpha=0.35, input_shape=[96, 96, 3])
application_mobilenet_v3_small(minimalistic=True, dropout_rate=0.1)
assert_type(application_mobilenet(input_tensor=keras.Input((32, 32, 3))).input, Any)

# What is wrong is an error; one that is none any more is an error, too.
application_vgg16(poling="avg")  # type: ignore[call-arg]  # misspelt
application_vgg16(True)  # type: ignore[call-arg]  # not by name
application_vgg16(pooling="average")  # type: ignore[arg-type]  # there is no such
application_vgg16(alpha=0.5)  # type: ignore[call-arg]  # of another model
application_vgg16(weights=3)  # type: ignore[arg-type]  # no name, path or file
application_vgg16(input_shape=32)  # type: ignore[arg-type]  # no sizes
application_digits_cnn(input_tensor=None)  # type: ignore[call-arg]  # it takes none
application_digits_cnn(name=None)  # type: ignore[arg-type]  # it has a name
application_mobilenet_v2(dropout=0.1)  # type: ignore[call-arg]  # of the first one
