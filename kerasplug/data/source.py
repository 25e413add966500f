"""What the target of a data set's record may be, beyond a plain function."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["DatasetSource"]


@dataclasses.dataclass(frozen=True, slots=True)
class DatasetSource:
    """A data set's functions: the target of its record, `"my_data.flowers:SOURCE"`.

    A plain function that loads will do as a target, too; it has no stream, and its
    stand-in is made from the record.

    Args:
        load: takes the data set's own arguments by name and returns
            `((x, y), (x, y))`.
        stream: takes `split` ("train" or "test"), `batch_size` and the own arguments by
            name, and yields pairs `(x, y)` of at most so many rows in the file's order,
            without holding all of them; None: it can't.
        synthetic: takes `rows` (of the training half; None: as many as in the real
            one) and the own arguments by name, and returns what `load` does, made up:
            same shapes, dtypes and rough statistics, and always the same. None: it is
            made from the record's shapes and dtypes.
        download: takes `offline` and `progress` (as `kerasplug.fetch`), brings those
            files that the record can't vouch for (its `other_files`), checks what is
            in them and returns their paths; None: there are none.

    Example:
        >>> source = DatasetSource(load=lambda: (([1], [0]), ([2], [1])))
        >>> source()
        (([1], [0]), ([2], [1]))
    """

    load: Callable[..., Any]
    stream: Callable[..., Iterator[tuple[Any, Any]]] | None = None
    synthetic: Callable[..., Any] | None = None
    download: Callable[..., tuple[str, ...]] | None = None

    def __call__(self, **kwargs: Any) -> Any:
        """What `load` returns for these arguments."""
        return self.load(**kwargs)
