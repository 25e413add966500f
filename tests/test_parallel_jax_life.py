"""Models on several devices of JAX: what lies where, errors, files, the template.

The cases run in one process on JAX with eight virtual devices and in float64, which
prints what came of each; each test looks at one of them.
"""

import functools
import os

import pytest
from states_kit import case_in, run_cases, told
from test_parallel_jax import CLOSE, apart, compiled, dense, numbers, spread

pytestmark = pytest.mark.engine

CASES = {}
of = functools.partial(told, __file__)
case = case_in(CASES)

X, Y = numbers(32, 4), numbers(32, 1, seed=1)
FIT = {"batch_size": 8, "shuffle": False, "verbose": 0}


def made(keras, seed=3):
    keras.utils.set_random_seed(seed)
    return dense(keras, keras.layers.Dense(3, activation="relu"))


def trained(keras, seed=3):
    """A template with an optimizer that has a state, trained on one device."""
    template = compiled(keras, made(keras, seed))
    template.fit(X, Y, **FIT)
    return template


def weights(model):
    return [*model.get_weights(), *(one.numpy() for one in model.optimizer.variables)]


def where(variable):
    """On how many devices a variable is, and whether it is whole on each."""
    sharding = variable.value.sharding
    return [len(sharding.device_set), sharding.is_fully_replicated]


def spy(keras, seen):
    """A layer that notes how its input is laid out in the compiled step."""
    import jax

    class Spy(keras.layers.Layer):
        traces = 0

        def call(self, inputs):
            if isinstance(inputs, jax.core.Tracer):
                type(self).traces += 1
                note = functools.partial(_note, inputs.shape, seen)
                jax.debug.inspect_array_sharding(inputs, callback=note)
            return inputs

    return Spy()


def _note(shape, seen, sharding):
    spec = getattr(sharding, "spec", None)
    split = bool(spec) and spec[0] == "batch"
    seen.append([shape[0], len(sharding.device_set), split])


@case
def laid_out(keras, folder):
    import jax

    seen = []
    template = dense(keras, keras.layers.Dense(3), spy(keras, seen))
    model = compiled(keras, spread(template, 8))
    before = [where(one) for one in template.weights]
    model.fit(X, Y, **FIT)
    inside = {"even": list(seen)}
    seen.clear()
    model.fit(X[:30], Y[:30], batch_size=30, verbose=0)
    inside["uneven"] = list(seen)
    seen.clear()
    model.predict(X[:3], verbose=0)
    inside["few"] = list(seen)
    placed = model._mesh.place((X, {"uneven": X[:30]}, None))
    shards = {
        "even": [one.data.shape for one in placed[0].addressable_shards],
        "uneven": [one.data.shape for one in placed[1]["uneven"].addressable_shards],
    }
    program = jax.jit(model.call).lower(placed[0]).compile().as_text()
    return {
        "before": before,
        "after": [where(one) for one in model._kept()],
        "inside": inside,
        "shards": shards,
        "none": placed[2] is None,
        "rows of a product": "f64[4,3]" in program and "f64[32,3]" not in program,
    }


def test_weights_are_whole_on_every_device():
    """Weights, also before training, and the optimizer's and metrics' variables are."""
    found = of("laid_out")

    assert len(found["before"]) == 4
    assert len(found["after"]) > 8
    assert all(one == [8, True] for one in found["before"] + found["after"])


@pytest.mark.parametrize(("kind", "rows"), [("even", 8), ("uneven", 30), ("few", 3)])
def test_every_device_works_on_its_rows(kind, rows):
    """In the compiled step intermediate tensors are split over all devices."""
    found = of("laid_out")["inside"][kind]

    assert found
    assert all(one == [rows, 8, True] for one in found)


def test_a_device_gets_its_rows_only():
    """Batches that can be split arrive split, and products are of a device's rows."""
    found = of("laid_out")

    assert found["shards"]["even"] == [[4, 4]] * 8
    assert found["shards"]["uneven"] == [[30, 4]] * 8
    assert found["none"]
    assert found["rows of a product"]


