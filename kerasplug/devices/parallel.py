"""A model that several devices compute, each a part of the batch.

What is the same for all backends: it has the template's weights, compiles both, and is
saved as the template.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from kerasplug.devices.slices import leaves, packed
from kerasplug.errors import DeviceError
from kerasplug.implementation import implementation
from kerasplug.models.recompiling import compiled_with
from kerasplug.training.basing import based_on

__all__ = ["Parallel", "parallel"]

#: What a model may do in its own way for its own training.
_OWN = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")


def parallel(
    kind: "type[Parallel]",
    template: Any,
    devices: Sequence[str],
    *,
    merge_on: str,
    sync_batch_norm: bool,
) -> Any:
    """A model of a backend's kind over a template.

    Args:
        kind: the backend's class.
        template: a model of Keras 3.
        devices: canonical names, in order.
        merge_on: where outputs are put together.
        sync_batch_norm: whether statistics are those of the whole batch.

    Raises:
        DeviceError: the template has a step of training of its own, or the backend
            can't do it.
    """
    _refuse_own_steps(template)
    cls = based_on(kind, implementation().Model)
    return cls(template, devices, merge_on=merge_on, sync_batch_norm=sync_batch_norm)


def _refuse_own_steps(template: Any) -> None:
    """Raise `DeviceError` where training in parallel would leave out what it does."""
    usual = implementation().Model
    cls = type(template)
    own = [one for one in _OWN if getattr(cls, one) is not getattr(usual, one)]
    if own:
        message = f"{template.name!r} is trained in its own way."
        raise DeviceError(
            message,
            found=f"a class with its own {', '.join(own)}",
            expected="the steps of keras.Model, which replicas take part in",
            mend="make a model that calls multi_gpu_model(inner model) in its `call`",
        )


#: Keras' model is put behind these classes when the first is made, see `based_on`.
_Base: Any = object


class Parallel(_Base):  # type: ignore[misc]  # so that what comes from Keras is Any
    """A model that computes what its template does, on several devices.

    A backend's subclass says how, in `call`. Keras' model is put behind it as the base.
    """

    #: Why a step can't be compiled for several devices; empty where it can.
    why_no_jit = ""

    def __init__(
        self,
        template: Any,
        devices: Sequence[str],
        *,
        merge_on: str,
        sync_batch_norm: bool,
    ) -> None:
        # The template casts what it takes by itself.
        options = {"dtype": template.dtype_policy, "autocast": False}
        super().__init__(name=f"parallel_{template.name}", **options)
        self.supports_masking = True  # where the template does not, it is what warns
        self.devices = tuple(devices)
        self.merge_on = merge_on
        self.sync_batch_norm = sync_batch_norm
        self.template = template
        with contextlib.suppress(AttributeError):  # models made of calls have none
            self.output_names = template.output_names
        self._prepare()
        self.built = template.built
        if template.compiled:
            self._adopt()

    def _prepare(self) -> None:
        """Do what a backend has to do once, or raise `DeviceError`."""

    @property
    def _kerasplug_saves(self) -> Any:
        """What is saved in place of this model."""
        return self.template

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: the template has noted the masks on what it gave."""

    def _build_template(self, inputs: Any) -> None:
        """Let the template make its weights, outside of any device's scope."""
        if self.template.built:
            return
        tensor = implementation().KerasTensor
        flat = [
            None if one is None else tensor(one.shape, one.dtype)
            for one in leaves(inputs)
        ]
        self.template(packed(inputs, flat))

    # Compiling.

    def _adopt(self) -> None:
        """Go on where a compiled template stands: with its optimizer and state."""
        told = compiled_with("multi_gpu_model", self.template)
        told |= {"optimizer": self.template.optimizer, "auto_scale_loss": False}
        if self.why_no_jit:
            told["jit_compile"] = "auto"
        super().compile(**told)

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Compile this model, and the template with the same optimizer.

        Args:
            arguments: those of Keras' `compile`.
            options: likewise.

        Raises:
            DeviceError: `jit_compile` is True, and the backend can't do that.
        """
        if self.why_no_jit and True in (options.get("jit_compile"), *arguments[7:8]):
            raise DeviceError(
                self.why_no_jit,
                found="jit_compile=True",
                expected='"auto" or False, which mean the same here',
                mend="leave `jit_compile` out; or train the template with it",
            )
        super().compile(*arguments, **options)
        told = compiled_with("multi_gpu_model", self)
        told |= {"optimizer": self.optimizer, "auto_scale_loss": False}
        self.template.compile(**told)

    # Files: always the template's, which need no kerasplug to be loaded.

    def save(self, *arguments: Any, **options: Any) -> Any:
        """Save the template, with the optimizer."""
        return self.template.save(*arguments, **options)

    def save_weights(self, *arguments: Any, **options: Any) -> Any:
        """Save the template's weights."""
        return self.template.save_weights(*arguments, **options)

    def load_weights(self, *arguments: Any, **options: Any) -> Any:
        """Load weights into the template, which are this model's."""
        return self.template.load_weights(*arguments, **options)

    def to_json(self, **options: Any) -> Any:
        """The template's architecture."""
        return self.template.to_json(**options)

    def export(self, *arguments: Any, **options: Any) -> Any:
        """Export the template."""
        return self.template.export(*arguments, **options)

    def get_layer(self, *arguments: Any, **options: Any) -> Any:
        """A layer of the template."""
        return self.template.get_layer(*arguments, **options)

    def get_config(self) -> dict[str, Any]:
        """Raise `DeviceError`: which devices there are is no matter of a file."""
        message = f"{self.name!r} is not what is saved: its template is."
        mend = "model.save(path), or save `model.template`"
        raise DeviceError(message, mend=mend)
