"""Models on several devices of PyTorch train as on one; proven on the processor.

PyTorch has one processor and no virtual ones, so the replicas share it, each with
copies of the weights as on a device of its own. Where they would be is proven with
pretended devices.
"""

import pytest
import torch_kit

pytestmark = pytest.mark.engine
torch = torch_kit.torch  # a fixture

#: What equal means for numbers in float64 that were added up in another order.
CLOSE = 1e-12
NUMBERS = (2, 4, 8)
KINDS = ("images", "several", "sequences", "frozen")
QUESTIONS = {
    "training": (
        *("trained", "by_hand", "unbuilt", "saved", "added", "halves"),
        *("masked", "inside", "seen"),
    ),
    "states": (
        *("normalized", "aggregated", "drawn", "remembered", "half_done"),
        "refused",
    ),
    "devices": ("placed", "upstream", "named", "precision"),
}


@pytest.fixture(scope="module")
def ask(torch):
    """A function that answers a question; a program is asked all of its own at once."""
    told = {}

    def answer(question):
        (about,) = (one for one, asked in QUESTIONS.items() if question in asked)
        if about not in told:
            told[about] = torch.run(f"torch_parallel_{about}.py", *QUESTIONS[about])
        found = told[about][question]
        assert "answer" in found, found["error"]
        return found["answer"]

    return answer


# --- equal to one device ---


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_steps_are_those_of_one_device(ask, kind, number):
    """Weights, optimizer, history and outputs are equal, however the rows divide."""
    apart = ask("trained")[f"{kind} {number}"]

    assert apart.pop("steps") >= 50
    assert apart.pop("moved") > 0.1
    assert set(apart) > {"weights", "optimizer", "logs", "predicted", "one row"}
    assert max(apart.values()) < CLOSE, apart


def test_batches_by_hand_are_those_of_one_device(ask):
    """The methods for one batch agree for 1, 3, 4 and 30 rows, and take none at all."""
    apart = ask("by_hand")

    assert apart.pop("none") == [[0, 2], [0, 2]]
    assert len(apart) == 4
    assert max(apart.values()) < CLOSE


def test_a_template_without_weights_gets_them_by_training(ask):
    """A model that was never called trains on replicas as on one device."""
    assert ask("unbuilt") < CLOSE


def test_training_goes_on_after_saving_either(ask):
    """The template's file and the parallel model's resume alone and on replicas."""
    apart = ask("saved")

    assert len(apart) == 4
    assert max(apart.values()) < CLOSE


def test_losses_that_layers_add_count_as_on_one_device(ask):
    """Regularizers of activity change training as they do on one device."""
    apart = ask("added")

    assert apart["counts"] > 1e-4
    assert apart["weights"] < CLOSE
    assert apart["logs"] < CLOSE


def test_masks_that_are_given_are_cut_like_the_batch(ask):
    """A mask as an argument and one on a tensor mean what they mean on one device."""
    found = ask("masked")

    assert found["without"] > 0.01
    assert max(found["argument"], found["tensor"]) < CLOSE


def test_a_parallel_model_is_a_layer_of_another(ask):
    """A model around it trains as one on one device: gradients pass through."""
    assert ask("inside") < CLOSE


def test_asking_for_shapes_computes_nothing(ask):
    """A first training step calls each layer once on each device, beside shapes."""
    assert [one for one in ask("seen") if one != "meta"] == ["cpu", "cpu"]


def test_copies_have_the_precision_of_the_weights(ask):
    """In a model in half precision, a layer in full precision loses nothing."""
    assert ask("halves") == [1 + 2**-12] * 2


# --- what a call leaves in the model ---


def test_averages_of_a_step_are_the_mean_over_its_rows(ask):
    """Batch normalization moves once: to the batch's mean, to its slices' variance."""
    apart = ask("normalized")

    assert max(apart.values()) < CLOSE


def test_variables_become_one_as_they_say(ask):
    """Aggregation by sum, mean and first replica is kept; integers go on counting."""
    mean = 1 + (1 * 1 + 5 * 2 + 10 * 2) / 5

    found = ask("aggregated")

    assert found["none"] == found["mean"] == pytest.approx(mean)
    assert found["sum"] == 1 + 1 + 5 + 10
    assert found["only_first_replica"] == 1 + 1
    assert found["count"] == 1 + 3


def test_replicas_draw_different_numbers(ask):
    """A dropout with a seed hides other features in each replica, and counts draws."""
    assert ask("drawn") == {"different": 4, "draws": [4, 6]}


def test_stateful_layers_remember_each_row(ask):
    """Recurrent states of all rows are those of one device, batch after batch."""
    found = ask("remembered")

    assert found["outputs"] < CLOSE
    assert found["states"] < CLOSE
    assert set(found["kept"]) == {"Variable"}
    assert found["other rows"][0] == "DeviceError"


def test_an_error_leaves_the_model_as_it_was(ask):
    """When the second replica fails, statistics have not moved; later they do."""
    found = ask("half_done")

    assert "too large" in found["said"][1]
    assert found["untouched"] == [0.0]
    assert found["afterwards"] == [pytest.approx(0.02)]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("statistics", "sync_batch_norm=True"),
        ("compiled", "jit_compile=True"),
        ("module", "'torch_module_wrapper'"),
        ("rows", "other rows than the batch"),
    ],
)
def test_what_can_not_be_equal_is_refused(ask, what, words):
    """Whole statistics, compiling, foreign modules and outputs without rows raise."""
    kind, said = ask("refused")[what]

    assert kind == "DeviceError"
    assert words in said


# --- where it is computed ---


def test_each_replica_computes_on_its_device_backward_as_well(ask):
    """Three devices have a convolution and a product each; gradients come home."""
    found = ask("placed")
    each = ["unreal:0", "unreal:1", "unreal:2"]

    assert found["backward"]["ConvolutionBackward0"] == each
    assert found["backward"]["MmBackward0"] == each
    assert set(found["backward"]["torch::autograd::AccumulateGrad"]) == {"unreal:0"}
    assert found["merged on"] == "unreal:2"
    assert found["weights"] == ["unreal:0"]


def test_a_device_scope_of_keras_alone_does_not_do(ask):
    """Layers whose weights are elsewhere fail on another device: copies are needed."""
    assert "unreal:0 and unreal:1" in ask("placed")["without"][1]


def test_devices_have_the_names_of_pytorch(ask):
    """A GPU is `cuda` there; other kinds are called alike."""
    assert ask("named") == ["cuda:1", "mps:0", "xpu:1", "cpu:0"]


# --- what is so elsewhere ---


def test_data_parallel_of_pytorch_does_not_reach_keras(ask):
    """Copies that PyTorch makes change its own module's outputs, and none of Keras'."""
    assert ask("upstream") == {"torch": [[2.0], [2.0]], "keras": [[1.0], [1.0]]}


def test_keras_rounds_doubles_on_pytorch(ask):
    """Keras computes in single precision what two doubles make, unless it is told."""
    assert ask("precision") == ["float32", "float64"]
