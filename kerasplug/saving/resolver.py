"""Plain Keras finds plugins, too: opt-in, for code that calls it by itself.

Notebooks and libraries call `keras.models.load_model`, and nobody wants to change them.
While a resolver is installed, the functions behind it, which all its public names
reach, are ours. They are not public: each is looked for when the resolver is installed,
and one that is not there is an error then, not a silent gap later.

Source: keras 3.15.1, `saving/saving_api.py` and `models/model.py:model_from_json`.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self

from kerasplug._frameworks import family_root
from kerasplug.errors import ImplementationError, MissingPluginError
from kerasplug.implementation import chosen, implementation, keras_version
from kerasplug.saving.loading import load_model
from kerasplug.saving.mentions import said_by
from kerasplug.saving.providing import provide, winning
from kerasplug.saving.reading import Contents

__all__ = ["Resolver", "install_resolver"]

#: Where the functions are, by the Keras: those that load a file.
_LOADERS: Final = {
    "keras": (
        ("keras.src.saving.saving_lib", "load_model"),
        ("keras.src.legacy.saving.legacy_h5_format", "load_model_from_hdf5"),
    ),
    "tf_keras": (
        ("tf_keras.src.saving.saving_lib", "load_model"),
        ("tf_keras.src.saving.legacy.save", "load_model"),
    ),
}
#: And the one that makes an object of a configuration: JSON, `layers.deserialize`, ….
_MAKERS: Final = {
    "keras": (("keras.src.saving.serialization_lib", "deserialize_keras_object"),),
    "tf_keras": (),
}

_lock = threading.RLock()
#: What is installed, the latest last: its `allow` counts.
_installed: "list[Resolver]" = []
#: Whether this thread is inside one of our functions already.
_inside = threading.local()


class Resolver:
    """Plain Keras finds plugins while this is installed; by `install_resolver`.

    Args:
        allow: who may provide something, as for `load_model`.

    Example:
        >>> resolver = install_resolver()
        >>> resolver.installed
        True
        >>> resolver.remove()
        >>> resolver.installed
        False
    """

    def __init__(self, allow: Iterable[str] | None = None) -> None:
        self.allow = None if allow is None else tuple(allow)

    @property
    def installed(self) -> bool:
        """Whether it is installed."""
        return self in _installed

    def remove(self) -> None:
        """Undo it; with the last one Keras' own functions are back. Twice is once."""
        with _lock:
            if self in _installed:
                _installed.remove(self)
            if not _installed:
                _restore()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()


def install_resolver(*, allow: Iterable[str] | None = None) -> Resolver:
    """A resolver: `keras.models.load_model` now does what `kerasplug.load_model` does.

    So do `keras.saving.load_model` and other names for it, also where they were
    imported before; with Keras 3, `model_from_json`, `layers.deserialize` and their
    like find plugins as well. Only what installed plugins have declared is provided,
    here as there. After `keras.config.set_backend`, which starts Keras anew, install it
    again.

    Args:
        allow: distributions or `distribution/name` that alone may provide something, as
            for `load_model`.

    Returns:
        The resolver; `remove()` undoes it, as does leaving its `with` block.

    Raises:
        ImplementationError: this Keras has not the functions that are to be replaced.
            Nothing was.

    Example:
        >>> import keras
        >>> with install_resolver():
        ...     config = keras.layers.serialize(keras.layers.Dense(2))
        ...     layer = keras.layers.deserialize(config)
        >>> layer.units
        2
    """
    implementation().saving  # noqa: B018 -- starts Keras, where nobody has yet
    resolver = Resolver([allow] if isinstance(allow, str) else allow)
    with _lock:
        _replace()
        _installed.append(resolver)
    return resolver


def _replace() -> None:
    root = family_root(chosen())
    places = (*_LOADERS[root], *_MAKERS[root])
    originals = {place: _at(place) for place in places}
    for place, original in originals.items():
        if getattr(original, "replaces", None) is None:
            make = _loading if place in _LOADERS[root] else _making
            setattr(sys.modules[place[0]], place[1], make(original))


def _at(place: tuple[str, str]) -> Callable[..., Any]:
    module, name = place
    found = getattr(sys.modules.get(module), name, None)
    if callable(found):
        return found  # type: ignore[no-any-return]  # a function of Keras, untyped
    version = ".".join(map(str, keras_version()))
    what = f"Keras {version} has no place where a resolver can be installed."
    raise ImplementationError(
        what,
        found=f"no {module}.{name}",
        expected="the functions of Keras 3.15 or of tf_keras",
        mend="call kerasplug.load_model, which needs none",
    )


def _restore() -> None:
    for root in _LOADERS:
        for module, name in (*_LOADERS[root], *_MAKERS[root]):
            there = sys.modules.get(module)
            original = getattr(getattr(there, name, None), "replaces", None)
            if original is not None:
                setattr(there, name, original)


def _once(ours: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """`ours`, and the original wherever it is called from within ours."""

    @functools.wraps(original)
    def either(*args: Any, **kwargs: Any) -> Any:
        if getattr(_inside, "yes", False) or not _installed:
            return original(*args, **kwargs)
        _inside.yes = True
        try:
            return ours(*args, **kwargs)
        finally:
            _inside.yes = False

    either.replaces = original  # type: ignore[attr-defined]  # how it is undone
    return either


def _allowed() -> tuple[str, ...] | None:
    """Whom the latest allows; another thread may have removed it meanwhile."""
    with _lock:
        return _installed[-1].allow if _installed else None


def _loading(original: Callable[..., Any]) -> Callable[..., Any]:
    def load(
        filepath: Any,
        custom_objects: Any = None,
        compile: bool = True,  # noqa: A002, FBT001, FBT002 -- Keras' own signature
        safe_mode: bool | None = True,  # noqa: FBT001, FBT002 -- Keras' own signature
        **more: Any,
    ) -> Any:
        local = isinstance(filepath, str | os.PathLike) and os.path.exists(filepath)  # noqa: PTH110 -- a string
        if more or not local:  # an address, an open file: Keras' own matter
            return original(filepath, custom_objects, compile, safe_mode, **more)
        allow = _allowed()
        return load_model(filepath, custom_objects, compile, safe_mode, allow=allow)

    return _once(load, original)


def _making(original: Callable[..., Any]) -> Callable[..., Any]:
    def make(config: Any, custom_objects: Any = None, *args: Any, **kwargs: Any) -> Any:
        try:
            objects, names = _provided(config, custom_objects)
        except MissingPluginError as missing:
            try:  # it may know more than the names say
                return original(config, custom_objects, *args, **kwargs)
            except (TypeError, ValueError):
                raise missing from None
        with winning(objects, names):
            return original(config, objects or custom_objects, *args, **kwargs)

    return _once(make, original)


def _provided(
    config: Any, custom_objects: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is mentioned that is not Keras' own; mostly there is nothing."""
    if not isinstance(config, dict) or "class_name" not in config:
        return {}, ()
    contents = Contents("a configuration", "json", "", (("config", config),))
    everything = said_by(contents)
    if all(said.module.partition(".")[0] == "keras" for said in everything):
        return {}, ()
    made = provide("a configuration", everything, custom_objects, allow=_allowed())
    return made.objects, made.names
