"""One request: the answer of a server, checked, and its bytes as they come.

urllib3 carries the bytes. It is asked for nothing but that: redirects are followed
here, since each must be looked at, and trying again is the download's business.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from kerasplug.errors import MissingExtraError
from kerasplug.fetching.addresses import shown_url
from kerasplug.fetching.patience import Patience
from kerasplug.fetching.trouble import Trouble

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

__all__ = ["Answer", "opened"]

_CHUNK: Final = 1 << 18
_REDIRECTS: Final = 10
_MOVED: Final = (301, 302, 303, 307, 308)
_TRY_AGAIN: Final = (408, 425, 429)
_WHOLE, _PART, _NO_SUCH_RANGE = 200, 206, 416
_SERVER_FAULT: Final = 500
_LONGEST_WAIT: Final = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source sends.

    Args:
        start: which byte of the file comes first.
        total: the announced length of the file; None: not announced.
        delimited: whether a cut body can be told from a whole one.
        encoding: how the body is packed; empty: it is the file.
        pieces: the bytes, as they come.
    """

    start: int
    total: int | None
    delimited: bool
    encoding: str
    pieces: Iterator[bytes]


@contextlib.contextmanager
def opened(
    url: str, start: int, patience: Patience, deadline: float
) -> Iterator[Answer]:
    """Ask a source for a file.

    Args:
        url: `http`, `https` or `file`; the caller has checked which are allowed.
        start: how many bytes are there already.
        patience: when the source counts as dead.
        deadline: the `time.monotonic()` at which it is over in any case.

    Raises:
        Trouble: the source does not give the file.
        MissingExtraError: urllib3 is not installed.
    """
    if urlsplit(url).scheme == "file":
        with _local(url) as answer:
            yield answer
        return
    with _pools() as pools, _told(patience):
        response = _final_response(pools, url, start, patience)
        try:
            yield _answer(response, start, patience, deadline)
        finally:
            response.close()


@contextlib.contextmanager
def _local(url: str) -> Iterator[Answer]:
    from urllib.request import url2pathname

    with _read_here():
        file = open(url2pathname(urlsplit(url).path), "rb")  # noqa: PTH123, SIM115 -- a text; closed below
    with file:
        with _read_here():
            size = file.seek(0, 2)
            file.seek(0)
        yield Answer(0, size, True, "", _copied(file))


@contextlib.contextmanager
def _read_here() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"the file can't be read: {error.strerror}"
        raise Trouble(message, final=True) from error


def _copied(file: IO[bytes]) -> Iterator[bytes]:
    while True:
        with _read_here():
            piece = file.read(_CHUNK)
        if not piece:
            return
        yield piece


class _Pools:
    """Connections for one request and its redirects, with proxies where there are."""

    def __init__(self) -> None:
        self._made: list[PoolManager] = []

    def __call__(self, url: str, patience: Patience) -> "PoolManager":
        import urllib3

        timeout = urllib3.Timeout(connect=patience.connect, read=patience.stall)
        common: dict[str, Any] = {"timeout": timeout, "retries": False, "maxsize": 1}
        proxy = _proxy_for(url)
        pool: PoolManager
        if proxy:
            headers = _login(proxy)
            pool = urllib3.ProxyManager(proxy, proxy_headers=headers, **common)
        else:
            pool = urllib3.PoolManager(**common)
        self._made.append(pool)
        return pool

    def close(self) -> None:
        for pool in self._made:
            pool.clear()


@contextlib.contextmanager
def _pools() -> Iterator[_Pools]:
    try:
        import urllib3  # noqa: F401 -- only whether it is there
    except ImportError as error:
        message = "Downloading needs urllib3, which is not installed."
        raise MissingExtraError(message, extra="fetch") from error
    pools = _Pools()
    try:
        yield pools
    finally:
        pools.close()


