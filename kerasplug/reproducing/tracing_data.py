"""Noticing pipelines of data that give up their order."""

import functools
from types import ModuleType
from typing import Any, Final

from kerasplug._frameworks.late import when_imported
from kerasplug.reproducing.tracing import Trace, put_round
from kerasplug.reproducing.tracing_random import noticed

__all__ = ["watch_pipelines"]

#: Where `deterministic=False` can be said.
_METHODS: Final = ("map", "interleave", "ragged_batch", "padded_batch", "batch")
_WHERE: Final = " with deterministic=False in tf.data"


def watch_pipelines(trace: Trace) -> None:
    """Notice what lets elements come in any order.

    Args:
        trace: who is told.
    """
    when_imported("tensorflow", functools.partial(_tensorflow_came, trace))


def _tensorflow_came(trace: Trace, module: ModuleType) -> None:
    tf: Any = module

    def transformed(original: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("deterministic") is False:
            noticed(trace, "transformation", _WHERE)
        return original(*args, **kwargs)

    def with_options(original: Any, dataset: Any, options: Any, *args: Any) -> Any:
        if getattr(options, "deterministic", None) is False:
            noticed(trace, "options", _WHERE)
        return original(dataset, options, *args)

    for name in _METHODS:
        put_round(tf.data.Dataset, name, transformed)
    put_round(tf.data.Dataset, "with_options", with_options)
