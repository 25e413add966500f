"""A server on 127.0.0.1 that does wrong on purpose, with real bytes on real sockets.

Each path has a list of behaviours: the first request gets the first one, and so on; the
last one goes on for ever. A behaviour is a function of the request that sends bytes.
"""

import contextlib
import gzip
import random
import socket
import socketserver
import struct
import threading
import time
from hashlib import sha256

SIZE = 2_000_000
BODY = random.Random(7).randbytes(SIZE)  # noqa: S311 -- bytes to be sent, no secret
DIGEST = sha256(BODY).hexdigest()
OTHER = random.Random(8).randbytes(SIZE)  # noqa: S311 -- the same


class Request:
    """What a client asked for, and the socket to answer on."""

    def __init__(self, connection, head):
        lines = head.decode("latin-1").split("\r\n")
        self.connection = connection
        self.path = lines[0].split(" ")[1]
        pairs = (line.split(": ", 1) for line in lines[1:] if ": " in line)
        self.headers = {key.lower(): value for key, value in pairs}

    @property
    def start(self):
        """The first byte that is asked for."""
        found = self.headers.get("range", "bytes=0-")
        return int(found.removeprefix("bytes=").rstrip("-"))

    def send(self, data):
        """Send these bytes."""
        self.connection.sendall(data)

    def head(self, status, *headers):
        """Send the status and the headers."""
        lines = [f"HTTP/1.1 {status}", "Connection: close", *headers, "", ""]
        self.send("\r\n".join(lines).encode())

    def reset(self):
        """End the connection by a TCP reset, as a crash or a firewall does."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


class Server:
    """The server; `requests` has what was asked for."""

    def __init__(self):
        self.script = {}
        self.requests = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):  # the client has left
                    outer._answer(self.request)

        class Threads(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Threads(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def site(self):
        """The address of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, path, *behaviours):
        """The address of a file that is served in these ways, one after the other."""
        self.script[path] = list(behaviours)
        return self.site + path

    def asked(self, path):
        """The requests for this path."""
        return [one for one in self.requests if one.path == path]

    def _answer(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
            if head[0] == 0x16:  # TLS, which is not spoken here
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
        request = Request(connection, head)
        with self._lock:
            self.requests.append(request)
            waiting = self.script.get(request.path, [status("404 Not Found")])
            behaviour = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        behaviour(request, self)


def good(request, server, body=BODY):
    """All of it, or the rest that was asked for."""
    start = request.start
    if start >= len(body) > 0:
        request.head("416 Range Not Satisfiable", "Content-Length: 0")
        return
    rest = body[start:]
    length = f"Content-Length: {len(rest)}"
    if start:
        place = f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}"
        request.head("206 Partial Content", length, place)
    else:
        request.head("200 OK", length)
    request.send(rest)


def of(body):
    """A server of other bytes."""
    return lambda request, server: good(request, server, body)


def status(text, *headers):
    """Nothing but a status."""
    return lambda request, server: request.head(text, "Content-Length: 0", *headers)


def no_ranges(request, server):
    """All of it, whatever part was asked for."""
    request.head("200 OK", f"Content-Length: {SIZE}")
    request.send(BODY)


def wrong_range(request, server):
    """Another part than was asked for."""
    if not request.start:
        truncated(request, server)
        return
    place = f"Content-Range: bytes 0-{SIZE - 1}/{SIZE}"
    request.head("206 Partial Content", f"Content-Length: {SIZE}", place)
    request.send(BODY)


def truncated(request, server):
    """Half of what was announced."""
    rest = BODY[request.start :]
    place = f"Content-Range: bytes {request.start}-{SIZE - 1}/{SIZE}"
    kind = "206 Partial Content" if request.start else "200 OK"
    request.head(kind, f"Content-Length: {len(rest)}", place)
    request.send(rest[: len(rest) // 2])


def cut_silently(request, server):
    """Half of it, with no length announced."""
    request.head("200 OK")
    request.send(BODY[: SIZE // 2])


def unannounced(request, server):
    """All of it, with no length announced."""
    request.head("200 OK")
    request.send(BODY)


def chunked(request, server, upto=SIZE, end=b"0\r\n\r\n"):
    """In chunks."""
    request.head("200 OK", "Transfer-Encoding: chunked")
    for start in range(0, upto, 100_000):
        piece = BODY[start : min(start + 100_000, upto)]
        request.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    request.send(end)


def chunked_cut(request, server):
    """In chunks that end too early."""
    chunked(request, server, SIZE // 2, b"")


def reset(request, server):
    """A TCP reset half-way."""
    request.head("200 OK", f"Content-Length: {SIZE}")
    request.send(BODY[: SIZE // 2])
    time.sleep(0.1)
    request.reset()


def stall(request, server):
    """Half of it, then silence."""
    request.head("200 OK", f"Content-Length: {SIZE}")
    request.send(BODY[: SIZE // 2])
    server.closing.wait(30)


def mute(request, server):
    """Not even a status."""
    server.closing.wait(30)


def drip(request, server):
    """A byte now and then, for ever."""
    request.head("200 OK", f"Content-Length: {SIZE}")
    for index in range(SIZE):
        request.send(BODY[index : index + 1])
        if server.closing.wait(0.05):
            return


def slow(request, server):
    """Slow and steady."""
    request.head("200 OK", f"Content-Length: {SIZE}")
    for start in range(0, SIZE, SIZE // 10):
        request.send(BODY[start : start + SIZE // 10])
        time.sleep(0.1)


def held_back(request, server):
    """All of it, after a while: long enough for others to come."""
    request.head("200 OK", f"Content-Length: {SIZE}")
    request.send(BODY[: SIZE // 2])
    time.sleep(1)
    request.send(BODY[SIZE // 2 :])


def announced(length):
    """All of it, under a wrong length."""

    def behaviour(request, server):
        if request.start:
            good(request, server)
            return
        request.head("200 OK", f"Content-Length: {length}")
        request.send(BODY)

    return behaviour


def packed(body, encoding="gzip"):
    """Packed for the way, though nobody asked for it."""
    data = gzip.compress(body, 1)

    def behaviour(request, server):
        head = f"Content-Encoding: {encoding}", f"Content-Length: {len(data)}"
        request.head("200 OK", *head)
        request.send(data)

    return behaviour


def labelled(body, encoding="gzip"):
    """Bytes as they are, under a wrong label: what some servers do with `.gz` files."""

    def behaviour(request, server):
        head = f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}"
        request.head("200 OK", *head)
        request.send(body)

    return behaviour


def moved(location, kind="302 Found"):
    """Somewhere else."""
    return status(kind, f"Location: {location}")
