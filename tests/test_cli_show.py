"""`kerasplug show` and `kerasplug why`: one name, and all that is to be said of it."""

import pytest
from cli_kit import Shop
from fakes import declare, install

RECORDS = """
    from kerasplug import BackendRecord, DatasetRecord, LayerRecord, Needs, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(
            name="rich", target="full_mod:Rich", registered_name="full>Rich",
            aliases=("old>Rich",), summary="with all fields",
            needs=Needs(packages=("packaging>=1", "no-such-thing>=9"), python=">=3.11"),
        )]

    @hookimpl
    def kerasplug_datasets():
        return [DatasetRecord(
            name="rich", target="full_mod:load", shapes=((6, 2), (6,), (2, 2), (2,)),
        )]

    @hookimpl
    def kerasplug_backends():
        return [BackendRecord(name="toy", target="full_mod:Toy", install=("toy>=1",))]
"""


@pytest.fixture
def shop(tmp_path):
    """A shop with a plugin that says much, and one that contradicts itself."""
    made = Shop(tmp_path)
    install(
        made.site,
        "full",
        {"kerasplug": {"full": "full_hooks"}},
        version="2.1",
        modules={"full_hooks.py": RECORDS, "full_mod.py": "raise SystemExit('used')"},
        metadata="Summary: a full plugin\n",
    )
    made.clash()
    groups = {
        "kerasplug.layers": {"torn": "torn_mod:A"},
        "kerasplug": {"torn": "torn_hooks"},
    }
    source = """
        from kerasplug import LayerRecord, hookimpl

        @hookimpl
        def kerasplug_layers():
            return [LayerRecord(name="torn", target="torn_mod:B")]
    """
    install(made.site, "torn", groups, modules={"torn_hooks.py": source})
    return made


# --- show ---


def test_show_tells_everything_of_a_thing(shop):
    """Kind, names, target, plugin, location, registered name, aliases, needs."""
    said = shop.run("show", "full/rich", "--kind", "layer")

    assert said.code == 0, said.err
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == "layer full/rich"
    assert "summary: with all fields" in lines
    assert "plugin: full 2.1" in lines
    assert f"location: {shop.site / 'full-2.1.dist-info'}" in lines
    assert "told by: hook module full_hooks" in lines
    assert "target: full_mod:Rich" in lines
    assert "registered: full>Rich" in lines
    assert "aliases: old>Rich" in lines
    assert "needs: packaging>=1 (met)" in lines
    assert "needs: Python >=3.11 (met)" in lines
    (unmet,) = [line for line in lines if "NOT MET" in line]
    assert "no-such-thing>=9" in unmet
    assert 'mend: python -m pip install "no-such-thing>=9"' in lines


def test_show_gives_every_kind_that_has_the_name(shop):
    """A bare name that two kinds have gives both, each with its kind's own fields."""
    things = shop.run("show", "rich", "--json").data["things"]

    assert [one["kind"] for one in things] == ["layer", "dataset"]
    assert things[1]["fields"]["shapes"] == [[6, 2], [6], [2, 2], [2]]
    assert "  shapes:    (6, 2), (6), (2, 2), (2)\n" in shop.run("show", "rich").out


def test_show_gives_the_fields_of_a_backend(shop):
    """A backend's own fields are among what is shown."""
    (thing,) = shop.run("show", "toy", "--json").data["things"]

    assert thing["fields"]["engine"] == "package"
    assert thing["fields"]["install"] == ["toy>=1"]


@pytest.mark.parametrize("name", ["full", "Full"])
def test_show_tells_everything_of_a_plugin(shop, name):
    """State, summary, location, names by kind and hooks of a distribution."""
    plugin = shop.run("show", name, "--json").data["plugin"]
    out = shop.run("show", name).out

    assert (plugin["name"], plugin["version"], plugin["state"]) == (
        *("full", "2.1"),
        "active",
    )
    assert plugin["names"] == {
        "layer": ["rich"],
        "dataset": ["rich"],
        "backend": ["toy"],
    }
    assert "kerasplug_backends" in plugin["hooks"]
    assert out.startswith("plugin full 2.1\n")
    assert "a full plugin" in out


def test_show_tells_what_is_broken_about_a_plugin(shop):
    """A faulty plugin has cause and mend, on demand its traceback; exit code 1."""
    shop.ill()

    plain, traced = shop.run("show", "ill"), shop.run("show", "ill", "--trace")

    assert (plain.code, traced.code) == (1, 1)
    for said in (plain, traced):
        assert "faulty" in said.out
        assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in said.out
        assert "mend:" in said.out
    assert "Traceback (most recent call last):" not in plain.out
    assert "    Traceback (most recent call last):\n" in traced.out
    (fault,) = shop.run("show", "ill", "--json").data["plugin"]["faults"]
    assert "Traceback" in fault["trace"]


def test_show_of_an_ambiguous_name_ends_with_2(shop):
    """A bare name that two distributions have is an error that names both."""
    said = shop.run("show", "wanted", "--json")

    assert said.code == 2
    assert said.data["error"]["type"] == "AmbiguousNameError"
    assert said.data["error"]["claims"] == ["first/wanted", "second/wanted"]
    assert "first/wanted, second/wanted" in said.err
    assert shop.run("show", "first/wanted").code == 0


def test_show_of_a_torn_name_says_who_is_at_fault(shop):
    """A name for which one plugin gives two targets is that plugin's error."""
    said = shop.run("show", "torn/torn")

    assert (said.code, said.out) == (1, "")
    assert "torn_mod:A" in said.err
    assert "torn_mod:B" in said.err


