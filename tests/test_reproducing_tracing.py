"""What the traced process writes down of one program, the same on each engine."""

import numpy as np
import pytest
from reproducing_kit import KNOWN, RICH, last_weights, traced, untraced
from torch_kit import torch  # noqa: F401 -- a fixture

pytestmark = pytest.mark.engine

#: Products of numbers below one, four of them added: float32 has seven digits.
NEAR = {"rtol": 1e-5, "atol": 1e-7}
KERNEL = "known/only/kernel"


@pytest.fixture(scope="module", params=["tensorflow", "jax", "torch"])
def engine(request):
    """A backend, and the Python that has it."""
    is_torch = request.param == "torch"
    python = request.getfixturevalue("torch").python if is_torch else None
    return request.param, python


@pytest.fixture(scope="module")
def known(engine, tmp_path_factory):
    """The known program, looked into."""
    backend, python = engine
    folder = tmp_path_factory.mktemp("known") / "run"
    return traced(folder, KNOWN, backend, python=python)


@pytest.fixture(scope="module")
def rich(engine, tmp_path_factory):
    """A larger program: looked into, by steps alone, and what it printed by itself."""
    backend, python = engine
    folder = tmp_path_factory.mktemp("rich")
    text = RICH.replace("JIT", "")
    steps = traced(folder / "steps", text, backend, python=python, depth="steps")
    inside = traced(folder / "inside", text, backend, python=python)
    return inside, steps, untraced(folder / "steps", backend, python=python)


def test_the_answer_says_where_it_ran(known, engine):
    """The answer names the backend and the versions of what was used."""
    assert known.answer["state"] == "ok", known.answer
    assert known.answer["backend"] == engine[0]
    assert {"python", "keras", "numpy", engine[0]} <= set(known.answer["versions"])


def test_each_kind_has_its_names(known):
    """Weights are named by their paths, layers by theirs, inputs by their role."""
    kinds = known.kinds()
    assert kinds["initial weight"] == {KERNEL}
    assert kinds["input batch"] == {"x", "y"}
    assert kinds["activation"] == {"known/only"}
    assert kinds["loss"] == {"loss", "mse"}
    assert kinds["gradient"] == {KERNEL}
    assert kinds["weight"] == {KERNEL}
    assert kinds["result"] == {f"known/{KERNEL}"}


def test_steps_are_counted_from_one(known):
    """Each of four batches is a step, and what was before the first one is step 0."""
    assert [one["step"] for one in known.only("weight")] == [1, 2, 3, 4]
    assert [one["step"] for one in known.only("initial weight")] == [0]
    assert [one["step"] for one in known.only("result")] == [4]


def test_a_step_has_its_order(known):
    """Within a step come inputs, activations, losses, gradients, and weights last."""
    kinds = [one["kind"] for one in known.events if one["step"] == 3]
    kinds = [one for one in kinds if one != "seed state"]
    told = ["input batch"] * 2 + ["activation", "loss", "loss", "gradient", "weight"]
    assert kinds == told


def test_values_are_those_of_the_mathematics(known):
    """Each value is what plain gradient descent, computed apart, has there."""
    x = np.arange(24, dtype="float64").reshape(6, 4) / 24
    y = np.arange(12, dtype="float64").reshape(6, 2) / 12
    weight = known.value("initial weight", KERNEL, 0).astype("float64")
    for step in range(1, 5):
        rows = slice(0, 3) if step % 2 else slice(3, 6)
        error = x[rows] @ weight - y[rows]
        gradient = 2 / error.size * x[rows].T @ error
        told = {
            ("input batch", "x"): x[rows],
            ("input batch", "y"): y[rows],
            ("activation", "known/only"): x[rows] @ weight,
            ("loss", "loss"): np.mean(error**2),
            ("gradient", KERNEL): gradient,
        }
        weight = weight - 0.5 * gradient
        told["weight", KERNEL] = weight
        for (kind, name), value in told.items():
            found = known.value(kind, name, step)
            np.testing.assert_allclose(found, value, **NEAR, err_msg=f"{kind} {step}")


def test_the_result_is_what_the_program_ends_with(known):
    """The weights at the end are those that the program itself printed."""
    (result,) = known.only("result")
    assert f"weights {known.array(result).tobytes().hex()}" in known.output
    assert result["digest"] == known.only("weight", 4)[0]["digest"]


def test_a_program_that_repeats_itself_has_one_journal(
    known, engine, tmp_path, monkeypatch
):
    """A second run, with other hashes, writes the same lines into its journal."""
    backend, python = engine
    monkeypatch.setenv("PYTHONHASHSEED", "11")
    again = traced(tmp_path / "run", KNOWN, backend, python=python)
    assert again.lines == known.lines


def test_steps_alone_change_nothing(rich):
    """At the depth of steps, weights end bit by bit as without any look."""
    _, steps, plain = rich
    assert steps.answer["state"] == "ok", steps.answer
    assert last_weights(steps.output) == last_weights(plain)
    assert steps.answer["notes"] == []


def test_looking_inside_changes_nothing_where_nothing_is_compiled_by_xla(rich, engine):
    """TensorFlow and PyTorch end with the same bits; of JAX, a note warns."""
    inside, _, plain = rich
    if engine[0] == "jax":
        assert any("last digits" in one for one in inside.answer["notes"])
    else:
        assert last_weights(inside.output) == last_weights(plain)
        assert inside.answer["notes"] == []


def test_steps_have_inputs_and_weights_and_nothing_between(rich):
    """At the depth of steps, there is what goes in and what comes out, no more."""
    _, steps, _ = rich
    told = {"input batch", "initial weight", "weight", "seed state", "result"}
    assert set(steps.kinds()) == told
    assert max(one["step"] for one in steps.events) == 6


def test_both_depths_see_the_same_beginning(rich):
    """Initial weights and first inputs are the same at either depth."""
    inside, steps, _ = rich
    for kind, step in (("initial weight", 0), ("input batch", 1)):
        of_each = [
            [(one["name"], one["digest"]) for one in run.only(kind, step)]
            for run in (inside, steps)
        ]
        assert of_each[0] == of_each[1]
        assert of_each[0]


def test_states_of_dropout_are_seen(rich, engine):
    """A random layer's state is there at first, and moves where it is used."""
    inside, _, _ = rich
    name = "torch" if engine[0] == "torch" else "seed_generator/seed_generator_state"
    seen = [one["digest"] for one in inside.only("seed state", name=name)]
    assert len(seen) >= 6
    assert len(set(seen)) == len(seen)


def test_an_evaluation_belongs_to_the_step_before_it(rich):
    """What layers compute for validation is told with the last step, once more."""
    inside, _, _ = rich
    times = {
        step: [one["occurrence"] for one in inside.only("activation", step, "dense")]
        for step in range(1, 7)
    }
    assert times == {1: [0], 2: [0], 3: [0, 1], 4: [0], 5: [0], 6: [0, 1]}
