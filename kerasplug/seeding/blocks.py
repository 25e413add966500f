"""A block that draws the same numbers each time, and leaves no trace of it."""

import contextlib
import inspect
import os
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from kerasplug.errors import SeedError
from kerasplug.seeding.deriving import checked_seed
from kerasplug.seeding.states import (
    Restore,
    Source,
    loaded_sources,
    seed_when_loaded,
)

__all__ = ["Seeded", "seeded"]

Function = TypeVar("Function", bound=Callable[..., Any])

#: Most states are the process' own: blocks in several threads take turns.
_turn = threading.RLock()


def _renew_turn() -> None:
    """In a forked child: whoever had the turn may not be there."""
    global _turn  # noqa: PLW0603 -- the process is another one
    if _turn.acquire(blocking=False):
        _turn.release()
    else:
        _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_turn)


class Seeded(contextlib.ContextDecorator):
    """What `seeded` returns: for `with`, and as a decorator. `seed` is the seed."""

    def __init__(self, seed: int, models: tuple[Any, ...]) -> None:
        self.seed = seed
        self._models = models
        self._open: list[contextlib.ExitStack] = []

    def __repr__(self) -> str:
        return f"<kerasplug.seeded({self.seed})>"

    def __call__(self, func: Function) -> Function:
        """The function, seeded anew at each call.

        Raises:
            SeedError: it only makes something that runs later.
        """
        later = (
            inspect.iscoroutinefunction(func)
            or inspect.isgeneratorfunction(func)
            or inspect.isasyncgenfunction(func)
        )
        if later:
            name = getattr(func, "__qualname__", repr(func))
            what = (
                f"seeded({self.seed}) can't decorate {name}: calling it runs nothing."
            )
            raise SeedError(
                what,
                found="a generator or a coroutine function",
                expected="a function whose work is done when it returns",
                mend="with kerasplug.seeded(…): around what draws, within it, without "
                "a yield or an await there",
            )
        return super().__call__(func)

    def __enter__(self) -> int:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_turn)
            self._begin(stack)
            self._open.append(stack.pop_all())
        return self.seed

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.pop().close()

    def _begin(self, stack: contextlib.ExitStack) -> None:
        """Note all states, then seed; the stack puts them back in any case."""
        if self._models:
            from kerasplug.seeding.layers import capture_layers, reseed

            stack.callback(capture_layers(self._models))
        loaded = loaded_sources()
        for source in loaded:
            stack.callback(source.capture())
        for source in loaded:
            source.seed(self.seed)
        if self._models:
            reseed(self._models, self.seed)

        def noted(_: Source, restore: Restore) -> None:
            late.append(restore)

        late: list[Restore] = []
        stack.callback(_restore_all, late)
        stack.callback(seed_when_loaded(self.seed, noted))


def _restore_all(restores: list[Restore]) -> None:
    for one in reversed(restores):
        one()


def seeded(seed: int, *, models: Iterable[Any] = ()) -> Seeded:
    """Seed everything for a block or a function, and put all states back afterwards.

    ```python
    with kerasplug.seeded(42):
        model = build()              # the same weights each time

    @kerasplug.seeded(42, models=[model])
    def train():
        return model.fit(x, y)       # the same dropout, the same shuffling
    ```

    It seeds Python's `random`, NumPy's global generator, Keras' global seed and
    generator, TensorFlow's global seed and generator, and PyTorch on all its devices,
    as far as they are loaded; what is loaded within the block is seeded then. Nothing
    is imported or started for it. At the end, also after an exception, each of them is
    in the state that it had before, to the bit; what was loaded within, in the state
    right after its import. Blocks can be nested.

    What it can't do:

    - **TensorFlow's operations with a seed of their own**, `tf.random.uniform([2],
      seed=1)`, count their draws where nobody can look. They begin anew in the block
      and after it, as after each `tf.random.set_seed`. Where TensorFlow has not
      computed anything yet, `tf.random.get_global_generator()` is not seeded, since
      that would start it.
    - **Threads.** Python's and NumPy's states belong to the process: blocks in several
      threads take turns, so a block must not wait for another thread's block; and what
      draws in a thread without a block changes what the block draws. Keras has a state
      for each thread, and a block seeds its own.
    - **Generators and coroutines.** Between two of their steps others draw. Such
      functions can't be decorated, and a `yield` or `await` within the block lets
      others draw in it.
    - **Generators that somebody has made** have states of their own:
      `numpy.random.default_rng()`, `random.Random()`, `torch.Generator()`.

    Args:
        seed: from 0 to 2**32 - 1.
        models: built models of Keras 3 whose random layers are set anew as well, as by
            `reseed`, and put back: their states are with their layers.

    Returns:
        A context manager, whose value is the seed, and a decorator.

    Raises:
        SeedError: the seed is none; or, when it decorates, a generator or coroutine
            function.
        ModelError: when the block begins: one of `models` is none, is not built, or is
            of Keras 2.

    Guarantees:
        After an error at the beginning nothing has changed.

    Example:
        >>> import random
        >>> with seeded(42) as seed:
        ...     first = random.random()
        >>> between = random.random()
        >>> with seeded(42):
        ...     again = random.random()
        >>> seed, first == again, first == between
        (42, True, False)

        As a decorator, each call begins anew:

        >>> @seeded(42)
        ... def draw():
        ...     return random.random()
        >>> draw() == draw() == first
        True
    """
    from kerasplug.models.kinds import is_layer

    single = is_layer(models)
    return Seeded(checked_seed(seed), (models,) if single else tuple(models))
