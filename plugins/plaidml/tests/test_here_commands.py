"""What the `kerasplug` command says where Keras 2.2.4 and PlaidML are installed."""

import json
import sys
from pathlib import Path

import here_kit
import pytest
from kerasplug_plaidml.engine import PlaidML

import kerasplug
from kerasplug.errors import ConfigError, ImplementationError

here = here_kit.here  # a fixture
pytestmark = pytest.mark.engine

CHOSEN = {"KERAS_BACKEND": "plaidml.keras.backend"}


@pytest.fixture
def command(here):
    """Runs the `kerasplug` command there: (exit code, its JSON or its complaint)."""

    def run(*line, **variables):
        done = here.start("-m", "kerasplug", *line, "--json", **variables)
        return done.returncode, json.loads(done.stdout or "null") or done.stderr

    return run


def found_in(sections):
    """Finding by finding what a doctor says, each as (level, about, what, mend)."""
    return [
        (one["level"], one["about"], one["what"], one["mend"])
        for some in sections.values()
        if isinstance(some, list)
        for one in some
    ]


def test_the_engine_is_available_in_its_own_environment(command):
    """`list` has PlaidML as available and as chosen, and Keras 3's engines as not."""
    code, listed = command("backend", "list", **CHOSEN)
    assert code == 0
    backends = {one["name"]: one for one in listed}
    plaidml = backends["plaidml"]
    assert (plaidml["state"], plaidml["engine_version"]) == ("available", "0.7.0")
    assert [name for name, one in backends.items() if one["configured"]] == ["plaidml"]
    jax = backends["jax"]
    assert (jax["state"], jax["reason"]) == (
        "unsuitable",
        "Keras 2.2.4 does not run on it.",
    )
    assert jax["mend"] == "in another environment: kerasplug install-command jax"


def test_its_worker_starts_with_this_interpreter(command, here):
    """`show --probe` starts a worker with the Python that the command runs on."""
    _, shown = command("backend", "show", "plaidml", "--probe")
    assert shown["python"] == str(here.python)
    assert shown["found_by"] == "this environment, whose Keras is made for it"
    assert (shown["devices"], shown["devices_error"]) == (["llvm_cpu.0"], "")
    assert shown["facts"]["keras"] == "2.2.4"


def test_the_doctor_of_backends_finds_nothing(command):
    """With KERAS_BACKEND set, which has to be, all that the doctor finds is well."""
    code, told = command("backend", "doctor", **CHOSEN)
    levels = {level for level, *_ in found_in(told["sections"])}
    assert (code, told["backend"], levels) == (0, "plaidml", {"ok"})
    assert "worker" in told["sections"]


def test_an_environment_with_keras_3_does_not_have_the_engine(here):
    """A Keras 3 that is told to use PlaidML is broken, and the mend moves a model."""
    host = type(here)(Path(sys.prefix), here.home)
    done = host.start("-m", "kerasplug", "backend", "doctor", "--json", **CHOSEN)
    level, about, what, mend = found_in(json.loads(done.stdout)["sections"])[0]
    assert (done.returncode, level, about) == (1, "broken", "backend")
    assert what.startswith("plaidml, by KERAS_BACKEND: no Keras here runs on it")
    assert mend.endswith('remote = kerasplug.to_backend(model, "plaidml")')


def test_the_choice_is_not_written_for_all_kerases(here, tmp_path):
    """`use` names the variable: keras.json is also read by Kerases of other places."""
    alone = here.alone(tmp_path / "home")
    done = alone.start("-m", "kerasplug", "backend", "use", "plaidml")
    assert done.returncode == 1
    assert "export KERAS_BACKEND=plaidml.keras.backend" in done.stderr
    assert not (alone.home / "keras" / "keras.json").exists()


def test_the_doctor_does_not_ask_for_a_keras_that_would_break_it(command):
    """No mend of `doctor` brings a Keras 3, and its devices are PlaidML's."""
    code, told = command("doctor", "--probe", **CHOSEN)
    found = found_in(told["sections"])
    assert code == 0
    assert not [mend for *_, mend in found if '"keras>' in mend or "tensorflow" in mend]
    loaders = next(one for one in found if one[1] == "loaders")
    assert loaders[2].endswith("have no safe mode; it is here for plaidml")
    assert loaders[3].startswith("load no models of others here")
    assert ("ok", "plaidml", "installed", "") in found
    assert ("ok", "devices", "llvm_cpu.0", "") in found


