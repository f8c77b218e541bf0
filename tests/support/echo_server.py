"""An echo server in a thread of its own, and a client that speaks in bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

from checkwire.echo import EchoServer, Exchange

__all__ = ["RawClient", "RunningEcho", "frame", "running_echo"]

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The answer to KEY, RFC 6455 section 1.3."""


class RunningEcho:
    """A server that runs, and what it reported."""

    def __init__(self, server: EchoServer, exchanges: list[Exchange]) -> None:
        self.url = server.url
        self.port = server.port
        self.exchanges = exchanges

    def connect(self) -> RawClient:
        """A client that has said nothing yet."""
        return RawClient(self.port)

    def open(self, *headers: str, greeted: bool = True) -> RawClient:
        """A client with an open WebSocket; it has read the greeting if ``greeted``."""
        client = self.connect()
        client.upgrade(*headers)
        if greeted:
            client.read_frame()
        return client


@contextlib.contextmanager
def running_echo(**options: Any) -> Iterator[RunningEcho]:
    """An echo server in a thread, for as long as the block lasts."""
    exchanges: list[Exchange] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = EchoServer(report=exchanges.append, **options)
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
        try:
            yield RunningEcho(server, exchanges)
        finally:
            asyncio.run_coroutine_threadsafe(server.close(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def frame(first: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """A frame whose first byte (FIN, RSV, opcode) is given, as a client sends it."""
    length = len(payload)
    mark = 0x80 if masked else 0
    if length < 126:
        head = bytes((first, mark | length))
    elif length < 65536:
        head = struct.pack("!BBH", first, mark | 126, length)
    else:
        head = struct.pack("!BBQ", first, mark | 127, length)
    if not masked:
        return head + payload
    mask = b"\x01\x02\x03\x04"
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class RawClient:
    """A TCP client that reads HTTP heads and WebSocket frames."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._pending = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def send_forever(self, data: bytes) -> None:
        """Send the same bytes until that fails."""
        while True:
            self.socket.sendall(data)

    def upgrade(self, *headers: str, path: str = "/") -> str:
        """Open a WebSocket; the response's head."""
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: echo",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {KEY}",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        self.send("\r\n".join([*lines, "", ""]).encode())
        head = self.read_until(b"\r\n\r\n").decode()
        assert head.startswith("HTTP/1.1 101 "), head
        return head

    def read(self, size: int) -> bytes:
        """That many bytes."""
        while len(self._pending) < size:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"the server hung up after {self._pending!r}")
            self._pending += data
        found, self._pending = self._pending[:size], self._pending[size:]
        return found

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to and with these bytes."""
        while mark not in self._pending:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"the server hung up after {self._pending!r}")
            self._pending += data
        end = self._pending.index(mark) + len(mark)
        found, self._pending = self._pending[:end], self._pending[end:]
        return found

    def read_to_end(self) -> bytes:
        """All that comes until the server hangs up."""
        parts = [self._pending]
        self._pending = b""
        while data := self.socket.recv(65536):
            parts.append(data)
        return b"".join(parts)

    def read_frame(self) -> tuple[int, bytes]:
        """The next frame's first byte and payload."""
        first, length = self.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
        return first, self.read(length)
