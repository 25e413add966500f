"""Random numbers from the host's seed, in whatever order graphs are made.

Each operation of PlaidML that draws has a state of its own, a variable. PlaidML takes
its first value from NumPy's global generator at the time the graph is made, which
nobody seeds. Here it comes from the seed, from which graph it is, and from how many
states that graph has already.
"""

from __future__ import annotations

import contextlib
import os
import random
import zlib
from typing import Any

import numpy as np
from keras import backend as K  # noqa: N812 -- as everybody calls it
from plaidml.keras import backend as engine

__all__ = ["Source", "mend_states"]

#: From where the numbers of each row of a state are, as PlaidML has it.
#: Source: plaidml-keras 0.7.0, `plaidml/keras/backend.py`, `_make_rng_state`.
_LOWEST = (1, 7, 15)


class Source:
    """Where the random numbers of one model come from.

    Args:
        seed: an int, 0 or more; None: another one each time.
    """

    def __init__(self, seed: Any = None) -> None:
        self._seed = _fresh() if seed is None else int(seed)
        self._made: list[Any] = []

    @contextlib.contextmanager
    def drawing(self, graph: str) -> Any:
        """While the graph of this name is made, its states come from here.

        Args:
            graph: a name that no other graph of the model has.
        """
        self._seed_python(graph)
        _current.append((self, graph))
        try:
            yield
        finally:
            _current.pop()

    def reseed(self, seed: Any) -> int:
        """Begin anew with another seed, or with the same; how many states there are.

        A state with a seed of its layer's own begins anew with that.
        """
        self._seed = int(seed)
        self._seed_python("")
        for variable, graph, at, own in self._made:
            K.set_value(variable, _state(self._generator(graph, at, own)))
        return len(self._made)

    def state(self, graph: str, own: Any) -> Any:
        """The state of one more operation of a graph."""
        at = sum(1 for _, other, _, _ in self._made if other == graph)
        value = _state(self._generator(graph, at, own))
        variable = engine.variable(value, dtype="uint32")
        self._made.append((variable, graph, at, own))
        return variable

    def _generator(self, graph: str, at: int, own: Any = None) -> Any:
        if own:  # PlaidML takes 0 for none
            return np.random.RandomState(own)
        words = [self._seed >> shift & 0xFFFFFFFF for shift in (0, 32)]
        return np.random.RandomState([*words, zlib.crc32(graph.encode()), at])

    def _seed_python(self, graph: str) -> None:
        """The global generators, from which the code of a plugin's layer may draw."""
        drawn = self._generator(graph, 0xFFFFFFFF)
        random.seed(int(drawn.randint(0, 2**32, dtype=np.uint32)))
        np.random.seed(int(drawn.randint(0, 2**32, dtype=np.uint32)))  # noqa: NPY002 -- what layers of Keras 2.2.4 draw from


_current: list[Any] = []
_own_state = engine._make_rng_state  # noqa: SLF001 -- no other way


def mend_states() -> None:
    """PlaidML's operations get their states from here."""
    engine._make_rng_state = _make_rng_state  # noqa: SLF001 -- no other way


def _make_rng_state(seed: Any = None) -> Any:
    if not _current:
        return _own_state(seed)
    source, graph = _current[-1]
    return source.state(graph, seed)


def _state(generator: Any) -> Any:
    """The first value of a state, as PlaidML draws it."""
    size = engine._k_rng_size  # noqa: SLF001 -- no other way
    rows = [
        generator.randint(least, 2**32, (size,), dtype=np.uint32) for least in _LOWEST
    ]
    return np.stack(rows)


def _fresh() -> int:
    return int.from_bytes(os.urandom(4), "little")
