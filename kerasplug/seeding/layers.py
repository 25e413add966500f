"""The random layers of models that are built: their states, set anew.

Seeding a process does nothing for them. Each layer that draws has a generator of its
own, whose state was made with the layer.

Source: keras 3.15.1, `random/seed_generator.py`, and `_get_seed_generator` of
`layers/preprocessing/data_layer.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kerasplug.errors import ModelError
from kerasplug.models.kinds import family, is_layer, require_model, walk
from kerasplug.seeding.deriving import checked_seed, derive_seeds

__all__ = ["capture_layers", "reseed"]


class _Found(NamedTuple):
    """A generator, those that follow it, and its author's seed; None: it has none."""

    generator: Any
    followers: tuple[Any, ...]
    own: int | None


def reseed(models: Iterable[Any], seed: int) -> int:
    """Set the states of all random layers of models anew, as if just made.

    `keras.utils.set_random_seed` does not touch them: a model that is built before it
    draws on from where it was. After `reseed` with the same seed, two trainings from
    the same weights are the same.

    Dropout, noise, recurrent layers and their cells, attention, layers that change
    images, also in a pipeline of `tf.data`: whatever holds a `SeedGenerator`, at any
    depth. One that its author has given a seed begins with that again; the others get
    one each from `derive_seeds`, by their place. One that several layers share is set
    once. On PyTorch, dropout without a seed draws from PyTorch's own state instead,
    which `seeded` and `use_session_with_seed` seed.

    Args:
        models: built models of Keras 3, or one of them.
        seed: from 0 to 2**32 - 1.

    Returns:
        How many generators there are.

    Raises:
        SeedError: the seed is none.
        ModelError: one of `models` is no model, is not built, or is of Keras 2, whose
            random layers keep no state that can be set.

    Guarantees:
        After an error nothing has changed.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation("keras")
        >>> layers = [keras.Input((2,)), keras.layers.Dropout(0.5)]
        >>> reseed([keras.Sequential(layers)], 42)
        1
    """
    seed = checked_seed(seed)
    found = _generators(models)
    derived = derive_seeds(seed, len(found))
    for one, new in zip(found, derived, strict=True):
        for generator in (one.generator, *one.followers):
            _set(generator, [new if one.own is None else one.own, 0])
    return sum(1 + len(one.followers) for one in found)


def capture_layers(models: Iterable[Any]) -> Callable[[], None]:
    """Note the states of all random layers.

    Args:
        models: as for `reseed`.

    Returns:
        A function that puts them back.

    Raises:
        ModelError: as for `reseed`.
    """
    found = _generators(models)
    every = [each for one in found for each in (one.generator, *one.followers)]
    before = [(one, _state(one)) for one in every]

    def restore() -> None:
        for generator, state in before:
            _set(generator, state)

    return restore


def _generators(models: Iterable[Any]) -> list[_Found]:
    """All generators of the models, each once, in the models' order.

    Raises:
        ModelError: one of them can't be walked through.
    """
    listed = [models] if is_layer(models) else list(models)
    for model in listed:
        _require(model)
    layers = (one for model in listed for one in (model, *_within(model)))
    unique = {id(one.generator): one for layer in layers for one in _of(layer)}
    return list(unique.values())


def _require(model: Any) -> None:
    """Nothing, where the model is built and of Keras 3."""
    require_model("reseed", model)
    if family(model) == "tf_keras":
        what = f"reseed() can't set the random layers of {model.name!r}."
        raise ModelError(
            what,
            found="a model of Keras 2, which keeps their states outside of the layers",
            expected="a model of Keras 3",
            mend="seed first, then build the model",
        )
    if not model.built:
        what = f"reseed() needs a model that is built, and {model.name!r} is not."
        raise ModelError(
            what,
            found="a model whose layers may still be to come",
            mend="call it once, or model.build(input_shape)",
        )


def _within(model: Any) -> list[Any]:
    return [layer for _, layer in walk(model)]


def _of(layer: Any) -> Iterator[_Found]:
    """The generators that a layer holds itself."""
    main = getattr(layer, "generator", None)
    # In `tf.data`, outside of Keras' own backend, an image layer draws with others,
    # which it makes when they are needed and does not track. A place of their own in
    # the order would change the places of all that follow.
    others = tuple(getattr(layer, "_backend_generators", {}).values())
    for generator in getattr(layer, "_seed_generators", ()):
        followers = others if generator is main else ()
        yield _Found(generator, followers, generator._initial_seed)  # noqa: SLF001 -- Keras keeps it nowhere else


def _state(generator: Any) -> list[int]:
    """The two numbers; NumPy is not needed for them."""
    value = generator.state.value
    return [int(value[0]), int(value[1])]


def _set(generator: Any, state: list[int]) -> None:
    """Assign two numbers, as many of their bits as the engine keeps."""
    dtype = str(generator.state.dtype).rpartition(".")[2]
    generator.state.assign([_fitting(number, dtype) for number in state])


def _fitting(number: int, dtype: str) -> int:
    """The same bits within the range of a type: PyTorch has no uint32.

    Source: keras 3.15.1, `draw_seed` in `random/seed_generator.py`.
    """
    bits = 64 if dtype.endswith("64") else 32
    number %= 1 << bits
    signed = not dtype.startswith("u")
    return number - (1 << bits) if signed and number >> (bits - 1) else number
