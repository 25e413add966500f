"""What an optimizer has learned goes to PlaidML with the weights, and comes back."""

import numpy as np
import program_kit
import proof_kit
import pytest
from kerasplug_plaidml.translating.models import translate
from kerasplug_plaidml.translating.states import optimizer_state
from kerasplug_plaidml.translating.training import OPTIMIZERS

import kerasplug as kp
from kerasplug import Carried, Translation
from kerasplug.errors import KerasplugWarning, TranslationError, WorkerError

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("plaidml")]

plaidml = proof_kit.plaidml  # a fixture
worker = program_kit.worker  # a fixture

#: float32 keeps 7 digits; 24 steps, each divided by roots of small numbers, lose three.
_CLOSE = {"rtol": 2e-4, "atol": 2e-5}
_FIT = {"batch_size": 16, "shuffle": False, "verbose": 0}

_RANDOM = np.random.default_rng(4)
_X = _RANDOM.normal(size=(56, 6)).astype("float32")
_Y = _RANDOM.integers(0, 3, 56)

_OPTIMIZERS = {
    "adam": ("Adam", {"learning_rate": 0.01}),
    "adam amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
    "sgd momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "rmsprop": ("RMSprop", {"momentum": 0.5, "centered": True, "epsilon": 1e-3}),
    "adagrad": ("Adagrad", {"learning_rate": 0.05}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "adamax": ("Adamax", {"learning_rate": 0.01}),
    "nadam": ("Nadam", {"learning_rate": 0.01}),
    "adam clipped": ("Adam", {"learning_rate": 0.01, "global_clipnorm": 0.05}),
}


def plain(keras):
    """Dense layers with a normalization between them."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="tanh", name="hidden"),
            layers.BatchNormalization(name="normal"),
            layers.Dense(3, activation="softmax", name="scores"),
        ]
    )


def nested(keras):
    """Two models in one, with layers of the same names; one layer is frozen."""

    def inner(name):
        x = keras.Input((6,))
        y = keras.layers.Dense(6, activation="tanh", name="same")(x)
        return keras.Model(x, keras.layers.Dense(6, name="last")(y), name=name)

    x = keras.Input((6,))
    first, second = inner("first"), inner("second")
    shared = keras.layers.Dense(6, activation="tanh", name="shared")
    y = second(shared(first(shared(x))))
    model = keras.Model(x, keras.layers.Dense(3, activation="softmax", name="out")(y))
    first.get_layer("last").trainable = False
    return model


def twins(build, name, said):
    """Two models with the same weights, each with such an optimizer of its own."""
    keras = kp.implementation()
    keras.utils.set_random_seed(5)
    first, second = build(keras), build(keras)
    second.set_weights(first.get_weights())
    for model in (first, second):
        optimizer = getattr(keras.optimizers, name)(**said)
        model.compile(optimizer, "sparse_categorical_crossentropy")
    return first, second


def here(model, epochs=2, **options):
    model.fit(_X, _Y, epochs=epochs, **(_FIT | options))


def there(model, epochs=2, **options):
    with kp.to_backend(model, "plaidml", batch_size=16, probe=False) as remote:
        remote.fit(_X, _Y, epochs=epochs, **(_FIT | options))


def state(model):
    """All variables of the optimizer but its rate, as arrays."""
    return [
        np.array(one)
        for one in model.optimizer.variables
        if one.name != "learning_rate"
    ]


def assert_alike(one, other):
    """The same weights and the same optimizer, but for rounding."""
    assert int(one.optimizer.iterations) == int(other.optimizer.iterations)
    named = [weight.path for weight in one.weights]
    pairs = zip(named, one.get_weights(), other.get_weights(), strict=True)
    for name, left, right in pairs:
        np.testing.assert_allclose(right, left, err_msg=name, **_CLOSE)
    for left, right in zip(state(one), state(other), strict=True):
        np.testing.assert_allclose(right, left, **_CLOSE)


@pytest.mark.parametrize("named", _OPTIMIZERS)
def test_training_goes_on_there_and_here_again(named):
    """Two epochs here, two on PlaidML and two here are six epochs here."""
    one, other = twins(plain, *_OPTIMIZERS[named])
    here(one, 4)
    here(other, 2)
    there(other, 2)
    assert_alike(one, other)
    assert any(np.any(each) for each in state(other)[1:])
    here(one, 2)
    here(other, 2)

    assert_alike(one, other)


def test_weights_of_the_same_name_keep_their_own_momenta():
    """Nested models, layers of one name, a shared and a frozen one go on as here."""
    one, other = twins(nested, "Adam", {"learning_rate": 0.01})
    here(one, 6)
    there(other, 2)
    here(other, 2)
    there(other, 2)

    assert_alike(one, other)


def test_saved_models_resume_as_they_would_here(tmp_path):
    """A checkpoint of a whole model, and `model.save`, have what was learned there."""
    keras = kp.implementation()
    one, other = twins(plain, "Adam", {"learning_rate": 0.01})
    here(one, 4)
    kept = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    there(other, 2, callbacks=[kept])
    other.save(tmp_path / "saved.keras")
    for name in ("2", "saved"):
        loaded = keras.models.load_model(tmp_path / f"{name}.keras")
        here(loaded, 2)
        assert_alike(one, loaded)


def test_a_backup_is_taken_up_with_what_the_optimizer_knew(tmp_path):
    """After a failure a new model and a new worker go on as if nothing had been."""
    keras = kp.implementation()
    one, other = twins(plain, "Nadam", {"learning_rate": 0.01})
    here(one, 4)

    def fail(epoch, _):
        if epoch == 2:
            message = "the lights went out"
            raise OSError(message)

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    broken = keras.callbacks.LambdaCallback(on_epoch_begin=fail)
    with pytest.raises(OSError, match="lights"):
        there(other, 4, callbacks=[backup, broken])
    _, anew = twins(plain, "Nadam", {"learning_rate": 0.01})
    there(anew, 4, callbacks=[backup])

    assert_alike(one, anew)


def test_a_new_optimizer_begins_at_nothing_and_the_same_goes_on():
    """Compiling in between means there what it means here."""
    keras = kp.implementation()
    one, other = twins(plain, "Adam", {"learning_rate": 0.01})

    def course(model, fit, compiled):
        fit(_X, _Y, **_FIT)
        compiled(model.optimizer, "sparse_categorical_crossentropy", loss_weights=[0.5])
        fit(_X, _Y, **_FIT)
        compiled(keras.optimizers.Adamax(0.01), "sparse_categorical_crossentropy")
        fit(_X, _Y, **_FIT)
        model.get_layer("hidden").trainable = False
        compiled(model.optimizer, "sparse_categorical_crossentropy")
        fit(_X, _Y, **_FIT)

    course(one, one.fit, one.compile)
    with kp.to_backend(other, "plaidml", batch_size=16, probe=False) as remote:
        course(other, remote.fit, remote.compile)

    assert int(other.optimizer.iterations) == 8
    assert_alike(one, other)


# --- the program ---


def test_the_program_sets_all_of_a_state_or_nothing(worker):
    """What lacks an array, has one too many or another shape changes nothing there."""
    keras = kp.implementation()
    layers = [("Dense", {"units": 5}), ("Dense", {"units": 3})]
    pair = program_kit.Pair(worker, layers, (6,))
    pair.compile(keras.optimizers.Nadam(0.1))
    told, first = worker.ask("get_optimizer")
    assert told["step"] == 0
    assert first["u_product"] == 1
    names = [f"{layer.name}:{at}" for layer in pair.host.layers for at in (0, 1)]
    slots = {f"{slot}:{name}" for slot in ("momentum", "velocity") for name in names}
    assert set(first) == slots | {"u_product"}
    pair.step(_X[:8], _X[:8, :3])
    told, before = worker.ask("get_optimizer")
    assert told["step"] == 1
    name = next(iter(before))
    for arrays, step in (
        ({key: value for key, value in before.items() if key != name}, 5),
        (before | {"more": before[name]}, 5),
        (before | {name: before[name][:1]}, 5),
        ({key: value * 0 for key, value in before.items()}, -1),
    ):
        with pytest.raises(WorkerError, match="nothing of the optimizer was set"):
            worker.ask("set_optimizer", arrays, step=step)
        assert_same(before, worker.ask("get_optimizer")[1])
    worker.ask("set_optimizer", {key: v * 0 for key, v in before.items()}, step=7)
    told, after = worker.ask("get_optimizer")

    assert told["step"] == 7
    assert not any(np.any(value) for value in after.values())


def assert_same(one, other):
    """The same arrays, bit by bit."""
    assert one.keys() == other.keys()
    assert all(np.array_equal(other[key], value) for key, value in one.items())


# --- which variable is which ---


def found(model):
    return optimizer_state(model, translate(model))


@pytest.mark.parametrize(
    ("name", "said"), [*_OPTIMIZERS.values(), *((name, {}) for name in OPTIMIZERS)]
)
def test_every_variable_of_the_optimizer_has_a_name_there(name, said):
    """All but its steps and its rate, each once; for all optimizers of the table."""
    model, _ = twins(nested, name, said)
    held = found(model)

    known = {id(one) for one in model.optimizer.variables}
    missing = known - {id(one) for one in held.values()}
    assert len(missing) == 2
    assert len({id(one) for one in held.values()}) == len(held)
    assert not any("first/last" in name for name in held)


def test_momenta_of_weights_of_one_name_are_in_the_order_of_the_weights():
    """Keras gives them one name, too: their place tells whose they are."""
    model, _ = twins(nested, "Adam", {})
    held = found(model)
    slot = "velocity"
    in_order = [one for one in model.optimizer.variables if one.name.endswith(slot)]
    for name in ("first", "second"):
        kernel = model.get_layer(name).get_layer("same").kernel
        at = [id(one) for one in model.trainable_variables].index(id(kernel))
        assert held[f"{slot}:{name}/same:0"] is in_order[at]


def test_what_is_frozen_after_building_is_left_out():
    """The optimizer still has its momenta; the others are found by their names."""
    model, _ = twins(plain, "Adam", {})
    model.optimizer.build(model.trainable_variables)
    model.get_layer("hidden").trainable = False
    held = found(model)

    assert {name.split(":")[1] for name in held} == {"normal", "scores"}
    assert held["velocity:scores:1"].name.endswith("scores_bias_velocity")


def test_what_learns_only_since_building_can_not_go_on():
    """Keras itself can't train these weights with that optimizer: it begins anew."""
    model, _ = twins(plain, "Adam", {})
    model.get_layer("hidden").trainable = False
    model.optimizer.build(model.trainable_variables)
    model.get_layer("hidden").trainable = True

    assert found(model) is None


def test_momenta_that_may_be_those_of_another_weight_are_refused():
    """Two layers of one name, one of them frozen since: nothing is guessed."""
    model, _ = twins(nested, "Adam", {})
    model.optimizer.build(model.trainable_variables)
    model.get_layer("first").get_layer("same").trainable = False
    with pytest.raises(TranslationError, match="same/kernel") as caught:
        found(model)

    assert "compile" in caught.value.mend


def test_weights_that_are_others_there_keep_their_momenta_here():
    """Where a plugin turns the weights, that what is learned stays there is said."""
    model, _ = twins(plain, "Adam", {})
    whole = translate(model)
    turned = Carried(model.get_layer("hidden"), lambda arrays: arrays[::-1])
    translation = Translation(
        config=whole.config, layers={**whole.layers, "hidden": turned}
    )
    with pytest.warns(KerasplugWarning, match="'hidden' are others on PlaidML"):
        assert optimizer_state(model, translation) is None
    assert not model.optimizer.built
