"""Blocks with a seed, and the engines: each draws the same, and goes on as before."""

import random
import textwrap
import threading

import numpy as np
import pytest
import torch_kit
from seeded_kit import draws, run, state

import kerasplug
from kerasplug.errors import ModelError
from kerasplug.seeding.states import seed_everything_loaded

pytestmark = pytest.mark.engine
torch = torch_kit.torch  # a fixture


# --- TensorFlow ---


def test_a_block_does_not_start_tensorflow():
    """TensorFlow that is imported and has no devices yet has none afterwards."""
    code = """
        import json
        import tensorflow as tf
        from tensorflow.python.eager import context
        import kerasplug
        with kerasplug.seeded(1):
            with kerasplug.seeded(2):
                pass
        tf.config.threading.set_intra_op_parallelism_threads(1)  # too late once started
        print(json.dumps([context.context()._initialized,
                          hasattr(context.context(), "_rng")]))
    """
    assert run(code)[0] is False


def uniform():
    """A number of TensorFlow's."""
    import tensorflow as tf

    return float(tf.random.uniform([]))


def of_generator():
    """A number of its global generator's."""
    import tensorflow as tf

    return float(tf.random.get_global_generator().uniform([]))


@pytest.fixture
def tf(keras):
    """TensorFlow, started, without a seed and a global generator."""
    import tensorflow as tf
    from tensorflow.python.ops import stateful_random_ops as generators

    tf.constant(1) + 1
    tf.random.set_seed(None)
    generators.global_generator = None
    yield tf
    tf.random.set_seed(None)
    generators.global_generator = None


def test_tensorflow_draws_the_same_in_blocks(tf):
    """TensorFlow's operations draw what they do after `tf.random.set_seed`."""
    tf.random.set_seed(42)
    plain = [uniform(), uniform()]
    tf.random.set_seed(None)
    for _ in range(2):
        with kerasplug.seeded(42):
            assert [uniform(), uniform()] == plain
    assert uniform() != uniform()


def test_a_seed_of_tensorflows_goes_on_after_a_block(tf):
    """With a seed set, the draws after a block are those without the block."""
    for inner in (7, 42):  # another seed, and the same
        tf.random.set_seed(42)
        plain = [uniform() for _ in range(4)]
        tf.random.set_seed(42)
        found = [uniform(), uniform()]
        with kerasplug.seeded(inner):
            uniform()
        found += [uniform(), uniform()]
        assert found == plain


def test_tensorflow_without_a_seed_has_none_afterwards(tf):
    """Where nobody has seeded TensorFlow, a block leaves it so."""
    from tensorflow.python.framework import random_seed

    with kerasplug.seeded(42):
        assert random_seed.get_seed(None)[0] == 42
    assert random_seed.get_seed(None) == (None, None)


def test_operations_with_a_seed_begin_anew(tf):
    """Counters of operations with a seed of their own are dropped, as we say."""
    tf.random.set_seed(42)

    def drawn():
        return float(tf.random.uniform([], seed=1))

    plain = [drawn(), drawn()]
    tf.random.set_seed(42)
    with kerasplug.seeded(42):
        assert [drawn(), drawn()] == plain
    assert [drawn(), drawn()] == plain


def test_the_global_generator_is_seeded_and_put_back(tf):
    """TensorFlow's global generator, made before, draws from the seed and goes on."""
    made = tf.random.Generator.from_seed(5)
    tf.random.set_global_generator(made)

    @tf.function
    def compiled():
        return made.uniform([])

    plain = [of_generator() for _ in range(4)]
    made.reset_from_seed(5)
    found = [of_generator(), float(compiled())]
    for _ in range(2):
        with kerasplug.seeded(42):
            first = float(compiled()), of_generator()
        assert first == draws_of_generator(tf, 42)
    found += [of_generator(), float(compiled())]
    assert found == plain
    assert tf.random.get_global_generator() is made


def draws_of_generator(tf, seed):
    """Two numbers of a generator with a seed."""
    one = tf.random.Generator.from_seed(seed)
    return float(one.uniform([])), float(one.uniform([]))


def test_a_global_generator_that_nobody_made_is_seeded_and_gone(tf):
    """Where there is none, a block has one with the seed, and there is none after."""
    from tensorflow.python.ops import stateful_random_ops as generators

    for _ in range(2):
        with kerasplug.seeded(42):
            assert (of_generator(), of_generator()) == draws_of_generator(tf, 42)
        assert generators.global_generator is None


def test_graphs_of_tensorflow_1_are_seeded():
    """Without eager execution the default graph gets the seed, and its own back."""
    code = """
        import json
        import tensorflow as tf
        import kerasplug
        tf.compat.v1.disable_eager_execution()
        from tensorflow.python.framework.random_seed import get_seed
        tf.compat.v1.set_random_seed(5)
        plain = [get_seed(None) for _ in range(4)]
        tf.compat.v1.reset_default_graph()
        tf.compat.v1.set_random_seed(5)
        found = [get_seed(None) for _ in range(2)]
        with kerasplug.seeded(42):
            within = get_seed(None)
        found += [get_seed(None) for _ in range(2)]
        with kerasplug.seeded(42):
            again = get_seed(None)
        print(json.dumps([found == plain, within[0], within == again]))
    """
    assert run(code) == [True, 42, False]


