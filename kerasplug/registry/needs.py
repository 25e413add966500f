"""What an environment lacks of what a plugin needs. Nothing is imported to know."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from kerasplug.hooks import Needs

__all__ = ["unmet"]

# One engine under several distributions' names: any of them will do.
_SAME = {"tensorflow": ("tensorflow-cpu", "tensorflow-gpu", "tf-nightly")}


def unmet(needs: Needs) -> list[tuple[str, str]]:
    """(what is missing, how to mend it), one pair a need that is not met."""
    return [*_python(needs), *_keras(needs), *_packages(needs)]


def _python(needs: Needs) -> Iterator[tuple[str, str]]:
    have = platform.python_version()
    if needs.python and not SpecifierSet(needs.python).contains(have, prereleases=True):
        yield f"needs Python {needs.python}, this is {have}", "use another Python"


def _keras(needs: Needs) -> Iterator[tuple[str, str]]:
    if not (needs.keras or needs.implementations or needs.backends):
        return
    from kerasplug.implementation import availability, backend, chosen

    if needs.implementations and chosen() not in needs.implementations:
        names = ", ".join(needs.implementations)
        yield (
            f"needs the implementation {names}, this process uses {chosen()}",
            f"KERASPLUG_IMPLEMENTATION={needs.implementations[0]}",
        )
        return
    if needs.backends and backend() not in needs.backends:
        names = ", ".join(needs.backends)
        yield (
            f"needs the backend {names}, this process uses {backend()}",
            f"KERAS_BACKEND={needs.backends[0]}",
        )
    state = availability(needs.keras or None)
    if not state:
        yield state.reason, state.mend


def _packages(needs: Needs) -> Iterator[tuple[str, str]]:
    for text in needs.packages:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        have = _installed(requirement.name)
        command = f'python -m pip install "{text}"'
        if have is None:
            yield f"needs {text}, which is not installed", command
        elif not requirement.specifier.contains(have, prereleases=True):
            yield f"needs {text}, installed is {have}", command


def _installed(name: str) -> str | None:
    for candidate in (name, *_SAME.get(name.lower(), ())):
        try:
            return version(candidate)
        except PackageNotFoundError:
            continue
    return None
