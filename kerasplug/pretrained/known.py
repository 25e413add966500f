"""Which application a model is, or is made of."""

from typing import Any

from kerasplug import registry
from kerasplug.errors import ApplicationError, UnknownNameError
from kerasplug.hooks import ApplicationRecord
from kerasplug.saving.origins import MARK

__all__ = ["name_of", "part_of", "record_of"]


def record_of(model: Any) -> ApplicationRecord:
    """The record of the application that a model is, or has inside.

    Args:
        model: a model; an `Application`; or the name of one.

    Raises:
        ApplicationError: it is none, or has several inside.
        UnknownNameError: it is one, and its plugin is not installed.
    """
    record = registry.claim("application", name_of(model)).record()
    assert isinstance(record, ApplicationRecord)
    return record


def name_of(model: Any) -> str:
    """The canonical name of the application that a model is, or has inside.

    Args:
        model: as for `record_of`.

    Raises:
        ApplicationError: it is none, or has several inside.
        UnknownNameError: there is no application of the name that was given.
    """
    if isinstance(model, str):
        return registry.claim("application", model).canonical
    found = _name_of(model) or _inside(model)
    if found is None:
        what = "Which application this model comes from is not known."
        raise ApplicationError(
            what,
            found=f"{type(model).__name__} {getattr(model, 'name', '')!r}",
            expected='what kerasplug.applications["…"]() made, or its name',
            mend="give the name: application_preprocess_inputs('vgg16', x)",
        )
    return found


def part_of(name: str, place: str) -> Any:
    """What the record of an application names besides, imported now.

    Args:
        name: of the application.
        place: `"module:attribute"`, as the record has it.

    Raises:
        PluginError: it can't be imported, or is missing.
        UnknownNameError: there is no such application.
    """
    return registry.load_part(registry.claim("application", name), place)


def _name_of(model: Any) -> str | None:
    """By its mark; by its own name where that is an application's; or None."""
    from kerasplug.pretrained.handle import Application

    if isinstance(model, Application):
        return model.name
    mark = getattr(model, MARK, None)
    if isinstance(mark, str):
        return mark
    name = getattr(model, "name", None)
    if not isinstance(name, str) or not hasattr(model, "layers"):
        return None
    try:
        return registry.claim("application", name).canonical
    except UnknownNameError:
        return None


def _inside(model: Any) -> str | None:
    """That of the one model among the layers that is known."""
    names = {_name_of(layer) for layer in getattr(model, "layers", ())} - {None}
    if len(names) > 1:
        what = "This model has several applications inside."
        raise ApplicationError(
            what,
            found=", ".join(sorted(map(str, names))),
            expected="one",
            mend="give the name of the one that is meant",
        )
    return names.pop() if names else None
