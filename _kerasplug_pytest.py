"""kerasplug's pytest plugin: options, mark, the fixture `keras_seed`, header, summary.

It stands outside of the package and imports nothing but pytest: whoever has kerasplug
installed gets this module in each run of pytest, also where no test is about Keras. The
work is done in `kerasplug.testing`, imported when the first test asks for it.

pytest rewrites the asserts of plugins, and warns where one was imported before it came;
there is none here: PYTEST_DONT_REWRITE.
"""

import os
import sys
from collections.abc import Generator

import pytest

__all__ = ["is_running"]

_VARIABLE = "KERASPLUG_STRICT"
_SEED = "KERASPLUG_SEED"

#: What Keras resolves without anybody's help; empty: nothing is chosen.
_OWN_BACKENDS = ("", "tensorflow", "jax", "torch", "numpy", "openvino")

#: What our variables were before this run.
_before = pytest.StashKey[dict[str, str | None]]()

#: The seed that KERASPLUG_SEED asks for, for all tests; and the one that a test has.
_given = pytest.StashKey[int]()
_seed = pytest.StashKey[int]()

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
    """Register the mark, and tell this process and its children what was asked.

    Raises:
        pytest.UsageError: KERASPLUG_SEED is no seed.
    """
    _running[0] += 1
    config.addinivalue_line(
        "markers",
        "requires_keras(version=None, *, implementation=None, backend=None, "
        "plugin=None, gpus=None): skip the test where this Keras is not there; "
        "with --keras-strict fail where it is missing (kerasplug)",
    )
    config.stash[_before] = {one: os.environ.get(one) for one in (_VARIABLE, _SEED)}
    if text := os.environ.get(_SEED, "").strip():
        config.stash[_given] = _seed_given(text)
        os.environ[_SEED] = str(config.stash[_given])
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
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _seed_given(text: str) -> int:
    """The seed that the environment asks for; a random one is drawn here, once.

    Workers of pytest-xdist are told the number.
    """
    from kerasplug.errors import SeedError
    from kerasplug.testing.seeds import given_seed

    try:
        return given_seed(text)
    except SeedError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture
def keras_seed(request: pytest.FixtureRequest) -> Generator[int, None, None]:
    """Seed Python, NumPy, Keras and its engine for this test; the value is the seed.

    It is made of the test's name, or what KERASPLUG_SEED says: a number, or "random".
    Afterwards all states are what they were, as with `kerasplug.seeded`.
    """
    from kerasplug.seeding import seeded
    from kerasplug.testing.seeds import seed_of

    item = request.node
    given = request.config.stash.get(_given, None)
    item.stash[_seed] = seed_of(item) if given is None else given
    with seeded(item.stash[_seed]) as seed:
        yield seed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say in the report of a failure which seed the test had."""
    report = yield
    if report.failed and _seed in item.stash:
        from kerasplug.testing.seeds import repeat_section

        report.sections.append(repeat_section(item, item.stash[_seed]))
    return report


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

    if _given not in config.stash:
        return header()
    from kerasplug.testing.seeds import header_line

    text = str(config.stash[_before][_SEED])
    return [*header(), header_line(text.strip(), config.stash[_given])]


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
