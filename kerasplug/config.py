"""Where Keras keeps its settings and what they say; where kerasplug keeps its cache.

Nothing here imports Keras: Keras reads these settings once, when it is imported,
so they are of use before that, or not at all.

Source: keras 3.15.1, `keras/src/backend/config.py`.
"""

import os
import sys

from kerasplug.errors import ConfigError, KerasplugWarning, OwnershipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import TypedDict

    class Config(TypedDict):
        """The settings of `keras.json`."""

        floatx: str
        epsilon: float
        backend: str
        image_data_format: str
        nnx_enabled: bool


__all__ = [
    "cache_folder",
    "config_path",
    "config_problems",
    "configured_backend",
    "keras_home",
    "read_config",
    "says_yes",
    "temporary_keras_home",
    "warn_caller",
    "write_config",
]

#: Where Keras keeps its settings when `~` can't be written; the path is Keras' own.
_SHARED = "/tmp"  # noqa: S108 -- Keras' rule; keras_home() checks who owns the folder

_FLOATX = ("float16", "float32", "float64")
_DATA_FORMATS = ("channels_last", "channels_first")

#: What a variable may hold to mean no.
_NO = ("", "0", "no", "off", "false")

_warned_of: set[str] = set()


def says_yes(variable: str) -> bool:
    """Whether an environment variable is set to anything but 0, no, off or false.

    Example:
        >>> says_yes("KERASPLUG_NO_SUCH_VARIABLE")
        False
    """
    return os.environ.get(variable, "").strip().lower() not in _NO


def cache_folder() -> str:
    """The folder of kerasplug's own cache; it may not exist yet.

    Returns:
        An absolute path: `$XDG_CACHE_HOME/kerasplug` where that variable holds an
        absolute path, else the platform's place for a user's caches.

    Example:
        >>> cache_folder().endswith("kerasplug")
        True

    Source: the XDG Base Directory Specification; the same as `platformdirs`.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or os.path.expanduser(
            "~\\AppData\\Local"
        )
        return os.path.join(local, "kerasplug")
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        caches = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
        base = os.path.expanduser(caches)
    return os.path.join(base, "kerasplug")


def _home() -> tuple[str, bool]:
    """Keras' home as Keras finds it, and whether it is the shared fallback."""
    if "KERAS_HOME" in os.environ:
        return os.path.expanduser(os.environ["KERAS_HOME"]), False
    user = os.path.expanduser("~")
    shared = not os.access(user, os.W_OK)
    return os.path.join(_SHARED if shared else user, ".keras"), shared


def keras_home() -> str:
    """Keras' home: where `keras.json`, data sets and weights lie; it may not exist yet.

    Returns:
        `$KERAS_HOME` where it is set, else `~/.keras`. Where `~` can't be written it
        is `/tmp/.keras`, as Keras has it, and one warning per process says so.

    Raises:
        ConfigError: KERAS_HOME is set and empty. Keras would write into whatever
            the current directory is.
        OwnershipError: the fallback folder belongs to somebody else, others can
            write there, or it is a link.

    Example:
        >>> with temporary_keras_home() as home:
        ...     keras_home() == home
        True
    """
    if os.environ.get("KERAS_HOME") == "":
        message = "The environment variable KERAS_HOME is empty."
        raise ConfigError(
            message,
            expected="a folder, or the variable not set at all; Keras would write "
            "keras.json into the current directory",
            mend="unset KERAS_HOME",
        )
    folder, shared = _home()
    if shared:
        _refuse_foreign(folder)
        _warn_of_shared(folder)
    return folder


def _refuse_foreign(folder: str) -> None:
    """Raise `OwnershipError` unless `folder` is missing or ours alone to write."""
    from kerasplug.files import belongs_to_us

    try:
        status = os.lstat(folder)
    except FileNotFoundError:
        return
    if os.path.islink(folder):
        found = "a symbolic link"
    elif not belongs_to_us(status):
        found = f"owner {status.st_uid}, permissions {status.st_mode & 0o777:o}"
    else:
        return
    message = f"The folder {folder} is not safe to keep Keras' settings in."
    raise OwnershipError(
        message,
        found=found,
        expected="a folder that belongs to you and that only you can write",
        mend="export KERAS_HOME=<a folder of your own>",
    )


def _warn_of_shared(folder: str) -> None:
    if folder in _warned_of:
        return
    _warned_of.add(folder)
    user = os.path.expanduser("~")
    warn_caller(
        f"Keras keeps its settings and downloads in {folder}, because {user} can't be "
        "written. Set KERAS_HOME to a folder of your own to choose another place."
    )


