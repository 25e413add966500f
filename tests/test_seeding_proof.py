"""The proof: trainings in ten fresh processes end with the same weights, to the bit.

Each process has another hash seed, two run at a time, and nothing but the seed is the
same by intent.
"""

import concurrent.futures
import os
from pathlib import Path

import pytest
import seeding_kit
import torch_kit

pytestmark = [pytest.mark.engine, pytest.mark.slow]

engines = seeding_kit.engines  # a fixture
torch = torch_kit.torch  # a fixture
ON_EACH = seeding_kit.ON_EACH

#: R's recipe, with the call to be formatted in.
RECIPE = """
from kerasplug import use_session_with_seed
use_session_with_seed({})
import seeding_training
said["weights"] = seeding_training.trained()
"""
PROCESSES = 10


def weights(engines, backend, call, processes):
    """The hashes of the weights that so many fresh processes end with."""
    program = RECIPE.format(call)

    def run(number):
        here = os.fspath(Path(__file__).parent)
        more = {"PYTHONPATH": here, "PYTHONHASHSEED": str(number + 1)}
        return engines.told(backend, program, **more)["weights"]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # The first one alone, for it may have to find out that there is no PyTorch.
        return [run(0), *pool.map(run, range(1, processes))]


@ON_EACH
def test_ten_fresh_processes_end_with_the_same_weights(engines, backend):
    """With a seed, dropout, shuffling, Adam and initial weights are the same 10 times.

    Another seed gives other weights, so that this could fail.
    """
    same = weights(engines, backend, '42, hash_seed="ignore"', PROCESSES)
    [other] = weights(engines, backend, '43, hash_seed="ignore"', 1)

    assert len(same) == PROCESSES
    assert len(set(same)) == 1
    assert other != same[0]


@ON_EACH
def test_several_threads_end_with_the_same_weights(engines, backend):
    """So it is where several threads compute, in this training."""
    call = '42, disable_parallel_cpu=False, hash_seed="ignore"'

    assert len(set(weights(engines, backend, call, 4))) == 1


@ON_EACH
def test_r_s_recipe_is_enough(engines, backend):
    """R's own call, first in a program and with nothing but the seed, does it."""
    short, long = (
        weights(engines, backend, call, 2) for call in ("42", "42, True, True")
    )

    assert len({*short, *long}) == 1
