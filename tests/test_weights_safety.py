"""Hostile files with weights: refused before an HDF5 library sees them."""

import json
import os
from operator import attrgetter

import h5py
import numpy as np
import pytest
from hostile_corpus import CORPUS, build
from hostile_hdf5 import external, external_link, shape_bomb, soft_link, virtual
from hostile_kit import BIAS, KERNEL, kernel, weights
from weights_kit import chain, different, saved

from kerasplug.errors import ModelFileError
from kerasplug.saving.dangers import LIFTED
from kerasplug.saving.limits import Limits
from kerasplug.saving.weights import load_model_weights_hdf5

pytestmark = pytest.mark.engine


@pytest.fixture
def small(keras):
    """The model that the files of the corpus are of."""
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="dense")])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Name in the corpus -> the file."""
    return build(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("hostile", CORPUS, ids=attrgetter("id"))
def test_a_hostile_file_changes_nothing(small, corpus, hostile, tmp_path, monkeypatch):
    """Each hostile file is refused; where only its code is hostile, nothing runs it."""
    monkeypatch.setenv("HOSTILE_CANARY", str(tmp_path / "canary"))
    before = small.get_weights()

    if hostile.kind in LIFTED:
        load_model_weights_hdf5(small, corpus[hostile.id])
        assert np.array_equal(small.layers[0].kernel, KERNEL)
        assert np.array_equal(small.layers[0].bias, BIAS)
    else:
        with pytest.raises(ModelFileError):
            load_model_weights_hdf5(small, corpus[hostile.id])
        assert not any(different(before, small))
    assert os.listdir(tmp_path) == []


SPOILT = {
    "external storage": (external, "read from another file"),
    "external link": (external_link, "link into another file"),
    "soft link": (soft_link, "soft link"),
    "virtual dataset": (virtual, "virtual|other|another"),
    "shape bomb": (shape_bomb, "declares weights that are not in it"),
}


@pytest.mark.parametrize("sharded", [False, True], ids=["alone", "in a shard"])
@pytest.mark.parametrize("case", SPOILT)
def test_weights_alone_are_looked_through_as_well(small, case, sharded, tmp_path):
    """Links out of the file and bombs are refused in weights alone and in shards."""
    make, says = SPOILT[case]
    path = tmp_path / "m_00000.weights.h5"
    path.write_bytes(weights(kernel(make)))
    if sharded:
        path = tmp_path / "m.weights.json"
        path.write_text(
            json.dumps({"weight_map": {"/layers/dense/vars": "m_00000.weights.h5"}})
        )
    before = small.get_weights()

    with pytest.raises(ModelFileError, match=says):
        load_model_weights_hdf5(small, path)
    assert not any(different(before, small))


LEADS_ELSEWHERE = (
    "../m_00000.weights.h5",
    "/etc/m.weights.h5",
    "sub/m_00000.weights.h5",
    "..\\m_00000.weights.h5",
    "C:m_00000.weights.h5",
    "m_00000.weights.h5\0",
    "m_00000.h5",
    "",
    7,
    None,
)


@pytest.mark.parametrize("name", LEADS_ELSEWHERE, ids=repr)
def test_a_shard_is_a_plain_file_beside_its_list(keras, name, tmp_path):
    """A name of a shard that is a path, or no name, is refused; nothing is opened."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = saved(chain(keras, "a"), folder, "m.weights.json")
    config = json.loads(path.read_text())
    config["weight_map"] = dict.fromkeys(config["weight_map"], name)
    path.write_text(json.dumps(config))

    with pytest.raises(ModelFileError, match="no plain file beside it"):
        load_model_weights_hdf5(chain(keras, "a"), path)


def test_limits_count_for_weights_too(keras, tmp_path):
    """The limits of a call are those for the file: of memory, objects and shards."""
    model = chain(keras, "a", "b")
    path = saved(model, tmp_path, "m.weights.h5")
    shards = saved(model, tmp_path, "m.weights.json")

    with pytest.raises(ModelFileError, match="more memory than there is"):
        load_model_weights_hdf5(model, path, limits=Limits(weight_bytes=100))
    with pytest.raises(ModelFileError, match="more groups and datasets"):
        load_model_weights_hdf5(model, path, limits=Limits(objects=3))
    with pytest.raises(ModelFileError, match="larger than any real one"):
        load_model_weights_hdf5(model, shards, limits=Limits(config_bytes=10))
    assert load_model_weights_hdf5(model, path, limits=Limits()).loaded == ("a", "b")


def test_names_from_a_file_are_shown_and_not_believed(keras, tmp_path):
    """Control characters of a file's names reach no terminal."""
    path = saved(chain(keras, "a"), tmp_path, "m.weights.h5")
    with h5py.File(path, "r+") as file:
        file["layers/dense/vars"].attrs["name"] = "\x1b[2Jgone" + "x" * 5000
    model = chain(keras, "a")

    with pytest.warns(UserWarning, match="no layer has a name") as caught:
        report = load_model_weights_hdf5(model, path, by_name=True)

    for text in (str(caught[0].message), str(report)):
        assert "\x1b" not in text
        assert len(text) < 600
