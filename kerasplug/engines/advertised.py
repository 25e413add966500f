"""Backends that installed packages advertise, for Keras 3.16 and later.

Two groups of entry points count: `kerasplug.backends`, where a target is written as
everywhere in kerasplug, and `keras.backends`, which packages use by themselves. No
package is imported to know.
"""

import difflib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kerasplug import registry
from kerasplug._frameworks.metadata import version_of
from kerasplug._frameworks.pluggable import entry_points, listed_by_keras, place_of
from kerasplug.errors import (
    AmbiguousNameError,
    KerasplugError,
    KerasVersionError,
    UnknownNameError,
)
from kerasplug.names import is_name, is_target, normalise

__all__ = [
    "GROUP",
    "Advertised",
    "advertised",
    "advertisement",
    "package_of",
    "poured",
    "refusal_of_keras",
]

#: The group that packages for Keras use, whether they know kerasplug or not.
GROUP = "keras.backends"


class Advertised(NamedTuple):
    """One backend that a distribution advertises.

    Attributes:
        name: what KERAS_BACKEND would be.
        module: the package whose names Keras takes over, such as "keras_toy.src".
        distribution: normalised as PEP 503 says.
        version: that of the distribution.
        group: the group of entry points that says so.
    """

    name: str
    module: str
    distribution: str
    version: str
    group: str

    @property
    def canonical(self) -> str:
        """`distribution/name`."""
        return f"{self.distribution}/{self.name}"


def advertised() -> dict[str, tuple[Advertised, ...]]:
    """All advertised backends by name; one that says it twice in two groups is one.

    Example:
        >>> "no_such_backend" in advertised()
        False
    """
    found: dict[str, list[Advertised]] = {}
    for one in (*_in_our_group(), *_in_keras_group()):
        others = found.setdefault(one.name, [])
        if all(
            (each.distribution, each.module) != (one.distribution, one.module)
            for each in others
        ):
            others.append(one)
    return {name: tuple(some) for name, some in sorted(found.items())}


def _in_our_group() -> Iterator[Advertised]:
    """What the catalog has; a plugin whose records can't be had is the doctor's."""
    for claim in registry.claims("backend"):
        if _engine_of(claim) == "package":
            yield Advertised(
                claim.name,
                poured(claim.target),
                claim.provider.name,
                claim.provider.version,
                "kerasplug.backends",
            )


def _engine_of(claim: registry.Claim) -> str:
    """What its record says; empty where that can't be had."""
    if claim.is_declared:  # an entry point alone: then the record has the defaults
        return "package"
    try:
        return str(getattr(claim.record(), "engine", ""))
    except KerasplugError:
        return ""


def _in_keras_group() -> Iterator[Advertised]:
    for one in entry_points(GROUP):
        target = one.value.replace(" ", "").partition("[")[0]
        if is_name(one.name) and is_target(target.partition(":")[0] + ":x"):
            place = poured(target)
            yield Advertised(one.name, place, one.distribution, one.version, GROUP)


def poured(target: str) -> str:
    """The package that Keras takes a backend from, by what an entry point says.

    Args:
        target: `"module:attribute"` names it exactly. `"module"`: its package `src`,
            where it has one, as the official backends are laid out; else that of the
            top-level package; else the module itself.

    Example:
        >>> poured("keras_toy:src")
        'keras_toy.src'
    """
    module, _, attribute = target.partition(":")
    if attribute:
        return f"{module}.{attribute}"
    tried = (f"{module}.src", f"{module.partition('.')[0]}.src")
    return next((one for one in tried if place_of(one)), module)


def advertisement(name: str) -> Advertised:
    """The one backend that a bare or canonical name means.

    Raises:
        UnknownNameError: no installed package advertises it.
        AmbiguousNameError: several do.
    """
    everything = advertised()
    owner, _, bare = name.rpartition("/")
    found = [
        one
        for one in everything.get(bare, ())
        if not owner or one.distribution == normalise(owner)
    ]
    if not found:
        raise _unknown(name, sorted(everything))
    return _only(name, found)


def _only(name: str, found: Sequence[Advertised]) -> Advertised:
    if len(found) > 1:
        names = [one.canonical for one in found]
        message = f"Several installed packages advertise the backend {name!r}."
        mend = f'use_backend("{names[0]}"), or uninstall the others'
        raise AmbiguousNameError(
            message, claims=names, found=", ".join(names), mend=mend
        )
    return found[0]


def _unknown(name: str, others: list[str]) -> UnknownNameError:
    listed = listed_by_keras()
    known = sorted({*listed.built_in, *listed.packages, *others})
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    found, mend = "", "kerasplug backend list"
    if name.isidentifier() and place_of(f"keras_{name}"):
        found = f"the package keras_{name} is there, and advertises no backend"
        mend = (
            f'its author adds [project.entry-points."{GROUP}"] {name} = "keras_{name}"'
        )
    elif close:
        mend = "did you mean " + " or ".join(map(repr, close)) + "?"
    return UnknownNameError(
        f"There is no backend {name!r} here.",
        close=close,
        found=found,
        expected="one of " + ", ".join(known),
        mend=mend,
    )


def package_of(name: str) -> str:
    """The package that Keras takes a backend from; empty where nobody advertises it.

    Raises:
        AmbiguousNameError: several packages do.
    """
    found = advertised().get(name)
    return _only(name, found).module if found else ""


def refusal_of_keras(name: str) -> KerasVersionError:
    """The error for a backend in a package where Keras has no place for one."""
    version = version_of("keras")
    message = (
        f"Keras {version} can't compute on {name}: it takes only backends of its own."
    )
    return KerasVersionError(
        message,
        found=f"keras {version}",
        expected="Keras 3.16 or later, which takes backends from packages",
        mend="a new environment with: python -m pip install --pre keras-nightly",
    )
