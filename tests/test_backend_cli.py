"""`kerasplug backend`: what it lists, shows, writes, and says is wrong."""

import json
import re
from pathlib import Path

import pytest
from bare import bare, put, put_keras
from cli_kit import HEAVY, Shop
from environments_kit import put_environment
from fakes import install, python

DOCS = Path(__file__).parents[1] / "docs" / "backends.md"
THEIRS = "keras.backends"

#: What a Keras that takes backends from packages has in its source.
LISTS = """
BUILT_IN_BACKENDS = frozenset(["tensorflow", "jax", "numpy", "torch"])
PLUGGABLE_BACKENDS = frozenset(["mlx", "openvino"])
"""
TOY = {"keras_toy/__init__.py": "raise RuntimeError\n", "keras_toy/src/__init__.py": ""}

#: A plugin with an engine of the past, and one that needs what is not there.
WORKERS = """
    from kerasplug import BackendRecord, Needs, hookimpl

    @hookimpl
    def kerasplug_backends():
        place = {"target": "workers_engine:Theano", "engine": "worker"}
        yield BackendRecord(
            name="theano", capabilities=("train",), environment=("OURS",), **place
        )
        needs = Needs(packages=("no-such-engine",))
        yield BackendRecord(name="poor", needs=needs, **place)
"""
ENGINE = """
    from kerasplug import WorkerEngine

    class Theano(WorkerEngine):
        name = "theano"
        distributions = ("theano", "keras")
"""


@pytest.fixture
def shop(tmp_path):
    """An empty shop."""
    return Shop(tmp_path)


def listed(said):
    """The backends of an answer, by name."""
    assert said.code == 0, said.err
    return {one["name"]: one for one in said.data}


def findings(said, section):
    """The findings of one section of the doctor's answer, as (level, about, what)."""
    some = said.data["sections"].get(section, [])
    return [(one["level"], one["about"], one["what"]) for one in some]


def documented(after):
    """The keys in the first column of the first table after some words of the page."""
    table = DOCS.read_text("utf-8").partition(after)[2].partition("|---")[2]
    rows = re.findall(r"^\| ([^|]+) \|", table.partition("\n\n")[0], re.MULTILINE)
    return re.findall(r"`(\w+)`", " ".join(rows))


def with_new_keras(tmp_path):
    """A folder with a small Keras that takes backends from packages."""
    site = put_keras(tmp_path / "keras", version="3.16.0")
    folder = site / "keras" / "src" / "backend"
    folder.mkdir(parents=True)
    (folder / "config.py").write_text(LISTS)
    return site


def in_new_keras(tmp_path, *arguments, **variables):
    """What the command says there, as (exit code, what it printed)."""
    code = f"import sys\nfrom kerasplug.cli import main\nsys.exit(main({arguments!r}))"
    site = tmp_path / "keras"
    done = bare(code, tmp_path, site, env=variables, check=False)
    return done.returncode, done.stdout, done.stderr


# --- list and show ---


def test_listing_and_showing_import_neither_keras_nor_an_engine(shop):
    """A fresh process that lists, shows and completes has no Keras and no engine."""
    install(shop.site, "keras-toy", {THEIRS: {"toy": "keras_toy"}}, modules=TOY)
    code = f"""
        import sys
        from kerasplug.cli import main
        for line in (["list"], ["list", "--json"], ["show", "jax"], ["show", "toy"]):
            assert main(["backend", *line]) == 0
        print("found", sorted({HEAVY | {"keras_toy", "scipy"}!r} & set(sys.modules)))
    """
    out = python(code, shop.site, env={"KERAS_HOME": str(shop.home)}).stdout

    assert "toy" in out
    assert out.splitlines()[-1] == "found []"
    assert not shop.home.exists()


