"""One process of `gpu_scaling.py`: it checks and times models on several devices.

`python gpu_scaling_driver.py JSON`, with Keras' backend in KERAS_BACKEND. It prints a
line of JSON for each job, when it is done.
"""

import functools
import importlib
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from gpu_scaling_models import NETWORKS

import kerasplug as kp

#: What runs first in the table, and what all others are compared with.
PLAIN, PLAIN_NO_XLA = "plain", "plain, no XLA"


def main(told: dict[str, Any]) -> None:
    """Do all jobs, each whatever became of the others."""
    if told["virtual"]:
        kp.virtual_devices(told["virtual"])
    kinds = {"devices": _devices, "check": _check, "time": _time}
    for job in told["jobs"]:
        kind = kinds[job.pop("do")]
        try:
            result = kind(**job)
        except Exception as error:  # noqa: BLE001 -- such as too little memory
            result = {"error": _said(error)}
        print(json.dumps(result), flush=True)


def _said(error: Exception) -> str:
    """An error on one line: TensorFlow's have many, most of them about its callers."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("  File", "Detected at"))]
    return f"{type(error).__name__}: {' '.join(told)[:300]}"


def _devices() -> dict[str, Any]:
    return {"devices": kp.available_devices("gpu")}


# --- equal to one device, and computed where it should be ---


def _check(network: str, devices: Sequence[str], *, normalized: bool) -> dict[str, Any]:
    """How far the devices are from one device, in float64, and where they computed.

    The last batch has fewer rows than the others, and no batch can be divided evenly.
    """
    keras = kp.implementation()
    _set_type(keras, "float64")
    try:
        build, data = NETWORKS[network]
        plain, template = (
            build(keras, small=True, normalized=normalized) for _ in "12"
        )
        template.set_weights(plain.get_weights())
        synced = normalized and keras.backend.backend() == "tensorflow"
        many = kp.multi_gpu_model(template, devices, sync_batch_norm=synced)
        rows = 4 * len(devices) + 1
        x, y = data(2 * rows + 3, small=True)
        found = [_trained(keras, model, x, y, rows) for model in (plain, many)]
        pairs = zip(*found, strict=True)
        gap = max(float(np.max(np.abs(one - other))) for one, other in pairs)
        where = {} if normalized else _places(keras, many, x, y, rows)
    finally:
        _set_type(keras, "float32")
    return {"difference": gap, "places": where}


def _set_type(keras: Any, name: str) -> None:
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)


def _trained(keras: Any, model: Any, x: Any, y: Any, rows: int) -> list[Any]:
    """Losses, predictions and weights after some steps of training."""
    _compile(keras, model, keras.optimizers.SGD(0.05, momentum=0.9))
    options = {"batch_size": rows, "verbose": 0}
    told = model.fit(x, y, epochs=2, shuffle=False, **options).history
    predicted = model.predict(x[:rows], **options)
    found = [told["loss"], predicted, *model.get_weights()]
    return [np.asarray(one, "float64") for one in found]


def _compile(keras: Any, model: Any, optimizer: Any, **options: Any) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **options)


def _places(keras: Any, model: Any, x: Any, y: Any, rows: int) -> dict[str, Any]:
    """Device -> what it computed; on JAX, how many devices have the weights."""
    kind = keras.backend.backend()
    if kind == "tensorflow":
        with kp.placements() as found:
            model.fit(x, y, batch_size=rows, verbose=0)
        return {device: _heavy(found[device]) for device in found}
    if kind == "jax":
        held = {len(one.value.sharding.device_set) for one in model.weights}
        return {"weights on": sorted(held)}
    return dict(_backward_of(model(x)))


def _heavy(counts: Any) -> list[int]:
    """How many [convolutions forward, backward, matrix products] TensorFlow did."""
    found = [0, 0, 0]
    for name, count in counts.items():
        if "Conv2D" in name:
            found["Backprop" in name] += count
        elif "MatMul" in name or "Einsum" in name:
            found[2] += count
    return found


def _backward_of(outputs: Any) -> Counter[str]:
    """PyTorch: the device of each operation of the backward pass."""
    found: Counter[str] = Counter()
    seen, left = set(), [outputs.sum().grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found.update(str(one.device) for one in node._input_metadata[:1])  # noqa: SLF001 -- PyTorch has no other word for it
        left += [one for one, _ in node.next_functions]
    return found


# --- how fast ---


def _time(
    network: str,
    way: str,
    devices: Sequence[str],
    rows: int,
    steps: int,
    repeats: int,
    *,
    small: bool,
) -> dict[str, Any]:
    """Rows a second of some epochs, after one that is not counted; peak of memory."""
    keras = kp.implementation()
    keras.backend.clear_session()
    x, y = NETWORKS[network].data(rows, small=small)
    data = _repeated(keras, x, y, steps)
    marks: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_, **__: marks.append(time.perf_counter())
    )
    options = {"epochs": 1 + repeats, "callbacks": [clock], "verbose": 0}
    distribution = _distribution(keras, way, devices)
    keras.distribution.set_distribution(distribution)
    try:
        model = _made(keras, network, way, devices, small=small)
        model.fit(data, **options)
    finally:
        keras.distribution.set_distribution(None)
    epochs = [end - begin for begin, end in itertools.pairwise(marks)]
    rates = [rows * steps / seconds for seconds in epochs]
    return {"rates": rates, "peaks": _peaks(keras, devices)}


def _made(
    keras: Any, network: str, way: str, devices: Sequence[str], *, small: bool
) -> Any:
    """The model of one of the ways, compiled."""

    def build() -> Any:
        return NETWORKS[network].build(keras, small=small, normalized=True)

    if way == "MirroredStrategy":
        with _strategy(tuple(devices)).scope():
            model = build()
            _compile(keras, model, keras.optimizers.SGD(0.01, momentum=0.9))
        return model
    model = build()
    if way == "multi_gpu_model":
        model = kp.multi_gpu_model(model, devices)
    options = {"jit_compile": False} if way == PLAIN_NO_XLA else {}
    _compile(keras, model, keras.optimizers.SGD(0.01, momentum=0.9), **options)
    return model


@functools.cache
def _strategy(devices: tuple[str, ...]) -> Any:
    """One for a process: two take each other's sums for their own."""
    tf = importlib.import_module("tensorflow")
    return tf.distribute.MirroredStrategy(list(devices))


