"""What Keras' callbacks and kerasplug's functions do with parallel models."""

import numpy as np
import pytest
from parallel_kit import (
    assert_alike,
    assert_same,
    cpus,
    elsewhere,
    fitted,
    rows,
    started,
    twins,
)

pytestmark = pytest.mark.engine

X, Y = rows(12, 4), rows(12, 2, seed=1)


def dense():
    """Two layers with names."""
    keras, _ = started()
    layers = [keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="last")]
    return keras.Sequential([keras.Input((4,)), *layers])


@elsewhere
def test_early_stopping_restores_the_best_weights():
    """Both models stop at the same epoch, with the same weights."""
    keras, _ = started()
    models = twins(dense, 3, lambda: {"optimizer": "adam", "loss": "mse"})

    def callback():
        return keras.callbacks.EarlyStopping(
            monitor="val_loss", restore_best_weights=True, mode="max", patience=1
        )

    histories = [
        fitted([one], X, Y, validation_split=0.3, epochs=9, callbacks=[callback()])[0]
        for one in models
    ]

    assert_same(*histories)
    assert len(histories[1]["loss"]) < 9
    assert_same(models[0].get_weights(), models[1].template.get_weights())


@elsewhere
def test_learning_rates_that_callbacks_set():
    """They are set on the one optimizer that both models have."""
    keras, _ = started()
    models = twins(dense, 2)

    def rate(epoch):
        return 0.1 / (epoch + 1)

    def callback():
        return keras.callbacks.LearningRateScheduler(rate)

    histories = [
        fitted([one], X, Y, epochs=3, callbacks=[callback()])[0] for one in models
    ]

    assert_alike(models, histories)
    assert float(models[1].template.optimizer.learning_rate) == pytest.approx(0.1 / 3)


@elsewhere
def test_averages_of_weights_are_swapped():
    """Keras' callback for averaged weights computes with those, and puts them back."""
    keras, _ = started()

    def compiled():
        optimizer = keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5)
        return {"optimizer": optimizer, "loss": "mse"}

    models = twins(dense, 3, compiled)
    options = {"epochs": 2, "validation_data": (X, Y)}
    histories = [
        fitted([one], X, Y, callbacks=[_swapping()], **options)[0] for one in models
    ]

    assert_alike(models, histories)


def _swapping():
    keras, _ = started()
    return keras.callbacks.SwapEMAWeights(swap_on_epoch=False)


@elsewhere
def test_kerasplugs_callbacks_take_it(tmp_path):
    """A log, costs and checkpoints that can be resumed come of it as of any model."""
    import kerasplug

    models = twins(dense, 2)
    histories = [
        fitted(
            [one],
            X,
            Y,
            batch_size=5,
            epochs=2,
            callbacks=[
                kerasplug.JsonLog(tmp_path / f"{place}.jsonl"),
                kerasplug.ResumableCallbacks(tmp_path / f"{place}", []),
                kerasplug.callback_model_checkpoint(
                    tmp_path / f"{place}.keras", save_best_only=False
                ),
            ],
        )[0]
        for place, one in enumerate(models)
    ]

    assert_alike(models, histories)
    assert (tmp_path / "1.jsonl").read_text().count('"loss"') >= 2
    loaded = kerasplug.load_model(tmp_path / "1.keras")
    assert_same(loaded.get_weights(), models[1].get_weights(), close=0)


@elsewhere
def test_safe_fit_puts_it_back():
    """What fails leaves both models as they were, optimizer included."""
    import kerasplug

    keras, _ = started()
    models = twins(dense, 2)
    fitted(models, X, Y)

    def fail(batch, logs):
        message = "enough"
        raise RuntimeError(message)

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=fail)
    with pytest.raises(RuntimeError, match="enough"):
        kerasplug.safe_fit(models[1], X, Y, callbacks=[callback], verbose=0)

    assert_alike(models)


@elsewhere
def test_layers_of_the_template_are_frozen():
    """It is noticed that the parallel model has to be compiled again."""
    import kerasplug

    models = twins(dense, 3)
    fitted(models, X, Y)
    for one in models:
        kerasplug.freeze_weights(one, to="first")
        assert kerasplug.stale_compile(one)
        one.compile("adam", "mse")
        assert not kerasplug.stale_compile(one)
    before = models[1].template.layers[0].get_weights()

    assert_alike(models, fitted(models, X, Y))
    assert_same(before, models[1].template.layers[0].get_weights(), close=0)


@elsewhere
def test_everything_is_frozen_and_unfrozen():
    """The whole parallel model is its template."""
    import kerasplug

    _, parallel = twins(dense, 2)
    kerasplug.freeze_weights(parallel)
    assert not parallel.template.trainable_weights
    assert not parallel.trainable_weights

    kerasplug.unfreeze_weights(parallel)

    assert len(parallel.template.trainable_weights) == 4
    assert len(parallel.trainable_weights) == 4


@elsewhere
def test_recompiling_keeps_what_was_learned():
    """After unfreezing, `recompile` goes on with the momenta, in both models."""
    import kerasplug

    models = twins(dense, 3)
    for one in models:
        getattr(one, "template", one).layers[0].trainable = False
        one.compile("adam", "mse")
    fitted(models, X, Y)
    for one in models:
        getattr(one, "template", one).layers[0].trainable = True
        kerasplug.recompile(one)

    assert_alike(models, fitted(models, X, Y))
    assert models[1].optimizer is models[1].template.optimizer
    assert int(models[1].optimizer.iterations) == 2


@elsewhere
def test_states_are_reset_and_read_through_it():
    """`reset_states` and `get_states` find the template's layers."""
    import kerasplug

    keras, _ = started()

    def make():
        layer = keras.layers.SimpleRNN(2, stateful=True, name="rnn")
        return keras.Sequential([keras.Input(batch_shape=(4, 3, 2)), layer])

    models = twins(make, 2)
    series = rows(4, 3, 2)
    for one in models:
        one(series)
    found = [[*kerasplug.get_states(one).values()] for one in models]
    assert_same(*found)
    assert np.abs(np.asarray(found[1][0])).max() > 0

    kerasplug.reset_states(models[1])

    assert not np.any(np.asarray(models[1].template.layers[0].states[0]))


@elsewhere
def test_summaries_show_the_layers():
    """What is trainable is told of the template's layers, and Keras' summary comes."""
    import kerasplug

    _, parallel = twins(dense, 2)
    lines = []
    parallel.summary(print_fn=lambda text, **options: lines.append(text))

    told = str(kerasplug.trainable_summary(parallel))
    assert "first" in told
    assert "last" in told
    assert "23" in "".join(lines)


@elsewhere
def test_a_parallel_model_within_a_model():
    """It is a layer as any other: a model around it trains as around the template."""
    from kerasplug import multi_gpu_model

    keras, _ = started()
    plain, inner = dense(), dense()
    inner.set_weights(plain.get_weights())
    parallel = multi_gpu_model(inner, cpus(3))
    models = []
    for one in (plain, parallel):
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.ops.tanh(one(inputs)))
        model.compile("adam", "mse")
        models.append(model)

    assert_same(*fitted(models, X, Y, batch_size=5, epochs=2))
    assert_same(plain.get_weights(), inner.get_weights())
