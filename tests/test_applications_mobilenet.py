"""A model of Keras with weights as they are published: from a server, into both heads.

The record is the installed one, and the addresses in it are Keras' own; a mirror on
127.0.0.1 stands for their host. What it serves a model of Keras 2 has written, as it
wrote those that are published, so the layout and the names of layers are theirs.
"""

import json

import fetch_server as web
import numpy as np
import pytest
from fakes import python
from families_kit import enliven
from fetch_kit import listing
from fetch_kit import server as server  # noqa: PLC0414 -- a fixture, found by its name

import kerasplug
from kerasplug.errors import FetchError, ModelFileError

pytestmark = pytest.mark.engine

FOLDER = "/tensorflow/keras-applications/mobilenet"
#: With the top or without: the name of the file that Keras keeps.
FILES = {
    True: "mobilenet_2_5_128_tf.h5",
    False: "mobilenet_2_5_128_tf_no_top.h5",
}
SMALL = {"alpha": 0.25, "input_shape": (128, 128, 3)}


@pytest.fixture(scope="module")
def written(legacy, tmp_path_factory):
    """With the top or without: bytes of the file, and what the model says to a picture.

    The one without top is another model, so it shows which file was taken.
    """
    folder = tmp_path_factory.mktemp("published")
    found = {}
    for top, name in FILES.items():
        legacy.utils.set_random_seed(int(top))
        model = legacy.applications.MobileNet(weights=None, include_top=top, **SMALL)
        enliven(model, pictures(16))
        model.save_weights(folder / name)
        found[top] = (folder / name).read_bytes(), model.predict(pictures(), verbose=0)
    return found


@pytest.fixture
def home(server, written, tmp_path, monkeypatch):
    """Keras' home, empty; all addresses are the server's."""
    monkeypatch.setenv("KERASPLUG_MIRROR", server.site)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for top, name in FILES.items():
        server.serve(f"{FOLDER}/{name}", web.of(written[top][0]))
    return tmp_path / "home"


def pictures(count=2):
    """Random pixels, prepared."""
    x = np.random.default_rng(0).integers(0, 256, (count, 128, 128, 3), "uint8")
    return kerasplug.application_preprocess_inputs("mobilenet", x)


def close(mine, theirs):
    """Whether two engines agree: sums of float32 in another order, layer by layer."""
    large = np.abs(theirs).max()
    assert np.ptp(theirs) > 0.1 * large
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4 * large)


@pytest.mark.parametrize("top", [True, False])
def test_published_weights_are_loaded(top, home, server, written):
    """The file of the variant is fetched once, and Keras 3 says what Keras 2 said."""
    for _ in range(2):
        model = kerasplug.applications["mobilenet"](include_top=top, **SMALL)
        close(model.predict(pictures(), verbose=0), written[top][1])

    assert [one.path for one in server.requests] == [f"{FOLDER}/{FILES[top]}"]
    assert listing(home) == ["models", f"models/{FILES[top]}"]


def test_pooling_is_put_on_the_weights_without_top(home, written):
    """What comes after the last layer with weights does not change which file fits."""
    model = kerasplug.applications["mobilenet"](
        include_top=False, pooling="max", **SMALL
    )

    wanted = written[False][1].max(axis=(1, 2))
    close(model.predict(pictures(), verbose=0), wanted)


def test_a_fresh_process_has_them_too(home, server, written):
    """It fetches them; the next one, on JAX, finds them in the cache, and agrees."""
    code = """
        import json, sys
        import numpy as np
        import kerasplug as kp
        from kerasplug_applications import application_mobilenet
        x = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), "uint8")
        model = application_mobilenet(alpha=0.25, input_shape=(128, 128, 3))
        x = kp.application_preprocess_inputs(model, x)
        print(json.dumps(model.predict(x, verbose=0).tolist()))
    """
    for engine, offline in (("tensorflow", ""), ("jax", "1")):
        done = python(code, env={"KERAS_BACKEND": engine, "KERASPLUG_OFFLINE": offline})
        found = np.array(json.loads(done.stdout.splitlines()[-1]))
        close(found, written[True][1])

    assert [one.path for one in server.requests] == [f"{FOLDER}/{FILES[True]}"]


def test_another_variant_is_another_file(home, server):
    """For another width a file is asked for that this server has not: an error."""
    with pytest.raises(FetchError, match="mobilenet_5_0_128_tf") as caught:
        kerasplug.applications["mobilenet"](alpha=0.5, input_shape=(128, 128, 3))

    assert "404" in str(caught.value)
    assert {one.path for one in server.requests} == {
        f"{FOLDER}/mobilenet_5_0_128_tf.h5"
    }
    assert listing(home) == ["models"]


def test_damage_that_no_hash_tells_is_found(home, server, written):
    """Keras states no hash of these: a file that breaks off is seen when it is read."""
    data = written[True][0]
    server.serve(f"{FOLDER}/{FILES[True]}", web.of(data[: len(data) // 2]))

    with pytest.raises(ModelFileError, match=FILES[True].replace(".", r"\.")):
        kerasplug.applications["mobilenet"](**SMALL)


def test_weights_of_another_model_are_told(home, server, written):
    """Those without top are not put into a model with it, whatever they are called."""
    server.serve(f"{FOLDER}/{FILES[True]}", web.of(written[False][0]))

    with pytest.raises(ModelFileError, match="another number of layers"):
        kerasplug.applications["mobilenet"](**SMALL)
