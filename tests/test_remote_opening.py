"""`to_backend`: from a model to a worker that computes the same, or to an error."""

import os
import random

import numpy as np
import pytest
import remote_kit as kit

import kerasplug
from kerasplug import to_backend
from kerasplug.engines.workers.probing import deviation, noisy
from kerasplug.errors import (
    ConfigError,
    ImplementationError,
    ModelError,
    ParityError,
    PluginError,
    TranslationError,
    UnknownNameError,
    WorkerError,
)

pytestmark = pytest.mark.engine


@pytest.fixture
def faulty(monkeypatch):
    """Lets the toy do some harm, or be another engine."""
    with kit.toy(monkeypatch):
        yield lambda **given: [
            monkeypatch.setattr(kit.ToyEngine, name, value)
            for name, value in given.items()
        ]


@pytest.fixture
def workers(monkeypatch):
    """All workers that were started."""
    from kerasplug.engines.workers.process import Worker

    started = []
    own = Worker.start.__func__

    def start(cls, *args, **kwargs):
        started.append(own(cls, *args, **kwargs))
        return started[-1]

    monkeypatch.setattr(Worker, "start", classmethod(start))
    return started


def test_a_model_is_had_on_another_engine(keras, faulty):
    """It predicts the same there, and says where it is."""
    model = kit.classifier(keras)
    with to_backend(model, "toyengine") as remote:
        found = remote.predict(kit.X, verbose=0)

        np.testing.assert_allclose(found, model.predict(kit.X, verbose=0), atol=1e-6)
        assert remote.host is remote.model is model
        assert remote.facts["device"] == "paper"
        assert "on toyengine (keras 0.1, device paper" in repr(remote)


def test_of_a_parallel_model_its_template_is_taken(keras, faulty):
    """Where a model computes here is no matter of the engine there."""
    from kerasplug.devices.on_tensorflow import OnTensorFlow
    from kerasplug.devices.parallel import parallel

    template = kit.classifier(keras)
    options = {"merge_on": "cpu:0", "sync_batch_norm": False}
    model = parallel(OnTensorFlow, template, ["cpu:0"], **options)

    with to_backend(model, "toyengine") as remote:
        assert remote.host is template


def test_the_model_is_not_changed(keras, faulty):
    """Weights, optimizer, and the numbers that are drawn next stay as they are."""
    model = kit.classifier(keras)
    weights = [array.copy() for array in model.get_weights()]
    layers, optimizer = list(model.layers), model.optimizer
    keras.utils.set_random_seed(3)
    drawn = np.random.random()  # noqa: NPY002 -- the seed that Keras sets
    keras.utils.set_random_seed(3)
    state = random.getstate()
    with to_backend(model, "toyengine"):
        pass

    assert kit.same_weights(model, weights, exactly=True)
    assert model.layers == layers
    assert model.optimizer is optimizer
    assert int(optimizer.iterations) == 0
    assert random.getstate() == state
    assert np.random.random() == drawn  # noqa: NPY002 -- the same


def test_an_engine_that_computes_otherwise_is_refused(keras, faulty, workers):
    """The probe names the output and the difference, and no process is left."""
    faulty(fault="wrong")
    model = kit.two_headed(keras)
    with pytest.raises(ParityError, match="toyengine") as caught:
        to_backend(model, "toyengine")

    assert "'scores'" in caught.value.what or "'number'" in caught.value.what
    assert "there" in caught.value.found
    assert [one.closed for one in workers] == [True]


def test_a_difference_within_the_tolerance_is_taken(keras, faulty):
    """What counts as rounding is the caller's to say; so is whether it is probed."""
    faulty(fault="wrong")
    for options in ({"tolerance": 0.05}, {"probe": False}):
        to_backend(kit.classifier(keras), "toyengine", **options).close()


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("shapes", TranslationError, "another layer"),
        ("rounded", ParityError, "came back changed"),
        ("raise:build", WorkerError, "no room"),
        ("kill:set", WorkerError, "SIGKILL"),
    ],
)
def test_a_worker_with_another_model_is_ended(
    keras, faulty, workers, fault, error, said
):
    """Other shapes, weights that come back changed, failures: an error, no process."""
    faulty(fault=fault)
    with pytest.raises(error, match=said):
        to_backend(kit.classifier(keras), "toyengine")

    assert [one.closed for one in workers] == [True]


def test_a_model_that_can_not_be_said_starts_no_process(keras, faulty, workers):
    """What the engine does not know is refused before anything is started."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5)])
    with pytest.raises(TranslationError, match="dropout"):
        to_backend(model, "toyengine")

    assert workers == []


def test_weights_that_would_stay_behind_are_refused(keras, faulty, monkeypatch):
    """A translation that leaves a layer's weights out is no translation."""
    own = kit.ToyEngine.translate

    def forgetful(self, model):
        said = own(self, model)
        said.layers.pop("scores")
        return said

    monkeypatch.setattr(kit.ToyEngine, "translate", forgetful)
    with pytest.raises(TranslationError, match="no place") as caught:
        to_backend(kit.classifier(keras), "toyengine")
    assert "scores/kernel" in caught.value.found


def test_a_long_compilation_is_announced(keras, faulty, capfd):
    """A line on standard error before it is spent, once; none where nobody listens."""
    faulty(seconds=100.2, unrolled=28)
    line = "toyengine compiles 28 steps of time one by one: about 100 s at first\n"
    with to_backend(kit.classifier(keras), "toyengine") as remote:
        assert capfd.readouterr().err.count(line) == 1
        remote.fit(kit.X, kit.CLASSES, epochs=2, verbose=2)
        assert capfd.readouterr().err.count(line) == 1

    with to_backend(kit.classifier(keras), "toyengine", verbose=False) as remote:
        remote.fit(kit.X, kit.CLASSES, verbose=0)
        assert line not in capfd.readouterr().err


