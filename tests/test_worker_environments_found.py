"""Which interpreter an engine gets: by a variable, by choice, private, or by name."""

import os
import sys

import environments_kit
import pytest
from environments_kit import put_environment, was_started
from fakes import python

import kerasplug
from kerasplug.engines.workers import inspecting
from kerasplug.errors import ConfigError

wheels, tiny = environments_kit.wheels, environments_kit.tiny  # fixtures

HAS = "tiny-engine"
VARIABLE = "KERASPLUG_TINY_PYTHON"


def named(tiny, name="tiny", *distributions):
    """The interpreter of a virtual environment that the user has made by that name."""
    return put_environment(tiny.user / ".virtualenvs" / name, *distributions)


# --- the order ---


def test_each_way_goes_before_the_next(tiny, tmp_path):
    """First the variable, then the choice, the private one, and one so named."""
    by_name = named(tiny, "tiny", HAS)
    assert tiny.find() == [str(by_name), "the virtual environment tiny"]

    made = tiny.run("backend", "install", "tiny", "--json").data["python"]
    assert tiny.find() == [made, "kerasplug backend install tiny"]

    chosen = put_environment(tmp_path / "chosen", HAS)
    call = f"kerasplug.use_virtualenv({str(tmp_path / 'chosen')!r})"
    python, where = tiny.find(call)
    assert (python, f"kerasplug.{where}") == (str(chosen), call)

    given = put_environment(tmp_path / "given", HAS)
    assert tiny.find(call, **{VARIABLE: str(given)}) == [str(given), VARIABLE]
    assert [was_started(one) for one in (by_name, chosen, given)] == [False] * 3


def test_where_there_is_none_the_error_says_what_makes_one(tiny):
    """Nothing found: KerasMissingError with the command."""
    kind, text = tiny.find()

    assert kind == "KerasMissingError"
    assert "kerasplug backend install tiny" in text
    assert "one with tiny-engine" in text


# --- the variable ---


@pytest.mark.parametrize("what", ["nothing", "a folder", "a text", "another one"])
def test_a_variable_that_leads_elsewhere_is_an_error(tiny, tmp_path, what):
    """It must name a Python with the engine; nothing else is taken in its place."""
    named(tiny, "tiny", HAS)
    path = tmp_path / "thing"
    if what == "a folder":
        path.mkdir()
    elif what == "a text":
        path.write_text("")
    elif what == "another one":
        path = put_environment(path, "some-other-thing")

    kind, text = tiny.find(**{VARIABLE: str(path)})

    assert kind == "ConfigError"
    assert str(path) in text
    assert f"unset {VARIABLE}" in text
    listed = tiny.run("backend", "list", "--json", **{VARIABLE: str(path)}).data
    assert [one["state"] for one in listed if one["name"] == "tiny"] == ["broken"]


def test_a_variable_may_begin_with_a_tilde(tiny):
    """The user's home is put in its place."""
    put_environment(tiny.user / "mine", HAS)

    (found, _) = tiny.find(**{VARIABLE: "~/mine/bin/python"})

    assert found == str(tiny.user / "mine" / "bin" / "python")


# --- virtual environments ---


def test_a_virtual_environment_is_found_as_r_finds_it(tiny):
    """One called as the engine, or with `r-` before it, counts if it has the engine."""
    empty = named(tiny, "tiny")
    assert tiny.find()[0] == "KerasMissingError"

    other = named(tiny, "r-tiny", "Tiny_Engine")
    assert tiny.find() == [str(other), "the virtual environment r-tiny"]
    assert not was_started(empty)
    assert tiny.state() == ("available", "")


def test_virtual_environments_may_lie_elsewhere(tiny, tmp_path):
    """WORKON_HOME goes before `~/.virtualenvs`, as virtualenvwrapper has it."""
    there = put_environment(tmp_path / "work" / "tiny", HAS)
    named(tiny, "tiny", HAS)

    assert tiny.find(WORKON_HOME=str(tmp_path / "work"))[0] == str(there)


