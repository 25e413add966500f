"""`kerasplug cache` and `kerasplug timings`: what is kept, and what is paid."""

import os
import sys

import pytest
from cli_kit import Shop
from fakes import HOOKS, declare, install


@pytest.fixture
def shop(tmp_path):
    """A shop with one plugin, whose index is on the disk."""
    made = Shop(tmp_path)
    declare(made.site, "lone", {"lone_gate": "lone_mod:Gate"})
    made.settle()
    assert made.run("list").code == 0
    return made


def indexes(shop):
    """What `cache show` says of the indexes: folder -> state."""
    data = shop.run("cache", "show", "--json").data
    return {one["folder"]: one["state"] for one in data["indexes"]}


# --- cache show ---


def test_show_tells_each_index(shop):
    """Each index has its folder, its size and whether it is current."""
    data = shop.run("cache", "show", "--json").data

    assert data["folder"] == str(shop.cache / "kerasplug")
    (one,) = [one for one in data["indexes"] if one["folder"] == str(shop.site)]
    assert one["state"] == "current"
    assert one["bytes"] == os.path.getsize(one["path"]) > 0


def test_show_tells_people_the_same(shop):
    """The plain answer names the cache's folder and each folder with its state."""
    out = shop.run("cache", "show").out

    assert out.startswith(f"{shop.cache / 'kerasplug'}: ")
    assert any(
        line.split()[0] == "current" and line.endswith(str(shop.site))
        for line in out.splitlines()[1:]
    )


def test_show_does_not_make_anything(tmp_path):
    """Where there is no cache none is made by looking at it."""
    shop = Shop(tmp_path)

    said = shop.run("cache", "show", "--json")

    assert (said.code, said.data["indexes"]) == (0, [])
    assert not shop.cache.exists()


def test_show_knows_what_is_not_current(shop, tmp_path):
    """Changed, vanished, unreadable and others' indexes are told apart."""
    folder = shop.cache / "kerasplug" / "index"
    (mine,) = [one for one in folder.iterdir() if str(shop.site) in one.read_text()]
    gone = tmp_path / "gone"
    declare(gone, "brief", {"brief_gate": "m:G"})
    shop.run("list", PYTHONPATH=str(gone))
    gone.rename(tmp_path / "away")
    (folder / "junk.index").write_bytes(b"\xff\x00 nothing of ours")
    (folder / "cpython-27-0.index").write_bytes(mine.read_bytes())
    declare(shop.site, "more", {"more_gate": "m:G"})

    data = shop.run("cache", "show", "--json").data

    states = {os.path.basename(one["path"]): one["state"] for one in data["indexes"]}
    assert states[mine.name] == "stale"
    assert states["junk.index"] == "unreadable"
    assert states["cpython-27-0.index"] == "other"
    assert {one["state"] for one in data["indexes"] if one["folder"] == str(gone)} == {
        "gone"
    }


def test_strange_folders_are_told_as_they_are(shop, tmp_path):
    """A folder whose name has tabs and backslashes is named rightly."""
    folder = tmp_path / "a\tb\\n"
    declare(folder, "strange", {"strange_gate": "m:G"})

    shop.run("list", PYTHONPATH=str(folder))

    assert str(folder) in indexes(shop)


def test_downloads_of_keras_are_told(shop):
    """Data sets and models that Keras has downloaded have their sizes."""
    (shop.home / "models" / "deep").mkdir(parents=True)
    (shop.home / "models" / "deep" / "w.h5").write_bytes(b"x" * 2000)
    (shop.home / "models" / "link").symlink_to(sys.executable)

    data = shop.run("cache", "show", "--json").data

    assert data["downloads"] == {"models": 2000}
    assert "removed by `kerasplug data` alone" in shop.run("cache", "show").out


# --- cache clear ---


def test_clear_removes_the_indexes_and_says_how_many(shop):
    """The indexes go, counted, nothing else does; the next listing makes them anew."""
    (shop.home / "datasets").mkdir(parents=True)
    (shop.home / "datasets" / "d.npz").write_bytes(b"x")
    before = shop.run("cache", "show", "--json").data["indexes"]
    note = shop.cache / "kerasplug" / "index" / "note.txt"
    note.write_text("mine")

    removed = shop.run("cache", "clear", "--json").data["removed"]

    total = sum(one["bytes"] for one in before)
    assert removed == {"index": {"files": len(before), "bytes": total}}
    assert indexes(shop) == {}
    assert note.read_text() == "mine"
    assert (shop.home / "datasets" / "d.npz").exists()
    assert "lone_gate" in shop.run("list").out
    assert indexes(shop)[str(shop.site)] == "current"


def test_clear_tells_people_the_same(shop):
    """The plain answer counts what was removed; a second one finds nothing."""
    assert "removed" in shop.run("cache", "clear").out
    assert shop.run("cache", "clear").out == "index: 0 files removed, 0 B\n"


