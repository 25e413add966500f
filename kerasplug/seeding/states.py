"""What has random numbers of its own in this process: seeding it, and putting it back.

Whatever is not loaded is left alone; nothing is imported here. So each source is looked
for among the loaded modules, Keras and the engines too.

Sources: keras 3.15.1, `utils/rng_utils.py`; tf_keras 2.21, `utils/tf_utils.py`, both
`set_random_seed`; tensorflow 2.21, `python/eager/context.py`; torch 2.13, `random.py`.
"""

import random
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, NamedTuple

from kerasplug._frameworks.late import is_loaded, when_imported

__all__ = [
    "SOURCES",
    "Restore",
    "Source",
    "loaded_sources",
    "seed_everything_loaded",
    "seed_when_loaded",
]

#: Puts something back.
Restore = Callable[[], None]


class Source(NamedTuple):
    """Something that random numbers come from.

    Args:
        name: as reports call it.
        module: that has to be loaded, else there is nothing to seed.
        seed: seeds it, given the seed; returns what was done, as one would write it.
        capture: notes its state; returns what puts it back, to the bit.
        local: whether each thread has one of its own.
    """

    name: str
    module: str
    seed: Callable[[int], str]
    capture: Callable[[], Restore]
    local: bool = False


def seed_everything_loaded(seed: int) -> list[tuple[str, str]]:
    """Seed all that is loaded: Python, NumPy, Keras, TensorFlow and PyTorch.

    It does what `keras.utils.set_random_seed` does, and imports nothing for it: Keras
    would import TensorFlow wherever it is installed. JAX has no state to seed: on it
    Keras draws with its own generators.

    Args:
        seed: from 0 to 2**32 - 1, checked.

    Returns:
        (name, what was done) for each, in order: `("python", "random.seed(42)")`.

    Example:
        >>> before = random.getstate()
        >>> seed_everything_loaded(42)[0]
        ('python', 'random.seed(42)')
        >>> random.setstate(before)
    """
    return [(one.name, one.seed(seed)) for one in loaded_sources()]


def loaded_sources() -> list[Source]:
    """The sources whose modules are loaded."""
    return [one for one in SOURCES if is_loaded(one.module)]


def seed_when_loaded(
    seed: int, then: Callable[[Source, Restore], object] | None = None
) -> Restore:
    """Seed what is not loaded yet, once it is imported.

    Args:
        seed: from 0 to 2**32 - 1, checked.
        then: called after that, with the source and what puts it back as it was right
            after its import; None: nothing is called.

    Returns:
        A function that takes this back; what was seeded by then stays so.

    Example:
        >>> take_back = seed_when_loaded(42)
        >>> take_back()
    """
    owner = threading.get_ident()

    def waiting(source: Source) -> Restore:
        def act(_: ModuleType) -> None:
            if source.local and threading.get_ident() != owner:
                return  # that thread's own: nobody has asked to seed it
            restore = source.capture() if then is not None else None
            source.seed(seed)
            if then is not None and restore is not None:
                then(source, restore)

        return when_imported(source.module, act, undrawn=True)

    taken = [waiting(one) for one in SOURCES if not is_loaded(one.module)]

    def take_back() -> None:
        for one in taken:
            one()

    return take_back


def _seed_python(seed: int) -> str:
    random.seed(seed)
    return f"random.seed({seed})"


def _capture_python() -> Restore:
    state = random.getstate()
    return lambda: random.setstate(state)


def _seed_numpy(seed: int) -> str:
    """Seed the global generator, of whatever kind somebody has made it."""
    draws = sys.modules["numpy"].random
    kind = type(draws.get_bit_generator())
    if kind.__name__ == "MT19937":
        draws.seed(seed)
        return f"numpy.random.seed({seed})"
    draws.set_bit_generator(kind(seed))
    return f"numpy.random.set_bit_generator({kind.__name__}({seed}))"


def _capture_numpy() -> Restore:
    draws = sys.modules["numpy"].random
    generator = draws.get_bit_generator()
    state = draws.get_state(legacy=False)

    def restore() -> None:
        draws.set_bit_generator(generator)
        draws.set_state(state)

    return restore


#: Where Keras 3 keeps, for each thread, the seed that was set and its generator.
_KERAS_STATE: Final = "keras.src.backend.common.global_state"
_KERAS_NAMES: Final = ("global_random_seed", "global_seed_generator")


def _seed_keras(seed: int) -> str:
    state: Any = sys.modules.get(_KERAS_STATE)
    if state is None:
        return _seed_legacy("keras", seed)
    _put_keras(state, [seed, None])
    return f"the seed {seed}, and its global generator anew"


def _put_keras(state: Any, values: list[Any]) -> None:
    for name, value in zip(_KERAS_NAMES, values, strict=True):
        state.set_global_attribute(name, value)


def _capture_keras() -> Restore:
    state: Any = sys.modules.get(_KERAS_STATE)
    if state is None:
        return _capture_legacy("keras")
    before = [state.get_global_attribute(name) for name in _KERAS_NAMES]
    drawn = _drawn(before[1])

    def restore() -> None:
        _put_keras(state, before)
        if drawn is not None:
            before[1].state.assign(drawn)
        now: Any = sys.modules.get(_KERAS_STATE)
        if now is not None and now is not state:  # keras.config.set_backend came
            _put_keras(now, [None, None])

    return restore


def _drawn(generator: Any) -> list[int] | None:
    """The state of a generator of Keras; None where there is none."""
    if generator is None:
        return None
    value = generator.state.value
    return [int(value[0]), int(value[1])]


