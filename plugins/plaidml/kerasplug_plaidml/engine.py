"""PlaidML as kerasplug holds it: its environment, its program, its words."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from kerasplug import Translation, WorkerEngine
from kerasplug.errors import ConfigError

__all__ = ["PlaidML"]

#: What every device needs to be told; Keras 2.2.4 takes any module as its backend.
_VARIABLES = {"KERAS_BACKEND": "plaidml.keras.backend", "PLAIDML_EXPERIMENTAL": "0"}

#: The one that is always there: the processor, by LLVM.
_PROCESSOR = "llvm_cpu.0"

#: What PlaidML calls a device: the driver and the maker's words for it, and a number.
_DEVICE = re.compile(r"[a-z]+_[^\s,]+\.\d+")


class PlaidML(WorkerEngine):
    """PlaidML 0.7.0 under Keras 2.2.4.

    Example:
        >>> PlaidML().variables(())["PLAIDML_DEVICE_IDS"]
        'llvm_cpu.0'
    """

    name: ClassVar[str] = "plaidml"
    program: ClassVar[str] = str(Path(__file__).parent / "worker" / "program.py")
    python: ClassVar[str] = ">=3.11,<3.14"
    #: All of them: enum34, which PlaidML asks for, breaks what finds it first.
    requirements: ClassVar[tuple[str, ...]] = (
        "cffi==2.1.1",
        "h5py==3.16.0",
        "Keras==2.2.4",
        "Keras-Applications==1.0.8",
        "Keras-Preprocessing==1.1.2",
        "numpy==2.4.6",
        "plaidml==0.7.0",
        "plaidml-keras==0.7.0",
        "pycparser==3.12",
        "PyYAML==6.0.3",
        "scipy==1.17.1",
        "six==1.17.0",
    )
    distributions: ClassVar[tuple[str, ...]] = ("plaidml-keras", "plaidml", "keras")

    def variables(self, devices: Sequence[str]) -> dict[str, str | None]:
        """The environment variables that its process starts with.

        Args:
            devices: PlaidML's name of one, such as `"opencl_amd_ellesmere.0"`; or
                `"cpu"`; empty: what PlaidML was told in the environment or in its
                own files, else the processor.

        Raises:
            ConfigError: it is no such name; or more than one, of which Keras on
                PlaidML uses none.
        """
        from kerasplug_plaidml.here import unconfigured

        chosen = _device(devices)
        wanted = {**_VARIABLES, "PLAIDML_DEVICE_IDS": chosen or _PROCESSOR}
        told = {one: os.environ[one] for one in wanted if one in os.environ}
        return {**told, **unconfigured(wanted, devices)}

    def translate(self, model: Any) -> Translation:
        """The model as Keras 2.2.4 writes it.

        Args:
            model: a built Sequential or functional model of Keras 3.

        Raises:
            TranslationError: something of it would not mean the same there.
        """
        from kerasplug_plaidml.translating.models import translate

        return translate(model)

    def translate_training(self, model: Any) -> dict[str, Any]:
        """How the model is trained: losses, their weights, the optimizer.

        Args:
            model: a compiled model of Keras 3.

        Raises:
            TranslationError: a loss or an optimizer would not mean the same there.
        """
        from kerasplug_plaidml.translating.training import translate_training

        return translate_training(model)

    def optimizer_state(
        self, model: Any, translation: Translation
    ) -> Mapping[str, Any] | None:
        """Where what the optimizer has learned belongs, here and there.

        Args:
            model: a compiled model of Keras 3; its optimizer is built.
            translation: of the model.

        Returns:
            Name there -> variable here. None: a layer's weights are others there, or
            the optimizer was built before weights were trainable that are so now.

        Raises:
            TranslationError: it is not known which variable is which.
        """
        from kerasplug_plaidml.translating.states import optimizer_state

        return optimizer_state(model, translation)

    def cost(self, translation: Translation, batch_size: int) -> float:
        """About how many seconds PlaidML compiles, for what it unrolls in time.

        Args:
            translation: of the model.
            batch_size: rows of a batch.
        """
        from kerasplug_plaidml.translating.costs import seconds

        return seconds(translation, batch_size)

    def use_here(self, devices: Sequence[str]) -> dict[str, str | None] | None:
        """What lets this process compute with it; None where PlaidML is not in it.

        Args:
            devices: as those of `variables`.
        """
        from kerasplug_plaidml.here import prepared

        variables = self.variables(devices)
        return variables if prepared() else None


def _device(devices: Sequence[str]) -> str:
    """PlaidML's name of the one device that is asked for; empty: none is."""
    if not devices:
        return ""
    if tuple(devices) == ("cpu",):
        return _PROCESSOR
    if len(devices) == 1 and _DEVICE.fullmatch(devices[0]):
        return devices[0]
    message = "PlaidML can't be given these devices."
    raise ConfigError(
        message,
        found=", ".join(devices),
        expected=f'"cpu", or a name as PlaidML has it, such as "{_PROCESSOR}"',
        mend="plaidml-setup   (lists them; it is in the environment of PlaidML)",
    )
