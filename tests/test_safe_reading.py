"""What loading refuses in every mode, what a caller can allow, and what is fine."""

import json
import os
import shutil
from operator import attrgetter

import hostile_configs as configs
import hostile_hdf5 as hdf5
import hostile_zip as zips
import pytest
from hostile_corpus import CORPUS
from hostile_kit import (
    dense,
    kernel,
    lambda_layer,
    model,
    text_of,
    weights,
    write,
    write_hdf5_model,
)
from saving_plugin import layer_config

import kerasplug
from kerasplug.errors import ModelFileError, RecordError
from kerasplug.saving import inspect_model
from kerasplug.saving.dangers import LIFTED, Danger, refusal, shown
from kerasplug.saving.limits import Limits
from kerasplug.saving.reading import Contents
from kerasplug.saving.safe_reading import check_config, read_safely

TRUSTED = [one for one in CORPUS if one.kind in LIFTED]


def kinds(path, **options):
    """The kinds of the dangers in a file."""
    return [one.kind for one in inspect_model(path, **options).dangers]


@pytest.mark.parametrize("case", TRUSTED, ids=attrgetter("id"))
def test_who_trusts_a_file_lets_its_code_pass(tmp_path, case):
    """`safe_mode=False` lifts what runs code, or points to it."""
    path = case.build(tmp_path / f"m{case.suffix}")

    with pytest.raises(ModelFileError, match="safe_mode=False"):
        read_safely(path)
    contents, everything = read_safely(path, safe_mode=False)
    assert contents.configs
    assert everything


@pytest.mark.parametrize(
    "build",
    [
        hdf5.in_hdf5(hdf5.external),
        hdf5.in_hdf5(hdf5.soft_link),
        hdf5.in_hdf5(hdf5.shape_bomb),
        zips.two_weights,
        zips.parent_name,
        configs.keras_with(dense(name="..\\x")),
    ],
)
def test_what_nobody_means_is_refused_in_every_mode(tmp_path, build):
    """Other files, bombs, doubles and paths are no matter of trust."""
    path = build(tmp_path / "m.keras")

    with pytest.raises(ModelFileError):
        read_safely(path, safe_mode=False)


@pytest.mark.parametrize(
    ("change", "limits"),
    [
        (configs.deep, Limits(config_depth=400)),
        (configs.long_text, Limits(string_length=30_000_000)),
        (configs.not_a_number, Limits(not_finite=True)),
    ],
)
def test_a_limit_is_raised_for_one_call(tmp_path, change, limits):
    """What the default refuses passes with the limit that the error names."""
    path = configs.keras_text(change)(tmp_path / "m.keras")

    with pytest.raises(ModelFileError) as caught:
        read_safely(path)
    (field,) = (
        one
        for one in Limits.__slots__
        if getattr(limits, one) != getattr(Limits(), one)
    )
    assert f"Limits({field}=" in caught.value.mend
    assert read_safely(path, limits=limits)[0].format == "keras"
    assert kinds(path, limits=limits) == []


def test_more_than_the_memory_is_refused(tmp_path):
    """Weights that honestly need more memory than allowed are named before loading."""
    path = write(tmp_path / "m.keras")

    with pytest.raises(ModelFileError, match="more memory than there is"):
        read_safely(path, limits=Limits(weight_bytes=10))
    assert kinds(path, limits=Limits(weight_bytes=10)) == ["memory"]


def test_limits_are_whole_numbers():
    """Nothing else is a limit."""
    for wrong in (0, -1, 1.5, True, "many"):
        with pytest.raises(RecordError):
            Limits(members=wrong)
    with pytest.raises(RecordError):
        Limits(not_finite=1)


def test_a_wide_model_whose_weights_are_there_is_fine(tmp_path):
    """A layer is large or small by what is in the file."""
    wide = {**dense(units=9_000_000), "build_config": {"input_shape": [None, 2]}}
    path = write(tmp_path / "m.keras", model(wide))
    full = kernel(lambda group: group.create_dataset("0", data=bytes_of(9_000_000)))

    assert kinds(path) == ["size-bomb"]
    assert kinds(write(tmp_path / "n.keras", model(wide), stored=weights(full))) == []
    (tmp_path / "m.json").write_bytes(text_of(model(wide)))
    assert kinds(tmp_path / "m.json") == []


