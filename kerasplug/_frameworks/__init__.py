"""What the door looks at: installed frameworks, other processes, loaded modules.

Nothing here imports Keras into this process.
"""

from kerasplug._frameworks.availability import Availability
from kerasplug._frameworks.metadata import (
    BUILT_IN_BACKENDS,
    IMPLEMENTATIONS,
    checked,
    examine,
    examine_backend,
    explain,
    family_root,
    installed,
    malformed,
    version_of,
)
from kerasplug._frameworks.older import (
    OLDER_BACKENDS,
    active_backend,
    configured,
    older_here,
    older_keras,
    refuse_newer,
    without_complaints,
)
from kerasplug._frameworks.origin import (
    another_is_used,
    calling_line,
    family_of,
    is_stale,
    outsiders,
    root_loaded_outside,
    tf_keras_is_used,
)
from kerasplug._frameworks.probe import probe_backend, probe_keras

__all__ = [
    "BUILT_IN_BACKENDS",
    "IMPLEMENTATIONS",
    "OLDER_BACKENDS",
    "Availability",
    "active_backend",
    "another_is_used",
    "calling_line",
    "checked",
    "configured",
    "examine",
    "examine_backend",
    "explain",
    "family_of",
    "family_root",
    "installed",
    "is_stale",
    "malformed",
    "older_here",
    "older_keras",
    "outsiders",
    "probe_backend",
    "probe_keras",
    "refuse_newer",
    "root_loaded_outside",
    "tf_keras_is_used",
    "version_of",
    "without_complaints",
]
