"""Hooks that are told what happens: who is called, and in which order."""

import json
import sys
import textwrap

import pytest
from fakes import info, install, python, settle

import kerasplug
from kerasplug.errors import PluginError
from kerasplug.hooks import HOOK_API_VERSION
from kerasplug.registry import index
from kerasplug.registry.calling import call_hook

#: A hook module that says its own name when a seed was set.
AFTER = """
    from kerasplug import hookimpl

    @hookimpl{options}
    def kerasplug_after_seed({arguments}):
        {body}
"""
#: Prints the answers of our plugins, and which of their modules are imported.
CALL = """
    import json, sys
    from kerasplug.registry.calling import call_hook
    answers = [
        [one.plugin, one.value, one.fault and one.fault.cause]
        for one in call_hook("kerasplug_after_seed", seed=7)
        if one.plugin.startswith("lc-")
    ]
    loaded = sorted(name for name in sys.modules if name.startswith("lc_"))
    print(json.dumps({"answers": answers, "loaded": loaded}))
"""


def plugin(folder, name, body="return 'done'", *, arguments="", options="", **more):
    """Install the distribution `lc-NAME`: one lifecycle hook and nothing else."""
    source = AFTER.format(options=options, arguments=arguments, body=body)
    module = f"lc_{name}"
    points = {"kerasplug": {f"{name}-hooks": module}}
    return install(
        folder, f"lc-{name}", points, modules={f"{module}.py": source}, **more
    )


def call(folder, **env):
    """What a fresh process says that calls the hook."""
    return json.loads(python(CALL, folder, env=env).stdout)


def ours(answers):
    """(plugin, value) of the answers of plugins of these tests."""
    return [(one.plugin, one.value) for one in answers if one.plugin.startswith("lc-")]


def test_only_those_who_implement_a_hook_are_imported(tmp_path):
    """A call imports the hook modules that the index names for it, and no others."""
    plugin(tmp_path, "told")
    before = "@hookimpl\n    def kerasplug_before_seed(): pass"
    source = "from kerasplug import hookimpl\n" + before.replace("\n    ", "\n")
    for name, text in {"silent": source, "records": "", "bare": ""}.items():
        module = f"lc_{name}"
        points = {"kerasplug": {module: module}}
        install(tmp_path, f"lc-{name}", points, modules={f"{module}.py": text})
    install(tmp_path, "lc-declared", {"kerasplug.layers": {"g": "lc_declared:G"}})
    settle(tmp_path)

    for _ in ("the index is made", "the index is read"):
        said = call(tmp_path)
        assert said == {"answers": [["lc-told", "done", None]], "loaded": ["lc_told"]}


def test_listing_neither_calls_nor_imports(tmp_path):
    """A lifecycle hook is not run by those who ask what is installed."""
    plugin(tmp_path, "told", "raise SystemExit('I RAN')")
    code = """
        import sys, kerasplug
        list(kerasplug.layers)
        (one,) = [one for one in kerasplug.plugins() if one.name == "lc-told"]
        print(one.state, one.faults, one.names, one.hooks, "lc_told" in sys.modules)
    """

    out = python(code, tmp_path).stdout

    assert out.strip() == "active () {} ('kerasplug_after_seed',) False"


def test_a_plugin_with_nothing_but_a_hook_is_a_plugin(tmp_path):
    """The commands show it, with its hooks, and find nothing wrong with it."""
    plugin(tmp_path, "told", metadata="Summary: Tells.\n")
    command = "import sys; from kerasplug.cli import main; sys.exit(main({}))"

    def said(*arguments):
        return python(command.format(list(arguments)), tmp_path).stdout

    sections = json.loads(said("doctor", "--json"))["sections"]

    assert "kerasplug_after_seed" in said("show", "lc-told")
    assert "kerasplug_after_seed" in said("show", "lc-told", "--json")
    assert [
        one["level"]
        for found in sections.values()
        for one in found
        if "lc-told" in one["about"]
    ] == ["ok"]


def test_the_order_is_that_of_names_within_first_and_last(site):
    """Neither `sys.path` nor the time of installation decides who comes first."""
    plugin(site, "a", options="(trylast=True)")
    plugin(site, "d", options="(tryfirst=True)")
    for name in ("c", "b"):
        plugin(site, name)

    for _ in range(2):
        answers = ours(call_hook("kerasplug_after_seed", seed=7))
        assert [name for name, _ in answers] == ["lc-d", "lc-b", "lc-c", "lc-a"]


