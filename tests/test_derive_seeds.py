"""Seeds from a seed: the stream of NumPy's SeedSequence, for workers and processes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasplug
from kerasplug.errors import SeedError
from kerasplug.seeding.deriving import checked_seed, derive_seeds

WORDS = st.integers(0, 2**32 - 1)

#: (seed, n, rank, worker) -> what it has given since the first version.
GOLDEN = {
    (0, 3, 0, 0): [4088532484, 613525653, 3267360767],
    (42, 4, 0, 0): [3142992634, 1861194734, 1430013548, 2319789260],
    (42, 2, 1, 0): [1174127800, 3865592830],
    (42, 2, 0, 1): [3908812709, 3341582407],
    (2**32 - 1, 2, 7, 2**32 - 1): [1767874775, 3260084557],
}


@pytest.mark.parametrize(("given_", "expected"), GOLDEN.items(), ids=map(str, GOLDEN))
def test_the_seeds_are_those_of_all_versions(given_, expected):
    """Seeds stay the same from version to version."""
    seed, n, rank, worker = given_
    assert derive_seeds(seed, n, rank=rank, worker=worker) == expected


@given(WORDS, WORDS, WORDS)
def test_the_seeds_are_numpys(seed, rank, worker):
    """Any arguments give the words that NumPy's SeedSequence gives."""
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(rank, worker))
    numpys = sequence.generate_state(12).tolist()
    assert derive_seeds(seed, 12, rank=rank, worker=worker) == numpys


@given(WORDS, st.integers(0, 200), st.integers(0, 200))
def test_fewer_seeds_are_the_beginning_of_more(seed, few, more):
    """Asking for more seeds changes none of those before."""
    least = min(few, more)
    assert derive_seeds(seed, few)[:least] == derive_seeds(seed, more)[:least]


@given(WORDS, WORDS, WORDS, st.integers(0, 300))
def test_all_seeds_differ_and_are_in_the_range(seed, rank, worker, n):
    """There are as many seeds as asked for, all different, all of 32 bits."""
    seeds = derive_seeds(seed, n, rank=rank, worker=worker)
    assert len(set(seeds)) == len(seeds) == n
    assert all(type(one) is int and 0 <= one < 2**32 for one in seeds)


def test_words_that_come_again_are_left_out():
    """A word that NumPy's sequence gives twice is given once, and one more follows."""
    n = 200_000
    words = (
        np.random.SeedSequence(1, spawn_key=(0, 0)).generate_state(n + 1000).tolist()
    )
    unique = list(dict.fromkeys(words))
    assert n < len(unique) < len(words)
    assert derive_seeds(1, n) == unique[:n]


@given(WORDS, WORDS, WORDS, WORDS, WORDS)
def test_rank_and_worker_are_two_things(seed, one, two, three, four):
    """Other ranks and workers give other seeds; exchanged, they do as well."""
    if (one, two) != (three, four):
        first = derive_seeds(seed, 4, rank=one, worker=two)
        assert first != derive_seeds(seed, 4, rank=three, worker=four)
    if one != two:
        first = derive_seeds(seed, 4, rank=one, worker=two)
        assert first != derive_seeds(seed, 4, rank=two, worker=one)


# --- independence ---

#: What lies side by side: seeds, ranks, workers, and the places in a stream.
NEIGHBOURS = {
    "seeds": lambda derive, number: derive(1000 + number, 8, 0, 0),
    "ranks": lambda derive, number: derive(1000, 8, number, 0),
    "workers": lambda derive, number: derive(1000, 8, 0, number),
}
STREAMS = 4096


def faults_of(derive, which):
    """What is wrong with 4096 neighbouring streams of 8 seeds; empty where nothing is.

    Numbers that are independent and uniform exceed each limit in one of 10**8 cases,
    by the central limit theorem; here they are fixed, so the answer is always the same.
    """
    make = NEIGHBOURS[which]
    words = np.array([make(derive, number) for number in range(STREAMS)], np.uint64)
    found = []
    if len(np.unique(words)) < words.size * 0.99999:
        found.append("streams share seeds")
    bits = (words[:, :, None] >> np.arange(32, dtype=np.uint64)) & np.uint64(1)
    limit = 6.5 / 2 / np.sqrt(STREAMS)
    if np.abs(bits.mean(0) - 0.5).max() > limit:
        found.append("bits are not even")
    uniform = words / 2**32
    if np.abs(uniform.mean(0) - 0.5).max() > 6 * np.sqrt(1 / 12 / STREAMS):
        found.append("means are off")
    counts = np.stack([np.histogram(one, 16, (0, 1))[0] for one in uniform.T])
    expected = STREAMS / 16
    if ((counts - expected) ** 2 / expected).sum(1).max() > 70:  # 15 degrees of freedom
        found.append("not uniform")
    # Each column with each other, and with all of the next streams.
    centred = (uniform - 0.5) * np.sqrt(12)
    both = np.hstack([centred[:-1], centred[1:]])
    correlated = np.abs(both.T @ both / len(both) - np.eye(16)).max()
    if correlated > 7 / np.sqrt(STREAMS):
        found.append("streams are correlated")
    flips = (bits[1:] != bits[:-1]).mean(0)
    if np.abs(flips - 0.5).max() > limit:
        found.append("neighbours share bits")
    return found


