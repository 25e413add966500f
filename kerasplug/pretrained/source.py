"""What the target of an application's record may be, beyond a plain function."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["ApplicationSource"]


@dataclasses.dataclass(frozen=True, slots=True)
class ApplicationSource:
    """An application whose weight file depends on more than `weights` and the top.

    A plain function that builds the model will do as a target, too.

    Args:
        build: what builds the model: see `kerasplug.ApplicationRecord`.
        variant_of: takes the arguments of a call, by name in a mapping, and returns the
            `variant` of the file, without `-notop`.
        weights: the values of `weights=` that `variant_of` understands.

    Example:
        >>> source = ApplicationSource(
        ...     build=lambda width=1: f"a model {width} wide",
        ...     variant_of=lambda given: f"own-{given['width']}",
        ...     weights=("own",),
        ... )
        >>> source.build(width=2), source.variant_of({"width": 2})
        ('a model 2 wide', 'own-2')
    """

    build: Callable[..., Any]
    variant_of: Callable[[Mapping[str, Any]], str]
    weights: tuple[str, ...]

    def __call__(self, **arguments: Any) -> Any:
        """What `build` returns for these arguments: a model without weights."""
        return self.build(**arguments)