@case
def upstream(keras, folder):
    devices = [f"cpu:{place}" for place in range(8)]
    distribution = keras.distribution.DataParallel(
        devices=devices, auto_shard_dataset=False
    )
    found = {}
    for name, rows, batch in (("uneven", 30, 30), ("last", 20, 16)):
        with distribution.scope():
            model = compiled(keras, made(keras))
            try:
                model.fit(X[:rows], Y[:rows], batch_size=batch, verbose=0)
                found[name] = ""
            except Exception as error:  # noqa: BLE001 -- the test shows it
                found[name] = type(error).__name__ + str(error)
    return found


@pytest.mark.parametrize("name", ["uneven", "last"])
def test_keras_alone_takes_even_batches_only(name):
    """Bare `keras.distribution` refuses rows that the devices don't divide."""
    assert "divisible" in of("upstream")[name]


@case
def kept(keras, folder):
    template = trained(keras)
    before = weights(template)
    model = spread(template, 4)
    laid = apart(before, weights(model))
    model.fit(X, Y, **FIT)
    reference = trained(keras)
    reference.fit(X, Y, **FIT)
    return {"laid": laid, "went on": apart(weights(reference), weights(model))}


def test_a_trained_template_goes_on():
    """Weights and the optimizer's state keep their values, and training goes on."""
    found = of("kept")

    assert found["laid"] == 0.0
    assert found["went on"] < CLOSE


@case
def template_alone(keras, folder):
    import jax

    template = made(keras)
    model = compiled(keras, spread(template, 8))
    model.fit(X, Y, **FIT)
    asked = apart(
        [model.predict(X[:5], verbose=0)], [template.predict(X[:5], verbose=0)]
    )
    template.fit(X[:30], Y[:30], batch_size=7, shuffle=False, verbose=0)
    state = [
        [one.value for one in group]
        for group in (template.trainable_variables, template.non_trainable_variables)
    ]
    outputs, _ = jax.jit(template.stateless_call)(*state, X[:5])
    stateless = apart([outputs], [template(X[:5])])
    model.fit(X[:30], Y[:30], **FIT)
    reference = trained(keras)
    reference.fit(X[:30], Y[:30], batch_size=7, shuffle=False, verbose=0)
    reference.fit(X[:30], Y[:30], **FIT)
    return {
        "asked": asked,
        "stateless": stateless,
        "in turns": apart(weights(reference), weights(model)),
        "the same": apart(weights(template), weights(model)),
    }


def test_the_template_is_used_by_itself():
    """It predicts, trains by itself and in turns with the parallel model."""
    found = of("template_alone")

    assert max(found.values()) < CLOSE


@case
def two_at_once(keras, folder):
    template = compiled(keras, made(keras))
    models = [spread(template, 2), spread(template, 8)]
    for number in range(4):
        models[number % 2].fit(X[:30], Y[:30], **FIT)
    reference = compiled(keras, made(keras))
    reference.fit(X[:30], Y[:30], epochs=4, **FIT)
    return apart(weights(reference), weights(template))


def test_one_template_over_different_devices():
    """Two parallel models of one template train it in turns."""
    assert of("two_at_once") < CLOSE


@case
def callbacks(keras, folder):
    seen, told, scopes = [], [], []
    template = dense(keras, keras.layers.Dense(3), spy(keras, seen))
    model = compiled(keras, spread(template, 8))

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            asked = [
                template.predict(X[:3], verbose=0),
                self.model.predict(X[:3], verbose=0),
            ]
            told.append(apart(asked[:1], asked[1:]))
            scopes.append(keras.distribution.distribution() is None)

    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    stop = keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
    model.fit(X, Y, epochs=1, callbacks=[rates, stop], **FIT)
    once = type(template.layers[1]).traces
    model.fit(X, Y, epochs=3, callbacks=[rates, stop], **FIT)
    again = type(template.layers[1]).traces
    model.fit(X, Y, epochs=2, callbacks=[Look()], **FIT)
    return {"once": once, "again": again, "apart": max(told), "scopes": all(scopes)}


