"""What a model file needs and who provides it, known without importing Keras."""

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kerasplug.registry.needs import needs_of_claim, unmet
from kerasplug.saving.keras_names import keras_package
from kerasplug.saving.matching import Match, Matcher, allowed_providers
from kerasplug.saving.mentions import said_by
from kerasplug.saving.reading import read_contents

if TYPE_CHECKING:
    import os

__all__ = ["Mention", "ModelInspection", "inspect_model"]


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
class ModelInspection:
    """What a model file needs; `print` shows it line by line.

    Attributes:
        path: the file.
        format: `"keras"` or `"h5"`.
        keras_version: the Keras that wrote it; empty where the file does not say.
        mentions: everything that the file mentions, each once, in the file's order.
    """

    path: str
    format: str
    keras_version: str
    mentions: tuple[Mention, ...]

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
            f", written by Keras {self.keras_version}" if self.keras_version else ""
        )
        own = sum(one.status == "keras" for one in self.mentions)
        lines = [
            f"{self.path}: format {self.format}{writer}",
            f"  {own} of Keras' own",
        ]
        others = (one for one in self.mentions if one.status != "keras")
        return "\n".join([*lines, *(f"  {one}" for one in others)])


def inspect_model(
    path: "str | os.PathLike[str]", *, allow: Iterable[str] | None = None
) -> ModelInspection:
    """What a model file needs, and who provides it. Imports no Keras and no plugin.

    Args:
        path: a `.keras` file, its folder form, or an HDF5 file.
        allow: distributions or `distribution/name` that alone count as providers, as
            for `load_model`; None: all that `KERASPLUG_ALLOW` leaves.

    Returns:
        The file's format and version, and each thing that it mentions.

    Raises:
        FileNotFoundError: nothing is at `path`.
        ModelFileError: it is no whole model, or refused for safety.
        MissingExtraError: it is an HDF5 file and h5py is not installed.

    Example:
        >>> import json, pathlib, tempfile, zipfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "m.keras"
        >>> dense = {"module": "keras.layers", "class_name": "Dense", "config": {}}
        >>> with zipfile.ZipFile(path, "w") as archive:
        ...     archive.writestr("config.json", json.dumps(dense))
        >>> [(one.class_name, one.status) for one in inspect_model(path).mentions]
        [('Dense', 'keras')]
    """
    contents = read_contents(path)
    matcher = Matcher(allowed_providers(allow), package=keras_package())
    return ModelInspection(
        contents.path,
        contents.format,
        contents.keras_version,
        tuple(map(_mention, matcher.matches(said_by(contents)))),
    )


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
