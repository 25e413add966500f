"""Discovery, names, clashes, faults and switches, with installed distributions."""

import sys
from pathlib import Path

import pytest
from fakes import install, python, settle

import kerasplug
from kerasplug import registry
from kerasplug.errors import (
    AmbiguousNameError,
    KerasplugError,
    NeedsError,
    PluginError,
    UnknownNameError,
)

HOOKS = """
    from kerasplug import LayerRecord, ObjectRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(name="{name}", target="{module}:Thing", summary="hooked")]
"""
LISTING = "import kerasplug; print(*kerasplug.layers)"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on `sys.path`, empty and settled."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def declare(site, name, layers, **options):
    """Install a distribution that declares layers."""
    return install(site, name, {"kerasplug.layers": layers}, **options)


def info(name):
    """What `plugins()` says of one plugin."""
    return next(one for one in kerasplug.plugins() if one.name == name)


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


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nowhere_to_be_found", "nowhere_to_be_found"),
        ("raise SystemExit(3)", "SystemExit"),
        ("def broken(:", "SyntaxError"),
        ("class E(BaseException): pass\nraise E('own')", "own"),
        (
            (
                "from kerasplug import hookimpl\n@hookimpl\ndef kerasplug_layers():\n"
                "    yield from ()\n    raise ValueError('half-way')"
            ),
            "half-way",
        ),
        (
            (
                "from kerasplug import hookimpl\n@hookimpl\ndef kerasplug_layers():\n"
                "    return 3"
            ),
            "returned int",
        ),
        (
            (
                "from kerasplug import hookimpl\n@hookimpl\ndef kerasplug_layers():\n"
                "    return [{'name': 'x'}]"
            ),
            "expected LayerRecord",
        ),
        (
            (
                "from kerasplug import LayerRecord, hookimpl\n@hookimpl\n"
                "def kerasplug_layers():\n"
                "    return [LayerRecord(name='', target='a:b')]"
            ),
            "Invalid value received for argument `name`",
        ),
        (
            (
                "from kerasplug import hookimpl\n@hookimpl\n"
                "def kerasplug_layers(config):\n    return []"
            ),
            "does not fit its specification",
        ),
    ],
    ids=[
        "import",
        "exit",
        "syntax",
        "base-exception",
        "generator",
        "no-iterable",
        "no-record",
        "bad-name",
        "signature",
    ],
)
def test_a_broken_hook_module_hurts_nobody_else(site, source, words):
    """The others work, the fault says plugin, cause, trace and mend, use raises."""
    declare(site, "healthy", {"healthy_gate": "m:G"})
    install(
        site,
        "ill",
        {"kerasplug": {"ill": "ill_hooks"}, "kerasplug.layers": {"ill_gate": "m:G"}},
        modules={"ill_hooks.py": source},
        version="0.3",
    )

    assert "healthy_gate" in kerasplug.layers
    ill = info("ill")
    assert ill.state == "faulty"
    (fault,) = ill.faults
    assert (fault.plugin, fault.version) == ("ill", "0.3")
    assert words in fault.cause
    assert words in fault.trace
    assert fault.mend
    with pytest.raises(PluginError, match="ill") as caught:
        kerasplug.layers["ill/anything"]
    assert caught.value.__cause__ is fault.error


def test_a_wrong_signature_is_reported_with_file_and_line(site):
    """The author finds the line at once."""
    source = "from kerasplug import hookimpl\n\n\n@hookimpl\ndef kerasplug_layers(x): 0"
    install(
        site,
        "sign",
        {"kerasplug": {"s": "sign_hooks"}},
        modules={"sign_hooks.py": source},
    )

    (fault,) = info("sign").faults

    assert f"{site / 'sign_hooks.py'}:4" in fault.cause
    assert "kerasplug_layers()" in fault.cause


def test_what_a_newer_plugin_says_is_reported_and_not_fatal(site):
    """Unknown hooks, fields and API versions are reports; the plugin works."""
    source = """
        from kerasplug import LayerRecord, hookimpl

        KERASPLUG_HOOK_API = 99

        @hookimpl
        def kerasplug_layer():
            return []

        @hookimpl
        def kerasplug_layers():
            return [LayerRecord(name="new_gate", target="m:G", colour="green")]
    """
    install(
        site,
        "newer",
        {"kerasplug": {"n": "newer_hooks"}, "kerasplug.gadgets": {"x": "m:G"}},
        modules={"newer_hooks.py": source},
    )

    assert "new_gate" in kerasplug.layers
    newer = info("newer")
    text = "\n".join(newer.reports)
    assert newer.faults == ()
    assert "hook API 99" in text
    assert "did you mean kerasplug_layers?" in text
    assert "'colour'" in text
    assert "kerasplug.gadgets" in text


