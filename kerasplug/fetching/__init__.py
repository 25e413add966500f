"""Files from the web, in a cache that holds the right file or none.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.fetching.getting import get_file as get_file
    from kerasplug.fetching.patience import Patience as Patience
    from kerasplug.fetching.recorded import Checked as Checked
    from kerasplug.fetching.recorded import cached_path as cached_path
    from kerasplug.fetching.recorded import discard as discard
    from kerasplug.fetching.recorded import fetch as fetch
    from kerasplug.fetching.recorded import is_cached as is_cached
    from kerasplug.fetching.recorded import remove as remove
    from kerasplug.fetching.recorded import verify as verify
    from kerasplug.fetching.unpack_limits import UnpackLimits as UnpackLimits

_HOME = {
    "Checked": "recorded",
    "Patience": "patience",
    "UnpackLimits": "unpack_limits",
    "cached_path": "recorded",
    "discard": "recorded",
    "fetch": "recorded",
    "get_file": "getting",
    "is_cached": "recorded",
    "remove": "recorded",
    "verify": "recorded",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the list proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = __import__(f"{__name__}.{_HOME[name]}", None, None, (name,))
    return getattr(module, name)
