"""A block that draws the same numbers each time, and puts all states back."""

import asyncio
import os
import pickle
import random
import threading
import time

import numpy as np
import pytest
from bare import bare
from hypothesis import given
from hypothesis import strategies as st
from seeded_kit import draws, run, state

import kerasplug
from kerasplug.errors import SeedError
from kerasplug.seeding.states import seed_when_loaded

pytestmark = pytest.mark.engine


@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_a_block_draws_the_same_and_leaves_no_trace(seed, before):
    """Any seed gives the same draws, whatever was drawn before, and nothing stays."""
    for _ in range(before):
        draws()
    was = state()
    with kerasplug.seeded(seed) as value:
        first = draws()
    assert (value, state()) == (seed, was)
    draws()
    with kerasplug.seeded(float(seed)):
        assert draws() == first


def test_the_numbers_are_those_of_plain_seeding():
    """In a block Python and NumPy draw what they draw after their own seeding."""
    with kerasplug.seeded(1):
        random.seed(42)
        np.random.seed(42)  # noqa: NPY002 -- what is seeded
        plain = draws()
        with kerasplug.seeded(42):
            assert draws() == plain


def test_half_a_pair_of_normal_numbers_is_kept():
    """NumPy's second number of a pair, drawn before the block, comes after it."""
    numpys = np.random.mtrand._rand  # its global generator
    if not numpys.get_state(legacy=False)["has_gauss"]:
        numpys.normal()
    assert numpys.get_state(legacy=False)["has_gauss"] == 1
    was = state()
    with kerasplug.seeded(1):
        numpys.normal()
    assert state() == was


def test_an_exception_ends_a_block_as_its_end_does():
    """What a block raises comes out, and the states are put back before."""
    was = state()
    with pytest.raises(ZeroDivisionError), kerasplug.seeded(1):
        draws()
        1 / 0  # noqa: B018 -- raises
    assert state() == was


def test_blocks_can_be_nested():
    """An inner block leaves the draws of the outer one as they are without it."""
    with kerasplug.seeded(1):
        plain = [draws(), draws()]
    with kerasplug.seeded(1):
        nested = [draws()]
        with kerasplug.seeded(2):
            other = draws()
        nested.append(draws())
    assert nested == plain
    assert other not in plain


def test_one_object_serves_many_blocks():
    """What `seeded` returns can be used again, also within itself."""
    block = kerasplug.seeded(1)
    was = state()
    with block:
        first = draws()
        with block:
            assert draws() == first
        second = draws()
    with block:
        assert [draws(), draws()] == [first, second]
    assert state() == was
    assert repr(block) == "<kerasplug.seeded(1)>"


def test_another_generator_of_numpys_is_kept():
    """Where NumPy draws with another kind of generator, it does so in a block."""
    with kerasplug.seeded(1):
        before = np.random.get_bit_generator()
        mine = np.random.PCG64(5)
        np.random.set_bit_generator(mine)
        try:
            was = pickle.dumps(mine.state)
            with kerasplug.seeded(42):
                first = draws()
                assert type(np.random.get_bit_generator()) is np.random.PCG64
            assert np.random.get_bit_generator() is mine
            assert pickle.dumps(mine.state) == was
            with kerasplug.seeded(42):
                assert draws() == first
        finally:
            np.random.set_bit_generator(before)


# --- as a decorator ---


def test_a_decorated_function_begins_anew_at_each_call():
    """Each call of a decorated function draws the same; its name and value stay."""

    @kerasplug.seeded(42)
    def drawn(number, *, more=0):
        """Its docstring."""
        return number + more, draws()

    was = state()
    first = drawn(1, more=2)
    assert first[0] == 3
    assert drawn(1, more=2) == first
    assert state() == was
    assert (drawn.__name__, drawn.__doc__) == ("drawn", "Its docstring.")


def test_a_decorated_function_may_call_itself():
    """A recursive call is a block in a block."""

    @kerasplug.seeded(42)
    def drawn(depth):
        inner = drawn(depth - 1) if depth else []
        return [*inner, draws()]

    was = state()
    assert drawn(2) == drawn(0) * 3
    assert state() == was


async def coroutine():
    """A coroutine function."""


async def asynchronous():
    """An asynchronous generator."""
    yield


def generator():
    """A generator function."""
    yield


@pytest.mark.parametrize("function", [coroutine, asynchronous, generator])
def test_what_runs_later_cannot_be_decorated(function):
    """Decorating a generator or coroutine would seed nothing: an error says so."""
    with pytest.raises(
        SeedError, match=f"can't decorate {function.__name__}"
    ) as caught:
        kerasplug.seeded(1)(function)
    assert caught.value.found == "a generator or a coroutine function"