def test_a_short_compilation_is_not_announced(keras, faulty, capfd):
    """Less than 5 s are not worth a line."""
    faulty(seconds=4.9)
    to_backend(kit.classifier(keras), "toyengine").close()

    assert "compiles" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("devices", "said"), [(None, ""), ("a", "a"), (["a", "b"], "a,b")]
)
def test_devices_are_those_of_the_engine(keras, faulty, devices, said, monkeypatch):
    """Names go to the engine, which makes variables of its process of them."""
    asked = []
    own = kit.ToyEngine.variables

    def variables(self, names):
        asked.append(",".join(names))
        return own(self, names)

    monkeypatch.setattr(kit.ToyEngine, "variables", variables)
    to_backend(kit.classifier(keras), "toyengine", devices=devices).close()

    assert set(asked) == {said}


def test_a_fixed_batch_size_is_the_only_one(keras, faulty):
    """A model that takes one batch size gets that one; its rows are filled up."""
    inputs = keras.Input(batch_shape=(8, 4))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with to_backend(model, "toyengine") as remote:
        assert remote.batch_size == 8
        assert remote.predict(kit.X, 16, verbose=0).shape == (50, 2)
        assert {batch for batch, _ in kit.seen(remote, "predict")} == {8}


# --- what is no engine, no model ---


def test_a_backend_of_keras_is_none_in_another_process(keras):
    """TensorFlow computes here, for all models: the error says how that is chosen."""
    with pytest.raises(ImplementationError, match="in this process") as caught:
        to_backend(kit.classifier(keras), "tensorflow")

    assert 'use_backend("tensorflow")' in caught.value.mend


def test_an_unknown_engine_is_told(keras, faulty):
    """A name that nothing installed has is an error with names that resemble it."""
    with pytest.raises(UnknownNameError) as caught:
        to_backend(kit.classifier(keras), "toyengin")

    assert "toyengine" in caught.value.mend


@pytest.mark.parametrize(
    ("target", "engine", "error"),
    [
        ("remote_kit:Path", "worker", PluginError),
        ("remote_kit:nothing", "worker", PluginError),
        ("remote_kit:ToyEngine", "package", ImplementationError),
    ],
)
def test_a_record_that_leads_to_no_engine_is_told(keras, target, engine, error):
    """Another class, a missing one, a backend of Keras: each error says which it is."""
    record = kerasplug.BackendRecord(name="odd", target=target, engine=engine)
    with kerasplug.register(record, name="odd-engines"), pytest.raises(error):
        to_backend(kit.classifier(keras), "odd")


def test_what_is_no_built_model_of_keras_3_is_refused(keras, legacy):
    """A model without weights can't be computed; Keras 2 is another Keras."""
    with pytest.raises(ModelError, match="not built"):
        to_backend(keras.Sequential([keras.layers.Dense(1)]), "toyengine")
    with pytest.raises(ModelError, match="Keras 3"):
        to_backend(legacy.Sequential([legacy.layers.Dense(1)]), "toyengine")


def test_a_way_of_predicting_of_its_own_is_refused(keras, faulty):
    """A class with its own `predict_step` would predict otherwise there."""

    class Own(keras.Model):
        def predict_step(self, data):
            return data

    inputs = keras.Input((4,))
    model = Own(inputs, keras.layers.Dense(1)(inputs))
    with pytest.raises(TranslationError, match="own way"):
        to_backend(model, "toyengine")


def test_an_interpreter_that_is_none_is_told(keras, faulty, monkeypatch, tmp_path):
    """The variable that names the interpreter has to lead to one."""
    monkeypatch.setenv("KERASPLUG_TOYENGINE_PYTHON", os.fspath(tmp_path / "python"))
    with pytest.raises(ConfigError, match="KERASPLUG_TOYENGINE_PYTHON"):
        to_backend(kit.classifier(keras), "toyengine")


# --- the probe's parts ---


def test_the_probe_hides_nothing():
    """Every weight is changed, none by much, variances stay positive, counts whole."""
    weights = [np.zeros((20, 3), "float32"), np.ones(3, "float32"), np.arange(3)]
    kernel, variance, count = noisy(weights)

    assert kernel.min() > 0
    assert kernel.max() < 0.02
    assert len(np.unique(kernel)) == 60
    assert variance.min() > 1
    assert variance.max() < 1.4
    assert np.array_equal(count, [0, 1, 2])
    assert kernel.dtype == variance.dtype == "float32"


@pytest.mark.parametrize(
    ("here", "there", "relative"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([0.5, 0.0], [0.5, 0.25], 0.25),
        ([100.0], [101.0], 0.01),
        ([np.nan, np.inf], [np.nan, np.inf], 0.0),
        ([np.nan], [1.0], np.inf),
        ([1.0], [np.nan], np.inf),
        ([np.inf], [-np.inf], np.inf),
        ([1.0, 2.0], [1.0], np.inf),
        ([], [], 0.0),
    ],
)
def test_a_deviation_is_measured_by_the_size_of_the_number(here, there, relative):
    """Small numbers absolutely, large ones relatively; no number is infinitely far."""
    found = deviation("out", np.array(here), np.array(there))

    assert found.output == "out"
    assert found.relative == pytest.approx(relative)
