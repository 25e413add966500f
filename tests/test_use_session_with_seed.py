"""`use_session_with_seed`: what it does, what it says, and what is too late for it."""

import json

import pytest
import seeding_kit
import torch_kit
from bare import bare, put, put_keras
from fakes import python

import kerasplug
from kerasplug.errors import ConfigError, ModelError, SeedError

pytestmark = pytest.mark.engine

engines = seeding_kit.engines  # a fixture
torch = torch_kit.torch  # a fixture
ON_EACH = seeding_kit.ON_EACH

QUIET = 'quiet=True, hash_seed="ignore"'
#: The variables that are set for threads and GPUs.
OURS = [
    "CUDA_VISIBLE_DEVICES",
    "JAX_PLATFORMS",
    "KERAS_TORCH_DEVICE",
    "NPROC",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
]
#: The measure of the engine's own random state.
OWN = {"tensorflow": "applied", "jax": "not applicable", "torch": "applied"}


@ON_EACH
def test_first_in_a_program_everything_is_applied(engines, backend):
    """Called first, nothing is too late, and each measure has a reason."""
    said = engines.told(
        backend,
        f"""
        report = kp.use_session_with_seed(42, {QUIET})
        said["states"] = states(report)
        said["reasons"] = all(one.reason for one in report.measures)
        said["backend"] = report.backend
        said["message"] = report.message
        said["json"] = json.loads(json.dumps(report.as_dict()))["measures"][0]["name"]
        said["text"] = str(report)
        """,
    )

    states = said["states"]
    assert said["backend"] == backend
    assert said["reasons"]
    assert "too late" not in states.values()
    assert states["python"] == states["numpy"] == states["keras"] == "applied"
    assert states["cpu parallelism"] == "applied"
    assert states["op determinism"] == states["session"] == "not applicable"
    assert states[backend] == OWN[backend]
    assert said["message"] == "Set session seed to 42 (disabled GPU, CPU parallelism)"
    assert said["json"] == "session"
    assert said["text"].splitlines()[0] == said["message"]
    assert len(said["text"].splitlines()) == len(states) + 1


@ON_EACH
def test_the_same_numbers_come_again(engines, backend):
    """Python's, NumPy's, the engine's and Keras' numbers are those of the seed."""
    program = f"""
        import random
        said["before"] = random.random()
        kp.use_session_with_seed(42, {QUIET})
        import keras, numpy as np
        own = {{
            "tensorflow": "__import__('tensorflow').random.uniform((3,))",
            "torch": "__import__('torch').rand(3)", "jax": "[0.0]",
        }}[kp.backend()]
        said["numbers"] = [
            random.random(),
            np.random.rand(),
            *map(float, eval(own)),
            *map(float, keras.random.uniform((3,))),
            keras.layers.Dense(1)(np.ones((1, 3))),
        ]
        said["numbers"] = [
            float(keras.ops.convert_to_numpy(one).flat[0]) for one in said["numbers"]
        ]
    """

    first, second = (engines.told(backend, program) for _ in range(2))

    assert first["before"] != second["before"]
    assert first["numbers"] == second["numbers"]


@ON_EACH
def test_one_thread_computes(engines, backend):
    """With CPU parallelism disabled one thread computes; else several do."""
    program = """
        kp.use_session_with_seed(1, True, %s, quiet=True, hash_seed="ignore")
        import keras, time
        x = keras.ops.ones((1200, 1200))
        work = lambda: keras.ops.convert_to_numpy(keras.ops.matmul(x, x))
        work()
        wall, spent = time.perf_counter(), time.process_time()
        for _ in range(8):
            work()
        said["busy"] = (time.process_time() - spent) / (time.perf_counter() - wall)
        said["pool"] = threads()["tf_XLAEigen"]
    """
    single = engines.told(backend, program % True)
    several = engines.told(backend, program % False)

    # Never more than one processor's time; that several are used needs two free ones.
    assert single["busy"] < 1.1
    if backend == "jax":
        assert single["pool"] == 1 < several["pool"]


