"""An HTTP server on loopback that keeps connections alive, and remembers what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from typing import NamedTuple

from support.rawserver import Peer, RawServer

__all__ = ["Handler", "HttpServer", "SeenRequest", "json_reply", "reply"]


class SeenRequest(NamedTuple):
    """A request as it came. ``connection`` counts the server's connections from 1."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """The header's only value."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, values
        return values[0] if values else None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Handler = Callable[[SeenRequest], bytes]


def reply(status: str = "200 OK", body: bytes = b"", *headers: str, length: bool = True) -> bytes:
    """A response. A ``Connection: close`` in it is kept to."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def json_reply(text: str, status: str = "200 OK") -> bytes:
    """A response that says it is JSON."""
    return reply(status, text.encode(), "Content-Type: application/json")


class HttpServer(RawServer):
    """Answers each request with what ``handler`` makes of it.

    Attributes:
        seen: the requests, in order.
        ended: how many connections clients have ended that were kept alive.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        requests_per_connection: int = 1_000_000,
    ) -> None:
        super().__init__(self._converse, tls=tls, host=host)
        self._handler = handler or (lambda _: reply())
        self._per_connection = requests_per_connection
        self._lock = threading.Lock()
        self._connections = 0
        self.seen: list[SeenRequest] = []
        self.ended = 0

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return super().url.replace("ws", "http", 1).rstrip("/")

    @property
    def connections(self) -> int:
        """On how many connections requests have come."""
        return len({request.connection for request in self.seen})

    def __enter__(self) -> HttpServer:
        super().__enter__()
        return self

    def _converse(self, peer: Peer) -> None:
        with self._lock:
            self._connections += 1
            number = self._connections
        try:
            for _ in range(self._per_connection):
                request = _read(peer, number)
                with self._lock:
                    self.seen.append(request)
                answer = self._handler(request)
                peer.send(answer)
                if b"connection: close" in answer.partition(b"\r\n\r\n")[0].lower():
                    break
            peer.fin()
            peer.read_to_end()
        except EOFError:
            with self._lock:
                self.ended += 1
            peer.fin()


def _read(peer: Peer, connection: int) -> SeenRequest:
    first, *lines = peer.read_head().rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = tuple(
        (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
    )
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    return SeenRequest(method, target, headers, peer.read(length), connection)
