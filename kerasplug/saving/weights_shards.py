"""Sharded weights: the JSON file that says which shard holds what."""

from pathlib import Path
from typing import Any, Final

from kerasplug.errors import ModelFileError
from kerasplug.saving.configs import decoded, parsed, too_big
from kerasplug.saving.dangers import Danger, refusal, shown
from kerasplug.saving.limits import Limits
from kerasplug.saving.scanning_zip import is_path
from kerasplug.saving.weights_layouts import OTHERS

__all__ = ["shards_of"]

_MAP: Final = "weight_map"
_SUFFIX: Final = ".weights.h5"


def shards_of(
    path: str, limits: Limits
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The names of the shards, and path -> names of the shards that hold it.

    Args:
        path: the JSON file.
        limits: what is believed of it.

    Raises:
        ModelFileError: it is no such file, or a name in it leads elsewhere.
    """
    with Path(path).open("rb") as file:
        data = file.read(limits.config_bytes + 1)
    if len(data) > limits.config_bytes:
        raise too_big(path, "text", limits)
    text = decoded(data, path, "text", limits)
    found = _map_in(parsed(text, path, "text", limits), path)
    places = {
        f"/{key.strip('/')}".removesuffix("/vars").strip("/"): _shards(path, value)
        for key, value in found.items()
    }
    mapped = {
        place: shards
        for place, shards in places.items()
        if place.split("/")[0] not in OTHERS
    }
    names = tuple(dict.fromkeys(name for held in mapped.values() for name in held))
    if len(names) > limits.members:
        what = "is refused: it names more shards than any real one"
        rule = f"at most {limits.members:,}"
        raise refusal(
            path, [Danger("too-many-members", _MAP, what, str(len(names)), rule)]
        )
    return names, mapped


def _map_in(config: Any, path: str) -> dict[str, Any]:
    found = config.get(_MAP) if isinstance(config, dict) else None
    if isinstance(found, dict) and found:
        return found
    what = f"{path} is JSON, and says nothing of weights."
    mend = "give the .weights.json file that save_weights(…, max_shard_size=…) wrote"
    if isinstance(config, dict) and "class_name" in config:
        mend = f"it is an architecture: kerasplug.model_from_json. Or {mend}"
    raise ModelFileError(what, expected=f"an object with {_MAP!r}", mend=mend)


def _shards(path: str, value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    for name in names:
        if not isinstance(name, str) or not _is_plain(name):
            what = "names a shard that is no plain file beside it"
            rule = f"the name of a file that ends in {_SUFFIX}"
            raise refusal(path, [Danger("path-name", _MAP, what, shown(name), rule)])
    return tuple(dict.fromkeys(names))


def _is_plain(name: str) -> bool:
    return name.endswith(_SUFFIX) and "/" not in name and not is_path(name)