LATE = """
    import keras
    import numpy as np
    keras.ops.convert_to_numpy(keras.ops.ones((2,)) + 1)
    import random
    random.seed(7); before = random.getstate()
    environment = dict(os.environ)
    said["error"] = error(kp.use_session_with_seed, 42, quiet=True, hash_seed="warn")
    said["untouched"] = random.getstate() == before and dict(os.environ) == environment
    report = kp.use_session_with_seed(
        42, strict=False, quiet=True, hash_seed="ignore"
    )
    said["states"] = states(report)
    said["first"] = report["cpu parallelism"].first
    said["message"] = report.message
    said["again"] = states(
        kp.use_session_with_seed(42, strict=False, quiet=True, hash_seed="ignore")
    )
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "numpy"])
def test_too_late_raises_and_changes_nothing(engines, backend):
    """Once an engine computes with its threads it is too late, and nothing changes."""
    said = engines.told(backend, LATE)

    assert said["error"].startswith("SeedError: Too late to make this session repeatab")
    assert "cpu parallelism" in said["error"]
    assert "strict=False" in said["error"]
    assert said["untouched"]
    assert said["states"]["cpu parallelism"] == "too late"
    assert said["first"].startswith("first use of Keras: ")
    assert said["states"]["python"] == "applied"
    assert said["message"] == "Set session seed to 42 (disabled GPU)"
    assert said["again"] == said["states"]


def test_torch_can_still_be_told(engines):
    """PyTorch takes another number of threads at any time."""
    now = 'said["now"] = __import__("torch").get_num_threads()'
    said = engines.told("torch", LATE + f"    {now}\n")

    assert said["error"] is None
    assert said["states"]["cpu parallelism"] == "applied"
    assert said["now"] == 1


def test_keras_gets_its_device_also_where_pytorch_is_loaded(engines):
    """Keras reads its device at its import, which may come after PyTorch's."""
    said = engines.told(
        "torch",
        f"""
        import torch
        said["states"] = states(kp.use_session_with_seed(42, {QUIET}))
        said["device"] = os.environ.get("KERAS_TORCH_DEVICE")
        """,
    )

    assert said["device"] == "cpu"
    assert "too late" not in said["states"].values()


@ON_EACH
def test_importing_the_engine_first_does_no_harm(engines, backend):
    """Keras may be imported before, as long as nothing was computed."""
    said = engines.told(
        backend,
        f"""
        import keras
        report = kp.use_session_with_seed(42, {QUIET})
        said["states"] = states(report)
        """,
    )

    assert "too late" not in said["states"].values()
    assert said["states"]["session"] == "applied"


@ON_EACH
def test_a_second_call_changes_the_seed_and_keeps_the_rest(engines, backend):
    """It can be called again, also after something was computed."""
    said = engines.told(
        backend,
        f"""
        import random
        kp.use_session_with_seed(1, {QUIET})
        import keras
        first = random.random(); keras.ops.ones((2,)) + 1
        report = kp.use_session_with_seed(2, {QUIET})
        said["states"] = states(report)
        kp.use_session_with_seed(1, {QUIET})
        said["same"] = random.random() == first
        """,
    )

    assert "too late" not in said["states"].values()
    assert said["same"]


@ON_EACH
def test_cpu_parallelism_can_be_had_back_before_the_engine_starts(engines, backend):
    """A second call gives the threads back, with their variables, or says too late."""
    said = engines.told(
        backend,
        f"""
        before = dict(os.environ)
        kp.use_session_with_seed(1, {QUIET})
        report = kp.use_session_with_seed(1, False, False, {QUIET})
        said["states"] = states(report), report["cpu parallelism"].reason
        changed = {{k for k in os.environ if os.environ[k] != before.get(k)}}
        said["changed"] = sorted(changed & set({OURS}))
        kp.use_session_with_seed(1, {QUIET})
        import keras
        keras.ops.convert_to_numpy(keras.ops.ones((2,)) + 1)
        said["error"] = error(kp.use_session_with_seed, 1, False, False, {QUIET})
        """,
    )

    states, reason = said["states"]
    assert states["cpu parallelism"] == "not applicable"
    assert "given back" in reason
    assert said["changed"] == []
    late = None if backend == "torch" else "SeedError"
    assert (said["error"] and said["error"].partition(":")[0]) == late


def test_the_line_goes_to_standard_error_unless_quiet():
    """R's line is printed once, and with `quiet` nothing is."""
    program = """
        import kerasplug as kp
        kp.use_session_with_seed(42, True, False, hash_seed="ignore")
        kp.use_session_with_seed(42, hash_seed="ignore", quiet=True, strict=False)
    """
    done = python(program, env={"KERAS_BACKEND": "jax"})

    assert done.stdout == ""
    assert done.stderr == "Set session seed to 42 (disabled GPU)\n"


