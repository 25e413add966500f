"""PyTorch: one replica of a model, and what several give put together again.

Source: keras 3.15.1, `backend/torch/core.py`: while a `StatelessScope` is open,
variables have the values that it maps them to, and keep those that are assigned in it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kerasplug.devices.naming import framework
from kerasplug.devices.on_torch_states import rows_of_states
from kerasplug.devices.pieces import mask_of, with_masks
from kerasplug.devices.slices import leaves, packed
from kerasplug.errors import DeviceError
from kerasplug.implementation import implementation

__all__ = ["Replica", "keep_states", "losses_of", "merged", "replica"]


class Replica(NamedTuple):
    """What one call of the template came to, on some rows of the batch.

    `before` and `after` are the values of its variables by their identity, `states`
    those of its stateful layers.
    """

    rows: int
    outputs: Any
    losses: Sequence[Any]
    before: dict[int, Any]
    after: dict[int, Any]
    states: Sequence[Any]

    def changed(self, variable: Any) -> bool:
        """Whether the call has assigned something to a variable."""
        return self.after[id(variable)] is not self.before[id(variable)]


def replica(
    template: Any,
    device: str,
    inputs: Any,
    rows: tuple[int, int],
    previous: Replica | None,
) -> Replica:
    """Call the template on a device, with copies of its weights there.

    Args:
        template: built.
        device: canonical.
        inputs: the whole batch.
        rows: the first one, and the one after the last.
        previous: the replica before this one, whose random numbers this one goes on
            with. None: this is the first, which needs no copies where the weights are.
    """
    keras, name = implementation(), _torch_name(device)
    variables = template.variables
    with keras.device(name), _current(name):
        taken = [_cut(one, rows, name) for one in leaves(inputs)]
        scope = keras.StatelessScope(collect_losses=True)
        for one in variables:  # as its argument they would be rounded to halves
            scope.add_update((one, _copy(one, name, previous)))
        before = {id(one): scope.get_current_value(one) for one in variables}
        with rows_of_states(template, rows, name) as states, scope:
            outputs = template(packed(inputs, taken))
    after = {id(one): scope.get_current_value(one) for one in variables}
    return Replica(rows[1] - rows[0], outputs, scope.losses, before, after, states)


def _torch_name(device: str) -> str:
    """A canonical name as PyTorch has it; `mps:0`, `xpu:0` and `cpu:0` are both."""
    return device.replace("gpu", "cuda")


def _current(name: str) -> Any:
    """The scope in which a device is what PyTorch itself takes when none is named."""
    scope = getattr(getattr(framework(), name.partition(":")[0]), "device", None)
    return scope(name) if scope else contextlib.nullcontext()


def _copy(variable: Any, name: str, previous: Replica | None) -> Any:
    """The value that a replica takes for a variable; gradients pass to the variable."""
    value = held(variable)
    if previous is None:
        return value.to(name)
    # Counters and the states of random generators: the numbers must be other ones.
    if not value.is_floating_point() and previous.changed(variable):
        value = previous.after[id(variable)]
    return value.to(name, copy=True)


def held(variable: Any) -> Any:
    """The tensor of a variable: `value` may be a copy in half precision of it."""
    return variable._value  # noqa: SLF001 -- Keras has no other way to ask


def _cut(one: Any, rows: tuple[int, int], name: str) -> Any:
    """Some rows on a device, with those of its mask."""
    if one is None or not one.ndim:
        return one if one is None else one.to(name)
    taken = one[slice(*rows)].to(name)
    mask = mask_of(one)
    return with_masks(taken, [None if mask is None else mask[slice(*rows)].to(name)])


def merged(replicas: Sequence[Replica], device: str) -> Any:
    """What the replicas gave as one structure on a device, with Keras' masks.

    Raises:
        DeviceError: an output has not one row for each of the batch.
    """
    columns = list(zip(*(leaves(one.outputs) for one in replicas), strict=True))
    for column in columns:
        _require_rows(column, replicas)
    name = _torch_name(device)
    joined = [_joined(column, name) for column in columns]
    masks = [_joined([mask_of(one) for one in column], name) for column in columns]
    return with_masks(packed(replicas[0].outputs, joined), masks)


def _require_rows(column: Sequence[Any], replicas: Sequence[Replica]) -> None:
    for output, one in zip(column, replicas, strict=True):
        if output is not None and (not output.ndim or len(output) != one.rows):
            message = "An output has other rows than the batch: it can't be joined."
            found = f"the shape {tuple(output.shape)} for {one.rows} rows"
            expected = "outputs whose first dimension is the batch's"
            raise DeviceError(message, found=found, expected=expected)


def _joined(column: Sequence[Any], name: str) -> Any:
    if any(one is None for one in column):
        return None
    return framework().cat([one.to(name) for one in column])


def losses_of(replicas: Sequence[Replica], device: str) -> Iterator[Any]:
    """What layers added as losses: each is taken for a mean over the rows."""
    total, name = sum(one.rows for one in replicas) or 1, _torch_name(device)
    for column in zip(*(one.losses for one in replicas), strict=True):
        pairs = zip(column, replicas, strict=True)
        yield sum(loss.to(name) * (one.rows / total) for loss, one in pairs)


def keep_states(template: Any, replicas: Sequence[Replica]) -> None:
    """Bring what the calls have assigned to variables to the template.

    How a variable says that devices' values become one (its `aggregation`) is kept. One
    that says nothing gets their mean over the rows where it has fractions, as averages
    have; else what the last replica left, which went on where the one before ended.
    """
    with framework().no_grad():
        for variable in template.variables:
            told = [one for one in replicas if one.changed(variable)]
            if told:
                variable.assign(_aggregated(variable, told, replicas))


def _aggregated(
    variable: Any, told: Sequence[Replica], replicas: Sequence[Replica]
) -> Any:
    value, key = held(variable), id(variable)
    home = value.device
    after = [one.after[key].to(home) for one in replicas]
    if variable.aggregation == "only_first_replica":
        return told[0].after[key]
    if not value.is_floating_point():
        return told[-1].after[key]
    if variable.aggregation == "sum":
        before = [one.before[key].to(home) for one in replicas]
        steps = zip(after, before, strict=True)
        return value + sum(new - old for new, old in steps)
    total = sum(one.rows for one in replicas) or 1
    pairs = zip(after, replicas, strict=True)
    return sum(new * (one.rows / total) for new, one in pairs)
