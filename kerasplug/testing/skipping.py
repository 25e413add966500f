"""From what stands in the way of a test to a skip or a failure."""

import sys
from typing import NoReturn

from kerasplug.config import says_yes
from kerasplug.testing.requirement import Names, Requirement, Unmet

__all__ = ["fails", "is_strict", "settle", "skip_if_no_keras"]


def skip_if_no_keras(
    version: str | None = None,
    *,
    implementation: Names = None,
    backend: Names = None,
    plugin: Names = None,
    gpus: int | None = None,
) -> None:
    """Skip the test that calls this unless the Keras that it needs is in use here.

    Works under pytest and under unittest, in a test, in a fixture or `setUp`, and at
    the top of a module. Imports no Keras.

    Args:
        version: the version that the test needs: a specifier (">=3.15,<4"), or a
            plain version, which means "at least". None: any.
        implementation: "tensorflow", "keras" or "tf_keras", or several, any of which
            will do. None: all.
        backend: the backend that this process has to run on, or several, any of
            which will do. None: all.
        plugin: the distribution of a plugin that the test uses, or several.
        gpus: how many GPUs it takes.

    Raises:
        pytest.skip.Exception, unittest.SkipTest: something is not installed, has
            another version, or is not what this process runs with. The reason says
            what would help.
        KerasBrokenError, PluginError: it is installed and does not work.
        KerasMissingError, KerasVersionError, MissingPluginError: instead of a skip
            for what is not installed, in strict mode: where the environment variable
            KERASPLUG_STRICT is set to anything but 0, no, off or false. Another
            backend or implementation, and a machine without GPUs, skip even then.
        ImplementationError: the question makes no sense, such as a malformed
            version, which would skip for ever.

    Example:
        >>> def test_my_layer():
        ...     skip_if_no_keras(">=3.4", backend="jax")
    """
    __tracebackhide__ = True  # pytest then shows the line of the test
    settle(
        Requirement.of(
            version,
            implementation=implementation,
            backend=backend,
            plugin=plugin,
            gpus=gpus,
        )
    )


def settle(needed: Requirement) -> None:
    """Return where a test can run; skip it or fail where it can't.

    Args:
        needed: what it needs.

    Raises:
        pytest.skip.Exception, unittest.SkipTest: it can't run, and may skip.
        KerasplugError: it can't run, and a skip would hide why.
    """
    __tracebackhide__ = True
    unmet = needed.unmet()
    if unmet is None:
        return
    if fails(unmet):
        raise unmet.error
    skip(unmet.skip_reason())


def fails(unmet: Unmet) -> bool:
    """Whether this is a failure: it always is, or strict mode makes it one."""
    return unmet.kind == "broken" or (unmet.kind == "missing" and is_strict())


def is_strict() -> bool:
    """Whether the environment says that nothing may be missing.

    Example:
        >>> is_strict() in (True, False)
        True
    """
    return says_yes("KERASPLUG_STRICT")


def skip(reason: str) -> NoReturn:
    __tracebackhide__ = True
    if runs_under_pytest():
        import pytest

        pytest.skip(reason, allow_module_level=True)
    from unittest import SkipTest

    raise SkipTest(reason)


def runs_under_pytest() -> bool:
    """Whether it is pytest that waits for the answer, and not a unittest in between.

    Its environment variables don't tell: a process that a test starts has them too.
    """
    frame = sys._getframe(1)  # noqa: SLF001 -- who called is what is asked
    within = False
    while frame.f_back is not None:
        frame = frame.f_back
        name = str(frame.f_globals.get("__name__"))
        if name.startswith("_pytest."):
            return True
        if within and not name.startswith("unittest."):
            return False  # a runner of unittest that somebody has started
        within = within or name == "unittest.case"
    return False
