"""Two copies of one distribution's metadata that say different things.

It happens: stale metadata after a failed upgrade, an `.egg-info` beside the source,
a package in the user's folder over one of the system. Not the order of `sys.path`
decides, but the version; the difference is reported.
"""

from packaging.version import InvalidVersion, Version

from kerasplug.registry.parts import Fault, Provider

__all__ = ["choose"]


def choose(one: Provider, other: Provider) -> tuple[Provider, Fault]:
    """The copy that counts, and the fault that tells of both."""
    first, second = sorted((one, other), key=_rank)
    fault = Fault(
        second,
        f"{second.name} has two sets of metadata that differ",
        mend=f"python -m pip install --force-reinstall {second.name}",
        cause=(
            f"{_place(first)} and {_place(second)}; the second counts, "
            "whatever the order of sys.path"
        ),
    )
    return second, fault


def _rank(provider: Provider) -> tuple[bool, Version, bool, str]:
    try:
        version = Version(provider.version)
    except InvalidVersion:
        return False, Version("0"), False, provider.location
    # Of equal versions what an installer wrote counts more than a source tree's own.
    return True, version, provider.location.endswith(".dist-info"), provider.location


def _place(provider: Provider) -> str:
    return f"{provider.version or 'no version'} at {provider.location}"