def test_the_keys_in_json_are_those_of_the_page(shop):
    """list, show, use and doctor answer with the keys that the documentation has."""
    every = documented("`list` is a list of objects")
    more = documented("`show` is one such object")
    abilities = ["train", "sparse", "ragged", "complex", "distribution", "jit"]

    backends = shop.run("backend", "list", "--json").data
    shown = shop.run("backend", "show", "jax", "--json").data
    used = shop.run("backend", "use", "jax", "--json").data

    assert {tuple(one) for one in backends} == {tuple(every)}
    assert {tuple(one["capabilities"]) for one in backends} == {tuple(abilities)}
    assert list(shown) == [*every, *more]
    assert list(shown["because"]) == abilities
    assert set(used) == {"backend", "before", "file", "notes"}


def test_states_and_kinds_are_those_of_the_page(shop):
    """The known names are listed once, each with a kind and a state of the page."""
    install(shop.site, "keras-toy", {THEIRS: {"toy": "keras_toy"}}, modules=TOY)

    found = shop.run("backend", "list", "--json").data

    names = [one["name"] for one in found]
    assert len(names) == len(set(names))
    assert {"tensorflow", "jax", "torch", "numpy", "mlx", "toy", "theano"} < set(names)
    assert {one["kind"] for one in found} == set(documented("source.\n"))
    assert {one["state"] for one in found} <= set(documented("(plaidml.md) |\n"))
    for one in found:
        assert (one["state"] == "available") == (one["reason"] == one["mend"] == "")


def test_what_is_installed_has_its_versions(shop):
    """An engine that is there has the version of its metadata, and is available."""
    from importlib.metadata import version

    jax = listed(shop.run("backend", "list", "--json"))["jax"]

    assert (jax["kind"], jax["state"]) == ("keras", "available")
    assert (jax["engine"], jax["engine_version"]) == ("jax", version("jax"))
    assert (jax["package"], jax["package_version"]) == ("keras", version("keras"))


def test_people_see_each_backend_and_who_is_configured(shop):
    """The plain answer has a line for each name, and who has chosen at the end."""
    names = listed(shop.run("backend", "list", "--json"))

    said = shop.run("backend", "list", KERAS_BACKEND="jax")

    lines = said.out.splitlines()
    assert [
        name for name in names if not any(f" {name} " in one for one in lines)
    ] == []
    assert next(one for one in lines if " * " in one).split()[:2] == ["*", "jax"]
    assert lines[-1] == "configured: jax (by KERAS_BACKEND)"


def test_a_package_is_unsuitable_for_a_keras_that_takes_none(shop):
    """Keras before 3.16 takes no backend of a package, and that is the reason."""
    install(shop.site, "keras-toy", {THEIRS: {"toy": "keras_toy"}}, modules=TOY)

    toy = listed(shop.run("backend", "list", "--json"))["toy"]

    assert (toy["kind"], toy["module"]) == ("package", "keras_toy.src")
    assert (toy["package"], toy["package_version"]) == ("keras-toy", "1.0")
    if toy["state"] != "available":  # with Keras 3.16 it is
        assert toy["state"] == "unsuitable"
        assert "takes no backends from packages" in toy["reason"]


def test_a_package_for_a_newer_keras_is_available(tmp_path):
    """Where Keras takes packages an advertised one is available, engine and all."""
    site = with_new_keras(tmp_path)
    needs = "Requires-Dist: toy-engine\nRequires-Dist: numpy\n"
    put(site, "toy_engine", version="7.1")
    put(site, "numpy")
    groups = {THEIRS: {"toy": "keras_toy"}}
    install(site, "keras-toy", groups, modules=TOY, metadata=needs)

    code, out, err = in_new_keras(tmp_path, "backend", "show", "toy", "--json")

    assert code == 0, err
    toy = json.loads(out)
    assert (toy["state"], toy["reason"]) == ("available", "")
    assert (toy["engine"], toy["engine_version"]) == ("toy-engine", "7.1")


