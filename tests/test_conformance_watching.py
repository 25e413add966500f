"""What the suite notices of code that reaches out of its own objects."""

import os
import pickle
import socket
import subprocess
import sys
import threading
from os import environ

import pytest

from kerasplug.testing.conformance.watching import watched


def noticed(function):
    """What is noticed of a function, each once."""
    with watched() as events:
        function()
    return {event.what for event in events}


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda: environ.get("FAULTY"), "the environment variable 'FAULTY'"),
        (lambda: os.getenv("FAULTY"), "the environment variable 'FAULTY'"),
        (lambda: "FAULTY" in os.environ, "the environment variable 'FAULTY'"),
        (lambda: list(os.environ), "all of the environment"),
        (lambda: open(__file__, "rb").close(), "opens the file"),
        (lambda: os.listdir(os.curdir), "os.listdir"),
        (lambda: socket.socket().close(), "socket."),
        (lambda: subprocess.check_output([sys.executable, "-V"]), "subprocess.Popen"),
        (lambda: compile("1", "<text>", "eval"), "compile"),
        (lambda: pickle.loads(pickle.dumps(len)), "pickle.find_class"),
    ],
    ids=range(10),
)
def test_what_is_outside_is_noticed(function, part):
    """Files, network, processes, settings and data run as programs are noticed."""
    assert any(part in one for one in noticed(function))


def test_computing_is_not_noticed():
    """What touches only objects is nothing to be told."""
    assert noticed(lambda: sorted(map(str, range(9)))) == set()


def test_importing_is_not_noticed():
    """An import reads files, and that is Python's own doing."""

    def imports():
        sys.modules.pop("colorsys", None)
        import colorsys

        return colorsys

    assert noticed(imports) == set()


def test_other_threads_are_not_watched():
    """What another thread does at the same time is not told."""
    other = threading.Thread(target=os.listdir)
    with watched() as events:
        other.start()
        other.join()

    assert not [one for one in events if "listdir" in one.what]


def test_the_environment_is_as_before():
    """Afterwards `os.environ` is the same object of the same class."""
    before, kind = os.environ, type(os.environ)
    with watched(), watched():
        os.environ["WATCHED"] = "1"
    del os.environ["WATCHED"]

    assert os.environ is before
    assert type(os.environ) is kind


def test_nothing_is_noticed_afterwards():
    """The list does not grow once the watching has ended."""
    with watched() as events:
        pass
    os.listdir(os.curdir)

    assert events == []
