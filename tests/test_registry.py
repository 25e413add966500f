"""Names: from installed metadata to records and raw targets."""

import pytest
from fakes import HOOKS, LISTING, declare, info, install, python

import kerasplug
from kerasplug import registry
from kerasplug.errors import (
    AmbiguousNameError,
    KerasplugError,
    PluginError,
    UnknownNameError,
)


def test_a_declared_name_is_listed_and_described(site):
    """An entry point is all it takes: name, summary and needs come from metadata."""
    declare(
        site,
        "Acme_Layers",
        {"acme_gate": "acme_mod:Gate"},
        metadata="Summary: Gates\nRequires-Dist: keras>=3.0\nRequires-Python: >=3.8\n",
    )

    assert "acme_gate" in kerasplug.layers
    assert "acme-layers/acme_gate" in kerasplug.layers
    record = kerasplug.layers.record("acme_gate")
    assert (record.kind, record.target) == ("layer", "acme_mod:Gate")
    assert record.summary == "Gates"
    assert (record.needs.keras, record.needs.python) == (">=3.0", ">=3.8")
    assert record == kerasplug.layers.record("acme-layers/acme_gate")


def test_a_hooked_record_is_listed_with_all_its_fields(site):
    """A hook module's records are in the catalog beside declared ones."""
    install(
        site,
        "hooked-one",
        {"kerasplug": {"one": "hooked_one"}},
        modules={"hooked_one.py": HOOKS.format(name="hooked_gate", module="m")},
    )

    assert kerasplug.layers.record("hooked_gate").summary == "hooked"
    assert info("hooked-one").hooks == ("kerasplug_layers",)
    assert info("hooked-one").load_time > 0


def test_every_kind_has_its_group_and_its_hook(site):
    """All six kinds can be declared, and all six can be hooked."""
    groups = {
        f"kerasplug.{plural}": {f"every_{kind}": "every:Thing"}
        for kind, plural in registry.KINDS.items()
    }
    lines = ["from kerasplug import hookimpl", "import kerasplug"]
    for kind, plural in registry.KINDS.items():
        lines += [
            "@hookimpl",
            f"def kerasplug_{plural}():",
            f"    yield kerasplug.{kind.title()}Record(",
            f"        name='hooked_{kind}', target='every:Thing')",
        ]
    groups["kerasplug"] = {"every": "every_hooks"}
    install(site, "every", groups, modules={"every_hooks.py": "\n".join(lines)})

    for kind, plural in registry.KINDS.items():
        catalog = getattr(kerasplug, plural)
        assert f"every_{kind}" in catalog
        assert f"hooked_{kind}" in catalog
        assert {one.kind for one in catalog.records()} == {kind}
    assert set(info("every").names) == set(registry.KINDS)


def test_the_declared_way_is_a_plugin_of_the_host(site):
    """What is declared is also what pluggy's hook answers."""
    from kerasplug.registry.hooked import manager

    declare(site, "own-way", {"own_gate": "own_mod:Gate"})

    answers = manager().hook.kerasplug_layers()
    assert kerasplug.layers.record("own_gate") in [
        record for answer in answers for record in answer
    ]


def test_two_distributions_with_one_name_are_an_error_at_use(site):
    """The error names both; canonical names work; listing shows both."""
    declare(site, "left-pkg", {"clash_gate": "left_mod:Gate"}, version="1.2")
    declare(site, "right-pkg", {"clash_gate": "right_mod:Gate"})

    with pytest.raises(AmbiguousNameError) as caught:
        kerasplug.layers["clash_gate"]

    both = ("left-pkg/clash_gate", "right-pkg/clash_gate")
    assert caught.value.claims == both
    assert "left-pkg 1.2" in str(caught.value)
    assert set(both) <= set(kerasplug.layers)
    assert "clash_gate" not in kerasplug.layers
    assert kerasplug.layers.record(both[1]).target == "right_mod:Gate"


def test_neither_path_order_nor_hash_seed_decides(tmp_path):
    """The same listing, clashes included, whatever comes first."""
    folders = [tmp_path / name for name in "abc"]
    for folder, name in zip(folders, ("one-pkg", "two-pkg", "six-pkg"), strict=True):
        declare(folder, name, {"same": f"{name[:3]}:X", f"own_{name[:3]}": "m:X"})

    answers = {
        python(LISTING, *order, env={"PYTHONHASHSEED": seed}).stdout
        for order in (folders, folders[::-1])
        for seed in ("0", "1", "42")
    }

    assert len(answers) == 1
    names = answers.pop().split()
    own = {name for name in names if name.startswith("own_") or "/" in name}
    assert own == {
        *("one-pkg/same", "two-pkg/same", "six-pkg/same"),
        *("own_one", "own_two", "own_six"),
    }


def test_equal_targets_declared_twice_collapse(site):
    """A name that is declared and hooked with one target is one contribution."""
    install(
        site,
        "twice",
        {
            "kerasplug.layers": {"twice_gate": "twice_mod:Thing"},
            "kerasplug": {"twice": "twice_hooks"},
        },
        modules={"twice_hooks.py": HOOKS.format(name="twice_gate", module="twice_mod")},
    )

    assert kerasplug.layers.record("twice_gate").summary == "hooked"
    assert info("twice").state != "faulty"


def test_different_targets_under_one_name_are_that_plugins_fault(site):
    """Neither target wins; the rest of the plugin works."""
    install(
        site,
        "torn",
        {
            "kerasplug.layers": {"torn_gate": "torn_a:Thing", "torn_ok": "torn_a:Ok"},
            "kerasplug": {"torn": "torn_hooks"},
        },
        modules={"torn_hooks.py": HOOKS.format(name="torn_gate", module="torn_b")},
    )

    assert "torn_ok" in kerasplug.layers
    with pytest.raises(PluginError, match="torn_a:Thing") as caught:
        kerasplug.layers["torn_gate"]
    assert caught.value.plugin == "torn"
    assert info("torn").state == "faulty"


def test_an_unknown_name_is_a_key_error_with_close_names(site):
    """What resembles the name is offered."""
    declare(site, "close-pkg", {"gated_closely": "m:G"})

    with pytest.raises(KeyError) as caught:
        kerasplug.layers["gated_closly"]

    assert isinstance(caught.value, UnknownNameError)
    assert "gated_closely" in caught.value.close
    assert "gated_closely" in str(caught.value)


def test_every_error_of_the_registry_is_kerasplugs(site):
    """One `except KerasplugError` catches all that can happen with a name."""
    declare(site, "errs", {"errs_gate": "errs_nowhere:G"})

    for name in ("errs_gate", "no_such", "errs/no_such"):
        with pytest.raises(KerasplugError):
            kerasplug.layers[name]