def test_a_folder_that_is_none_is_not_taken(tiny):
    """A folder of that name without `pyvenv.cfg` is no virtual environment."""
    named(tiny, "tiny", HAS)
    (tiny.user / ".virtualenvs" / "tiny" / "pyvenv.cfg").unlink()

    assert tiny.find()[0] == "KerasMissingError"


def test_a_virtual_environment_can_be_chosen_by_name(tiny):
    """`use_virtualenv` takes a name as R's does, and the last call holds."""
    named(tiny, "first", HAS)
    second = named(tiny, "second", HAS)
    calls = 'kerasplug.use_virtualenv("first"); kerasplug.use_virtualenv("second")'

    assert tiny.find(calls) == [str(second), "use_virtualenv('second')"]


def test_a_required_choice_has_to_have_the_engine(tiny):
    """A chosen environment without it is an error, also where another one has it."""
    named(tiny, "tiny", HAS)
    chosen = named(tiny, "mine")

    kind, text = tiny.find('kerasplug.use_virtualenv("mine")')

    assert kind == "ConfigError"
    assert f"without tiny-engine: {chosen}" in text


@pytest.mark.parametrize("function", ["use_virtualenv", "use_condaenv"])
def test_a_choice_that_is_not_required_may_fail(tiny, function):
    """`required=False`: where it is not there, or has not the engine, others count."""
    other = named(tiny, "tiny", HAS)
    named(tiny, "mine")

    for name in ("mine", "nowhere"):
        call = f'kerasplug.{function}("{name}", required=False)'
        assert tiny.find(call)[0] == str(other)


def test_a_required_choice_that_is_not_there_is_refused_at_once(tiny, tmp_path):
    """The call itself fails, and an earlier choice stays."""
    code = f"""
        import kerasplug
        from kerasplug.engines.workers import locating
        kerasplug.use_virtualenv("tiny")
        before = list(locating._chosen)
        for function in (kerasplug.use_virtualenv, kerasplug.use_condaenv):
            for where in ("nowhere", {str(tmp_path / "nowhere")!r}):
                try:
                    function(where)
                except kerasplug.KerasplugError as error:
                    print(error.what)
        assert locating._chosen == before
    """
    named(tiny, "tiny", HAS)
    said = python(code, env=tiny.environment()).stdout.splitlines()

    assert len(said) == 4
    assert said[0] == "There is no virtual environment 'nowhere'."
    assert said[3] == f"There is no conda environment '{tmp_path / 'nowhere'}'."


# --- conda ---


CONDA = {
    "below the active one": ("conda/envs/tiny", {"CONDA_PREFIX": "conda/envs/other"}),
    "below the base": ("conda/envs/tiny", {"CONDA_PREFIX": "conda"}),
    "of its program": ("conda/envs/tiny", {"CONDA_EXE": "conda/bin/conda"}),
    "of mamba": ("mamba/envs/tiny", {"MAMBA_ROOT_PREFIX": "mamba"}),
    "in a folder for them": ("all/tiny", {"CONDA_ENVS_PATH": "none:all"}),
    "in the same by its other name": ("all/tiny", {"CONDA_ENVS_DIRS": "all"}),
    "of the user": ("user/.conda/envs/tiny", {}),
}


@pytest.mark.parametrize("where", CONDA)
def test_conda_environments_are_found_without_conda(tiny, where):
    """One called as the engine is found wherever conda may have made it."""
    place, variables = CONDA[where]
    root = tiny.user.parent
    there = put_environment(root / place, HAS, conda=True)
    variables = {
        name: ":".join(str(root / one) for one in said.split(":"))
        for name, said in variables.items()
    }

    assert tiny.find(**variables) == [str(there), "the conda environment tiny"]
    assert not was_started(there)


