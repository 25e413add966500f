"""What tests of packages that extend Keras need."""

import os
import sys
from typing import NoReturn

from kerasplug.implementation import Availability, availability

__all__ = ["skip_if_no_keras"]


def skip_if_no_keras(
    version: str | None = None,
    *,
    implementation: str | None = None,
    backend: str | None = None,
) -> None:
    """Skip the test that calls this unless a Keras can be used here.

    Works under pytest and under unittest, and imports no Keras.

    Args:
        version: the version that the test needs: a specifier (">=3.15,<4"), or a
            plain version, which means "at least". None: any.
        implementation: "tensorflow", "keras" or "tf_keras"; None: the default.
        backend: the backend that it has to run on; None: the configured one.

    Raises:
        pytest.skip.Exception, unittest.SkipTest: it is not installed, or has
            another version or backend; the reason says how to get it.
        KerasBrokenError: it is installed and can't be imported.
        KerasMissingError, KerasVersionError: instead of a skip, where the environment
            variable KERASPLUG_STRICT is set to anything but 0, no, off or false.
        ImplementationError: the question makes no sense, such as a malformed
            version, which would skip for ever.

    Example:
        >>> def test_my_layer():
        ...     skip_if_no_keras(">=3.4", backend="jax")
    """
    answer = availability(version, implementation=implementation, backend=backend)
    if answer:
        return
    if answer.mistake or answer.state == "broken" or _is_strict():
        raise answer.error()
    _skip(_reason(answer))


def _is_strict() -> bool:
    said = os.environ.get("KERASPLUG_STRICT", "").strip().lower()
    return said not in ("", "0", "no", "off", "false")


def _reason(answer: Availability) -> str:
    return f"{answer.reason} To run this test: {answer.mend}"


def _skip(reason: str) -> NoReturn:
    # pytest sets the variable; a unittest run that it has started inherits it.
    if "PYTEST_VERSION" in os.environ and "pytest" in sys.modules:
        import pytest

        pytest.skip(reason, allow_module_level=True)
    from unittest import SkipTest

    raise SkipTest(reason)
