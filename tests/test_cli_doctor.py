"""`kerasplug doctor`: what it finds, how it says to mend it, and what it releases."""

import sys
from pathlib import Path

import pytest
from bare import bare, put, put_keras
from cli_kit import Said, Shop
from fakes import HOOKS, declare, install

from kerasplug.cli import doctor
from kerasplug.cli.findings import LEVELS, Finding


@pytest.fixture
def shop(tmp_path):
    """An empty shop."""
    return Shop(tmp_path)


def findings(said, section=None):
    """All findings of an answer, or those of one section, as (level, about, what)."""
    sections = said.data["sections"]
    some = [sections[section]] if section else sections.values()
    return [(one["level"], one["about"], one["what"]) for part in some for one in part]


def levels(said, section, about):
    """The levels of the findings about one thing."""
    return [level for level, one, _ in findings(said, section) if one == about]


def test_a_sound_environment_is_ok(shop):
    """Where all is well the doctor looks at six things, breaks nothing, ends with 0."""
    said = shop.run("doctor", "--json")

    assert said.code == 0, said.out
    assert list(said.data["sections"]) == [
        *("environment", "Keras", "backends", "devices", "caches", "plugins")
    ]
    assert said.data["counts"]["broken"] == 0
    assert ("ok", "Keras") in {one[:2] for one in findings(said)}
    assert levels(said, "environment", "pluggy") == ["ok"]
    assert any(sys.executable in what for _, _, what in findings(said, "environment"))


def test_every_finding_has_a_level_and_its_mend(shop):
    """Whatever is not ok has one line that mends it; levels are the four known ones."""
    shop.ill()
    shop.clash()
    declare(shop.site, "needy", {"n": "m:G"}, metadata="Requires-Dist: keras>=99\n")
    declare(shop.site, "off", {"o": "m:G"})
    env = {"KERASPLUG_DISABLE": "off", "KERAS_BACKEND": "torch"}

    said = shop.run("doctor", "--json", **env)

    every = [one for part in said.data["sections"].values() for one in part]
    assert {one["level"] for one in every} == set(LEVELS)
    assert [one for one in every if (one["level"] == "ok") != (one["mend"] == "")] == []
    assert [one for one in every if "\n" in one["mend"]] == []
    counts = said.data["counts"]
    assert sum(counts.values()) == len(every)
    assert counts["broken"] == sum(one["level"] == "broken" for one in every)


def test_people_get_each_finding_and_each_mend(shop):
    """The plain answer has the same findings, one a line, and their mends below."""
    shop.ill()

    data, plain = shop.run("doctor", "--json").data, shop.run("doctor")

    every = [one for part in data["sections"].values() for one in part]
    lines = [" ".join(line.split()) for line in plain.out.splitlines()]
    for one in every:
        assert " ".join([one["level"], one["about"], *one["what"].split()]) in lines
        assert not one["mend"] or f"mend: {one['mend']}" in lines
    assert lines[-1] == ", ".join(f"{n} {level}" for level, n in data["counts"].items())


def test_a_look_that_fails_hides_no_other():
    """An error in the doctor's own look is a finding, and what came before it stays."""

    def look():
        yield Finding("ok", "first", "seen")
        raise ZeroDivisionError

    first, second = doctor._careful("Keras", look())

    assert first == ("ok", "first", "seen", "")
    assert second[:2] == ("broken", "Keras")
    assert "ZeroDivisionError" in second.what
    assert second.mend


# --- plugins ---


def test_a_faulty_plugin_is_broken(shop):
    """A hook module that can't be imported is broken, with its cause; exit code 1."""
    shop.ill()

    said = shop.run("doctor", "--json")

    assert said.code == 1
    (what,) = [what for _, about, what in findings(said) if about == "ill 0.3"]
    assert "nowhere_to_be_found" in what
    assert levels(said, "plugins", "ill 0.3") == ["broken"]


