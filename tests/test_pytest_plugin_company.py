"""Beside other plugins and settings of pytest: xdist, coverage, `-W error`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_kit import clean, path_without, pytest_here, write

import kerasplug

ROOT = Path(__file__).parents[1]

PROJECT = {
    "test_it.py": """
        import os
        import kerasplug
        import pytest
        from kerasplug.testing import requires_keras

        @pytest.fixture
        def used():
            raise RuntimeError("a fixture ran")

        @pytest.mark.requires_keras(">=99")
        def test_marked(used):
            pass

        @requires_keras(">=99")
        def test_decorated(used):
            pass

        def test_calling():
            kerasplug.skip_if_no_keras(">=99")

        @pytest.mark.requires_keras(">=3")
        def test_runs():
            assert "PYTEST_XDIST_WORKER" in os.environ
    """
}


@pytest.mark.parametrize(
    ("arguments", "ini", "counts"),
    [
        ((), "", {"passed": 1, "skipped": 3}),
        (("--keras-strict",), "", {"passed": 1, "failed": 1, "error": 2}),
        ((), "keras_strict = true", {"passed": 1, "failed": 1, "error": 2}),
    ],
)
def test_workers_know_what_the_controller_knows(tmp_path, arguments, ini, counts):
    """With xdist the workers skip, and are strict when the run is."""
    files = {**PROJECT, "pytest.ini": f"[pytest]\n{ini}\n"}
    ran = pytest_here(tmp_path, files, "-n", "2", *arguments)
    assert ran.counts == counts, ran.out


MINE = """
    import kerasplug

    keras = kerasplug.implementation()

    def double(x):
        return 2 * x
"""


def test_coverage_sees_every_line(tmp_path):
    """Lines of a module that uses kerasplug, and kerasplug's own, are all measured."""
    test = """
        import mine
        import pytest

        @pytest.mark.requires_keras
        def test():
            assert mine.double(2) == 4
    """
    report = tmp_path / "coverage.json"
    files = {"test_it.py": test, "mine.py": MINE}
    arguments = ("--cov=mine", "--cov=kerasplug", f"--cov-report=json:{report}")
    # With a header, which imports kerasplug before the tests do.
    ran = pytest_here(tmp_path, files, *arguments, env={"KERASPLUG_STRICT": "1"})
    assert ran.counts == {"passed": 1}, ran.out

    measured = json.loads(report.read_text())["files"]
    (mine,) = (found for name, found in measured.items() if name.endswith("mine.py"))
    assert mine["missing_lines"] == []
    (own,) = (
        found
        for name, found in measured.items()
        if (tmp_path / name).resolve() == ROOT / "kerasplug" / "__init__.py"
    )
    lines = (ROOT / "kerasplug/__init__.py").read_text().splitlines()
    assert lines.index("_ROOMS = {") + 1 in own["executed_lines"]


_EARLY = """
import sys
import {modules}
import pytest
raise SystemExit(pytest.main(["-W", "error", "-q", "-p", "no:cacheprovider"]))
"""


@pytest.mark.parametrize(
    ("modules", "warned"),
    [
        ("kerasplug, _kerasplug_state, kerasplug.testing, kerasplug.registry", False),
        ("_kerasplug_pytest", False),
        # What the warning looks like, for a module that does not ask to be left alone.
        ("kerasplug, a_third_module", True),
    ],
)
def test_kerasplug_may_be_imported_before_pytest(tmp_path, modules, warned):
    """Having imported kerasplug, one can run pytest with warnings as errors."""
    project = tmp_path / "project"
    write(project, {"test_it.py": "def test():\n    pass\n"})
    path = path_without(project)
    write(path[0], {"a_third_module.py": ""})
    folder = f"kerasplug-{kerasplug.__version__}.dist-info"
    files = ("kerasplug/__init__.py", "_kerasplug_state.py", "_kerasplug_pytest.py")
    record = "".join(f"{file},,\n" for file in (*files, "a_third_module.py"))
    (path[0] / folder / "RECORD").write_text(record)
    for file in files:  # Python 3.12 passes over files that are not beside RECORD
        top = file.partition("/")[0]
        (path[0] / top).symlink_to(ROOT / top)
    done = subprocess.run(
        [sys.executable, "-S", "-c", _EARLY.format(modules=modules)],
        cwd=project,
        env={**clean(), "PYTHONPATH": os.pathsep.join(map(str, [*path, project]))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == warned, done.stdout + done.stderr
    assert ("cannot be rewritten" in done.stdout + done.stderr) == warned