@pytest.mark.parametrize("place", ["kerasplug", "kerasplug/index", "file"])
def test_clear_follows_no_link(shop, tmp_path, place):
    """A link in the place of a folder or a file is left alone, and its target too."""
    cache = shop.cache / "kerasplug"
    (tmp_path / "away").mkdir()
    link = cache / "index" / "linked.index" if place == "file" else shop.cache / place
    target = tmp_path / "away" / "target"
    if place == "file":
        target.touch()
    else:
        link.rename(target)
    link.symlink_to(target)
    there = sorted(one for one in (tmp_path / "away").rglob("*") if one.is_file())

    removed = shop.run("cache", "clear", "--json").data["removed"]["index"]

    assert there
    assert there == sorted(x for x in (tmp_path / "away").rglob("*") if x.is_file())
    assert (removed["files"] == 0) == (place != "file")
    assert link.is_symlink()


def test_clear_leaves_what_others_can_write(shop):
    """A folder that is not ours alone is not touched."""
    folder = shop.cache / "kerasplug" / "index"
    files = sorted(folder.iterdir())
    folder.chmod(0o777)

    assert shop.run("cache", "clear", "--json").data["removed"]["index"]["files"] == 0
    assert sorted(folder.iterdir()) == files


def test_clear_forgets_the_quarantine_when_asked(shop):
    """Only with `--quarantine` is it forgotten what crashed; then it is asked again."""
    groups = {"kerasplug": {"crash": "crash_hooks"}}
    modules = {"crash_hooks.py": "import os; os._exit(7)"}
    install(shop.site, "crash", groups, modules=modules)
    shop.run("list")

    shop.run("cache", "clear")
    kept = shop.run("cache", "show", "--json").data["quarantine"]
    said = shop.run("cache", "clear", "--quarantine", "--json")

    assert [(one["plugin"], one["module"]) for one in kept] == [
        ("crash", "crash_hooks")
    ]
    assert said.data["removed"]["quarantine"]["files"] == 1
    assert said.data["removed"]["quarantine"]["bytes"] > 0
    assert shop.run("cache", "show", "--json").data["quarantine"] == []


# --- timings ---


@pytest.fixture
def dear(shop):
    """The shop, with one hook module that takes its time and one that does not."""
    slow = "import time; time.sleep(0.3)\nprint('noise')\n"
    for name, more in (("slow", slow), ("quick", "")):
        groups = {"kerasplug": {name: f"{name}_hooks"}}
        lines = HOOKS.format(name=f"{name}_gate", module="json").replace("\n    ", "\n")
        install(shop.site, name, groups, modules={f"{name}_hooks.py": more + lines})
    return shop


def test_timings_come_dearest_first(dear):
    """Each hook module has its seconds and modules; the dearest comes first."""
    rows = dear.run("timings", "slow", "quick", "--json").data

    assert [one["module"] for one in rows] == ["slow_hooks", "quick_hooks"]
    assert rows[0]["seconds"] >= 0.3
    assert all(one["modules"] >= 1 for one in rows)
    assert {one["heavy"] == [] for one in rows} == {True}


@pytest.mark.parametrize(
    ("budget", "code", "verdicts"),
    [([], 1, ["over budget", "ok"]), (["--budget", "60"], 0, ["ok", "ok"])],
    ids=["default", "60 s"],
)
def test_what_is_over_budget_is_marked(dear, budget, code, verdicts):
    """A hook module over 0.1 s, or another budget, is marked; exit code 1."""
    said = dear.run("timings", "slow", "quick", *budget, "--json")
    plain = dear.run("timings", "slow", "quick", *budget)

    assert (said.code, plain.code) == (code, code)
    assert [one["is"] for one in said.data] == verdicts
    assert ("OVER BUDGET" in plain.out) == bool(code)


def test_targets_are_timed_when_asked(dear):
    """With `--targets` each contribution is imported as well, without a budget."""
    points = {"heavy": "heavy_mod:load"}
    source = "import numpy\ndef load(): pass\n"
    groups = {"kerasplug.datasets": points}
    install(dear.site, "heavy", groups, modules={"heavy_mod.py": source})

    said = dear.run("timings", "heavy", "--targets", "--json")
    without = dear.run("timings", "heavy")

    assert said.code == 0, said.out
    (row,) = said.data
    assert (row["what"], row["heavy"], row["budget"]) == (
        *("dataset heavy", ["numpy"]),
        None,
    )
    assert "imports numpy" in dear.run("timings", "heavy", "--targets").out
    assert without.code == 0
    assert "nothing to measure" in without.out


def test_what_fails_is_told_with_its_error(dear):
    """A module that can't be imported has its error; exit code 1."""
    dear.ill()

    said = dear.run("timings", "ill", "--json")

    assert said.code == 1
    assert said.data[0]["is"] == "failed"
    assert "nowhere_to_be_found" in said.data[0]["error"]
    assert "FAILED" in dear.run("timings", "ill").out