@pytest.mark.parametrize(
    ("metadata", "variables", "words"),
    [
        ("Requires-Dist: keras>=99\n", {}, ">=99 is asked"),
        ("", {"KERASPLUG_DISABLE": "needy"}, "switched off"),
    ],
    ids=["incompatible", "disabled"],
)
def test_what_is_off_or_lacks_something_is_a_warning(shop, metadata, variables, words):
    """A plugin that can't be used here is no fault of anybody: exit code 0."""
    source = "class Gate: pass"
    modules = {"needy_mod.py": source}
    points = {"needy_gate": "needy_mod:Gate"}
    declare(shop.site, "needy", points, metadata=metadata, modules=modules)

    said = shop.run("doctor", "--json", **variables)

    assert said.code == 0
    (what,) = [what for _, about, what in findings(said) if about == "needy 1.0"]
    assert words in what
    assert levels(said, "plugins", "needy 1.0") == ["warning"]


def test_clashes_are_warnings(shop):
    """A name that two plugins have is told, with both names as the mend."""
    shop.clash()

    said = shop.run("doctor", "--json")

    assert levels(said, "plugins", "wanted") == ["warning"]
    (mend,) = [
        one["mend"]
        for one in said.data["sections"]["plugins"]
        if one["about"] == "wanted"
    ]
    assert mend == "ask for one of first/wanted, second/wanted"


def test_reports_are_notes(shop):
    """What is odd but harmless about a plugin is a note."""
    declare(shop.site, "odd", {}, modules={"odd_mod.py": "class G: pass"})
    (shop.site / "odd-1.0.dist-info" / "entry_points.txt").write_text(
        "[kerasplug.layers]\nodd = odd_mod:G\n[kerasplug.gadgets]\nx = m:G\n"
    )

    said = shop.run("doctor", "--json")

    assert said.code == 0
    assert levels(said, "plugins", "odd 1.0") == ["ok", "note"]


def test_targets_without_a_module_are_broken(shop):
    """A module that is not there is seen without importing anything."""
    modules = {"there_mod.py": "raise SystemExit('imported')"}
    points = {"gone": "nowhere_mod:G", "there": "there_mod:G"}
    declare(shop.site, "half", points, modules=modules)

    said = shop.run("doctor", "--json")

    assert said.code == 1
    assert levels(said, "plugins", "half/gone") == ["broken"]
    assert levels(said, "plugins", "half/there") == []


def test_imports_really_imports(shop):
    """With `--imports` what can't be imported is found, also what ends the process."""
    modules = {
        "bad_mod.py": "raise ValueError('at import')",
        "end_mod.py": "import os; os._exit(3)",
        "good_mod.py": "print('noise')\ndef load(): pass",
    }
    groups = {
        "kerasplug.datasets": {
            "bad": "bad_mod:load",
            "end": "end_mod:load",
            "good": "good_mod:load",
        }
    }
    install(shop.site, "risky", groups, modules=modules)
    only = {"KERASPLUG_ONLY": "risky"}

    calm = shop.run("doctor", "--json", **only)
    said = shop.run("doctor", "--imports", "--json", **only)

    assert (calm.code, said.code) == (0, 1)
    assert levels(said, "plugins", "risky/bad") == ["broken"]
    assert levels(said, "plugins", "risky/end") == ["broken"]
    assert levels(said, "plugins", "risky/good") == []
    assert "at import" in said.out


# --- quarantine ---

CRASHING = """
    import os
    if os.path.exists({cured!r}):
        pass
    else:
        os._exit(11)
"""


@pytest.fixture
def crashed(shop, tmp_path):
    """A shop whose plugin `crash` is in quarantine, and what cures it from outside."""
    cured = tmp_path / "cured"
    source = CRASHING.format(cured=str(cured)) + HOOKS.format(
        name="cured_gate", module="os"
    )
    groups = {"kerasplug": {"crash-entry": "crash_hooks"}}
    install(shop.site, "crash", groups, modules={"crash_hooks.py": source})
    assert shop.run("list").code == 0
    return shop, cured


def test_quarantine_is_broken_until_it_is_released(crashed):
    """The doctor names the quarantined plugin and the command that releases it."""
    shop, _ = crashed

    said = shop.run("doctor", "--json")

    assert said.code == 1
    (mend,) = [
        one["mend"]
        for one in said.data["sections"]["plugins"]
        if one["about"] == "crash 1.0"
    ]
    assert "kerasplug doctor --retry crash" in mend
    assert shop.run("show", "crash", "--json").data["plugin"]["state"] == "quarantined"


