"""PlaidML as kerasplug holds it: its environment, its program, its words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from kerasplug import Translation, WorkerEngine

__all__ = ["PlaidML"]

#: What every device needs to be told; Keras 2.2.4 takes any module as its backend.
_VARIABLES = {"KERAS_BACKEND": "plaidml.keras.backend", "PLAIDML_EXPERIMENTAL": "0"}

#: The one that is always there: the processor, by LLVM.
_PROCESSOR = "llvm_cpu.0"


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
            devices: PlaidML's names, such as `"opencl_amd_ellesmere.0"`; empty: those
                of `PLAIDML_DEVICE_IDS`, else the processor.
        """
        import os

        chosen = ",".join(devices) or os.environ.get("PLAIDML_DEVICE_IDS", _PROCESSOR)
        return {**_VARIABLES, "PLAIDML_DEVICE_IDS": chosen}

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
        from kerasplug_plaidml.here import prepared, unconfigured

        return unconfigured(self.variables(devices), devices) if prepared() else None
