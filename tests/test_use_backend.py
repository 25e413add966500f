"""Choosing a backend: before Keras starts, or said to be too late."""

import os
import sys

import pytest
from fakes import install, python

import kerasplug
from kerasplug import registry
from kerasplug._frameworks import version_of
from kerasplug.engines.advertised import advertised, advertisement, poured
from kerasplug.errors import (
    AmbiguousNameError,
    ConfigError,
    ImplementationError,
    KerasMissingError,
    UnknownNameError,
)

SRC = {"made_up/__init__.py": "", "made_up/src/__init__.py": "raise RuntimeError"}
OURS = "kerasplug.backends"
THEIRS = "keras.backends"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path, for distributions made by hand."""
    monkeypatch.syspath_prepend(tmp_path)
    kerasplug.refresh()
    yield tmp_path
    monkeypatch.undo()
    kerasplug.refresh()


@pytest.fixture
def unchanged():
    """Fails the test where an environment variable or a finder has changed."""
    before, finders = dict(os.environ), list(sys.meta_path)
    yield
    assert dict(os.environ) == before | {
        "PYTEST_CURRENT_TEST": os.environ["PYTEST_CURRENT_TEST"]
    }
    assert sys.meta_path == finders


@pytest.mark.engine
def test_a_plain_import_computes_with_what_was_chosen():
    """After use_backend `import keras` has that backend, and so have children."""
    out = python(
        """
        import subprocess, sys, kerasplug
        kerasplug.use_backend("jax")
        import keras
        print(keras.backend.backend(), kerasplug.backend())
        code = "from kerasplug.config import configured_backend as c; print(c()[0])"
        print(subprocess.check_output([sys.executable, "-c", code], text=True))
        kerasplug.use_backend("jax")
        """,
        env={"KERAS_BACKEND": "tensorflow"},
    ).stdout
    assert out.split() == ["jax", "jax", "jax"]


@pytest.mark.engine
def test_too_late_names_who_used_keras_first(tmp_path):
    """The error has file and line of the first use through the door."""
    (tmp_path / "early.py").write_text(
        "import kerasplug\nkeras = kerasplug.implementation()\nkeras.layers\n"
    )
    out = python(
        """
        import os, early, kerasplug
        try:
            kerasplug.use_backend("tensorflow")
        except kerasplug.KerasplugError as error:
            print(error.what, error.found, error.mend, os.environ["KERAS_BACKEND"])
        """,
        tmp_path,
        env={"KERAS_BACKEND": "jax"},
    ).stdout
    assert "Too late for the backend tensorflow: Keras computes with jax" in out
    assert f"{tmp_path / 'early.py'}:3" in out
    assert "KERAS_BACKEND=tensorflow" in out
    assert out.split()[-1] == "jax"


@pytest.mark.engine
def test_too_late_names_who_imported_keras_past_the_door(tmp_path):
    """Where nobody used the door, the module that has Keras is named."""
    (tmp_path / "outsider.py").write_text("import keras\n")
    out = python(
        """
        import outsider, kerasplug
        try:
            kerasplug.use_backend("tensorflow")
        except kerasplug.KerasplugError as error:
            print(error.found)
        """,
        tmp_path,
        env={"KERAS_BACKEND": "jax"},
    ).stdout
    assert f"outsider ({tmp_path / 'outsider.py'})" in out


@pytest.mark.engine
def test_the_choice_comes_before_the_implementation_is_chosen():
    """Another backend than tensorflow makes stand-alone Keras the implementation."""
    out = python(
        """
        import kerasplug
        kerasplug.use_backend("jax")
        keras = kerasplug.implementation()
        print(keras.__name__, keras.backend.backend())
        """,
        env={"KERAS_BACKEND": "", "KERASPLUG_IMPLEMENTATION": ""},
    ).stdout
    assert out.split() == ["keras", "jax"]


def test_what_is_not_installed_is_refused():
    """PyTorch is said to be missing, with the command that brings it."""
    code = """
        import os, kerasplug
        from kerasplug.errors import KerasMissingError
        try:
            kerasplug.use_backend("torch")
        except KerasMissingError as error:
            print(error.mend, os.environ.get("KERAS_BACKEND"))
    """
    if kerasplug.is_backend_available("torch"):
        pytest.skip("PyTorch is installed")
    out = python(code, env={"KERAS_BACKEND": ""}).stdout
    assert out.strip() == "python -m pip install torch None"


def test_an_unknown_name_is_refused_with_close_ones(unchanged):
    """A misspelt name is no backend, and the right one is proposed."""
    with pytest.raises(UnknownNameError, match="no backend 'tensorflwo'") as caught:
        kerasplug.use_backend("tensorflwo")
    assert "tensorflow" in caught.value.close


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_no_name_is_refused(name, unchanged):
    """An empty name, or none, is said to be none."""
    with pytest.raises(ConfigError, match="has to be named"):
        kerasplug.use_backend(name)


def test_an_engine_without_keras_3_is_said_to_come_from_a_plugin(unchanged):
    """For an engine that no Keras 3 has the error says how to get and to use it."""
    bringing = [one.name for one in kerasplug.plugins() if one.name.endswith("plaidml")]
    with (
        kerasplug.blocked(*bringing),
        pytest.raises(UnknownNameError, match="No Keras 3 runs on plaidml") as caught,
    ):
        kerasplug.use_backend("plaidml")
    assert "no plugin that is installed brings it" in caught.value.what
    assert "kerasplug install-command plaidml" in caught.value.mend
    assert 'remote = kerasplug.to_backend(model, "plaidml")' in caught.value.mend


@pytest.mark.parametrize("name", ["theano", "cntk"])
def test_an_engine_that_nothing_brings_is_not_said_to_be_installable(name, unchanged):
    """Where no plugin is known that brings an engine, none is said to."""
    with pytest.raises(UnknownNameError, match=f"No Keras 3 runs on {name}") as caught:
        kerasplug.use_backend(name)
    assert caught.value.what.endswith("and no plugin that is known brings it.")
    assert caught.value.mend == "kerasplug backend list"


ENGINE = """
from kerasplug import WorkerEngine

