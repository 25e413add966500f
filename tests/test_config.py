"""Keras home, keras.json, and the folder of kerasplug's own cache."""

import json
import os
import warnings

import platformdirs
import pytest
from fakes import python

from kerasplug import config
from kerasplug.config import (
    cache_folder,
    config_path,
    config_problems,
    configured_backend,
    keras_home,
    read_config,
    temporary_keras_home,
    write_config,
)
from kerasplug.errors import ConfigError, KerasplugWarning, OwnershipError

DEFAULTS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
    "nnx_enabled": False,
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A Keras home of the test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(folder))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return folder


# The cache


@pytest.mark.parametrize("value", ["/somewhere", "relative/one", "", None])
def test_cache_folder_is_the_platforms(monkeypatch, value):
    """The cache lies where platformdirs has it; a relative path is ignored."""
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    expected = platformdirs.user_cache_dir("kerasplug", appauthor=False)
    assert cache_folder() == expected
    assert os.path.isabs(cache_folder())


# The home


def test_home_is_keras_home(home, monkeypatch):
    """KERAS_HOME is taken as it is, with ~ expanded."""
    assert keras_home() == str(home)
    monkeypatch.setenv("KERAS_HOME", "~/elsewhere")
    assert keras_home() == os.path.expanduser("~/elsewhere")


def test_home_is_below_the_users(tmp_path, monkeypatch):
    """Without KERAS_HOME it is ~/.keras, which is not made."""
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert keras_home() == str(tmp_path / ".keras")
    assert not (tmp_path / ".keras").exists()


def test_empty_keras_home_is_refused(monkeypatch):
    """An empty KERAS_HOME is refused: Keras would write into the current directory."""
    monkeypatch.setenv("KERAS_HOME", "")
    for function in (keras_home, config_path, read_config, write_config):
        with pytest.raises(ConfigError, match="KERAS_HOME is empty"):
            function()
    assert configured_backend() == ("tensorflow", "the default")


def test_unwritable_home_warns_once():
    """Where ~ can't be written, /tmp/.keras is used as Keras does, with one warning."""
    out = python(
        """
        import os, warnings
        from kerasplug.config import configured_backend, keras_home
        from kerasplug.errors import OwnershipError
        configured_backend()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                print(keras_home() == keras_home() == "/tmp/.keras", len(caught))
                print(caught[0].message, caught[0].filename)
            except OwnershipError as error:
                print("refused", os.path.lexists("/tmp/.keras"))
        """,
        env={"HOME": "/nowhere/at/all", "KERAS_HOME": ""},
    ).stdout.splitlines()
    if out[0] == "refused True":  # somebody else's folder is on this machine
        return
    assert out[0] == "True 1"
    assert "because /nowhere/at/all can't be written" in out[1]
    assert out[1].endswith("<string>")


@pytest.mark.parametrize("kind", ["link", "open"])
def test_shared_home_of_others_is_refused(tmp_path, kind):
    """A fallback folder that is a link, or that others can write, is refused."""
    folder = tmp_path / ".keras"
    if kind == "link":
        folder.symlink_to(tmp_path / "home")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(OwnershipError) as caught:
        config._refuse_foreign(str(folder))
    assert str(folder) in caught.value.what
    config._refuse_foreign(str(tmp_path / "missing"))


def test_shared_home_of_another_owner_is_refused(tmp_path):
    """A fallback folder that belongs to somebody else is refused, with the owner."""
    folder = tmp_path / ".keras"
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, 65534, -1)
    else:
        folder = "/etc"  # root's, wherever tests run as somebody else
    with pytest.raises(OwnershipError) as caught:
        config._refuse_foreign(str(folder))
    assert "owner " in caught.value.found


def test_temporary_home(home):
    """A temporary home is there inside, and gone after, with KERAS_HOME as before."""
    with temporary_keras_home() as folder:
        assert keras_home() == folder != str(home)
        assert os.listdir(folder) == []
    assert not os.path.exists(folder)
    assert keras_home() == str(home)
    del os.environ["KERAS_HOME"]
    with temporary_keras_home():
        pass
    assert "KERAS_HOME" not in os.environ


# Reading


def test_reads_defaults():
    """Without a file the settings are Keras' defaults, and no file is written."""
    assert read_config() == read_config(strict=True) == DEFAULTS
    assert not os.path.exists(config_path())