@pytest.mark.parametrize(
    "seed", [-1, 2**32, 1.5, "42", None, True, float("nan"), [1], 10**400]
)
def test_a_seed_that_is_none_is_an_error(seed):
    """Whole numbers from 0 to 2**32 - 1 are seeds, and nothing else is."""
    with pytest.raises(SeedError):
        kerasplug.use_session_with_seed(seed)


def test_wrong_arguments_are_errors_before_anything_is_done():
    """A word that is none, and a model that is none, are refused at once."""
    with pytest.raises(ConfigError, match="hash seed"):
        kerasplug.use_session_with_seed(1, hash_seed="sometimes")
    with pytest.raises((ModelError, SeedError)):
        kerasplug.use_session_with_seed(1, hash_seed="ignore", models=["no model"])


def test_the_report_names_what_is_not_there(engines):
    """Asking a report for an unknown measure names those that there are."""
    said = engines.told(
        "jax",
        f"""
        report = kp.use_session_with_seed(42, {QUIET})
        said["error"] = error(report.__getitem__, "gpus")
        said["models"] = report["models"].state
        """,
    )

    assert "cpu parallelism" in said["error"]
    assert said["models"] == "not applicable"


def test_settings_of_a_session_stay_when_it_is_cleared(engines):
    """The dtype policy and the distribution are no part of what is cleared."""
    said = engines.told(
        "jax",
        f"""
        import keras
        keras.config.set_dtype_policy("mixed_float16")
        names = keras.layers.Dense(1).name, keras.layers.Dense(1).name
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        report = kp.use_session_with_seed(42, True, False, {QUIET})
        said["policy"] = keras.config.dtype_policy().name
        said["distributed"] = keras.distribution.distribution() is not None
        said["names"] = [*names, keras.layers.Dense(1).name]
        keras.config.set_dtype_policy("float32")
        keras.distribution.set_distribution(None)
        keras.utils.clear_session()
        keras.config.set_dtype_policy("mixed_float16")
        keras.utils.clear_session()
        said["upstream"] = keras.config.dtype_policy().name
        """,
    )

    assert said["policy"] == "mixed_float16"
    assert said["distributed"]
    assert said["names"] == ["dense", "dense_1", "dense"]
    assert said["upstream"] == "float32"  # else there is nothing to put back any more


def test_what_is_imported_later_is_seeded_then(engines):
    """TensorFlow beside JAX is not imported for it, and has the seed when it comes."""
    program = f"""
        report = kp.use_session_with_seed(42, {QUIET})
        said["loaded"] = "tensorflow" in sys.modules
        said["reason"] = report["tensorflow"].reason
        import tensorflow as tf
        said["numbers"] = tf.random.uniform((3,)).numpy().tolist()
        tf.random.set_seed(42)
        said["seeded"] = tf.random.uniform((3,)).numpy().tolist()
    """
    said = engines.told("jax", program)

    assert not said["loaded"]
    assert "when somebody imports it" in said["reason"]
    assert said["numbers"] == said["seeded"]


def test_without_keras_python_is_seeded(tmp_path):
    """Where no Keras is installed, the rest is done, and the report says so."""
    done = bare(
        """
        import json, random
        import kerasplug as kp
        report = kp.use_session_with_seed(42, quiet=True, hash_seed="ignore")
        first = random.random()
        random.seed(42)
        print(json.dumps({one.name: one.state for one in report.measures}))
        print(report.message, report.backend == "", random.random() == first)
        print(report["gpu"].reason)
        """,
        tmp_path,
    )
    states, line, reason = done.stdout.splitlines()

    assert json.loads(states)["python"] == "applied"
    assert json.loads(states)["cpu parallelism"] == "not applicable"
    assert line == "Set session seed to 42 (disabled GPU) True True"
    assert reason == "no Keras is installed"


def test_a_broken_keras_leaves_the_environment_as_it_was(tmp_path):
    """Where Keras can't be imported, its error comes, and no variable stays behind."""
    folder = put_keras(tmp_path / "site", source="raise ImportError('half of it')\n")
    put(put(folder, "jax"), "jaxlib")
    done = bare(
        """
        import os
        import kerasplug as kp
        from kerasplug.errors import KerasBrokenError
        before = dict(os.environ)
        try:
            kp.use_session_with_seed(42, quiet=True, hash_seed="warn")
        except KerasBrokenError:
            print({k: v for k, v in os.environ.items() if before.get(k) != v})
        """,
        tmp_path,
        folder,
        env={"KERAS_BACKEND": "jax"},
    )

    assert done.stdout.strip() == "{}"
