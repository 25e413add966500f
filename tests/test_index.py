"""The index on the disk: when it is used, and when it must not be."""

import os
import re
import subprocess
import textwrap
import zipfile

import pytest
from fakes import install, python, settle
from install_kit import ASK, Place, Said, own_library

LAYERS = "kerasplug.layers"
HOOKS = """
    from kerasplug import LayerRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(name="hooked", target="nowhere:Gate")]
"""
FOREIGN = """
    import sys
    from importlib.metadata import Distribution

    class Made(Distribution):
        def read_text(self, name):
            texts = {
                "METADATA": "Name: made-up\\nVersion: 1\\n",
                "entry_points.txt": "[kerasplug.layers]\\nmade = m:G\\n",
            }
            return texts.get(name)

        def locate_file(self, path):
            return path

    class Finder:
        def find_spec(self, name, path=None, target=None):
            return None

        def find_distributions(self, context):
            return [Made()]

    sys.meta_path.append(Finder())
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A settled copy of kerasplug and what it imports."""
    return own_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def place(tmp_path, library):
    """A place with one distribution, which declares the layer `first`."""
    made = Place(tmp_path, library)
    add(made, "first")
    return made


def add(place, name, **options):
    """Install a distribution that declares one layer of its own name."""
    return install(place.site, name, {LAYERS: {name: f"{name}:Gate"}}, **options)


def warm(place):
    """What a process says that has a current index, and really uses it."""
    place.settle()
    place.ask()
    said = place.ask()
    assert not said.looked
    return said


def test_the_second_process_does_not_look(place):
    """The first process looks at the metadata, the next one reads the index."""
    place.settle()

    assert place.ask() == Said(("first",), looked=True, faults=())
    assert place.ask() == Said(("first",), looked=False, faults=())


def test_what_is_added_or_removed_is_seen_at_once(place):
    """A current index is dropped when its folder's listing changes."""
    warm(place)
    second = add(place, "second")
    assert place.ask().names == ("first", "second")

    warm(place)
    for file in second.iterdir():
        file.unlink()
    second.rmdir()
    assert place.ask().names == ("first",)


def test_a_folder_that_was_just_changed_is_not_trusted(place):
    """An installation may still be going on: no process relies on a half view."""
    for _ in range(3):
        assert place.ask() == Said(("first",), looked=True, faults=())

    assert warm(place).names == ("first",)


def test_without_cache_nothing_is_read_or_written(place):
    """`KERASPLUG_NO_CACHE` makes each process look, and leaves no file."""
    place.settle()

    for _ in range(2):
        assert place.ask(KERASPLUG_NO_CACHE="1").looked
    assert not place.cache.exists()


def test_rewritten_entry_points_of_an_egg_info_are_seen(place):
    """`setup.py egg_info` rewrites a file inside a folder that stays as it is."""
    info = add(place, "legacy", kind="egg-info")
    assert warm(place).names == ("first", "legacy")
    before = place.site.stat().st_mtime_ns, info.stat().st_mtime_ns

    (info / "entry_points.txt").write_text(f"[{LAYERS}]\nmodern = legacy:Gate\n")

    assert before == (place.site.stat().st_mtime_ns, info.stat().st_mtime_ns)
    assert place.ask().names == ("first", "modern")


def test_what_an_egg_link_points_to_is_watched(place, tmp_path):
    """A legacy editable install: a link, a line in a `.pth`, metadata elsewhere."""
    source = tmp_path / "source"
    info = install(source, "linked", {LAYERS: {"old": "m:G"}}, kind="egg-info")
    (place.site / "linked.egg-link").write_text(f"{source}\n.")
    place.path.insert(1, source)
    settle(source)
    assert warm(place).names == ("first", "old")

    (info / "entry_points.txt").write_text(f"[{LAYERS}]\nnew = m:G\n")

    assert place.ask().names == ("first", "new")


