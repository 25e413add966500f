"""`kerasplug data`: what becomes of the files of data sets, over a real server."""

import hashlib
from pathlib import Path

import pytest
from cli_kit import Shop
from fakes import install
from fetch_kit import FOREIGN
from fetch_server import BODY, DIGEST, Server, good, of, status

HOOKS = """
    from kerasplug import DatasetRecord, RemoteFile, hookimpl

    @hookimpl
    def kerasplug_datasets():
        file = RemoteFile(name="file.bin", url="{url}", sha256="{digest}")
        return [
            DatasetRecord(name="hashed", target="home_data:nothing", files=(file,)),
            DatasetRecord(
                name="bare",
                target="home_data:SOURCE",
                other_files=("bare-files/one.txt",),
            ),
            DatasetRecord(name="inside", target="home_data:nothing"),
        ]
"""
DATA = """
    from pathlib import Path

    from kerasplug.data import DatasetSource
    from kerasplug.errors import DatasetError
    from kerasplug.fetching import get_file

    def download(**options):
        folder = "datasets/bare-files"
        path = get_file("one.txt", "{other}", cache_subdir=folder, **options)
        if Path(path).read_bytes() != b"right":
            raise DatasetError("one.txt is no such file.", mend="remove it")
        return (path,)

    SOURCE = DatasetSource(load=lambda: None, download=download)
    nothing = None
"""
QUIET = dict.fromkeys(FOREIGN, "")


@pytest.fixture
def server():
    """A server on this machine that has both files."""
    with Server() as running:
        running.script["/file.bin"] = [good]
        running.script["/one.txt"] = [of(b"right")]
        yield running


@pytest.fixture
def shop(tmp_path, server):
    """A shop with a plugin of three data sets."""
    made = Shop(tmp_path)
    filled = {"url": server.site + "/file.bin", "digest": DIGEST}
    install(
        made.site,
        "home",
        {"kerasplug": {"home": "home_hooks"}},
        modules={
            "home_hooks.py": HOOKS.format(**filled),
            "home_data.py": DATA.format(other=server.site + "/one.txt"),
        },
    )
    return made


def data(shop, *arguments, **variables):
    """What `kerasplug data` says, for programs."""
    said = shop.run("data", *arguments, "--json", **QUIET | variables)
    assert not said.err, said.err
    return said


def states(shop):
    """Name -> state, of this plugin's data sets."""
    ours = ("hashed", "bare", "inside")
    return {
        one["name"]: one["state"]
        for one in data(shop, "list").data
        if one["name"] in ours
    }


def in_cache(shop, *parts):
    """A file in the cache of this shop."""
    return shop.home.joinpath("datasets", *parts)


def test_list_tells_what_is_there(shop):
    """A data set is missing, present, or inside its package; listing makes nothing."""
    assert states(shop) == {
        "hashed": "missing",
        "bare": "missing",
        "inside": "embedded",
    }
    assert not shop.home.exists()

    data(shop, "fetch", "hashed")

    assert states(shop)["hashed"] == "present"
    (one,) = [one for one in data(shop, "list").data if one["name"] == "hashed"]
    assert one["bytes"] == len(BODY)


def test_list_imports_no_code_of_the_plugin(shop):
    """The module with the loader may be broken: nobody asked for it."""
    Path(shop.site, "home_data.py").write_text("raise RuntimeError", encoding="utf-8")

    assert states(shop)["bare"] == "missing"


def test_fetch_brings_files_with_and_without_hash(shop):
    """Both come, and people read what was brought and where it lies."""
    said = shop.run("data", "fetch", "hashed", "bare", "inside", **QUIET)

    assert said.code == 0, said.err
    assert in_cache(shop, "file.bin").read_bytes() == BODY
    assert in_cache(shop, "bare-files", "one.txt").read_bytes() == b"right"
    assert "home/hashed: right" in said.out
    assert str(in_cache(shop, "bare-files", "one.txt")) in said.out
    assert "home/inside: embedded" in said.out


def test_fetch_tells_what_failed_and_brings_the_others(shop, server):
    """One data set that can't be had does not keep the others away; the code is 1."""
    server.script["/file.bin"] = [status("404 Not Found")]

    said = data(shop, "fetch", "hashed", "bare")

    assert said.code == 1
    hashed, bare = said.data
    assert hashed["state"] == "error"
    assert "404" in hashed["error"]
    assert bare["state"] == "right"
    assert not in_cache(shop, "file.bin").exists()