def _proxy_for(url: str) -> str:
    """The proxy that the environment names for an address; empty: none."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _login(proxy: str) -> dict[str, str] | None:
    from urllib.parse import unquote

    from urllib3.util import make_headers

    user, at, _ = urlsplit(proxy).netloc.rpartition("@")
    return dict(make_headers(proxy_basic_auth=unquote(user))) if at else None


@contextlib.contextmanager
def _told(patience: Patience) -> Iterator[None]:
    """Turn what urllib3 raises into what a person can act on."""
    from urllib3 import exceptions as fault

    try:
        yield
    except fault.SSLError as error:
        text = f"TLS: no safe connection: {_short(error)}"
        final = "certificate" in str(error).lower()
        raise Trouble(text, final=final) from error
    except fault.NameResolutionError as error:
        message = f"DNS: no such host: {_short(error)}"
        raise Trouble(message) from error
    except fault.ConnectTimeoutError as error:
        text = f"no connection within {patience.connect:g} s"
        raise Trouble(text) from error
    except fault.ReadTimeoutError as error:
        text = f"stalled: not a byte for {patience.stall:g} s"
        raise Trouble(text) from error
    except fault.NewConnectionError as error:
        message = f"no connection: {_short(error)}"
        raise Trouble(message) from error
    except fault.LocationValueError as error:
        message = f"not an address: {_short(error)}"
        raise Trouble(message, final=True) from error
    except fault.HTTPError as error:
        early = any("IncompleteRead" in type(one).__name__ for one in error.args)
        how = "ended early" if early else "broke"
        message = f"the connection {how}: {_short(error)}"
        raise Trouble(message) from error


def _short(error: Exception) -> str:
    return repr(str(error))[1:-1][:200]


def _final_response(
    pools: _Pools, url: str, start: int, patience: Patience
) -> "BaseHTTPResponse":
    """The response that is no redirect."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "kerasplug"}
    if start:
        headers["Range"] = f"bytes={start}-"
    for _ in range(_REDIRECTS + 1):
        response = pools(url, patience).request(
            "GET",
            url,
            headers=headers,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        if response.status not in _MOVED:
            return response
        location = response.headers.get("Location", "")
        response.close()
        url = _followed(url, location)
    message = f"more than {_REDIRECTS} redirects, the last one to {shown_url(url)}"
    raise Trouble(message, final=True)


def _followed(url: str, location: str) -> str:
    """Where a redirect leads, if it may be followed."""
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
        good = bool(location) and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or parts.scheme not in ("http", "https"):
        message = f"redirected to {location[:100]!r}, which is no web address"
        raise Trouble(message, final=True)
    if urlsplit(url).scheme == "https" and parts.scheme == "http":
        message = f"redirected from https to http: {shown_url(target)}"
        raise Trouble(message, final=True)
    return target


def _answer(
    response: "BaseHTTPResponse", start: int, patience: Patience, deadline: float
) -> Answer:
    _check_status(response, start)
    begin = start if response.status == _PART else 0
    length = _number(response.headers.get("Content-Length"))
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return Answer(
        begin,
        None if length is None or chunked else begin + length,
        chunked or length is not None,
        "" if encoding == "identity" else encoding,
        _pieces(response, patience, deadline),
    )


def _check_status(response: "BaseHTTPResponse", start: int) -> None:
    """Raise `Trouble` unless the body is the file, or its rest."""
    status = response.status
    if status == _WHOLE:
        return
    if status == _PART and start:
        said = response.headers.get("Content-Range", "")
        if said.replace("=", " ").startswith(f"bytes {start}-"):
            return
        message = f"asked for bytes from {start}, got {said[:60]!r}"
        raise Trouble(message, stale=True)
    if status == _NO_SUCH_RANGE and start:
        message = f"the server has no bytes from {start} on"
        raise Trouble(message, stale=True)
    again = status >= _SERVER_FAULT or status in _TRY_AGAIN
    wait = _number(response.headers.get("Retry-After")) or 0
    reason = _short(Exception(response.reason or ""))
    message = f"HTTP status {status} {reason}".rstrip()
    raise Trouble(message, final=not again, wait=min(wait, _LONGEST_WAIT))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _pieces(
    response: "BaseHTTPResponse", patience: Patience, deadline: float
) -> Iterator[bytes]:
    """The bytes as they come, for as long as they come fast enough."""
    begin, received = time.monotonic(), 0
    # read() would wait until a whole chunk is there, however slowly it drips.
    while piece := _read(response, patience):
        yield piece
        received += len(piece)
        now = time.monotonic()
        if now > deadline:
            message = f"not done after the {patience.total:g} s that one file may take"
            raise Trouble(message, final=True)
        if now - begin >= patience.window:
            if received < patience.slowest * (now - begin):
                message = f"too slow: {received:,} bytes in {now - begin:.1f} s"
                raise Trouble(message)
            begin, received = now, 0


def _read(response: "BaseHTTPResponse", patience: Patience) -> bytes:
    with _told(patience):
        piece: bytes = response.read1(_CHUNK)
        return piece
