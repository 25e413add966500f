"""The records of the layers that come with kerasplug; they need no Keras."""

from kerasplug.hooks import LayerRecord, Needs, hookimpl

__all__ = ["kerasplug_layers"]

_ROOM = "kerasplug.pretrained.layers"
#: They compute with `keras.ops`.
_KERAS = Needs(keras=">=3.0")


@hookimpl
def kerasplug_layers() -> list[LayerRecord]:
    """Records of what an application does before and after its model, as layers."""
    return [
        LayerRecord(
            name="application_preprocessing",
            target=f"{_ROOM}:ApplicationPreprocessing",
            registered_name="kerasplug>ApplicationPreprocessing",
            summary="prepares pixels in [0, 255] as an application wants them",
            needs=_KERAS,
        ),
        LayerRecord(
            name="top_predictions",
            target=f"{_ROOM}:TopPredictions",
            registered_name="kerasplug>TopPredictions",
            summary="the best classes and their scores, of the scores of all",
            needs=_KERAS,
        ),
    ]
