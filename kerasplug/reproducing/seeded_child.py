"""A run whose global generators are seeded before the program begins.

Where that alone makes runs the same, the program did not seed what it used.
"""

import importlib
import random
from typing import Any, Final

__all__ = ["main"]

_SEED: Final = 20_150_327


def main(request: dict[str, Any]) -> None:
    """Seed all global generators, and go on as any other run.

    Args:
        request: as `kerasplug.reproducing.runs` makes it, with the `"backend"` that
            the program has used before.
    """
    from kerasplug.reproducing.child import main as run

    random.seed(_SEED)
    importlib.import_module("numpy").random.seed(_SEED)
    # Keras itself is left alone: the program may choose its backend before it imports
    # Keras, and the seeds that Keras makes up come from Python's generator.
    _seed_engine(request["backend"])
    run(request)


def _seed_engine(backend: str) -> None:
    if backend == "tensorflow":
        importlib.import_module("tensorflow").random.set_seed(_SEED)
    elif backend == "torch":
        importlib.import_module("torch").manual_seed(_SEED)
