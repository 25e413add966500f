"""What a plugin does wrong, or does too new, hurts nobody else."""

import sys

import pytest
from fakes import declare, info, install

import kerasplug
from kerasplug.errors import (
    NeedsError,
    PluginError,
)


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