def test_gpus_of_plaidml_are_not_counted_and_not_broken(here, tmp_path):
    """A test for GPUs skips there, with the devices that PlaidML has."""
    (tmp_path / "kfd").touch()  # as AMD's driver shows that there is one
    out = here.run(
        f"""
        import pathlib, kerasplug
        from kerasplug._frameworks import devices
        from kerasplug.testing.requirement import Requirement
        devices._DEVICES = pathlib.Path({str(tmp_path)!r})
        kerasplug.use_backend("plaidml")
        one = Requirement.of(gpus=1).unmet()
        print(one.kind, one.reason)
        """
    )
    assert out == ["other 1 GPU is asked, plaidml sees llvm_cpu.0."]


@pytest.fixture
def unset(monkeypatch, tmp_path):
    """A home without a configuration of PlaidML, and nothing of it in the variables."""
    for variable in ("DEVICE_IDS", "EXPERIMENTAL", "SETTINGS", "CONFIG"):
        monkeypatch.delenv(f"PLAIDML_{variable}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def device(*names):
    """The device that a worker is told to use; None: what PlaidML finds by itself."""
    return PlaidML().variables(names).get("PLAIDML_DEVICE_IDS")


def test_devices_have_plaidmls_names_and_one_more(unset):
    """`"cpu"` is the processor by LLVM; else the name is PlaidML's own."""
    assert device() == device("cpu") == "llvm_cpu.0"
    metal = "metal_intel(r)_hd_graphics_unknown.0"
    for name in ("opencl_amd_ellesmere.0", metal, "llvm_cpu.12"):
        assert device(name) == name


@pytest.mark.parametrize(
    "names",
    [
        ("gpu",),
        ("gpu:0",),
        ("CPU",),
        ("llvm_cpu",),
        ("llvm_cpu.0,llvm_cpu.1",),
        ("llvm_cpu.0 llvm_cpu.1",),
        ("cpu", "llvm_cpu.0"),
        ("",),
    ],
)
def test_what_is_no_device_of_plaidml_is_refused(unset, names):
    """A name that PlaidML can't have, or more than one, is said to be none."""
    with pytest.raises(ConfigError, match="can't be given these devices") as caught:
        device(*names)
    assert caught.value.found == ", ".join(names)


@pytest.mark.parametrize("where", [".plaidml", "other.json", "variable"])
def test_a_worker_keeps_the_users_configuration(unset, monkeypatch, where):
    """What PlaidML was told in a file holds; what is asked for goes before it."""
    if where == "variable":
        monkeypatch.setenv("PLAIDML_DEVICE_IDS", "opencl_own.0")
        assert device() == "opencl_own.0"
    else:
        file = unset / where
        file.write_text('{"PLAIDML_DEVICE_IDS": ["opencl_own.0"]}')
        if where != ".plaidml":
            monkeypatch.setenv("PLAIDML_SETTINGS", str(file))
        assert PlaidML().variables(()) == {"KERAS_BACKEND": CHOSEN["KERAS_BACKEND"]}
    assert device("cpu") == "llvm_cpu.0"


def test_a_worker_reads_the_users_file(here, tmp_path):
    """A worker has the user's home: it fails on the device that `~/.plaidml` names."""
    alone = here.alone(tmp_path / "home")
    (alone.home / ".plaidml").write_text('{"PLAIDML_DEVICE_IDS": ["opencl_own.0"]}')
    line = ("-m", "kerasplug", "backend", "show", "plaidml", "--probe", "--json")
    shown = json.loads(alone.start(*line).stdout)
    assert "No devices found" in shown["devices_error"]
    (alone.home / ".plaidml").write_text('{"PLAIDML_DEVICE_IDS": ["llvm_cpu.0"]}')
    shown = json.loads(alone.start(*line).stdout)
    assert (shown["devices"], shown["devices_error"]) == (["llvm_cpu.0"], "")


def test_under_keras_3_both_ways_to_choose_it_are_refused_alike():
    """`backends["plaidml"].use()` raises what `use_backend` does; nothing is there."""
    with pytest.raises(ImplementationError) as one:
        kerasplug.use_backend("plaidml")
    with pytest.raises(ImplementationError) as other:
        kerasplug.backends["plaidml"].use()
    assert str(one.value) == str(other.value)
    assert not kerasplug.is_backend_available("plaidml")
    assert not kerasplug.is_keras_available(backend="plaidml")
