"""Where replicas compute on PyTorch, and what PyTorch's own would; run where it is."""

import sys

import torch
import torch.utils.backend_registration as registration
from torch._subclasses.fake_tensor import FakeTensorMode
from torch_parallel_kit import AS_IT_COMES, error_of, keras, layers, on, tell

from kerasplug.devices.on_torch_replicas import _torch_name


def placed():
    """Where three pretended devices, which hold no numbers, are made to compute.

    PyTorch follows each tensor's device all the same, and raises where two meet.
    """
    registration._setup_privateuseone_for_python_backend("unreal")
    devices = [f"unreal:{place}" for place in range(3)]
    template = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    with FakeTensorMode(), keras.device(devices[0]):
        for one in template.weights:
            kind = one._value.dtype
            empty = torch.empty(tuple(one.shape), dtype=kind, device=devices[0])
            one._value = torch.nn.Parameter(empty, requires_grad=one.trainable)
        template._track_variables()
        batch = torch.empty(7, 6, 6, 2, dtype=torch.float64, device=devices[0])
        with keras.device(devices[1]):
            without = error_of(lambda: template(batch, training=True))
        many = on(template, devices, merge_on=devices[2])
        outputs = many(batch, training=True)
        return {
            "without": without,
            "merged on": str(outputs.device),
            "backward": _backward(outputs.to(devices[0]).sum()),
            "weights": sorted({str(one._value.device) for one in template.weights}),
        }


def _backward(loss):
    """By the name of a backward operation, on which devices it is."""
    found, seen, left = {}, set(), [loss.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        where = {str(one.device) for one in node._input_metadata}
        found.setdefault(node.name(), []).extend(sorted(where))
        left += [one for one, _ in node.next_functions]
    return {name: sorted(devices) for name, devices in found.items()}


def upstream():
    """PyTorch's own replicas, their copies doubled: whether outputs change."""
    module = sys.modules["torch.nn.parallel.replicate"]

    def doubled(tensors, devices, *_, **__):
        return [[one.clone() * 2 for one in tensors] for _ in devices]

    batch = torch.ones(2, 3, dtype=torch.float64)
    models = {
        "torch": torch.nn.Linear(3, 1, bias=False, dtype=torch.float64),
        "keras": keras.Sequential([keras.Input((3,)), layers.Dense(1, use_bias=False)]),
    }
    before = module._broadcast_coalesced_reshape
    module._broadcast_coalesced_reshape = doubled
    try:
        replicas = {
            key: module.replicate(one, [0, 1])[1] for key, one in models.items()
        }
    finally:
        module._broadcast_coalesced_reshape = before
    return {
        key: (replicas[key](batch) / models[key](batch)).detach().numpy().tolist()
        for key in models
    }


def named():
    """What PyTorch takes for the names of devices."""
    names = map(_torch_name, ("gpu:1", "mps:0", "xpu:1", "cpu:0"))
    return [str(torch.device(one)) for one in names]


def precision():
    """What Keras takes the sum of two doubles for, as it comes and as it is here."""
    here = keras.backend.result_type("float64", "float64")
    return [AS_IT_COMES, here]


if __name__ == "__main__":
    tell(globals())