def test_a_package_without_what_it_requires_is_broken(tmp_path):
    """What the metadata require and nobody installed is the reason, and its mend."""
    site = with_new_keras(tmp_path)
    groups = {THEIRS: {"toy": "keras_toy"}}
    needs = "Requires-Dist: toy-engine>=7\n"
    install(site, "keras-toy", groups, modules=TOY, metadata=needs)

    _, out, _ = in_new_keras(tmp_path, "backend", "show", "toy", "--json")

    toy = json.loads(out)
    assert toy["state"] == "broken"
    assert toy["reason"].endswith("without what it needs: toy-engine>=7.")
    assert toy["mend"] == 'python -m pip install "toy-engine>=7"'


def test_an_advertisement_that_leads_nowhere_is_broken(shop):
    """An entry point whose package is not there is broken, whatever the Keras."""
    install(shop.site, "keras-toy", {THEIRS: {"toy": "keras_toy"}})

    toy = listed(shop.run("backend", "list", "--json"))["toy"]

    assert toy["state"] == "broken"
    assert "which is not there" in toy["reason"]
    assert toy["mend"].endswith("--force-reinstall keras-toy")


def test_two_packages_of_one_name_are_both_named(shop):
    """A name that two packages advertise is unsuitable until one is chosen."""
    for name in ("keras-toy", "toy-keras"):
        install(shop.site, name, {THEIRS: {"toy": "keras_toy"}}, modules=TOY)

    toy = listed(shop.run("backend", "list", "--json"))["toy"]
    doctor = shop.run("backend", "doctor", "toy", "--json")
    used = shop.run("backend", "use", "toy")

    assert toy["state"] == "unsuitable"
    assert "keras-toy/toy" in toy["reason"]
    assert "toy-keras/toy" in toy["reason"]
    (level, about, what) = findings(doctor, "names")[0]
    assert (level, about) == ("warning", "toy")
    assert "2 packages advertise this name: " in what
    assert used.code == 1
    assert not (shop.home / "keras.json").exists()


def test_a_package_named_like_kerass_own_takes_nothing_over(shop):
    """A package that advertises "jax" leaves Keras' own alone, and the doctor warns."""
    modules = {"fake_jax/__init__.py": "raise RuntimeError\n"}
    install(shop.site, "fake-jax", {THEIRS: {"jax": "fake_jax"}}, modules=modules)

    jax = listed(shop.run("backend", "list", "--json"))["jax"]
    doctor = shop.run("backend", "doctor", "theano", "--json")

    assert (jax["kind"], jax["package"]) == ("keras", "keras")
    (level, about, what) = findings(doctor, "names")[0]
    assert (level, about) == ("warning", "jax")
    assert what.startswith("fake-jax/jax has a name that Keras has itself")


def test_a_worker_of_a_plugin_appears_with_what_it_says_of_itself(shop):
    """A plugin's engine goes before what is known of it, with its needs and words."""
    groups = {"kerasplug": {"w": "workers_hooks"}}
    modules = {"workers_hooks.py": WORKERS, "workers_engine.py": ENGINE}
    install(shop.site, "workers", groups, modules=modules)
    there = put_environment(shop.site.parent / "there", "theano", "keras")
    set_to = {"KERASPLUG_THEANO_PYTHON": str(there), "OURS": "7"}

    found = listed(shop.run("backend", "list", "--json"))
    theano = shop.run("backend", "show", "theano", "--json", **set_to).data

    assert found["theano"]["state"] == "missing"
    assert found["theano"]["mend"] == "kerasplug backend install theano"
    assert (theano["kind"], theano["state"]) == ("worker", "available")
    assert (theano["engine"], theano["engine_version"]) == ("theano", "1.0")
    assert theano["python"] == str(there)
    assert (theano["package"], theano["package_version"]) == ("workers", "1.0")
    assert theano["capabilities"]["train"] is True
    assert theano["capabilities"]["sparse"] is None
    assert theano["because"]["train"] == "says its plugin"
    assert theano["variables"] == {"THEANO_FLAGS": None, "OURS": "7"}
    assert found["poor"]["state"] == "unsuitable"
    assert "no-such-engine" in found["poor"]["reason"]


