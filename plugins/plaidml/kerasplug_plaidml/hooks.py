"""What this distribution tells kerasplug: plain records, no NumPy, no Keras."""

import sys

from kerasplug import BackendRecord, hookimpl


@hookimpl
def kerasplug_backends() -> list[BackendRecord]:
    """The engine PlaidML."""
    return [
        BackendRecord(
            name="plaidml",
            target="kerasplug_plaidml.engine:PlaidML",
            summary="PlaidML under Keras 2.2.4, in a process of its own",
            engine="worker",
            capabilities=("infer", "train"),
            install=("kerasplug-plaidml",),
            environment=("PLAIDML_DEVICE_IDS", "KERASPLUG_PLAIDML_PYTHON"),
        )
    ]


@hookimpl
def kerasplug_after_seed(seed: int) -> list[str]:
    """Workers that are alive draw anew what dropout drops."""
    engine = sys.modules.get("kerasplug_plaidml.engine")
    if engine is None:  # then nobody has started a worker
        return []
    texts: list[str] = engine.PlaidML.seed_workers(seed)
    return texts
