"""What plugins declare and can't keep, in plugins that are really installed."""

import pytest
from plugin_kit import LAYERS, Site, assert_healthy

TARGETS = {
    "no_module": ("ill_plugin.nowhere:Gate", "No module named 'ill_plugin.nowhere'"),
    "no_package": ("nowhere_plugin.layers:Gate", "No module named 'nowhere_plugin'"),
    "no_attribute": ("ill_plugin.layers:Gatte", "did its author mean 'Gate'?"),
    "no_layer": ("ill_plugin.layers:number", "expected: a subclass of keras' Layer"),
    "no_class": ("ill_plugin.layers:function", "expected: a subclass of keras' Layer"),
    "raising": ("ill_plugin.raising:Gate", "ValueError: at import"),
    "exiting": ("ill_plugin.exiting:Gate", "SystemExit: 5"),
}
MODULES = {
    "ill_plugin/__init__.py": "",
    "ill_plugin/layers.py": LAYERS + "\n    number = 3\n\n    def function(): pass\n",
    "ill_plugin/raising.py": "raise ValueError('at import')",
    "ill_plugin/exiting.py": "raise SystemExit(5)",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with a healthy plugin; each test puts another plugin `ill` into it."""
    made = Site(tmp_path_factory.mktemp("claims"))
    made.add_healthy()
    return made


def add(site, layers, *, requires=(), modules=MODULES):
    """Install `ill` with these entry points."""
    groups = {"kerasplug.layers": layers}
    site.add("ill", groups, modules, version="0.3", requires=requires)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_cannot_be_had_is_the_plugins_error(site, name):
    """Use raises PluginError with the cause; the plugin's other names work."""
    target, words = TARGETS[name]
    add(site, {name: target, "ill_good": "ill_plugin.layers:Gate"})

    report = site.ask(name, "ill_good", "healthy_gate")

    assert_healthy(report)
    assert "Gate" in report.used["ill_good"]["value"]
    used = report.used[name]
    assert used["error"] == "PluginError"
    assert f"ill/{name}" in used["text"]
    assert words in used["text"]
    assert "ill" in used["mend"]


@pytest.mark.parametrize(
    ("requires", "problem"),
    [
        ("keras>=99", "99"),
        ("torch>=99", "needs torch>=99"),
        ("tensorflow>=99", "needs tensorflow>=99"),
    ],
)
def test_what_this_environment_lacks_is_said_before_any_import(site, requires, problem):
    """The plugin is incompatible; use is a NeedsError with the command that helps."""
    modules = {**MODULES, "ill_plugin/__init__.py": "raise RuntimeError('imported')"}
    layers = {"needy": "ill_plugin.layers:Gate"}
    add(site, layers, requires=[requires], modules=modules)

    report = site.ask("needy", "healthy_gate")

    assert_healthy(report)
    assert report.plugins["ill"]["state"] == "incompatible"
    assert problem in "".join(report.plugins["ill"]["unmet"])
    used = report.used["needy"]
    assert used["error"] == "NeedsError"
    assert "pip install" in used["mend"]
    assert "imported" not in used["text"]


@pytest.mark.parametrize(
    "value",
    [
        "nonsense value!",
        "module_only",
        ":x",
        "",
        "a:b:c",
        "a.b:",
        "päd!:x",
        "a..b:C",
        "1a:b",
        "my package:Gate",
        "a:b c",
    ],
)
def test_a_malformed_entry_point_is_a_fault(site, value):
    """The line is quoted, the mend shows the right form, the other names work."""
    add(site, {"mal_bad": value, "mal_good": "ill_plugin.layers:Gate"})

    for _ in range(2):
        report = site.ask("mal_bad", "mal_good")

        assert_healthy(report)
        assert "mal_bad" not in report.names
        assert "Gate" in report.used["mal_good"]["value"]
        fault = report.fault()
        assert (fault["plugin"], fault["version"]) == ("ill", "0.3")
        assert fault["entry"] == "mal_bad"
        assert f"[kerasplug.layers] mal_bad = {value!r}" in fault["cause"]
        assert 'name = "module:attribute"' in fault["mend"]
        assert report.used["mal_bad"]["error"] == "PluginError"


@pytest.mark.parametrize("name", ["bad name", "1st", "a/b", "naïve", "x" * 201])
def test_a_name_that_no_record_may_have_is_a_fault(site, name):
    """The other names work, and so does asking for all records at once."""
    add(site, {name: "ill_plugin.layers:Gate", "ill_good": "ill_plugin.layers:Gate"})

    report = site.ask("ill_good")
    out, err = site.start(
        "import kerasplug; print(*[one.name for one in kerasplug.layers.records()])"
    ).communicate(timeout=60)

    assert_healthy(report)
    assert report.fault()["entry"] == name
    assert {"ill_good", "healthy_gate"} <= set(out.split()), err
    assert name not in report.names


def test_metadata_that_is_not_utf8_does_no_harm(site):
    """A strange byte is replaced, and everything else is read."""
    add(site, {"latin": "ill_plugin.layers:Gate"})
    (file,) = site.path.glob("ill-0.3.dist-info/METADATA")
    file.write_bytes(file.read_bytes().replace(b"\n", b"\nSummary: caf\xe9\n", 1))

    report = site.ask("latin")
    listed = site.kerasplug("list", "layers")

    assert_healthy(report)
    assert "Gate" in report.used["latin"]["value"]
    assert "caf" in listed.stdout
    assert listed.returncode == 0


ALIASING = """
    from kerasplug import LayerRecord, ObjectRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(
            name="taker",
            target="ill_plugin.layers:Gate",
            registered_name="ill>Gate",
            aliases=("ill>Older", "{alias}"),
        )]
"""
OWNING = """
    from kerasplug import LayerRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(
            name="owner",
            target="owner_plugin.layers:OwnGate",
            registered_name="{registered}",
        )]
"""


@pytest.mark.parametrize(
    ("registered", "alias"),
    [("owner>OwnGate", "owner>OwnGate"), ("", "OwnGate")],
    ids=["registered", "class"],
)
def test_an_alias_that_another_plugin_owns_is_not_used(site, registered, alias):
    """It is a fault of the one that takes it; the owner's files stay the owner's."""
    groups = {"kerasplug": {"owner": "owner_plugin.hooks"}}
    modules = {
        "owner_plugin/__init__.py": "",
        "owner_plugin/hooks.py": OWNING.format(registered=registered),
        "owner_plugin/layers.py": LAYERS.replace("Gate", "OwnGate"),
    }
    site.add("owner", groups, modules)
    site.add_ill(ALIASING.format(alias=alias))
    code = f"""
        from kerasplug.saving.matching import Matcher
        from kerasplug.saving.mentions import Said
        said = Said("class", "OwnGate", "", {registered!r}, "layers")
        match = Matcher().match(said)
        print(match.status, match.claim.canonical)
    """

    report = site.ask("taker")
    out, err = site.start(code).communicate(timeout=60)

    assert_healthy(report)
    fault = report.fault()
    assert repr(alias) in fault["what"]
    assert "belongs to owner" in fault["what"]
    assert "owner/owner" in fault["cause"]
    assert report.plugins["owner"]["faults"] == []
    assert "Gate" in report.used["taker"]["value"]
    assert out == "provided owner/owner\n", err


def test_an_older_name_of_its_own_is_no_fault(site):
    """A plugin may list any name that nobody else has."""
    site.add_ill(ALIASING.format(alias="Somewhere>Else"))

    report = site.ask()

    assert report.plugins["ill"]["faults"] == []