def test_an_engine_whose_plugin_is_not_installed_is_known(tmp_path):
    """Where no plugin is, plaidml is missing, and the plugin's name is its mend."""
    with_new_keras(tmp_path)

    _, out, _ = in_new_keras(tmp_path, "backend", "show", "plaidml", "--json")
    _, commands, _ = in_new_keras(tmp_path, "install-command", "plaidml")

    plaidml = json.loads(out)
    assert (plaidml["kind"], plaidml["state"]) == ("worker", "missing")
    assert plaidml["reason"] == "kerasplug-plaidml is not installed."
    assert plaidml["mend"] == "python -m pip install kerasplug-plaidml"
    assert plaidml["python"] == ""
    assert commands.splitlines() == [
        plaidml["mend"],
        "kerasplug backend install plaidml",
    ]


def test_people_are_shown_what_json_has(shop):
    """The plain answer of show has reasons, abilities and variables with values."""
    data = shop.run("backend", "show", "jax", "--json", JAX_PLATFORMS="cpu").data
    said = shop.run("backend", "show", "jax", JAX_PLATFORMS="cpu")

    assert said.code == 0
    for word, because in data["because"].items():
        value = {True: "yes", False: "no", None: "unknown"}[data["capabilities"][word]]
        line = rf"^ *{word} +{value} +{re.escape(because)}$"
        assert re.search(line, said.out, re.MULTILINE)
    assert re.search(r"^ *JAX_PLATFORMS +=cpu$", said.out, re.MULTILINE)
    assert "backend show jax --probe" in said.out


@pytest.mark.engine
def test_with_probe_devices_are_listed(shop):
    """`show --probe` starts the engine elsewhere; without it nobody was asked."""
    with_probe = shop.run("backend", "show", "jax", "--probe", "--json")
    without = shop.run("backend", "show", "jax", "--json")

    assert with_probe.data["devices"]
    assert with_probe.data["devices_error"] == ""
    assert without.data["devices"] is None


def test_a_canonical_name_means_that_distributions_backend(shop):
    """`distribution/name` is understood, that of another distribution is not."""
    install(shop.site, "keras-toy", {THEIRS: {"toy": "keras_toy"}}, modules=TOY)

    for name in ("keras/jax", "Keras_Toy/toy"):
        said = shop.run("backend", "show", name, "--json")
        assert said.data["name"] == name.rpartition("/")[2]
    for name in ("keras/toy", "other/jax", "keras-toy/jax"):
        assert shop.run("backend", "show", name).code == 2


# --- what is wrong on the command line ---


@pytest.mark.parametrize("action", [["show"], ["use"], ["use", "--force"], ["doctor"]])
def test_an_unknown_name_ends_with_two_and_names_close_ones(shop, action):
    """A name that nothing has is exit code 2; nothing is written, forced or not."""
    said = shop.run("backend", *action, "jaxx", "--json")

    assert said.code == 2
    assert said.data["error"]["type"] == "UnknownNameError"
    assert "jax" in said.data["error"]["close"]
    assert not (shop.home / "keras.json").exists()


@pytest.mark.parametrize(
    "line",
    [[], ["show"], ["use"], ["list", "jax"], ["list", "--probe"], ["show", "a", "b"]],
)
def test_what_does_not_belong_there_is_a_wrong_argument(shop, line):
    """A name or a flag too many, or one too few: exit code 2, and nothing is done."""
    said = shop.run("backend", *line, "--json")

    assert said.code == 2
    assert said.data["error"]["type"] == "UsageError"
    assert "usage: kerasplug" in said.err
    assert not shop.home.exists()


