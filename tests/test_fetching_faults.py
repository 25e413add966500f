"""After every fault of a server: the right file or a clear error, and no litter."""

import fetch_server as bad
import pytest
from fetch_kit import QUICK, get, holds_only_the_file, is_clean
from fetch_kit import cache as cache  # noqa: PLC0414 -- a fixture, found by its name
from fetch_kit import server as server  # noqa: PLC0414 -- a fixture, found by its name
from fetch_server import BODY, DIGEST, OTHER, SIZE

from kerasplug.errors import FetchError, HashError
from kerasplug.fetching import Patience

#: Name -> how often which behaviour, and how many requests get the right file.
MENDED = {
    "good": ([bad.good], 1),
    "truncated once": ([bad.truncated, bad.good], 2),
    "truncated each time": ([bad.truncated, bad.truncated, bad.good], 3),
    "reset once": ([bad.reset, bad.good], 2),
    "no length announced": ([bad.unannounced], 1),
    "chunks": ([bad.chunked], 1),
    "chunks cut once": ([bad.chunked_cut, bad.good], 2),
    "500 twice": ([bad.status("500 Oh"), bad.status("503 No"), bad.good], 3),
    "429 with a wait": (
        [bad.status("429 Too Many Requests", "Retry-After: 0"), bad.good],
        2,
    ),
    "stall once": ([bad.stall, bad.good], 2),
    "mute once": ([bad.mute, bad.good], 2),
    "drip once": ([bad.drip, bad.good], 2),
    "slow and steady": ([bad.slow], 1),
    "length too large": ([bad.announced(SIZE + 1000)], 1),
    "packed for the way": ([bad.packed(BODY)], 1),
    "labelled as packed": ([bad.labelled(BODY)], 1),
    "no ranges": ([bad.truncated, bad.no_ranges], 2),
    "another range": ([bad.truncated, bad.wrong_range, bad.good], 3),
}


@pytest.mark.parametrize("name", MENDED)
def test_the_right_file_comes_in_the_end(name, server, cache):
    """What a second request, or the hash, can mend is mended."""
    behaviours, requests = MENDED[name]
    url = server.serve("/f", *behaviours)

    path = get(url, cache)

    assert path == str(cache / "datasets" / "file.bin")
    assert holds_only_the_file(cache)
    assert len(server.asked("/f")) == requests


