"""`get_file` and `fetch`: arguments, the cache, mirrors, offline mode, records."""

import hashlib
import os
import stat

import fetch_server as bad
import pytest
from fetch_kit import QUICK, get, holds_only_the_file, listing, remote
from fetch_kit import cache as cache  # noqa: PLC0414 -- a fixture, found by its name
from fetch_kit import server as server  # noqa: PLC0414 -- a fixture, found by its name
from fetch_server import BODY, DIGEST, OTHER, SIZE

from kerasplug.errors import (
    ConfigError,
    FetchError,
    HashError,
    OfflineError,
    RecordError,
)
from kerasplug.fetching import (
    Patience,
    UnpackLimits,
    cached_path,
    fetch,
    get_file,
    is_cached,
    remove,
    verify,
)
from kerasplug.hooks import ApplicationRecord, DatasetRecord

MD5 = hashlib.new("md5", BODY, usedforsecurity=False).hexdigest()

# --- arguments ---


@pytest.mark.parametrize(
    ("digest", "algorithm"),
    [
        (DIGEST, "auto"),
        (DIGEST.upper(), "sha256"),
        (MD5, "auto"),
        (MD5.upper(), "md5"),
        (hashlib.sha512(BODY).hexdigest(), "auto"),
        (hashlib.sha512(BODY).hexdigest(), "sha512"),
    ],
)
def test_three_hashes_in_either_case(digest, algorithm, server, cache):
    """SHA-256, SHA-512 and MD5 are known, by name or by length."""
    url = server.serve("/f", bad.good)

    get(url, cache, file_hash=digest, hash_algorithm=algorithm)

    assert holds_only_the_file(cache)


def test_the_old_argument_for_md5_works(server, cache):
    """`md5_hash` is what it is in Keras, and it is enforced."""
    url = server.serve("/f", bad.good)

    get(url, cache, file_hash=None, md5_hash=MD5)
    with pytest.raises(HashError, match="md5"):
        get(url, cache, file_hash=None, md5_hash="0" * 32)


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("hash_algorithm", {"hash_algorithm": "crc32"}),
        ("file_hash", {"file_hash": "abc"}),
        ("file_hash", {"file_hash": "g" * 64}),
        ("file_hash", {"file_hash": DIGEST, "hash_algorithm": "sha512"}),
        ("archive_format", {"archive_format": "rar"}),
        ("origin", {"origin": None}),
        ("origin", {"origin": "file:///etc/hostname"}),
        ("origin", {"origin": "ftp://example.org/x"}),
        ("origin", {"origin": "http://[x/y"}),
        ("mirrors", {"mirrors": "http://example.org/x"}),
        ("origin", {"mirrors": ["file:///x"]}),
        ("largest", {"largest": 0}),
        ("fname", {"fname": "a/b"}),
        ("fname", {"fname": ".."}),
        ("fname", {"fname": "a\\b"}),
        ("fname", {"origin": "http://example.org/.."}),
        ("fname", {"origin": "http://example.org/"}),
        ("progress", {"progress": 7, "origin": "http://127.0.0.1:1/x"}),
    ],
)
def test_a_wrong_argument_is_named(argument, options, server, cache):
    """Nothing is asked for, and no folder is left behind with anything in it."""
    options = {"origin": server.serve("/f", bad.good), **options}

    with pytest.raises(RecordError) as caught:
        get_file(cache_dir=cache, **options)

    assert caught.value.field == argument
    assert server.requests == []
    assert [one for one in listing(cache) if one != "datasets"] == []


@pytest.mark.parametrize(
    "wrong", [{"tries": 0}, {"stall": 0}, {"wait": -1}, {"total": "1"}, {"lock": True}]
)
def test_wrong_patience_is_refused(wrong):
    """Each number has its range."""
    with pytest.raises(RecordError, match=next(iter(wrong))):
        Patience(**wrong)
    with pytest.raises(RecordError, match="members"):
        UnpackLimits(members=0)


def test_the_name_comes_from_the_address(server, cache):
    """As in Keras; an absolute subfolder stands alone."""
    url = server.serve("/data/x.bin?v=1", bad.good)
    elsewhere = cache / "elsewhere"

    path = get_file(origin=url, file_hash=DIGEST, cache_subdir=str(elsewhere))

    assert path == str(elsewhere / "x.bin")


def test_the_home_is_that_of_keras(server, monkeypatch, tmp_path):
    """`KERAS_HOME`, else `~/.keras`, which is made where it is missing."""
    url = server.serve("/f", bad.good)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "a"))
    assert get(url, None) == str(tmp_path / "a" / "datasets" / "file.bin")

    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "b"))
    assert get(url, None) == str(tmp_path / "b" / ".keras" / "datasets" / "file.bin")

    monkeypatch.setenv("KERAS_HOME", "")
    with pytest.raises(ConfigError):
        get(url, None)


