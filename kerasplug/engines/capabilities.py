"""What a backend can do, read in its installed source: nothing of it is imported.

So the answers are those of the version that is installed here. What the source does not
say plainly is unknown, which is not the same as no.
"""

import ast
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kerasplug._frameworks.pluggable import place_of

__all__ = ["ABILITIES", "Ability", "abilities"]

#: The words of `kerasplug.hooks.CAPABILITIES` that Keras' source tells about.
ABILITIES: Final = ("train", "sparse", "ragged", "complex", "distribution", "jit")

#: Word -> Keras' flag for it.
_FLAGS: Final = {
    "sparse": "SUPPORTS_SPARSE_TENSORS",
    "ragged": "SUPPORTS_RAGGED_TENSORS",
    "complex": "SUPPORTS_COMPLEX_DTYPES",
}
_GRADIENT: Final = "SUPPORTS_GRADIENT"  # from Keras 3.16 on

#: Keras' dispatch: the last word on what a backend of its own has.
_DISPATCH: Final = "keras.src.backend"

#: How many imports of one name are followed.
_STEPS: Final = 3

#: A trainer that reads one of these compiles what it runs.
_COMPILING: Final = ("jit_compile", "model_supports_jit")


class Ability(NamedTuple):
    """Whether a backend can do something, and what says so.

    Args:
        value: None where the source does not say it.
        because: the place in the source, or what is missing there.

    Example:
        >>> bool(Ability(None, "no flag").value)
        False
    """

    value: bool | None
    because: str


class _Bound(NamedTuple):
    """What a name is in a module: a constant, a module, or something else."""

    value: object
    place: str


_MODULE: Final = object()
_ELSE: Final = object()


def abilities(name: str, module: str) -> dict[str, Ability]:
    """What a backend can do.

    Args:
        name: the backend's name.
        module: the dotted package that Keras takes it from, such as
            "keras.src.backend.jax" or "keras_mlx.src".

    Returns:
        An `Ability` for each of `ABILITIES`.

    Example:
        >>> set(abilities("toy", "no_such_package.src")) == set(ABILITIES)
        True
    """
    found = {word: _flag(module, flag) for word, flag in _FLAGS.items()}
    found["train"] = _training(module)
    found["distribution"] = _distribution(name, module)
    found["jit"] = _compiles(module)
    return {word: found[word] for word in ABILITIES}


# --- what the words mean ---


def _flag(module: str, flag: str) -> Ability:
    bound = _find(module, flag)
    if bound is None:
        return Ability(None, f"{module} has no {flag}")
    if isinstance(bound.value, bool):
        return Ability(bound.value, f"{flag} at {bound.place}")
    return Ability(None, f"{flag} at {bound.place} is no plain True or False")


def _training(module: str) -> Ability:
    """By Keras' flag; before 3.16, and without it, by whether `fit` only raises."""
    flagged = _flag(module, _GRADIENT)
    if flagged.value is not None:
        return flagged
    for method in ("fit", "train_step"):
        place, body = _method(module, method)
        if body and isinstance(body[0], ast.Raise):
            return Ability(False, f"{method} at {place} only raises")
    place, body = _method(module, "fit")
    if body:
        return Ability(True, f"fit at {place}")
    return Ability(None, f"{module} has neither {_GRADIENT} nor a trainer with fit")


def _distribution(name: str, module: str) -> Ability:
    """Whether tensors can be laid out over devices, as `keras.distribution` does."""
    bound = _find(module, "distribution_lib")
    if module == f"{_DISPATCH}.{name}":
        bound = _in_dispatch(name, "distribution_lib") or bound
    if bound is None:
        return Ability(None, f"{module} has no distribution_lib")
    if bound.value is None:
        return Ability(False, f"distribution_lib at {bound.place} is None")
    if bound.value is not _MODULE:
        return Ability(None, f"distribution_lib at {bound.place} is no plain module")
    known = _find(bound.place, "distribute_tensor") is not None
    has = "has" if known else "has no"
    return Ability(known, f"{bound.place} {has} distribute_tensor")


def _compiles(module: str) -> Ability:
    found = _trainer(module)
    if found is None:
        return Ability(None, f"{module} has no trainer that can be read")
    place, node = found
    for one in ast.walk(node):
        word = getattr(one, "attr", getattr(one, "id", ""))
        if word in _COMPILING and isinstance(getattr(one, "ctx", None), ast.Load):
            where = f"{place}:{getattr(one, 'lineno', 0)}"
            return Ability(True, f"the trainer at {where} reads {word}")
    return Ability(False, f"the trainer at {place} reads no jit_compile")


