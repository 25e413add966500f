"""Each kind of thing of a plugin is found in each format, in every position."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from every_kind import FORMATS, install_every, model_of, parts, rebuilt, save
from fakes import install

import kerasplug
from kerasplug.errors import AmbiguousNameError, MissingPluginError

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15's TensorFlow backend, with NumPy 2: its users see it as well.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def keras():
    """The Keras of this process."""
    return kerasplug.implementation()


@pytest.fixture
def things(site, keras):
    """The plugin's module; it and its names are forgotten afterwards."""
    install_every(site)
    before = dict(keras.saving.get_custom_objects())
    import every_plug.things

    yield every_plug.things
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(before)


@pytest.fixture
def files(keras, things, tmp_path):
    """A folder with the model in each format; nothing of the plugin is imported now."""
    save(model_of(keras, things), tmp_path)
    forget(keras)
    return tmp_path


def forget(keras):
    """Let this process be as one that has not imported the plugin."""
    for name in [name for name in sys.modules if name.startswith("every_plug")]:
        del sys.modules[name]
    registered = keras.saving.get_custom_objects()
    for name in [name for name in registered if name.startswith("every_plug>")]:
        del registered[name]


def other(things, keras):
    """For each thing another one, that nobody has registered: name -> thing."""
    made = {}
    classes = {name: one for name, one in vars(things).items() if name[0].isupper()}
    for name, one in classes.items():
        made[name] = type(f"My{name}", (one,), {})
    for name in ("act", "met"):

        def mine(*given, name=name):
            return getattr(things, name)(*given)

        mine.__name__ = f"my_{name}"
        made[name] = mine
    return {f"every_plug>{name}": one for name, one in made.items()}


def run(what, folder, site, backend):
    """What the kit prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, FOLDER / "every_kind.py", what, folder],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(site), str(FOLDER)]),
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_fresh_process_finds_each_kind_in_each_format(backend, site, tmp_path):
    """Nothing is imported before, no custom_objects are given.

    Only the needed module is imported; texts hold all but what belongs to training.
    """
    install_every(site)
    run("save", tmp_path, site, backend)

    found = json.loads(run("load", tmp_path, site, backend).splitlines()[-1])

    assert found.pop("modules") == [
        "every_kind",
        "every_plug",
        "every_plug.things",
    ] or (found)
    training = {"loss", "optimizer", "metric", "metric function", "schedule"}
    assert found["keras"] == found["h5"]
    assert found["json"] == found["yaml"]
    assert {*found["keras"]} - {*found["json"]} == training
    assert {one.partition(".")[0] for one in found["keras"].values()} == {"every_plug"}
    assert len(found["keras"]) == 15


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_given_by_hand_wins_in_every_position(form, files, things, keras):
    """Whether the plugin's own is registered or not: in no place is it used."""
    mine = other(things, keras)
    assert {*parts(rebuilt(files, form, mine)).values()} <= {*mine.values()}

    for name, one in vars(things).items():
        if name in {key.rpartition(">")[2] for key in mine}:
            keras.saving.get_custom_objects()[f"every_plug>{name}"] = one
    assert {*parts(rebuilt(files, form, mine)).values()} <= {*mine.values()}
    with keras.saving.custom_object_scope({"every_plug>Inner": things.Inner}):
        assert {*parts(rebuilt(files, form, mine)).values()} <= {*mine.values()}


def test_plain_keras_lets_the_registered_one_win_in_some_places(files, things, keras):
    """Given by hand and registered, plain Keras uses now the one, now the other."""
    mine = other(things, keras)
    for name, one in vars(things).items():
        if f"every_plug>{name}" in mine:
            keras.saving.get_custom_objects()[f"every_plug>{name}"] = one

    model = keras.models.load_model(files / "m.keras", custom_objects=mine)

    assert not {*parts(model).values()} <= {*mine.values()}


@pytest.mark.parametrize("form", FORMATS)
def test_allow_restricts_who_is_brought_in(form, files, keras, monkeypatch):
    """By the call or by the environment: what is not allowed is missing, by name."""
    for options, setting in (({"allow": ["other-plug"]}, ""), ({}, "other-plug")):
        monkeypatch.setenv("KERASPLUG_ALLOW", setting)
        with pytest.raises(MissingPluginError, match=r"every-plug|not allowed"):
            rebuilt(files, form, **options)
    assert "every_plug" not in sys.modules
    monkeypatch.setenv("KERASPLUG_ALLOW", "every-plug")
    assert rebuilt(files, form, allow="every-plug").count_params() == 8


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_imported_is_logged(form, files, caplog, keras):
    """One line for each thing says the file, the thing and who provides it."""
    with caplog.at_level(logging.INFO, "kerasplug"):
        rebuilt(files, form)
    lines = [one.getMessage() for one in caplog.records if one.name == "kerasplug"]

    inner = next(line for line in lines if "'every_plug>Inner'" in line)
    assert "every_plug.things:Inner" in inner
    assert "every-plug" in inner
    assert len(lines) >= 7


@pytest.mark.parametrize("form", FORMATS)
def test_two_plugins_are_a_choice_of_the_caller(form, files, site, keras):
    """Others with the same registered name: an error, until allow= says whom."""
    hooks = """
        from kerasplug import LayerRecord, hookimpl

        @hookimpl
        def kerasplug_layers():
            return [LayerRecord(
                name="inner",
                target="second_plug.things:Inner",
                registered_name="every_plug>Inner",
            )]
    """
    for name in ("second", "third"):
        source = hooks.replace("second_plug", f"{name}_plug")
        install(
            site,
            f"{name}-plug",
            {"kerasplug": {name: f"{name}_plug.hooks"}},
            modules={f"{name}_plug/__init__.py": "", f"{name}_plug/hooks.py": source},
        )
    kerasplug.refresh()

    with pytest.raises(AmbiguousNameError, match="second-plug"):
        rebuilt(files, form)
    assert rebuilt(files, form, allow=["every-plug"]).count_params() == 8