def test_reads_what_is_there(home):
    """What the file says is taken, what it leaves out has its default."""
    (home / "keras.json").write_text('{"backend": "jax", "epsilon": 0.001}')
    assert read_config(strict=True) == {**DEFAULTS, "backend": "jax", "epsilon": 0.001}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{not json", "not readable as JSON"),
        ("[1]", "a JSON list where an object was expected"),
        ("null", "a JSON NoneType"),
        ('{"floatx": "bfloat16"}', "floatx is 'bfloat16', expected one of float16"),
        ('{"floatx": ["float32"]}', "floatx is ['float32']"),
        ('{"epsilon": 1}', "epsilon is 1, expected a float"),
        ('{"epsilon": "1e-7"}', "epsilon is '1e-7'"),
        ('{"epsilon": -1.0}', "epsilon is -1.0"),
        ('{"epsilon": NaN}', "epsilon is nan"),
        ('{"backend": 3}', "backend is 3"),
        ('{"backend": ""}', "backend is ''"),
        ('{"image_data_format": "channels"}', "image_data_format is 'channels'"),
        ('{"nnx_enabled": 1}', "nnx_enabled is 1"),
        ('{"bakend": "jax"}', "bakend is 'jax', expected a key that Keras knows"),
    ],
)
def test_wrong_content_is_reported(home, text, problem):
    """What Keras swallows or dies of is a warning here, and an error when strict."""
    (home / "keras.json").write_text(text)
    with pytest.warns(KerasplugWarning) as caught:
        assert read_config() == DEFAULTS
    assert problem in str(caught[0].message)
    assert caught[0].filename == __file__
    with pytest.raises(ConfigError) as refused:
        read_config(strict=True)
    assert problem in refused.value.found
    assert [each for each in config_problems() if problem in each]


def test_unreadable_file(home):
    """A file that can't be read is reported too."""
    (home / "keras.json").mkdir()
    with pytest.warns(KerasplugWarning, match="can't be read"):
        assert read_config() == DEFAULTS


# The backend


def test_configured_backend(home, monkeypatch):
    """KERAS_BACKEND comes before keras.json, which comes before tensorflow."""
    assert configured_backend() == ("tensorflow", "the default")
    (home / "keras.json").write_text('{"backend": "torch"}')
    assert configured_backend() == ("torch", config_path())
    monkeypatch.setenv("KERAS_BACKEND", "")
    assert configured_backend()[0] == "torch"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert configured_backend() == ("jax", "KERAS_BACKEND")
    monkeypatch.delenv("KERAS_BACKEND")
    (home / "keras.json").write_text("{")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert configured_backend() == ("tensorflow", "the default")


# Writing


def test_writes_whole_file(tmp_path, monkeypatch):
    """Writing makes the folder and a file that says what Keras' own would."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "new" / "home"))
    path = write_config(backend="jax")
    assert path == os.path.realpath(config_path())
    with open(path) as file:
        written = json.load(file)
    assert written == {
        "floatx": "float32",
        "epsilon": 1e-7,
        "backend": "jax",
        "image_data_format": "channels_last",
    }
    assert os.listdir(tmp_path / "new" / "home") == ["keras.json"]


def test_keeps_what_was_there(home):
    """Settings that are not named, unknown keys, permissions and a link are kept."""
    real = home / "real.json"
    real.write_text('{"epsilon": 0.01, "theirs": [1]}')
    real.chmod(0o640)
    (home / "keras.json").symlink_to(real)
    write_config(floatx="float64", nnx_enabled=True)
    assert (home / "keras.json").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    written = json.loads(real.read_text())
    assert written["theirs"] == [1]
    assert (written["epsilon"], written["floatx"]) == (0.01, "float64")
    assert written["nnx_enabled"] is True


@pytest.mark.parametrize(
    ("settings", "before"),
    [
        ({"floatx": "bfloat16", "backend": "jax"}, "{}"),
        ({"backend": "jax", "epsilon": 1}, "{}"),
        ({"bakend": "jax"}, "{}"),
        ({"backend": "no name"}, "{}"),
        ({"backend": "jax"}, "{broken"),
        ({"backend": "jax"}, "[]"),
        ({"backend": "jax"}, '{"epsilon": 1}'),
    ],
)
def test_writes_all_or_nothing(home, settings, before):
    """A wrong setting, or a file that would stay wrong, leaves the file as it was."""
    (home / "keras.json").write_text(before)
    with pytest.raises(ConfigError):
        write_config(**settings)
    assert (home / "keras.json").read_text() == before
    assert os.listdir(home) == ["keras.json"]


def test_mends_a_wrong_value(home):
    """A wrong value in the file can be replaced by a good one."""
    (home / "keras.json").write_text('{"epsilon": 1, "floatx": "float16"}')
    write_config(epsilon=1e-3)
    assert read_config(strict=True)["epsilon"] == 1e-3
    assert read_config()["floatx"] == "float16"


@pytest.mark.engine
def test_keras_agrees(home):
    """Keras starts with what was written, and a later change is called too late."""
    write_config(backend="jax", floatx="float64", epsilon=1e-3)
    out = python(
        """
        import warnings, kerasplug
        keras = kerasplug.implementation()
        print(keras.config.floatx(), keras.config.epsilon(), kerasplug.backend())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kerasplug.write_config(floatx="float32")
        print([str(each.message)[:25] for each in caught])
        """
    ).stdout.splitlines()
    assert out == ["float64 0.001 jax", "['Too late for this process']"]


def test_imports_nothing_dear():
    """What a warm listing needs of this module imports nothing but the errors."""
    out = python(
        "import sys; before = set(sys.modules)\n"
        "import kerasplug.config\nkerasplug.config.cache_folder()\n"
        "print(sorted(set(sys.modules) - before - {'kerasplug'}))"
    ).stdout
    assert out.strip() == str(
        ["_kerasplug_state", "kerasplug.config", "kerasplug.errors"]
    )
