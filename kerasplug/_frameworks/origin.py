"""Which Keras this process has loaded past the door, and who did it."""

import sys
from collections.abc import Iterator
from types import ModuleType

from kerasplug._frameworks.metadata import version_of
from kerasplug.errors import ImplementationError

__all__ = [
    "another_is_used",
    "calling_line",
    "family_of",
    "is_stale",
    "outsiders",
    "root_loaded_outside",
    "tf_keras_is_used",
]

_FRAMEWORKS = {
    "_kerasplug_backends",
    "_kerasplug_pytest",
    "keras",
    "kerasplug",
    "tensorflow",
    "tf_keras",
}


def family_of(thing: object) -> str | None:
    """Which Keras an object or class is made of, without importing any.

    Returns:
        "keras" for stand-alone Keras and today's tf.keras, "tf_keras" for the legacy
        one, None for what is not Keras'.

    Example:
        >>> print(family_of(object()))
        None
    """
    cls = thing if isinstance(thing, type) else type(thing)
    if type(thing) is ModuleType:
        modules = [thing.__name__]
    else:
        modules = [str(getattr(thing, "__module__", ""))]
        modules += [str(base.__module__) for base in cls.__mro__]
    roots = (module.partition(".")[0] for module in modules)
    return next((root for root in roots if root in ("keras", "tf_keras")), None)


def is_stale(thing: object) -> bool:
    """Whether a class is made of a Keras that `keras.config.set_backend` replaced.

    Example:
        >>> is_stale(int)
        False
    """
    for base in getattr(thing, "__mro__", ()):
        if base.__module__.startswith("keras."):
            module = sys.modules.get(base.__module__)
            return getattr(module, base.__name__, base) is not base
    return False


def root_loaded_outside() -> str | None:
    """The first of `keras` and `tf_keras` that somebody imported; None: nobody did.

    A Keras that TensorFlow imports for itself, and that nobody uses, does not count.
    """
    roots = [name for name in list(sys.modules) if name in ("keras", "tf_keras")]
    if "keras" in roots and _is_only_tensorflows():
        roots.remove("keras")
    return roots[0] if roots else None


def _is_only_tensorflows() -> bool:
    """Whether `keras` is loaded only because TensorFlow imports it, unasked.

    Then its import was complete before TensorFlow's was, which is the order of
    `sys.modules`; nobody has touched `tf.keras`; and no other module refers to it.

    Source: tensorflow 2.21, the end of `tensorflow/__init__.py`.
    """
    order = [name for name in list(sys.modules) if name in ("keras", "tensorflow")]
    if order != ["keras", "tensorflow"] or tf_keras_is_used():
        return False
    return next(_holders("keras"), None) is None


def tf_keras_is_used() -> bool:
    """Whether somebody has used an attribute of `tf.keras`: it is no loader now."""
    tensorflow = sys.modules.get("tensorflow")
    keras = vars(tensorflow).get("keras") if tensorflow is not None else None
    return keras is not None and "LazyLoader" not in type(keras).__name__


def outsiders(root: str) -> str:
    """The best evidence for who imported a Keras past the door: up to three modules."""
    named = ", ".join(list(_holders(root))[:3]) or "no loaded module refers to it"
    return f"imported outside kerasplug; used by: {named}"


def _holders(root: str) -> Iterator[str]:
    """Loaded modules, in the order of their import, that refer to a Keras."""
    passed_over = _FRAMEWORKS | sys.stdlib_module_names - {"__main__"}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in passed_over:
            continue
        values = list(getattr(module, "__dict__", {}).values())
        if any(_is_of(value, root) for value in values):
            yield f"{name} ({getattr(module, '__file__', None) or 'interactive'})"


def _is_of(value: object, root: str) -> bool:
    """Whether a global is a module or a class of that Keras, no lazy stand-in."""
    if type(value) is ModuleType:
        name = value.__dict__.get("__name__")
    elif isinstance(value, type):
        name = value.__dict__.get("__module__")
    else:
        return False
    return isinstance(name, str) and name.partition(".")[0] == root


def calling_line(passed_over: tuple[str, ...]) -> str:
    """File and line of whoever called, the first that is in none of these places."""
    frame = sys._getframe(1)  # noqa: SLF001 -- the one way to the caller's line
    while frame.f_back and frame.f_code.co_filename.startswith(passed_over):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def another_is_used(
    name: str, used: str, who: str, variable: str
) -> ImplementationError:
    """The error for a Keras that comes too late: another one is in use.

    Args:
        name: the implementation that was asked for.
        used: the top-level module of the Keras in use.
        who: who used it first.
        variable: what chooses the implementation in a new process.
    """
    version = version_of(used)
    message = f"Too late for {name!r}: this process uses {used} {version} already."
    return ImplementationError(
        message,
        found=f"first use: {who}",
        expected="one Keras in a process; theirs don't mix",
        mend=f"export {variable}={name}   (in a new process)",
    )
