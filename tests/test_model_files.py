"""Files that are no whole models, and hostile ones, are refused by name."""

import json
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from fakes import python
from saving_plugin import layer_config, sequential, write_hdf5, write_keras

from kerasplug.errors import ModelFileError
from kerasplug.saving import inspect_model
from kerasplug.saving.limits import Limits
from kerasplug.saving.reading import read_contents

SCALE = layer_config("Scale", "demo_plug.layers", "demo_plug>Scale")


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    """A path with nothing there raises Python's own error."""
    with pytest.raises(FileNotFoundError, match=r"none\.keras"):
        inspect_model(tmp_path / "none.keras")


def _truncated(path: Path) -> Path:
    write_keras(path, sequential(SCALE), padding=os.urandom(5000))
    path.write_bytes(path.read_bytes()[:3000])
    return path


def _wrong_bytes(path: Path) -> Path:
    write_keras(path, sequential(SCALE))
    data = bytearray(path.read_bytes())
    data[60:90] = os.urandom(30)
    path.write_bytes(data)
    return path


def _twice(path: Path) -> Path:
    write_keras(path, sequential(SCALE))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Dup"):
        archive.writestr("config.json", json.dumps(sequential()))
    return path


def _no_config(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"x")
    return path


def _lzma(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("config.json", json.dumps(sequential(SCALE)))
    return path


def _cut_hdf5(path: Path) -> Path:
    write_hdf5(path, model_config={"class_name": "Dense", "config": {}})
    path.write_bytes(path.read_bytes()[:600])
    return path


def _weights_only(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("layers")
        file.create_group("vars")
    return path


def _saved_model(path: Path) -> Path:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"")
    return path


def _written(data: bytes):
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


BAD = {
    "empty": ("m.keras", _written(b""), "is not a Keras model"),
    "garbage": ("m.keras", _written(b"\x00\x01garbage" * 50), "is not a Keras model"),
    "text": ("m.h5", _written(b"hello"), "is not a Keras model"),
    "truncated zip": ("m.keras", _truncated, "is damaged"),
    "damaged member": ("m.keras", _wrong_bytes, "is damaged"),
    "bare signature": ("m.keras", _written(b"PK\x03\x04"), "is damaged"),
    "two configs": ("m.keras", _twice, "2 members called config.json"),
    "no config": ("m.keras", _no_config, "without config.json"),
    "exotic packing": ("m.keras", _lzma, "packed in a way"),
    "bad json": ("m.keras", lambda p: write_keras(p, b"{"), "as JSON"),
    "other json": ("m.keras", lambda p: write_keras(p, [1]), "not a Keras model"),
    "null": ("m.keras", lambda p: write_keras(p, None), "not a Keras model"),
    "bad bytes": ("m.keras", lambda p: write_keras(p, b"\xff\xfe\xfd"), "as JSON"),
    "cut hdf5": ("m.h5", _cut_hdf5, "can't be read as an HDF5 file"),
    "other hdf5": ("m.h5", write_hdf5, "is not a Keras model"),
    "array": ("m.h5", lambda p: write_hdf5(p, model_config=np.ones(3)), "not a Keras"),
    "hdf5 bad json": ("m.h5", lambda p: write_hdf5(p, model_config="{"), "as JSON"),
    "folder": ("m", _folder, "is not a Keras model"),
    "saved model": ("m", _saved_model, "TensorFlow SavedModel"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_whole_model_is_refused_by_name(tmp_path, case):
    """A file that is not exactly a model gets a ModelFileError that says what it is."""
    name, write, says = BAD[case]
    path = write(tmp_path / name)

    with pytest.raises(ModelFileError, match=says) as caught:
        inspect_model(path)
    assert len(str(caught.value)) < 700


def test_an_address_is_not_a_file():
    """Remote files are not fetched: the error says to download them first."""
    with pytest.raises(ModelFileError, match="is an address") as caught:
        inspect_model("hf://someone/model")
    assert caught.value.mend == "download it first"


def test_weights_alone_are_no_model_to_load(tmp_path):
    """Weights can be inspected; where a model is needed, the error says what it is."""
    path = _weights_only(tmp_path / "m.weights.h5")

    assert inspect_model(path).format == "weights"
    with pytest.raises(ModelFileError, match="holds weights only"):
        read_contents(path)


def test_a_config_above_the_cap_is_refused_whatever_the_header_says(tmp_path):
    """No more than the cap is read: a padded config, and one whose header lies."""
    limits = Limits(config_bytes=100_000)
    padded = json.dumps(sequential(SCALE)).encode() + b" " * 200_000
    path = write_keras(tmp_path / "m.keras", padded)
    hdf5 = write_hdf5(tmp_path / "m.h5", model_config=padded.decode())
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_bytes(padded)
    data = path.read_bytes()
    size = len(padded).to_bytes(4, "little")
    lying = tmp_path / "lying.keras"
    lying.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))

    for one in (path, hdf5, folder):
        with pytest.raises(ModelFileError, match="is larger than any real one"):
            inspect_model(one, limits=limits)
        assert inspect_model(one).mentions
    with pytest.raises(ModelFileError, match=r"is larger|is damaged"):
        inspect_model(lying, limits=limits)


def test_a_zip_bomb_is_refused_without_its_memory(tmp_path):
    """A config that unpacks to a gigabyte is refused before it takes that memory."""
    path = tmp_path / "bomb.keras"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("config.json", "w", force_zip64=True) as member,
    ):
        for _ in range(1024):
            member.write(b" " * (1 << 20))
    assert path.stat().st_size < 2_000_000
    code = f"""
        import tracemalloc, kerasplug
        from kerasplug.errors import ModelFileError
        tracemalloc.start()
        try:
            kerasplug.inspect_model({str(path)!r})
        except ModelFileError as error:
            assert "larger than any real one" in str(error)
        print(tracemalloc.get_traced_memory()[1] < 300 << 20)
    """
    assert python(code).stdout.strip() == "True"
