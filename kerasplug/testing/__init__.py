"""What tests of packages that extend Keras need.

Nothing here needs pytest; where it runs, it is used.
"""

from kerasplug.testing.decorator import requires_keras
from kerasplug.testing.skipping import skip_if_no_keras

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.testing.conformance.api import (
        check_layer,
        layer_checks,
        parametrize_with_checks,
    )
    from kerasplug.testing.conformance.layer_case import LayerCase

__all__ = [
    "LayerCase",
    "check_layer",
    "layer_checks",
    "parametrize_with_checks",
    "requires_keras",
    "skip_if_no_keras",
]


def __getattr__(name: str) -> object:
    # The suite is large; a test that only skips does not pay for it.
    if name == "LayerCase":
        from kerasplug.testing.conformance import layer_case as module
    elif name in __all__:
        from kerasplug.testing.conformance import api as module  # type: ignore[no-redef]  # the other of two
    else:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(module, name)