def test_equal_copies_of_one_distribution_are_one(place, tmp_path):
    """The same metadata in two folders, or under two names of one, are no fault."""
    other = tmp_path / "other"
    install(other, "first", {LAYERS: {"first": "first:Gate"}})
    (tmp_path / "alias").symlink_to(place.site)
    place.path += [other, tmp_path / "alias"]

    assert place.ask() == Said(("first",), looked=True, faults=())


def test_plugins_in_two_folders_are_listed_together(place, tmp_path):
    """Names of all folders are there, and those that clash are canonical."""
    other = tmp_path / "other"
    entries = {"first": "second:Gate", "own": "second:Own"}
    install(other, "second", {LAYERS: entries})
    settle(other)
    place.path.append(other)

    assert warm(place).names == ("first/first", "own", "second/first")


def test_copies_that_differ_are_a_fault_and_the_newer_one_counts(place, tmp_path):
    """Stale metadata are reported; the order of the path decides nothing."""
    other = tmp_path / "other"
    install(other, "first", {LAYERS: {"newer": "first:Gate"}}, version="1.10")
    place.path.append(other)

    forward = place.ask()
    place.path.reverse()
    backward = place.ask()

    assert forward.names == backward.names == ("newer",)
    assert forward.faults == ("first has two sets of metadata that differ",)


def test_a_newer_copy_without_names_counts_too(place, tmp_path):
    """What stands ready in one folder's index does not hide another folder."""
    other = tmp_path / "other"
    odd = {LAYERS: {"gone": "not a target!"}}
    install(other, "first", odd, version="2.0")
    settle(other)
    place.path.append(other)

    assert warm(place).names == ()


def _age(file):
    file.write_bytes(re.sub(rb"\A(\S+) \d+", rb"\1 0", file.read_bytes()))


def _truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def _flip(file):
    file.write_bytes(file.read_bytes().replace(b"first:Gate", b"worse:Gate"))


def _enlarge(file):
    with file.open("r+b") as opened:
        opened.truncate(65 * 1024 * 1024)


def _link(file):
    moved = file.with_name("elsewhere")
    file.rename(moved)
    file.symlink_to(moved)


def _open_to_all(file):
    file.chmod(0o666)


def _give_away(file):
    os.chown(file, 12345, -1)


DAMAGES = [
    pytest.param(lambda file: file.write_bytes(b""), id="empty"),
    pytest.param(lambda file: file.write_bytes(b"\xff\x00\n" * 99), id="garbage"),
    pytest.param(
        lambda file: file.write_bytes(file.read_bytes().partition(b"\n")[0]),
        id="header-alone",
    ),
    _age,
    _truncate,
    _flip,
    _enlarge,
    _link,
    _open_to_all,
]
if os.geteuid() == 0:
    DAMAGES.append(_give_away)


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_index_that_is_not_sound_is_rebuilt(place, damage):
    """Damaged, too large, or not ours alone: it is as good as none."""
    warm(place)
    damage(place.index())

    assert place.ask() == Said(("first",), looked=True, faults=())
    assert place.ask() == Said(("first",), looked=False, faults=())


def test_an_index_of_another_folder_is_not_used(place, tmp_path, library):
    """The file says whose it is: a name that collides does no harm."""
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other", library)
    add(other, "stranger")
    warm(place)
    other.cache = place.cache
    warm(other)

    other.index().write_bytes(place.index().read_bytes())

    assert other.ask().names == ("stranger",)


def test_a_cache_that_cannot_be_written_is_no_trouble(place, tmp_path):
    """Where no index can be kept, each process looks, and all is found."""
    place.settle()
    (tmp_path / "file").write_text("")
    place.cache = tmp_path / "file" / "cache"

    for _ in range(2):
        assert place.ask() == Said(("first",), looked=True, faults=())


def test_a_cache_folder_that_others_can_write_is_not_used(place):
    """Somebody else could put names there: nothing is kept in such a folder."""
    place.settle()
    folder = place.cache / "kerasplug"
    folder.mkdir(parents=True)
    folder.chmod(0o777)

    for _ in range(2):
        assert place.ask() == Said(("first",), looked=True, faults=())
    assert not list(folder.iterdir())


