"""What a model file needs and who provides it, known without importing Keras."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from kerasplug.registry.needs import needs_of_claim, unmet
from kerasplug.saving.config_dangers import said_dangers
from kerasplug.saving.dangers import Danger, shown
from kerasplug.saving.keras_names import keras_package
from kerasplug.saving.limits import Limits
from kerasplug.saving.matching import Match, Matcher, allowed_providers
from kerasplug.saving.mentions import Place, place_text, said_by, walk
from kerasplug.saving.reading import Contents
from kerasplug.saving.scanning import scan_any
from kerasplug.saving.scanning_hdf5 import Weights

if TYPE_CHECKING:
    import os

__all__ = ["LayerEntry", "Mention", "ModelInspection", "inspect_model"]

#: Keys under which a wrapper has its layer.
_INNER: Final = frozenset(("layer", "cell", "forward_layer", "backward_layer"))
#: Groups in weights that hold no weights of the model.
_NO_WEIGHTS: Final = frozenset(
    (
        "optimizer",
        "optimizer_weights",
        "compile_metrics",
        "metrics",
        "seed_generator",
        "kerasplug",
    )
)
#: So many layers, and so many parts, are printed.
_SHOWN_LAYERS: Final = 40
_SHOWN_SIZES: Final = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Mention:
    """One thing that a model file mentions, and what this environment has for it.

    Attributes:
        class_name: the class' or function's own name.
        module: the module that the file names; empty where it names none. It is
            compared with what plugins declare and never imported.
        registered_name: the name under which Keras registered it; empty where the
            file does not say.
        kind: `"class"`, `"function"`, or `"code"` for the bytecode of a lambda.
        where: where in the file's configuration it is mentioned first.
        provider: canonical name of what provides it; None where nothing does, or
            Keras itself.
        providers: canonical names of everything that might provide it.
        status: `"keras"`, `"provided"`, `"needs"` (provided, but this environment
            lacks what the plugin needs), `"ambiguous"`, `"not allowed"`, `"missing"`,
            `"code"`, or `"unknown"`: perhaps only a text, or perhaps Keras' own
            where no Keras is installed.
        reason: what is wrong, for `"needs"`; else empty.
    """

    class_name: str
    module: str
    registered_name: str
    kind: str
    where: str
    provider: str | None
    providers: tuple[str, ...]
    status: str
    reason: str = ""

    @property
    def name(self) -> str:
        """The name that Keras looks up."""
        return self.registered_name or self.class_name

    def __str__(self) -> str:
        origin = f" of {self.module}" if self.module else ""
        whose = self.reason or ", ".join(self.providers)
        line = f"{self.status:<11} {self.kind} {self.name!r}{origin} at {self.where}"
        return f"{line}: {whose}" if whose else line


@dataclasses.dataclass(frozen=True, slots=True)
class LayerEntry:
    """A layer in a model file.

    Attributes:
        name: the layer's own name; empty where the file does not say.
        class_name: its class, as the file calls it.
        depth: 0 for the model itself, 1 for its layers, 2 for layers in these, …
        where: where in the file's configuration it is.
    """

    name: str
    class_name: str
    depth: int
    where: str

    def __str__(self) -> str:
        return f"{'  ' * self.depth}{self.name or '?'} ({self.class_name})"


@dataclasses.dataclass(frozen=True, slots=True)
class ModelInspection:
    """What a model file is and needs; `print` shows it line by line.

    Attributes:
        path: the file.
        format: `"keras"` or `"h5"`; `"json"` for an architecture alone, and
            `"weights"` for weights alone.
        keras_version: the Keras that wrote it; empty where the file does not say.
        mentions: everything that the file mentions, each once, in the file's order.
        layers: the model and its layers, each after the one around it.
        parameters: how many numbers its weights are, without the optimizer's; None
            where the file has no weights, or they can't be read.
        sizes: name of a part -> its bytes.
        dangers: what loading refuses, and why; empty for a file that is fine.
    """

    path: str
    format: str
    keras_version: str
    mentions: tuple[Mention, ...]
    layers: tuple[LayerEntry, ...] = ()
    parameters: int | None = None
    sizes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    dangers: tuple[Danger, ...] = ()

    @property
    def missing(self) -> tuple[Mention, ...]:
        """What nothing here provides, or what is provided and can't be used here."""
        bad = ("missing", "ambiguous", "not allowed", "needs")
        return tuple(one for one in self.mentions if one.status in bad)

    @property
    def needed_plugins(self) -> tuple[str, ...]:
        """The distributions that provide what the file mentions, sorted."""
        found = {
            one.provider.partition("/")[0] for one in self.mentions if one.provider
        }
        return tuple(sorted(found))

    def __str__(self) -> str:
        writer = (
            f", written by Keras {shown(self.keras_version)[1:-1]}"
            if self.keras_version
            else ""
        )
        own = sum(one.status == "keras" for one in self.mentions)
        lines = [
            f"{self.path}: format {self.format}{writer}",
            f"  {own} of Keras' own",
        ]
        others = (one for one in self.mentions if one.status != "keras")
        lines += [f"  {one}" for one in others]
        lines += [f"  danger: {one}" for one in self.dangers]
        return "\n".join([*lines, *self._amounts()])

    def _amounts(self) -> Iterator[str]:
        if self.layers:
            count = sum(one.depth > 0 for one in self.layers)
            yield f"  {count} layers:" if count != 1 else "  1 layer:"
            yield from (f"    {one}" for one in self.layers[:_SHOWN_LAYERS])
        if len(self.layers) > _SHOWN_LAYERS:
            yield f"    … and {len(self.layers) - _SHOWN_LAYERS} more"
        if self.parameters is not None:
            yield f"  {self.parameters:,} parameters"
        if self.sizes:
            largest = sorted(self.sizes.items(), key=lambda one: -one[1])
            yield "  sizes: " + ", ".join(
                f"{name} {size:,} bytes" for name, size in largest[:_SHOWN_SIZES]
            )