def test_an_implementation_takes_the_arguments_that_it_wants(site):
    """What a specification offers may be left out."""
    plugin(site, "with", "return f'seed {seed}'", arguments="seed")
    plugin(site, "without")

    answers = ours(call_hook("kerasplug_after_seed", seed=7))

    assert answers == [("lc-with", "seed 7"), ("lc-without", "done")]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("raise ValueError('no seed today')", "ValueError: no seed today"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("return 3", "returned 3"),
        ("return ['one', 2]", "returned ['one', 2]"),
        ("yield 'one'; raise ValueError('later')", "ValueError: later"),
    ],
)
def test_what_a_plugin_does_wrong_is_its_own_fault(site, body, cause):
    """The answer says what went wrong, where, and the mend; the others are called."""
    plugin(site, "ill", body)
    plugin(site, "sound")

    answers = [
        one
        for one in call_hook("kerasplug_after_seed", seed=7)
        if one.plugin.startswith("lc-")
    ]

    assert ours(answers) == [("lc-ill", None), ("lc-sound", "done")]
    fault = answers[0].fault
    assert cause in fault.cause
    assert fault.what == "the hook kerasplug_after_seed of lc-ill failed"
    assert "lc_ill.py" in fault.trace + fault.cause
    assert fault.mend
    assert answers[1].fault is None


def test_a_module_that_can_not_be_imported_any_more_is_a_fault(site):
    """What the index says of a module holds until somebody needs it."""
    plugin(site, "gone")
    assert info("lc-gone").hooks == ("kerasplug_after_seed",)
    (site / "lc_gone.py").unlink()

    (answer,) = [
        one
        for one in call_hook("kerasplug_after_seed", seed=7)
        if one.plugin == "lc-gone"
    ]

    assert "ModuleNotFoundError" in answer.fault.cause
    assert "--force-reinstall lc-gone" in answer.fault.mend


def test_ctrl_c_ends_the_call(site):
    """Ctrl-C is nobody's fault."""
    plugin(site, "slow", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        call_hook("kerasplug_after_seed", seed=7)


def test_an_empty_list_says_nothing(site):
    """Nothing to say is one thing, however a plugin says it."""
    plugin(site, "empty", "return []")

    assert ours(call_hook("kerasplug_after_seed", seed=7)) == [("lc-empty", None)]


def test_lazy_answers_are_read_to_their_end(site):
    """What a plugin yields is in the answer, so that nothing runs later."""
    plugin(site, "lazy", "yield 'one'; yield str(seed)", arguments="seed")

    assert ours(call_hook("kerasplug_after_seed", seed=7)) == [
        ("lc-lazy", ("one", "7"))
    ]


@pytest.mark.parametrize(
    "switch",
    [
        {"KERASPLUG_DISABLE": "lc-off"},
        {"KERASPLUG_DISABLE": "off-hooks"},
        {"KERASPLUG_ONLY": "lc-on"},
    ],
    ids=str,
)
def test_what_is_switched_off_is_neither_called_nor_imported(tmp_path, switch):
    """A switch acts before any code of the plugin runs."""
    for name in ("on", "off"):
        plugin(tmp_path, name)
    settle(tmp_path)

    assert len(call(tmp_path)["answers"]) == 2
    assert call(tmp_path, **switch) == {
        "answers": [["lc-on", "done", None]],
        "loaded": ["lc_on"],
    }


def test_what_is_blocked_is_not_called(site):
    """`blocked` holds for plugins that are installed and for those of this process."""
    plugin(site, "installed")
    with kerasplug.register(Own(), name="lc-own"):
        assert len(ours(call_hook("kerasplug_after_seed", seed=7))) == 2
        with kerasplug.blocked("lc-installed"):
            assert ours(call_hook("kerasplug_after_seed", seed=7)) == [("lc-own", "7")]
        with kerasplug.blocked("lc-own"):
            assert ours(call_hook("kerasplug_after_seed", seed=7)) == [
                ("lc-installed", "done")
            ]
        with kerasplug.blocked("all"):
            assert call_hook("kerasplug_after_seed", seed=7) == []


@pytest.mark.parametrize("state", ["quarantined", "faulty", "incompatible"])
def test_what_does_not_work_is_not_called(tmp_path, state):
    """A plugin that is broken, or needs what is not here, is not called."""
    plugin(tmp_path, "sound")
    plugin(tmp_path, "ill")
    with (tmp_path / "lc_ill.py").open("a") as file:
        if state == "quarantined":
            file.write("\nimport os; os._exit(3)\n")
        elif state == "faulty":
            file.write("\n1 / 0\n")
        else:
            text = "\nMetadata-Version: 2.1\nName: lc-ill\nRequires-Dist: keras<1\n"
            info_file = tmp_path / "lc_ill-1.0.dist-info" / "METADATA"
            info_file.write_text(text.strip(), encoding="utf-8")
    code = (
        "import kerasplug\n"
        "print(*[one.state for one in kerasplug.plugins() if one.name == 'lc-ill'])"
    )
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    assert python(code, tmp_path, env=cache).stdout.strip() == state
    assert call(tmp_path, **cache) == {
        "answers": [["lc-sound", "done", None]],
        "loaded": ["lc_sound"],
    }


class Own:
    """A plugin of this process."""

    @kerasplug.hookimpl
    def kerasplug_after_seed(self, seed):
        """What was seeded."""
        return str(seed)


def test_a_registered_plugin_is_called_until_it_is_taken_away():
    """An object with nothing but a lifecycle hook can be registered."""
    own = Own()
    with kerasplug.register(own, name="lc-own"):
        assert info("lc-own").state == "active"
        assert ours(call_hook("kerasplug_after_seed", seed=7)) == [("lc-own", "7")]
        assert ours(call_hook("kerasplug_before_seed", seed=7)) == []
    assert ours(call_hook("kerasplug_after_seed", seed=7)) == []


def test_a_plugin_that_calls_the_hook_itself_is_not_called_again():
    """Setting a seed within a hook of setting a seed comes to an end."""

    class Again:
        """A plugin that sets off what it is told of."""

        @kerasplug.hookimpl
        def kerasplug_after_seed(self):
            """The others, told twice."""
            return [
                value for _, value in ours(call_hook("kerasplug_after_seed", seed=8))
            ]

    with (
        kerasplug.register(Again(), name="lc-again"),
        kerasplug.register(Own(), name="lc-own"),
    ):
        answers = ours(call_hook("kerasplug_after_seed", seed=7))

    assert answers == [("lc-again", ("8",)), ("lc-own", "7")]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ("seeds", "", "does not fit its specification"),
        ("seed=0", "", "does not fit its specification"),
        ("**seeds", "", "does not fit its specification"),
        ("", "(wrapper=True)", "is a wrapper"),
        ("", "(hookwrapper=True)", "is a wrapper"),
    ],
)
def test_an_implementation_that_could_not_be_called_is_refused(
    site, arguments, options, words
):
    """What would never get its argument, or would hide others' answers, is a fault."""
    body = "yield" if options else "return ''"
    plugin(site, "wrong", body, arguments=arguments, options=options)

    (fault,) = info("lc-wrong").faults

    assert words in fault.cause
    assert "lc_wrong.py" in fault.cause
    assert fault.mend
    assert ours(call_hook("kerasplug_after_seed", seed=7)) == []
    if options:

        class Wraps:
            """The same, registered by hand."""

            @kerasplug.hookimpl(wrapper=True)
            def kerasplug_after_seed(self):
                """Nothing."""
                return (yield)

        with pytest.raises(PluginError, match="is a wrapper"):
            kerasplug.register(Wraps())


