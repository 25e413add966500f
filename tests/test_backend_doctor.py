"""`kerasplug backend doctor`: the true cause, and what else keeps a backend away."""

import json
import os

import nightly_kit
import pytest
from cli_kit import Shop
from fakes import install

nightly = nightly_kit.nightly  # a fixture

THEIRS = "keras.backends"


@pytest.fixture
def shop(tmp_path):
    """An empty shop."""
    return Shop(tmp_path)


def findings(said, section):
    """The findings of one section of the answer, as (level, about, what)."""
    some = said.data["sections"].get(section, [])
    return [(one["level"], one["about"], one["what"]) for one in some]


@pytest.mark.engine
def test_a_sound_backend_is_ok(shop):
    """The configured backend is imported for real, and its devices are looked at."""
    said = shop.run("backend", "doctor", "--json", KERAS_BACKEND="jax")

    assert said.code == 0, said.out
    assert list(said.data) == ["backend", "counts", "sections"]
    assert said.data["backend"] == "jax"
    ((level, _, what),) = findings(said, "import")
    assert level == "ok"
    assert what.endswith("computes on jax")
    assert findings(said, "devices")


@pytest.mark.engine
def test_the_true_cause_of_a_broken_engine_is_told(shop):
    """An engine that lacks a module: the first error, who needs it, and exit code 1."""
    modules = {"jax/__init__.py": "import gone_engine\n"}
    install(shop.site, "jax", {}, version="0.10.2", modules=modules)

    said = shop.run("backend", "doctor", "jax", "--json")

    assert said.code == 1
    (finding,) = said.data["sections"]["import"]
    assert (finding["level"], finding["about"]) == ("broken", "gone_engine")
    assert "jax 0.10.2 imports it and does not say that it needs it" in finding["what"]
    assert finding["what"].endswith(f"At {shop.site / 'jax' / '__init__.py'}:1.")
    assert finding["mend"] == "python -m pip install gone-engine"


@pytest.mark.engine
def test_an_engine_that_ends_its_process_is_broken(shop):
    """What kills the process that imports it is said, and the doctor lives on."""
    modules = {"jax/__init__.py": "import os\nos._exit(7)\n"}
    install(shop.site, "jax", {}, version="0.10.2", modules=modules)

    said = shop.run("backend", "doctor", "jax", "--json")

    assert said.code == 1
    ((level, _, what),) = findings(said, "import")
    assert level == "broken"
    assert "the process ended with 7" in what


def test_a_configured_name_that_does_not_exist_is_broken(shop):
    """KERAS_BACKEND with a typing error: the doctor says so, with the right name."""
    said = shop.run("backend", "doctor", "--json", KERAS_BACKEND="jaxx")

    assert said.code == 1
    (level, about, what) = findings(said, "choice")[0]
    assert (level, about) == ("broken", "backend")
    assert what.startswith("jaxx, by KERAS_BACKEND")


def test_what_is_missing_is_a_warning_with_its_mend(shop):
    """A backend that is not installed is a warning, and nothing is imported."""
    said = shop.run("backend", "doctor", "mlx", "--json")

    (finding,) = said.data["sections"]["mlx"]
    assert finding["level"] == "warning"
    assert finding["mend"].startswith("python -m pip install keras-mlx")
    assert "import" not in said.data["sections"]


def test_a_package_that_advertises_nothing_is_noticed(shop):
    """A package that is laid out as a backend and is named nowhere gets a note."""
    files = ("__init__", "trainer", "random", "rnn")
    modules = {f"keras_quiet/src/{one}.py": "" for one in files}
    modules["keras_quiet/__init__.py"] = ""
    install(shop.site, "keras-quiet", {}, modules=modules)
    install(shop.site, "keras-other", {}, modules={"keras_other/__init__.py": ""})

    said = shop.run("backend", "doctor", "theano", "--json")

    notes = said.data["sections"]["names"]
    assert [one["about"] for one in notes] == ["keras_quiet"]
    assert 'quiet = "keras_quiet"' in notes[0]["mend"]


def test_people_get_each_finding_and_each_mend(shop):
    """The plain answer has the same findings and mends, and counts them at the end."""
    env = {"KERAS_BACKEND": "jaxx"}
    data = shop.run("backend", "doctor", "theano", "--json", **env).data
    plain = shop.run("backend", "doctor", "theano", **env)

    every = [one for part in data["sections"].values() for one in part]
    lines = [" ".join(line.split()) for line in plain.out.splitlines()]
    for one in every:
        assert " ".join([one["level"], one["about"], *one["what"].split()]) in lines
        assert not one["mend"] or f"mend: {one['mend']}" in lines
    assert lines[-1] == ", ".join(f"{n} {level}" for level, n in data["counts"].items())


@pytest.mark.slow
@pytest.mark.engine
def test_the_true_cause_of_a_broken_package_is_told(nightly, tmp_path):
    """A backend of a package that lacks a module, with the Keras to come."""
    source = "import gone_engine\n"
    modules = {"keras_torn/__init__.py": "", "keras_torn/src/__init__.py": source}
    groups = {THEIRS: {"torn": "keras_torn"}}
    install(tmp_path, "keras-torn", groups, modules=modules)
    command = (
        "from kerasplug.cli import main; main(['backend', 'doctor', 'torn', '--json'])"
    )

    out = nightly.run("-c", command, PYTHONPATH=os.fspath(tmp_path))

    (finding,) = json.loads(out)["sections"]["import"]
    assert finding["about"] == "gone_engine"
    assert "keras-torn 1.0 imports it" in finding["what"]
    assert finding["mend"] == "python -m pip install gone-engine"