#: Name -> behaviour, the error, and what its text says.
REFUSED = {
    "truncated": (bad.truncated, FetchError, "ended early"),
    "reset": (bad.reset, FetchError, "the connection broke"),
    "cut, no length": (bad.cut_silently, HashError, "1,000,000 bytes"),
    "chunks cut": (bad.chunked_cut, FetchError, "the connection"),
    "wrong bytes": (bad.of(OTHER), HashError, DIGEST),
    "empty": (bad.of(b""), HashError, "0 bytes"),
    "500": (bad.status("500 Oh No"), FetchError, "500 Oh No"),
    "404": (bad.status("404 Not Found"), FetchError, "404 Not Found"),
    "204": (bad.status("204 No Content"), FetchError, "204"),
    "stall": (bad.stall, FetchError, "stalled: not a byte for 0.4 s"),
    "mute": (bad.mute, FetchError, "stalled"),
    "drip": (bad.drip, FetchError, "too slow"),
    "length too small": (bad.announced(SIZE - 1000), HashError, "1,999,000 bytes"),
    "packed otherwise": (bad.packed(BODY, "br"), FetchError, "'br'"),
    "packed wrong bytes": (bad.packed(OTHER), HashError, DIGEST),
    "to a file": (bad.moved("file:///etc/hostname"), FetchError, "no web address"),
    "to ftp": (bad.moved("ftp://127.0.0.1/f"), FetchError, "no web address"),
    "to nowhere": (bad.moved(""), FetchError, "no web address"),
    "loop": (bad.moved("/f"), FetchError, "more than 10 redirects"),
    "bomb": (bad.packed(bytes(100 << 20)), FetchError, "bomb"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_clear_error_and_an_empty_cache(name, server, cache):
    """What can't be mended is an error that says what it was; nothing is left."""
    behaviour, kind, text = REFUSED[name]
    url = server.serve("/f", behaviour)

    with pytest.raises(kind) as caught:
        get(url, cache)

    assert type(caught.value) is kind
    assert text in str(caught.value)
    assert caught.value.path == str(cache / "datasets" / "file.bin")
    assert is_clean(cache)


@pytest.mark.parametrize("name", REFUSED)
def test_the_old_file_outlives_a_failed_download(name, server, cache):
    """What was in the cache is still there when a forced download fails."""
    get(server.serve("/good", bad.good), cache)

    with pytest.raises(FetchError):
        get(server.serve("/f", REFUSED[name][0]), cache, force_download=True)

    assert holds_only_the_file(cache)


@pytest.mark.parametrize("name", ["404", "204", "wrong bytes", "to a file"])
def test_what_is_of_no_use_is_not_tried_again(name, server, cache):
    """A wrong hash or a missing file is asked for once; a 500 three times."""
    with pytest.raises(FetchError):
        get(server.serve("/f", REFUSED[name][0]), cache)
    with pytest.raises(FetchError):
        get(server.serve("/500", bad.status("500 No")), cache)

    assert len(server.asked("/f")) == 1
    assert len(server.asked("/500")) == 3


def test_a_broken_download_goes_on_where_it_ended(server, cache):
    """The second request asks for the rest only."""
    get(server.serve("/f", bad.truncated, bad.good), cache)

    assert [one.start for one in server.asked("/f")] == [0, SIZE // 2]


def test_a_wrong_rest_is_thrown_away_with_what_was_kept(server, cache):
    """Where the two halves do not fit, the same source is asked for all of it."""
    url = server.serve("/f", bad.truncated, bad.of(OTHER), bad.good)

    get(url, cache)

    assert [one.start for one in server.asked("/f")] == [0, SIZE // 2, 0]
    assert holds_only_the_file(cache)


def test_a_redirect_is_followed(server, cache):
    """Relative and absolute ones, on the web."""
    server.serve("/b", bad.moved("c", "307 Temporary Redirect"))
    server.serve("/c", bad.good)

    get(server.serve("/a", bad.moved(server.site + "/b")), cache)

    assert holds_only_the_file(cache)


def test_dead_host_and_closed_port_are_told_apart(server, cache):
    """The error of a name that nobody has is not that of a door that is shut."""
    with pytest.raises(FetchError, match="DNS: no such host"):
        get("http://no-such-host.invalid/f", cache)
    with pytest.raises(FetchError, match="no connection"):
        get("http://127.0.0.1:1/f", cache)

    assert is_clean(cache)


def test_plain_text_where_tls_is_expected_says_tls(server, cache):
    """A server that speaks no TLS is told from one that is away."""
    url = server.serve("/f", bad.good).replace("http:", "https:")

    with pytest.raises(FetchError, match="TLS"):
        get(url, cache)


def test_a_file_may_take_a_total_time(server, cache):
    """A limit for the whole ends a download that is not slow enough to be refused."""
    url = server.serve("/f", bad.slow)

    with pytest.raises(FetchError, match=r"0\.3 s that one file may take"):
        get(url, cache, patience=Patience(total=0.3))

    assert is_clean(cache)


# --- without a hash ---


@pytest.mark.parametrize("name", ["truncated", "reset", "chunks cut", "cut, no length"])
def test_a_part_is_never_believed(name, server, cache):
    """Without a hash a cut body is an error still."""
    with pytest.raises(FetchError):
        get(server.serve("/f", REFUSED[name][0]), cache, file_hash=None)

    assert is_clean(cache)


def test_neither_length_nor_hash_is_refused(server, cache):
    """Nobody could say whether it is whole."""
    url = server.serve("/f", bad.unannounced)

    with pytest.raises(FetchError, match="neither a length was announced nor a hash"):
        get(url, cache, file_hash=None)


def test_nothing_is_put_together_without_a_hash(server, cache):
    """A second try starts from the beginning."""
    get(server.serve("/f", bad.truncated, bad.good), cache, file_hash=None)

    assert [one.start for one in server.asked("/f")] == [0, 0]
    assert holds_only_the_file(cache)


def test_a_rejected_file_is_not_found_later(server, cache):
    """After a wrong hash a call without one downloads anew."""
    url = server.serve("/f", bad.of(OTHER), bad.good)
    with pytest.raises(HashError):
        get(url, cache)

    get(url, cache, file_hash=None)

    assert holds_only_the_file(cache)


def test_more_than_is_wanted_is_cut_off(server, cache):
    """A source without end does not fill the disk."""
    url = server.serve("/f", bad.good)

    with pytest.raises(FetchError, match="more than the 1,000,000 bytes"):
        get(url, cache, largest=1_000_000)

    assert is_clean(cache)


def test_passwords_and_tokens_are_not_told(server, cache):
    """Errors show the address without what is secret in it."""
    url = server.serve("/f", bad.good).replace("//", "//me:secret@") + "?token=abc"

    with pytest.raises(FetchError) as caught:
        get(url, cache, patience=QUICK)

    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "abc" not in str(caught.value)
