"""The record of the layer that comes with this room; it needs no Keras."""

from kerasplug.hooks import LayerRecord, Needs, hookimpl

__all__ = ["kerasplug_layers"]


@hookimpl
def kerasplug_layers() -> list[LayerRecord]:
    """The record of what `place` makes, by which files of models find it."""
    return [
        LayerRecord(
            name="placed",
            target="kerasplug.devices.layers:Placed",
            registered_name="kerasplug>Placed",
            summary="runs another layer on a device of its own",
            needs=Needs(keras=">=3.0"),
        )
    ]
