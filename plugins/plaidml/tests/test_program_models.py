"""What a worker holds: models of any shape, their weights, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import program_kit
import pytest
from kerasplug_plaidml.engine import PlaidML
from plaidml_kit import check_python_3_7
from program_kit import CLOSE, Pair

from kerasplug.engines.workers.process import Worker
from kerasplug.errors import WorkerError

pytestmark = pytest.mark.engine

worker = program_kit.worker  # a fixture

_SGD = {"name": "sgd"}
_MSE = {"losses": [{"name": "mean_squared_error"}], "optimizer": _SGD}


def _rows(*shape: int) -> Any:
    return np.random.default_rng(6).uniform(-1, 1, shape).astype("float32")


def _pair(there: Worker) -> Pair:
    layers = [
        ("Dense", {"units": 5, "activation": "tanh"}),
        ("BatchNormalization", {}),
        ("Dropout", {"rate": 0.5}),
        ("Dense", {"units": 2}),
    ]
    return Pair(there, layers, (4,))


def _dense(name: str, **said: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, **said}}


def _sequential(name: str, *layers: Any) -> dict[str, Any]:
    return {
        "class_name": "Sequential",
        "config": {"name": name, "layers": list(layers)},
    }


def _node(
    name: str, *sources: str, class_name: str = "Dense", **said: Any
) -> dict[str, Any]:
    nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **said},
        "inbound_nodes": nodes,
    }


def _functional(inputs: list[str], outputs: list[str], *layers: Any) -> dict[str, Any]:
    return {
        "class_name": "Model",
        "config": {
            "name": "top",
            "layers": list(layers),
            "input_layers": [[name, 0, 0] for name in inputs],
            "output_layers": [[name, 0, 0] for name in outputs],
        },
    }


def _input(name: str, *shape: int) -> dict[str, Any]:
    said = {"batch_input_shape": [None, *shape], "dtype": "float32"}
    return _node(name, class_name="InputLayer", **said)


def _set(there: Worker, told: dict[str, Any]) -> dict[str, Any]:
    """Set random weights; they, by name."""
    rng = np.random.default_rng(9)
    values = {
        f"{path}:{at}": rng.uniform(-0.6, 0.6, shape).astype("float32")
        for path, shapes in told["weights"].items()
        for at, shape in enumerate(shapes)
    }
    there.ask("set", values)
    return values


def test_every_file_is_python_3_7() -> None:
    """The program's environment may have an old Python; each file is written for it."""
    files = list(Path(PlaidML.program).parent.glob("*.py"))
    assert len(files) > 5
    for file in files:
        check_python_3_7(file)


def test_weights_come_back_bit_by_bit(worker: Worker) -> None:
    """What was set is what `get` gives, moving statistics included."""
    pair = _pair(worker)
    here, there = pair.weights()
    assert pair.told["parameters"] == pair.host.count_params()
    assert here.keys() == there.keys()
    for name, value in here.items():
        assert there[name].tobytes() == value.tobytes(), name


@pytest.mark.parametrize("kind", ["shape", "missing", "strange"])
def test_a_wrong_array_sets_none(worker: Worker, kind: str) -> None:
    """A wrong shape, a missing or an unknown array: all weights stay as they were."""
    pair = _pair(worker)
    before = worker.ask("get")[1]
    wrong = {name: value + 1 for name, value in before.items()}
    last = list(wrong)[-1]
    if kind == "shape":
        wrong[last] = wrong[last][:-1]
        told = f"{last} has the shape"
    elif kind == "missing":
        del wrong[last]
        told = f"1 are missing \\({last}\\)"
    else:
        wrong["other/layer:0"] = wrong[last]
        told = r"1 are not known \(other/layer:0\)"
    with pytest.raises(WorkerError, match=told):
        worker.ask("set", wrong)
    after = worker.ask("get")[1]
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert len(pair.weights()[0]) == len(before)


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 21])
def test_predictions_of_any_number_of_rows_are_those_of_keras_3(
    worker: Worker,
    rows: int,
) -> None:
    """Pieces of 8 rows, the last one partial, are put together again."""
    pair, x = _pair(worker), _rows(rows, 4)
    _, given = worker.ask("predict", {"x0": x}, batch=8)
    assert given["y0"].shape == (rows, 2)
    np.testing.assert_allclose(given["y0"], np.asarray(pair.host(x)), **CLOSE)