def test_a_local_file_is_copied_where_that_is_allowed(tmp_path, server, cache):
    """`allow_file=True` takes `file:`, with the same rules."""
    (tmp_path / "x y.bin").write_bytes(BODY)
    url = (tmp_path / "x y.bin").as_uri()

    get(url, cache, allow_file=True)

    assert holds_only_the_file(cache)
    with pytest.raises(FetchError, match="can't be read"):
        get(url + "z", cache, allow_file=True, force_download=True)
    assert holds_only_the_file(cache)


def test_the_umask_decides_who_may_read(server, cache):
    """A shared cache can be shared."""
    before = os.umask(0o022)
    try:
        path = get(server.serve("/f", bad.good), cache)
    finally:
        os.umask(before)

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644


# --- the cache ---


def hashed(call):
    """How many bytes are hashed during a call, by anybody."""
    from kerasplug.fetching import seals

    sizes, original = [], seals.hash_of

    def counted(file, algorithm, report=None):
        return original(file, algorithm, sizes.append)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seals, "hash_of", counted)
        call()
    return sum(sizes)


def test_a_verified_file_is_not_hashed_again(server, cache):
    """Only with `verify=True`; and nobody is asked."""
    url = server.serve("/f", bad.good)
    get(url, cache)

    assert hashed(lambda: get(url, cache)) == 0
    assert hashed(lambda: get(url, cache, verify=True)) == SIZE
    assert len(server.requests) == 1


def change_size(path):
    path.write_bytes(BODY + b"x")


def change_time(path):
    os.utime(path, ns=(1, 1))


