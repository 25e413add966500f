"""What needs more than a name: records, as plain data.

kerasplug imports this module to list what the package provides. So it imports no
Keras, no NumPy, and none of the modules that its records point at.
"""

from kerasplug import (
    ApplicationRecord,
    DatasetRecord,
    LayerRecord,
    Needs,
    ObjectRecord,
    hookimpl,
)

__all__ = [
    "kerasplug_applications",
    "kerasplug_datasets",
    "kerasplug_layers",
    "kerasplug_objects",
]


@hookimpl
def kerasplug_layers() -> list[LayerRecord]:
    """Records of the layers that an entry point could not describe."""
    return [
        LayerRecord(
            name="running_norm",
            target="downstream_pkg.layers:RunningNorm",
            summary="Normalises features by a running mean and variance",
            # It computes with `keras.ops`, which legacy Keras 2 does not have.
            needs=Needs(keras=">=3.0"),
        )
    ]


@hookimpl
def kerasplug_objects() -> list[ObjectRecord]:
    """Records of the other things that a saved model can mention."""
    return [
        ObjectRecord(
            name="squared_relu",
            target="downstream_pkg.activations:squared_relu",
            object_type="activation",
            registered_name="downstream_pkg>squared_relu",
            # Version 0.1 registered it as `relu2`; files from then still load.
            aliases=("downstream_pkg>relu2",),
            summary="max(x, 0) squared",
            needs=Needs(keras=">=3.0"),
        )
    ]


@hookimpl
def kerasplug_datasets() -> list[DatasetRecord]:
    """Records of the data sets."""
    return [
        DatasetRecord(
            name="two_spirals",
            target="downstream_pkg.datasets:two_spirals",
            summary="Two interlocked spirals in the plane, made by a formula",
            shapes=((194, 2), (194,), (192, 2), (192,)),
            dtypes=("float32", "uint8", "float32", "uint8"),
            classes=2,
            licence="Apache-2.0",
            citation=(
                "K. J. Lang and M. J. Witbrock (1988). Learning to Tell Two Spirals "
                "Apart. Proceedings of the 1988 Connectionist Models Summer School."
            ),
            # This package depends on kerasplug alone; NumPy comes with any Keras.
            needs=Needs(packages=("numpy>=1.26",)),
        )
    ]


@hookimpl
def kerasplug_applications() -> list[ApplicationRecord]:
    """Records of the model architectures."""
    return [
        ApplicationRecord(
            name="tiny_mlp",
            target="downstream_pkg.applications:tiny_mlp",
            summary="One gated dense layer between flattened pixels and classes",
            family="tiny_mlp",
            default_size=8,
            min_size=1,
            preprocessing="downstream_pkg.applications:preprocess_input",
            parameters=8970,
            depth=2,
            source="none, own definition",
        )
    ]