def test_fetch_without_a_name_is_an_error(shop):
    """All data sets are some hundred megabytes: one has to say so."""
    said = shop.run("data", "fetch", **QUIET)

    assert said.code == 1
    assert "--all" in said.err


def test_fetch_offline_says_where_to_put_the_file(shop):
    """Without a network the error names the file that is missing."""
    said = data(shop, "fetch", "hashed", KERASPLUG_OFFLINE="1")

    assert said.code == 1
    assert str(in_cache(shop, "file.bin")) in said.data[0]["error"]


def test_unknown_name_has_close_ones(shop):
    """A typing error is told with the name that was meant."""
    said = shop.run("data", "fetch", "hashd", **QUIET)

    assert said.code == 2
    assert "hashed" in said.err


def test_verify_finds_a_file_that_was_changed(shop):
    """A changed file is wrong, with or without a known hash; nothing is removed."""
    data(shop, "fetch", "hashed", "bare")
    assert data(shop, "verify", "hashed", "bare").code == 0
    in_cache(shop, "file.bin").write_bytes(BODY[:-1] + b"x")
    in_cache(shop, "bare-files", "one.txt").write_bytes(b"wrong")

    said = data(shop, "verify", "hashed", "bare")

    assert said.code == 1
    hashed, bare = said.data
    assert hashed["state"] == "wrong"
    assert hashed["paths"] == [str(in_cache(shop, "file.bin"))]
    assert bare["state"] == "error"
    assert "no such file" in bare["error"]
    assert in_cache(shop, "file.bin").exists()


def test_verify_of_all_is_about_what_is_there(shop):
    """Without names nobody is told of what was never downloaded."""
    assert data(shop, "verify").data == []
    data(shop, "fetch", "hashed")

    said = data(shop, "verify")

    assert (said.code, [one["name"] for one in said.data]) == (0, ["home/hashed"])


def test_verify_of_a_name_that_is_missing_fails(shop):
    """Who names a data set wants it to be there."""
    said = data(shop, "verify", "hashed", "bare")

    assert said.code == 1
    assert [one["state"] for one in said.data] == ["missing", "missing"]


def test_path_tells_where_files_are_or_would_be(shop):
    """The paths are the same before and after."""
    before = shop.run("data", "path", "hashed", "bare", **QUIET).out
    data(shop, "fetch", "hashed", "bare")

    assert shop.run("data", "path", "hashed", "bare", **QUIET).out == before
    assert all(Path(line).is_file() for line in before.split())


def test_remove_removes_the_files_and_nothing_else(shop):
    """Files of others stay, and a second call finds nothing."""
    data(shop, "fetch", "hashed", "bare")
    other = in_cache(shop, "mine.bin")
    other.write_bytes(b"mine")

    said = data(shop, "remove", "hashed", "bare")

    assert said.data == {
        "home/hashed": [str(in_cache(shop, "file.bin"))],
        "home/bare": [str(in_cache(shop, "bare-files", "one.txt"))],
    }
    assert states(shop)["hashed"] == states(shop)["bare"] == "missing"
    assert other.read_bytes() == b"mine"
    assert data(shop, "remove", "hashed").data == {"home/hashed": []}


def test_remove_without_a_name_is_an_error(shop):
    """Nothing is removed that nobody named."""
    data(shop, "fetch", "hashed")

    assert shop.run("data", "remove", **QUIET).code == 1
    assert hashlib.sha256(in_cache(shop, "file.bin").read_bytes()).hexdigest() == DIGEST


def test_cache_tells_and_forgets_what_was_hashed(shop):
    """The seals of downloads are counted, and go when it is asked for."""
    data(shop, "fetch", "hashed")

    (count, size) = shop.run("cache", "show", "--json").data["seals"].values()
    assert (count, size > 0) == (1, True)
    assert "1 download hashed" in shop.run("cache", "show").out

    assert "seals" not in shop.run("cache", "clear", "--json").data["removed"]
    removed = shop.run("cache", "clear", "--seals", "--json").data["removed"]["seals"]
    assert removed["files"] == 1
    assert shop.run("cache", "show", "--json").data["seals"]["files"] == 0
    assert data(shop, "verify", "hashed").code == 0