def change_bytes_and_time_back(path):
    before = path.stat()
    path.write_bytes(OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_inode(path):
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(OTHER)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


@pytest.mark.parametrize(
    "change", [change_size, change_time, change_bytes_and_time_back, change_inode]
)
def test_a_changed_file_is_noticed(change, server, cache):
    """Size, mtime, ctime and inode each tell; a wrong file is replaced."""
    url = server.serve("/f", bad.good)
    path = cache / "datasets" / "file.bin"
    get(url, cache)
    change(path)

    assert hashed(lambda: get(url, cache)) >= SIZE

    assert path.read_bytes() == BODY
    assert listing(cache) == ["datasets", "datasets/file.bin"]


@pytest.mark.parametrize("harm", ["damaged", "writable by others"])
def test_a_seal_that_is_not_ours_is_not_believed(harm, server, cache, tmp_path):
    """What others could have written says nothing."""
    url = server.serve("/f", bad.good)
    get(url, cache)
    (seal,) = (tmp_path / "own" / "kerasplug" / "fetched").glob("*.json")
    if harm == "damaged":
        seal.write_bytes(b"[1]")
    else:
        seal.chmod(0o666)

    assert hashed(lambda: get(url, cache)) == SIZE


def test_without_a_cache_of_our_own_it_is_hashed_each_time(server, cache, tmp_path):
    """Where no seal can be kept, everything works all the same."""
    (tmp_path / "own").write_text("no folder")
    url = server.serve("/f", bad.good)
    get(url, cache)

    assert hashed(lambda: get(url, cache)) == SIZE


def test_a_wrong_file_is_never_returned(server, cache):
    """Where the right one can't be had, the wrong one is no answer; it stays."""
    path = cache / "datasets" / "file.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER)

    with pytest.raises(FetchError):
        get(server.serve("/f", bad.status("404 No")), cache)
    assert path.read_bytes() == OTHER

    get(server.serve("/f", bad.good), cache)
    assert holds_only_the_file(cache)


# --- mirrors and offline mode ---


def test_mirrors_are_asked_in_their_order(server, cache):
    """The hash is the judge of all of them."""
    url = server.serve("/f", bad.status("404 No"))
    wrong = server.serve("/wrong", bad.of(OTHER))
    right = server.serve("/right", bad.good)

    get(url, cache, mirrors=[wrong, right])

    assert [one.path for one in server.requests] == ["/f", "/wrong", "/right"]
    assert holds_only_the_file(cache)


def test_a_mirror_goes_on_where_another_ended(server, cache):
    """Half from one, half from another: the hash says whether it is the file."""
    url = server.serve("/f", bad.truncated)
    right = server.serve("/right", bad.good)

    fetch(remote(url, mirrors=(right,)), cache_dir=cache, patience=QUICK)

    assert server.asked("/right")[0].start == SIZE // 2
    assert holds_only_the_file(cache)


def test_a_site_can_have_its_own_mirror(server, cache, monkeypatch):
    """`KERASPLUG_MIRROR` stands for scheme and host; path and query stay."""
    server.serve("/m/a/b.bin?c=1", bad.good)
    monkeypatch.setenv("KERASPLUG_MIRROR", f"{server.site}/m/")

    get("https://no-such-host.invalid:99/a/b.bin?c=1", cache)

    assert [one.path for one in server.requests] == ["/m/a/b.bin?c=1"]


@pytest.mark.parametrize(
    "mirror", ["file:///x", "example.org", "http://x/?a", "http://"]
)
def test_a_mirror_that_is_none_is_refused(mirror, server, cache, monkeypatch):
    """The variable and what it holds are named."""
    monkeypatch.setenv("KERASPLUG_MIRROR", mirror)

    with pytest.raises(ConfigError, match="KERASPLUG_MIRROR"):
        get(server.serve("/f", bad.good), cache)


def test_offline_a_cached_file_is_returned(server, cache, monkeypatch):
    """And one that is not there is an error that says what to put where."""
    url = server.serve("/f", bad.good)
    monkeypatch.setenv("KERASPLUG_OFFLINE", "1")
    with pytest.raises(OfflineError) as caught:
        get(url, cache)

    path = str(cache / "datasets" / "file.bin")
    assert caught.value.path == path
    for part in (f"put it at {path}", DIGEST, url):
        assert part in str(caught.value)
    assert listing(cache) == []

    get(url, cache, offline=False)
    assert get(url, cache) == path
    with pytest.raises(OfflineError):
        get(url, cache, force_download=True)


def test_offline_a_wrong_file_is_told(server, cache):
    """It is there, and it is not what is wanted."""
    path = cache / "datasets" / "file.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER)

    with pytest.raises(OfflineError, match="other content than expected"):
        get(server.serve("/f", bad.good), cache, offline=True)


def test_a_proxy_of_the_environment_is_used(server, cache, monkeypatch):
    """The proxy gets the whole address."""
    url = "http://no-such-host.invalid/f"
    server.script[url] = [bad.good]
    monkeypatch.setenv("http_proxy", server.site.replace("//", "//me:secret@"))

    get(url, cache)

    (request,) = server.requests
    assert request.headers["proxy-authorization"].startswith("Basic ")
    assert holds_only_the_file(cache)


# --- records ---


def record(url):
    """A data set of two files."""
    return DatasetRecord(
        name="two",
        target="two:load",
        files=(remote(url), remote(url, name="other.bin", size=SIZE)),
    )


def test_a_record_gives_the_paths_of_its_files(server, cache):
    """`fetch`, `is_cached`, `verify` and `remove` say the same of them."""
    wanted = record(server.serve("/f", bad.good))
    paths = tuple(cached_path(one, cache_dir=cache) for one in wanted.files)
    assert not is_cached(wanted, cache_dir=cache)
    assert [one.state for one in verify(wanted, cache_dir=cache)] == ["missing"] * 2

    assert fetch(wanted, cache_dir=cache, patience=QUICK) == paths
    assert is_cached(wanted, cache_dir=cache)
    assert fetch(wanted, cache_dir=cache, offline=True, verify=True) == paths

    with open(paths[1], "wb") as file:
        file.write(OTHER)
    assert not is_cached(wanted, cache_dir=cache)
    first, second = verify(wanted, cache_dir=cache)
    assert first == (paths[0], "right", DIGEST)
    assert second.state == "wrong"

    assert remove(wanted, cache_dir=cache) == paths
    assert remove(wanted, cache_dir=cache) == ()
    assert listing(cache) == ["datasets"]


def test_weights_of_applications_are_fetched_one_by_one(server, cache):
    """Nobody wants all variants; Keras keeps them below `models`."""
    wanted = ApplicationRecord(
        name="net", target="net:Net", weights=(remote(server.serve("/f", bad.good)),)
    )

    with pytest.raises(RecordError, match="with files"):
        fetch(wanted, cache_dir=cache)
    (path,) = (
        fetch(one, cache_dir=cache, cache_subdir="models") for one in wanted.weights
    )
    assert path == str(cache / "models" / "file.bin")


def test_a_recorded_size_ends_a_download_that_is_too_long(server, cache):
    """More bytes than recorded can't be the file."""
    with pytest.raises(FetchError, match="more than the 1,000 bytes"):
        fetch(
            remote(server.serve("/f", bad.good), size=1000),
            cache_dir=cache,
            patience=QUICK,
        )
