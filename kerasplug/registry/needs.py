"""What an environment lacks of what a plugin needs. Nothing is imported to know.

Needs are taken in their plain form, the one that the index holds: using a layer that
needs nothing special has no use for records, and those cost time to import.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kerasplug._frameworks.metadata import DISTRIBUTIONS, malformed, satisfies
from kerasplug.registry.parts import Claim, Provider

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["needs_of_claim", "needs_of_provider", "unmet"]

#: What `Needs.to_plain` makes: only what is asked for has a key.
Plain = Mapping[str, Any]

#: `keras` with a specifier, and nothing else.
_PLAIN_KERAS = re.compile(
    r"keras\s*((?:[<>=!~]=?=?\s*[\w.*]+\s*,?\s*)*)\Z", re.IGNORECASE
)


def needs_of_claim(claim: Claim) -> Plain:
    """What one contribution needs: its record says it, or else its distribution."""
    if claim.payload:
        import json

        needs: Plain = json.loads(claim.payload).get("needs", {})
        return needs
    if claim.is_declared:
        return needs_of_provider(claim.provider)
    return claim.record().needs.to_plain()


def needs_of_provider(provider: Provider) -> Plain:
    """What a distribution's own metadata say that it needs.

    Requirements that hold only for an extra, or on another platform, are left out.
    """
    keras: list[str] = []
    others: list[str] = []
    plain = list(map(_PLAIN_KERAS.match, provider.requires))
    if all(plain):
        # The usual case; `packaging.requirements` costs more to import than the rest.
        keras = [found[1] for found in plain if found]
    else:
        keras, others = _sorted_out(provider.requires)
    needs = {
        "keras": ",".join(filter(_is_specifier, keras)),
        "packages": tuple(others),
        "python": provider.python if _is_specifier(provider.python) else "",
    }
    return {key: value for key, value in needs.items() if value}


def _sorted_out(requires: Iterable[str]) -> tuple[list[str], list[str]]:
    """What is asked of Keras, and of other packages."""
    keras, others = [], []
    for requirement in _requirements(requires):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name.lower() == "keras":
            keras.append(str(requirement.specifier))
        else:
            others.append(f"{requirement.name}{requirement.specifier}")
    return keras, others


def _requirements(lines: Iterable[str]) -> "Iterator[Requirement]":
    for line in lines:
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def _is_specifier(text: str) -> bool:
    return text[:1] in set("<>=!~") and not malformed(text)


def unmet(needs: Plain) -> list[tuple[str, str]]:
    """(what is missing, how to mend it), one pair a need that is not met."""
    if not needs:
        return []
    return [*_python(needs), *_keras(needs), *_packages(needs)]


def _python(needs: Plain) -> Iterator[tuple[str, str]]:
    wanted = needs.get("python")
    if not wanted:
        return
    import platform

    have = platform.python_version()
    if not satisfies(have, wanted):
        yield f"needs Python {wanted}, this is {have}", "use another Python"


def _keras(needs: Plain) -> Iterator[tuple[str, str]]:
    if not needs.keys() & {"keras", "implementations", "backends"}:
        return
    from kerasplug.implementation import availability, backend, chosen

    implementations = needs.get("implementations", ())
    if implementations and chosen() not in implementations:
        names = ", ".join(implementations)
        yield (
            f"needs the implementation {names}, this process uses {chosen()}",
            f"KERASPLUG_IMPLEMENTATION={implementations[0]}",
        )
        return
    backends = needs.get("backends", ())
    if backends and backend() not in backends:
        names = ", ".join(backends)
        yield (
            f"needs the backend {names}, this process uses {backend()}",
            f"KERAS_BACKEND={backends[0]}",
        )
    state = availability(needs.get("keras"))
    if not state:
        yield state.reason, state.mend


def _packages(needs: Plain) -> Iterator[tuple[str, str]]:
    for requirement in _requirements(needs.get("packages", ())):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        have = _installed(requirement.name)
        command = f'python -m pip install "{requirement}"'
        if have is None:
            yield f"needs {requirement}, which is not installed", command
        elif not requirement.specifier.contains(have, prereleases=True):
            yield f"needs {requirement}, installed is {have}", command


def _installed(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    # One engine under several distributions' names: any of them will do.
    for candidate in DISTRIBUTIONS.get(name.lower(), (name,)):
        try:
            return version(candidate)
        except PackageNotFoundError:
            continue
    return None
