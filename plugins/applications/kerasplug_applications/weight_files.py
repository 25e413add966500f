"""The weight files of `keras.applications`: names, addresses, hashes; no NumPy.

The names are those under which Keras keeps them below `~/.keras/models`, so that one
cache serves both. Source of names, addresses and hashes: `keras/src/applications` of
Keras 3.15.1, which states MD5 for most, SHA-256 for ConvNeXt, and nothing for MobileNet
and MobileNetV2.
"""

from collections.abc import Iterator
from typing import Final

from kerasplug import PublishedFile, RemoteFile

__all__ = ["PUBLISHED", "WEIGHTS"]

_GOOGLE: Final = "https://storage.googleapis.com/"
_KERAS: Final = _GOOGLE + "tensorflow/keras-applications/"
_TOP: Final = "imagenet"
_NO_TOP: Final = "imagenet-notop"

#: By a record's name: folder and start of the file's name, MD5 with and without top.
_TF_KERNELS: Final = {
    "xception": (
        "xception/xception",
        "0a58e3b7378bc2990ea3b43d5981f1f6",
        "b0042744bf5b25fce3cb969f33bebb97",
    ),
    "vgg16": (
        "vgg16/vgg16",
        "64373286793e3c8b2b4e3219cbf3544b",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "vgg19": (
        "vgg19/vgg19",
        "cbe5617147190e668d6c5d5026f83318",
        "253f8cb515780f3b799900260a226db6",
    ),
    "resnet50": (
        "resnet/resnet50",
        "2cb95161c43110f7111970584f804107",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "resnet101": (
        "resnet/resnet101",
        "f1aeb4b969a6efcfb50fad2f0c20cfc5",
        "88cf7a10940856eca736dc7b7e228a21",
    ),
    "resnet152": (
        "resnet/resnet152",
        "100835be76be38e30d865e96f2aaae62",
        "ee4c566cf9a93f14d82f913c2dc6dd0c",
    ),
    "resnet50_v2": (
        "resnet/resnet50v2",
        "3ef43a0b657b3be2300d5770ece849e0",
        "fac2f116257151a9d068a22e544a4917",
    ),
    "resnet101_v2": (
        "resnet/resnet101v2",
        "6343647c601c52e1368623803854d971",
        "c0ed64b8031c3730f411d2eb4eea35b5",
    ),
    "resnet152_v2": (
        "resnet/resnet152v2",
        "a49b44d1979771252814e80f8ec446f9",
        "ed17cf2e0169df9d443503ef94b23b33",
    ),
    "inception_v3": (
        "inception_v3/inception_v3",
        "9a0d58056eeedaa3f26cb7ebd46da564",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
    "inception_resnet_v2": (
        "inception_resnet_v2/inception_resnet_v2",
        "e693bd0210a403b3192acc6073ad2e96",
        "d19885ff4a710c122648d3b5c3b684e4",
    ),
    "densenet121": (
        "densenet/densenet121",
        "9d60b8095a5708f2dcce2bca79d332c7",
        "30ee3e1110167f948a6b9946edeeb738",
    ),
    "densenet169": (
        "densenet/densenet169",
        "d699b8f76981ab1b30698df4c175e90b",
        "b8c4d4c20dd625c148057b9ff1c1176b",
    ),
    "densenet201": (
        "densenet/densenet201",
        "1ceb130c1ea1b78c3bf6114dbdfd8807",
        "c13680b51ded0fb44dff2d8f86ac8bb1",
    ),
}

#: The same for names that end in nothing but ".h5" and "_notop.h5".
_EFFICIENTNET: Final = {
    "efficientnet_b0": (
        "keras-applications/efficientnetb0",
        "902e53a9f72be733fc0bcb005b3ebbac",
        "50bc09e76180e00e4465e1a485ddc09d",
    ),
    "efficientnet_b1": (
        "keras-applications/efficientnetb1",
        "1d254153d4ab51201f1646940f018540",
        "74c4e6b3e1f6a1eea24c589628592432",
    ),
    "efficientnet_b2": (
        "keras-applications/efficientnetb2",
        "b15cce36ff4dcbd00b6dd88e7857a6ad",
        "111f8e2ac8aa800a7a99e3239f7bfb39",
    ),
    "efficientnet_b3": (
        "keras-applications/efficientnetb3",
        "ffd1fdc53d0ce67064dc6a9c7960ede0",
        "af6d107764bb5b1abb91932881670226",
    ),
    "efficientnet_b4": (
        "keras-applications/efficientnetb4",
        "18c95ad55216b8f92d7e70b3a046e2fc",
        "ebc24e6d6c33eaebbd558eafbeedf1ba",
    ),
    "efficientnet_b5": (
        "keras-applications/efficientnetb5",
        "ace28f2a6363774853a83a0b21b9421a",
        "38879255a25d3c92d5e44e04ae6cec6f",
    ),
    "efficientnet_b6": (
        "keras-applications/efficientnetb6",
        "165f6e37dce68623721b423839de8be5",
        "9ecce42647a20130c1f39a5d4cb75743",
    ),
    "efficientnet_b7": (
        "keras-applications/efficientnetb7",
        "8c03f828fec3ef71311cd463b6759d99",
        "cbcfe4450ddf6f3ad90b1b398090fe4a",
    ),
    "efficientnet_v2b0": (
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-b0",
        "21ecbf6da12460d5c40bb2f29ceb2188",
        "893217f2bb855e2983157299931e43ff",
    ),
    "efficientnet_v2b1": (
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-b1",
        "069f0534ff22adf035c89e2d9547a9dc",
        "0e80663031ca32d657f9caa404b6ec37",
    ),
    "efficientnet_v2b2": (
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-b2",
        "424e49f28180edbde1e94797771950a7",
        "1dfe2e7a5d45b6632553a8961ea609eb",
    ),
    "efficientnet_v2b3": (
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-b3",
        "1f1fc43bd98a6e4fd8fdfd551e02c7a0",
        "f6abf7b5849ac99a89b50dd3fd532856",
    ),
    "efficientnet_v2s": (
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-s",
        "e1d88a8495beba45748fedd0cecbe016",
        "af0682fb74e8c54910f2d4393339c070",
    ),
    "efficientnet_v2m": (
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-m",
        "a3bf6aa3276309f4fc6a34aa114c95cd",
        "1b8dc055df72dde80d614482840fe342",
    ),
    "efficientnet_v2l": (
        "tensorflow/keras-applications/efficientnet_v2/efficientnetv2-l",
        "27e6d408b53c7ebc868fefa357689935",
        "b0b66b5c863aef5b46e8608fe1711615",
    ),
}

#: Start of the file's name, SHA-256 with and without top.
_CONVNEXT: Final = {
    "convnext_tiny": (
        "convnext_tiny",
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "convnext_small": (
        "convnext_small",
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "convnext_base": (
        "convnext_base",
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "convnext_large": (
        "convnext_large",
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "convnext_xlarge": (
        "convnext_xlarge",
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}

#: Start of the file's name at its address, MD5 with and without top.
_NASNET: Final = {
    "nasnet_large": (
        "NASNet-large",
        "11577c9a518f0070763c2b964a382f17",
        "d81d89dc07e6e56530c4e77faddd61b5",
    ),
    "nasnet_mobile": (
        "NASNet-mobile",
        "020fb642bf7360b370c678b08e0adf61",
        "1ed92395b5b598bdda52abe5c0dbfd63",
    ),
}

#: Variant after "imagenet", middle of the file's name, MD5 with and without top.
_MOBILENET_V3: Final = {
    "mobilenet_v3_large": (
        (
            "",
            "large_224_1.0_float",
            "59e551e166be033d707958cf9e29a6a7",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
        (
            "-alpha0.75",
            "large_224_0.75_float",
            "765b44a33ad4005b3ac83185abf1d0eb",
            "40af19a13ebea4e2ee0c676887f69a2e",
        ),
        (
            "-minimalistic",
            "large_minimalistic_224_1.0_float",
            "675e7b876c45c57e9e63e6d90a36599c",
            "ec5221f64a2f6d1ef965a614bdae7973",
        ),
    ),
    "mobilenet_v3_small": (
        (
            "",
            "small_224_1.0_float",
            "8768d4c2e7dee89b9d02b2d03d65d862",
            "d3e8ec802a04aa4fc771ee12a9a9b836",
        ),
        (
            "-alpha0.75",
            "small_224_0.75_float",
            "cb65d4e5be93758266aa0a7f2c6708b7",
            "ebdb5cc8e0b497cd13a7c275d475c819",
        ),
        (
            "-minimalistic",
            "small_minimalistic_224_1.0_float",
            "99cd97fb2fcdad2bf028eb838de69e37",
            "cde8136e733e811080d9fcd8a252f7e4",
        ),
    ),
}

#: How MobileNet's file names write `alpha`.
_ALPHAS: Final = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
_ALPHAS_V2: Final = (0.35, 0.5, 0.75, 1.0)
#: Of these there are no files for other sizes than 224, though Keras asks for them.
_WIDE_V2: Final = (1.3, 1.4)
_SIZES: Final = (128, 160, 192, 224)


def _with_kernels() -> Iterator[tuple[str, tuple[PublishedFile, ...]]]:
    for record, (start, *hashes) in _TF_KERNELS.items():
        folder, _, model = start.partition("/")
        name = f"{model}_weights_tf_dim_ordering_tf_kernels"
        yield record, _pair(name, f"{_KERAS}{folder}/{name}", *hashes)


def _efficientnets() -> Iterator[tuple[str, tuple[PublishedFile, ...]]]:
    for record, (start, *hashes) in _EFFICIENTNET.items():
        yield record, _pair(start.rpartition("/")[2], _GOOGLE + start, *hashes)


def _nasnets() -> Iterator[tuple[str, tuple[PublishedFile, ...]]]:
    for record, (start, *hashes) in _NASNET.items():
        url = f"{_KERAS}nasnet/{start}"
        top, no_top = _pair(record, url, *hashes, ends=("_no_top.h5", "-no-top.h5"))
        yield record, (top, no_top)


def _mobilenets_v3() -> Iterator[tuple[str, tuple[PublishedFile, ...]]]:
    for record, rows in _MOBILENET_V3.items():
        files: list[PublishedFile] = []
        for variant, middle, *hashes in rows:
            name = f"weights_mobilenet_v3_{middle}"
            url = f"{_KERAS}mobilenet_v3/{name}"
            ends = ("_no_top_v2.h5", "_no_top_v2.h5")
            files += _pair(name, url, *hashes, ends=ends, variant=_TOP + variant)
        yield record, tuple(files)


def _mobilenet() -> Iterator[PublishedFile]:
    for alpha, text in _ALPHAS.items():
        for size in _SIZES:
            yield from _unhashed(
                "mobilenet", f"mobilenet_{text}_{size}_tf", alpha, size
            )


def _mobilenet_v2() -> Iterator[PublishedFile]:
    combinations = [(alpha, size) for alpha in _ALPHAS_V2 for size in (96, *_SIZES)]
    combinations += [(alpha, 224) for alpha in _WIDE_V2]
    for alpha, size in combinations:
        name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{size}"
        yield from _unhashed("mobilenet_v2", name, alpha, size)


def _unhashed(
    folder: str, name: str, alpha: float, size: int
) -> tuple[PublishedFile, PublishedFile]:
    ends = ("_no_top.h5", "_no_top.h5")
    variant = f"{_TOP}-alpha{alpha}-size{size}"
    return _pair(name, f"{_KERAS}{folder}/{name}", ends=ends, variant=variant)


def _pair(
    name: str,
    url: str,
    md5: str = "",
    md5_no_top: str = "",
    *,
    ends: tuple[str, str] = ("_notop.h5", "_notop.h5"),
    variant: str = _TOP,
) -> tuple[PublishedFile, PublishedFile]:
    """The files with and without top; `ends`: of the latter's name and address."""
    with_top = PublishedFile(
        name=f"{name}.h5", url=f"{url}.h5", md5=md5, variant=variant
    )
    without_top = PublishedFile(
        name=name + ends[0],
        url=url + ends[1],
        md5=md5_no_top,
        variant=f"{variant}-notop",
    )
    return with_top, without_top


def _convnext(start: str, with_top: str, without_top: str) -> tuple[RemoteFile, ...]:
    url = f"{_KERAS}convnext/"
    rows = (
        (f"{start}.h5", with_top, _TOP),
        (f"{start}_notop.h5", without_top, _NO_TOP),
    )
    return tuple(
        RemoteFile(name=name, url=url + name, sha256=sha256, variant=variant)
        for name, sha256, variant in rows
    )


#: By a record's name: the files of which Keras states an MD5, or nothing.
PUBLISHED: Final[dict[str, tuple[PublishedFile, ...]]] = {
    **dict(_with_kernels()),
    **dict(_efficientnets()),
    **dict(_nasnets()),
    **dict(_mobilenets_v3()),
    "mobilenet": tuple(_mobilenet()),
    "mobilenet_v2": tuple(_mobilenet_v2()),
}

#: By a record's name: the files of which Keras states a SHA-256.
WEIGHTS: Final[dict[str, tuple[RemoteFile, ...]]] = {
    record: _convnext(*row) for record, row in _CONVNEXT.items()
}