def warn_caller(message: str) -> None:
    """Warn at the line of whoever called into kerasplug."""
    import warnings

    ours = os.path.dirname(__file__)
    depth, frame = 1, sys._getframe()  # noqa: SLF001 -- the one way to the caller's line
    while frame is not None and frame.f_code.co_filename.startswith(ours):
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]  # None ends the loop
    warnings.warn(message, KerasplugWarning, stacklevel=depth)


def config_path() -> str:
    """The path of `keras.json`; the file may not exist.

    Raises:
        ConfigError, OwnershipError: as `keras_home`.

    Example:
        >>> config_path().endswith("keras.json")
        True
    """
    return os.path.join(keras_home(), "keras.json")


def _defaults() -> "Config":
    """What Keras uses where `keras.json` says nothing."""
    return {
        "floatx": "float32",
        "epsilon": 1e-7,
        "backend": "tensorflow",
        "image_data_format": "channels_last",
        "nnx_enabled": False,
    }


def _rule_broken(key: str, value: object) -> str:
    """The rule that a setting breaks; empty where it is good."""
    if key == "floatx":
        good, rule = value in _FLOATX, "one of " + ", ".join(_FLOATX)
    elif key == "image_data_format":
        good, rule = value in _DATA_FORMATS, "one of " + ", ".join(_DATA_FORMATS)
    elif key == "epsilon":
        good = isinstance(value, float) and 0 < value < float("inf")
        rule = "a float above 0, written with a point or an exponent (1e-7; not 1)"
    elif key == "backend":
        good = isinstance(value, str) and value.isidentifier()
        rule = "the name of a backend, such as tensorflow, jax or torch"
    elif key == "nnx_enabled":
        good, rule = isinstance(value, bool), "true or false"
    else:
        good, rule = False, "a key that Keras knows: " + ", ".join(_defaults())
    return "" if good else rule


def _load(path: str) -> dict[str, object]:
    """What the file says, unchecked; nothing where there is no file.

    Raises:
        ValueError: it is no JSON object.
        OSError: it can't be read.
    """
    import json

    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    if not isinstance(found, dict):
        message = f"a JSON {type(found).__name__} where an object was expected"
        raise ValueError(message)  # noqa: TRY004 -- one type for every malformed file
    return found


def _inspect(path: str) -> tuple[dict[str, object], list[str]]:
    """The good settings of a file, and what is wrong with it."""
    try:
        found = _load(path)
    except ValueError as error:
        return {}, [f"not readable as JSON, Keras ignores or refuses it whole: {error}"]
    except OSError as error:
        return {}, [f"can't be read: {error}"]
    rules = {key: _rule_broken(key, value) for key, value in found.items()}
    good = {key: found[key] for key, rule in rules.items() if not rule}
    wrong = [
        f"{key} is {found[key]!r}, expected {rule}"
        for key, rule in rules.items()
        if rule
    ]
    return good, wrong


def config_problems() -> tuple[str, ...]:
    """What is wrong with `keras.json`, one sentence each; empty where all is well.

    Never raises and never warns: it is for explaining a failure.
    """
    folder, _ = _home()
    return tuple(_inspect(os.path.join(folder, "keras.json"))[1])


def read_config(*, strict: bool = False) -> "Config":
    """The settings of `keras.json`, with Keras' defaults for what it leaves out.

    Args:
        strict: raise about a file that is not right, instead of warning.

    Returns:
        A new dict with floatx, epsilon, backend, image_data_format and nnx_enabled.
        It is what the file says: KERAS_BACKEND is not in it, see
        `configured_backend`. A wrong value is replaced by its default.

    Raises:
        ConfigError: `strict`, and the file is malformed or holds a wrong value or
            an unknown key; or as `keras_home`.

    Example:
        >>> with temporary_keras_home():
        ...     read_config()["floatx"]
        'float32'
    """
    path = config_path()
    good, wrong = _inspect(path)
    if wrong and strict:
        raise _refusal(path, wrong)
    if wrong:
        found = "; ".join(wrong)
        warn_caller(f"{path} is not right, and Keras does not say so: {found}")
    return {**_defaults(), **good}  # type: ignore[typeddict-item]  # each value has passed its rule


def _refusal(path: str, wrong: list[str]) -> ConfigError:
    message = f"{path} is not a valid configuration of Keras."
    return ConfigError(
        message,
        found="; ".join(wrong),
        mend="correct the file, or remove it: Keras writes a new one",
    )


