"""`get_file` tells how far it is: on a terminal, to a function, or not at all."""

import io
import os
import subprocess
import sys
import threading

import fetch_server as bad
import pytest
from fetch_kit import cache as cache  # noqa: PLC0414 -- a fixture, found by its name
from fetch_kit import child, ended, get, listing
from fetch_kit import server as server  # noqa: PLC0414 -- a fixture, found by its name
from fetch_server import SIZE


def test_progress_is_told_to_a_function(server, cache):
    """The number of bytes grows, up to all of them."""
    seen = []
    url = server.serve("/f", bad.good)
    get(url, cache, progress=lambda *numbers: seen.append(numbers))

    assert seen == sorted(seen)
    assert seen[-1] == (SIZE, SIZE)


_QUIET = """
import sys
from kerasplug.fetching import get_file
get_file("file.bin", sys.argv[1], cache_dir=sys.argv[2], progress=eval(sys.argv[3]))
"""


def test_elsewhere_than_on_a_terminal_there_is_silence(server, cache):
    """Nothing is printed; a bar that is demanded goes to standard error."""
    url = server.serve("/f", bad.good)
    silent = child(_QUIET, url, cache, "None")
    assert silent.communicate() == ("", "")

    loud = child(_QUIET, url, cache / "b", "True")
    out, err = loud.communicate()
    assert out == ""
    assert "file.bin" in err
    assert err.endswith("\n")


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_on_a_terminal_there_is_a_bar(server, cache):
    """It goes to standard error, and standard output stays empty."""
    ours, theirs = os.openpty()
    seen = io.BytesIO()

    def listen():
        try:
            while data := os.read(ours, 4096):
                seen.write(data)
        except OSError:  # the other side has closed it
            return

    listener = threading.Thread(target=listen)
    listener.start()
    done = subprocess.run(
        [sys.executable, "-c", _QUIET, server.serve("/f", bad.good), cache, "None"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    listener.join()
    os.close(ours)

    assert done.returncode == 0, seen.getvalue()
    assert done.stdout == b""
    assert b"file.bin" in seen.getvalue()


_BARE = """
import sys
sys.modules[sys.argv[1]] = None
from kerasplug.errors import MissingExtraError
from kerasplug.fetching import get_file
try:
    get_file("file.bin", sys.argv[2], cache_dir=sys.argv[3], progress=True)
except MissingExtraError as error:
    print(error.extra)
print(get_file.__name__)
"""


@pytest.mark.parametrize(("module", "extra"), [("urllib3", "fetch"), ("rich", "rich")])
def test_a_missing_library_is_an_error_that_names_the_extra(
    module, extra, server, cache
):
    """It is missed where it is needed, and not before."""
    url = server.serve("/f", bad.good)

    assert ended(child(_BARE, module, url, cache)).split() == [extra, "get_file"]
    assert [one for one in listing(cache) if one != "datasets"] == []
