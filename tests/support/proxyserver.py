"""Proxies as scripts for a :class:`~support.rawserver.RawServer`."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from base64 import b64encode
from typing import Any

from support.rawserver import PATIENCE, Peer

__all__ = ["HttpProxy", "Socks5Proxy"]


def _relay(client: Any, target: socket.socket) -> None:
    if isinstance(client, ssl.SSLSocket):
        _take_turns(client, target)
        return

    def back() -> None:
        _pump(target, client)

    thread = threading.Thread(target=back)
    thread.start()
    try:
        _pump(client, target)
    finally:
        thread.join(PATIENCE)
        target.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end, how in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
        with contextlib.suppress(OSError):
            end.shutdown(how)


def _take_turns(client: ssl.SSLSocket, target: socket.socket) -> None:
    """In one thread: before Python 3.13 two must not use one TLS session at the same time."""
    sources = {client, target}
    while sources:
        ready = {client} if client in sources and client.pending() else set()
        for source in ready or select.select(sources, (), (), PATIENCE)[0] or sources.copy():
            with contextlib.suppress(OSError):
                if data := source.recv(65536):
                    (target if source is client else client).sendall(data)
                    continue
            sources.discard(source)
            with contextlib.suppress(OSError):
                if source is client:
                    target.shutdown(socket.SHUT_WR)
                else:
                    socket.socket.shutdown(client, socket.SHUT_RDWR)
    target.close()


class HttpProxy:
    """CONNECT (RFC 9110 section 9.3.6).

    Attributes:
        asked: the places that clients asked for.
    """

    def __init__(self, user: str | None = None, password: str = "") -> None:
        self._credentials = None if user is None else b64encode(f"{user}:{password}".encode())
        self.asked: list[str] = []

    def __call__(self, peer: Peer) -> None:
        head = peer.read_head()
        method, place, _ = head.split(" ", 2)
        self.asked.append(place)
        assert method == "CONNECT", head
        if self._credentials is not None:
            given = peer.header("Proxy-Authorization")
            if given != f"Basic {self._credentials.decode()}":
                peer.send(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b'Proxy-Authenticate: Basic realm="test"\r\nContent-Length: 0\r\n\r\n'
                )
                peer.fin()
                peer.read_to_end()
                return
        host, _, port = place.rpartition(":")
        target = socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        _relay(peer.sock, target)


class Socks5Proxy:
    """SOCKS5 (RFC 1928) with or without user and password (RFC 1929).

    Attributes:
        asked: kind of address, host and port that clients asked for.
    """

    def __init__(self, user: str | None = None, password: str = "", *, reply: int = 0) -> None:
        self._user, self._password, self._reply = user, password, reply
        self.asked: list[tuple[int, str, int]] = []

    def __call__(self, peer: Peer) -> None:
        version, count = peer.read(2)
        assert version == 5
        methods = peer.read(count)
        wanted = 0 if self._user is None else 2
        if wanted not in methods:
            peer.send(b"\x05\xff")
            peer.fin()
            peer.read_to_end()
            return
        peer.send(bytes((5, wanted)))
        if self._user is not None:
            _, size = peer.read(2)
            user = peer.read(size).decode()
            password = peer.read(peer.read(1)[0]).decode()
            good = (user, password) == (self._user, self._password)
            peer.send(bytes((1, 0 if good else 1)))
            if not good:
                peer.fin()
                peer.read_to_end()
                return
        _, command, _, kind = peer.read(4)
        assert command == 1
        if kind == 3:
            host = peer.read(peer.read(1)[0]).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, peer.read(4 if kind == 1 else 16))
        (port,) = struct.unpack("!H", peer.read(2))
        self.asked.append((kind, host, port))
        reply = bytes((5, self._reply, 0, 1)) + socket.inet_aton("127.0.0.1") + b"\0\0"
        if self._reply:
            peer.send(reply)
            peer.fin()
            peer.read_to_end()
            return
        target = socket.create_connection((host, port), timeout=PATIENCE)
        peer.send(reply)
        _relay(peer.sock, target)
