"""What a second look reads, and what makes it look again."""

from pathlib import Path

from fakes import HOOKS, LISTING, declare, install, python, settle

import kerasplug


def only_ours(tmp_path):
    """A folder that holds kerasplug and nothing else, settled."""
    lib = tmp_path / "lib"
    lib.mkdir()
    root = Path(kerasplug.__file__).parents[1]
    for name in ("kerasplug", "_kerasplug_state.py"):
        (lib / name).symlink_to(root / name)
    return lib


WARM = """
    import sys
    sys.path[:] = [path for path in sys.path if not path.endswith("-packages") and path]
    before = set(sys.modules)
    import kerasplug
    names = [*kerasplug.layers, *kerasplug.callbacks, *kerasplug.datasets]
    print(len(names))
    print(*sorted(set(sys.modules) - before))
"""


def test_a_warm_listing_imports_nothing_but_the_light_registry(tmp_path):
    """No Keras, no third party, none of the dearer standard modules."""
    site, lib = tmp_path / "site", only_ours(tmp_path)
    for number in range(5):
        declare(site, f"many-{number}", {f"many_{number}": "many_mod:G"})
    settle(site, lib)
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "KERASPLUG_NO_CACHE": ""}

    cold, warm = (python(WARM, site, lib, env=env).stdout.split() for _ in "cw")

    assert cold[0] == warm[0] == "5"
    assert "kerasplug.registry.scan" in cold
    assert set(warm[1:]) == {
        *("kerasplug", "_kerasplug_state", "kerasplug.catalog", "kerasplug.config"),
        "kerasplug.errors",
        *("kerasplug.files", "kerasplug.registry", "kerasplug.registry.parts"),
        *("kerasplug.registry.discovery", "kerasplug.registry.index"),
        "kerasplug.registry.listing",
        *("kerasplug.registry.paths", "kerasplug.registry.session"),
        *("kerasplug.registry.switches", "kerasplug.registry.overview", "zlib"),
    }


def test_a_warm_listing_imports_no_plugin_code(tmp_path):
    """What hook modules said is read from the index; a child process had asked them."""
    site = tmp_path / "site"
    for number in range(3):
        source = HOOKS.format(name=f"hooked_{number}", module="m")
        install(
            site,
            f"hooks-{number}",
            {"kerasplug": {"hooks": f"warm_hooks_{number}"}},
            modules={f"warm_hooks_{number}.py": source},
        )
    settle(site)
    code = """
        import sys, kerasplug
        print(*[name for name in kerasplug.layers if name.startswith("hooked_")])
        print(*[name for name in sys.modules if name.startswith("warm_hooks")])
        record = kerasplug.layers.record("hooked_1")
        print(record.target, record.summary)
    """
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "KERASPLUG_NO_CACHE": ""}

    cold, warm = (python(code, site, env=env).stdout.splitlines() for _ in "cw")

    assert cold[0] == warm[0] == "hooked_0 hooked_1 hooked_2"
    assert cold[1] == warm[1] == ""
    assert cold[2] == warm[2] == "m:Thing hooked"


def test_volatile_hook_modules_are_asked_each_time(tmp_path):
    """A module that says that its answer depends on more is never cached."""
    source = """
        import os
        from kerasplug import LayerRecord, hookimpl

        KERASPLUG_VOLATILE = True

        @hookimpl
        def kerasplug_layers():
            return [LayerRecord(name="v_" + os.environ["V"], target="m:G")]
    """
    site = tmp_path / "site"
    install(
        site, "vol", {"kerasplug": {"v": "vol_hooks"}}, modules={"vol_hooks.py": source}
    )
    settle(site)
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    for value in ("one", "two"):
        assert f"v_{value}" in python(LISTING, site, env={**env, "V": value}).stdout


def test_an_edited_hook_module_is_asked_again(tmp_path):
    """The index knows the source's time and size."""
    site = tmp_path / "site"
    file = site / "edit_hooks.py"
    install(
        site,
        "edit",
        {"kerasplug": {"e": "edit_hooks"}},
        modules={"edit_hooks.py": HOOKS.format(name="before_edit", module="m")},
    )
    settle(site)
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = python(LISTING, site, env=env).stdout

    file.write_text(file.read_text().replace("before_edit", "after_editing"))
    settle(site)
    second = python(LISTING, site, env=env).stdout

    assert "before_edit" in first
    assert "after_editing" in second
    assert "before_edit" not in second
