"""The kind `dataset`: its record and its hook."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from kerasplug.hooks.markers import hookspec
from kerasplug.hooks.record import Needs, Record, RemoteFile
from kerasplug.names import is_name

__all__ = ["DatasetRecord", "kerasplug_datasets"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord(Record):
    """A data set.

    Its target is a callable that returns `((x, y), (x, y))`, or a
    `kerasplug.data.DatasetSource`, which has such a callable and perhaps a stream and a
    stand-in of its own.

    Args:
        files: what has to be downloaded; empty for a data set that is inside its
            package. Files are cached under `~/.keras/datasets`.
        other_files: what the loader downloads besides, and whose SHA-256 nobody
            publishes: paths below that folder, with `/`. The source's `download`
            brings and checks them.
        shapes: of `x_train`, `y_train`, `x_test`, `y_test`, in this order; None
            stands for a length that varies. Empty: not said.
        dtypes: of the same four arrays, as NumPy names them. Empty: not said.
        classes: how many classes there are; None for anything but classification.
        licence: an SPDX identifier or one line of text.
        citation: how to cite it: "Authors (year). Title. Where." in one line, or
            BibTeX.
        homepage: an address where it is described.
        warning: what a user must know before using it, for example that the data
            are ethically doubtful. The other arguments are `Record`'s.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> DatasetRecord(
        ...     name="digits", target="my_data.digits:load", classes=10
        ... ).classes
        10
    """

    kind: ClassVar[str] = "dataset"
    nested: ClassVar[Mapping[str, Any]] = {"needs": Needs, "files": RemoteFile}

    files: tuple[RemoteFile, ...] = ()
    other_files: tuple[str, ...] = ()
    shapes: tuple[tuple[int | None, ...], ...] = ()
    dtypes: tuple[str, ...] = ()
    classes: int | None = None
    licence: str = ""
    citation: str = ""
    homepage: str = ""
    warning: str = ""

    def check(self) -> None:
        """Raise `RecordError` unless the data set's own fields follow their rules."""
        self.demand_files("files")
        self.demand_strings("other_files")
        inside = all(map(_stays_inside, self.other_files))
        self.demand("other_files", inside, "paths below the cache's folder")
        self.demand_texts("licence", "citation", "homepage", "warning")
        self.freeze("shapes")
        self.demand("shapes", _are_shapes(self.shapes), "four shapes, or none")
        self.demand_strings("dtypes")
        self.demand("dtypes", len(self.dtypes) in (0, 4), "four dtypes, or none")
        self.demand_counts("classes", least=2)


def _stays_inside(path: str) -> bool:
    """Whether a path is plain names with `/` between them."""
    return all(is_name(part) for part in path.split("/"))


def _are_shapes(value: object) -> bool:
    """Whether `value` is a tuple of none or four shapes, of sizes >= 0 or None."""
    return (
        isinstance(value, tuple)
        and len(value) in (0, 4)
        and all(
            isinstance(shape, tuple)
            and all(size is None or isinstance(size, int) for size in shape)
            for shape in value
        )
    )


@hookspec
def kerasplug_datasets() -> Iterable[DatasetRecord]:
    """Records of the data sets that this plugin provides.

    Returns:
        Any iterable of `DatasetRecord`; it is read once.
    """
    return ()