def test_tensorflow_that_comes_within_a_block_is_seeded_and_put_back():
    """TensorFlow imported in a block is seeded; afterwards nobody has seeded it."""
    code = """
        import json
        import kerasplug
        with kerasplug.seeded(42):
            import tensorflow as tf
            drawn = float(tf.random.uniform([]))
        from tensorflow.python.eager import context
        tf.random.set_seed(42)
        plain = float(tf.random.uniform([]))
        print(json.dumps([drawn, plain]))
    """
    drawn, plain = run(code)
    assert drawn == plain


# --- Keras ---


def keras_state():
    """Keras' seed, its global generator, and its state, of this thread."""
    from keras.src.backend.common import global_state

    seed = global_state.get_global_attribute("global_random_seed")
    generator = global_state.get_global_attribute("global_seed_generator")
    drawn = None if generator is None else [int(one) for one in generator.state.value]
    return seed, generator, drawn


def normal(keras):
    """A number of Keras' global generator."""
    return float(keras.random.normal(()))


@pytest.mark.parametrize("before", ["fresh", "seeded", "drawn"])
def test_keras_draws_the_same_and_goes_on(keras, before):
    """In a block Keras draws as after `set_random_seed`; its own state comes back."""
    with kerasplug.seeded(1):  # so that the test leaves no trace itself
        keras.utils.set_random_seed(42)
        plain = [normal(keras), normal(keras)]
        keras.utils.clear_session(free_memory=False)
        if before != "fresh":
            keras.utils.set_random_seed(9)
        if before == "drawn":
            normal(keras)
        was = keras_state()
        for _ in range(2):
            with kerasplug.seeded(42):
                assert keras.src.utils.rng_utils.get_random_seed() == 42
                assert [normal(keras), normal(keras)] == plain
                normal(keras)
            assert keras_state() == was


def test_the_global_generator_itself_may_be_used_in_a_block(keras):
    """Draws with the generator from before the block are taken back as well."""
    normal(keras)
    was = keras_state()
    with kerasplug.seeded(42):
        keras.random.normal((), seed=was[1])
    assert keras_state() == was


def test_a_session_may_be_cleared_in_a_block(keras):
    """After `clear_session` in a block Keras' own state comes back all the same."""
    normal(keras)
    was = keras_state()
    with kerasplug.seeded(42):
        keras.utils.clear_session(free_memory=False)
        normal(keras)
    assert keras_state() == was


def test_new_layers_and_weights_are_the_same(keras):
    """Models built in blocks with one seed are the same, to the bit."""

    def weights():
        layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5)]
        model = keras.Sequential(layers)
        return [one.tolist() for one in model.get_weights()], [
            int(one) for one in model.layers[-1].seed_generator.state.value
        ]

    with kerasplug.seeded(42):
        first = weights()
    assert weights() != first
    with kerasplug.seeded(42):
        assert weights() == first