@pytest.mark.parametrize("name", ["crash", "crash-entry"])
def test_retry_asks_again(crashed, name):
    """`--retry` with the plugin's or the entry point's name: cured, it works again."""
    shop, cured = crashed
    assert "cured_gate" not in shop.run("list").out
    cured.touch()
    assert "cured_gate" not in shop.run("list").out

    said = shop.run("doctor", "--retry", name, "--json")

    assert said.code == 0
    (one,) = findings(said, "quarantine")
    assert one == ("ok", "crash", "released; crash_hooks was asked again and answers")
    assert "cured_gate" in shop.run("list").out


def test_retry_of_what_still_crashes_says_so(crashed):
    """A plugin that crashes again is in quarantine again; exit code 1."""
    shop, _ = crashed

    said = shop.run("doctor", "--retry", "crash", "--json")

    assert said.code == 1
    ((level, about, what),) = findings(said, "quarantine")
    assert (level, about) == ("broken", "crash 1.0")
    assert "quarantined" in what
    assert len(shop.run("cache", "show", "--json").data["quarantine"]) == 1


def test_retry_of_what_is_not_quarantined_changes_nothing(crashed):
    """A known plugin that is not in quarantine is said to be so; exit code 0."""
    shop, _ = crashed
    declare(shop.site, "calm", {"calm": "m:G"})

    said = shop.run("doctor", "--retry", "calm")

    assert said.code == 0
    assert "not in quarantine" in said.out
    assert len(shop.run("cache", "show", "--json").data["quarantine"]) == 1


def test_retry_of_an_unknown_name_changes_nothing(crashed):
    """An unknown name gets close ones and exit code 2; nothing is released."""
    shop, _ = crashed

    said = shop.run("doctor", "--retry", "crash", "--retry", "crahs")

    assert said.code == 2
    assert "did you mean 'crash'" in said.err
    assert len(shop.run("cache", "show", "--json").data["quarantine"]) == 1


# --- Keras, its settings, its backends ---


@pytest.mark.parametrize(
    ("text", "level", "code"),
    [
        ("{no json", "warning", 0),
        ('{"colour": "green"}', "note", 0),
        ('{"floatx": "float99"}', "broken", 1),
    ],
    ids=["unreadable", "unknown key", "wrong value"],
)
def test_keras_json_is_judged_by_what_keras_does(shop, text, level, code):
    """An ignored file is a warning, an unknown key a note, a refused value broken."""
    shop.home.mkdir()
    (shop.home / "keras.json").write_text(text)

    said = shop.run("doctor", "--json")

    assert levels(said, "Keras", "keras.json") == [level]
    assert said.code == code


@pytest.mark.parametrize(
    ("variables", "about", "level", "code"),
    [
        ({"KERASPLUG_IMPLEMENTATION": "nonsense"}, "implementation", "broken", 1),
        ({"KERAS_BACKEND": "no_such_engine"}, "Keras", "warning", 0),
        ({"KERASPLUG_IMPLEMENTATION": "tf_keras"}, "loaders", "warning", 0),
    ],
)
def test_a_keras_that_can_not_be_had_is_found(shop, variables, about, level, code):
    """A wrong wish is broken; a missing backend and loaders with holes are warnings."""
    said = shop.run("doctor", "--json", **variables)

    assert levels(said, "Keras", about) == [level]
    assert said.code == code


def doctor_in(tmp_path, *paths, **variables):
    """What the doctor says in an interpreter that has only these folders."""
    code = "import sys; from kerasplug.cli import main; sys.exit(main())"
    start = "import sys; sys.argv[1:] = ['doctor', '--json']\n"
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
    done = bare(start + code, tmp_path, *paths, env=env, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def test_no_keras_is_a_warning_with_its_mend(tmp_path):
    """Without Keras the doctor ends with 0 and says how to get one."""
    said = doctor_in(tmp_path)

    assert said.code == 0, said.err
    (mend,) = [
        one["mend"] for one in said.data["sections"]["Keras"] if one["about"] == "Keras"
    ]
    assert mend.startswith("python -m pip install")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.10.0", ["warning"]), ("3.12.4", []), ("3.14.0", ["warning"]), ("3.15.1", [])],
)
def test_known_holes_are_told_by_version(tmp_path, version, expected):
    """The loaders of Keras have known holes before 3.15.1, but for 3.12.4 and up."""
    site = put_keras(tmp_path / "keras", version=version)

    said = doctor_in(tmp_path, site, KERAS_BACKEND="torch")

    assert levels(said, "Keras", "loaders") == expected