def test_what_importing_changes_is_undone_and_what_a_hook_changes_stays(
    site, monkeypatch, capsys
):
    """A hook may set something in this process, its module's import may not."""
    monkeypatch.setenv("LC_HOOK", "")
    body = "import os; os.environ['LC_HOOK'] = 'set'; print('hooked')"
    plugin(site, "sets", body)
    with (site / "lc_sets.py").open("a") as file:
        file.write("\nimport os; os.environ['LC_IMPORT'] = 'set'; print('imported')\n")

    call_hook("kerasplug_after_seed", seed=7)

    import os

    assert "LC_IMPORT" not in os.environ
    assert os.environ["LC_HOOK"] == "set"
    assert capsys.readouterr().out == "hooked\n"
    assert "lc_sets" in sys.modules


def test_an_index_of_another_hook_api_is_not_believed(tmp_path):
    """A hook that an older kerasplug did not know is known once that is updated."""
    site = tmp_path / "site"
    plugin(site, "early")
    settle(site)
    older = """
        import kerasplug.registry.hooked as hooked
        from kerasplug.hooks import lifecycle
        from kerasplug.registry import index
        index._HOOK_API = "1"
        hooked.SPEC_MODULES = tuple(
            one for one in hooked.SPEC_MODULES if one is not lifecycle
        )
    """
    code = """
        import sys, kerasplug
        (one,) = [one for one in kerasplug.plugins() if one.name == "lc-early"]
        asked = "kerasplug.registry.asking" in sys.modules
        print(one.hooks, *one.reports, "asked" if asked else "known")
    """
    unknown = "() the hook kerasplug_after_seed is not known to this version"
    env = {
        "KERASPLUG_ASK_HERE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # in `site`, which is to stay settled
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def said(*programs):
        text = "".join(map(textwrap.dedent, programs))
        return python(text, site, env=env).stdout.strip()

    for end in ("asked", "known"):
        found = said(older, code)
        assert found.startswith(unknown)
        assert found.endswith(end)
    for end in ("asked", "known"):
        assert said(code) == f"('kerasplug_after_seed',) {end}"


def test_the_index_is_of_the_present_hook_api():
    """The index names the version of the hooks without importing them."""
    assert str(HOOK_API_VERSION) == index._HOOK_API
