"""The object for each thing that a file mentions, with the process' own first.

What the user passes wins; then a scope of Keras that the caller stands in; then
what this process has registered under the file's own module and name; then the one
installed plugin that declares it; then whatever else this process has registered.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from kerasplug import registry
from kerasplug.errors import AmbiguousNameError, MissingPluginError, PluginError
from kerasplug.implementation import implementation, loaded
from kerasplug.saving.matching import Match, Matcher
from kerasplug.saving.mentions import Said

__all__ = ["Found", "import_objects", "plan"]


class Found(NamedTuple):
    """What is to be handed to Keras; first a plan, then with what plugins provide.

    Args:
        objects: the file's name -> object, for what Keras would not find by itself.
        imports: what plugins are still to be asked for.
        layers: those objects that stand for layers of plugins.
        soft: what nobody is known to provide, and Keras may still know.
    """

    objects: dict[str, Any]
    imports: list[Match]
    layers: list[object]
    soft: list[Match]


class _Live:
    """What this process has registered with Keras; nothing while no Keras is loaded."""

    def __init__(self) -> None:
        self._saving: Any = None if loaded() is None else implementation().saving

    def registered(self, name: str) -> Any:
        """What Keras finds under this name: a scope's object, else the registry's."""
        if self._saving is None:
            return None
        return self._saving.get_registered_object(name)

    def in_scope(self, name: str) -> Any:
        """The object that only a scope, in which the caller stands, gives the name."""
        value = self.registered(name)
        if value is None or self._saving.get_custom_objects().get(name) is value:
            return None
        return value

    def put(self, name: str, value: Any) -> None:
        """Register again what an import has replaced."""
        if self._saving is not None:
            self._saving.get_custom_objects()[name] = value


def plan(path: str, matches: Iterable[Match], mine: Mapping[str, Any]) -> Found:
    """What will be used for each match; plugins are named and not yet imported.

    Args:
        path: the file, for the error's text.
        matches: what the environment has for what the file mentions.
        mine: the user's objects by name.

    Raises:
        MissingPluginError: nothing provides something that the file needs.
        AmbiguousNameError: several do.
    """
    made = Found({}, [], [], [])
    live = _Live()
    lacking = []
    matches = tuple(matches)
    # A bare key stands for `package>Key`, unless the file mentions the bare one too.
    bare = set(mine).difference(match.said.name for match in matches)
    for match in matches:
        said = match.said
        if match.status in ("keras", "code") or said.name in mine:
            continue
        mine_or_here = _mine(said, mine, bare) or _present(said, live)
        if mine_or_here is not None:
            made.objects[said.name] = mine_or_here
            if match.claim is not None and match.claim.kind == "layer":
                made.layers.append(mine_or_here)
        elif match.status == "provided":
            made.imports.append(match)
        elif match.status == "ambiguous":
            raise _ambiguous(match)
        elif live.registered(said.name) is not None:
            continue
        elif _is_hard(match):
            lacking.append(match)
        else:
            made.soft.append(match)
    if lacking:
        from kerasplug.saving.missing import missing_error

        raise missing_error(path, lacking)
    return made


def _mine(said: Said, mine: Mapping[str, Any], bare: Container[str]) -> Any:
    tail = said.name.rpartition(">")[2]
    key = next((one for one in (tail, said.class_name) if one in bare), None)
    return None if key is None else mine[key]


def _present(said: Said, live: _Live) -> Any:
    """What the process has under the file's name, where it is surely what is meant."""
    scoped = live.in_scope(said.name)
    if scoped is not None:
        return scoped
    value = live.registered(said.name)
    same = (
        getattr(value, "__module__", None) == said.module
        and getattr(value, "__name__", None) == said.class_name
    )
    return value if value is not None and same else None


def _is_hard(match: Match) -> bool:
    """Whether Keras can't know it either: it has a package or a foreign module."""
    said = match.said
    if match.status == "not allowed":
        return True
    return match.status == "missing" and bool(said.registered_name or said.module)


def _ambiguous(match: Match) -> AmbiguousNameError:
    names = list(dict.fromkeys(claim.canonical for claim in match.claims))
    example = f"allow=[{names[0]!r}]"
    return AmbiguousNameError(
        f"Several plugins provide what the file calls {match.said.name!r}.",
        claims=names,
        found=", ".join(names),
        expected="one provider",
        mend=f"choose one: {example}, or KERASPLUG_ALLOW={names[0]}",
    )


def import_objects(found: Found, matcher: Matcher) -> None:
    """Import what the plan names, and nothing else; each is checked before use.

    Raises:
        PluginError: a plugin is broken, or its thing is registered under another name.
        NeedsError: this environment lacks what a plugin needs.
        MissingPluginError: only the bare name fitted, and it is something else.
        AmbiguousNameError: this process has something else under that name.
    """
    for match in found.imports:
        value = _import(match, matcher)
        found.objects[match.said.name] = value
        if match.claim is not None and match.claim.kind == "layer":
            found.layers.append(value)
    found.imports.clear()


def _import(match: Match, matcher: Matcher) -> Any:
    claim = match.claim
    assert claim is not None
    name = match.said.name
    live = _Live()
    before = live.registered(name)
    value = registry.load(claim)
    try:
        _check_name(match, value)
        if before is None or before is value or matcher.chose(claim):
            return value
        raise _contested(match, before)
    except Exception:
        if before is not None:
            live.put(name, before)
        raise


def _check_name(match: Match, value: Any) -> None:
    """The class' own registered name must be the file's, or one of its aliases."""
    claim, name = match.claim, match.said.name
    assert claim is not None
    try:
        own = implementation().saving.get_registered_name(value)
    except (AttributeError, TypeError):  # an object that has no name
        own = ""
    if name == own or name in claim.aliases:
        return
    from kerasplug.saving.missing import mismatch_note

    what, found, expected, mend = mismatch_note(match, str(own))
    if match.how != "name":
        raise MissingPluginError(
            what, names=(name,), found=found, expected=expected, mend=mend
        )
    raise PluginError(
        what,
        plugin=claim.provider.name,
        version=claim.provider.version,
        found=found,
        expected=expected,
        mend=mend,
    )


def _contested(match: Match, before: Any) -> AmbiguousNameError:
    claim, name = match.claim, match.said.name
    assert claim is not None
    here = f"{getattr(before, '__module__', '?')}.{getattr(before, '__name__', '?')}"
    return AmbiguousNameError(
        f"This process has registered another thing as {name!r} than the plugin "
        f"{claim.provider.name} provides.",
        claims=(claim.canonical, here),
        found=f"{here}, registered in this process, and {claim.canonical}",
        expected="one thing under one name",
        mend=f"choose: custom_objects={{{name!r}: …}} or allow=[{claim.canonical!r}]",
    )
