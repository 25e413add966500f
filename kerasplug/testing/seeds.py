"""The fixture `keras_seed`: which seed a test gets, and how to repeat a failure."""

import hashlib
import os
import shlex
from typing import TYPE_CHECKING

from kerasplug.errors import SeedError
from kerasplug.seeding.deriving import checked_seed

if TYPE_CHECKING:
    import pytest

__all__ = ["given_seed", "header_line", "repeat_section", "seed_of"]

_VARIABLE = "KERASPLUG_SEED"
_RANDOM = "random"


def given_seed(text: str) -> int:
    """The seed that a value of KERASPLUG_SEED asks for.

    Args:
        text: a whole number from 0 to 2**32 - 1; or `"random"`, for a new one.

    Raises:
        SeedError: it is neither.

    Example:
        >>> given_seed("42")
        42
        >>> given_seed("a lucky one")
        Traceback (most recent call last):
        kerasplug.errors.SeedError: KERASPLUG_SEED='a lucky one' is no seed.
          expected: a whole number from 0 to 4294967295, or random
          mend:     export KERASPLUG_SEED=42, or unset it
    """
    if text == _RANDOM:
        return int.from_bytes(os.urandom(4), "little")
    try:
        return checked_seed(int(text))
    except ValueError:  # of which SeedError is one
        what = f"{_VARIABLE}={text!r} is no seed."
        raise SeedError(
            what,
            expected="a whole number from 0 to 4294967295, or random",
            mend=f"export {_VARIABLE}=42, or unset it",
        ) from None


def seed_of(item: "pytest.Item") -> int:
    """The seed that a test has of its own: it comes from its name.

    The first four bytes of the SHA-256 of its node id, in UTF-8, the first one counting
    least. So it is the same on each machine, in each order of tests and with each
    number of workers; a test that is renamed or moved gets another one.

    Args:
        item: the test.
    """
    name = _node_id(item)
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


def _node_id(item: "pytest.Item") -> str:
    """The test's node id; on older versions of pytest xdist appends its groups."""
    return f"{item.parent.nodeid}::{item.name}" if item.parent else item.nodeid


def header_line(text: str, seed: int) -> str:
    """The line of pytest's header about the seed.

    Args:
        text: what KERASPLUG_SEED said.
        seed: the seed.

    Example:
        >>> header_line("random", 7)
        'seed: 7 in each test (KERASPLUG_SEED=random); again: KERASPLUG_SEED=7'
    """
    line = f"seed: {seed} in each test ({_VARIABLE}={text})"
    return f"{line}; again: {_VARIABLE}={seed}" if text == _RANDOM else line


def repeat_section(item: "pytest.Item", seed: int) -> tuple[str, str]:
    """(title, text) for the report of a failure: the seed, and a command.

    Args:
        item: the test.
        seed: that it had.
    """
    path, separator, name = _node_id(item).partition("::")
    # As pytest takes it, from where it was started.
    here = item.config.invocation_params.dir
    place = os.path.relpath(item.config.rootpath / path, here)
    node = shlex.quote(f"{place}{separator}{name}")
    command = f"{_VARIABLE}={seed} python -m pytest {node}"
    return "kerasplug: keras_seed", f"The seed was {seed}. To repeat:\n{command}"