def ours(seed, n, rank, worker):
    return derive_seeds(seed, n, rank=rank, worker=worker)


@pytest.mark.parametrize("which", NEIGHBOURS)
def test_neighbouring_streams_are_independent(which):
    """Side by side, seeds, ranks and workers give uniform streams without relation."""
    assert faults_of(ours, which) == []


BAD = {
    "seed + place": lambda seed, n, rank, worker: [
        seed + rank + worker + place for place in range(n)
    ],
    "xor of a hash": lambda seed, n, rank, worker: [
        (seed ^ rank ^ worker) * 2654435761 + place * 40503 & 0xFFFFFFFF
        for place in range(n)
    ],
    "the rank forgotten": lambda seed, n, rank, worker: derive_seeds(
        seed, n, worker=worker
    ),
}


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("seed + place", "seeds"),
        ("seed + place", "ranks"),
        ("xor of a hash", "workers"),
        ("the rank forgotten", "ranks"),
    ],
)
def test_a_bad_derivation_is_seen(name, which):
    """The statistics above find adding, hashing by a multiplication, and forgetting."""
    assert faults_of(BAD[name], which)


# --- arguments ---

NO_SEEDS = [-1, 2**32, 1.5, float("nan"), float("inf"), True, "42", None, [1], 1j]


@pytest.mark.parametrize("seed", [*NO_SEEDS, np.True_, np.float32(0.5), np.array([3])])
def test_what_is_no_seed_is_refused(seed):
    """What is no whole number from 0 to 2**32 - 1 is an error that shows it."""
    for call in (checked_seed, lambda one: derive_seeds(one, 1), kerasplug.seeded):
        with pytest.raises(SeedError, match="is no seed") as caught:
            call(seed)
        assert caught.value.found.startswith(repr(seed))
        assert caught.value.expected == "a whole number from 0 to 4294967295"


@pytest.mark.parametrize(
    "seed",
    [3, 3.0, np.int64(3), np.uint8(3), np.float32(3), np.float64(3), np.array(3)],
)
def test_numbers_of_all_types_are_seeds(seed):
    """Whole numbers of Python, NumPy and R, which has floats only, are seeds."""
    assert checked_seed(seed) == 3
    assert type(checked_seed(seed)) is int
    assert derive_seeds(seed, 2) == derive_seeds(3, 2)


@pytest.mark.parametrize("name", ["n", "rank", "worker"])
@pytest.mark.parametrize("value", [-1, 0.5, True, "1", None, 2**33])
def test_other_arguments_are_checked(name, value):
    """A number, a rank or a worker that is none is an error that names the argument."""
    arguments = {"n": 1, name: value}
    with pytest.raises(SeedError, match=f"argument `{name}` of derive_seeds"):
        derive_seeds(1, **arguments)


def test_numpy_is_not_needed():
    """Seeds are derived without NumPy being imported."""
    code = (
        "import sys, kerasplug; seeds = kerasplug.derive_seeds(42, 2); "
        "assert not {'numpy', 'keras'} & set(sys.modules); print(seeds)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == derive_seeds(42, 2)


# --- workers that load data ---

WORKERS = """
import json, sys
import kerasplug
keras = kerasplug.implementation("keras")
import numpy as np
from kerasplug.seeding.deriving import derive_seeds
from keras.src.trainers.data_adapters.py_dataset_adapter import OrderedEnqueuer

class Own(keras.utils.PyDataset):
    "Each batch draws from a seed of its own."
    def __len__(self):
        return 8
    def __getitem__(self, index):
        (seed,) = derive_seeds(42, 1, rank=0, worker=index)
        return [float(one) for one in np.random.default_rng(seed).random(3)]

class Global(Own):
    "Each batch draws from NumPy's state, as people write it."
    def __getitem__(self, index):
        import os, time
        time.sleep(0.02)  # so that no worker takes all
        return [os.getpid(), *(float(one) for one in np.random.random(3))]

def batches(data, workers):
    keras.utils.set_random_seed(1)
    queue = OrderedEnqueuer(data, workers=workers, use_multiprocessing=workers > 0)
    queue.start()
    stream = queue.get()
    found = [next(stream) for _ in range(8)]
    queue.stop()
    return found

if __name__ == "__main__":
    own = [batches(Own(), workers) for workers in (1, 2, 4)]
    print(json.dumps([own, batches(Global(), 4)]))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """(the same batches from 1, 2 and 4 workers; those that plain code gives)."""
    program = tmp_path_factory.mktemp("workers") / "program.py"
    program.write_text(WORKERS)
    # On JAX Keras imports no engine with threads that a fork would lose here.
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.engine
def test_any_number_of_workers_loads_the_same_data(loaded):
    """With a seed for each batch one, two and four processes give the same data."""
    one, two, four = loaded[0]
    assert one == two == four
    assert len({tuple(batch) for batch in one}) == len(one)


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are not forked")
def test_keras_workers_draw_the_same_numbers(loaded):
    """Upstream: Keras seeds its workers with nothing, so forked ones repeat each other.

    Each begins with the state of the process that they were forked from.
    """
    by_worker = {}
    for worker, *numbers in loaded[1]:
        by_worker.setdefault(worker, []).append(numbers)
    firsts = [batches[0] for batches in by_worker.values()]
    assert len(firsts) > 1
    assert all(one == firsts[0] for one in firsts)