def test_predictions_see_new_weights(worker: Worker) -> None:
    """After a step and after `set`, what is predicted is of the new weights."""
    pair, x = _pair(worker), _rows(8, 4)
    worker.ask("compile", training=_MSE)
    first = worker.ask("predict", {"x0": x}, batch=8)[1]["y0"]
    worker.ask("train", {"x0": x, "t0": _rows(8, 2)}, batch=8, rate=0.5)
    second = worker.ask("predict", {"x0": x}, batch=8)[1]["y0"]
    worker.ask("set", pair.named(pair.host))
    third = worker.ask("predict", {"x0": x}, batch=8)[1]["y0"]
    assert not np.allclose(first, second)
    assert np.array_equal(first, third)


def test_dropout_drops_in_training_only(worker: Worker) -> None:
    """Two forward passes in training differ; two predictions don't."""
    pair, x = _pair(worker), _rows(8, 4)
    worker.ask("compile", training=_MSE)
    arrays = {"x0": x, "t0": _rows(8, 2)}
    one, two = (
        worker.ask("train", arrays, batch=8, rate=0.0, outputs=True)[1]["y0"]
        for _ in range(2)
    )
    assert not np.array_equal(one, two)
    tested = worker.ask("test", arrays, batch=8, outputs=True)[1]["y0"]
    moved = {
        name: value for name, value in worker.ask("get")[1].items() if "batch" in name
    }
    assert len(moved) == 4
    again = worker.ask("predict", {"x0": x}, batch=8)[1]["y0"]
    np.testing.assert_allclose(tested, again, **CLOSE)
    assert pair.told["weights"].keys() == {
        name.split(":")[0] for name in worker.ask("get")[1]
    }


def test_nested_models_have_paths(worker: Worker) -> None:
    """A layer in a model in a model is named by all of them."""
    inner = _sequential("inner", _dense("a", units=3, batch_input_shape=[None, 4]))
    middle = _sequential("middle", inner, _dense("b", units=2))
    middle["config"]["layers"][0]["config"]["layers"][0]["config"][
        "batch_input_shape"
    ] = [None, 4]
    outer = _sequential("outer", middle, _dense("c", units=2))
    told, _ = worker.ask("build", config=outer)
    assert told["weights"] == {
        "middle/inner/a": [[4, 3], [3]],
        "middle/b": [[3, 2], [2]],
        "c": [[2, 2], [2]],
    }
    values, x = _set(worker, told), _rows(5, 4)
    _, given = worker.ask("predict", {"x0": x}, batch=8)
    wanted = x
    for path in told["weights"]:
        wanted = wanted @ values[f"{path}:0"] + values[f"{path}:1"]
    np.testing.assert_allclose(given["y0"], wanted, **CLOSE)


def test_inputs_and_outputs_may_be_many_and_a_loss_may_lack(worker: Worker) -> None:
    """The total is that of the outputs with a loss, each with its weight."""
    config = _functional(
        ["one", "two"],
        ["left", "right"],
        _input("one", 3),
        _input("two", 3),
        _node("sum", "one", "two", class_name="Add"),
        _node("left", "sum", units=2),
        _node("right", "sum", units=1),
    )
    told, _ = worker.ask("build", config=config)
    values = _set(worker, told)
    training = {
        "losses": [{"name": "mean_squared_error"}, {"name": "mean_absolute_error"}],
        "loss_weights": [0.5, 3.0],
        "optimizer": _SGD,
    }
    worker.ask("compile", training=training)
    x = {"x0": _rows(5, 3), "x1": _rows(5, 3) * 2}
    t = {"t0": _rows(5, 2), "t1": _rows(5, 1)}
    summed = x["x0"] + x["x1"]
    left = summed @ values["left:0"] + values["left:1"]
    right = summed @ values["right:0"] + values["right:1"]
    wanted = [np.square(left - t["t0"]).mean(), np.abs(right - t["t1"]).mean()]
    answer, given = worker.ask("test", {**x, **t}, batch=8, outputs=True)
    np.testing.assert_allclose(answer["losses"], wanted, **CLOSE)
    np.testing.assert_allclose(answer["loss"], 0.5 * wanted[0] + 3 * wanted[1], **CLOSE)
    np.testing.assert_allclose(given["y1"], right, **CLOSE)

    training["losses"] = [None, {"name": "mean_absolute_error"}]
    worker.ask("compile", training=training)
    answer, _ = worker.ask("train", {**x, "t1": t["t1"]}, batch=8, rate=0.1)
    assert answer["losses"][0] is None
    np.testing.assert_allclose(answer["loss"], 3 * wanted[1], **CLOSE)
    after = worker.ask("get")[1]
    assert np.array_equal(after["left:0"], values["left:0"])
    assert not np.array_equal(after["right:0"], values["right:0"])


