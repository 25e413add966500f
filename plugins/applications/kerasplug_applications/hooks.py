"""What this distribution tells kerasplug: plain records, no NumPy, no Keras.

Source of sizes: `keras/src/applications` of Keras 3.15.1, and of the numbers of weights
the models that it builds. Source of depths and accuracies: the table of
https://keras.io/api/applications/; of MobileNetV3, which it leaves out, the docstring
of Keras' function. A depth there is the number of layers with weights.
"""

from typing import Final, NamedTuple

from kerasplug import ApplicationRecord, Needs, PackagedFile, hookimpl
from kerasplug_applications.families import FAMILIES
from kerasplug_applications.weight_files import PUBLISHED, WEIGHTS


class _Model(NamedTuple):
    name: str
    constructor: str
    family: str
    default_size: int
    parameters: int
    depth: int | None
    top1: float | None
    top5: float | None


_MODELS: Final = (
    _Model("xception", "Xception", "xception", 299, 22_910_480, 81, 0.790, 0.945),
    _Model("vgg16", "VGG16", "vgg16", 224, 138_357_544, 16, 0.713, 0.901),
    _Model("vgg19", "VGG19", "vgg19", 224, 143_667_240, 19, 0.713, 0.900),
    _Model("resnet50", "ResNet50", "resnet", 224, 25_636_712, 107, 0.749, 0.921),
    _Model("resnet101", "ResNet101", "resnet", 224, 44_707_176, 209, 0.764, 0.928),
    _Model("resnet152", "ResNet152", "resnet", 224, 60_419_944, 311, 0.766, 0.931),
    _Model(
        "resnet50_v2", "ResNet50V2", "resnet_v2", 224, 25_613_800, 103, 0.760, 0.930
    ),
    _Model(
        "resnet101_v2", "ResNet101V2", "resnet_v2", 224, 44_675_560, 205, 0.772, 0.938
    ),
    _Model(
        "resnet152_v2", "ResNet152V2", "resnet_v2", 224, 60_380_648, 307, 0.780, 0.942
    ),
    _Model(
        "inception_v3",
        "InceptionV3",
        "inception_v3",
        299,
        23_851_784,
        189,
        0.779,
        0.937,
    ),
    _Model(
        "inception_resnet_v2",
        "InceptionResNetV2",
        "inception_resnet_v2",
        299,
        55_873_736,
        449,
        0.803,
        0.953,
    ),
    _Model("mobilenet", "MobileNet", "mobilenet", 224, 4_253_864, 55, 0.704, 0.895),
    _Model(
        "mobilenet_v2", "MobileNetV2", "mobilenet_v2", 224, 3_538_984, 105, 0.713, 0.901
    ),
    _Model(
        "mobilenet_v3_large",
        "MobileNetV3Large",
        "mobilenet_v3",
        224,
        5_507_432,
        None,
        0.756,
        None,
    ),
    _Model(
        "mobilenet_v3_small",
        "MobileNetV3Small",
        "mobilenet_v3",
        224,
        2_554_968,
        None,
        0.681,
        None,
    ),
    _Model("densenet121", "DenseNet121", "densenet", 224, 8_062_504, 242, 0.750, 0.923),
    _Model(
        "densenet169", "DenseNet169", "densenet", 224, 14_307_880, 338, 0.762, 0.932
    ),
    _Model(
        "densenet201", "DenseNet201", "densenet", 224, 20_242_984, 402, 0.773, 0.936
    ),
    _Model("nasnet_large", "NASNetLarge", "nasnet", 331, 88_949_818, 533, 0.825, 0.960),
    _Model(
        "nasnet_mobile", "NASNetMobile", "nasnet", 224, 5_326_716, 389, 0.744, 0.919
    ),
    _Model(
        "efficientnet_b0",
        "EfficientNetB0",
        "efficientnet",
        224,
        5_330_571,
        132,
        0.771,
        0.933,
    ),
    _Model(
        "efficientnet_b1",
        "EfficientNetB1",
        "efficientnet",
        240,
        7_856_239,
        186,
        0.791,
        0.944,
    ),
    _Model(
        "efficientnet_b2",
        "EfficientNetB2",
        "efficientnet",
        260,
        9_177_569,
        186,
        0.801,
        0.949,
    ),
    _Model(
        "efficientnet_b3",
        "EfficientNetB3",
        "efficientnet",
        300,
        12_320_535,
        210,
        0.816,
        0.957,
    ),
    _Model(
        "efficientnet_b4",
        "EfficientNetB4",
        "efficientnet",
        380,
        19_466_823,
        258,
        0.829,
        0.964,
    ),
    _Model(
        "efficientnet_b5",
        "EfficientNetB5",
        "efficientnet",
        456,
        30_562_527,
        312,
        0.836,
        0.967,
    ),
    _Model(
        "efficientnet_b6",
        "EfficientNetB6",
        "efficientnet",
        528,
        43_265_143,
        360,
        0.840,
        0.968,
    ),
    _Model(
        "efficientnet_b7",
        "EfficientNetB7",
        "efficientnet",
        600,
        66_658_687,
        438,
        0.843,
        0.970,
    ),
    _Model(
        "efficientnet_v2b0",
        "EfficientNetV2B0",
        "efficientnet_v2",
        224,
        7_200_312,
        None,
        0.787,
        0.943,
    ),
    _Model(
        "efficientnet_v2b1",
        "EfficientNetV2B1",
        "efficientnet_v2",
        240,
        8_212_124,
        None,
        0.798,
        0.950,
    ),
    _Model(
        "efficientnet_v2b2",
        "EfficientNetV2B2",
        "efficientnet_v2",
        260,
        10_178_374,
        None,
        0.805,
        0.951,
    ),
    _Model(
        "efficientnet_v2b3",
        "EfficientNetV2B3",
        "efficientnet_v2",
        300,
        14_467_622,
        None,
        0.820,
        0.958,
    ),
    _Model(
        "efficientnet_v2s",
        "EfficientNetV2S",
        "efficientnet_v2",
        384,
        21_612_360,
        None,
        0.839,
        0.967,
    ),
    _Model(
        "efficientnet_v2m",
        "EfficientNetV2M",
        "efficientnet_v2",
        480,
        54_431_388,
        None,
        0.853,
        0.974,
    ),
    _Model(
        "efficientnet_v2l",
        "EfficientNetV2L",
        "efficientnet_v2",
        480,
        119_027_848,
        None,
        0.857,
        0.975,
    ),
    _Model(
        "convnext_tiny", "ConvNeXtTiny", "convnext", 224, 28_589_128, None, 0.813, None
    ),
    _Model(
        "convnext_small",
        "ConvNeXtSmall",
        "convnext",
        224,
        50_223_688,
        None,
        0.823,
        None,
    ),
    _Model(
        "convnext_base", "ConvNeXtBase", "convnext", 224, 88_591_464, None, 0.853, None
    ),
    _Model(
        "convnext_large",
        "ConvNeXtLarge",
        "convnext",
        224,
        197_767_336,
        None,
        0.863,
        None,
    ),
    _Model(
        "convnext_xlarge",
        "ConvNeXtXLarge",
        "convnext",
        224,
        350_196_968,
        None,
        0.867,
        None,
    ),
)