def test_old_index_files_are_removed(place):
    """Each folder leaves one file; of very many the oldest go."""
    place.settle()
    folder = place.cache / "kerasplug" / "index"
    folder.mkdir(parents=True)
    for parent in (folder, folder.parent):
        parent.chmod(0o700)
    for number in range(400):
        (folder / f"old-{number}.index").write_text("")
        os.utime(folder / f"old-{number}.index", (number, number))

    place.ask()

    left = {file.name for file in folder.iterdir()}
    assert len(left) <= 300
    assert "old-399.index" in left
    assert place.ask() == Said(("first",), looked=False, faults=())


def test_a_zip_file_is_seen_and_never_cached(place, tmp_path):
    """Distributions in a zip on the path are read anew in each process."""
    archive = tmp_path / "archive.zip"
    place.path.append(archive)

    for name in ("zipped", "rezipped"):
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(f"{info}/METADATA", f"Name: {name}\nVersion: 1.0\n")
            file.writestr(f"{info}/entry_points.txt", f"[{LAYERS}]\n{name} = m:G\n")
        place.settle()
        place.ask()
        assert place.ask().names == ("first", name)


def test_a_foreign_finder_is_seen_and_never_cached(place):
    """What only a finder knows is there with it, and gone without it."""
    warm(place)

    assert place.ask(before=FOREIGN).names == ("first", "made")
    assert place.ask().names == ("first",)
    assert place.ask(before=FOREIGN).names == ("first", "made")


def test_eight_processes_at_once_agree(place):
    """They all find the same, and the index that they leave is sound."""
    install(
        place.site,
        "hooks",
        {"kerasplug": {"hooks": "some_hooks"}},
        modules={"some_hooks.py": HOOKS},
    )
    for number in range(200):
        add(place, f"many{number}")
    place.settle()
    gate = place.site.parent / "gate"
    wait = f"""
        import os
        while not os.path.exists({str(gate)!r}):
            pass
    """
    started = [
        subprocess.Popen(
            place.command(textwrap.dedent(wait) + ASK),
            env=place.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]

    gate.touch()
    said = {Said.of(process.communicate(timeout=120)[0]).names for process in started}

    assert len(said) == 1
    assert len(said.pop()) == 202
    last = place.ask()
    assert (len(last.names), last.looked) == (202, False)
    assert not list(place.index().parent.glob(".*"))


def test_sixteen_threads_at_first_use_agree(place):
    """Each gets the same names and the same claims, and none waits for ever."""
    install(
        place.site,
        "hooks",
        {"kerasplug": {"hooks": "some_hooks"}},
        modules={"some_hooks.py": HOOKS},
    )
    threads = """
        import sys, threading
        sys.setswitchinterval(1e-6)
        start = threading.Barrier(16)
        found, claims = [], []

        def first_use():
            start.wait()
            import kerasplug
            from kerasplug import registry
            found.append(tuple(kerasplug.layers))
            claims.append(registry.claim("layer", "first"))

        threads = [threading.Thread(target=first_use) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(found) == len(claims) == 16, found
        assert set(found) == {("first", "hooked")}, set(found)
        assert len(set(map(id, claims))) == 1, claims
    """

    for _ in range(5):
        assert place.ask(before=threads).names == ("first", "hooked")


def test_a_folder_without_metadata_gets_no_index(tmp_path):
    """Scripts' folders and the current directory leave nothing in the cache."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "tool.py").write_text("pass")
    site = tmp_path / "site"
    install(site, "one", {"kerasplug.layers": {"one_gate": "m:G"}})
    settle(site)
    cache = tmp_path / "cache"
    code = """
        import sys, kerasplug
        print("one_gate" in kerasplug.layers, "kerasplug.registry.scan" in sys.modules)
    """
    env = {"XDG_CACHE_HOME": str(cache)}

    for _ in range(2):
        python(code, tmp_path / "scripts", site, env=env)

    texts = [file.read_text() for file in (cache / "kerasplug" / "index").iterdir()]
    places = [text.split("\n")[1].split("\t")[1] for text in texts]
    assert str(site) in places
    assert str(tmp_path / "scripts") not in places
