"""The mark `requires_keras`: what skips, what fails, and what strict mode changes."""

import textwrap

import pytest
from bare import put, put_keras
from fakes import install
from pytest_kit import pytest_here, pytest_without

#: Fixtures come after the question: this one would fail.
FIXTURE = """
    import pytest

    @pytest.fixture
    def used():
        raise RuntimeError("a fixture ran")
"""

MARKED = (
    FIXTURE
    + """
    @pytest.mark.requires_keras({needs})
    def test(used):
        pass
"""
)


def marked(needs):
    return {"test_it.py": MARKED.format(needs=needs)}


def sound(folder):
    """A folder with a Keras that looks well, and its TensorFlow."""
    return put(put_keras(folder), "tensorflow")


RUNS = """
    import sys
    import pytest

    @pytest.mark.requires_keras(">=3", implementation="keras", backend="tensorflow")
    def test():
        assert "keras" not in sys.modules
"""


def test_marked_test_runs_where_its_keras_is(tmp_path):
    """A marked test runs where its Keras is installed, which is not imported."""
    there = sound(tmp_path / "site")
    ran = pytest_without(tmp_path / "project", {"test_it.py": RUNS}, paths=(there,))
    assert (ran.code, ran.counts) == (0, {"passed": 1})


def test_missing_keras_skips_before_fixtures(tmp_path):
    """Without Keras a marked test skips, before its fixtures, and says what helps."""
    ran = pytest_without(tmp_path, marked(""), "-rs")
    assert (ran.code, ran.counts) == (0, {"skipped": 1})
    line = textwrap.dedent(MARKED).splitlines().index("def test(used):")
    place = f"SKIPPED [1] test_it.py:{line}: "
    assert f"{place}kerasplug: keras is not installed." in ran.out
    assert 'To run this test: python -m pip install "kerasplug[tensorflow]"' in ran.out


def test_missing_keras_is_brought_with_the_asked_backend(tmp_path):
    """The command for a missing Keras brings the version and backend that are asked."""
    ran = pytest_without(tmp_path, marked("'>=3.4', backend='jax'"), "-rs")
    assert (
        'pip install "kerasplug[jax]" "keras>=3.4"; then export KERAS_BACKEND=jax'
        in (ran.out)
    )


def test_missing_keras_fails_in_strict_mode(tmp_path):
    """In strict mode a missing Keras is an error of the test, with its mend."""
    ran = pytest_without(tmp_path, marked(""), "--keras-strict")
    assert (ran.code, ran.counts) == (1, {"error": 1})
    assert "KerasMissingError: keras is not installed." in ran.out
    assert 'mend:     python -m pip install "kerasplug[tensorflow]"' in ran.out
    assert "Traceback" not in ran.out


BROKEN = [
    ("files", "the metadata of keras 3.15.1 are there, its files not"),
    ("dependency", "keras 3.15.1 is installed without what it needs: no-such-dist>=2"),
]


@pytest.mark.parametrize("strict", [(), ("--keras-strict",)])
@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_broken_keras_always_fails(tmp_path, broken, why, strict):
    """A Keras without its files, or without what it needs, fails, strict or not."""
    there = put(tmp_path / "site", "tensorflow")
    needs = "Requires-Dist: no-such-dist>=2\n" if broken == "dependency" else ""
    modules = {"keras/__init__.py": ""} if broken == "dependency" else {}
    install(there, "keras", {}, version="3.15.1", metadata=needs, modules=modules)
    ran = pytest_without(tmp_path / "project", marked(""), *strict, paths=(there,))
    assert (ran.code, ran.counts) == (1, {"error": 1})
    assert f"KerasBrokenError: {why}" in ran.out


@pytest.mark.parametrize(
    ("needs", "reason", "mend"),
    [
        (
            "backend=['jax', 'torch']",
            "The backend of this process is tensorflow (the default), jax or torch",
            "export KERAS_BACKEND=jax",
        ),
        (
            "implementation='tf_keras'",
            "This process uses the implementation tensorflow, tf_keras is asked.",
            "export KERASPLUG_IMPLEMENTATION=tf_keras",
        ),
        (
            "gpus=1",
            "1 GPU is asked, and there is none",
            "run it on a machine with GPUs",
        ),
    ],
)
def test_what_is_a_choice_skips_in_strict_mode_too(tmp_path, needs, reason, mend):
    """Another backend, implementation or machine than this one's skips, also strict."""
    there = sound(tmp_path / "site")
    arguments = ("-rs", "--keras-strict")
    env = {"CUDA_VISIBLE_DEVICES": "-1"}
    ran = pytest_without(
        tmp_path / "project", marked(needs), *arguments, paths=(there,), env=env
    )
    assert (ran.code, ran.counts) == (0, {"skipped": 1})
    assert reason in ran.out
    assert mend in ran.out