def test_callbacks_see_a_usual_model():
    """Model and template predict in a callback; Keras has no distribution meanwhile."""
    found = of("callbacks")

    assert found["apart"] < CLOSE
    assert found["scopes"]


def test_what_callbacks_assign_compiles_nothing_anew():
    """New learning rates, fresh metrics and old weights fit the same program."""
    found = of("callbacks")

    assert 0 < found["once"] == found["again"]


@case
def saved(keras, folder):
    found = {}
    for name in ("model", "template"):
        for end in (".keras", ".h5"):
            template = made(keras)
            loss = keras.losses.MeanSquaredError()
            model = compiled(keras, spread(template, 4), loss)
            model.fit(X, Y, **FIT)
            path = os.path.join(folder, name + end)
            (model if name == "model" else template).save(path)
            if end == ".h5":
                from kerasplug import load_model_hdf5 as load
            else:
                load = keras.models.load_model
            loaded = load(path)
            same = apart(weights(model), weights(loaded))
            model.fit(X, Y, **FIT)
            again = spread(loaded, 8)
            again.fit(X, Y, **FIT)
            found[name + end] = [same, apart(weights(model), weights(again))]
    path = os.path.join(folder, "only.weights.h5")
    model.save_weights(path)
    other = compiled(keras, spread(made(keras, seed=5), 8))
    other.predict(X, verbose=0)
    other.load_weights(path)
    everywhere = all(where(one) == [8, True] for one in other.weights)
    gap = apart(other.get_weights(), model.get_weights())
    found["weights"] = [gap, 0.0 if everywhere else 1.0]
    return found


@pytest.mark.parametrize(
    "file", ["model.keras", "model.h5", "template.keras", "template.h5", "weights"]
)
def test_files_hold_all_of_it(file):
    """A file has weights and optimizer, and training goes on from it to the same."""
    same, resumed = of("saved")[file]

    assert same == 0.0
    assert resumed < CLOSE


class StopError(Exception):
    """What a test raises."""


def failing(after):
    """A generator of batches that raises after some."""
    for _ in range(after):
        yield X[:8], Y[:8]
    raise StopError


def raising(keras, hook):
    """A callback that raises in one of its hooks."""

    def fail(self, *arguments, **options):
        raise StopError

    return type("Raising", (keras.callbacks.Callback,), {hook: fail})()


def trap(keras):
    """A layer that raises where it is compiled for six rows."""

    class Trap(keras.layers.Layer):
        def call(self, inputs):
            if inputs.shape[0] == 6:
                raise StopError
            return inputs

    return Trap()


#: What raises, by name: a function of Keras and a compiled model.
WAYS = {
    "a batch of fit": lambda k, m: m.fit(failing(2), steps_per_epoch=9, verbose=0),
    "the first of fit": lambda k, m: m.fit(failing(0), steps_per_epoch=3, verbose=0),
    "the first step": lambda k, m: m.fit(X[:6], Y[:6], batch_size=6, verbose=0),
    "a step": lambda k, m: m.fit(X[:14], Y[:14], **FIT),
    "a callback of fit": lambda k, m: m.fit(
        X, Y, callbacks=[raising(k, "on_train_batch_end")], **FIT
    ),
    "a batch of evaluate": lambda k, m: m.evaluate(failing(2), steps=3, verbose=0),
    "a callback of evaluate": lambda k, m: m.evaluate(
        X, Y, callbacks=[raising(k, "on_test_batch_end")], verbose=0
    ),
    "a batch of predict": lambda k, m: m.predict(failing(2), steps=3, verbose=0),
    "a callback of predict": lambda k, m: m.predict(
        X, callbacks=[raising(k, "on_predict_batch_end")], verbose=0
    ),
    "train_on_batch": lambda k, m: m.train_on_batch(X[:6], Y[:6]),
}
#: Those after which a plain model of Keras 3.15 on JAX has no weights any more.
LOST = ["the first step", "a batch of evaluate", "a callback of predict"]


