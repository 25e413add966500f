"""What kerasplug adds to pytest's output: the header, and the count of the skips."""

import re

import pytest
from bare import put, put_keras
from pytest_kit import pytest_here, pytest_without

PLAIN = {"test_it.py": "def test():\n    pass\n"}

#: A conftest after which nothing can have imported an engine unnoticed.
WATCH = """
    import sys

    def pytest_unconfigure():
        engines = {"keras", "tensorflow", "tf_keras", "numpy", "jax"}
        print("loaded:", sorted(engines & set(sys.modules)))
"""


def header(ran):
    """The two lines of kerasplug's header; empty where there is none."""
    found = re.search(r"^kerasplug: .*\nKeras: .*$", ran.out, re.MULTILINE)
    return found[0] if found else ""


def test_header_names_keras_backend_and_versions(tmp_path):
    """The header names implementation, backend and versions, and imports none of it."""
    there = put(put_keras(tmp_path / "site"), "jax", version="0.9.1")
    put(there, "jaxlib")
    files = {**PLAIN, "conftest.py": WATCH}
    env = {"KERAS_BACKEND": "jax", "KERASPLUG_STRICT": "1"}
    ran = pytest_without(tmp_path / "project", files, "-s", paths=(there,), env=env)
    first, second = header(ran).splitlines()
    assert re.fullmatch(
        r"kerasplug: \d+\.\d+\.\S+, strict: what is missing fails", first
    )
    assert second == (
        "Keras: keras 3.15.1 (implementation keras) on jax 0.9.1 (KERAS_BACKEND)"
    )
    assert "loaded: []" in ran.out


def test_header_says_what_is_wrong(tmp_path):
    """Without Keras, or with a wrong choice, the header says so and the run goes on."""
    env = {"KERASPLUG_STRICT": "0"}
    ran = pytest_without(tmp_path, PLAIN, env=env)
    assert "what is missing skips\nKeras: not available: keras is not inst" in header(
        ran
    )
    ran = pytest_without(tmp_path, PLAIN, env={"KERASPLUG_IMPLEMENTATION": "theano"})
    assert "no Keras implementation 'theano'" in header(ran)
    assert ran.counts == {"passed": 1}


@pytest.mark.parametrize(
    ("files", "arguments", "shown"),
    [
        ({}, (), False),
        ({}, ("--keras-strict",), True),
        ({}, ("--no-keras-strict",), True),
        ({"pytest.ini": "[pytest]\nkeras_strict = no\n"}, (), True),
        ({"pytest.ini": "[pytest]\nrequired_plugins = kerasplug>=0.1\n"}, (), True),
        ({"conftest.py": "import kerasplug\n"}, (), True),
        ({"conftest.py": "import kerasplug\n"}, ("-q",), False),
    ],
)
def test_header_is_for_projects_that_use_kerasplug(tmp_path, files, arguments, shown):
    """The header is shown where a project uses kerasplug, and to nobody else."""
    ran = pytest_without(tmp_path, {**PLAIN, **files}, *arguments)
    assert ran.counts == {"passed": 1}
    assert bool(header(ran)) == shown


SKIPS = {
    "test_marked.py": """
        import unittest
        import kerasplug
        import pytest

        @pytest.mark.parametrize("number", range(5))
        @pytest.mark.requires_keras
        def test_marked(number):
            pass

        @pytest.mark.requires_keras(">=99")
        def test_version():
            pass

        def test_calling():
            kerasplug.skip_if_no_keras()

        class Case(unittest.TestCase):
            def test(self):
                kerasplug.skip_if_no_keras()

        @pytest.mark.skip(reason="not ours")
        def test_other():
            pass
    """,
    "test_module.py": "import kerasplug\nkerasplug.skip_if_no_keras()\n",
}


def summary(ran):
    """The lines of kerasplug's summary."""
    lines = r"((?:\d+ (?:test|module).*: .*\n|    to run: .*\n)*)"
    found = re.search(rf"^=+ (kerasplug: .*) =+\n{lines}", ran.out, re.MULTILINE)
    assert found, ran.out
    return [found[1], *found[2].splitlines()]


COUNTED = [
    "kerasplug: 8 tests, 1 module skipped",
    "7 tests, 1 module: keras is not installed.",
    '    to run: python -m pip install "kerasplug[tensorflow]"',
    "1 test: keras is not installed.",
    '    to run: python -m pip install "kerasplug[tensorflow]" "keras>=99"',
]


def test_summary_counts_skips_by_reason(tmp_path):
    """The summary counts our skips by reason, marks and calls, tests and modules."""
    ran = pytest_without(tmp_path, SKIPS, "-q")
    assert ran.counts == {"skipped": 10}
    assert summary(ran) == COUNTED


def test_summary_under_xdist(tmp_path):
    """With workers the summary counts what all of them have skipped."""
    source = SKIPS["test_marked.py"].replace(
        "requires_keras\n", "requires_keras('99')\n"
    )
    source = source.replace("no_keras()", "no_keras('99')").replace('">=99"', '"98"')
    ran = pytest_here(tmp_path, {"test_marked.py": source}, "-q", "-n", "2")
    assert ran.counts == {"skipped": 9}
    first, second, mend, *_ = summary(ran)
    assert first == "kerasplug: 8 tests skipped"
    assert re.fullmatch(r"7 tests: keras 3\.\S+ is installed, 99 is asked\.", second)
    assert mend == '    to run: python -m pip install "keras>=99"'


def test_no_summary_where_nothing_of_ours_skips(tmp_path):
    """A run without a skip of ours has no section about it."""
    source = "import pytest\n@pytest.mark.skip(reason='x')\ndef test():\n    pass\n"
    ran = pytest_without(tmp_path, {"test_it.py": source}, "--keras-strict")
    assert ran.counts == {"skipped": 1}
    assert not re.search(r"^=+ kerasplug", ran.out, re.MULTILINE)