def test_another_backend_that_is_not_installed_is_still_a_choice(tmp_path):
    """The mend for another backend says how to install it, where it is not."""
    there = sound(tmp_path / "site")
    ran = pytest_without(
        tmp_path / "project", marked("backend='jax'"), "-rs", paths=(there,)
    )
    assert "python -m pip install jax jaxlib; then export KERAS_BACKEND=jax" in ran.out


@pytest.mark.parametrize(("strict", "code"), [("0", 0), ("1", 1)])
def test_own_backend_that_is_missing_is_no_choice(tmp_path, strict, code):
    """Where this process' own backend is not installed, strict mode fails."""
    there = sound(tmp_path / "site")
    env = {"KERAS_BACKEND": "jax", "KERASPLUG_STRICT": strict}
    ran = pytest_without(
        tmp_path / "project", marked("backend='jax'"), paths=(there,), env=env
    )
    assert ran.code == code, ran.out


@pytest.mark.parametrize(
    "needs", ["implementation='tf_keras'", "backend='jax'", "gpus=8"]
)
def test_no_keras_at_all_fails_before_any_choice(tmp_path, needs):
    """In strict mode a missing Keras fails, whatever else a test would have wanted."""
    ran = pytest_without(tmp_path, marked(needs), "--keras-strict")
    assert (ran.code, ran.counts) == (1, {"error": 1})


def test_version_of_another_implementation_is_not_asked(tmp_path):
    """A version is a question to the Keras that was chosen: a choice comes first."""
    there = sound(tmp_path / "site")
    files = marked("'<3', implementation='tf_keras'")
    ran = pytest_without(tmp_path / "project", files, "--keras-strict", paths=(there,))
    assert ran.counts == {"skipped": 1}


@pytest.mark.parametrize(
    ("needs", "counts"),
    [
        ("implementation=('keras', 'tf_keras')", {"passed": 1}),
        ("backend=('jax', 'tensorflow')", {"passed": 1}),
        ("'>=3,<3.15'", {"skipped": 1}),
        ("'3.15'", {"passed": 1}),
    ],
)
def test_any_of_several_names_will_do(tmp_path, needs, counts):
    """One of the named implementations and one of the backends are enough."""
    there = sound(tmp_path / "site")
    files = {"test_it.py": MARKED.format(needs=needs).replace("(used)", "()")}
    ran = pytest_without(tmp_path / "project", files, paths=(there,))
    assert ran.counts == counts, ran.out


# --- plugins ---

LAYER = {"kerasplug.layers": {"gate": "gate_plugin:Gate"}}


@pytest.mark.parametrize(
    ("case", "strict", "said"),
    [
        ("active", {"passed": 1}, ""),
        ("absent", {"error": 1}, "MissingPluginError: The plugin gate-plugin is not"),
        ("disabled", {"error": 1}, "MissingPluginError: The plugin gate-plugin is sw"),
        ("incompatible", {"error": 1}, "NeedsError: The plugin gate-plugin 1.0 can't"),
        ("faulty", {"error": 1}, "PluginError: The plugin gate-plugin 1.0 is broken"),
    ],
)
def test_plugin_that_a_test_needs(tmp_path, case, strict, said):
    """A plugin that is absent, switched off or unfit skips; a faulty one fails."""
    there = sound(tmp_path / "site")
    if case != "absent":
        groups = {**LAYER, "kerasplug": {"hooks": "gate_hooks"}}
        source = "import no_such_module\n" if case == "faulty" else ""
        needs = "Requires-Dist: keras>=99\n" if case == "incompatible" else ""
        modules = {"gate_hooks.py": source}
        install(there, "gate-plugin", groups, metadata=needs, modules=modules)
    env = {"KERASPLUG_DISABLE": "gate-plugin"} if case == "disabled" else {}
    files = {
        "test_it.py": MARKED.format(needs="plugin='Gate_Plugin'").replace(
            "(used)", "()"
        )
        if case == "active"
        else MARKED.format(needs="plugin='Gate_Plugin'")
    }
    for arguments, counts in ((("--keras-strict",), strict), ((), None)):
        ran = pytest_without(
            tmp_path / "project", files, *arguments, paths=(there,), env=env
        )
        plain = strict if case in ("active", "faulty") else {"skipped": 1}
        assert ran.counts == (counts or plain), ran.out
        assert said in ran.out or not arguments


def test_mistyped_plugin_is_told_the_close_name(tmp_path):
    """The reason for an absent plugin names one that is there and resembles it."""
    there = sound(tmp_path / "site")
    install(there, "gate-plugin", LAYER)
    ran = pytest_without(
        tmp_path / "project", marked("plugin='gate-plugni'"), "-rs", paths=(there,)
    )
    assert "write 'gate-plugin', if you mean that" in ran.out


# --- where marks stand ---

