"""What a data set's record becomes: splits, batches and streams of arrays.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.data.batches import Batches as Batches
    from kerasplug.data.handle import Dataset as Dataset
    from kerasplug.data.source import DatasetSource as DatasetSource
    from kerasplug.data.splits import Split as Split
    from kerasplug.data.splits import Splits as Splits

_HOME = {
    "Batches": "batches",
    "Dataset": "handle",
    "DatasetSource": "source",
    "Split": "splits",
    "Splits": "splits",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the list proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = __import__(f"{__name__}.{_HOME[name]}", None, None, (name,))
    return getattr(module, name)