@case
def failed(keras, folder):
    keras.utils.set_random_seed(3)
    template = compiled(keras, dense(keras, trap(keras)))
    reference = compiled(keras, dense(keras))
    found = {}
    for steps in (1, 4):
        model = compiled(keras, spread(template, 8), steps_per_execution=steps)
        for name, way in WAYS.items():
            found[f"{name}, {steps}"] = _lived(keras, way, model, reference)
    for name in LOST:
        plain = compiled(keras, dense(keras, trap(keras)))
        plain.fit(X, Y, **FIT)
        found[f"{name}, plain"] = _lived(keras, WAYS[name], plain, reference)
    return found


def _lived(keras, way, model, reference):
    """What was raised, and how far training goes wrong afterwards."""
    raised = ""
    try:
        way(keras, model)
    except Exception as error:  # noqa: BLE001 -- the test shows it
        raised = type(error).__name__
    try:
        reference.set_weights(model.get_weights())
        reference.optimizer.build(reference.trainable_variables)
        reference.optimizer.set_weights(
            [one.numpy() for one in model.optimizer.variables]
        )
        for one in (model, reference):
            one.fit(X, Y, **FIT)
        return [raised, apart(weights(model), weights(reference))]
    except Exception as error:  # noqa: BLE001 -- the test shows it
        return [raised, repr(error)]


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("way", list(WAYS))
def test_an_error_leaves_the_model_as_it_is(way, steps):
    """Whatever raises and when, the error comes through and the model trains on."""
    raised, gap = of("failed")[f"{way}, {steps}"]

    assert raised == "StopError"
    assert gap < CLOSE


@pytest.mark.parametrize("way", LOST)
def test_keras_alone_loses_its_weights(way):
    """A plain model on JAX is lost after these errors: what is mended here."""
    raised, trouble = of("failed")[f"{way}, plain"]

    assert raised == "StopError"
    assert "NoneType" in trouble


@case
def distributed(keras, folder):
    from kerasplug.errors import DeviceError

    def refused(call, *arguments):
        try:
            call(*arguments)
        except DeviceError as error:
            return str(error)
        return ""

    devices = ["cpu:0", "cpu:1"]
    distribution = keras.distribution.DataParallel(
        devices=devices, auto_shard_dataset=False
    )
    model = compiled(keras, spread(made(keras), 8))
    template = made(keras)
    with distribution.scope():
        said = {
            "made": refused(spread, template, 8),
            "fit": refused(lambda: model.fit(X, Y, **FIT)),
            "predict": refused(lambda: model.predict(X, verbose=0)),
        }
        foreign = made(keras)
        still = keras.distribution.distribution() is distribution
    model.fit(X, Y, **FIT)
    reference = trained(keras)
    other = compiled(keras, spread(foreign, 8))
    other.fit(X, Y, **FIT)
    return {
        "said": said,
        "untouched": all(one._layout is None for one in template.weights),
        "still": still,
        "afterwards": apart(weights(reference), weights(model)),
        "foreign": apart(weights(reference), weights(other)),
    }


@pytest.mark.parametrize("when", ["made", "fit", "predict"])
def test_a_distribution_of_the_users_own_is_refused(when):
    """Two can't lay out one model: the error names the other and the way out."""
    assert "DataParallel" in of("distributed")["said"][when]
    assert "set_distribution(None)" in of("distributed")["said"][when]


def test_a_refusal_changes_nothing():
    """Neither the template, nor Keras' distribution, nor what comes of training."""
    found = of("distributed")

    assert found["untouched"]
    assert found["still"]
    assert found["afterwards"] < CLOSE


def test_a_template_made_under_a_distribution_is_laid_out_anew():
    """Where its variables were before makes no difference."""
    assert of("distributed")["foreign"] < CLOSE


if __name__ == "__main__":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
    os.environ["JAX_ENABLE_X64"] = "1"
    import kerasplug

    kerasplug.implementation("keras").config.set_floatx("float64")
    run_cases(CASES)
