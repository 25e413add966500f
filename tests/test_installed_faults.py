"""Hook modules that break, in plugins that are really installed."""

import re

import pytest
from plugin_kit import HOOKS, Site, assert_healthy

BAD_TEXT = """
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    raise Silent
"""
WORSE_TEXT = BAD_TEXT.replace("RuntimeError('no text')", "SystemExit").replace(
    'RuntimeError("no text")', "SystemExit(4)"
)
RECURSION = """
    def deeper():
        return deeper()

    deeper()
"""


def hook(body: str, arguments: str = "") -> str:
    return (
        "from kerasplug import LayerRecord, hookimpl\n\n\n@hookimpl\n"
        f"def kerasplug_layers({arguments}):\n    {body}\n"
    )


#: What it is -> source of the hook module, words of the cause, words of the trace.
CASES = {
    "an absent import": ("import nowhere_at_all", "nowhere_at_all", "hooks.py"),
    "an absent import of a third module": (
        "import ill_plugin.helper",
        "nowhere_further",
        "helper.py",
    ),
    "a syntax error": ("def broken(:", "SyntaxError", "hooks.py"),
    "an exit": ("raise SystemExit(3)", "SystemExit: 3", "hooks.py"),
    "a quiet exit": ("import sys; sys.exit()", "SystemExit", "hooks.py"),
    "an interrupt of its own": ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
    "a BaseException of its own": (
        "class Own(BaseException): pass\nraise Own('mine')",
        "Own: mine",
        "hooks.py",
    ),
    "a recursion": (RECURSION, "RecursionError", "deeper"),
    "an exception without a text": (BAD_TEXT, "Silent", "hooks.py"),
    "an exception whose text exits": (WORSE_TEXT, "Silent", "hooks.py"),
    "a signature with an argument": (
        hook("return []", "config"),
        "kerasplug_layers(config) does not fit its specification kerasplug_layers()",
        "",
    ),
    "a hook that raises": (hook("1 / 0"), "ZeroDivisionError", "kerasplug_layers"),
    "a hook that raises half-way": (
        hook(
            "yield LayerRecord(name='half', target='ill_plugin.layers:Gate')\n"
            "    raise ValueError('half-way')"
        ),
        "ValueError: half-way",
        "kerasplug_layers",
    ),
    "a number instead of records": (hook("return 3"), "returned int", ""),
    "a dict instead of a record": (
        hook("return [{'name': 'x'}]"),
        "item 0 of kerasplug_layers() is of type dict, expected LayerRecord",
        "",
    ),
    "a record with a bad name": (
        hook("return [LayerRecord(name='bad name/', target='a:b')]"),
        "name='bad name/'",
        "",
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with a healthy plugin; each test puts another plugin `ill` into it."""
    made = Site(tmp_path_factory.mktemp("installed"))
    made.add_healthy()
    return made


@pytest.mark.parametrize("name", CASES)
def test_a_broken_hook_module_hurts_nobody_else(site, name):
    """The others work; the fault has plugin, version, cause, trace and mend."""
    source, cause, trace = CASES[name]
    helper = "import nowhere_further"
    site.add_ill(source, helper=helper)

    for _ in range(2):  # the first look, and one with an index
        report = site.ask("healthy_gate", "healthy_hooked", "ill/anything")

        assert_healthy(report)
        assert report.plugins["ill"]["state"] == "faulty"
        fault = report.fault()
        assert (fault["plugin"], fault["version"]) == ("ill", "0.3")
        assert fault["entry"] == "ill-hooks"
        assert "ill_plugin.hooks" in fault["what"]
        assert cause in fault["cause"]
        assert trace in fault["trace"]
        assert fault["mend"]
        assert not fault["quarantined"]
        used = report.used["ill/anything"]
        assert used["error"] == "PluginError"
        assert cause in used["text"]
        assert trace in used["text"]
        assert "half" not in report.names


@pytest.mark.parametrize("name", ["ill_plugin.nowhere", "nowhere_plugin.hooks"])
def test_a_hook_module_that_is_missing_is_a_fault(site, name):
    """The entry point leads nowhere: the mend is to install the plugin again."""
    modules = {"ill_plugin/__init__.py": ""}
    site.add("ill", {"kerasplug": {"ill-hooks": name}}, modules, version="0.4")

    report = site.ask("healthy_gate")

    assert_healthy(report)
    fault = report.fault()
    assert "ModuleNotFoundError" in fault["cause"]
    assert fault["mend"] == "python -m pip install --force-reinstall ill"


def test_an_unknown_hook_is_reported_and_the_rest_works(site):
    """A hook of another version of kerasplug is no fault."""
    extra = "\n@hookimpl\ndef kerasplug_layer():\n    return []\n"
    known = hook("return [LayerRecord(name='known', target='ill_plugin.layers:Gate')]")
    site.add_ill(known + extra)

    report = site.ask("healthy_gate", "known")

    assert_healthy(report)
    assert report.plugins["ill"]["state"] == "active"
    (line,) = report.plugins["ill"]["reports"]
    assert "kerasplug_layer is not known" in line
    assert "did you mean kerasplug_layers?" in line
    assert "Gate" in report.used["known"]["value"]


def test_what_is_declared_works_beside_a_broken_hook_module(site):
    """An entry point of its own needs no hook module."""
    site.add_ill("raise RuntimeError")

    report = site.ask("ill_declared")

    assert report.plugins["ill"]["state"] == "faulty"
    assert "Gate" in report.used["ill_declared"]["value"]


def test_a_mended_plugin_works_at_the_next_start(site):
    """A fault is not kept for longer than its reason."""
    site.add_ill("raise RuntimeError")
    assert site.ask().plugins["ill"]["state"] == "faulty"

    site.add_ill(HOOKS.format(name="mended", module="ill_plugin.layers"))

    report = site.ask("mended")
    assert report.plugins["ill"]["state"] == "active"
    assert "Gate" in report.used["mended"]["value"]


def test_no_plugin_code_runs_in_the_process_that_lists(site):
    """Hook modules are imported by a child process; only targets are, on use."""
    site.add_ill(HOOKS.format(name="apart", module="ill_plugin.layers"))

    listed, used = site.ask(), site.ask("apart")

    assert "apart" in listed.names
    assert not [name for name in listed.loaded if re.match("ill_|healthy_", name)]
    assert "ill_plugin.hooks" not in used.loaded
    assert "ill_plugin.layers" in used.loaded


def test_a_name_that_two_plugins_have_works_by_its_canonical_name(site):
    """The bare name is an error that names both; everything else works."""
    site.add_ill(HOOKS.format(name="healthy_gate", module="ill_plugin.layers"))

    report = site.ask("healthy_gate", "ill/healthy_gate", "healthy/healthy_gate")

    bare = report.used["healthy_gate"]
    assert bare["error"] == "AmbiguousNameError"
    assert "ill 0.3" in bare["text"]
    assert "healthy 1.0" in bare["text"]
    assert "'healthy/healthy_gate'" in bare["mend"]
    assert "ill_plugin" in report.used["ill/healthy_gate"]["value"]
    assert "healthy_plugin" in report.used["healthy/healthy_gate"]["value"]
