"""From a model and the name of an engine to a worker that has the model."""

from collections.abc import Sequence
from typing import Any, Final

from kerasplug.engines.workers.carrying import gathered
from kerasplug.engines.workers.engine import WorkerEngine
from kerasplug.engines.workers.known import engine_of
from kerasplug.engines.workers.session import Session, check_own
from kerasplug.errors import ImplementationError, ModelError

__all__ = ["opened"]

_CALL: Final = "to_backend"


def opened(
    model: Any,
    name: str,
    batch_size: int,
    *,
    devices: str | Sequence[str] | None,
    patience: float,
    tolerance: float | None,
    verbose: bool,
) -> tuple[Session, int]:
    """A session with the model, and the rows of its batches.

    Args:
        model: as that of `to_backend`.
        name: the same.
        batch_size: the same; a model that takes one only has that one.
        devices: the same.
        patience: the same.
        tolerance: the same; None: nothing is probed.
        verbose: the same.

    Raises:
        KerasplugError: as `to_backend`.
    """
    from kerasplug.engines.workers.locating import interpreter_of
    from kerasplug.engines.workers.process import Worker
    from kerasplug.models.kinds import saved_for

    model = saved_for(model)
    _check_model(model)
    engine = _engine(name)
    check_own(model, engine.name, ("predict_step",))
    translation = engine.translate(model)
    python = interpreter_of(engine).python
    chosen = (devices,) if isinstance(devices, str) else tuple(devices or ())
    worker = Worker.start(engine, python, devices=chosen, patience=patience)
    try:
        session = Session(model, engine, translation, worker)
        size = session.ports.fixed or batch_size
        session.build()
        if tolerance is not None:
            session.announce("predict", size, verbose)
            _probe(session, size, tolerance)
        session.send(gathered(translation))
        session.prove()
    except BaseException:
        worker.kill()
        raise
    return session, size


def _check_model(model: Any) -> None:
    from kerasplug.models.kinds import family, require_model

    require_model(_CALL, model)
    if family(model) != "keras":
        message = f"{_CALL}() works on models of Keras 3."
        raise ModelError(message, found=f"{type(model).__module__}, of Keras 2")
    if not getattr(model, "built", False):
        message = f"The model {model.name!r} is not built, so it has no weights yet."
        raise ModelError(message, mend="begin it with keras.Input(shape)")


def _engine(name: str) -> WorkerEngine:
    """The engine of that name, its plugin imported.

    Raises:
        UnknownNameError: no plugin has it.
        ImplementationError: it is a backend of Keras itself.
        PluginError: the plugin is broken.
    """
    from kerasplug import registry
    from kerasplug._frameworks.metadata import BUILT_IN_BACKENDS

    if name in BUILT_IN_BACKENDS:
        raise _here(name)
    claim = registry.claim("backend", name)
    if getattr(claim.record(), "engine", "") != "worker":
        raise _here(name)
    return engine_of(claim)


def _here(name: str) -> ImplementationError:
    message = f"{name} computes in this process, for all models of it."
    expected = "an engine in a process of its own, such as plaidml"
    mend = f'kerasplug.use_backend("{name}"), before Keras is imported'
    return ImplementationError(message, expected=expected, mend=mend)


def _probe(session: Session, size: int, tolerance: float) -> None:
    from kerasplug.engines.workers.probing import check_parity

    def asked(weights: dict[str, Any], x: list[Any]) -> list[Any]:
        return session.asked(weights, x, size)

    check_parity(session.model, session.engine, session.ports, asked, tolerance)
