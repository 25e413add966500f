"""What a model file needs and who provides it, without Keras."""

import json
import sys
from pathlib import Path

import h5py
import pytest
from fakes import install, python
from saving_plugin import (
    install_demo,
    layer_config,
    sequential,
    write_hdf5,
    write_keras,
)

from kerasplug.errors import ModelFileError
from kerasplug.saving import inspect_model

SCALE = layer_config("Scale", "demo_plug.layers", "demo_plug>Scale")
FUNCTION = {
    "module": "builtins",
    "class_name": "function",
    "config": "demo_plug>swishy",
    "registered_name": "function",
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on `sys.path` in which the demo plugin is installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    install_demo(folder)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.startswith("demo_plug")]:
        del sys.modules[name]


def statuses(path, **options):
    """Name -> status of what a file mentions."""
    found = inspect_model(path, **options)
    return {one.name: one.status for one in found.mentions}


def only(path, name, **options):
    """The one mention of that name."""
    found = inspect_model(path, **options)
    (mention,) = (one for one in found.mentions if one.name == name)
    return mention


def test_it_says_what_is_kerass_own_and_who_provides_the_rest(site, tmp_path):
    """Each thing that a file mentions has a status, a provider and a place."""
    dense = layer_config("Dense", "keras.layers", activation=FUNCTION)
    path = write_keras(tmp_path / "m.keras", sequential(SCALE, dense))

    found = inspect_model(path)

    assert (found.format, found.keras_version) == ("keras", "3.15.1")
    assert {
        one.name: (one.kind, one.status, one.provider) for one in found.mentions
    } == {
        "Sequential": ("class", "keras", None),
        "InputLayer": ("class", "keras", None),
        "demo_plug>Scale": ("class", "provided", "demo-plug/scale"),
        "Dense": ("class", "keras", None),
        "demo_plug>swishy": ("function", "provided", "demo-plug/swishy"),
    }
    assert found.mentions[2].where == "config.config.layers[1]"
    assert found.mentions[2].module == "demo_plug.layers"
    assert found.needed_plugins == ("demo-plug",)
    assert found.missing == ()


def test_it_prints_what_is_not_kerass_own(site, tmp_path):
    """`print` gives the file, its format, and a line for each foreign thing."""
    gone = layer_config("Gone", "gone_pkg.layers", "gone_pkg>Gone")
    path = write_keras(tmp_path / "m.keras", sequential(SCALE, gone))

    lines = str(inspect_model(path)).splitlines()

    assert lines[0] == f"{path}: format keras, written by Keras 3.15.1"
    assert lines[1].strip() == "2 of Keras' own"
    assert "provided" in lines[2]
    assert "demo-plug/scale" in lines[2]
    assert "missing" in lines[3]
    assert "'gone_pkg>Gone' of gone_pkg.layers" in lines[3]


def test_inspecting_imports_neither_keras_nor_a_plugin(site, tmp_path):
    """Only names are compared: no Keras, no NumPy, no module of any plugin's layers."""
    path = write_keras(tmp_path / "m.keras", sequential(SCALE))
    code = f"""
        import sys, kerasplug
        found = kerasplug.inspect_model({str(path)!r})
        assert found.needed_plugins == ("demo-plug",), found
        bad = {{"keras", "tensorflow", "numpy", "jax", "h5py", "demo_plug.layers"}}
        print(sorted(bad & set(sys.modules)))
    """
    assert python(code, site).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("config", "how"),
    [
        (layer_config("Anything", "x.y", "demo_plug>Renamed"), "demo-plug/renamed"),
        (layer_config("Former", "old_plug.x", "old_plug>Former"), "demo-plug/renamed"),
        (layer_config("Plain", "demo_plug.layers", "Plain"), "demo-plug/plain"),
        (layer_config("Scale", "moved.away", "demo_plug>Scale"), "demo-plug/scale"),
    ],
    ids=["registered name", "alias", "module and class", "bare name"],
)
def test_a_mention_finds_its_plugin_by(site, tmp_path, config, how):
    """Registered name, alias, module and class, then the bare name find the plugin."""
    path = write_keras(tmp_path / "m.keras", sequential(config))

    assert only(path, config["registered_name"]).provider == how


def test_a_registered_name_goes_before_module_and_class(site, tmp_path):
    """What is declared under the file's registered name wins over its module."""
    config = layer_config("Scale", "demo_plug.layers", "demo_plug>Renamed")
    path = write_keras(tmp_path / "m.keras", sequential(config))

    assert only(path, "demo_plug>Renamed").provider == "demo-plug/renamed"