def test_a_broken_keras_is_broken(tmp_path):
    """Metadata of a Keras whose files are not there: exit code 1."""
    site = put(tmp_path / "keras", "keras", None)

    said = doctor_in(tmp_path, site)

    assert levels(said, "Keras", "Keras") == ["broken"]
    assert said.code == 1


def test_backends_of_plugins_are_looked_at(shop):
    """A plugin's backend is ok, or a warning where its needs are not met."""
    source = """
        from kerasplug import BackendRecord, Needs, hookimpl

        @hookimpl
        def kerasplug_backends():
            needs = Needs(packages=("no-such-engine",))
            place = "engine_hooks:G"
            yield BackendRecord(name="good_engine", target=place)
            yield BackendRecord(name="poor_engine", target=place, needs=needs)
    """
    groups = {"kerasplug": {"e": "engine_hooks"}}
    install(shop.site, "engines", groups, modules={"engine_hooks.py": source})

    said = shop.run("doctor", "--json")

    assert levels(said, "backends", "engines/good_engine") == ["ok"]
    assert levels(said, "backends", "engines/poor_engine") == ["warning"]
    assert levels(said, "backends", "tensorflow") == ["ok"]


@pytest.mark.engine
def test_probing_finds_what_metadata_hide(tmp_path):
    """A Keras whose import fails is seen with `--probe` only."""
    shop = Shop(tmp_path)
    (shop.site / "keras").mkdir()
    (shop.site / "keras" / "__init__.py").write_text("raise ImportError('cracked')")

    calm = shop.run("doctor", "--json", KERAS_BACKEND="jax")
    said = shop.run("doctor", "--probe", "--json", KERAS_BACKEND="jax")

    assert levels(calm, "Keras", "Keras") == ["ok"]
    assert levels(said, "Keras", "Keras") == ["broken"]
    assert (calm.code, said.code) == (0, 1)
    assert "cracked" in said.out


# --- caches ---


def test_a_cache_of_somebody_else_is_broken(shop):
    """A cache folder that others can write is not used, and the doctor says why."""
    shop.run("list")
    folder = shop.cache / "kerasplug"
    folder.chmod(0o777)

    said = shop.run("doctor", "--json")

    assert levels(said, "caches", "kerasplug's cache") == ["broken"]
    assert said.code == 1
    assert f"chmod go-w {folder}" in said.out


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_cache_that_is_no_folder_is_broken(shop, tmp_path, kind):
    """A file or a link in the place of the cache is told."""
    place = shop.cache / "kerasplug"
    shop.cache.mkdir()
    place.touch() if kind == "file" else place.symlink_to(tmp_path)

    said = shop.run("doctor", "--json")

    assert levels(said, "caches", "kerasplug's cache") == ["broken"]
    assert said.code == 1


def test_a_home_of_keras_that_is_no_folder_is_broken(shop):
    """A file in the place of Keras' home is told, and so is an empty KERAS_HOME."""
    shop.home.touch()

    assert levels(shop.run("doctor", "--json"), "caches", "Keras' home") == ["broken"]


def test_an_empty_home_of_keras_is_broken(tmp_path):
    """An empty KERAS_HOME would put settings into the current directory."""
    said = doctor_in(tmp_path, KERAS_HOME="")

    assert levels(said, "caches", "Keras' home") == ["broken"]
    assert "unset KERAS_HOME" in said.out


def test_sizes_and_switches_of_the_caches_are_told(shop):
    """What Keras has downloaded has its size; a switched-off cache is a note."""
    (shop.home / "datasets").mkdir(parents=True)
    (shop.home / "datasets" / "some.npz").write_bytes(b"x" * 1500)

    said = shop.run("doctor", "--json", KERASPLUG_NO_CACHE="1")

    told = findings(said, "caches")
    assert ("ok", "Keras' home", f"{shop.home} (datasets 1.5 kB)") in told
    assert levels(said, "caches", "kerasplug's cache") == ["ok", "note"]


def test_what_kerasplug_needs_is_looked_at(shop):
    """A dependency that is too old is broken, with the command that brings it."""
    info = install(shop.site, "pluggy", {}, version="0.1")
    assert Path(info).exists()

    said = shop.run("doctor", "--json")

    assert levels(said, "environment", "pluggy") == ["broken"]
    assert 'python -m pip install \\"pluggy>=' in said.out