def write_config(**settings: object) -> str:
    """The path of `keras.json`, which now holds these settings too.

    Args:
        **settings: floatx, epsilon, backend, image_data_format, nnx_enabled. What is
            not named stays as it was; keys of others in the file are kept.

    Raises:
        ConfigError: a setting, or the file with it, would not be valid; or as
            `keras_home`.
        OSError: the file can't be written.

    Guarantees:
        Everything is checked before anything changes, and the file is replaced
        whole. Where Keras is loaded already, a warning says that it is too late for
        this process.

    Example:
        >>> with temporary_keras_home():
        ...     _ = write_config(backend="jax")
        ...     read_config()["backend"]
        'jax'
    """
    path = os.path.realpath(config_path())  # a link to the real file stays a link
    merged = _merge(path, settings)
    _put(path, merged)
    if os.path.dirname(path) in _homes_in_use():
        warn_caller(
            "Too late for this process: Keras is loaded and has read its settings. "
            f"Those in {path} hold from the next process on."
        )
    return path


def _homes_in_use() -> set[str]:
    """The homes that a loaded Keras has read its settings from."""
    readers = {
        "keras.src.backend.config": "_KERAS_DIR",
        "tf_keras.src.backend": "_keras_dir",
    }
    homes = (
        vars(sys.modules[module]).get(variable)
        for module, variable in readers.items()
        if module in sys.modules
    )
    return {os.path.realpath(home) for home in homes if home}


def _merge(path: str, settings: dict[str, object]) -> dict[str, object]:
    """The file's content with the settings, all of it checked."""
    wrong = [
        f"{key}={value!r}, expected {rule}"
        for key, value in settings.items()
        if (rule := _rule_broken(key, value))
    ]
    if wrong:
        message = "Invalid settings for keras.json; nothing was written."
        raise ConfigError(message, found="; ".join(wrong))
    known = _defaults()
    try:
        before = _load(path)
    except (ValueError, OSError) as error:
        raise _refusal(path, [str(error)]) from error
    merged = {**known, **before, **settings}
    if "nnx_enabled" not in {**before, **settings}:
        del merged["nnx_enabled"]  # Keras does not write it either
    wrong = [
        f"{key} is {merged[key]!r}, expected {rule}"
        for key in known
        if key in merged and (rule := _rule_broken(key, merged[key]))
    ]
    if wrong:
        raise _refusal(path, wrong)
    return merged


def _put(path: str, content: dict[str, object]) -> None:
    import json

    from kerasplug.files import write_atomically

    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        mode = os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mode = 0o644
    write_atomically(path, json.dumps(content, indent=4).encode(), mode)


def configured_backend() -> tuple[str, str]:
    """The backend that Keras 3 would start with, and where that was configured.

    Returns:
        The name; and "KERAS_BACKEND", the path of `keras.json`, or "the default".
        Never raises and never warns: a file that says nothing sensible, or that
        somebody else could have put there, counts as absent.

    Example:
        >>> name, where = configured_backend()
        >>> where in ("KERAS_BACKEND", "the default") or where.endswith("keras.json")
        True
    """
    name = os.environ.get("KERAS_BACKEND")
    if name:
        return name, "KERAS_BACKEND"
    folder, shared = _home()
    path = os.path.join(folder, "keras.json")
    try:
        if shared:
            _refuse_foreign(folder)
        found = _load(path).get("backend")
    except (ValueError, OSError):
        found = None
    if isinstance(found, str) and found:
        return found, path
    return "tensorflow", "the default"


class temporary_keras_home:  # noqa: N801 -- a context manager that reads as a verb
    """An empty Keras home, for tests: KERAS_HOME points to it, and it is removed after.

    A Keras that is loaded already has read its home: for it this comes too late; for
    kerasplug's own functions and for processes started inside, it holds.

    Example:
        >>> import os
        >>> with temporary_keras_home() as home:
        ...     os.environ["KERAS_HOME"] == home
        True
    """

    def __enter__(self) -> str:
        import tempfile

        self._folder = tempfile.TemporaryDirectory(prefix="keras-home-")
        self._before = os.environ.get("KERAS_HOME")
        os.environ["KERAS_HOME"] = self._folder.name
        return self._folder.name

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        if self._before is None:
            os.environ.pop("KERAS_HOME", None)
        else:
            os.environ["KERAS_HOME"] = self._before
        self._folder.cleanup()