class Here(WorkerEngine):
    name = "elsewhere"

    def use_here(self, devices):
        names = ",".join(devices) or "all of them"
        return {"KERAS_BACKEND": "jax", "ELSEWHERE": names}

class Elsewhere(WorkerEngine):
    name = "elsewhere"
"""


@pytest.fixture
def worker(site):
    """Registers a plugin whose engine is a class of the module `elsewhere`."""

    def use(engine):
        class Plugin:
            @kerasplug.hookimpl
            def kerasplug_backends(self):
                target = f"elsewhere:{engine}"
                record = kerasplug.BackendRecord
                return [record(name="elsewhere", target=target, engine="worker")]

        registered.append(Plugin())
        kerasplug.register(registered[0])

    registered = []
    (site / "elsewhere.py").write_text(ENGINE)
    yield use
    kerasplug.unregister(registered[0])
    sys.modules.pop("elsewhere", None)


def test_a_worker_of_a_plugin_is_not_keras_backend(worker, unchanged):
    """Where no Keras runs on an engine the error says how a model gets there."""
    worker("Elsewhere")
    with pytest.raises(ImplementationError, match="in a process of its own") as caught:
        kerasplug.use_backend("elsewhere")
    assert caught.value.mend == 'remote = kerasplug.to_backend(model, "elsewhere")'
    assert caught.value.found == f"keras {version_of('keras')}"


def test_a_worker_may_have_its_keras_here(worker, monkeypatch):
    """An engine that finds itself at home says what makes Keras compute with it."""
    for variable in ("KERAS_BACKEND", "ELSEWHERE", "MORE"):
        monkeypatch.setenv(variable, "before")
    worker("Here")
    kerasplug.use_backend("elsewhere")
    assert (os.environ["KERAS_BACKEND"], os.environ["ELSEWHERE"]) == (
        "jax",
        "all of them",
    )
    devices = kerasplug.Devices(names=("a", "b"), environment={"MORE": "too"})
    kerasplug.use_backend("elsewhere", devices=devices)
    assert (os.environ["ELSEWHERE"], os.environ["MORE"]) == ("a,b", "too")


def test_a_worker_has_no_memory_to_grow(worker, unchanged):
    """What only engines of Keras 3 can be told is refused before anything is set."""
    worker("Here")
    with pytest.raises(ConfigError, match="no such choice about memory"):
        kerasplug.use_backend(
            "elsewhere", devices=kerasplug.Devices(memory_growth=True)
        )


def test_the_legacy_keras_has_one_backend():
    """Where tf_keras was chosen, another backend than tensorflow is refused."""
    code = """
        import kerasplug
        try:
            kerasplug.use_backend("jax")
        except kerasplug.KerasplugError as error:
            print(type(error).__name__, error.what)
    """
    out = python(code, env={"KERASPLUG_IMPLEMENTATION": "tf_keras"}).stdout
    assert out.startswith("ImplementationError The Keras that was chosen, tf_keras")


OLDER = """
    import kerasplug
    try:
        {0}
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    "program",
    [
        'kerasplug.use_backend("made_up")',
        "kerasplug.implementation().layers",
        "import _kerasplug_backends as b; b.install(); import keras",
    ],
    ids=["use_backend", "implementation", "plain import"],
)
def test_a_keras_without_room_for_packages_says_so(tmp_path, program):
    """On Keras 3.15 a package's backend is refused with the reason and a way out."""
    if kerasplug.keras_version() >= (3, 16):
        pytest.skip("this Keras takes backends from packages")
    install(tmp_path, "made-up", {THEIRS: {"made_up": "made_up"}}, modules=SRC)
    env = {"KERAS_BACKEND": "made_up" if "use_backend" not in program else ""}
    out = python(OLDER.format(program), tmp_path, env=env).stdout
    assert "can't compute on made_up: it takes only backends of its own" in out
    assert "--pre keras-nightly" in out