def test_kerass_own_names_are_never_overridden(site, tmp_path):
    """A plugin that declares a `Dense` of its own does not touch Keras' `Dense`."""
    install(
        site, "greedy", {"kerasplug.layers": {"dense": "greedy_mod:Dense"}}, modules={}
    )
    own = layer_config("Dense", "keras.layers")
    path = write_keras(tmp_path / "m.keras", sequential(own))
    older = write_hdf5(
        tmp_path / "m.h5",
        model_config={"class_name": "Dense", "config": {"name": "d"}},
    )

    assert statuses(path)["Dense"] == "keras"
    assert statuses(older) == {"Dense": "keras"}


def test_two_plugins_with_one_bare_name_are_ambiguous_until_one_is_allowed(
    site, tmp_path
):
    """Several candidates are all named, and `allow` chooses among them."""
    install(site, "rival", {"kerasplug.layers": {"scale2": "rival.layers:Scale"}})
    config = layer_config("Scale", "elsewhere", "elsewhere>Scale")
    path = write_keras(tmp_path / "m.keras", sequential(config))

    mention = only(path, "elsewhere>Scale")
    assert mention.status == "ambiguous"
    assert mention.provider is None
    assert mention.providers == ("demo-plug/scale", "rival/scale2")
    chosen = only(path, "elsewhere>Scale", allow=["rival"])
    assert (chosen.status, chosen.provider) == ("provided", "rival/scale2")
    chosen = only(path, "elsewhere>Scale", allow="Demo_Plug/scale")
    assert chosen.provider == "demo-plug/scale"


def test_what_is_declared_twice_with_one_target_is_one_thing(site, tmp_path):
    """Two distributions that point at the same object do not contradict each other."""
    install(site, "bundle", {"kerasplug.layers": {"s": "demo_plug.layers:Scale"}})
    path = write_keras(tmp_path / "m.keras", sequential(SCALE))

    mention = only(path, "demo_plug>Scale")
    assert (mention.status, mention.provider) == ("provided", "bundle/s")


@pytest.mark.parametrize(
    ("allow", "setting", "status"),
    [
        (["demo-plug"], "", "provided"),
        (["demo-plug/scale"], "", "provided"),
        (["demo-plug/plain"], "", "not allowed"),
        ([], "", "not allowed"),
        (None, "other-plug", "not allowed"),
        (None, "other-plug, Demo.Plug", "provided"),
        (["demo-plug"], "other-plug", "not allowed"),
        (["demo-plug"], "demo-plug/scale", "provided"),
        (["demo-plug/scale"], "demo-plug", "provided"),
    ],
)
def test_allow_and_the_environment_restrict_who_may_provide(
    site, tmp_path, monkeypatch, allow, setting, status
):
    """Only allowed providers count; a call can't widen `KERASPLUG_ALLOW`."""
    monkeypatch.setenv("KERASPLUG_ALLOW", setting)
    path = write_keras(tmp_path / "m.keras", sequential(SCALE))

    assert only(path, "demo_plug>Scale", allow=allow).status == status


def test_a_plugin_whose_needs_are_not_met_is_said_with_the_reason(site, tmp_path):
    """What is provided but can't be used here has the status `needs`."""
    install(
        site,
        "demanding",
        {"kerasplug.layers": {"big": "demanding.layers:Big"}},
        metadata="Requires-Dist: keras>=99\n",
    )
    config = layer_config("Big", "demanding.layers", "demanding>Big")
    path = write_keras(tmp_path / "m.keras", sequential(config))

    mention = only(path, "demanding>Big")
    assert mention.status == "needs"
    assert "99" in mention.reason
    assert inspect_model(path).missing == (mention,)


def test_the_older_format_is_read_with_its_bare_names(site, tmp_path):
    """HDF5: class names with packages, bare functions, losses and metrics are seen."""
    layers = [
        {"class_name": "demo_plug>Scale", "config": {"name": "a > b"}},
        {"class_name": "Plain", "config": {}},
        {"class_name": "Dense", "config": {"activation": "swishy", "name": "swishy"}},
        {"class_name": "Dense", "config": {"activation": "relu"}},
        {"class_name": "Strange", "config": {}},
    ]
    path = write_hdf5(
        tmp_path / "m.h5",
        keras_version="2.15.0",
        model_config={"class_name": "Sequential", "config": {"layers": layers}},
        training_config={
            "loss": {"out": "demo_plug>distance"},
            "metrics": ["gone>metric", "mae"],
            "optimizer_config": {"class_name": "Adam", "config": {}},
        },
    )

    found = inspect_model(path)
    assert (found.format, found.keras_version) == ("h5", "2.15.0")
    assert {one.name: one.provider or one.status for one in found.mentions} == {
        "Sequential": "keras",
        "demo_plug>Scale": "demo-plug/scale",
        "Plain": "demo-plug/plain",
        "Dense": "keras",
        "swishy": "demo-plug/swishy",
        "Strange": "missing",
        "demo_plug>distance": "demo-plug/distance",
        "gone>metric": "missing",
        "Adam": "keras",
    }