def test_a_gate_that_is_used_twice_has_the_right_gradient(worker: Worker) -> None:
    """A value that a merge broadcasts, and an output too, trains as in Keras 3."""
    import keras

    x = keras.Input((3, 4))
    gate = keras.layers.Dense(4, name="gate")(keras.layers.Reshape((1, 12))(x))
    host = keras.Model(x, [keras.layers.Multiply()([x, gate]), gate])
    config = _functional(
        ["x"],
        ["product", "gate"],
        _input("x", 3, 4),
        _node("flat", "x", class_name="Reshape", target_shape=[1, 12]),
        _node("gate", "flat", units=4),
        _node("product", "x", "gate", class_name="Multiply"),
    )
    told, _ = worker.ask("build", config=config)
    values = _set(worker, told)
    host.get_layer("gate").set_weights(list(values.values()))
    host.compile(keras.optimizers.SGD(0.5), ["mean_squared_error"] * 2)
    loss = {"name": "mean_squared_error"}
    worker.ask("compile", training={"losses": [loss, loss], "optimizer": _SGD})
    rows, targets = _rows(5, 3, 4), [_rows(5, 3, 4) * 2, _rows(5, 1, 4)]
    host.train_on_batch(rows, targets)
    arrays = {"x0": rows, "t0": targets[0], "t1": targets[1]}
    worker.ask("train", arrays, batch=8, rate=0.5)
    there = worker.ask("get")[1]
    for at, value in enumerate(host.get_layer("gate").get_weights()):
        np.testing.assert_allclose(there[f"gate:{at}"], value, **CLOSE)


_DOUBLED = """
from keras import backend as K
from keras.layers import Layer


class Doubled(Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.shift = self.add_weight("shift", (shape[-1],), initializer="ones")
        super().build(shape)

    def call(self, inputs):
        return inputs * self.factor + self.shift
"""


