"""The numbers of training: Keras' own metrics, fed with what comes back."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasplug.engines.workers.ports import Batch, Ports

__all__ = ["Scores", "in_order", "plain"]


class Scores:
    """The metrics of a compiled model, while batches come back.

    Args:
        model: here; its metrics are used, and nothing else of it changes.
        ports: of the model.
        losses: one for each output, None for one without.
    """

    def __init__(self, model: Any, ports: Ports, losses: Sequence[Any]) -> None:
        self._model = model
        self._ports = ports
        self._losses = losses
        self._known: Any = None
        #: Name of a loss -> its sum over rows, and their number.
        self._means: dict[str, tuple[float, int]] = {}

    def prepare(self, batch: Batch) -> None:
        """Let Keras make its metrics for losses, once after each compile.

        Raises:
            ValueError: as Keras, where the targets fit no loss.
        """
        first = self._model.metrics[0]  # a new one after each compile
        if first is self._known:
            return
        y, weights = self._packed(batch)
        zeros = self._ports.packed(self._ports.placeholders(batch))
        self._model.compute_loss(None, y, zeros, weights, training=False)
        self._model.reset_metrics()
        self._means = {}
        self._known = first

    def reset(self) -> None:
        """Begin anew."""
        self._means = {}
        self._model.reset_metrics()

    @property
    def wants_outputs(self) -> bool:
        """Whether anything but losses is measured."""
        named = {id(one) for one in self._trackers().values()}
        return any(id(one) not in named for one in self._model.metrics)

    def add(
        self, batch: Batch, reply: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Count a batch that came back.

        Args:
            batch: what was sent.
            reply: `loss`, and `losses` of each output.
            outputs: `y0`, …; empty where nothing wants them.

        Returns:
            The numbers up to now, by name.
        """
        values = {"loss": reply["loss"]}
        for port, value in zip(self._ports.outputs, reply["losses"], strict=True):
            values[f"{port.name}_loss"] = value
        means = self._means
        for name in self._trackers():
            if values.get(name) is not None:
                total, rows = means.get(name, (0.0, 0))
                means[name] = (total + values[name] * batch.rows, rows + batch.rows)
        logs = {name: total / rows for name, (total, rows) in means.items()}
        if not outputs:
            return dict(sorted(logs.items()))
        y, weights = self._packed(batch)
        given = self._ports.packed([outputs[f"y{n}"] for n in range(len(outputs))])
        found = plain(self._model.compute_metrics(None, y, given, weights))
        return dict(sorted((found | logs).items()))

    def result(self) -> dict[str, Any]:
        """The numbers up to now, which Keras' own metrics have as well from now on."""
        for name, tracker in self._trackers().items():
            total, rows = self._means.get(name, (0.0, 0))
            tracker.total.assign(total)
            tracker.count.assign(rows)
        return plain(self._model.get_metrics_result())

    def _trackers(self) -> dict[str, Any]:
        """The metrics that are means of losses, by their names.

        They are counted by this class: an update of Keras' takes a millisecond.
        """
        from kerasplug.implementation import implementation

        mean: Any = implementation().metrics.Mean
        names = {"loss", *(f"{one.name}_loss" for one in self._ports.outputs)}
        return {
            one.name: one
            for one in self._model.metrics
            if type(one) is mean and one.name in names
        }

    def _packed(self, batch: Batch) -> tuple[Any, Any]:
        """Targets and weights, nested as the outputs are."""
        zeros = self._ports.placeholders(batch)
        pairs = zip(batch.y, zeros, strict=True)
        y = [zero if one is None else one for one, zero in pairs]
        if all(one is None for one in batch.w):
            return self._ports.packed(y), None
        import numpy as np

        ones = np.ones(batch.rows, "float32")
        w = [ones if one is None else one for one in batch.w]
        return self._ports.packed(y), self._ports.packed(w)


def plain(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as Python has them, sorted by name as Keras sorts them."""
    from kerasplug.implementation import implementation

    ops: Any = implementation().ops
    found = {}
    for name in sorted(logs):
        array = ops.convert_to_numpy(logs[name])
        found[name] = array if array.ndim else float(array)
    return found


def in_order(model: Any, logs: Mapping[str, Any]) -> Any:
    """The numbers as a list, or the only one; in the order in which Keras lists them.

    Source: `Trainer._flatten_metrics_in_order` of keras 3.15.1.
    """
    names = []
    for metric in model.metrics:
        parts = getattr(metric, "metrics", None)
        names += [metric.name] if parts is None else [part.name for part in parts]
    found = [logs[name] for name in names if name in logs]
    found += [logs[name] for name in sorted(logs) if name not in names]
    return found[0] if len(found) == 1 else found
