"""Fine-tuning, as the FAQ shows it, on real data: is a handwritten digit odd or even?

The base is `digits_cnn`, which was trained to tell the ten digits apart on one half of
the UCI digits. Here are 40 pictures of the other half that somebody has labelled "odd"
or "even", and 315 more, by which the outcome is told. Four models learn from the 40,
each with the same number of steps:

- from scratch: the same layers with new weights;
- a new head on the frozen base;
- fine-tuned: half of the steps like that, then with the second block unfrozen;
- gradually: the whole second block unfrozen within one `fit`, by `GradualUnfreezing`.

A new head alone does best here: the base was trained on digits, so little is left for
it to learn, and 40 pictures teach it what is true of these 40 only. Where the new
pictures differ more from the old ones, the second stage is what pays.

Run it with `python examples/fine_tuning.py [SEED...]`; a seed takes about 20 seconds.
It needs kerasplug with a Keras, kerasplug-applications and kerasplug-datasets.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

import kerasplug as kp

keras = kp.implementation()

LABELLED = 40
EPOCHS = 40
BATCH = 8
#: The layer from which on the base learns, in the second half.
FROM = "block2_conv1"
#: A new head learns fast; weights that are good already must not be lost.
HEAD_RATE, BASE_RATE = 1e-2, 1e-3


class Task(NamedTuple):
    """Pictures and whether they are odd: few to learn from, others to be told by."""

    x: Any
    odd: Any
    x_test: Any
    odd_test: Any


def task(seed: int = 0) -> Task:
    """The pictures that the base has not seen; the seed decides which are labelled."""
    x, y = kp.datasets["digits"].load().test
    x, odd = x[..., None].astype("float32"), (y % 2).astype("float32")
    order = np.random.default_rng(seed).permutation(len(x))
    few, others = order[:LABELLED], order[LABELLED:]
    return Task(x[few], odd[few], x[others], odd[others])


def with_new_head(*, pretrained: bool) -> tuple[Any, Any]:
    """The base, and a model of it and a head that tells odd from even."""
    weights = "digits" if pretrained else None
    base = kp.applications["digits_cnn"](
        weights=weights, include_top=False, pooling="avg"
    )
    inputs = keras.Input((8, 8, 1))
    return base, keras.Model(inputs, keras.layers.Dense(1, name="head")(base(inputs)))


def compiled(model: Any, rate: float) -> Any:
    """The model, ready to be trained with this learning rate."""
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    return model


def trained(model: Any, some: Task, epochs: int, callbacks: Iterable[Any] = ()) -> Any:
    """The model after so many epochs more."""
    model.fit(
        some.x,
        some.odd,
        epochs=epochs,
        batch_size=BATCH,
        callbacks=list(callbacks),
        verbose=0,
    )
    return model


def accuracy(model: Any, some: Task) -> float:
    """The share of the other pictures that a model is right about."""
    logits = model.predict(some.x_test, verbose=0)[:, 0]
    return float(np.mean((logits > 0) == some.odd_test))


def from_scratch(some: Task) -> Any:
    """A model that has only the 40 pictures to learn from."""
    _, model = with_new_head(pretrained=False)
    return trained(compiled(model, BASE_RATE), some, EPOCHS)


def head_only(some: Task, epochs: int = EPOCHS) -> Any:
    """A new head on the frozen base."""
    base, model = with_new_head(pretrained=True)
    kp.freeze_weights(base)
    return trained(compiled(model, HEAD_RATE), some, epochs)


def fine_tuned(some: Task) -> Any:
    """A new head; then the convolutions of the second block as well, slowly.

    Batch normalization stays frozen, and so goes on with the averages that it knows:
    those of 40 pictures would be worse. `base(inputs, training=False)` would not do;
    `fit` overrules it.
    """
    base, model = with_new_head(pretrained=True)
    kp.freeze_weights(base)
    trained(compiled(model, HEAD_RATE), some, EPOCHS // 2)

    kp.unfreeze_weights(base, from_=FROM)
    kp.freeze_weights(base, which=is_norm, others="keep")
    # compile again, since layers were unfrozen
    return trained(compiled(model, BASE_RATE), some, EPOCHS // 2)


def is_norm(layer: Any) -> bool:
    """Whether it is a batch normalization."""
    return isinstance(layer, keras.layers.BatchNormalization)


def gradually(some: Task) -> Any:
    """Within one `fit`: a callback unfreezes the block, another lowers the rate."""
    base, model = with_new_head(pretrained=True)
    kp.freeze_weights(base)
    half = EPOCHS // 2
    callbacks = [
        kp.GradualUnfreezing({half: FROM}, base=base),
        kp.callback_learning_rate_scheduler(
            lambda epoch: HEAD_RATE if epoch < half else BASE_RATE
        ),
    ]
    return trained(compiled(model, HEAD_RATE), some, EPOCHS, callbacks)


WAYS: dict[str, Callable[[Task], Any]] = {
    "from scratch": from_scratch,
    "head only": head_only,
    "fine-tuned": fine_tuned,
    "gradually": gradually,
}


def outcome(seed: int) -> dict[str, float]:
    """The accuracy of each of the ways, the same each time."""
    some = task(seed)
    found = {}
    for way, make in WAYS.items():
        keras.utils.set_random_seed(seed)
        found[way] = accuracy(make(some), some)
    return found


def main(seeds: Iterable[int]) -> None:
    """Print a table: a line for each seed, and their mean."""
    print("seed  " + "".join(f"{way:>14}" for way in WAYS))  # noqa: T201 -- a script
    rows = []
    for seed in seeds:
        rows.append(list(outcome(seed).values()))
        print(f"{seed:<6}" + "".join(f"{one:>14.3f}" for one in rows[-1]), flush=True)  # noqa: T201 -- a script
    means = np.mean(rows, axis=0)
    print("mean  " + "".join(f"{one:>14.3f}" for one in means))  # noqa: T201 -- a script


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or [0, 1, 2])