def test_classes_of_plugins_come_as_source(worker: Worker) -> None:
    """A layer that Keras 2.2.4 lacks is defined by the code that comes with a model."""
    layer = {
        "class_name": "Doubled",
        "config": {"name": "d", "factor": 3.0, "batch_input_shape": [None, 2]},
    }
    config = _sequential("top", layer)
    told, _ = worker.ask("build", config=config, code={"Doubled": _DOUBLED})
    values, x = _set(worker, told), _rows(3, 2)
    _, given = worker.ask("predict", {"x0": x}, batch=4)
    np.testing.assert_allclose(given["y0"], x * 3 + values["d:0"], **CLOSE)
    with pytest.raises(WorkerError, match="source that came for Tripled has no class"):
        worker.ask("build", config=config, code={"Tripled": _DOUBLED})
    _, again = worker.ask("predict", {"x0": x}, batch=4)
    assert np.array_equal(given["y0"], again["y0"])


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"x0": (3, 4), "x1": (3, 4)}, "the model has 1 inputs; what came is x0, x1"),
        ({}, "the model has 1 inputs; what came is none"),
        ({"x0": (3, 5)}, r"x0 has rows of shape \(5,\); the model takes \(4,\)"),
        ({"x0": (3, 4), "t0": (3, 3)}, r"t0 has rows of shape \(3,\)"),
        ({"x0": (3, 4), "t0": (2, 2)}, "different numbers of rows: t0 2, x0 3"),
        ({"x0": (9, 4), "t0": (9, 2)}, "a batch of 8 rows takes 1 to 8; 9 came"),
        ({"x0": (0, 4), "t0": (0, 2)}, "a batch of 8 rows takes 1 to 8; 0 came"),
        ({"x0": (3, 4)}, "targets are missing: t0"),
        ({"x0": (3, 4), "t0": (3, 2), "t1": (3, 2)}, "not known: t1"),
        ({"x0": (3, 4), "t0": (3, 2), "w0": (3, 1)}, "w0 needs one weight a row"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    worker: Worker,
    arrays: dict[str, tuple[int, ...]],
    told: str,
) -> None:
    """What came and what is needed are said, and no step is made."""
    _pair(worker)
    worker.ask("compile", training=_MSE)
    before = worker.ask("get")[1]
    with pytest.raises(WorkerError, match=told):
        worker.ask(
            "train", {n: _rows(*s) for n, s in arrays.items()}, batch=8, rate=0.1
        )
    after = worker.ask("get")[1]
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("training", "told"),
    [
        (
            {"losses": [{"name": "dice"}], "optimizer": _SGD},
            "no loss 'dice'; there are binary",
        ),
        ({"losses": [None], "optimizer": _SGD}, "no output has a loss"),
        ({"losses": [None, None], "optimizer": _SGD}, "2 losses for 1 outputs"),
        (
            {**_MSE, "optimizer": {"name": "lion"}},
            "no optimizer 'lion'; there are adadelta",
        ),
        ({**_MSE, "loss_weights": [1.0, 1.0]}, "2 loss_weights for 1 outputs"),
        (
            {**_MSE, "losses": [{"name": "poisson", "reduction": "none"}]},
            "no reduction 'none'; there are sum_over_batch_size",
        ),
    ],
)
def test_a_training_that_does_not_exist_is_refused(
    worker: Worker,
    training: dict[str, Any],
    told: str,
) -> None:
    """An unknown loss, reduction or optimizer is named, with those that there are."""
    _pair(worker)
    with pytest.raises(WorkerError, match=told):
        worker.ask("compile", training=training)


def test_a_model_without_trained_weights_is_refused(worker: Worker) -> None:
    """There is nothing to train where all layers are frozen."""
    frozen = _dense("a", units=2, trainable=False, batch_input_shape=[None, 4])
    worker.ask("build", config=_sequential("top", frozen))
    worker.ask("compile", training=_MSE)
    with pytest.raises(WorkerError, match="no weight to train: all are frozen"):
        worker.ask("train", {"x0": _rows(3, 4), "t0": _rows(3, 2)}, batch=8, rate=0.1)


def test_commands_in_the_wrong_order_are_refused(
    tmp_path_factory: Any, request: Any
) -> None:
    """Before `build` there is no model, before `compile` no training."""
    from plaidml_kit import shared_python

    name = getattr(request.config, "workerinput", {}).get("workerid", "master")
    fresh = Worker.start(
        PlaidML(), str(shared_python(tmp_path_factory.getbasetemp(), name))
    )
    try:
        for command in ("predict", "get", "set", "train", "test", "compile"):
            with pytest.raises(
                WorkerError, match="no model yet: ask for `build` first"
            ):
                fresh.ask(command, {}, batch=8, rate=0.1, training=_MSE)
        _pair(fresh)
        for command in ("train", "test"):
            with pytest.raises(
                WorkerError, match="not compiled: ask for `compile` first"
            ):
                fresh.ask(command, {}, batch=8, rate=0.1)
        for batch in (0, -1, "8", None):
            with pytest.raises(WorkerError, match="a batch has 1 row or more"):
                fresh.ask("predict", {"x0": _rows(3, 4)}, batch=batch)
        with pytest.raises(WorkerError, match="needs batch_input_shape"):
            fresh.ask("build", config=_sequential("top", _dense("a", units=2)))
    finally:
        fresh.close()