EVERYWHERE = (
    FIXTURE
    + """
    pytestmark = pytest.mark.requires_keras

    def test_of_the_module(used):
        pass

    @pytest.mark.requires_keras(">=3.4")
    class TestClass:
        def test_of_the_class(self, used):
            pass

        @pytest.mark.requires_keras(backend="jax")
        def test_of_both(self, used):
            pass

    @pytest.mark.parametrize(
        "number", [1, pytest.param(2, marks=pytest.mark.requires_keras(">=9"))]
    )
    def test_of_parameters(number, used):
        pass
"""
)


def test_marks_of_modules_and_classes_hold_for_their_tests(tmp_path):
    """A mark of a module or class holds for each test in it."""
    ran = pytest_without(tmp_path, {"test_it.py": EVERYWHERE})
    assert ran.counts == {"skipped": 5}


def test_all_marks_of_a_test_have_to_hold(tmp_path):
    """The mark of a parameter and of a method come on top of those around them."""
    source = EVERYWHERE.replace("(used)", "()").replace(", used)", ")")
    there = sound(tmp_path / "site")
    ran = pytest_without(
        tmp_path / "project", {"test_it.py": source}, "-v", paths=(there,)
    )
    assert ran.counts == {"passed": 3, "skipped": 2}
    assert "test_of_both SKIPPED" in ran.out
    assert "test_of_parameters[2] SKIPPED" in ran.out


def test_something_broken_is_not_hidden_by_an_outer_skip(tmp_path):
    """A mark that fails is heard, also where another mark of the test would skip."""
    there = sound(tmp_path / "site")
    groups = {"kerasplug": {"hooks": "gate_hooks"}}
    modules = {"gate_hooks.py": "1 / 0\n"}
    install(there, "gate-plugin", groups, modules=modules)
    source = (
        FIXTURE
        + """
    @pytest.mark.requires_keras(plugin="gate-plugin")
    @pytest.mark.requires_keras(backend="jax")
    def test(used):
        pass
    """
    )
    ran = pytest_without(tmp_path / "project", {"test_it.py": source}, paths=(there,))
    assert ran.counts == {"error": 1}
    assert "is broken" in ran.out


def test_a_skip_of_pytests_own_comes_first(tmp_path):
    """A test with pytest's mark `skip` skips in strict mode: it was not to run."""
    source = (
        FIXTURE
        + """
    @pytest.mark.requires_keras
    @pytest.mark.skip(reason="another day")
    def test(used):
        pass
    """
    )
    ran = pytest_without(tmp_path, {"test_it.py": source}, "--keras-strict")
    assert ran.counts == {"skipped": 1}


# --- strict mode, by three switches ---

INI = {"pytest.ini": "[pytest]\nkeras_strict = true\n"}


@pytest.mark.parametrize(
    ("option", "variable", "ini", "strict"),
    [
        ("--keras-strict", None, False, True),
        ("--keras-strict", "0", False, True),
        ("--no-keras-strict", "1", True, False),
        ("--no-keras-strict", None, True, False),
        (None, "1", False, True),
        (None, "yes", False, True),
        (None, "off", True, False),
        (None, "", True, True),
        (None, None, True, True),
        (None, None, False, False),
    ],
)
def test_command_line_then_environment_then_ini(
    tmp_path, option, variable, ini, strict
):
    """The command line goes before KERASPLUG_STRICT, and that before `keras_strict`."""
    source = """
    import kerasplug
    import pytest

    @pytest.mark.requires_keras
    def test_marked():
        pass

    def test_calling():
        kerasplug.skip_if_no_keras()
    """
    env = {} if variable is None else {"KERASPLUG_STRICT": variable}
    files = {"test_it.py": source, **(INI if ini else {})}
    ran = pytest_without(tmp_path, files, *filter(None, [option]), env=env)
    assert ran.counts == ({"error": 1, "failed": 1} if strict else {"skipped": 2})


def test_environment_is_left_as_it_was(tmp_path):
    """After a run inside the process KERASPLUG_STRICT is what it was before."""
    source = """
    import os
    import pytest

    @pytest.mark.parametrize("before", [None, "0", "no"])
    def test(before, monkeypatch, tmp_path):
        monkeypatch.delenv("KERASPLUG_STRICT", raising=False)
        if before is not None:
            monkeypatch.setenv("KERASPLUG_STRICT", before)
        inner = tmp_path / "test_inner.py"
        inner.write_text(
            "import os\\n"
            "def test():\\n"
            "    assert os.environ['KERASPLUG_STRICT'] == '1'\\n"
        )
        arguments = ["--keras-strict", "--import-mode=importlib"]
        assert pytest.main([str(inner), f"--rootdir={tmp_path}", *arguments]) == 0
        assert os.environ.get("KERASPLUG_STRICT") == before
    """
    ran = pytest_here(tmp_path, {"test_it.py": source})
    assert ran.counts == {"passed": 3}, ran.out