def bytes_of(count):
    """So many zeros, really stored."""
    import numpy as np

    return np.zeros(count, "int8")


def test_the_first_danger_stands_for_all(tmp_path):
    """An error with several dangers names the first, and the others by their kinds."""
    one = Danger("soft-link", "/a", "holds a soft link")
    error = refusal("folder/m.h5", [one, one._replace(kind="filter"), one])

    assert str(error) == (
        "m.h5 holds a soft link.\n  found:    at /a; and 2 more: filter, soft-link"
    )


def test_texts_from_a_file_are_shown_short_and_in_one_line():
    """Escapes, line ends and lone surrogates can't change what a terminal shows."""
    assert shown("a\n\x1b[2J") == r"'a\n\x1b[2J'"
    assert shown("\ud800") == r"'\ud800'"
    assert len(shown("x" * 10_000)) < 100


def test_hostile_names_do_not_reach_a_terminal(tmp_path):
    """What a file calls its things is printed as a text, not as it is."""
    odd = layer_config("Dense\x1b[2J", "keras.layers\n", name="\x1b[31mred" * 30)
    text = str(inspect_model(write(tmp_path / "m.keras", model(odd))))

    assert "\x1b" not in text
    assert all(len(line) < 400 for line in text.splitlines())


def test_a_parsed_configuration_is_checked_alike():
    """Text that was JSON or YAML has the same dangers, and nothing else to it."""
    code = model(lambda_layer(configs.code()))
    contents = Contents("the text", "keras", "", (("config", code),))

    with pytest.raises(ModelFileError, match="bytecode of a Python lambda"):
        check_config(contents)
    assert check_config(contents, safe_mode=False)
    fine = Contents("the text", "keras", "", (("config", model()),))
    assert next(one.class_name for one in check_config(fine)) == "Sequential"


def test_a_folder_is_looked_at_whole(tmp_path):
    """The folder form: links within it are fine, links out of it and pipes are not."""
    folder = zips.folder(tmp_path / "m")
    assert kinds(folder) == []
    (folder / "assets").mkdir()
    (folder / "assets" / "words.txt").symlink_to(folder / "metadata.json")
    assert kinds(folder) == []

    (folder / "assets" / "other.txt").symlink_to(tmp_path)
    assert kinds(folder) == ["link"]
    (folder / "assets" / "other.txt").unlink()
    os.mkfifo(folder / "assets" / "pipe")
    assert kinds(folder) == ["link"]
    shutil.rmtree(folder / "assets")
    (folder / "model.weights.h5").write_bytes(weights(kernel(hdf5.soft_link)))
    assert kinds(folder) == ["soft-link"]


def test_the_corpus_is_refused_by_loading_before_keras(tmp_path):
    """`load_model` refuses a file of each danger that inspecting tells of."""
    seen = set()
    for case in CORPUS:
        if not case.kind or case.kind in seen or case.id == "many groups":
            continue
        seen.add(case.kind)
        path = case.build(tmp_path / f"{len(seen)}{case.suffix}")
        with pytest.raises(ModelFileError):
            kerasplug.load_model(path)
    assert len(seen) > 15


def test_weights_and_json_are_inspected(tmp_path):
    """Weights alone have no layers, and an architecture has no parameters."""
    alone = tmp_path / "m.weights.h5"
    alone.write_bytes(weights())
    text = tmp_path / "m.json"
    text.write_text(json.dumps(model()))

    found = inspect_model(alone)
    assert (found.format, found.layers, found.parameters) == ("weights", (), 9)
    found = inspect_model(text)
    assert (found.format, found.parameters) == ("json", None)
    assert [one.class_name for one in found.layers] == [
        "Sequential",
        "InputLayer",
        "Dense",
    ]
    assert [one.depth for one in found.layers] == [0, 1, 1]


def test_both_formats_say_the_same_of_one_model(tmp_path):
    """Layers, parameters and dangers don't depend on the format."""
    new = inspect_model(write(tmp_path / "m.keras"))
    old = inspect_model(write_hdf5_model(tmp_path / "m.h5"))

    assert [(one.name, one.class_name) for one in new.layers] == [
        (one.name, one.class_name) for one in old.layers
    ]
    assert new.parameters == old.parameters == 9
    assert new.dangers == old.dangers == ()
    assert new.sizes["model.weights.h5"] == len(weights())
    assert old.sizes["model_weights"] == 36
