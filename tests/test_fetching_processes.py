"""Many processes at once, killed ones, full disks and folders that can't be written."""

import hashlib
import os
import shutil
import signal
import subprocess
import time

import fetch_server as bad
import pytest
from fetch_kit import cache as cache  # noqa: PLC0414 -- a fixture, found by its name
from fetch_kit import child, ended, get, holds_only_the_file, is_clean, listing
from fetch_kit import server as server  # noqa: PLC0414 -- a fixture, found by its name
from fetch_server import BODY, DIGEST, OTHER, SIZE

from kerasplug.errors import FetchError, RecordError, StorageError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals and limits")

FETCH = """
    import sys
    from kerasplug.fetching import Patience, get_file
    url, cache, digest = sys.argv[1:4]
    patience = Patience(tries=1, stall=20)
    print(get_file("file.bin", url, file_hash=digest or None, cache_dir=cache,
                   patience=patience))
"""
#: Runs what follows with a small disk of its own at `$1`, which nobody else sees.
SMALL_DISK = 'mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"'
#: The same with a folder that can't be written.
READ_ONLY = (
    'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
)
ALONE = ("unshare", "--user", "--map-root-user", "--mount")


def apart(script, folder):
    """The command line before a program that sees a mount of its own; or a skip."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    before = (*ALONE, "sh", "-c", script, "sh", str(folder))
    trial = subprocess.run([*before, "true"], capture_output=True, check=False)
    if trial.returncode:
        pytest.skip("mounts are not allowed here")
    return before


@pytest.mark.parametrize("digest", [DIGEST, ""], ids=["hash", "no hash"])
def test_of_eight_processes_one_downloads(digest, server, cache):
    """Exactly one request reaches the server, and all get the right file."""
    url = server.serve("/f", bad.held_back)
    processes = [child(FETCH, url, cache, digest) for _ in range(8)]

    paths = {ended(one) for one in processes}

    assert paths == {str(cache / "datasets" / "file.bin")}
    assert len(server.asked("/f")) == 1
    assert holds_only_the_file(cache)


def test_without_a_lock_two_processes_do_no_harm(server, cache, tmp_path):
    """Where there is no place for a lock both download, and the file is right."""
    (tmp_path / "own").write_text("no folder")
    url = server.serve("/f", bad.held_back)
    processes = [child(FETCH, url, cache, DIGEST) for _ in range(2)]

    for one in processes:
        ended(one)

    assert len(server.asked("/f")) == 2
    assert holds_only_the_file(cache)


def killed(server, cache, digest):
    """Kill a process in the middle of a download; what it left."""
    process = child(FETCH, server.serve("/stall", bad.stall), cache, digest)
    folder, until = cache / "datasets", time.monotonic() + 30
    while not (folder.is_dir() and any(written(folder))):
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return [name for name in os.listdir(folder) if name.endswith(".part")]


def written(folder):
    """Whether half of the body has arrived, for each temporary file."""
    with os.scandir(folder) as entries:
        yield from (one.stat().st_size == SIZE // 2 for one in entries)


def test_after_a_kill_it_goes_on_where_it_ended(server, cache):
    """The next call adopts what the dead process left, and clears it away."""
    assert len(killed(server, cache, DIGEST)) == 1
    assert not (cache / "datasets" / "file.bin").exists()

    get(server.serve("/f", bad.good), cache)

    assert [one.start for one in server.asked("/f")] == [SIZE // 2]
    assert holds_only_the_file(cache)


@pytest.mark.parametrize("first", [DIGEST, "", "0" * 64], ids=["same", "none", "other"])
def test_a_part_of_another_content_is_not_adopted(first, server, cache):
    """Without the same hash, or with rotten bytes, all of it is asked for."""
    (left,) = killed(server, cache, first)
    path = cache / "datasets" / left
    path.write_bytes(OTHER[: SIZE // 2])

    get(server.serve("/f", bad.good), cache)

    assert server.asked("/f")[-1].start == 0
    assert holds_only_the_file(cache)


def test_without_a_hash_a_killed_download_starts_anew(server, cache):
    """What a dead process left is cleared away, and never believed."""
    killed(server, cache, "")

    get(server.serve("/f", bad.good), cache, file_hash=None)

    assert [one.start for one in server.asked("/f")] == [0]
    assert holds_only_the_file(cache)


def test_the_part_of_a_living_process_is_left_alone(server, cache):
    """Another one's download is neither adopted nor removed."""
    slow = child(FETCH, server.serve("/slow", bad.held_back), cache, "")
    while not server.asked("/slow"):
        time.sleep(0.01)
    while not listing(cache) or len(listing(cache)) < 2:
        time.sleep(0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", "/dev/null/none")
        get(server.serve("/f", bad.good), cache)

    assert server.asked("/f")[0].start == 0
    ended(slow)
    assert holds_only_the_file(cache)


REFUSED = """
    import errno, os, resource, sys
    from kerasplug.errors import StorageError
    from kerasplug.fetching import Patience, get_file
    url, cache, digest, limit = sys.argv[1:5]
    if int(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        get_file("file.bin", url, file_hash=digest, cache_dir=cache,
                 patience=Patience(tries=3, wait=0))
    except StorageError as error:
        assert "file.bin can't be written" in str(error) or "datasets" in str(error)
        print(errno.errorcode.get(error.errno), *os.listdir(cache + "/datasets"))
"""


def test_a_file_size_limit_is_a_clear_error(server, cache):
    """EFBIG is told at once, is not tried again, and leaves nothing."""
    process = child(REFUSED, server.serve("/f", bad.good), cache, DIGEST, SIZE // 2)

    assert ended(process) == "EFBIG"
    assert len(server.asked("/f")) == 1
    assert is_clean(cache)


def test_a_full_disk_is_a_clear_error(server, cache):
    """ENOSPC of a disk of 1 MB is told at once, and leaves nothing on it."""
    cache.mkdir(parents=True)
    before = apart(SMALL_DISK, cache)
    url = server.serve("/f", bad.good)

    process = child(REFUSED, url, cache, DIGEST, 0, before=before)

    assert ended(process) == "ENOSPC"
    assert len(server.asked("/f")) == 1


def test_a_read_only_folder_is_a_clear_error(server, cache):
    """It is named before the server is asked, and no other place is used."""
    (cache / "datasets").mkdir(parents=True)
    before = apart(READ_ONLY, cache)
    url = server.serve("/f", bad.good)

    process = child(REFUSED, url, cache, DIGEST, 0, before=before)

    assert ended(process) in {"EROFS", "EACCES", "None"}
    assert server.asked("/f") == []
    assert is_clean(cache)


def test_a_read_only_cache_that_has_the_file_just_works(server, cache):
    """Nothing is asked for, and nothing is written."""
    url = server.serve("/f", bad.good)
    get(url, cache)
    process = child(FETCH, url, cache, DIGEST, before=apart(READ_ONLY, cache))

    assert ended(process) == str(cache / "datasets" / "file.bin")
    assert len(server.asked("/f")) == 1


def test_a_file_in_the_place_of_the_cache_is_a_clear_error(server, tmp_path):
    """A folder that can't be made is named."""
    (tmp_path / "home").write_text("not a folder")

    with pytest.raises(StorageError, match="datasets can't be written"):
        get(server.serve("/f", bad.good), tmp_path / "home")

    assert server.asked("/f") == []


def test_a_folder_in_the_place_of_the_file_is_a_clear_error(server, cache):
    """It is neither returned nor removed."""
    (cache / "datasets" / "file.bin").mkdir(parents=True)

    for digest in (DIGEST, None):
        with pytest.raises(FetchError, match="is a folder, where a file is to be"):
            get(server.serve("/f", bad.good), cache, file_hash=digest)

    assert (cache / "datasets" / "file.bin").is_dir()


# --- what plain Keras does ---

PLAIN = """
    import sys, warnings
    warnings.simplefilter("ignore")
    import keras
    keras.config.disable_interactive_logging()
    url, cache, digest = sys.argv[1:4]
    try:
        print(keras.utils.get_file("file.bin", url, file_hash=digest or None,
                                   cache_dir=cache))
    except Exception as error:
        print(type(error).__name__, error)
"""


def plainly(url, cache, digest=""):
    """What Keras' own get_file says."""
    return ended(child(PLAIN, url, cache, digest)).splitlines()[-1]


@pytest.mark.engine
def test_plain_keras_believes_a_cut_file_for_ever(server, cache):
    """Without a length and a hash half a file is success, then and ever after."""
    cache.mkdir(parents=True)
    url = server.serve("/f", bad.cut_silently, bad.good)

    for _ in range(2):
        path = plainly(url, cache)
        assert os.path.getsize(path) == SIZE // 2


@pytest.mark.engine
def test_plain_keras_keeps_a_rejected_file(server, cache):
    """What failed its hash is returned by the next call without one."""
    cache.mkdir(parents=True)
    url = server.serve("/f", bad.of(OTHER), bad.good)

    assert plainly(url, cache, DIGEST).startswith("ValueError")
    with open(plainly(url, cache), "rb") as file:
        assert file.read() == OTHER


@pytest.mark.engine
def test_plain_keras_goes_elsewhere_for_a_new_home(server, cache, tmp_path):
    """A cache folder that does not exist yet is silently another one."""
    url = server.serve("/f", bad.good)
    name = f"kerasplug-test-{os.getpid()}-{time.time_ns()}.bin"

    path = ended(child(PLAIN.replace("file.bin", name), url, cache, "")).split("\n")[-1]

    try:
        assert not path.startswith(str(cache))
        assert os.path.basename(path) == name
        assert not cache.exists()
    finally:
        os.unlink(path)


@pytest.mark.engine
def test_plain_keras_does_not_know_upper_case(server, cache):
    """A hash in upper case is taken for a wrong one."""
    cache.mkdir(parents=True)
    url = server.serve("/f", bad.good)

    assert plainly(url, cache, DIGEST.upper()).startswith("ValueError")
    (cache / "datasets" / "file.bin").unlink()
    get(url, cache, file_hash=DIGEST.upper())


@pytest.mark.engine
def test_plain_keras_takes_an_unknown_algorithm_for_md5(server, cache):
    """Asked for SHA-512 it accepts the MD5; here that is a wrong argument."""
    cache.mkdir(parents=True)
    url = server.serve("/f", bad.good)
    digest = hashlib.new("md5", BODY, usedforsecurity=False).hexdigest()
    code = PLAIN.replace("cache_dir=cache", 'cache_dir=cache, hash_algorithm="sha512"')

    path = ended(child(code, url, cache, digest)).splitlines()[-1]

    assert path == str(cache / "datasets" / "file.bin")
    with pytest.raises(RecordError, match="128"):
        get(url, cache, file_hash=digest, hash_algorithm="sha512")


@pytest.mark.engine
def test_plain_keras_does_not_try_again(server, cache):
    """One 500 is the end of it."""
    cache.mkdir(parents=True)
    url = server.serve("/f", bad.status("500 No"), bad.good)

    assert "URL fetch failure" in plainly(url, cache, DIGEST)


@pytest.mark.engine
def test_plain_keras_waits_for_ever(server, cache):
    """A server that stalls holds it up; half a file lies under the final name."""
    cache.mkdir(parents=True)
    process = child(PLAIN, server.serve("/f", bad.stall), cache, DIGEST)
    path, until = cache / "datasets" / "file.bin", time.monotonic() + 60
    while not path.exists() or path.stat().st_size < SIZE // 4:
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    process.kill()
    process.communicate()

    assert BODY.startswith(path.read_bytes())
