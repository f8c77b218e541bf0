"""The server's end of one connection, on a blocking socket: a script reads as what happens."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import Any

from checkwire.faults import frames
from checkwire.faults.frames import SeenFrame

__all__ = ["Peer", "Script", "accept_key", "answering", "upgraded"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LOOK = 100
"""Milliseconds after which one that waits looks whether the server ends."""


def accept_key(key: str) -> str:
    """What answers a Sec-WebSocket-Key (RFC 6455 4.2.2)."""
    return b64encode(sha1(key.encode() + _GUID).digest()).decode()


class Peer:
    """One connection.

    Attributes:
        sock: the socket, TLS if the server speaks it.
        over: set when the server ends.
        head: the request's head, once it was read.
        pending: bytes that came, and were not taken yet.
    """

    def __init__(self, sock: Any, over: threading.Event) -> None:
        self.sock = sock
        self.over = over
        self.head = ""
        self.pending = b""

    # Reading

    def read(self, size: int) -> bytes:
        """So many bytes.

        Raises:
            EOFError: the client ended before.
        """
        while len(self.pending) < size:
            self._read_more()
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to and with these bytes."""
        while mark not in self.pending:
            self._read_more()
        return self.read(self.pending.index(mark) + len(mark))

    def read_to_end(self) -> bytes:
        """All until the client ends or resets the connection."""
        parts = [self.pending]
        self.pending = b""
        with contextlib.suppress(OSError):
            while data := self.sock.recv(65536):
                parts.append(data)
        return b"".join(parts)

    def read_frame(self) -> SeenFrame:
        """The client's next frame."""
        while (parsed := frames.parse(self.pending)) is None:
            self._read_more()
        seen, self.pending = parsed
        return seen

    def read_head(self) -> str:
        """The head of an HTTP request."""
        self.head = self.read_until(b"\r\n\r\n").decode("latin-1")
        return self.head

    def header(self, name: str) -> str | None:
        """A header of the request."""
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def _read_more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.pending += data

    # Writing

    def send(self, *data: bytes) -> None:
        """Bytes, all at once."""
        self.sock.sendall(b"".join(data))

    def drip(self, data: bytes) -> None:
        """The same bytes one by one, each in a packet of its own."""
        for index in range(len(data)):
            self.sock.sendall(data[index : index + 1])

    def handshake(self, *headers: str, then: bytes = b"") -> None:
        """Read the upgrade request and accept it; ``then`` comes in the same packet."""
        self.read_head()
        self.send(self.acceptance(*headers), then)

    def acceptance(self, *headers: str) -> bytes:
        """The 101 that fits the request."""
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_key(self.header('Sec-WebSocket-Key') or '')}",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def say_goodbye(self, code: int = 1000, reason: str = "") -> None:
        """Close as a good server does: Close frame, wait for the client's, end TCP."""
        self.send(frames.close(code, reason))
        while self.read_frame().opcode != frames.CLOSE:
            pass
        self.fin()

    def answer_goodbye(self) -> SeenFrame:
        """Wait for the client's Close frame and return it to it; TCP stays."""
        while (seen := self.read_frame()).opcode != frames.CLOSE:
            pass
        self.send(frames.frame(frames.CLOSE, seen.payload))
        return seen

    def echo(self) -> None:
        """Return every message until the client closes, and answer that."""
        while (seen := self.read_frame()).opcode != frames.CLOSE:
            if seen.opcode == frames.PING:
                self.send(frames.frame(frames.PONG, seen.payload))
            elif seen.opcode != frames.PONG:
                self.send(frames.frame(seen.opcode, seen.payload, fin=seen.fin, rsv=seen.rsv))
        self.send(frames.frame(frames.CLOSE, seen.payload))
        self.fin()

    # Ending and waiting

    def fin(self) -> None:
        """Say that no more comes."""
        with contextlib.suppress(OSError):
            if isinstance(self.sock, ssl.SSLSocket):
                with contextlib.suppress(ValueError):  # Encrypted to the end.
                    self.sock.unwrap()
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Throw the connection away: an RST goes out, unsent data is lost."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def stay(self) -> None:
        """Keep the connection open, and read nothing, until the client or the server ends it."""
        watch = select.poll()
        watch.register(self.sock, select.POLLRDHUP)
        while not self.over.is_set() and not watch.poll(_LOOK):
            pass

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self.sock.close()


Script = Callable[[Peer], None]
"""What a server does with a connection. It may end by any OSError, or by EOFError."""


def upgraded(script: Script, *headers: str) -> Script:
    """A script that begins once the connection is a WebSocket."""

    def whole(peer: Peer) -> None:
        peer.handshake(*headers)
        script(peer)

    return whole


def answering(*answer: str | bytes) -> Script:
    """A script that reads the request's head and answers with these lines, or bytes; then FIN.

    Lines make a head; bytes come as they are, after it.
    """
    head = [line for line in answer if isinstance(line, str)]
    rest = b"".join(part for part in answer if isinstance(part, bytes))
    data = ("\r\n".join([*head, "", ""]).encode("latin-1") if head else b"") + rest

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(data)
        peer.fin()
        peer.read_to_end()

    return script
