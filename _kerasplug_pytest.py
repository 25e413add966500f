"""kerasplug's pytest plugin: options, the mark `requires_keras`, header and summary.

It stands outside of the package and imports nothing but pytest: whoever has kerasplug
installed gets this module in each run of pytest, also where no test is about Keras. The
work is done in `kerasplug.testing`, imported when the first marked test asks for it.

pytest rewrites the asserts of plugins, and warns where one was imported before it came;
there is none here: PYTEST_DONT_REWRITE.
"""

import os
import sys
from collections.abc import Generator

import pytest

__all__ = ["is_running"]

_VARIABLE = "KERASPLUG_STRICT"

#: What Keras resolves without anybody's help; empty: nothing is chosen.
_OWN_BACKENDS = ("", "tensorflow", "jax", "torch", "numpy", "openvino")

#: What the variable KERASPLUG_STRICT was before this run.
_before = pytest.StashKey[str | None]()

#: How many runs of pytest in this process use the plugin, one inside the other.
_running = [0]


def is_running() -> bool:
    """Whether a run of pytest in this process knows the mark `requires_keras`."""
    return bool(_running[0])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--keras-strict`, `--no-keras-strict` and the ini option `keras_strict`."""
    group = parser.getgroup("kerasplug", "packages that extend Keras (kerasplug)")
    group.addoption(
        "--keras-strict",
        action="store_true",
        default=None,
        help="fail, not skip, where a Keras that a test requires is missing",
    )
    group.addoption(
        "--no-keras-strict",
        action="store_false",
        dest="keras_strict",
        default=None,
        help="skip there, whatever KERASPLUG_STRICT and keras_strict say",
    )
    group.addoption(
        "--keras-backend",
        metavar="NAME",
        default=None,
        help="what Keras computes with, chosen before any conftest.py is imported; "
        "also a backend that an installed package advertises",
    )
    parser.addini(
        "keras_strict",
        "fail, not skip, where a Keras that a test requires is missing",
        type="bool",
        default=None,
    )


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Choose the backend before anything can import Keras.

    Raises:
        pytest.UsageError: there is no such backend here, or it comes too late.
    """
    name = early_config.known_args_namespace.keras_backend
    if name is not None:
        from kerasplug.engines import use_backend
        from kerasplug.errors import KerasplugError

        try:
            use_backend(name)
        except KerasplugError as error:
            message = f"--keras-backend={name}: {error}"
            raise pytest.UsageError(message) from None
    elif os.environ.get("KERAS_BACKEND", "") not in _OWN_BACKENDS:
        # A package's, in the environment of a worker of pytest-xdist for example.
        import _kerasplug_backends

        _kerasplug_backends.install()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and tell this process and its children about strict mode."""
    _running[0] += 1
    config.addinivalue_line(
        "markers",
        "requires_keras(version=None, *, implementation=None, backend=None, "
        "plugin=None, gpus=None): skip the test where this Keras is not there; "
        "with --keras-strict fail where it is missing (kerasplug)",
    )
    config.stash[_before] = os.environ.get(_VARIABLE)
    strict = _said(config)
    if strict is not None:
        os.environ[_VARIABLE] = "1" if strict else "0"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the environment as it was."""
    if _before not in config.stash:
        return
    _running[0] -= 1
    before = config.stash[_before]
    del config.stash[_before]
    if before is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = before


def _said(config: pytest.Config) -> bool | None:
    """What the command line, else the ini file says; the environment goes between.

    None: neither says anything, or the environment does, and stays as it is.
    """
    option: bool | None = config.getoption("keras_strict")
    if option is None and not os.environ.get(_VARIABLE, "").strip():
        option = config.getini("keras_strict")
    return option


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make a mistake in a mark an error of its module, before any test runs."""
    report = yield
    nodes = [collector, *(one for one in report.result or () if _is_item(one))]
    marked = [one for one in nodes if _marks(one, own=True)]
    if marked and report.passed:
        from kerasplug.testing.marks import mistakes

        if found := mistakes(marked):
            report.outcome, report.longrepr, report.result = "failed", found, []
    return report


def _is_item(node: object) -> bool:
    return isinstance(node, pytest.Item)


def _marks(node: pytest.Item | pytest.Collector, *, own: bool = False) -> bool:
    """Whether a node has the mark; its own, or that of what it is in as well."""
    marks = node.own_markers if own else node.iter_markers("requires_keras")
    return any(mark.name == "requires_keras" for mark in marks)


# Not `tryfirst`: where a test is to be skipped anyway, by a mark of pytest's own, that
# is the end of it. Fixtures come later still.
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a marked test, before its fixtures are made."""
    if _marks(item):
        from kerasplug.testing.marks import settle_item

        settle_item(item)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name the Keras in use, its backend and versions, where Keras is the subject."""
    if not _is_wanted(config):
        return []
    from kerasplug.testing.report import header

    return header()


def _is_wanted(config: pytest.Config) -> bool:
    """Whether the project has shown that it uses kerasplug.

    Looking at what is installed takes opening files, which is nothing for other
    people's projects.
    """
    return (
        "kerasplug" in sys.modules
        or any(name.startswith("KERASPLUG_") for name in os.environ)
        or any("kerasplug" in one for one in config.getini("required_plugins"))
    )


# The annotation is text: pytest 8.0 has no public name for the class.
def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    """Count what was skipped, by reasons."""
    if terminalreporter.verbosity < -1:
        return
    skipped = terminalreporter.stats.get("skipped", [])
    # Most runs have none of ours, and don't import what counts them.
    if any("kerasplug: " in str(report.longrepr) for report in skipped):
        from kerasplug.testing.report import summarise

        summarise(terminalreporter, skipped)
