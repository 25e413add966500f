"""What a plugin says too new, needs in vain, or asks while it is asked.

What it breaks is in `test_installed_faults.py`, `test_claim_faults.py` and
`test_quarantine.py`.
"""

import sys

import pytest
from fakes import declare, info, install

import kerasplug
from kerasplug.errors import NeedsError


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
