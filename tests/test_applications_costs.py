"""What applications cost, counted and not timed: memory, and what is imported."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from cli_kit import HEAVY

import kerasplug
from kerasplug.errors import ApplicationError

MODES = {"tf": "xception", "caffe": "vgg16", "torch": "densenet121"}


def peak(call, *arguments):
    """The most bytes that were held at once during a call, and what it returned."""
    tracemalloc.start()
    try:
        made = call(*arguments)
        return tracemalloc.get_traced_memory()[1], made
    finally:
        tracemalloc.stop()


def theirs(x, mode, data_format=None):
    """What Keras makes of a copy."""
    utils = kerasplug.implementation().applications.imagenet_utils
    return utils.preprocess_input(x.copy(), mode=mode, data_format=data_format)


# --- preprocessing ---


@pytest.mark.engine
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("mode", MODES)
def test_preprocessing_takes_the_memory_of_its_result(mode, dtype):
    """A batch is there once besides the caller's, in whatever type the pixels are."""
    prepare = kerasplug.application_preprocess_inputs
    prepare(MODES[mode], np.zeros((1, 2, 2, 3), dtype))  # imports are not counted

    held, made = peak(prepare, MODES[mode], np.zeros((64, 224, 224, 3), dtype))

    assert made.nbytes <= held < 1.1 * made.nbytes


def photos(shape, dtype="uint8"):
    """Pixels of all values, of which no two neighbours agree."""
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


@pytest.mark.engine
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("x", "data_format"),
    [
        pytest.param(photos((5, 300, 300, 3)), None, id="many"),
        pytest.param(photos((900, 1000, 3), "float32"), None, id="large"),
        pytest.param(photos((2, 900, 500, 3), "float64"), None, id="many-large"),
        pytest.param(photos((5, 3, 300, 300)), "channels_first", id="first"),
        pytest.param(
            photos((3, 900, 1000), "float32"), "channels_first", id="first-large"
        ),
        pytest.param(photos((9, 301, 200, 3))[::2, :, ::-1], None, id="strided"),
        pytest.param(photos((300, 5, 300, 3)).swapaxes(0, 1), None, id="swapped"),
        pytest.param(photos((0, 300, 300, 3)), None, id="none"),
    ],
)
def test_work_in_blocks_changes_no_number(mode, x, data_format):
    """Batches and images beyond a block are Keras' own, in memory without gaps."""
    made = kerasplug.application_preprocess_inputs(
        MODES[mode], x, data_format=data_format
    )

    assert np.array_equal(made, theirs(x, mode, data_format))
    assert made.flags.c_contiguous


@pytest.mark.engine
@pytest.mark.parametrize("mode", ["caffe", "torch"])
@pytest.mark.parametrize(
    ("shape", "data_format"),
    [
        ((2, 4, 4, 4), None),
        ((4, 4, 1), None),
        ((2, 4, 4, 3), "channels_first"),
        ((3, 4), "channels_first"),
        ((), None),
    ],
)
def test_images_of_other_channels_are_refused(mode, shape, data_format):
    """There are numbers for three; an array and a tensor are told the same."""
    ops = kerasplug.implementation().ops
    x = np.zeros(shape, "float32")
    for images in (x, ops.convert_to_tensor(x)):
        with pytest.raises(ApplicationError, match="red, green and blue"):
            kerasplug.application_preprocess_inputs(
                MODES[mode], images, data_format=data_format
            )


@pytest.mark.engine
def test_scaling_alone_takes_any_channels():
    """Where all channels are alike, one or four are as good as three."""
    for shape in ((2, 4, 4, 1), (4, 4, 4), (3, 4)):
        x = photos(shape)
        made = kerasplug.application_preprocess_inputs(
            "xception", x, data_format="channels_first"
        )

        assert np.array_equal(made, theirs(x, "tf"))


# --- listing ---

_TOLD = """
import sys, kerasplug as kp
names = list(kp.applications)
records = [kp.applications.record(name) for name in names]
assert len({record.name for record in records}) == len(names) > 30
print("kerasplug_applications" in sys.modules)
for name in names:
    one = kp.applications[name]
    one.record, one.name, one.weights, one.arguments, repr(one)
print(*sorted(set(sys.modules) & set(sys.argv[1:])))
"""

_LISTED = """
import sys
from kerasplug.cli import main
assert main(["list", "applications", *sys.argv[1].split()]) == 0
names = {name.partition(".")[0] for name in sys.modules}
print(*sorted(names & {"kerasplug_applications", *sys.argv[2:]}), file=sys.stderr)
"""


def fresh(cache, code, *arguments):
    """What a fresh process says, whose index is in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_records_import_neither_keras_nor_their_plugin(tmp_path):
    """All names and records are had without it; arguments and weights without Keras."""
    for _ in ("cold", "warm"):
        assert fresh(tmp_path, _TOLD, *HEAVY).stdout.splitlines() == ["False", ""]


@pytest.mark.parametrize("option", ["", "--json"])
def test_the_command_lists_applications_without_keras(tmp_path, option):
    """For people and for programs, the plugin's own code stays unimported, too."""
    for _ in ("cold", "warm"):
        said = fresh(tmp_path, _LISTED, option, *HEAVY)

        assert "mobilenet_v3_small" in said.stdout
        assert said.stderr.strip() == ""
