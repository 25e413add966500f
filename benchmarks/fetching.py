"""What fetching costs: a file that is there, and a download.

A file of the size of MNIST that was verified before is looked up beside pooch, which
hashes it each time. 200 MB from a server on this machine are downloaded and verified,
beside `curl` followed by `sha256sum`.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from timing import Row, interleaved, ratio
from workshop import Workshop

__all__ = ["measure"]

_MB = 1_000_000
_SMALL, _LARGE = 11_490_434, 200 * _MB
_LOOKUP_GOAL = 1 / 3
_DOWNLOAD_GOAL = 1.5
_LOOKUPS = 50

# Runs where pooch is: JSON with CPU seconds of lookups of both, in turn.
_LOOK_UP = """
import json, logging, sys, time, pooch
from kerasplug.fetching import get_file
folder, digest, repeats, inner = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
pooch.get_logger().setLevel("ERROR")
url = "http://127.0.0.1:1/small.bin"

def ours():
    get_file("small.bin", url, file_hash=digest, cache_dir=folder)

def theirs():
    pooch.retrieve(url, "sha256:" + digest, "small.bin", folder + "/datasets")

def seconds(call):
    begin = time.process_time()
    for _ in range(inner):
        call()
    return (time.process_time() - begin) / inner

ours(), theirs()
print(json.dumps([(seconds(ours), seconds(theirs)) for _ in range(repeats)]))
"""

# The wall seconds of one download.
_DOWNLOAD = """
import sys, time
from kerasplug.fetching import get_file
import kerasplug.fetching.getting, filelock, urllib3
begin = time.perf_counter()
get_file("large.bin", sys.argv[1], file_hash=sys.argv[2], cache_dir=sys.argv[3])
print(time.perf_counter() - begin)
"""


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about fetching."""
    folder = workshop.folder / "fetching"
    (folder / "served").mkdir(parents=True)
    rows = [_lookups(workshop, folder, repeats)]
    tools = shutil.which("curl"), shutil.which("sha256sum")
    if tools[0] and tools[1]:
        rows.append(_downloads(workshop, folder, repeats, tools[0], tools[1]))
    return rows


def _python(workshop: Workshop, folder: Path, code: str, *arguments: str) -> str:
    """What a process of this environment's own Python prints, over the copied core."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(workshop.library),
        "XDG_CACHE_HOME": str(folder / "own"),
        "no_proxy": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def _made(path: Path, size: int) -> str:
    """A file of random bytes; its SHA-256."""
    data = os.urandom(size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return sha256(data).hexdigest()


def _lookups(workshop: Workshop, folder: Path, repeats: int) -> Row:
    digest = _made(folder / "home" / "datasets" / "small.bin", _SMALL)
    arguments = [str(folder / "home"), digest, str(repeats), str(_LOOKUPS)]
    samples = json.loads(_python(workshop, folder, _LOOK_UP, *arguments))
    what, peer = "a verified file of 11 MB", "pooch.retrieve"
    columns = {
        what: [ours for ours, _ in samples],
        peer: [theirs for _, theirs in samples],
    }
    return ratio("a file that is in the cache", columns, what, peer, _LOOKUP_GOAL)


def _downloads(
    workshop: Workshop, folder: Path, repeats: int, curl_path: str, hasher: str
) -> Row:
    digest = _made(folder / "served" / "large.bin", _LARGE)
    target = folder / "curled.bin"

    with _served(folder / "served") as site:
        url = f"{site}/large.bin"

        def ours() -> float:
            said = _python(workshop, folder, _DOWNLOAD, url, digest, str(folder / "to"))
            shutil.rmtree(folder / "to")
            return float(said)

        def theirs() -> float:
            curl = [curl_path, "-sS", "--noproxy", "*", "-o", str(target), url]
            begin = time.perf_counter()
            subprocess.run(curl, check=True)
            said = subprocess.run(
                [hasher, str(target)],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            seconds = time.perf_counter() - begin
            assert said.stdout.startswith(digest)
            target.unlink()
            return seconds

        what, peer = "200 MB, downloaded and verified", "curl, then sha256sum"
        # Seconds of the clock: a download is waited for.
        samples = interleaved({what: ours, peer: theirs}, max(repeats // 2, 5))
    return ratio("a download on loopback", samples, what, peer, _DOWNLOAD_GOAL)


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The address of a server of a folder, in a process of its own."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().split(" port ")[1].split()[0]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()