@pytest.mark.parametrize("value", ["nonsense value!", "module_only", ":x", ""])
def test_a_malformed_entry_point_is_reported(site, value):
    """The line is quoted; the plugin's other names work."""
    declare(site, "malformed", {"mal_bad": value, "mal_good": "m:G"})

    assert "mal_good" in kerasplug.layers
    assert "mal_bad" not in kerasplug.layers
    assert any("mal_bad" in line for line in info("malformed").reports)


def test_metadata_that_is_not_utf8_does_no_harm(site):
    """A strange byte in a summary is replaced."""
    folder = declare(site, "latin", {"latin_gate": "m:G"})
    (folder / "METADATA").write_bytes(b"Name: latin\nVersion: 1\nSummary: caf\xe9\n")

    assert kerasplug.layers.record("latin_gate").summary.startswith("caf")


def test_a_missing_target_is_the_plugins_error(site):
    """Module, attribute and kind are checked when the thing is used."""
    declare(
        site,
        "lost",
        {
            "lost_module": "lost_nowhere:Gate",
            "lost_attribute": "lost_mod:Gatte",
            "lost_kind": "lost_mod:number",
        },
        modules={"lost_mod.py": "class Gate: pass\nnumber = 3\n"},
    )

    with pytest.raises(PluginError, match="lost_nowhere"):
        kerasplug.layers["lost_module"]
    with pytest.raises(PluginError, match="did its author mean 'Gate'"):
        kerasplug.layers["lost_attribute"]
    with pytest.raises(PluginError, match="subclass of keras' Layer"):
        kerasplug.layers["lost_kind"]


def test_unmet_needs_are_said_before_anything_is_imported(site):
    """The error says what is missing and the command that brings it."""
    declare(
        site,
        "needy",
        {"needy_gate": "needy_mod:Gate"},
        metadata="Requires-Dist: keras>=99\nRequires-Dist: jax<0.0.1\n",
        modules={"needy_mod.py": "raise RuntimeError('imported')"},
    )

    assert info("needy").state == "incompatible"
    with pytest.raises(NeedsError, match=">=99") as caught:
        kerasplug.layers["needy_gate"]
    assert "pip install" in caught.value.mend
    assert "needy_mod" not in sys.modules


def test_a_requirement_of_an_extra_is_no_need(site):
    """What only an extra asks for does not make a plugin incompatible."""
    declare(
        site,
        "optional",
        {"optional_gate": "m:G"},
        metadata="Requires-Dist: torch>=99; extra == 'gpu'\n",
    )

    assert info("optional").state == "active"


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


def only_ours(tmp_path):
    """A folder that holds kerasplug and nothing else, settled."""
    lib = tmp_path / "lib"
    lib.mkdir()
    root = Path(kerasplug.__file__).parents[1]
    for name in ("kerasplug", "_kerasplug_state.py"):
        (lib / name).symlink_to(root / name)
    return lib


WARM = """
    import sys
    sys.path[:] = [path for path in sys.path if not path.endswith("-packages") and path]
    before = set(sys.modules)
    import kerasplug
    names = [*kerasplug.layers, *kerasplug.callbacks, *kerasplug.datasets]
    print(len(names))
    print(*sorted(set(sys.modules) - before))
"""


def test_a_warm_listing_imports_nothing_but_the_light_registry(tmp_path):
    """No Keras, no third party, none of the dearer standard modules."""
    site, lib = tmp_path / "site", only_ours(tmp_path)
    for number in range(5):
        declare(site, f"many-{number}", {f"many_{number}": "many_mod:G"})
    settle(site, lib)
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "KERASPLUG_NO_CACHE": ""}

    cold, warm = (python(WARM, site, lib, env=env).stdout.split() for _ in "cw")

    assert cold[0] == warm[0] == "5"
    assert "kerasplug.registry.scan" in cold
    assert set(warm[1:]) == {
        *("kerasplug", "_kerasplug_state", "kerasplug.catalog", "kerasplug.config"),
        "kerasplug.errors",
        *("kerasplug.files", "kerasplug.registry", "kerasplug.registry.parts"),
        *("kerasplug.registry.discovery", "kerasplug.registry.index"),
        "kerasplug.registry.listing",
        *("kerasplug.registry.paths", "kerasplug.registry.session"),
        *("kerasplug.registry.switches", "kerasplug.registry.overview", "zlib"),
    }