def test_an_official_package_is_refused_on_an_older_keras(tmp_path):
    """One that lies there by its name, and advertises nothing, gets the same answer."""
    if kerasplug.keras_version() >= (3, 16):
        pytest.skip("this Keras takes backends from packages")
    source = {"keras_early/__init__.py": "", "keras_early/src/__init__.py": ""}
    install(tmp_path, "keras-early", {}, modules=source)
    out = python(OLDER.format('kerasplug.use_backend("early")'), tmp_path).stdout
    assert out.startswith("KerasVersionError Keras")


def test_a_refused_package_changes_nothing(tmp_path):
    """After the refusal neither the environment nor the import system has changed."""
    if kerasplug.keras_version() >= (3, 16):
        pytest.skip("this Keras takes backends from packages")
    install(tmp_path, "made-up", {THEIRS: {"made_up": "made_up"}}, modules=SRC)
    code = """
        import os, sys, kerasplug
        before = dict(os.environ), list(sys.meta_path)
        try:
            kerasplug.use_backend("made_up")
        except kerasplug.KerasplugError as error:
            print(type(error).__name__, before == (dict(os.environ), sys.meta_path))
    """
    out = python(code, tmp_path).stdout
    assert out.split() == ["KerasVersionError", "True"]


def test_a_package_can_not_have_a_name_of_keras(site, unchanged):
    """Keras would take its own, so asking for the package's is an error."""
    install(site, "made-up", {THEIRS: {"jax": "made_up"}}, modules=SRC)
    with pytest.raises(ImplementationError, match="Keras resolves the name jax itself"):
        kerasplug.use_backend("made-up/jax")


def test_one_package_may_say_it_in_both_groups(site):
    """The same package in two groups is one backend."""
    groups = {THEIRS: {"made_up": "made_up"}, OURS: {"made_up": "made_up:src"}}
    install(site, "made-up", groups, modules=SRC)
    kerasplug.refresh()
    (one,) = advertised()["made_up"]
    assert (one.module, one.distribution) == ("made_up.src", "made-up")
    assert advertisement("made_up") == one
    assert kerasplug.backends["made_up"].name == "made-up/made_up"
    assert kerasplug.is_backend_available("made_up")


def test_two_packages_with_one_name_have_to_be_chosen_between(site):
    """A bare name of two packages is an error; the canonical name chooses."""
    install(site, "made-up", {THEIRS: {"made_up": "made_up"}}, modules=SRC)
    install(site, "other", {THEIRS: {"made_up": "other_one"}})
    with pytest.raises(AmbiguousNameError) as caught:
        advertisement("made_up")
    assert caught.value.claims == ("made-up/made_up", "other/made_up")
    assert advertisement("other/made_up").module == "other_one"
    with pytest.raises(UnknownNameError):
        advertisement("nobody/made_up")


def test_damaged_metadata_hide_no_other_package(site):
    """Entry points that can't be read are as if they were not there."""
    info = install(site, "damaged", {THEIRS: {"broken": "broken"}})
    (info / "entry_points.txt").write_bytes(b"[keras.backends\nbroken == \xff\n")
    install(site, "made-up", {THEIRS: {"made_up": "made_up"}}, modules=SRC)
    assert "made_up" in advertised()
    assert "broken" not in advertised()


def test_a_package_that_advertises_nothing_is_told_how(site):
    """A package that lies there under the right name needs an entry point."""
    source = {"keras_silent/__init__.py": "", "keras_silent/src/__init__.py": ""}
    install(site, "keras-silent", {}, modules=source)
    with pytest.raises(UnknownNameError, match="advertises no backend") as caught:
        advertisement("silent")
    assert '[project.entry-points."keras.backends"]' in caught.value.mend


def test_looking_for_backends_imports_none_of_them(site):
    """The package itself, which would raise, is never imported."""
    install(site, "made-up", {THEIRS: {"made_up": "made_up"}}, modules=SRC)
    assert advertised()["made_up"]
    assert not {name for name in sys.modules if name.startswith("made_up")}


def test_a_package_below_another_one_is_found_as_a_target(site):
    """`module:attribute` may name a module that nobody has imported yet."""
    source = {"made_up/__init__.py": "", "made_up/src/__init__.py": "here = True"}
    install(site, "made-up", {OURS: {"made_up": "made_up:src"}}, modules=source)
    kerasplug.refresh()
    loaded = registry.load(registry.claim("backend", "made_up"))
    assert loaded.here
    sys.modules.pop("made_up.src")
    sys.modules.pop("made_up")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("made_up", "made_up.src"),
        ("made_up.old_layout", "made_up.src"),
        ("made_up:src", "made_up.src"),
        ("flat", "flat"),
        ("nowhere.at.all", "nowhere.at.all"),
    ],
)
def test_an_entry_point_names_the_package_that_keras_takes(site, target, expected):
    """The official layout is found by its `src`; what is written out counts."""
    install(
        site,
        "made-up",
        {},
        modules={**SRC, "made_up/old_layout/__init__.py": "", "flat.py": ""},
    )
    assert poured(target) == expected


def test_missing_errors_are_import_errors():
    """Who catches ImportError catches a backend that is not installed."""
    assert issubclass(KerasMissingError, ImportError)