@pytest.mark.parametrize(
    "line",
    [
        ["--json", "show", "jax"],
        ["show", "--json", "jax"],
        ["show", "jax", "--json"],
        ["use", "--json", "--force", "jax"],
        ["doctor", "--json", "theano"],
    ],
)
def test_flags_may_stand_anywhere(shop, line):
    """`--json` and a flag of an action count before and after a name."""
    said = shop.run("backend", *line)

    assert said.code == 0, said.err
    assert isinstance(said.data, dict)


# --- use ---


def test_use_writes_what_the_next_process_reads(shop):
    """The name is in keras.json afterwards, other settings are kept, and it holds."""
    shop.home.mkdir()
    file = shop.home / "keras.json"
    file.write_text(json.dumps({"floatx": "float64", "backend": "tensorflow"}))

    said = shop.run("backend", "use", "jax", "--json", KERAS_BACKEND="")

    assert said.code == 0, said.err
    assert said.data["before"] == "tensorflow"
    assert said.data["file"] == str(file)
    assert said.data["notes"] == []
    written = json.loads(file.read_text())
    assert (written["backend"], written["floatx"]) == ("jax", "float64")
    after = listed(shop.run("backend", "list", "--json", KERAS_BACKEND=""))
    assert [name for name, one in after.items() if one["configured"]] == ["jax"]


@pytest.mark.engine
def test_keras_starts_with_what_use_wrote(shop):
    """A plain `import keras` of a new process computes on what was written."""
    assert shop.run("backend", "use", "jax", KERAS_BACKEND="").code == 0

    env = {"KERAS_HOME": str(shop.home), "KERAS_BACKEND": ""}
    out = python("import keras; print(keras.config.backend())", env=env).stdout

    assert out.strip() == "jax"


def test_what_can_not_be_used_is_refused_and_nothing_is_written(shop):
    """A missing backend and an engine of the past are refused with exit code 1."""
    shop.home.mkdir()
    file = shop.home / "keras.json"
    before = '{"backend": "jax"}'
    file.write_text(before)

    for name, words in {"mlx": "is not installed", "theano": "No Keras 3"}.items():
        said = shop.run("backend", "use", name)
        assert said.code == 1
        assert words in said.err
        assert "Traceback" not in said.err
        assert file.read_text() == before


def test_force_writes_what_is_missing(shop):
    """`--force` writes a name that can't be used here."""
    said = shop.run("backend", "use", "mlx", "--force", "--json")

    assert said.code == 0, said.err
    assert json.loads((shop.home / "keras.json").read_text())["backend"] == "mlx"


def test_a_variable_that_goes_before_the_file_is_said(shop):
    """Where KERAS_BACKEND says something else the answer has a note, the doctor too."""
    said = shop.run("backend", "use", "jax", KERAS_BACKEND="numpy")
    same = shop.run("backend", "use", "jax", "--json", KERAS_BACKEND="jax")
    doctor = shop.run("backend", "doctor", "theano", "--json", KERAS_BACKEND="numpy")

    assert said.code == 0, said.err
    assert "KERAS_BACKEND says numpy" in said.out
    assert "unset KERAS_BACKEND" in said.out
    assert same.data["notes"] == []
    assert (
        "note",
        "KERAS_BACKEND",
        "KERAS_BACKEND=numpy goes before keras.json, which says jax",
    ) in findings(doctor, "choice")


@pytest.mark.parametrize("what", ["a file", "a link to nowhere"])
def test_a_home_that_is_no_folder_is_said(shop, what):
    """Where `keras.json` can't be written that is an error with its mend."""
    if what == "a file":
        shop.home.write_text("")
    else:
        shop.home.symlink_to("/proc/no-such-folder/keras")

    said = shop.run("backend", "use", "jax")

    assert said.code == 1
    assert "mend: " in said.err
    assert "keras.json" in said.err
    assert "Traceback" not in said.err