def inspect_model(
    path: "str | os.PathLike[str]",
    *,
    allow: Iterable[str] | None = None,
    limits: Limits | None = None,
) -> ModelInspection:
    """What a model file is, needs and holds. Imports no Keras and no plugin.

    Nothing is built, no library for HDF5 or NumPy is used, and nothing in the file
    is run. Weights are not read, only what they declare.

    Args:
        path: a `.keras` file, its folder form, an HDF5 file with a whole model or with
            weights only, or the JSON of an architecture.
        allow: distributions or `distribution/name` that alone count as providers, as
            for `load_model`; None: all that `KERASPLUG_ALLOW` leaves.
        limits: what is believed of the file; None: `Limits()`.

    Returns:
        The file's format and version, each thing that it mentions, its layers, sizes,
        and what is dangerous in it.

    Raises:
        FileNotFoundError: nothing is at `path`.
        ModelFileError: it is no model, it is damaged, or it is larger than `limits`
            allow reading.

    Example:
        >>> import json, pathlib, tempfile, zipfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "m.keras"
        >>> dense = {"module": "keras.layers", "class_name": "Dense", "config": {}}
        >>> with zipfile.ZipFile(path, "w") as archive:
        ...     archive.writestr("config.json", json.dumps(dense))
        >>> [(one.class_name, one.status) for one in inspect_model(path).mentions]
        [('Dense', 'keras')]
    """
    found = scan_any(path, limits)
    contents = found.contents
    everything = said_by(contents)
    matcher = Matcher(allowed_providers(allow), package=keras_package())
    return ModelInspection(
        contents.path,
        contents.format,
        contents.keras_version,
        tuple(map(_mention, matcher.matches(everything))),
        layers=tuple(_layers(contents)),
        parameters=_parameters(found.weights),
        sizes=found.sizes,
        dangers=(*found.dangers, *said_dangers(everything)),
    )


def _parameters(weights: Weights) -> int | None:
    """The numbers in all weights but those of optimizer, metrics and generators."""
    if not weights.arrays:
        return None
    return sum(
        math.prod(shape)
        for where, (shape, _) in weights.arrays.items()
        if not _NO_WEIGHTS & set(where.split("/")[1:])
    )


def _layers(contents: Contents) -> Iterator[LayerEntry]:
    """The model and its layers, in the order in which the file has them."""
    label, config = contents.configs[0] if contents.configs else ("", None)
    #: Depths of the layers around the current place, by the place's length.
    around: list[tuple[int, int]] = []
    for value, place in walk(config, label, (dict, list)):
        if not _is_layer(value, place):
            continue
        length = _length(place)
        while around and around[-1][0] >= length:
            around.pop()
        depth = around[-1][1] + 1 if around else 0
        around.append((length, depth))
        inner = value.get("config")
        name = value.get("name") or (
            inner.get("name") if isinstance(inner, dict) else ""
        )
        yield LayerEntry(
            _plain(name), _plain(value["class_name"]), depth, place_text(place)
        )


def _is_layer(value: Any, place: Place) -> bool:
    """An object in a list of layers, or in a wrapper; the model itself, too."""
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        return False
    if "config" not in value:
        return False
    around, key = place
    if around is None or key in _INNER:
        return True
    return isinstance(key, int) and around[1] == "layers"


def _length(place: Place) -> int:
    count = 0
    around: Any = place
    while around is not None:
        around, _ = around
        count += 1
    return count


def _plain(name: object) -> str:
    return shown(name)[1:-1] if isinstance(name, str) else ""


def _mention(match: Match) -> Mention:
    said, claim = match.said, match.claim
    problems = unmet(needs_of_claim(claim)) if claim is not None else []
    names = dict.fromkeys(one.canonical for one in match.claims)
    return Mention(
        class_name=said.class_name,
        module=said.module,
        registered_name=said.registered_name,
        kind=said.kind,
        where=said.where,
        provider=claim.canonical if claim is not None else None,
        providers=tuple(names),
        status="needs" if problems else match.status,
        reason="; ".join(problem for problem, _ in problems),
    )