# --- trainers ---


def _trainer(module: str) -> tuple[str, ast.ClassDef] | None:
    """The class that fits and predicts, and the module that it is in."""
    where = f"{module}.trainer"
    tree = _tree(where)
    for node in tree.body if tree else ():
        if isinstance(node, ast.ClassDef) and node.name.endswith("Trainer"):
            return where, node
    return _class(where, "Trainer", _STEPS)


def _class(module: str, name: str, steps: int) -> tuple[str, ast.ClassDef] | None:
    """A class by its name in a module, through imports."""
    tree = _tree(module)
    bound = _binding(tree.body, name) if tree else None
    if isinstance(bound, ast.ClassDef):
        return module, bound
    if isinstance(bound, ast.ImportFrom) and steps:
        origin = next(one.name for one in bound.names if _given(one) == name)
        return _class(_absolute(module, bound), origin, steps - 1)
    return None


def _method(module: str, name: str) -> tuple[str, list[ast.stmt]]:
    """Where a trainer has a method, and its body without docstring; empty: nowhere."""
    found = _trainer(module)
    for _ in range(_STEPS):
        if found is None:
            break
        where, node = found
        for one in node.body:
            if isinstance(one, ast.FunctionDef) and one.name == name:
                return f"{where}:{one.lineno}", _undocumented(one.body)
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        found = _class(where, bases[0], _STEPS) if bases else None
    return "", []


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if documented else body


# --- names ---


def _find(module: str, name: str, steps: int = _STEPS) -> _Bound | None:
    """What a name is in a module, through imports; None: it is not there.

    As for Python the last statement counts that sets it, a `from x import *` as well.
    """
    tree = _tree(module)
    for node in reversed(tree.body) if tree else ():
        found = None
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found = _find(_absolute(module, node), name, steps - 1) if steps else None
        elif name in _bound_in(node):
            found = _bound(module, name, node, steps)
        if found is not None:
            return found
    return None


def _bound(module: str, name: str, node: ast.stmt, steps: int) -> _Bound:
    """What a name is that this statement sets."""
    place = f"{module}:{node.lineno}"
    if isinstance(node, ast.Assign | ast.AnnAssign):
        value = node.value
        said = value.value if isinstance(value, ast.Constant) else _ELSE
        return _Bound(said, place)
    found = None
    if isinstance(node, ast.ImportFrom):
        found = _imported(module, name, node, steps)
    return found or _Bound(_ELSE, place)


def _imported(
    module: str, name: str, node: ast.ImportFrom, steps: int
) -> _Bound | None:
    source = _absolute(module, node)
    origin = next(one.name for one in node.names if _given(one) == name)
    # A submodule first: a package often imports its own parts from itself.
    if place_of(f"{source}.{origin}") is not None:
        return _Bound(_MODULE, f"{source}.{origin}")
    return _find(source, origin, steps - 1) if steps else None


def _binding(body: Sequence[ast.stmt], name: str) -> ast.stmt | None:
    """The statement that decides about a name: a compound one can't be read."""
    found = None
    for node in body:
        if any(one == name for one in _bound_in(node)):
            found = node
    return found


def _bound_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
        return
    if isinstance(node, ast.ImportFrom | ast.Import):
        yield from map(_given, node.names)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _bound_in(child)


def _in_dispatch(backend: str, name: str) -> _Bound | None:
    """What Keras itself sets for one backend, in its chain of `if backend() == ...`."""
    tree = _tree(_DISPATCH)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.If) and _asks_for(node.test, backend):
            bound = _binding(node.body, name)
            if isinstance(bound, ast.Assign) and isinstance(bound.value, ast.Constant):
                return _Bound(bound.value.value, f"{_DISPATCH}:{bound.lineno}")
    return None


def _asks_for(test: ast.expr, backend: str) -> bool:
    return ast.unparse(test) == f"backend() == {backend!r}"


def _given(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _absolute(module: str, node: ast.ImportFrom) -> str:
    """The module that a `from x import y` means."""
    if not node.level:
        return node.module or ""
    file = place_of(module)
    up = node.level - (file is not None and file.name == "__init__.py")
    parts = module.split(".")
    base = parts[: len(parts) - up] if up else parts
    return ".".join([*base, *filter(None, [node.module])])


def _tree(module: str) -> ast.Module | None:
    """The source of a module, parsed; None where there is none that can be."""
    file = place_of(module)
    try:
        return ast.parse(file.read_bytes()) if file else None
    except (OSError, SyntaxError, ValueError):
        return None