def _distribution(keras: Any, way: str, devices: Sequence[str]) -> Any:
    if way != "DataParallel":
        return None
    return keras.distribution.DataParallel(
        devices=list(devices), auto_shard_dataset=False
    )


def _repeated(keras: Any, x: Any, y: Any, steps: int) -> Any:
    """The same batch for all steps: reading files is no part of what is measured."""
    if keras.backend.backend() == "tensorflow":
        dataset = importlib.import_module("tensorflow").data.Dataset
        batch = dataset.from_tensor_slices((x, y)).batch(len(x), drop_remainder=True)
        return batch.cache().repeat(steps).prefetch(2)

    class Same(keras.utils.PyDataset):  # type: ignore[misc]  # Keras' class is Any
        def __len__(self) -> int:
            return steps

        def __getitem__(self, _: int) -> tuple[Any, Any]:
            return x, y

    return Same()


def _peaks(keras: Any, devices: Sequence[str]) -> list[int | None]:
    """The most bytes that each device had in use; None where the engine can't tell."""
    kind = keras.backend.backend()
    engine = importlib.import_module(kind)
    return [_peak(engine, kind, device) for device in devices]


def _peak(engine: Any, kind: str, device: str) -> int | None:
    name, _, number = device.partition(":")
    if name != "gpu":
        return None
    if kind == "tensorflow":
        return int(engine.config.experimental.get_memory_info(device.upper())["peak"])
    if kind == "jax":
        told = engine.devices()[int(number)].memory_stats() or {}
        return told.get("peak_bytes_in_use")
    return int(engine.cuda.max_memory_allocated(int(number)))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
