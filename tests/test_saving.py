"""Saving whole models, and what another process makes of them."""

import json
import os
import subprocess
import sys
import textwrap
import types
import warnings

import pytest
from fakes import install
from saving_plugin import install_demo, installed_demo, other_scale

import kerasplug
from kerasplug.errors import ModelFileError, RecordError, SaveWarning
from kerasplug.saving import load_model, save_model

# Keras 3.15's TensorFlow backend, with NumPy 2: its users see it as well.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)

TOLERANCE = 1e-5

#: Saves one model of each kind in each format, and what each answers.
SAVE = """
    import json, os, sys, warnings, zipfile
    warnings.simplefilter("error", UserWarning)
    import numpy as np, keras, kerasplug
    from demo_plug.layers import Scale, Plain
    from demo_plug.things import swishy, distance, Distance, Ones
    from demo_plug.models import Pair

    os.chdir(sys.argv[1])
    keras.utils.set_random_seed(1)
    x = np.linspace(-1, 1, 40, dtype="float32").reshape(2, 4, 5)
    layers = keras.layers

    inputs = keras.Input((4, 5))
    value = layers.TimeDistributed(Scale(3.0))(inputs)
    value = layers.Dense(3, activation=swishy, kernel_initializer=Ones())(value)
    value = Plain()(value)
    functional = keras.Model(inputs, layers.Activation(swishy)(value))
    functional.compile("adam", loss=distance, metrics=["mae"])
    sequence = keras.Sequential([keras.Input((4, 5)), layers.Dense(2), Scale()])
    sequence.compile("sgd", loss=Distance())
    pair = Pair()
    pair(x)

    answers = {}
    models = {"functional": functional, "sequence": sequence, "pair": pair}
    for name, model in models.items():
        answers[name] = np.asarray(model(x)).tolist()
        kerasplug.save_model(model, name + ".keras")
        model.save("plain-" + name + ".keras")
        if name != "pair":
            kerasplug.save_model(model, name + ".h5")
    def config(path):
        return json.loads(zipfile.ZipFile(path).read("config.json"))
    answers["same"] = [
        config(name + ".keras") == config(f"plain-{name}.keras") for name in models
    ]
    answers["listing"] = sorted(os.listdir("."))
    print(json.dumps(answers))
"""
#: Loads them in a process that has imported nothing of the plugin.
LOAD = """
    import json, os, sys
    import kerasplug
    os.chdir(sys.argv[1])
    answers, order = {}, ["sequence.keras", "functional.keras", "functional.h5"]
    for path in [*order, "sequence.h5", "pair.keras"]:
        model = kerasplug.load_model(path)
        import numpy as np
        x = np.linspace(-1, 1, 40, dtype="float32").reshape(2, 4, 5)
        answers[path] = np.asarray(model(x)).tolist()
        loss = getattr(model, "loss", None)
        answers["loss of " + path] = getattr(loss, "__name__", type(loss).__name__)
        modules = [name for name in sys.modules if name.startswith("demo_plug.")]
        answers["after " + path] = sorted({*modules} - {"demo_plug.hooks"})
    import keras
    answers["backend"] = keras.backend.backend()
    objects = {}
    for name in ("layers:Scale", "layers:Plain", "things:swishy", "things:Ones"):
        module, _, attribute = name.partition(":")
        thing = getattr(sys.modules["demo_plug." + module], attribute)
        objects[keras.saving.get_registered_name(thing)] = thing
    keras.saving.get_custom_objects().clear()
    plain = keras.saving.load_model("functional.keras", objects, compile=False)
    answers["plain"] = np.asarray(plain(x)).tolist()
    print(json.dumps(answers))
"""


