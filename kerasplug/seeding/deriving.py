"""Seeds from a seed: for processes, for workers that load data, for layers."""

from collections.abc import Iterator
from typing import Any, Final

from kerasplug.errors import SeedError

__all__ = ["checked_seed", "derive_seeds"]

_WORD: Final = 0xFFFFFFFF

#: So many seeds may be asked for: the stream is made for few, and repeats itself more
#: and more.
_MOST: Final = 2**20

#: The pool of 128 bits, in words, and the constants of seed_seq.
_POOL: Final = 4
_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_LEFT, _MIX_RIGHT = 0xCA01F9DD, 0x4973F715


def checked_seed(seed: Any) -> int:
    """The seed as an int.

    Args:
        seed: a whole number from 0 to 2**32 - 1, the range that NumPy takes: an int,
            one of NumPy's, or a float without a fraction, as R has them.

    Raises:
        SeedError: it is something else; True and False are no seeds.

    Example:
        >>> checked_seed(42.0)
        42
        >>> checked_seed(-1)
        Traceback (most recent call last):
        kerasplug.errors.SeedError: -1 is no seed.
          found:    -1 (of type int)
          expected: a whole number from 0 to 4294967295
    """
    return _checked("seed", seed, _WORD, f"{seed!r} is no seed.")


def _checked(name: str, value: Any, most: int, what: str = "") -> int:
    """A whole number from 0 to `most`.

    Raises:
        SeedError: it is something else.
    """
    number = _whole(value)
    if number is None or not 0 <= number <= most:
        raise SeedError(
            what or f"Invalid value received for argument `{name}` of derive_seeds().",
            found=f"{value!r} (of type {type(value).__name__})"[:200],
            expected=f"a whole number from 0 to {most}",
        )
    return number


def _whole(value: Any) -> int | None:
    """What an int, an integral float, or such a number of NumPy's means; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):  # NumPy's float64 is one, too
        return int(value) if value.is_integer() else None
    if hasattr(value, "is_integer") and not hasattr(value, "__index__"):
        return int(value) if value.is_integer() else None  # NumPy's other floats
    if getattr(value, "shape", ()) != () or str(getattr(value, "dtype", "")) == "bool":
        return None
    try:
        index: int = value.__index__()
    except (AttributeError, TypeError):
        return None
    return index


def derive_seeds(seed: int, n: int, *, rank: int = 0, worker: int = 0) -> list[int]:
    """Several seeds from one: independent of one another, and the same everywhere.

    Neighbouring seeds, ranks and workers give streams that have nothing in common.
    `seed + 1` for the next worker does not promise that, and two runs with seeds side
    by side would share most of their streams.

    They are the 32-bit words that NumPy's
    `SeedSequence(entropy=seed, spawn_key=(rank, worker)).generate_state(...)` gives, in
    their order, without those that came before. So all are different, and fewer seeds
    are the beginning of more: `derive_seeds(s, 3) == derive_seeds(s, 5)[:3]`. It is
    computed without NumPy. It stays the same in all versions of kerasplug, as NumPy
    promises for its own.

    Args:
        seed: from 0 to 2**32 - 1.
        n: how many, from 0 to 2**20.
        rank: which of several processes that train together, from 0 to 2**32 - 1.
        worker: which worker, or which batch; the same range.

    Returns:
        `n` different ints from 0 to 2**32 - 1. Where less is asked for, `% 2**31` makes
        it fit: on PyTorch the `seed` of a Keras layer has to be below 2**31.

    Raises:
        SeedError: one of the arguments is no whole number in its range.

    Example:
        One seed each for three libraries:

        >>> derive_seeds(42, 3)
        [3142992634, 1861194734, 1430013548]

        Each batch of a `keras.utils.PyDataset` with a generator of its own. Which
        worker gets which batch is a matter of chance, so the batch decides; then one,
        two or four workers, threads or processes, give the same data. Keras seeds its
        workers with nothing: processes that were forked draw the same numbers.

        >>> import random
        >>> class Noise:  # a keras.utils.PyDataset
        ...     seed, epoch = 42, 0
        ...
        ...     def __getitem__(self, index):
        ...         (own,) = derive_seeds(self.seed, 1, rank=self.epoch, worker=index)
        ...         return random.Random(own).random()  # or numpy.random.default_rng
        >>> Noise()[1] == Noise()[1], Noise()[0] == Noise()[1]
        (True, False)

        A `worker_init_fn` of PyTorch's `DataLoader`, in one of several processes; the
        worker 0 is left for the process itself:

        >>> def worker_init_fn(number, rank=0):
        ...     for_python, for_numpy = derive_seeds(
        ...         42, 2, rank=rank, worker=number + 1
        ...     )
        ...     random.seed(for_python)  # and numpy.random.seed(for_numpy)

    Source: NumPy's documentation of `numpy.random.SeedSequence`, its source
    `numpy/random/bit_generator.pyx`; M. E. O'Neill, "Developing a seed_seq Alternative"
    (2015), https://www.pcg-random.org/posts/developing-a-seed_seq-alternative.html
    """
    start = checked_seed(seed)
    count = _checked("n", n, _MOST)
    keys = (_checked("rank", rank, _WORD), _checked("worker", worker, _WORD))
    found: dict[int, None] = {}
    words = _words(_pool([start, 0, 0, 0, *keys]))
    while len(found) < count:
        found[next(words)] = None
    return list(found)


def _pool(entropy: list[int]) -> list[int]:
    """The words of entropy, at least as many as the pool has, mixed into it."""
    hashed = _Hash()
    pool = [hashed(word) for word in entropy[:_POOL]]
    for source in range(_POOL):
        for place in range(_POOL):
            if source != place:
                pool[place] = _mixed(pool[place], hashed(pool[source]))
    for word in entropy[_POOL:]:
        pool = [_mixed(one, hashed(word)) for one in pool]
    return pool


class _Hash:
    """A hash of words whose constant moves on with each."""

    def __init__(self) -> None:
        self._constant = _INIT_A

    def __call__(self, word: int) -> int:
        word ^= self._constant
        self._constant = self._constant * _MULT_A & _WORD
        word = word * self._constant & _WORD
        return word ^ word >> 16


def _mixed(left: int, right: int) -> int:
    word = _MIX_LEFT * left - _MIX_RIGHT * right & _WORD
    return word ^ word >> 16


def _words(pool: list[int]) -> Iterator[int]:
    """The words that the pool gives, without an end."""
    constant = _INIT_B
    while True:
        for one in pool:
            word = one ^ constant
            constant = constant * _MULT_B & _WORD
            word = word * constant & _WORD
            yield word ^ word >> 16
