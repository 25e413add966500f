"""Why an import has really failed: the first error below those that hide it.

Keras says "The X backend is not installed" of every `ImportError` inside a backend.
What is missing stands further down, where no user looks.
"""

import contextlib
import importlib.metadata
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from kerasplug._frameworks.presence import DISTRIBUTIONS, recorded_version, spec_of

__all__ = ["Cause", "first_error", "true_cause"]

#: A module -> the distribution that brings it, where their names differ.
_BROUGHT_BY: Final = {
    "PIL": "pillow",
    "absl": "absl-py",
    "cv2": "opencv-python",
    "google": "protobuf",
    "paddle": "paddlepaddle",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}

#: What the dynamic linker says of a library that it can't find.
_LIBRARY: Final = re.compile(r"(\S+\.(?:so|dylib|dll)[\w.]*)[^:]*: cannot open")

#: How deep errors may hide each other; a cycle ends there too.
_DEEPEST: Final = 50


class Cause(NamedTuple):
    """The first reason for a failed import.

    Args:
        module: the module, or the native library, that is missing or broken; empty
            where the error names none.
        text: one sentence: what is missing, and who needs it.
        where: the file and the line that asked for it, `"/path/file.py:12"`; empty
            where no line of Python did.
        mend: the command that helps.
        package: the distribution that asked for it; empty where it is not known.
        declared: whether that distribution says that it needs it; None: not known.

    Example:
        >>> Cause("scipy", "scipy is not installed.", "", "pip install scipy").module
        'scipy'
    """

    module: str
    text: str
    where: str
    mend: str
    package: str = ""
    declared: bool | None = None


def first_error(error: BaseException) -> BaseException:
    """The error that came first, below those that were raised because of it.

    An error's `__cause__` is followed, and its `__context__` where somebody raised an
    `ImportError` of another one: what else was being handled at the time has nothing to
    do with it. Nor has the first of two imports of which the second is a substitute.

    Args:
        error: the error that was seen.

    Example:
        >>> try:
        ...     try:
        ...         import no_such_module
        ...     except ImportError:
        ...         raise ImportError("The toy backend is not installed")
        ... except ImportError as error:
        ...     print(first_error(error))
        No module named 'no_such_module'
    """
    for _ in range(_DEEPEST):
        below = error.__cause__
        context = error.__context__
        if below is None and not error.__suppress_context__ and context is not None:
            below = context if _is_about_import(error, context) else None
        if below is None:
            break
        error = below
    return error


def _is_about_import(error: BaseException, context: BaseException) -> bool:
    # Python's own errors have the name of a module: there something else was tried.
    raised = isinstance(error, ImportError) and error.name is None
    return raised and isinstance(context, ImportError | OSError)


def true_cause(error: BaseException) -> Cause:
    """Why an import has really failed, who asked for what is missing, and what helps.

    Args:
        error: what the import raised, with its traceback.

    Returns:
        The cause. Its words are made from the error and from metadata; nothing is
        imported.

    Example:
        >>> try:
        ...     import no_such_module
        ... except ImportError as error:
        ...     true_cause(error).mend
        'python -m pip install no-such-module'
    """
    first = first_error(error)
    where, asking = _place(first.__traceback__)
    if isinstance(first, SyntaxError) and first.filename:
        where, asking = f"{first.filename}:{first.lineno}", _module_at(first.filename)
    package = _distribution(asking)
    if isinstance(first, ModuleNotFoundError) and first.name:
        return _missing(first.name, where, asking, package)
    if (
        isinstance(first, ImportError)
        and first.name
        and "cannot import name" in str(first)
    ):
        return _without_name(first, where, package)
    library = _LIBRARY.search(str(first))
    if library:
        return _library(library[1], first, where, package)
    text = f"{type(first).__name__}: {first}"
    mend = _again(package) if package else "python -m pip check"
    return Cause("", text, where, mend, package)


def _missing(module: str, where: str, asking: str, package: str) -> Cause:
    """The cause where a module was not found."""
    top = module.partition(".")[0]
    who = _who(package)
    if top != module and spec_of(top) is not None:
        text = f"{_version(top)} has no module {module}, which {who or where} imports."
        return Cause(module, text, where, _other_version(top, asking), package)
    if top == asking.partition(".")[0]:
        text = f"{who or top} is incomplete: its module {module} is missing."
        return Cause(module, text, where, _again(package or top), package)
    declared = _is_declared(top, package)
    text = f"{top} is not installed"
    if who:
        text += f"; {who} imports it"
        text += {
            True: " and says that it needs it",
            False: " and does not say that it needs it",
            None: "",
        }[declared]
    return Cause(top, f"{text}.", where, _install(top), package, declared)