#: Keras refuses to build it with PyTorch, "due to an outstanding bug".
_NEEDS: Final = {
    "nasnet_mobile": Needs(backends=("tensorflow", "jax", "numpy", "openvino"))
}


#: Trained by `train_digits.py`; `digits_cnn_metrics.json` tells how well it reads.
DIGITS_CNN: Final = ApplicationRecord(
    name="digits_cnn",
    target="kerasplug_applications.digits_cnn:digits_cnn",
    summary="reads handwritten digits of 8x8 pixels; 21,818 weights, embedded",
    family="digits_cnn",
    default_size=8,
    min_size=8,
    preprocessing="raw",
    class_names=tuple("0123456789"),
    classes=10,
    parameters=21_818,
    top1=0.9915,
    source="digits_cnn_metrics.json: 352 of the 355 test digits of the set `digits`",
    packaged_weights=(
        PackagedFile(
            path="kerasplug_applications:digits_cnn.weights.h5",
            sha256="f3e732822cb2bfb4be799e948ffc5b53ea8fa754318e60e85e4218f7b2fc7c07",
            variant="digits",
        ),
    ),
    licence="Apache-2.0; trained on the UCI digits, CC-BY-4.0",
    citation=(
        "The kerasplug authors (2026). digits_cnn: a small convolutional network that "
        "reads the UCI digits. kerasplug-applications."
    ),
)


@hookimpl
def kerasplug_applications() -> list[ApplicationRecord]:
    """Records of the applications in this distribution.

    Returns:
        One record for each model of `keras.applications`, and `digits_cnn`.
    """
    return [DIGITS_CNN, *(_record(model) for model in _MODELS)]


def _record(model: _Model) -> ApplicationRecord:
    family = FAMILIES[model.family]
    # The files of these depend on more than the top.
    ending = "_source" if model.name.startswith("mobilenet") else ""
    return ApplicationRecord(
        name=model.name,
        target=f"kerasplug_applications.builders:{model.name}{ending}",
        summary=(
            f"{model.constructor}: {model.parameters / 1e6:.1f} million weights, "
            f"1000 classes of ImageNet, {model.default_size}x{model.default_size} "
            f"pixels ({family.year})"
        ),
        needs=_NEEDS.get(model.name, Needs()),
        family=model.family,
        default_size=model.default_size,
        min_size=family.min_size,
        preprocessing=family.preprocessing,
        decoder="kerasplug_applications.imagenet:classes",
        classes=1000,
        parameters=model.parameters,
        depth=model.depth,
        top1=model.top1,
        top5=model.top5,
        source=family.source,
        weights=WEIGHTS.get(model.name, ()),
        published_weights=PUBLISHED.get(model.name, ()),
        licence=family.licence,
        citation=family.citation,
    )