def run(code, site, *arguments, **env):
    """The JSON that a program prints in the end, run where the demo is installed."""
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder with the demo plugin, for other processes."""
    folder = tmp_path_factory.mktemp("demo")
    install_demo(folder)
    return folder


@pytest.fixture(scope="module")
def saved(demo, tmp_path_factory):
    """What one process saved, and the folder it saved to."""
    folder = tmp_path_factory.mktemp("saved")
    return run(SAVE, demo, folder, KERAS_BACKEND="tensorflow"), folder


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


@pytest.mark.engine
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_fresh_process_loads_what_another_one_saved(saved, demo, backend):
    """Both formats, nested, functional and subclassed: no custom_objects, same answers.

    Only the modules that a file names are imported; the model is compiled as it was;
    plain Keras with custom_objects loads what we saved; nothing is added to a file.
    """
    answers, folder = saved

    loaded = run(LOAD, demo, folder, KERAS_BACKEND=backend)

    assert loaded["backend"] == backend
    for path, name in [
        (f"{name}.{suffix}", name)
        for name in ("functional", "sequence", "pair")
        for suffix in ("keras", "h5")
        if (name, suffix) != ("pair", "h5")
    ] + [("plain", "functional")]:
        assert flat(loaded[path]) == pytest.approx(flat(answers[name]), abs=TOLERANCE)
    assert loaded["after sequence.keras"] == [
        "demo_plug.layers",
        "demo_plug.things",
    ]
    assert "demo_plug.other" not in loaded["after pair.keras"]
    assert "demo_plug.silent" not in loaded["after pair.keras"]
    assert loaded["loss of functional.keras"] == "distance"
    assert loaded["loss of functional.h5"] == "distance"
    assert loaded["loss of sequence.h5"] == "Distance"
    assert answers["same"] == [True, True, True]
    assert not [name for name in answers["listing"] if name.startswith(".")]


def flat(value):
    """All numbers in nested lists."""
    return (
        [one for item in value for one in flat(item)]
        if isinstance(value, list)
        else [value]
    )


def test_save_names_what_no_fresh_process_could_load(site, keras, tmp_path):
    """One warning at the caller's line names each object, why, and the mend."""
    from demo_plug.layers import Scale

    local = other_scale(keras, register=False)
    local.__name__ = "Local"
    keras.saving.register_keras_serializable()(local)
    main = types.new_class("Main", (keras.layers.Dense,))
    main.__module__ = "__main__"
    stray = types.new_class("AbsentDense", (keras.layers.Dense,))
    stray.__module__ = "stray_pkg.layers"
    keras.saving.register_keras_serializable("stray_pkg")(stray)
    custom = types.new_class("Shared", (keras.layers.Dense,))
    custom.__module__ = "stray_pkg.layers"
    keras.saving.register_keras_serializable()(custom)
    false = types.new_class("Scale", (keras.layers.Dense,))
    false.__module__ = "stray_pkg.layers"
    keras.saving.register_keras_serializable("false_pkg")(false)

    layers = [Scale(), local(), main(2), stray(2), custom(2), false(2)]
    model = keras.Sequential([keras.Input((2,)), *layers])
    for suffix in (".keras", ".h5"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            save_model(model, tmp_path / f"m{suffix}")
        (warning,) = [one for one in caught if one.category is SaveWarning]
        text = str(warning.message)

        assert warning.filename == __file__
        assert "Custom>Local: it is defined inside a function" in text
        assert "Main: it is defined in __main__" in text
        assert "stray_pkg>AbsentDense: no installed plugin declares it" in text
        assert (
            '[project.entry-points."kerasplug.layers"] '
            'absent_dense = "stray_pkg.layers:AbsentDense"'
        ) in text
        assert 'Custom>Shared: it is registered as "Custom>"' in text
        assert "false_pkg>Scale: demo-plug/scale would stand in" in text
        assert "demo_plug>Scale:" not in text


@pytest.mark.engine
def test_save_names_what_loading_would_refuse(keras, tmp_path):
    """Infinity is no JSON: the file is written, and the warning says how to load it."""
    layers = [keras.Input((2,)), keras.layers.ReLU(max_value=float("inf"))]
    model = keras.Sequential(layers)

    with pytest.warns(SaveWarning, match="not-finite") as caught:
        save_model(model, tmp_path / "m.keras")
    assert "Limits(not_finite=True)" in str(caught[0].message)
    with pytest.raises(ModelFileError, match="no JSON"):
        load_model(tmp_path / "m.keras")
    limits = kerasplug.Limits(not_finite=True)
    assert load_model(tmp_path / "m.keras", limits=limits).count_params() == 0


@pytest.mark.engine
def test_saving_leaves_the_live_model_as_it_was(site, keras, tmp_path):
    """After HDF5 the live model keeps its optimizer; after plain Keras' it does not."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.5), loss="mean_squared_error")
    model.optimizer.build(model.trainable_variables)

    def optimizer_of_the_copy(path):
        model.save(path)
        return load_model(path).optimizer

    save_model(model, tmp_path / "ours.h5")
    optimizer = optimizer_of_the_copy(tmp_path / "after-ours.keras")
    assert type(optimizer).__name__ == "Adam"
    assert float(optimizer.learning_rate) == 0.5
    config = model.get_compile_config()

    model.save(tmp_path / "theirs.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer = optimizer_of_the_copy(tmp_path / "after-theirs.keras")
    assert type(optimizer).__name__ != "Adam"
    assert "optimizer" in config


@pytest.mark.engine
def test_a_file_appears_whole_or_not_at_all(site, keras, tmp_path):
    """A model that fails while it is saved leaves the old file and nothing else."""
    from demo_plug.layers import Scale

    class Failing(Scale):
        def save_own_variables(self, store):
            message = "disk full"
            raise OSError(message)

    path = tmp_path / "folder" / "m.keras"
    path.parent.mkdir()
    save_model(keras.Sequential([keras.Input((2,)), Scale()]), path)
    before = path.read_bytes()

    with pytest.raises(OSError, match="disk full"):
        save_model(keras.Sequential([keras.Input((2,)), Failing()]), path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["m.keras"]


@pytest.mark.engine
def test_what_can_t_be_saved_is_refused_before_anything_is_done(site, keras, tmp_path):
    """Existing files, missing folders, odd suffixes and no models change nothing."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    path = tmp_path / "m.keras"
    path.write_text("mine", encoding="utf-8")

    with pytest.raises(FileExistsError):
        save_model(model, path, overwrite=False)
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(FileExistsError):
        save_model(model, tmp_path / "folder.keras")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save_model(model, tmp_path / "nowhere" / "m.h5")
    with pytest.raises(ModelFileError, match="no suffix"):
        save_model(model, tmp_path / "m.pb")
    with pytest.raises(RecordError, match="model"):
        save_model(keras.layers, path)
    with pytest.raises(RecordError, match="include_optimizer"):
        save_model(model, path, include_optimizer=False)
    assert path.read_text(encoding="utf-8") == "mine"
    save_model(model, path)
    assert load_model(path).count_params() == 3


TF_KERAS = """
    import json, os, sys, warnings
    os.chdir(sys.argv[1])
    import numpy as np, kerasplug
    keras = kerasplug.implementation()
    from legacy_plug import Twice
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), Twice()])
    model.compile("adam", "mse")
    x = np.ones((1, 2), "float32")
    family = type(model).__module__.partition(".")[0]
    answers = {"family": family, "expected": model(x).numpy().tolist()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for path in ("m.h5", "m.keras"):
            kerasplug.save_model(model, path)
            found = kerasplug.inspect_model(path)
            answers["provider of " + path] = found.needed_plugins
            answers["missing of " + path] = [one.name for one in found.missing]
            answers[path] = kerasplug.load_model(path)(x).numpy().tolist()
        answers["warned"] = [
            str(one.message) for one in caught
            if issubclass(one.category, kerasplug.errors.KerasplugWarning)
        ]
    print(json.dumps(answers))
"""


@pytest.mark.engine
def test_legacy_tf_keras_saves_and_loads_and_warns_for_hdf5(tmp_path):
    """tf_keras ignores safe_mode for HDF5, so a warning says it; the rest works."""
    source = """
        import kerasplug
        keras = kerasplug.implementation()

        @keras.saving.register_keras_serializable("legacy_plug")
        class Twice(keras.layers.Layer):
            def call(self, inputs):
                return inputs * 2.0
    """
    install(
        tmp_path,
        "legacy-plug",
        {"kerasplug.layers": {"twice": "legacy_plug:Twice"}},
        modules={"legacy_plug.py": source},
    )

    answers = run(TF_KERAS, tmp_path, tmp_path, KERASPLUG_IMPLEMENTATION="tf_keras")

    assert answers["family"] == "tf_keras"
    for path in ("m.h5", "m.keras"):
        assert answers[path] == answers["expected"]
        assert answers[f"provider of {path}"] == ["legacy-plug"]
        assert answers[f"missing of {path}"] == []
    (warning,) = answers["warned"]
    assert "does not honour safe_mode" in warning