def _holder(root: str) -> Any:
    """Where a Keras 2 of this name keeps its generator; None: it has none."""
    module = sys.modules.get(f"{root}.src.backend")
    return getattr(module, "_SEED_GENERATOR", None)


def _seed_legacy(root: str, seed: int) -> str:
    holder = _holder(root)
    if holder is None:
        return "draws with NumPy and TensorFlow"
    holder.generator = random.Random(seed)  # noqa: S311 -- Keras 2 draws with one
    return f"its generator from {seed}"


def _capture_legacy(root: str) -> Restore:
    holder = _holder(root)
    before = getattr(holder, "generator", None)  # seeding makes another one

    def restore() -> None:
        if holder is not None:
            holder.generator = before

    return restore


class _TensorFlow(NamedTuple):
    """What of TensorFlow holds its seeds: the context and two modules."""

    context: Any
    graphs: Any
    counts: Any
    generators: Any

    @classmethod
    def loaded(cls) -> "_TensorFlow":
        """Those of this process."""

        def at(name: str) -> Any:
            return sys.modules[f"tensorflow.python.{name}"]

        return cls(
            at("eager.context").context(),
            at("framework.ops"),
            at("framework.random_seed"),
            at("ops.stateful_random_ops"),
        )

    @property
    def started(self) -> bool:
        """Whether it has its devices. Drawing starts it; seeding has not to."""
        return getattr(self.context, "_context_handle", None) is not None


def _seed_tensorflow(seed: int) -> str:
    tensorflow: Any = sys.modules["tensorflow"]
    tensorflow.random.set_seed(seed)
    parts = _TensorFlow.loaded()
    done = f"tensorflow.random.set_seed({seed})"
    if parts.generators.global_generator is not None:
        # In place: functions that are compiled draw from its variable.
        parts.generators.global_generator.reset_from_seed(seed)
    elif parts.started:
        kind = parts.generators.Generator
        parts.generators.set_global_generator(kind.from_seed(seed))
    else:
        return done
    return f"{done}, and its global generator"


def _capture_tensorflow() -> Restore:
    """Note the seed, the draws of seeds from it, and the global generator.

    Counters of operations lie within TensorFlow, which can only drop them all.
    """
    parts = _TensorFlow.loaded()
    context = parts.context
    # Seeding makes another generator, and leaves this one as it is.
    before = {name: getattr(context, name, None) for name in ("_seed", "_rng")}
    restore_graph = _capture_graph(parts)
    restore_generator = _capture_generator(parts.generators)

    def restore() -> None:
        for name, value in before.items():
            setattr(context, name, value)
        context.clear_kernel_cache()
        restore_graph()
        restore_generator()

    return restore


def _capture_graph(parts: _TensorFlow) -> Restore:
    """Note the seed of the default graph, where TensorFlow does not run eagerly."""
    if parts.context.executing_eagerly():
        return lambda: None
    graph = parts.graphs.get_default_graph()
    counts = parts.counts._graph_to_seed_dict  # noqa: SLF001 -- no public way
    seed, count = graph.seed, counts.get(graph)

    def restore() -> None:
        graph.seed = seed
        counts.pop(graph, None)
        if count is not None:
            counts[graph] = count

    return restore


def _capture_generator(generators: Any) -> Restore:
    before = generators.global_generator
    state = before.state.read_value() if before is not None else None

    def restore() -> None:
        generators.global_generator = before
        if before is not None:
            before.reset(state)

    return restore


#: Devices of PyTorch that are started when they are first used.
_DEVICES: Final = ("cuda", "xpu")


def _seed_torch(seed: int) -> str:
    torch: Any = sys.modules["torch"]
    torch.manual_seed(seed)
    return f"torch.manual_seed({seed})"


def _capture_torch() -> Restore:
    torch: Any = sys.modules["torch"]
    state = torch.get_rng_state()
    devices = [
        _capture_device(getattr(torch, name))
        for name in _DEVICES
        if hasattr(torch, name)
    ]
    if torch.backends.mps.is_available():
        metal = torch.mps.get_rng_state()
        devices.append(lambda: torch.mps.set_rng_state(metal))

    def restore() -> None:
        torch.set_rng_state(state)
        for one in devices:
            one()

    return restore


def _capture_device(device: Any) -> Restore:
    """Note the states of a kind of device, or what it would be seeded with."""
    if device.is_initialized():
        states = device.get_rng_state_all()
        return lambda: device.set_rng_state_all(states)
    # Seeds are kept for the moment when it starts.
    later = getattr(device, "_lazy_seed_tracker", None)
    before = dict(vars(later)) if later is not None else {}

    def restore() -> None:
        if device.is_initialized():  # it started since: as where nobody has seeded
            device.seed_all()
        elif later is not None:
            vars(later).update(before)

    return restore


def _of_tf_keras() -> tuple[Callable[[int], str], Callable[[], Restore]]:
    return (
        lambda seed: _seed_legacy("tf_keras", seed),
        lambda: _capture_legacy("tf_keras"),
    )


#: All there are, in the order of seeding.
SOURCES: Final = (
    Source("python", "random", _seed_python, _capture_python),
    Source("numpy", "numpy", _seed_numpy, _capture_numpy),
    Source("keras", "keras", _seed_keras, _capture_keras, local=True),
    Source("tf_keras", "tf_keras", *_of_tf_keras(), local=True),
    Source("tensorflow", "tensorflow", _seed_tensorflow, _capture_tensorflow),
    Source("torch", "torch", _seed_torch, _capture_torch),
)
