"""What an installed Keras needs itself and lacks, by its metadata.

Kept cheap: it is asked whenever somebody asks whether Keras is available.
"""

import importlib.metadata
import re
import sys
from collections.abc import Iterator

from kerasplug._frameworks.presence import DISTRIBUTIONS, spec_of

__all__ = ["missing_dependencies"]

#: A requirement without marker and extras, the usual form.
_PLAIN = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(\(?[<>=!~][^;@\[\]]*)?\Z")

#: A distribution -> its module, where `-` for `_` is not all the difference.
_MODULES = {"absl-py": "absl"}

# Declared, and not used at run time: it names the public API when Keras is built.
# Source: keras 3.15.1, `keras/src/api_export.py`, which goes on without it.
_UNUSED = {"namex"}


def missing_dependencies(root: str) -> list[str]:
    """What the metadata of an installed Keras require and this environment lacks.

    Requirements of an extra and of another platform don't count, nor does what can
    be imported without metadata of its own. Versions are not compared.

    Args:
        root: the top-level module, "keras" or "tf_keras".

    Returns:
        The requirements as they are written there, such as "ml-dtypes" or
        "tensorflow<2.22"; empty also where no metadata are found, and where that
        Keras is loaded, which proves that it works.

    Example:
        >>> missing_dependencies("no_such_module")
        []
    """
    if root in sys.modules:
        return []
    return [written for name, written in _required(root) if not _is_there(name)]


def _required(root: str) -> Iterator[tuple[str, str]]:
    """(name, requirement) of each requirement that holds here."""
    distribution = next(_installed(root), None)
    try:
        lines = (distribution and distribution.requires) or []
    except Exception:  # noqa: BLE001 -- unreadable metadata require nothing
        return
    for line in lines:
        plain = _PLAIN.match(line)
        name = plain[1] if plain else _name_with_marker(line)
        if name and name.lower() not in _UNUSED:
            yield name, line.partition(";")[0].strip()


def _name_with_marker(line: str) -> str:
    """The name in a requirement that is not plain; empty where it does not hold."""
    # Dear to import, and needed for few.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return ""
    marker = requirement.marker
    return requirement.name if not marker or marker.evaluate({"extra": ""}) else ""


def _installed(module: str) -> Iterator[importlib.metadata.Distribution]:
    """The distributions that bring a module, under any of their names."""
    for name in DISTRIBUTIONS.get(module, (module,)):
        yield from importlib.metadata.distributions(name=name)


def _is_there(name: str) -> bool:
    module = _MODULES.get(name.lower(), re.sub(r"[-.]", "_", name).lower())
    found = next(iter(importlib.metadata.distributions(name=name)), None)
    return bool(found or next(_installed(module), None) or spec_of(module))
