"""The corpus: hostile files, what plain Keras 3.15.1 does with each, and what is in it.

`hostile_plain.py` and `hostile_ours.py` are the programs that meet them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import hostile_configs as configs
import hostile_hdf5 as hdf5
import hostile_zip as zips
from hostile_kit import dense, lambda_layer

#: Plain Keras takes memory for what is not in the file: this much more, in bytes.
HARM_BYTES: Final = 200 << 20

MEMORY, CRASH, HANGS, CODE = "takes memory", "crashes", "hangs", "runs code"
FOOLED, REFUSED = "is fooled", "already refused upstream"


class Hostile(NamedTuple):
    """A hostile file.

    Args:
        id: its name in the corpus.
        build: makes it at a path, which it returns.
        upstream: what plain Keras does with it, one of the words above.
        kind: of the danger in it; empty where its configuration can't be read at all.
        says: what the error says, for those.
        suffix: of its name.
        seen: whether inspecting tells, too; it does not read all weights.
    """

    id: str
    build: Callable[[Path], Path]
    upstream: str
    kind: str = ""
    says: str = ""
    suffix: str = ".keras"
    seen: bool = True


def _keras(
    id_: str, build, upstream: str, kind: str = "", says: str = "", *, seen=True
) -> Hostile:
    return Hostile(id_, build, upstream, kind, says, seen=seen)


def _hdf5(id_: str, build, upstream: str, kind: str = "", says: str = "") -> Hostile:
    return Hostile(id_, build, upstream, kind, says, ".h5")


def _folder(id_: str, build, upstream: str, kind: str = "", says: str = "") -> Hostile:
    return Hostile(id_, build, upstream, kind, says, "")


_code = configs.code()

ZIPS = [
    _keras("two configs", zips.two_configs, FOOLED, says="2 members called config"),
    _keras("two weights", zips.two_weights, FOOLED, "duplicate-member"),
    _keras("both sorts of weights", zips.both_weights, FOOLED, "duplicate-member"),
    _keras("two assets", zips.two_assets, FOOLED, "duplicate-member"),
    _keras("a name that leads out", zips.parent_name, FOOLED, "path-name"),
    _keras("an absolute name", zips.absolute_name, FOOLED, "path-name"),
    _keras("a name with backslashes", zips.backslash_name, FOOLED, "path-name"),
    _keras("a member that is a link", zips.link_member, FOOLED, "link"),
    _keras("exotic packing", zips.exotic_packing, FOOLED, says="packed in a way"),
    _keras("encrypted", zips.encrypted, REFUSED, says="is encrypted"),
    _keras("members that overlap", zips.overlapping, FOOLED, "overlap"),
    _keras("many members", zips.many_members, FOOLED, says="more members than any"),
    _keras("padded config", zips.padded_config, MEMORY, says="larger than any real"),
    _keras("packed weights", zips.packed_weights, MEMORY, "expansion"),
    _keras("packed asset", zips.packed_asset, FOOLED, "expansion"),
    _keras(
        "a flipped weight", zips.flipped_weights, REFUSED, "damaged-member", seen=False
    ),
    _keras("a truncated zip", zips.truncated, REFUSED, says="is damaged"),
    _keras("a size that lies", zips.lying_size, REFUSED, says="is damaged"),
    _keras("pickled weights", zips.pickled_weights, REFUSED, "pickle"),
    _folder("a folder with a link out", zips.linked_folder, FOOLED, says="leads out"),
    _folder("a folder with a pipe", zips.pipe_folder, HANGS, says="without config"),
]
HDF5 = [
    _keras(
        "external storage", hdf5.in_keras(hdf5.external), REFUSED, "external-storage"
    ),
    _keras("soft link", hdf5.in_keras(hdf5.soft_link), REFUSED, "soft-link"),
    _keras(
        "external link", hdf5.in_keras(hdf5.external_link), REFUSED, "external-link"
    ),
    _keras("virtual dataset", hdf5.in_keras(hdf5.virtual), REFUSED, "virtual-dataset"),
    _keras("shape bomb", hdf5.in_keras(hdf5.shape_bomb), MEMORY, "shape-bomb"),
    _keras("unwritten weights", hdf5.in_keras(hdf5.unallocated), MEMORY, "shape-bomb"),
    _keras("packed zeros", hdf5.in_keras(hdf5.big_packed), MEMORY, "shape-bomb"),
    _keras("texts as weights", hdf5.in_keras(hdf5.text_weights), REFUSED, "odd-type"),
    _keras(
        "references as weights", hdf5.in_keras(hdf5.references), REFUSED, "odd-type"
    ),
    _keras("records as weights", hdf5.in_keras(hdf5.compound), REFUSED, "odd-type"),
    _keras("a foreign filter", hdf5.in_keras(hdf5.foreign_filter), FOOLED, "filter"),
    _keras("a group in itself", hdf5.in_file(hdf5.cyclic), FOOLED, "cyclic-link"),
    _keras(
        "one dataset, many names", hdf5.in_file(hdf5.many_names), FOOLED, "shape-bomb"
    ),
    _keras("many groups", hdf5.in_file(hdf5.many_groups), FOOLED, "too-many-objects"),
    _hdf5(
        "external storage, h5", hdf5.in_hdf5(hdf5.external), REFUSED, "external-storage"
    ),
    _hdf5("soft link, h5", hdf5.in_hdf5(hdf5.soft_link), REFUSED, "soft-link"),
    _hdf5(
        "external link, h5", hdf5.in_hdf5(hdf5.external_link), REFUSED, "external-link"
    ),
    _hdf5(
        "virtual dataset, h5", hdf5.in_hdf5(hdf5.virtual), REFUSED, "virtual-dataset"
    ),
    _hdf5("shape bomb, h5", hdf5.in_hdf5(hdf5.shape_bomb), MEMORY, "shape-bomb"),
    _keras("a short chunk", hdf5.short_chunk, CRASH, "damaged-weights"),
    _hdf5("a flipped bit", hdf5.crashing, CRASH, says="can't be read as an HDF5"),
    _hdf5("a truncated h5", hdf5.truncated, REFUSED, says="can't be read as an HDF5"),
    _hdf5("a link to nowhere", hdf5.moved_group, REFUSED, "damaged-weights"),
]
CONFIGS = [
    _keras("lambda", configs.keras_with(lambda_layer(_code)), REFUSED, "code"),
    _keras(
        "lambda in a layer",
        configs.keras_with(configs.wrapped(lambda_layer(_code))),
        REFUSED,
        "code",
    ),
    _keras(
        "code as a shape", configs.keras_with(configs.code_as_shape()), REFUSED, "code"
    ),
    _keras(
        "lambda as activation",
        configs.keras_with(dense(activation=lambda_layer(_code)["config"]["function"])),
        REFUSED,
        "code",
    ),
    _hdf5("lambda, h5", configs.hdf5_with(lambda_layer(_code)), REFUSED, "code"),
    _hdf5("old lambda, h5", configs.hdf5_with(configs.old_lambda()), REFUSED, "code"),
    _keras(
        "a tool as activation",
        configs.keras_with(
            dense(activation=configs.function("keras.utils", "set_random_seed"))
        ),
        FOOLED,
        "tool",
    ),
    _hdf5(
        "a tool as activation, h5",
        configs.hdf5_with(
            dense(activation=configs.function("keras.utils", "set_random_seed"))
        ),
        FOOLED,
        "tool",
    ),
    _keras(
        "a downloader as activation",
        configs.keras_with(
            dense(activation=configs.function("keras.utils", "get_file"))
        ),
        REFUSED,
        "tool",
    ),
    _keras(
        "a foreign program",
        configs.keras_with(configs.saved_model()),
        REFUSED,
        "foreign",
    ),
    _keras(
        "words from a file",
        configs.keras_with(configs.lookup("/etc/passwd")),
        REFUSED,
        "vocabulary-path",
    ),
    _keras(
        "a layer called ../x",
        configs.keras_with(dense(name="../x")),
        REFUSED,
        "path-name",
    ),
    _keras(
        "a layer called ..\\x",
        configs.keras_with(dense(name="..\\x")),
        FOOLED,
        "path-name",
    ),
    _keras(
        "one huge letter",
        configs.keras_with(configs.array_bomb()),
        MEMORY,
        "array-type",
    ),
    _keras("a huge layer", configs.keras_with(configs.wide()), MEMORY, "size-bomb"),
    _keras(
        "many values",
        configs.keras_text(configs.many_values),
        MEMORY,
        says="more values than any",
    ),
    _keras("nested", configs.keras_text(configs.deep), FOOLED, "too-deep"),
    _keras(
        "bottomless", configs.keras_text(configs.bottomless), REFUSED, says="as JSON"
    ),
    _keras("a long text", configs.keras_text(configs.long_text), FOOLED, "long-string"),
    _keras("a long name", configs.keras_text(configs.long_name), FOOLED, "long-string"),
    _keras("NaN", configs.keras_text(configs.not_a_number), FOOLED, "not-finite"),
    _keras("1e999", configs.keras_text(configs.infinite), FOOLED, "not-finite"),
    _keras("UTF-16", configs.keras_text(configs.wide_text), FOOLED, says="as JSON"),
    _keras("no text", configs.keras_text(configs.not_text), REFUSED, says="as JSON"),
]
CORPUS = [*ZIPS, *HDF5, *CONFIGS]


def build(folder: Path, corpus: list[Hostile] = CORPUS) -> dict[str, Path]:
    """Name in the corpus -> the file, in an empty folder."""
    return {
        one.id: one.build(folder / f"file{place}{one.suffix}")
        for place, one in enumerate(corpus)
    }
