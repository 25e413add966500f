"""Fine-tune a trained model on a new task for which there are few labels.

    python examples/fine_tuning.py [SEED ...]

The base is `digits_cnn` without its top. It was trained to read digits. The new task is
to read digits that lie upside down, as when a sheet was scanned the wrong way round:
the frozen features are of some use there, and better ones can be learned. The images
are those of the *test* half of the data set, which the base has never seen, turned by
180 degrees; of each digit 4 are labelled, 40 in all, and the other 315 are for the
outcome. (Both halves come from the same 13 writers, so the base knows their hands.)

Four ways, each with the same layers, the same 40 labels, and 20 epochs:

- *scratch*: all weights begin at random, and all learn.
- *head only*: the base has its trained weights and is frozen; a new head learns.
- *fine-tuned*: 10 epochs as that; then the convolutions of its second block learn, too,
  with smaller steps. `compile` is called again in between: Keras looks at what is
  frozen when training begins, and not after.
- *gradually*: the same in one `fit`. `GradualUnfreezing` unfreezes the last convolution
  and later the one before, and compiles with all that the optimizer knows.

What batch normalization does: a frozen one uses the averages that it has, those of the
images that the base was trained on, also while the rest learns, and nothing in it
moves. One that learns uses the mean and variance of the 8 images of a batch, and its
averages move towards those. *fine-tuned* keeps all of them frozen; *gradually* lets
those learn that lie behind the first unfrozen layer.

Accuracies, means of the seeds 0 to 9, Keras 3.15.1:

    way         tensorflow  jax
    scratch     0.837       0.848
    head only   0.875       0.878
    fine-tuned  0.912       0.904
    gradually   0.911       0.908

*scratch* has the best of the step sizes 0.001, 0.003 and 0.01; the others have not been
tuned beyond that. With the same seed, versions and machine the numbers are the same
each time. A seed takes 10 to 20 seconds.

It needs kerasplug-applications and kerasplug-datasets.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

import kerasplug

__all__ = [
    "WAYS",
    "Task",
    "Trained",
    "accuracy",
    "fine_tuned",
    "from_scratch",
    "gradually",
    "head_only",
    "main",
    "measured",
    "table",
    "upside_down",
]

CLASSES: Final = 10
#: Labelled images of each digit.
LABELLED: Final = 4
EPOCHS: Final = 20
#: The epoch from which on the base learns.
UNFREEZE: Final = 10
BATCH: Final = 8
#: Step sizes: of new layers, and of those that were trained before.
RATE: Final = 1e-2
SMALL_RATE: Final = 3e-3
#: The first layer of the base that learns the new task.
FIRST: Final = "block2_conv1"
#: Epoch -> the layer from which on all learn.
SCHEDULE: Final = {UNFREEZE: "block2_conv2", UNFREEZE + 5: FIRST}


class Task(NamedTuple):
    """Images and labels: few to learn from, the others for the outcome.

    Args:
        x: of shape `(40, 8, 8, 1)`, float32, from 0 (white) to 16 (black).
        y: their digits.
        x_rest: the other images.
        y_rest: their digits.
    """

    x: NDArray[np.float32]
    y: NDArray[np.uint8]
    x_rest: NDArray[np.float32]
    y_rest: NDArray[np.uint8]


class Trained(NamedTuple):
    """A model and the base in it.

    Args:
        model: what reads digits that lie upside down.
        base: its first part, `digits_cnn` without the top.
    """

    model: Any
    base: Any


def upside_down(seed: int) -> Task:
    """The task; the seed chooses which images are labelled.

    Args:
        seed: a whole number.

    Example:
        >>> task = upside_down(0)
        >>> task.x.shape, task.x_rest.shape
        ((40, 8, 8, 1), (315, 8, 8, 1))
    """
    images, digits = kerasplug.datasets["digits"].load().test
    turned = images[:, ::-1, ::-1, None].astype(np.float32)
    order = np.random.default_rng(seed).permutation(len(digits))
    few = np.concatenate(
        [order[digits[order] == digit][:LABELLED] for digit in range(CLASSES)]
    )
    rest = np.setdiff1d(order, few)
    return Task(turned[few], digits[few], turned[rest], digits[rest])


def from_scratch(task: Task, seed: int) -> Trained:
    """A model whose weights all began at random.

    Args:
        task: what it learns.
        seed: of its weights, and of the order in which it sees the images.

    Example:
        >>> from_scratch(upside_down(0), 0)  # doctest: +SKIP
        Trained(model=<Sequential ...>, base=<Functional ...>)
    """
    made = _classifier(seed, weights=None)
    _compile(made, RATE)
    _fit(made, task, epochs=EPOCHS)
    return made


def head_only(task: Task, seed: int, epochs: int = EPOCHS) -> Trained:
    """A model with the trained base, frozen; only the new layer on top has learned.

    Args:
        task: what it learns.
        seed: as for `from_scratch`.
        epochs: how many.

    Example:
        >>> head_only(upside_down(0), 0, epochs=1)  # doctest: +SKIP
        Trained(model=<Sequential ...>, base=<Functional ...>)
    """
    made = _classifier(seed)
    kerasplug.freeze_weights(made.base)
    _compile(made, RATE)
    _fit(made, task, epochs=epochs)
    return made


def fine_tuned(task: Task, seed: int) -> Trained:
    """As that; then the convolutions of the second block have learned, too.

    Args:
        task: what it learns.
        seed: as for `from_scratch`.

    Example:
        >>> fine_tuned(upside_down(0), 0)  # doctest: +SKIP
        Trained(model=<Sequential ...>, base=<Functional ...>)
    """
    made = head_only(task, seed, epochs=UNFREEZE)
    kerasplug.unfreeze_weights(made.base, from_=FIRST)
    norms = kerasplug.implementation().layers.BatchNormalization
    kerasplug.freeze_weights(
        made.base, which=lambda layer: isinstance(layer, norms), others="keep"
    )
    _compile(made, SMALL_RATE)  # again, since layers were unfrozen
    _fit(made, task, epochs=EPOCHS - UNFREEZE)
    return made


def gradually(task: Task, seed: int) -> Trained:
    """One `fit` in which more and more layers learn, with smaller steps at the end.

    Args:
        task: what it learns.
        seed: as for `from_scratch`.

    Example:
        >>> gradually(upside_down(0), 0)  # doctest: +SKIP
        Trained(model=<Sequential ...>, base=<Functional ...>)
    """
    made = _classifier(seed)
    kerasplug.freeze_weights(made.base)
    _compile(made, RATE)
    callbacks = [
        kerasplug.GradualUnfreezing(SCHEDULE, base=made.base),
        kerasplug.callback_learning_rate_scheduler(
            lambda epoch, _rate: RATE if epoch < UNFREEZE else SMALL_RATE
        ),
    ]
    _fit(made, task, epochs=EPOCHS, callbacks=callbacks)
    return made


#: What the table compares.
WAYS: Final[dict[str, Callable[[Task, int], Trained]]] = {
    "scratch": from_scratch,
    "head only": head_only,
    "fine-tuned": fine_tuned,
    "gradually": gradually,
}


def accuracy(trained: Trained, task: Task) -> float:
    """The share of the other images that are read right.

    Args:
        trained: what has learned the task.
        task: the same.

    Example:
        >>> task = upside_down(0)
        >>> accuracy(head_only(task, 0), task) > 0.8  # doctest: +SKIP
        True
    """
    found = kerasplug.predict_classes(trained.model, task.x_rest)
    return float(np.mean(found == task.y_rest))


def measured(seeds: Iterable[int]) -> dict[str, list[float]]:
    """The accuracy of each way with each seed.

    Args:
        seeds: of labels, weights, and order.

    Example:
        >>> measured([])
        {'scratch': [], 'head only': [], 'fine-tuned': [], 'gradually': []}
    """
    tasks = {seed: upside_down(seed) for seed in seeds}
    return {
        name: [accuracy(way(task, seed), task) for seed, task in tasks.items()]
        for name, way in WAYS.items()
    }


def table(found: dict[str, list[float]]) -> str:
    """The accuracies as lines of text.

    Args:
        found: as `measured` returns it; at least one seed.

    Example:
        >>> print(table({"scratch": [0.5, 0.75], "head only": [1.0, 1.0]}))
        way         mean  by seed
        scratch    0.625  0.500 0.750
        head only  1.000  1.000 1.000
    """
    width = max(map(len, found))
    lines = [f"{'way':{width}}   mean  by seed"]
    for name, values in found.items():
        each = " ".join(f"{value:.3f}" for value in values)
        lines.append(f"{name:{width}}  {np.mean(values):.3f}  {each}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Train in each way, and print the table.

    Args:
        arguments: seeds; none: 0.

    Example:
        >>> main(["0", "1", "2"])  # doctest: +SKIP
    """
    seeds = [int(one) for one in arguments] or [0]
    sys.stdout.write(f"{table(measured(seeds))}\n")


def _classifier(seed: int, **options: Any) -> Trained:
    """The base, and a new layer for ten digits; not compiled."""
    keras = kerasplug.implementation()
    keras.utils.set_random_seed(seed)
    make = kerasplug.applications["digits_cnn"]
    base = make(include_top=False, pooling="avg", **options)
    head = keras.layers.Dense(CLASSES, activation="softmax", name="head")
    return Trained(keras.Sequential([keras.Input((8, 8, 1)), base, head]), base)


def _compile(made: Trained, rate: float) -> None:
    keras = kerasplug.implementation()
    loss = "sparse_categorical_crossentropy"
    made.model.compile(keras.optimizers.Adam(rate), loss)


def _fit(made: Trained, task: Task, **options: Any) -> None:
    made.model.fit(task.x, task.y, batch_size=BATCH, verbose=0, **options)


if __name__ == "__main__":
    main(sys.argv[1:])
