"""The names of ImageNet's 1000 classes: fetched once, looked at, and Keras' own.

Only Keras' site has the very bytes that its MD5 wants. They are tested where
`KERASPLUG_CLASS_INDEX=<path of Keras' file>` tells where they are.
"""

import http.server
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from kerasplug_applications import imagenet
from kerasplug_applications.hooks import kerasplug_applications

import kerasplug
from kerasplug.errors import ApplicationError, HashError, OfflineError

PAIRS = {str(place): [f"n{place:08}", f"thing {place}"] for place in range(1000)}
NAME = "imagenet_class_index.json"
#: The path in the address from which Keras has it.
THERE = f"download.tensorflow.org/data/{NAME}"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keras' home, empty; nobody's proxies and settings are in the way."""
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("KERASPLUG_OFFLINE", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    return tmp_path / "home"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The file as a server on 127.0.0.1 has it, which stands for all hosts."""
    folder = tmp_path / "site"
    (folder / THERE).parent.mkdir(parents=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *arguments):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("KERASPLUG_MIRROR", address)
        yield folder / THERE
        server.shutdown()
        thread.join()


@pytest.fixture
def real():
    """Keras' own file, where its path is told."""
    told = os.environ.get("KERASPLUG_CLASS_INDEX")
    if not told:
        pytest.skip("KERASPLUG_CLASS_INDEX does not tell where Keras' file is")
    return Path(told)


def test_each_model_of_keras_has_these_names():
    """The decoder of every record but the digits' is the one here."""
    decoders = {one.decoder for one in kerasplug_applications() if not one.class_names}

    assert decoders == {"kerasplug_applications.imagenet:classes"}


def test_pairs_come_in_the_order_of_the_outputs(tmp_path):
    """Whatever their order is in the file, the number before a pair counts."""
    path = tmp_path / NAME
    path.write_text(json.dumps(dict(reversed(PAIRS.items()))), "utf-8")

    found = imagenet.read(str(path))

    assert found == tuple(map(tuple, PAIRS.values()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps(dict(list(PAIRS.items())[:-1])),
        json.dumps({**PAIRS, "7": "n00000007"}),
        json.dumps({**PAIRS, "7": None}),
        "[" * 100_000,
    ],
    ids=["empty", "list", "none", "999", "no pair", "nothing", "deep"],
)
def test_another_content_is_told(text, tmp_path):
    """The error names the file, and says that it can be fetched again."""
    path = tmp_path / NAME
    path.write_text(text, "utf-8")

    with pytest.raises(ApplicationError, match="no class index") as caught:
        imagenet.read(str(path))
    assert str(path) in str(caught.value)
    assert "fetched again" in caught.value.mend


def test_without_network_the_error_says_where_to_put_it(home, monkeypatch):
    """Names can't be told then, and the path is that under which Keras has the file."""
    monkeypatch.setenv("KERASPLUG_OFFLINE", "1")

    with pytest.raises(OfflineError) as caught:
        kerasplug.application_decode_predictions("vgg16", np.eye(1000)[:1])
    assert caught.value.path == str(home / "models" / NAME)


def test_other_bytes_are_refused(home, site):
    """A file of the right form that is not Keras' is not believed, and not kept."""
    site.write_text(json.dumps(PAIRS), "utf-8")

    with pytest.raises(HashError, match=NAME):
        imagenet.classes()
    assert list((home / "models").iterdir()) == []


def test_the_real_file_is_fetched_once(home, site, real, monkeypatch):
    """From the address that Keras has, with its MD5; afterwards nobody is asked."""
    shutil.copy(real, site)

    found = imagenet.classes()

    assert len(found) == 1000
    assert found[0] == ("n01440764", "tench")
    assert (home / "models" / NAME).read_bytes() == real.read_bytes()
    site.unlink()
    monkeypatch.setenv("KERASPLUG_OFFLINE", "1")
    assert imagenet.classes() == found


@pytest.mark.engine
def test_names_are_those_of_keras(home, real, monkeypatch):
    """Keras' own `decode_predictions` says the same on the same scores."""
    keras = kerasplug.implementation()
    (home / "models").mkdir(parents=True)
    shutil.copy(real, home / "models")
    theirs = keras.applications.imagenet_utils
    held = json.loads(real.read_text("utf-8"))
    monkeypatch.setitem(theirs.decode_predictions.__globals__, "CLASS_INDEX", held)
    scores = np.random.default_rng(0).permutation(7000).reshape(7, 1000) / 7000

    mine = kerasplug.application_decode_predictions("vgg16", scores, top=9)

    assert mine == theirs.decode_predictions(scores, top=9)