def _without_name(error: ImportError, where: str, package: str) -> Cause:
    """The cause where a module is there, and what is wanted of it is not."""
    module = str(error.name)
    top = module.partition(".")[0]
    name = re.search(r"cannot import name '([^']+)'", str(error))
    what = f"{module}.{name[1]}" if name else module
    if "partially initialized" in str(error):
        text = f"{_who(package) or top} imports itself in a circle: "
        text += f"{what} is asked for before it is there."
        return Cause(module, text, where, _upgrade(package or top), package)
    text = f"{_version(top)} has no {what}, which {_who(package) or where} imports."
    return Cause(module, text, where, _other_version(top, package), package)


def _library(library: str, error: BaseException, where: str, package: str) -> Cause:
    name = Path(library).name
    who = _who(package) or where
    text = f"The native library {name} can't be loaded, which {who} needs: {error}"
    mend = _again(package) if package else f"install what brings {name}"
    return Cause(name, text, where, mend, package)


def _place(trace: TracebackType | None) -> tuple[str, str]:
    """The file and line that raised, and its module: Python's own are passed by."""
    where = asking = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        own = name.partition(".")[0] in sys.stdlib_module_names
        if not file.startswith("<") and not own:
            where, asking = f"{file}:{trace.tb_lineno}", name
        trace = trace.tb_next
    return where, asking


def _module_at(file: str) -> str:
    """The module that a file would be, by `sys.path`; empty: none."""
    for folder in sys.path:
        with contextlib.suppress(ValueError):
            parts = Path(file).relative_to(Path(folder).absolute()).with_suffix("")
            return ".".join(parts.parts)
    return ""


def _distribution(module: str) -> str:
    """The distribution that a module belongs to; empty where none says so."""
    top = module.partition(".")[0]
    if not top or top == "__main__":
        return ""
    for name in (*DISTRIBUTIONS.get(top, ()), _BROUGHT_BY.get(top, top)):
        if _metadata(name) is not None:
            return name.replace("_", "-")
    try:
        found = importlib.metadata.packages_distributions().get(top)
    except Exception:  # noqa: BLE001 -- one malformed distribution makes all of them unreadable
        return ""
    return found[0] if found else ""


def _metadata(name: str) -> importlib.metadata.Distribution | None:
    return next(iter(importlib.metadata.distributions(name=name)), None)


def _is_declared(module: str, package: str) -> bool | None:
    """Whether a distribution requires what brings a module; None: nobody knows."""
    found = _metadata(package) if package else None
    if found is None:
        return None
    names = {module, _BROUGHT_BY.get(module, module), *DISTRIBUTIONS.get(module, ())}
    wanted = {_plain(name) for name in names}
    lines: list[str] = []
    with contextlib.suppress(Exception):  # unreadable metadata require nothing
        lines = found.requires or []
    return any(
        _plain(name[0]) in wanted and "extra ==" not in line
        for line in lines
        if (name := re.match(r"[A-Za-z0-9][\w.-]*", line))
    )


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _who(package: str) -> str:
    """A distribution and its version."""
    found = _metadata(package) if package else None
    return f"{package} {found.version}" if found else package


def _version(top: str) -> str:
    return f"{top} {recorded_version(top) or ''}".rstrip()


def _install(module: str) -> str:
    brings = _BROUGHT_BY.get(module, module.replace("_", "-"))
    return f"python -m pip install {brings}"


def _again(package: str) -> str:
    return f"python -m pip install --force-reinstall {package}"


def _other_version(top: str, asking: str) -> str:
    """What helps where two installed things do not fit each other."""
    package = _distribution(asking) or asking
    if top == "keras" and package.startswith("keras-"):
        return (
            f"python -m pip install --upgrade {package} "
            '"keras>=3.16"   (backends in packages fit Keras 3.16 and later)'
        )
    if top == "keras":
        return f"python -m pip install --upgrade {package} keras"
    return _upgrade(package or top)


def _upgrade(package: str) -> str:
    return f"python -m pip install --upgrade {package}"
