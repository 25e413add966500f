"""Switching plugins off, and adding plugins of this process."""

import pytest
from fakes import LISTING, declare, info, install, python

import kerasplug
from kerasplug.errors import (
    PluginError,
    UnknownNameError,
)


def test_disable_acts_before_any_plugin_code(tmp_path):
    """A plugin that is switched off is not imported, by whatever name it is called."""
    install(
        tmp_path,
        "loud-pkg",
        {"kerasplug": {"loud": "loud_hooks"}},
        modules={"loud_hooks.py": "print('I RAN')"},
    )
    declare(tmp_path, "calm-pkg", {"calm_gate": "m:G", "calm_other": "m:H"})

    for name in ("loud-pkg", "Loud_Pkg", "loud", "all"):
        out = python(LISTING, tmp_path, env={"KERASPLUG_DISABLE": name}).stdout
        assert "I RAN" not in out
        assert ("calm_gate" in out) == (name != "all")
    names = "loud, calm-pkg/calm_gate"
    out = python(LISTING, tmp_path, env={"KERASPLUG_DISABLE": names}).stdout
    assert "calm_gate" not in out
    assert "calm_other" in out


def test_only_leaves_nothing_else_on(tmp_path):
    """`KERASPLUG_ONLY` takes distributions, entry points and canonical names."""
    declare(tmp_path, "first-pkg", {"first_a": "m:G", "first_b": "m:H"})
    install(
        tmp_path,
        "loud-pkg",
        {"kerasplug": {"loud": "loud_hooks"}},
        modules={"loud_hooks.py": "print('I RAN')"},
    )

    for name, expected in {
        "first-pkg": "first_a first_b",
        "first_b": "first_b",
        "first-pkg/first_a": "first_a",
    }.items():
        out = python(LISTING, tmp_path, env={"KERASPLUG_ONLY": name}).stdout
        assert out.strip() == expected


@pytest.mark.parametrize("switch", ["KERASPLUG_DISABLE", "KERASPLUG_ONLY"])
def test_a_switch_with_an_unknown_name_is_an_error(site, monkeypatch, switch):
    """A typing error in a switch is not silence."""
    declare(site, "typed-pkg", {"typed_gate": "m:G"})
    monkeypatch.setenv(switch, "typed-pgk")

    with pytest.raises(UnknownNameError, match=switch) as caught:
        list(kerasplug.layers)

    assert "typed-pkg" in caught.value.close


def test_blocked_switches_off_for_a_while(site):
    """In the `with` statement the plugin is off, and says so; afterwards it is on."""
    declare(site, "blocky", {"blocky_gate": "m:G"})

    with kerasplug.blocked("blocky"):
        assert "blocky_gate" not in kerasplug.layers
        assert info("blocky").state == "disabled"
        with kerasplug.blocked("all"):
            assert list(kerasplug.layers) == []
    assert "blocky_gate" in kerasplug.layers


def test_register_adds_a_plugin_of_this_process():
    """Hooks of any object are served until they are taken away."""

    class Notebook:
        """A plugin that is nowhere installed."""

        @kerasplug.hookimpl
        def kerasplug_layers(self):
            """One layer."""
            return [kerasplug.LayerRecord(name="nb_gate", target="m:G")]

    plugin = Notebook()
    with kerasplug.register(plugin):
        assert "nb_gate" in kerasplug.layers
        assert kerasplug.layers.record("notebook/nb_gate").target == "m:G"
        assert info("notebook").state == "active"
        with pytest.raises(ValueError, match="registered already"):
            kerasplug.register(plugin)
    assert "nb_gate" not in kerasplug.layers
    with pytest.raises(KeyError, match="not registered"):
        kerasplug.unregister(plugin)


def test_register_takes_records():
    """A record, or several, need no hook around them."""
    records = [
        kerasplug.LayerRecord(name="rec_a", target="m:A"),
        kerasplug.ObjectRecord(name="rec_b", target="m:B"),
    ]
    handle = kerasplug.register(records, name="mine")

    assert "mine/rec_a" in kerasplug.layers
    assert "rec_b" in kerasplug.objects
    kerasplug.unregister(handle)
    assert "rec_a" not in kerasplug.layers


def test_register_refuses_what_breaks_the_contract():
    """Nothing is registered then, and the error says why."""

    class Broken:
        """A plugin whose hook raises."""

        @kerasplug.hookimpl
        def kerasplug_layers(self):
            """Nothing."""
            message = "no layers today"
            raise ValueError(message)

    before = [one.name for one in kerasplug.plugins()]
    with pytest.raises(PluginError, match="no layers today") as caught:
        kerasplug.register(Broken())
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(PluginError, match="has no hooks"):
        kerasplug.register(object())
    assert [one.name for one in kerasplug.plugins()] == before
