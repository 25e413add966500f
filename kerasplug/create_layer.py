"""Layers that compose: `create_layer()`, `create_layer_wrapper()` and `pipe()`.

The rule is one for all three. A layer that is put on nothing is the layer itself;
put on a Sequential model it is added in place, and the model comes back; put on a
tensor, an array, or a list, tuple or dict of them, it is called.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from kerasplug.errors import KerasplugError, LayerError
from kerasplug.wrapping.arguments import construct
from kerasplug.wrapping.classes import is_a, resolve, short
from kerasplug.wrapping.composing import check_target, compose, is_target
from kerasplug.wrapping.output_shape import ensure_output_shape
from kerasplug.wrapping.wrapper import LayerWrapper

__all__ = [
    "LayerWrapper",
    "create_layer",
    "create_layer_wrapper",
    "pipe",
]

_LayerT = TypeVar("_LayerT")


@overload
def create_layer(
    layer_class: type[_LayerT],
    object: None = None,
    args: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> _LayerT: ...
@overload
def create_layer(
    layer_class: type | str | LayerWrapper,
    object: Any = None,
    args: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any: ...
def create_layer(
    layer_class: type | str | LayerWrapper,
    object: Any = None,  # noqa: A002 -- the R interface's name for it, public since then
    args: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """A new layer, or what comes of putting it on `object`.

    Args:
        layer_class: a layer class; `"module:Class"`; a name in the catalog, such as
            `"gated_dense"` or `"downstream-pkg/gated_dense"`; or a wrapper.
        object: what to put the layer on: None for nothing, a Sequential model, a
            tensor, an array, or a list, tuple or dict of them.
        args: arguments of the layer, for those whose names are taken here.
        **kwargs: arguments of the layer. None counts as not given for `input_shape`,
            `batch_input_shape`, `batch_size`, `dtype`, `name`, `trainable` and
            `weights`.

    Returns:
        The layer where `object` is None; the same model, grown, where it is a
        Sequential model; else what the layer returns for it.

    Raises:
        LayerError: there is no such layer class; an argument is not one of the
            layer's; the layer can't be put on `object`, or is of another Keras.

    Example:
        >>> import kerasplug
        >>> keras = kerasplug.implementation()
        >>> model = keras.Sequential([keras.Input((4,))])
        >>> create_layer(keras.layers.Dense, model, units=8).output_shape
        (None, 8)
    """
    if isinstance(layer_class, LayerWrapper):
        layer_class = layer_class.layer_class
    cls = ensure_output_shape(resolve(layer_class))
    if object is not None:
        check_target(object, cls)
    layer = construct(cls, cls.__name__, (), _merged(args, kwargs))
    return layer if object is None else compose(object, layer)


def _merged(args: object, kwargs: dict[str, Any]) -> dict[str, Any]:
    if args is None:
        return kwargs
    if not isinstance(args, Mapping):
        what = "Invalid value received for argument `args` of create_layer."
        raise LayerError(
            what,
            found=f"args={short(args)} (of type {type(args).__name__})",
            expected="a dict of the layer's arguments, by name",
        )
    clash = sorted(set(args) & set(kwargs))
    if clash:
        what = f"create_layer got the argument {clash[0]!r} twice."
        raise LayerError(
            what,
            found=f"args[{clash[0]!r}]={short(args[clash[0]])} and "
            f"{clash[0]}={short(kwargs[clash[0]])}",
            mend="give it once",
        )
    return {**args, **kwargs}


def create_layer_wrapper(
    layer_class: type | str | LayerWrapper,
    *,
    modifiers: Mapping[str, Callable[[Any], Any]] | None = None,
    name: str | None = None,
    register: bool = False,
) -> LayerWrapper:
    """A function that makes layers of one class, and puts them where they belong.

    Safe at a package's import: a class that is given by its name is looked for, and
    Keras with it, when the wrapper is first used.

    Args:
        layer_class: as for `create_layer`.
        modifiers: argument -> converter, for example `{"units": int}`. Only arguments
            that a caller gave are converted, and None is not. `input_shape`,
            `batch_input_shape` and `batch_size` are converted to ints and tuples of
            ints unless a converter for them is given.
        name: what the wrapper calls itself; the default is the class' name.
        register: register the class with Keras, under the name of the top-level
            package that it comes from, unless it is registered already.

    Returns:
        A `LayerWrapper`.

    Raises:
        LayerError: `layer_class` is none, or `modifiers` are no functions. At first
            use: there is no such class, `modifiers` names an argument that it does
            not have, or a class of `__main__` is to be registered.

    Example:
        >>> dense = create_layer_wrapper("my_package.layers:GatedDense", name="dense")
        >>> dense
        <layer wrapper dense of my_package.layers:GatedDense>
    """
    return LayerWrapper(layer_class, dict(modifiers or {}), name, register=register)


def pipe(x: Any, *steps: Any) -> Any:
    """What comes of putting each step on the result of the one before, from `x` on.

    Args:
        x: a Sequential model, to which the layers are added in place; a tensor, an
            array, or a list, tuple or dict of them; or what the first step takes.
        *steps: layers, models, what calling a wrapper returned, or any callable. On a
            Sequential model only layers, models and wrappers.

    Returns:
        What the last step returned; `x` itself where there are no steps.

    Raises:
        LayerError: a step is none, or can't be put on what came before. Whatever a
            step itself raises passes through, with a note that names the step.

    Guarantees:
        A Sequential model is left as it was where any step fails.

    Example:
        >>> pipe([3, 1, 2], sorted, sum)
        6
    """
    for index, step in enumerate(steps):
        if not callable(step):
            raise _not_a_step(index, step)
    if not is_a(x, "Sequential"):
        return _run(x, steps)
    before = len(x.layers)
    try:
        return _run(x, steps)
    except BaseException:
        while len(x.layers) > before:
            x.pop()
        raise


def _not_a_step(index: int, step: object) -> LayerError:
    mend = ""
    if is_target(step):
        mend = "a wrapper that is called with a tensor returns a tensor: leave it out"
    return LayerError(
        f"Step {index} of pipe() can't be called: {short(step)}.",
        found=f"a value of type {type(step).__name__}",
        expected="a layer, a model, what calling a wrapper returned, or a callable",
        mend=mend,
    )


def _run(x: Any, steps: tuple[Any, ...]) -> Any:
    for index, step in enumerate(steps):
        try:
            x = _advance(x, step)
        except KerasplugError as error:
            error.what = f"Step {index} of pipe(), {short(step)}: {error.what}"
            raise
        except Exception as error:
            error.add_note(f"In step {index} of pipe(): {short(step)}")
            raise
    return x


def _advance(x: Any, step: Any) -> Any:
    if is_a(step, "Layer"):
        check_target(x, type(step))
        return compose(x, step)
    if isinstance(step, LayerWrapper):
        return _advance(x, _bare(step))
    if is_a(x, "Sequential"):
        what = "Only layers can be added to a Sequential model."
        raise LayerError(
            what,
            found=short(step),
            expected="a layer, a model, or what calling a wrapper returned",
            mend="begin the pipe with a tensor, such as keras.Input(shape), or make a "
            "layer of the function",
        )
    return step(x)


def _bare(wrapper: LayerWrapper) -> Any:
    """The layer of a wrapper that nobody called; some layers need no arguments."""
    try:
        return wrapper()
    except LayerError as error:
        error.mend = f"the wrapper was not called: write {wrapper.__name__}(...)"
        raise