def test_show_imports_nothing_of_a_plugin(shop):
    """The targets' module is not imported: it would end the process."""
    assert "used" not in shop.run("show", "rich").err
    assert shop.run("why", "rich").code == 0


# --- why ---


def test_why_says_who_provides_a_name_and_what_it_imports(shop):
    """Provider, needs, module with its file, and the Keras that it would get."""
    answer = shop.run("why", "full/rich", "--kind", "layers", "--json").data

    (one,) = answer["providers"]
    assert (one["canonical"], one["version"]) == ("full/rich", "2.1")
    assert one["told_by"] == "hook module full_hooks"
    assert one["imports"] == {
        "module": "full_mod",
        "state": "found",
        "file": str(shop.site / "full_mod.py"),
        "missing": "",
    }
    assert [need["met"] for need in one["needs"]] == [True, False, True]
    assert answer["others"] == []


@pytest.mark.parametrize(
    ("variables", "implementation", "because", "backend", "where"),
    [
        (
            {"KERAS_BACKEND": "jax"},
            "keras",
            "what is installed",
            "jax",
            "KERAS_BACKEND",
        ),
        (
            {"KERASPLUG_IMPLEMENTATION": "tf_keras", "KERAS_BACKEND": ""},
            *("tf_keras", "KERASPLUG_IMPLEMENTATION", "tensorflow", "no other"),
        ),
        (
            {"KERAS_BACKEND": ""},
            *("tensorflow", "what is installed", "tensorflow", "the default"),
        ),
    ],
)
def test_why_says_which_keras_and_who_chose_it(
    shop, variables, implementation, because, backend, where
):
    """Implementation and backend come with what decided about them."""
    keras = shop.run("why", "toy", "--json", **variables).data["keras"]

    assert (keras["implementation"], keras["backend"]) == (implementation, backend)
    assert because in keras["because"]
    assert where in keras["configured_by"]


def test_why_says_that_a_module_is_missing(shop):
    """A target whose module has no file is said to be so, with its mend."""
    said = shop.run("why", "first/wanted")

    assert said.code == 0
    assert "first_mod (NOT FOUND)" in said.out
    assert "pip install --force-reinstall first" in said.out


def test_why_names_all_who_claim_a_name(shop):
    """A contested bare name: the answer has both, the exit code is 2."""
    said = shop.run("why", "wanted")
    answer = shop.run("why", "wanted", "--json")

    assert (said.code, answer.code) == (2, 2)
    assert "layer first/wanted" in said.out
    assert "layer second/wanted" in said.out
    assert "ask for one of first/wanted, second/wanted" in said.out
    assert answer.data["ambiguous"] == ["first/wanted", "second/wanted"]


def test_why_names_who_is_switched_off(shop):
    """A plugin that would provide the name but is off is told with the switch."""
    said = shop.run("why", "wanted", KERASPLUG_DISABLE="second")

    assert said.code == 0
    assert "layer first/wanted" in said.out
    assert "not from second 1.0" in said.out
    assert "switched off by KERASPLUG_DISABLE" in said.out
    assert "unset KERASPLUG_DISABLE" in said.out


def test_why_names_who_contradicts_itself(shop):
    """A name that nobody gets, since its plugin gives two targets, is explained."""
    answer = shop.run("why", "torn", "--json")

    assert answer.code == 0
    assert answer.data["providers"] == []
    assert {one["target"] for one in answer.data["others"]} == {
        "torn_mod:A",
        "torn_mod:B",
    }
    assert "nobody provides it" in shop.run("why", "torn").out


def test_why_names_who_wrote_it_wrongly(shop):
    """A malformed entry point of that name is told as what it is."""
    declare(shop.site, "bent", {"bent_gate": "no target at all!"})

    said = shop.run("why", "bent_gate")

    assert "not from bent 1.0" in said.out
    assert "malformed" in said.out


def test_why_names_who_can_not_be_asked(shop):
    """Broken and switched-off plugins that may have the name, too, are told of."""
    shop.ill()
    declare(shop.site, "plain", {"plain_gate": "plain_mod:G"})

    variables = {"KERASPLUG_DISABLE": "full,plain"}
    answer = shop.run("why", "first/wanted", "--json", **variables).data

    assert answer["in_doubt"] == [
        "full is switched off and may provide it",
        "ill is broken and may provide it",
    ]
    assert "ill is broken and may provide it" in shop.run("why", "wanted").out


def test_why_tells_what_else_is_wrong_with_the_provider(shop):
    """A thing that works, of a plugin that is faulty elsewhere, is told as such."""
    groups = {
        "kerasplug": {"partly": "partly_hooks"},
        "kerasplug.layers": {"partly_gate": "partly_mod:G"},
    }
    modules = {"partly_hooks.py": "1 / 0", "partly_mod.py": "class G: pass"}
    install(shop.site, "partly", groups, modules=modules)

    (one,) = shop.run("why", "partly_gate", "--json").data["providers"]

    assert one["faults"] == ["the hook module partly_hooks of partly failed"]
    assert "its fault:" in shop.run("why", "partly_gate").out


def test_why_sends_plugins_names_to_show(shop):
    """A distribution is no name of a thing; the error says who can tell."""
    said = shop.run("why", "full")

    assert (said.code, said.out) == (2, "")
    assert "kerasplug show full" in said.err


def test_why_says_who_might_have_a_name(shop):
    """An unknown name is an error that mentions broken and switched-off plugins."""
    shop.ill()

    said = shop.run("why", "whatever", KERASPLUG_DISABLE="full")

    assert said.code == 2
    assert "ill is broken and may provide it" in said.err
    assert "full is switched off and may provide it" in said.err
