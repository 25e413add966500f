"""What listing all names costs, beside the standard library and stevedore."""

import shutil
from collections.abc import Iterator

from timing import BARE, Interpreter, Row, interleaved, ratio
from workshop import Workshop

__all__ = ["measure"]

_WARM = "kerasplug, layers"
_ALL = "kerasplug, all six kinds"
_COLD = "kerasplug, first time"
_STDLIB = "importlib.metadata"
_STEVEDORE = "stevedore, warm"

_CATALOGS = ["layers", "backends", "applications", "datasets", "callbacks", "objects"]
_PROGRAMS = {
    BARE: "pass",
    _WARM: "import kerasplug; list(kerasplug.layers)",
    _ALL: f"import kerasplug; [list(getattr(kerasplug, k)) for k in {_CATALOGS}]",
    _STDLIB: (
        "from importlib.metadata import entry_points; "
        "list(entry_points(group='kerasplug.layers'))"
    ),
    # Its index alone: its managers import every plugin. The second statement turns
    # its cache on where it would not have one: for interpreters below /tmp.
    _STEVEDORE: (
        "from stevedore import _cache; _cache._c._disable_caching = False; "
        "list(_cache.get_group_all('kerasplug.layers'))"
    ),
}
_CHECK = (
    "import sys, kerasplug; "
    "print(len(kerasplug.layers), 'kerasplug.registry.scan' in sys.modules)"
)
#: Distributions of these environments: in the goals, and in the table around them.
_GOALS_FOR = 1000
_SIZES = (10, 100, 1000, 5000)
_FEW = 5
_GOALS = {
    (_WARM, _STDLIB): 0.12,
    (_ALL, _STDLIB): 0.12,
    (_WARM, _STEVEDORE): 1.0,
    (_COLD, _STDLIB): 1.5,
}


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about listing: every size with all plugins, with few, and hooked."""
    rows: list[Row] = []
    for size in _SIZES:
        for plugins in (size, _FEW):
            rows += _rows(workshop, size, plugins, repeats)
    rows += _rows(workshop, _GOALS_FOR, _GOALS_FOR, repeats, hooked=True)
    return rows


def _rows(
    workshop: Workshop, size: int, plugins: int, repeats: int, *, hooked: bool = False
) -> Iterator[Row]:
    site = workshop.site(size, plugins, hooked=hooked)
    warm = workshop.interpreter(site, cache=f"cache-{site.name}")
    cold = workshop.interpreter(site, cache=f"cold-{site.name}")
    _warm_up(warm, plugins)
    tasks = warm.tasks(_PROGRAMS)
    tasks[_COLD] = lambda: _first_time(cold)
    samples = interleaved(tasks, repeats)
    shutil.rmtree(site)
    section = f"{size:,} distributions, {plugins:,} plugins{', hooked' * hooked}"
    for (what, peer), goal in _GOALS.items():
        stands = size == _GOALS_FOR and not (hooked and what == _COLD)
        yield ratio(section, samples, what, peer, goal if stands else None)
    yield ratio(section, samples, _COLD, _STEVEDORE)


def _warm_up(interpreter: Interpreter, plugins: int) -> None:
    """Fill both caches, and make sure that they are what is measured."""
    for program in _PROGRAMS.values():
        interpreter.cpu(program)
    said = interpreter.says(_CHECK)
    if said != f"{plugins} False":
        message = f"not a warm listing of {plugins} names: {said}"
        raise RuntimeError(message)
    if not any((interpreter.cache / "python-entrypoints").iterdir()):
        message = "stevedore has no cache to be compared with"
        raise RuntimeError(message)


def _first_time(interpreter: Interpreter) -> float:
    shutil.rmtree(interpreter.cache, ignore_errors=True)
    return interpreter.cpu(_PROGRAMS[_WARM])
