"""Letting every interpreter of an environment find the backends of packages.

Without it a backend of a package works where kerasplug is used before Keras. With it a
plain `import keras` finds the one that KERAS_BACKEND or keras.json names: a file beside
the installed packages lets each interpreter load one small module at its start.

Source: the documentation of Python's `site`, on `.pth` files.
"""

import site
import sys
import sysconfig
from pathlib import Path

from kerasplug.errors import ConfigError
from kerasplug.files import write_atomically

__all__ = ["disable_env", "enable_env", "enabled_by"]

_NAME = "kerasplug-backends.pth"

# One line, as `site` wants it. It outlives kerasplug itself and must be silent then.
_LINE = (
    'import sys; exec("try:\\n import _kerasplug_backends\\nexcept ImportError:\\n pass'
    '\\nelse:\\n _kerasplug_backends.install()")\n'
)


def enable_env() -> str:
    """Let plain `import keras` find backends of packages, in this environment.

    Returns:
        The path of the file that does it. It was written now, or was there.

    Raises:
        ConfigError: no folder that Python looks into can be written.

    Guarantees:
        The file is there whole, or not at all; `disable_env` removes it.
    """
    present = enabled_by()
    if present is not None and Path(present).read_text(encoding="utf-8") == _LINE:
        return present
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(str(folder / _NAME), _LINE.encode(), 0o644)
        except OSError:
            continue
        return str(folder / _NAME)
    message = "No folder for installed packages can be written here."
    raise ConfigError(
        message,
        found=", ".join(map(str, _folders())),
        expected="a folder of yours: that of a virtual environment",
        mend="call kerasplug.use_backend() in your program instead",
    )


def disable_env() -> str | None:
    """Undo `enable_env`.

    Returns:
        The path of the file that was removed; None where there was none.

    Raises:
        OSError: it can't be removed.
    """
    present = enabled_by()
    if present is not None:
        Path(present).unlink()
    return present


def enabled_by() -> str | None:
    """The file that `enable_env` has written; None where there is none.

    Example:
        >>> enabled_by() is None or enabled_by().endswith(".pth")
        True
    """
    paths = (folder / _NAME for folder in _folders())
    return next((str(path) for path in paths if path.is_file()), None)


def _folders() -> list[Path]:
    """Where `site` reads such files: the environment's folder, and then the user's.

    In a virtual environment the user's folder is not read.
    """
    folders = [Path(sysconfig.get_path("purelib"))]
    if sys.prefix == sys.base_prefix and site.ENABLE_USER_SITE:
        folders.append(Path(site.getusersitepackages()))
    return folders
