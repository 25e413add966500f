"""A package's public names, each loaded on its first use.

So a package that extends Keras can be imported, listed and documented where Keras is
missing, and costs nothing until one of its names is used.
"""

import sys

from kerasplug.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["lazy_exports"]


def lazy_exports(module_name: str, exports: "Mapping[str, str]") -> None:
    """Give a module public names that are loaded on their first use.

    Type checkers can't see these names; show them the imports that they stand for:

        from typing import TYPE_CHECKING
        from kerasplug import lazy_exports

        if TYPE_CHECKING:
            from .layers import GatedDense as GatedDense

        lazy_exports(__name__, {"GatedDense": ".layers"})

    Args:
        module_name: the module that gets the names: `__name__`.
        exports: public name -> where it is: "module", or "module:attribute" where
            it has another name there. A leading dot means relative to `module_name`.

    Raises:
        ConfigError: a name is no identifier, or a place is malformed. Nothing has
            been changed then.

    Guarantees:
        Nothing is imported. The module's `__all__` gets the names that it lacks; a
        `__getattr__` or `__dir__` that it has already goes on working. A name that
        nobody has is an `AttributeError` that names close ones; an error of the
        imported module itself is passed on as it is.

    Example:
        >>> import sys, types
        >>> package = sys.modules["a_package"] = types.ModuleType("a_package")
        >>> lazy_exports("a_package", {"tau": "math", "square_root": "math:sqrt"})
        >>> package.square_root(package.tau > 6), package.__all__
        (1.0, ['tau', 'square_root'])
        >>> del sys.modules["a_package"]
    """
    for name, place in exports.items():
        _check(name, place)
    namespace = vars(sys.modules[module_name])
    places = dict(exports)
    namespace["__getattr__"] = _loader(namespace, places, namespace.get("__getattr__"))
    namespace["__dir__"] = _lister(namespace, places, namespace.get("__dir__"))
    listed = list(namespace.get("__all__", ()))
    namespace["__all__"] = listed + [name for name in places if name not in listed]


def _check(name: object, place: object) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        message = f"{name!r} can't be the name of a lazy export."
        raise ConfigError(message, expected="a Python identifier")
    module, colon, attribute = str(place).partition(":")
    dotted = module.lstrip(".").split(".")
    good = all(part.isidentifier() for part in dotted)
    if (
        not isinstance(place, str)
        or not good
        or (colon and not attribute.isidentifier())
    ):
        message = f"{place!r} can't be the place of the lazy export {name!r}."
        raise ConfigError(
            message, expected='"module", ".module", or either with ":attribute"'
        )


def _loader(
    namespace: dict[str, object],
    places: dict[str, str],
    former: "Callable[[str], object] | None",
) -> "Callable[[str], object]":
    """The module's `__getattr__`."""

    def load(name: str) -> object:
        if name in places:
            value = namespace[name] = _load(namespace, name, places[name])
            return value
        if former is not None:
            return former(name)
        raise AttributeError(_no_such(namespace, name), name=name)

    return load


def _load(namespace: dict[str, object], name: str, place: str) -> object:
    from importlib import import_module

    owner = str(namespace["__name__"])
    # A relative name starts at the package: at the parent where this is no package.
    package = owner if "__path__" in namespace else owner.rpartition(".")[0]
    module_name, _, attribute = place.partition(":")
    module = import_module(module_name, package)
    try:
        return getattr(module, attribute or name)
    except AttributeError:
        message = (
            f"{owner}.{name} is declared to be {attribute or name!r} of "
            f"{module.__name__}, which has no such attribute. Correct lazy_exports() "
            f"in {namespace.get('__file__', owner)}"
        )
        raise AttributeError(message, name=name) from None


def _no_such(namespace: dict[str, object], name: str) -> str:
    from difflib import get_close_matches

    known: Iterable[str] = (str(each) for each in namespace["__all__"])  # type: ignore[attr-defined]  # a list, made by lazy_exports or after it
    close = get_close_matches(name, known, 3)
    hint = f". Close names: {', '.join(close)}" if close else ""
    return f"module {namespace['__name__']!r} has no attribute {name!r}{hint}"


def _lister(
    namespace: dict[str, object],
    places: dict[str, str],
    former: "Callable[[], Iterable[str]] | None",
) -> "Callable[[], list[str]]":
    """The module's `__dir__`."""

    def names() -> list[str]:
        before = namespace if former is None else former()
        return sorted({*before, *places})

    return names
