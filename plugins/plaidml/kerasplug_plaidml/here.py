"""PlaidML in this very process: where it is installed, and with it its own Keras."""

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from kerasplug_plaidml.compat import mend_python

__all__ = ["prepared", "unconfigured"]

#: What tells PlaidML its devices in the environment.
#: Source: plaidml 0.7.0, `plaidml/settings.py`.
_SETTINGS = (
    "PLAIDML_CONFIG",
    "PLAIDML_CONFIG_FILE",
    "PLAIDML_DEVICE_IDS",
)

#: The versions of Keras that take PlaidML as their backend.
_KERAS = ("2.2.", "2.3.")


def prepared() -> bool:
    """Whether PlaidML and its Keras are installed here; if so, they can be imported.

    By metadata: neither is imported. What they miss in today's Python and NumPy is put
    back.

    Example:
        >>> prepared() in (True, False)
        True
    """
    if not _version("plaidml-keras") or not _version("keras").startswith(_KERAS):
        return False
    mend_python()
    _mend_numpy()
    return True


def _mend_numpy() -> None:
    """Put back the one name that Keras 2.2.4 needs and NumPy 2 has taken away.

    Source: keras 2.2.4, `keras/callbacks.py`, where three callbacks say `np.Inf`.
    """
    import numpy as np

    vars(np).setdefault("Inf", np.inf)


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution) or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def unconfigured(
    variables: Mapping[str, str | None], devices: Sequence[str]
) -> dict[str, str | None]:
    """Variables without those that the user's own configuration of PlaidML is for.

    Args:
        variables: all that a process would get.
        devices: what was asked for, which counts for more; empty: nothing was.

    Returns:
        KERAS_BACKEND, and what is set neither in the environment nor in a file that
        PlaidML reads.

    Example:
        >>> unconfigured({"KERAS_BACKEND": "plaidml.keras.backend"}, ())
        {'KERAS_BACKEND': 'plaidml.keras.backend'}
    """
    wanted = {"KERAS_BACKEND"} | ({"PLAIDML_DEVICE_IDS"} if devices else set())
    settled = set(variables) if _is_configured() else set(os.environ)
    return {
        one: value
        for one, value in variables.items()
        if one in wanted or one not in settled
    }


def _is_configured() -> bool:
    """Whether PlaidML finds its devices by itself."""
    said = os.environ.get("PLAIDML_SETTINGS", "")
    files = Path(said), Path("~/.plaidml").expanduser(), Path("/etc/plaidml")
    return any(map(os.environ.get, _SETTINGS)) or any(map(Path.is_file, files))