def test_conda_environments_that_it_has_noted_are_found(tiny, tmp_path):
    """`~/.conda/environments.txt` has those in any place; a path can be given, too."""
    there = put_environment(tmp_path / "any" / "mine", HAS, conda=True)
    (tiny.user / ".conda").mkdir()
    list_of_them = tiny.user / ".conda" / "environments.txt"
    list_of_them.write_text(f"/gone/mine\n{tmp_path / 'any' / 'mine'}\n\n")

    by_name = tiny.find('kerasplug.use_condaenv("mine")')
    by_path = tiny.find(f'kerasplug.use_condaenv("{tmp_path}/any/mine")')

    assert by_name == [str(there), "use_condaenv('mine')"]
    assert by_path[0] == str(there)


def test_condas_own_environment_is_called_base(tiny, tmp_path):
    """The name "base" means the folder of the installation itself."""
    there = put_environment(tmp_path / "conda", HAS, conda=True)

    said = tiny.find('kerasplug.use_condaenv("base")', CONDA_PREFIX=f"{tmp_path}/conda")

    assert said[0] == str(there)


def test_a_virtual_environment_is_no_conda_environment(tiny, tmp_path):
    """Each function takes its own kind: the other one has no such environment."""
    put_environment(tmp_path / "v", HAS)
    put_environment(tmp_path / "c", HAS, conda=True)

    for function, name in (
        (kerasplug.use_condaenv, "v"),
        (kerasplug.use_virtualenv, "c"),
    ):
        with pytest.raises(ConfigError, match="There is no"):
            function(tmp_path / name)


# --- reading ---


def test_what_an_interpreter_has_is_read_from_its_files(tmp_path):
    """Names are compared as PEP 503 has them, and damaged metadata are passed over."""
    there = put_environment(tmp_path / "v", "Some_Thing", "other")
    site = tmp_path / "v" / "lib" / "python3.11" / "site-packages"
    (site / "other-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe")

    assert inspecting.installed_in(str(there)) == {"some-thing": "1.0"}
    assert inspecting.version_of(str(there)) == "3.11.7"


def test_what_is_read_of_this_environment_is_what_python_says():
    """For the interpreter of these tests the versions are those of importlib."""
    from importlib.metadata import version

    found = inspecting.installed_in(sys.executable)

    for name in ("pytest", "packaging", "pluggy", "filelock"):
        assert found[name] == version(name)


def test_packages_of_another_minor_version_do_not_count(tmp_path):
    """After an upgrade of Python the old packages lie there, and nobody finds them."""
    there = put_environment(tmp_path / "v", HAS)
    (tmp_path / "v" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.1\n")

    assert inspecting.installed_in(str(there)) == {}


def test_packages_of_the_base_count_where_the_environment_has_them(tmp_path):
    """With `include-system-site-packages` those of the base Python are found too."""
    base = put_environment(tmp_path / "base", "shared", conda=True)
    there = put_environment(tmp_path / "v", HAS)
    for said, found in (("false", {HAS}), ("true", {HAS, "shared"})):
        (tmp_path / "v" / "pyvenv.cfg").write_text(
            f"home = {base.parent}\nversion = 3.11.7\n"
            f"include-system-site-packages = {said}\n"
        )
        assert set(inspecting.installed_in(str(there))) == found


def test_a_link_to_an_interpreter_outside_is_followed(tmp_path):
    """Beside no `pyvenv.cfg` a link is a way to the real one: `/usr/bin/python3`."""
    real = put_environment(tmp_path / "real", HAS, conda=True)
    link = tmp_path / "bin" / "python"
    link.parent.mkdir()
    link.symlink_to(real)

    assert set(inspecting.installed_in(os.fspath(link))) == {HAS}


def test_pins_are_compared_where_their_marker_holds(tmp_path):
    """What is for another Python does not count; what is missing or other does."""
    there = str(put_environment(tmp_path / "v", HAS))
    pins = ("Tiny_Engine==1.0", "enum34==1.1.10; python_version < '3.4'")

    assert inspecting.strays(pins, there) == ()
    assert inspecting.strays(("tiny-engine==1.1", "gone==2"), there) == (
        "tiny-engine is 1.0, not ==1.1",
        "gone is not installed",
    )
