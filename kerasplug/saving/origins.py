"""Which parts of a model are applications: told to the file, and by the file.

An application marks the model that it makes. The mark is a name to look up among what
is installed, and nothing else; what a file says is looked at before it is believed.
"""

from collections.abc import Iterator
from typing import Any, Final

from kerasplug.names import is_name

__all__ = ["MARK", "is_canonical", "origins", "restore_origins"]

#: The attribute that holds an application's canonical name, `distribution/name`.
MARK: Final = "_kerasplug_application"
#: Models within models, at most.
_DEEPEST: Final = 20


def origins(model: Any) -> dict[str, str]:
    """Place within a model -> canonical name of the application that made it.

    Args:
        model: a Keras model.

    Returns:
        The place is the names of the layers that lead there, with `/` between them;
        empty for the model itself.
    """
    return {
        place: getattr(part, MARK)
        for place, part in _parts(model, "", 0)
        if isinstance(getattr(part, MARK, None), str)
    }


def restore_origins(model: Any, found: object) -> None:
    """Mark the parts of a loaded model as they were; what does not fit is ignored.

    Args:
        model: a loaded one.
        found: what the file holds of `origins`, unchecked.
    """
    if not isinstance(found, dict) or not found:
        return
    for place, part in _parts(model, "", 0):
        name = found.get(place)
        if is_canonical(name):
            setattr(part, MARK, name)


def is_canonical(name: object) -> bool:
    """Whether it can be an application's name; what it is told by may be a file.

    Example:
        >>> is_canonical("kerasplug-applications/vgg16"), is_canonical("../vgg16")
        (True, False)
    """
    return isinstance(name, str) and all(map(is_name, name.split("/")))


def _parts(model: Any, place: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The model and the models among its layers."""
    yield place, model
    if depth == _DEEPEST:
        return
    for layer in getattr(model, "layers", ()):
        if hasattr(layer, "layers"):
            inner = f"{place}/{layer.name}" if place else str(layer.name)
            yield from _parts(layer, inner, depth + 1)
