"""What a plugin says of an engine that computes in a process of its own."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from kerasplug.engines.devices import Variables
from kerasplug.errors import TranslationError

__all__ = ["Carried", "TranslatedLayer", "Translation", "WorkerEngine"]


class Carried(NamedTuple):
    """A layer here whose weights a layer there has too.

    Attributes:
        layer: of this Keras; its `get_weights` and `set_weights` are used.
        there: turns what `get_weights` gives into what the engine takes; None: the
            same arrays in the same order.
        back: the other way; None: the same.

    Example:
        >>> Carried(layer=None).there is None
        True
    """

    layer: Any
    there: Callable[[list[Any]], list[Any]] | None = None
    back: Callable[[list[Any]], list[Any]] | None = None


class TranslatedLayer(NamedTuple):
    """What a plugin's translator makes of one of its layers.

    A `LayerRecord` names translators; each is a function that takes the layer, which is
    built, and returns this.

    Attributes:
        class_name: of a layer of the other Keras, or of a class in `code`.
        config: its arguments, as plain data for JSON; the name is put in by itself.
        code: Python source of a module that has the class; empty: it is Keras' own. It
            runs in the worker, where that Keras is and kerasplug is not.
        there: turns the layer's weights into those of the other one; None: the same.
        back: the other way; None: the same.

    Example:
        >>> TranslatedLayer("Dense", {"units": 4}).code
        ''
    """

    class_name: str
    config: Mapping[str, Any]
    code: str = ""
    there: Callable[[list[Any]], list[Any]] | None = None
    back: Callable[[list[Any]], list[Any]] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A model in the words of another engine.

    Args:
        config: what the engine's program builds the model from; plain data for JSON.
        layers: path of a layer there, such as `"encoder/dense_1"` -> the one here.
        code: name of a class -> the source of the module that has it, for layers
            that the engine does not have; from an installed plugin, never from a file.
        mixes_rows: names of layers in which one row of a batch changes what another
            one gives, so that a batch can't be padded for training.
        unrolled: steps of time that the engine would compile one by one, all recurrent
            layers together; 0: none.

    Example:
        >>> Translation(config={"class_name": "Sequential"}, layers={}).unrolled
        0
    """

    config: Mapping[str, Any]
    layers: Mapping[str, Carried]
    code: Mapping[str, str] = dataclasses.field(default_factory=dict)
    mixes_rows: tuple[str, ...] = ()
    unrolled: int = 0


class WorkerEngine:
    """An engine that computes in a process of its own; a plugin's subclass says how.

    The record names the subclass: `BackendRecord(name="plaidml", engine="worker",
    target="kerasplug_plaidml.engine:PlaidML")`. It is made without arguments.

    Attributes:
        name: as in the record.
        program: the Python file that the environment's interpreter serves, an absolute
            path: it has `describe()` and `COMMANDS`, see `serving`.
        python: a PEP 440 specifier: which Python its private environment has.
        requirements: what is installed there, pinned, dependencies included.
        distributions: those by which an environment is known to have it.

    Example:
        >>> class Toy(WorkerEngine):
        ...     name = "toy"
        >>> Toy().variables(())
        {}
    """

    name: ClassVar[str] = ""
    program: ClassVar[str] = ""
    python: ClassVar[str] = ">=3.11"
    requirements: ClassVar[tuple[str, ...]] = ()
    distributions: ClassVar[tuple[str, ...]] = ()

    def variables(self, devices: Sequence[str]) -> Variables:
        """The environment variables that its process starts with.

        Args:
            devices: names of devices as the engine has them; empty: its own choice.

        Returns:
            Variable -> value; None: it is taken out.
        """
        del devices
        return {}

    def translate(self, model: Any) -> Translation:
        """The model in the engine's words.

        Args:
            model: a built model of this Keras.

        Raises:
            TranslationError: something of it would not mean the same there; nothing
                is left out without a word.
        """
        del model
        raise _left_out(self.name, "translate")

    def translate_training(self, model: Any) -> dict[str, Any]:
        """How the model is trained, in the engine's words, as plain data.

        Args:
            model: a compiled model of this Keras.

        Returns:
            What the program's command "compile" takes: `losses` (one for each output,
            or None), `loss_weights` (floats), `optimizer` (name, and its arguments).

        Raises:
            TranslationError: a loss or an optimizer would not mean the same there.
        """
        del model
        raise _left_out(self.name, "translate_training")

    def optimizer_state(
        self, model: Any, translation: Translation
    ) -> Mapping[str, Any] | None:
        """Where what the optimizer has learned belongs, here and there.

        Its program then has two commands more. "get_optimizer" gives `step`, how many
        steps were made, and an array for each name; "set_optimizer" takes the same and
        sets all of it, or none; the first step after it is the one after `step`.

        Args:
            model: a compiled model of this Keras; its optimizer may be built.
            translation: of the model.

        Returns:
            Name there, such as `"momentum:encoder/dense_1:0"` -> the variable of the
            optimizer here, without `iterations`. Empty: all that it knows is its steps.
            None: the one there begins anew, and what it learns stays there.

        Raises:
            TranslationError: it is not known which variable is which.
        """
        del model, translation
        return None

    def cost(self, translation: Translation, batch_size: int) -> float:
        """About how many seconds it takes to compile; 0: not worth a word."""
        del translation, batch_size
        return 0.0

    @classmethod
    def seed_workers(cls, seed: int) -> list[str]:
        """Let all workers of the engine that are alive draw from a seed, from now on.

        For a plugin's hook `kerasplug_after_seed`. A program whose models draw random
        numbers takes `seed` with its command "build", an int from 1 on, and has a
        command "seed", which takes it as well: what the model draws begins anew.
        Each worker gets a seed of its own, made of this one and of its model's name. No
        worker is waited for that is busy in another thread, and nothing is raised for
        one that has ended.

        Args:
            seed: an int.

        Returns:
            What was seeded, and what was not, in words; nothing where none is alive.

        Example:
            >>> class Toy(WorkerEngine):
            ...     name = "toy"
            >>> Toy.seed_workers(7)
            []
        """
        from kerasplug.engines.workers import alive

        return alive.seeded(cls.name, seed)

    def use_here(self, devices: Sequence[str]) -> Variables | None:
        """What lets this very process compute with it, where its Keras is installed.

        Args:
            devices: as those of `variables`.

        Returns:
            Variable -> value, to be set before Keras is imported; None where this
            environment is none of the engine's.
        """
        del devices
        return None


def _left_out(name: str, method: str) -> TranslationError:
    """The error for an engine whose plugin does not say something."""
    message = f"The engine {name!r} does not say how a model is put into its words."
    expected = f"a method {method}() of its class"
    return TranslationError(
        message, expected=expected, mend="tell the author of its plugin"
    )