def test_a_warm_listing_imports_no_plugin_code(tmp_path):
    """What hook modules said is read from the index."""
    site = tmp_path / "site"
    for number in range(3):
        source = HOOKS.format(name=f"hooked_{number}", module="m")
        install(
            site,
            f"hooks-{number}",
            {"kerasplug": {"hooks": f"warm_hooks_{number}"}},
            modules={f"warm_hooks_{number}.py": source},
        )
    settle(site)
    code = """
        import sys, kerasplug
        print(*[name for name in kerasplug.layers if name.startswith("hooked_")])
        print(*[name for name in sys.modules if name.startswith("warm_hooks")])
        record = kerasplug.layers.record("hooked_1")
        print(record.target, record.summary)
    """
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "KERASPLUG_NO_CACHE": ""}

    cold, warm = (python(code, site, env=env).stdout.splitlines() for _ in "cw")

    assert cold[0] == warm[0] == "hooked_0 hooked_1 hooked_2"
    assert cold[1] == "warm_hooks_0 warm_hooks_1 warm_hooks_2"
    assert warm[1] == ""
    assert cold[2] == warm[2] == "m:Thing hooked"


def test_volatile_hook_modules_are_asked_each_time(tmp_path):
    """A module that says that its answer depends on more is never cached."""
    source = """
        import os
        from kerasplug import LayerRecord, hookimpl

        KERASPLUG_VOLATILE = True

        @hookimpl
        def kerasplug_layers():
            return [LayerRecord(name="v_" + os.environ["V"], target="m:G")]
    """
    site = tmp_path / "site"
    install(
        site, "vol", {"kerasplug": {"v": "vol_hooks"}}, modules={"vol_hooks.py": source}
    )
    settle(site)
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    for value in ("one", "two"):
        assert f"v_{value}" in python(LISTING, site, env={**env, "V": value}).stdout


def test_an_edited_hook_module_is_asked_again(tmp_path):
    """The index knows the source's time and size."""
    site = tmp_path / "site"
    file = site / "edit_hooks.py"
    install(
        site,
        "edit",
        {"kerasplug": {"e": "edit_hooks"}},
        modules={"edit_hooks.py": HOOKS.format(name="before_edit", module="m")},
    )
    settle(site)
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = python(LISTING, site, env=env).stdout

    file.write_text(file.read_text().replace("before_edit", "after_editing"))
    settle(site)
    second = python(LISTING, site, env=env).stdout

    assert "before_edit" in first
    assert "after_editing" in second
    assert "before_edit" not in second


@pytest.mark.parametrize("where", ["import", "hook"])
def test_a_plugin_that_asks_while_it_is_asked_sees_the_others(site, where):
    """It finds all other plugins, and afterwards it is in the catalog itself."""
    asking = "seen = list(kerasplug.layers)"
    source = f"""
        import kerasplug
        {asking if where == "import" else ""}

        @kerasplug.hookimpl
        def kerasplug_layers():
            {asking if where == "hook" else "global seen"}
            return [kerasplug.LayerRecord(name="asking_{where}", target="m:G",
                    summary=" ".join(seen))]
    """
    declare(site, "other", {"other_gate": "m:G"})
    module = f"asking_{where}_hooks"
    install(
        site,
        f"asking-{where}",
        {"kerasplug": {"a": module}},
        modules={f"{module}.py": source},
    )

    assert f"asking_{where}" in kerasplug.layers
    assert "other_gate" in kerasplug.layers.record(f"asking_{where}").summary
    assert info(f"asking-{where}").faults == ()


def test_every_error_of_the_registry_is_kerasplugs(site):
    """One `except KerasplugError` catches all that can happen with a name."""
    declare(site, "errs", {"errs_gate": "errs_nowhere:G"})

    for name in ("errs_gate", "no_such", "errs/no_such"):
        with pytest.raises(KerasplugError):
            kerasplug.layers[name]
