"""A worker's program without an engine: dense layers, in NumPy, gradients by hand."""

import os
import signal
import time

import numpy as np

EPSILON = 1e-7


class Node:
    """One layer: what it takes from which others, and its weights."""

    def __init__(self, spec):
        self.spec = spec
        self.sources = spec["from"]
        self.weights = []
        if spec["kind"] == "dense":
            self.weights = [np.zeros(shape, "float32") for shape in spec["shapes"]]

    def forward(self, given):
        """What it makes of what the others made."""
        kind = self.spec["kind"]
        if kind == "concatenate":
            return np.concatenate(given, axis=-1)
        kernel, *bias = self.weights
        z = given[0] @ kernel
        z = z + bias[0] if bias else z
        return ACTIVATIONS[self.spec["activation"]](z)

    def backward(self, given, out, gradient):
        """The gradients for what was given, and for the weights."""
        if self.spec["kind"] == "concatenate":
            places = np.cumsum([one.shape[-1] for one in given])[:-1]
            return np.split(gradient, places, axis=-1), []
        dz = DERIVATIVES[self.spec["activation"]](out, gradient)
        found = [given[0].T @ dz, dz.sum(axis=0)][: len(self.weights)]
        found[0] = found[0] + 2 * self.spec["l2"] * self.weights[0]
        return [dz @ self.weights[0].T], found


def _softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACTIVATIONS = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": _softmax,
}
DERIVATIVES = {
    "linear": lambda out, gradient: gradient,
    "relu": lambda out, gradient: gradient * (out > 0),
    "softmax": lambda out, gradient: (
        out * (gradient - (gradient * out).sum(axis=-1, keepdims=True))
    ),
}


def _mse(target, out):
    apart = out - target
    return (apart**2).mean(axis=-1), 2 * apart / out.shape[-1]


def _crossentropy(target, out):
    inside = np.clip(out, EPSILON, 1 - EPSILON)
    loss = -(target * np.log(inside)).sum(axis=-1)
    return loss, -target / inside * (inside == out)


def _sparse(target, out):
    return _crossentropy(
        np.eye(out.shape[-1], dtype="float32")[target.astype(int)], out
    )


LOSSES = {
    "mean_squared_error": _mse,
    "categorical_crossentropy": _crossentropy,
    "sparse_categorical_crossentropy": _sparse,
}


class Toy:
    """The model that is there, and what was asked."""

    def __init__(self):
        self.nodes = {}
        self.outputs = []
        self.training = {}
        self.momenta = {}
        self.step = 0
        self.seen = []
        self.fault = os.environ.get("TOY_FAULT", "")
        self.harm = ""

    def trouble(self, do):
        """Do the harm that was asked for: `"kill:train:3"` at the third step."""
        kind, _, rest = self.fault.partition(":")
        name, _, number = rest.partition(":")
        done = sum(one[0] == do for one in self.seen)
        here = name in ("", do) and number in ("", str(done))
        self.harm = kind if here else ""
        if self.harm == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.harm == "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.harm == "raise":
            message = "no room"
            raise MemoryError(message)
        elif self.harm == "slow":
            time.sleep(0.3)

    def forward(self, arrays):
        """What every node makes, by name."""
        values = {}
        inputs = [one for one in self.nodes.values() if one.spec["kind"] == "input"]
        for number, node in enumerate(inputs):
            values[node.spec["name"]] = arrays[f"x{number}"].astype("float32")
        for name, node in self.nodes.items():
            if name not in values:
                values[name] = node.forward([values[one] for one in node.sources])
        return values

    def losses(self, arrays, values):
        """Total, each output's, and the gradients by the outputs' names."""
        total, each, gradients = 0.0, [], {}
        pairs = zip(self.training["losses"], self.training["loss_weights"], strict=True)
        for number, (loss, factor) in enumerate(pairs):
            if loss is None:
                each.append(None)
                continue
            name = self.outputs[number]
            out = values[name]
            row, gradient = LOSSES[loss["name"]](arrays[f"t{number}"], out)
            w = arrays.get(f"w{number}", np.ones(len(out), "float32"))
            count = 1 if loss.get("reduction") == "sum" else len(out)
            each.append(float((w * row).sum() / count))
            total += factor * each[-1]
            gradients[name] = gradient * (factor * w / count)[:, None]
        for node in self.nodes.values():
            if node.weights:
                total += node.spec["l2"] * float((node.weights[0] ** 2).sum())
        return total, each, gradients

    def learn(self, values, gradients, rate):
        """One step of gradient descent with momentum."""
        momentum = self.training["optimizer"]["momentum"]
        for name, node in reversed(self.nodes.items()):
            if node.spec["kind"] == "input" or name not in gradients:
                continue
            given = [values[one] for one in node.sources]
            back, own = node.backward(given, values[name], gradients[name])
            for source, gradient in zip(node.sources, back, strict=True):
                gradients[source] = gradients.get(source, 0) + gradient
            if not node.spec.get("trainable"):
                continue
            for number, gradient in enumerate(own):
                place = f"momentum:{name}:{number}"
                step = -rate * gradient
                if momentum:
                    step = self.momenta[place] = momentum * self.momenta[place] + step
                node.weights[number] = (node.weights[number] + step).astype("float32")
        self.step += 1

    def named(self):
        """All weights."""
        return {
            f"{name}:{number}": array
            for name, node in self.nodes.items()
            for number, array in enumerate(node.weights)
        }

    def answered(self, values):
        """The outputs, as they are told."""
        wrong = 1.01 if self.harm == "wrong" else 1.0
        found = [values[name] * np.float32(wrong) for name in self.outputs]
        return {f"y{number}": array for number, array in enumerate(found)}