def test_keras_has_a_state_for_each_thread(keras):
    """A block in a thread seeds that thread's Keras, and leaves the others' alone."""
    normal(keras)
    was = keras_state()
    found = []

    def work():
        before = keras_state()
        with kerasplug.seeded(42):
            found.append(normal(keras))
        found.append(keras_state() == before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert keras_state() == was
    with kerasplug.seeded(42):
        assert found == [normal(keras), True]


@pytest.mark.parametrize("before", ["fresh", "seeded"])
def test_keras_2_draws_the_same_and_goes_on(keras, legacy, before):
    """Beside it Keras 2 is seeded, whose layers draw their seeds from its own."""
    from tf_keras.src import backend

    def weights():
        return legacy.Sequential(
            [legacy.layers.Dense(2, input_shape=(2,))]
        ).get_weights()

    def own():
        one = getattr(backend._SEED_GENERATOR, "generator", None)
        return one, None if one is None else one.getstate()

    before_all = own()[0]
    mine = random.Random(5)  # noqa: S311 -- what Keras 2 has
    backend._SEED_GENERATOR.generator = None if before == "fresh" else mine
    was = own()
    with kerasplug.seeded(1):
        legacy.utils.set_random_seed(42)
        plain = weights()
        backend._SEED_GENERATOR.generator = was[0]
    for _ in range(2):
        with kerasplug.seeded(42):
            found = weights()
        assert all((one == two).all() for one, two in zip(found, plain, strict=True))
        assert own() == was
    backend._SEED_GENERATOR.generator = before_all


COMES = """
    import json, random, sys
    import kerasplug
    assert "keras" not in sys.modules
    with kerasplug.seeded(42):
        import keras
        drawn = [random.random(), float(keras.random.normal(()))]
    from keras.src.backend.common import global_state
    left = [global_state.get_global_attribute(name) for name in (
        "global_random_seed", "global_seed_generator")]
    with kerasplug.seeded(42):
        again = [random.random(), float(keras.random.normal(()))]
    print(json.dumps([left, drawn == again]))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_keras_that_comes_within_a_block_is_seeded_and_put_back(backend):
    """Keras imported in a block draws from the seed, and is as fresh afterwards."""
    assert run(COMES, backend) == [[None, None], True]


def test_another_threads_keras_is_left_alone():
    """Keras imported by another thread during a block is not seeded for that thread."""
    code = """
        import json, threading
        import kerasplug
        found = []

        def work():
            import keras
            from keras.src.backend.common import global_state
            found.append(global_state.get_global_attribute("global_random_seed"))

        with kerasplug.seeded(42):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        print(json.dumps(found))
    """
    assert run(code, "jax") == [None]


def test_another_backend_may_be_set_within_a_block():
    """After `keras.config.set_backend` in a block the new Keras has no seed."""
    code = """
        import json, warnings
        import keras, kerasplug
        warnings.filterwarnings("ignore", "Using `keras.config.set_backend`")
        with kerasplug.seeded(42):
            keras.random.normal(())
            keras.config.set_backend("numpy")
            import keras
            keras.utils.set_random_seed(1)
            keras.random.normal(())
        from keras.src.backend.common import global_state
        print(json.dumps([global_state.get_global_attribute(name) for name in (
            "global_random_seed", "global_seed_generator")]))
    """
    assert run(code, "jax") == [None, None]


def test_models_have_to_be_built_when_the_block_begins(keras):
    """What is no built model is an error at the beginning, and nothing has changed."""
    unbuilt = keras.Sequential([keras.layers.Dropout(0.5)])
    was = state()
    for wrong in ("no model", unbuilt):
        block = kerasplug.seeded(1, models=[wrong])
        with pytest.raises(ModelError), block:
            pytest.fail("the block has begun")
        assert state() == was
    # The turn was given back: another thread gets it.
    thread = threading.Thread(target=kerasplug.seeded(1)(draws))
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_one_model_may_be_given_alone(keras):
    """`models=model` is as good as `models=[model]`."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5)])
    x = np.ones((2, 3), "float32")
    found = []
    for models in (model, [model], iter([model])):
        with kerasplug.seeded(1, models=models):
            found.append(np.array(model(x, training=True)).tolist())
    assert found[0] == found[1] == found[2]


# --- PyTorch ---

TORCH = """
    import json, random, sys
    import kerasplug
    assert "torch" not in sys.modules
    from kerasplug._frameworks.late import when_imported
    made = []
    when_imported("torch", lambda torch: made.append(torch.get_rng_state()))
    with kerasplug.seeded(42):
        import torch
        came = torch.rand(3).tolist()
    fresh = torch.equal(made[0], torch.get_rng_state())
    tracked = dict(vars(torch.cuda._lazy_seed_tracker))
    found = []
    for _ in range(2):
        torch.randn(3)
        before = torch.get_rng_state()
        with kerasplug.seeded(42):
            found.append(torch.rand(3).tolist())
        found.append(torch.equal(before, torch.get_rng_state()))
    torch.manual_seed(42)
    plain = torch.rand(3).tolist()
    torch.manual_seed(5)
    order = list(vars(torch.cuda._lazy_seed_tracker)["call_order"])
    with kerasplug.seeded(42):
        pass
    kept = order == torch.cuda._lazy_seed_tracker.call_order
    from kerasplug.seeding.states import seed_everything_loaded
    done = dict(seed_everything_loaded(3))["torch"]
    print(json.dumps([came, fresh, found, plain, tracked["call_order"], kept, done]))
"""


def test_pytorch_is_seeded_and_put_back(torch):
    """PyTorch draws as after `manual_seed`, also when it comes in a block, and goes on.

    What it would seed its GPUs with once they start comes back, too.
    """
    came, fresh, found, plain, queued, kept, done = torch.run(textwrap.dedent(TORCH))
    assert came == plain
    assert found == [plain, True, plain, True]
    assert fresh  # as it was when it came, nobody knows the numbers
    assert (queued, kept) == ([], True)
    assert done == "torch.manual_seed(3)"


def test_keras_on_pytorch_is_seeded_and_put_back(torch):
    """On PyTorch Keras that comes in a block is seeded, and as fresh afterwards."""
    assert torch.run(textwrap.dedent(COMES)) == [[None, None], True]


# --- everything that is loaded ---


def test_everything_is_told_and_seeded(keras, legacy):
    """Seeding all that is loaded does what Keras' own function does, and tells it."""
    with kerasplug.seeded(1):
        keras.utils.set_random_seed(42)
        plain = [draws(), normal(keras), uniform()]
        told = seed_everything_loaded(42)
        assert [draws(), normal(keras), uniform()] == plain
    names = ["python", "numpy", "keras", "tf_keras", "tensorflow"]
    assert [name for name, _ in told] == names
    assert told[:2] == [
        ("python", "random.seed(42)"),
        ("numpy", "numpy.random.seed(42)"),
    ]
    assert told[-1][1].startswith("tensorflow.random.set_seed(42)")
