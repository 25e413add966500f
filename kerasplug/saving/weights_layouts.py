"""The two layouts of weights in HDF5 files.

Keras 2 lists the layers by name, each with its weights in order. Keras 3 has a path for
everything that holds weights, made of attributes and class names, and keeps the layer's
own name beside it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from kerasplug.errors import ModelFileError
from kerasplug.saving.dangers import shown
from kerasplug.saving.weights_reading import Source, Stored, stored_of

__all__ = ["OTHERS", "ByLayer", "ByPath", "content_of", "merged", "names_by_config"]

#: Below each path, the group with what belongs to it alone.
_VARS: Final = "vars"
_WHOLE_MODEL: Final = "model_weights"
_OWN: Final = "top_level_model_weights"
#: At the top of a file: what is no weight of a layer.
OTHERS: Final = frozenset(("optimizer", "metrics", "_metrics", "optimizer_weights"))
#: What Keras 2.12 and 2.13 wrote where others write `layers`.
_OLD_LAYERS: Final = re.compile(r"(^|/)_layer_checkpoint_dependencies(?=/|$)")


class ByLayer(NamedTuple):
    """Weights by layer, as Keras 2 has them.

    Args:
        layers: (name, weights) of each layer, in order.
        own: weights of the model that no layer has.
    """

    layers: tuple[tuple[str, tuple[Stored, ...]], ...]
    own: tuple[Stored, ...]

    def arrays(self) -> Iterator[Stored]:
        """All weights."""
        for _, weights in self.layers:
            yield from weights
        yield from self.own


class ByPath(NamedTuple):
    """Weights by path, as Keras 3 has them; the model's own are at `""`.

    Args:
        groups: path -> key -> weight.
        names: path -> the name of what is there, where the file has it.
    """

    groups: Mapping[str, Mapping[str, Stored]]
    names: Mapping[str, str]

    def arrays(self) -> Iterator[Stored]:
        """All weights."""
        for group in self.groups.values():
            yield from group.values()


def content_of(file: Any, source: Source) -> ByLayer | ByPath | None:
    """What is in an open HDF5 file; None: nothing that Keras wrote.

    Args:
        file: of h5py.
        source: where it is.

    Raises:
        KeyError: it mentions what it has not; or what else h5py raises.
    """
    group = file
    if _listed(file, "layer_names") is None and _WHOLE_MODEL in file:
        group = file[_WHOLE_MODEL]
    names = _listed(group, "layer_names")
    if names is not None:
        layers = tuple((name, _weights(group[name], source)) for name in names)
        own = _weights(group[_OWN], source) if _OWN in group else ()
        return ByLayer(layers, own)
    groups: dict[str, dict[str, Stored]] = {}
    found: dict[str, str] = {}
    _walk(file, "", groups, found, source)
    return ByPath(groups, found) if groups or found else None


def _listed(group: Any, key: str) -> list[str] | None:
    """Names in an attribute; where they are many, in several."""
    if key in group.attrs:
        return [_text(one) for one in group.attrs[key]]
    if f"{key}0" not in group.attrs:
        return None
    found: list[str] = []
    part = 0
    while (name := f"{key}{part}") in group.attrs:
        found += [_text(one) for one in group.attrs[name]]
        part += 1
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)


def _weights(group: Any, source: Source) -> tuple[Stored, ...]:
    names = _listed(group, "weight_names") or []
    return tuple(stored_of(name, group[name], source) for name in names)


def _walk(
    group: Any,
    path: str,
    groups: dict[str, dict[str, Stored]],
    names: dict[str, str],
    source: Source,
) -> None:
    """Collect what is in a group and in the groups below it."""
    for key, inner in group.items():
        if not path and key in OTHERS:
            continue
        if key == _VARS and _is_own(inner):
            where = _OLD_LAYERS.sub(r"\1layers", path)
            name = inner.attrs.get("name")
            if isinstance(name, str | bytes):
                names[where] = _text(name)
            held = dict(_held(inner, "", source))
            if held:
                groups[where] = held
        elif hasattr(inner, "keys"):
            _walk(inner, f"{path}/{key}" if path else key, groups, names, source)


def _is_own(group: Any) -> bool:
    """Whether a group called `vars` is what Keras calls so, and no attribute `vars`."""
    return hasattr(group, "keys") and _VARS not in group


def _held(group: Any, prefix: str, source: Source) -> Iterator[tuple[str, Stored]]:
    """The arrays of one holder; a key with a slash in it has become a group."""
    for key, inner in group.items():
        if hasattr(inner, "keys"):
            yield from _held(inner, f"{prefix}{key}/", source)
        else:
            yield f"{prefix}{key}", stored_of(f"{prefix}{key}", inner, source)


def merged(
    path: str,
    parts: Mapping[str, tuple[Source, ByLayer | ByPath]],
    mapped: Mapping[str, tuple[str, ...]],
) -> ByPath:
    """Shards as one.

    Args:
        path: the JSON file, for errors.
        parts: name of a shard -> what it holds.
        mapped: path -> names of the shards that hold it.

    Raises:
        ModelFileError: a shard is another kind of file, or lacks what it should hold.
    """
    groups: dict[str, dict[str, Stored]] = {}
    names: dict[str, str] = {}
    for name, (_, content) in parts.items():
        if isinstance(content, ByLayer):
            raise _misfit(path, f"{shown(name)} is no shard: it is a file of its own")
        names |= {key: value for key, value in content.names.items() if value}
    for where, shards in mapped.items():
        for name in shards:
            content = parts[name][1]
            assert isinstance(content, ByPath)
            held = content.groups.get(where)
            if held is None:
                found = f"{shown(name)} has nothing under {shown(where)}"
                raise _misfit(path, found)
            if groups.get(where, {}).keys() & held.keys():
                raise _misfit(path, f"two shards have the same under {shown(where)}")
            groups[where] = {**groups.get(where, {}), **held}
    return ByPath(groups, names)


def _misfit(path: str, found: str) -> ModelFileError:
    return ModelFileError(
        f"{path} and its shards don't belong together.",
        found=found,
        expected="all files of one call of save_weights",
        mend="copy or save them again, all of them",
    )


def names_by_config(config: Any, snake: Callable[[str], str]) -> dict[str, str]:
    """By path the name of each layer, as the configuration of a model has them.

    Older versions of Keras wrote `.keras` files without the names beside the paths.

    Args:
        config: of a model; anything else has no names.
        snake: how Keras makes a path of the name of a class.

    Example:
        >>> dense = {"class_name": "Dense", "config": {"name": "top"}}
        >>> names_by_config({"config": {"layers": [dense, dense]}}, str.lower)
        {'layers/dense': 'top', 'layers/dense_1': 'top'}
    """
    return dict(_names(config, "", snake))


def _names(
    config: Any, prefix: str, snake: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    used: dict[str, int] = {}
    for layer in _layers(config):
        key = snake(str(layer.get("class_name", "")))
        count = used[key] = used.get(key, -1) + 1
        path = f"{prefix}layers/{key}_{count}" if count else f"{prefix}layers/{key}"
        inner = layer.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        yield path, str(name or layer.get("name") or "")
        yield from _names(layer, f"{path}/", snake)


def _layers(config: Any) -> Iterator[dict[str, Any]]:
    """The layers that a model's configuration lists; operations are none."""
    inner = config.get("config") if isinstance(config, dict) else None
    listed = inner.get("layers") if isinstance(inner, dict) else None
    for layer in listed if isinstance(listed, list) else ():
        if isinstance(layer, dict) and ".ops" not in str(layer.get("module", "")):
            yield layer