def test_a_block_within_a_coroutine_holds_to_its_end():
    """In a coroutine a block without an `await` does what it does elsewhere."""

    async def drawn():
        with kerasplug.seeded(1):
            return draws()

    async def both():
        return await asyncio.gather(drawn(), drawn())

    was = state()
    one, two = asyncio.run(both())
    assert one == two
    assert state() == was


# --- threads and processes ---


def test_blocks_in_threads_take_turns():
    """Blocks of 8 threads draw what each draws alone, and all states come back."""

    def many():
        found = []
        for _ in range(10):
            found.append(draws())
            time.sleep(0.0005)  # others come to run
        return found

    with kerasplug.seeded(3):
        alone = many()
    found = []
    start = threading.Barrier(8)

    def work():
        start.wait()
        for _ in range(5):
            with kerasplug.seeded(3):
                found.append(many())

    was = state()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert state() == was
    assert found == [alone] * 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_process_forked_from_another_threads_block_has_its_own_turn(tmp_path):
    """A child of a fork does not wait for a thread that it does not have."""
    code = """
        import os, random, threading
        from kerasplug import seeded
        begun, done = threading.Event(), threading.Event()

        def hold():
            with seeded(1):
                begun.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        begun.wait()
        child = os.fork()
        if not child:
            with seeded(2):
                pass
            os._exit(7)
        done.set()
        thread.join()
        with seeded(3):  # a fork within a block: the child goes on with it
            child_2 = os.fork()
            if not child_2:
                with seeded(4):
                    pass
        if not child_2:
            os._exit(8)
        print([os.waitstatus_to_exitcode(os.waitpid(one, 0)[1])
               for one in (child, child_2)])
    """
    assert bare(code, tmp_path).stdout == "[7, 8]\n"


# --- where little is installed or loaded ---


def test_without_numpy_and_keras_there_is_python(tmp_path):
    """Where nothing is installed a block seeds Python, and imports nothing."""
    code = """
        import random, sys
        from kerasplug import seeded
        from kerasplug.seeding.states import seed_everything_loaded
        before = random.getstate()
        with seeded(42) as seed:
            first = random.random()
        assert random.getstate() == before
        assert first == random.Random(42).random() and seed == 42
        engines = {"numpy", "keras", "tf_keras", "tensorflow", "torch", "jax"}
        assert not engines & set(sys.modules)
        print(seed_everything_loaded(42))
    """
    assert bare(code, tmp_path).stdout == "[('python', 'random.seed(42)')]\n"


def test_numpy_that_comes_within_a_block_is_seeded_and_put_back():
    """NumPy imported in a block draws from the seed, and afterwards as it was made."""
    code = """
        import json, random, sys
        from kerasplug import seeded
        found = []
        assert "numpy" not in sys.modules
        with seeded(1):
            with seeded(42):
                import numpy as np
                found.append(np.random.random())
            found.append(np.random.random())
        found.append(np.random.random())
        print(json.dumps([*found, "keras" in sys.modules]))
    """
    (inner, outer, after, keras), (_, _, again, _) = run(code), run(code)
    assert inner == np.random.RandomState(42).random_sample()
    assert outer == np.random.RandomState(1).random_sample()
    assert after != again  # nobody has seeded it
    assert not keras


def test_what_comes_after_a_block_is_not_seeded():
    """NumPy that is imported after a block draws other numbers in each process."""
    code = """
        import json
        from kerasplug import seeded
        from kerasplug._frameworks import late
        with seeded(42):
            assert "numpy" in late._waiting
        import numpy as np
        print(json.dumps([np.random.random(), len(late._waiting)]))
    """
    drawn, waiting = run(code)
    assert drawn != np.random.RandomState(42).random_sample()
    assert waiting == 0


def test_nothing_is_imported_or_started():
    """With Keras on JAX a block starts no TensorFlow, which Keras' own seeding does."""
    code = """
        import json, sys
        import kerasplug
        import keras
        with kerasplug.seeded(1):
            pass
        loaded = "tensorflow" in sys.modules
        keras.utils.set_random_seed(1)
        print(json.dumps([loaded, "tensorflow" in sys.modules]))
    """
    assert run(code, "jax") == [False, True]


def test_what_is_not_loaded_is_seeded_when_it_comes():
    """An engine that is imported later gets the seed; taken back, it does not."""
    code = """
        import json, sys
        from kerasplug.seeding.states import seed_when_loaded
        take_back = [seed_when_loaded(seed) for seed in (1, 42, 5)]
        take_back[2]()
        import numpy as np
        print(json.dumps([np.random.random(), "keras" in sys.modules]))
    """
    expected = np.random.RandomState(42).random_sample()
    assert run(code) == [expected, False]


def test_taking_back_twice_is_nothing():
    """What waits for engines can be taken back at any time, and again."""
    take_back = seed_when_loaded(1)
    take_back()
    take_back()
