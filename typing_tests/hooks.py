from collections.abc import Iterable
from typing import assert_type

from kerasplug import LayerRecord, Needs, hookimpl


@hookimpl
def kerasplug_layers() -> Iterable[LayerRecord]:
    return [
        LayerRecord(
            name="gated_dense",
            target="downstream_pkg.layers:GatedDense",
            needs=Needs(keras=">=3.4"),
        )
    ]


record = LayerRecord(name="gate", target="downstream_pkg.layers:Gate")
assert_type(record.name, str)
assert_type(record.kind, str)
