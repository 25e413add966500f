"""What the tests of fetching share: a cache to look into, and short patience."""

import os
import subprocess
import sys
import textwrap

import pytest
from fetch_server import BODY, DIGEST, Server

from kerasplug.fetching import Patience, get_file
from kerasplug.hooks import RemoteFile

QUICK = Patience(
    tries=3, wait=0.02, connect=2, stall=0.4, window=0.6, slowest=1000, lock=30
)
#: Keeps proxies of the machine, and the settings of whoever runs the tests, away.
FOREIGN = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("KERASPLUG_OFFLINE", "KERASPLUG_MIRROR"),
)


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The faulty server; nothing of this machine's settings gets in the way."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    with Server() as running:
        yield running


@pytest.fixture
def cache(tmp_path):
    """Keras' home, which does not exist yet."""
    return tmp_path / "deep" / "home"


def get(url, cache, **options):
    """The path of a fetched file, with the hash of the good body unless told."""
    options = {"file_hash": DIGEST, "patience": QUICK, "progress": False, **options}
    return get_file("file.bin", url, cache_dir=cache, **options)


def listing(cache):
    """Everything below a folder, as sorted relative paths."""
    found = []
    for path, folders, files in os.walk(cache):
        inside = os.path.relpath(path, cache)
        found += [os.path.normpath(os.path.join(inside, one)) for one in files]
        found += [os.path.normpath(os.path.join(inside, one)) for one in folders]
    return sorted(found)


def holds_only_the_file(cache):
    """Whether a cache holds the right file and nothing else."""
    path = cache / "datasets" / "file.bin"
    there = listing(cache) == ["datasets", "datasets/file.bin"]
    return there and path.read_bytes() == BODY


def is_clean(cache):
    """Whether a cache holds no file at all, and no litter."""
    return listing(cache) in ([], ["datasets"])


def remote(url, **fields):
    """A record of the good body."""
    return RemoteFile(**{"name": "file.bin", "url": url, "sha256": DIGEST, **fields})


def child(code, *arguments, before=(), **environment):
    """A process of its own that runs a program over kerasplug."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process, timeout=60):
    """What a process printed; it has succeeded."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return out.strip()