def test_a_text_that_looks_like_a_name_is_not_called_missing(site, tmp_path):
    """A bare string with a `>` that nobody provides may be plain text: `unknown`."""
    config = layer_config("Dense", "keras.layers", note="left>right", other="a > b")
    path = write_keras(tmp_path / "m.keras", sequential(config))

    assert statuses(path)["left>right"] == "unknown"
    assert inspect_model(path).missing == ()


def test_bytecode_is_found_in_both_formats(site, tmp_path):
    """A lambda is reported as `code`, in the way of today's files and of older ones."""
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAA"}}
    new = write_keras(
        tmp_path / "m.keras",
        sequential(layer_config("Lambda", "keras.layers", function=code)),
    )
    old = {"function": ["4wEAAA", None, None], "function_type": "lambda"}
    older = write_hdf5(
        tmp_path / "m.h5", model_config={"class_name": "Lambda", "config": old}
    )

    assert statuses(new)["__lambda__"] == "code"
    assert statuses(older)["__lambda__"] == "code"


def test_a_folder_is_read_like_the_file(site, tmp_path):
    """The unzipped form of a `.keras` file is inspected alike."""
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(sequential(SCALE)), encoding="utf-8")

    assert statuses(folder)["demo_plug>Scale"] == "provided"


def test_unicode_names_are_read(site, tmp_path):
    """Names in any script are kept as they are."""
    config = layer_config("Größe", "pakét.schichten", "pakét>Größe")
    path = write_keras(tmp_path / "模型.keras", sequential(config))

    assert statuses(path)["pakét>Größe"] == "missing"


def test_any_depth_is_walked(site, tmp_path):
    """A deeply nested configuration is walked, or refused by name; nothing crashes."""
    config = SCALE
    for _ in range(150):
        config = layer_config("TimeDistributed", "keras.layers", layer=config)
    assert statuses(write_keras(tmp_path / "m.keras", config))["demo_plug>Scale"]

    bomb = b"[" * 200_000 + b"]" * 200_000
    with pytest.raises(ModelFileError, match=r"config\.json can't be read as JSON"):
        inspect_model(write_keras(tmp_path / "deep.keras", bomb))


def test_a_file_is_known_by_its_content(site, tmp_path):
    """A wrong suffix does not matter for inspection."""
    path = write_keras(tmp_path / "m.h5", sequential(SCALE))
    other = write_hdf5(
        tmp_path / "m.keras", model_config={"class_name": "Dense", "config": {}}
    )
    block = tmp_path / "block.bin"
    with h5py.File(block, "w", userblock_size=512) as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Dense", "config": {}})

    assert inspect_model(path).format == "keras"
    assert inspect_model(other).format == "h5"
    assert inspect_model(block).format == "h5"


def test_without_keras_and_h5py_files_are_still_inspected(tmp_path):
    """Where neither Keras nor h5py is, both formats are inspected all the same."""
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in (
        "kerasplug",
        "_kerasplug_backends",
        "_kerasplug_state",
        "pluggy",
        "packaging",
    ):
        module = __import__(name)
        source = Path(module.__file__)
        source = source.parent if source.name == "__init__.py" else source
        (bare / source.name).symlink_to(source)
    install_demo(bare)
    strange = layer_config("Strange", None)
    del strange["module"]
    new = write_keras(tmp_path / "m.keras", sequential(SCALE, FUNCTION))
    old = write_hdf5(tmp_path / "m.h5", model_config=strange)
    code = f"""
        import sys
        sys.path = [p for p in sys.path if "-packages" not in p]
        import importlib.util, kerasplug
        assert importlib.util.find_spec("keras") is None
        found = kerasplug.inspect_model({str(new)!r})
        print(*[one.status for one in found.mentions])
        found = kerasplug.inspect_model({str(old)!r})
        print(found.format, *[one.status for one in found.mentions])
    """
    lines = python(code, bare).stdout.splitlines()
    assert lines[0] == "keras keras provided provided"
    assert lines[1] == "h5 unknown"