TOY = Toy()


def describe():
    return {"engine": "toy", "keras": "0.1", "device": "paper"}


def build(header, arrays):
    TOY.nodes = {spec["name"]: Node(spec) for spec in header["config"]["layers"]}
    TOY.outputs = header["config"]["outputs"]
    shapes = {
        name: [list(array.shape) for array in node.weights]
        for name, node in TOY.nodes.items()
    }
    if TOY.harm == "shapes":
        shapes = {name: [[1, 1]] for name in shapes}
    count = sum(array.size for array in TOY.named().values())
    return {"parameters": count, "weights": shapes}, {}


def set_weights(header, arrays):
    known = {name: array.shape for name, array in TOY.named().items()}
    if known != {name: array.shape for name, array in arrays.items()}:
        message = "these are other weights"
        raise ValueError(message)
    for name, array in arrays.items():
        path, _, number = name.rpartition(":")
        TOY.nodes[path].weights[int(number)] = array.copy()
    return {}, {}


def get_weights(header, arrays):
    named = TOY.named()
    if TOY.harm == "missing":
        named.popitem()
    if TOY.harm == "rounded":
        named = {name: array.round(3) for name, array in named.items()}
    return {}, named


def compile_training(header, arrays):
    TOY.training = header["training"]
    TOY.step = 0
    TOY.momenta = {}
    if TOY.training["optimizer"]["momentum"]:
        TOY.momenta = {
            f"momentum:{name}:{number}": np.zeros_like(array)
            for name, node in TOY.nodes.items()
            for number, array in enumerate(node.weights)
            if node.spec.get("trainable")
        }
    return {}, {}


def get_optimizer(header, arrays):
    found = {name: array.astype("float32") for name, array in TOY.momenta.items()}
    if TOY.harm == "missing":
        found.popitem()
    return {"step": TOY.step}, found


def set_optimizer(header, arrays):
    known = {name: array.shape for name, array in TOY.momenta.items()}
    if known != {name: array.shape for name, array in arrays.items()}:
        message = "this optimizer knows other things"
        raise ValueError(message)
    TOY.momenta = {name: array.copy() for name, array in arrays.items()}
    TOY.step = header["step"]
    return {}, {}


def predict(header, arrays):
    return {}, TOY.answered(TOY.forward(arrays))


def train(header, arrays):
    assert len(arrays["x0"]) <= header["batch"]
    values = TOY.forward(arrays)
    total, each, gradients = TOY.losses(arrays, values)
    outputs = TOY.answered(values) if header["outputs"] else {}
    TOY.learn(values, gradients, np.float32(header["rate"]))
    return {"loss": total, "losses": each}, outputs


def test(header, arrays):
    assert len(arrays["x0"]) <= header["batch"]
    values = TOY.forward(arrays)
    total, each, _ = TOY.losses(arrays, values)
    outputs = TOY.answered(values) if header["outputs"] else {}
    return {"loss": total, "losses": each}, outputs


def seen(header, arrays):
    """What was asked, as pairs of a command and a batch size."""
    return {"seen": TOY.seen}, {}


def _watched(name, function):
    def call(header, arrays):
        TOY.seen.append([name, header.get("batch"), header.get("rate")])
        TOY.trouble(name)
        return function(header, arrays)

    return call


COMMANDS = {
    name: _watched(name, function)
    for name, function in {
        "build": build,
        "set": set_weights,
        "get": get_weights,
        "compile": compile_training,
        "get_optimizer": get_optimizer,
        "set_optimizer": set_optimizer,
        "predict": predict,
        "train": train,
        "test": test,
    }.items()
}
COMMANDS["check"] = lambda header, arrays: ({}, {})
COMMANDS["seen"] = seen
