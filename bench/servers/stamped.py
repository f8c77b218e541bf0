"""The server of ``fidelity``: knows when each of its messages really left.

For every message it asks the kernel for the transmit stamp (``SO_TIMESTAMPING``), taken as the
packet is handed to the device. Written without the project's own code, since it is what that is
judged by.

A client connects to ``/?id=I&mean=SECONDS&for=SECONDS&size=BYTES``, sends one message, and gets
messages ``{"id": I, "seq": N, ...}`` at random (exponentially distributed) intervals until the time
is over, then a Close frame. Whatever else it sends is dropped.

Prints one line of JSON with its ports (``ws``, ``wss``), then for each line read the times of all
messages since the last time: ``[id, seq, left_ns]``, Unix epoch.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import json
import random
import re
import select
import socket
import ssl
import struct
import sys
import time
from urllib.parse import parse_qs, urlsplit

_SO_TIMESTAMPING = 37
_TX_SOFTWARE, _SOFTWARE = 1 << 1, 1 << 4
_OPT_ID, _OPT_TSONLY, _OPT_ID_TCP = 1 << 7, 1 << 11, 1 << 16
_REQUEST = [(socket.SOL_SOCKET, _SO_TIMESTAMPING, struct.pack("=I", _TX_SOFTWARE))]
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_GOODBYE = 0.3
"""Seconds from the Close frame to the end of TCP: time for the client's own."""

Record = tuple[int, int, int]


class Client:
    """One connection."""

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        self.sock = sock
        self.requested = b""
        self.started = False
        self.id = 0
        self.seq = 0
        self.mean = self.until = 0.0
        self.size = 0
        self.duration = 0.0
        self.closing = False
        self._sent = 0
        self._unstamped: dict[int, int] = {}
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls and tls.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._shaken = tls is None
        # Stamps are told apart by the offset of a message's last byte, counted from now on.
        flags = _SOFTWARE | _OPT_ID | _OPT_ID_TCP | _OPT_TSONLY
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, flags)

    def received(self, data: bytes) -> bytes:
        """What the client said, decrypted."""
        if self._tls is None:
            return data
        self._incoming.write(data)
        plain = b""
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
                self._flush()
            while chunk := self._tls.read(65536):
                plain += chunk
            return plain
        except ssl.SSLError:
            self._flush()
            return plain

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._sent += self.sock.send(data)

    def send(self, data: bytes) -> None:
        """Send at once."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        # What does not fit in the buffer of a loopback socket would be a broken benchmark.
        assert self.sock.sendmsg((data,), _REQUEST) == len(data)
        self._sent += len(data)

    def send_message(self) -> None:
        """The next message."""
        head = f'{{"id":{self.id},"seq":{self.seq},"pad":"'
        text = f'{head}{"x" * (self.size - len(head) - 2)}"}}'.encode()
        self.send(b"\x81\x7e" + len(text).to_bytes(2, "big") + text)
        self._unstamped[self._sent - 1] = self.seq
        self.seq += 1

    def collect(self) -> list[Record]:
        """The transmit stamps that have come: one per message, from the error queue."""
        records: list[Record] = []
        while True:
            try:
                _, ancillary, _, _ = self.sock.recvmsg(0, 256, socket.MSG_ERRQUEUE)
            except OSError:
                break
            stamp_ns, offset = 0, -1
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPING:
                    seconds, nanoseconds = struct.unpack_from("=qq", data)
                    stamp_ns = seconds * 1_000_000_000 + nanoseconds
                elif level == socket.IPPROTO_IP:
                    offset = struct.unpack_from("=IBBBBII", data)[6]
            seq = self._unstamped.pop(offset, None)
            if seq is not None:
                records.append((self.id, seq, stamp_ns))
        return records


class Server:
    """All of them, in one thread without an event loop."""

    def __init__(self, certificate: str) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._epoll = select.epoll()
        self._listeners: dict[int, tuple[socket.socket, ssl.SSLContext | None]] = {}
        self._clients: dict[int, Client] = {}
        self._due: list[tuple[float, int, Client]] = []
        self._records: list[Record] = []
        self._random = random.Random(1)
        self._entries = 0

    def run(self) -> None:
        """Serve until standard input ends."""
        ports = {}
        for scheme, tls in (("ws", None), ("wss", self._tls)):
            listener = socket.create_server(("127.0.0.1", 0), backlog=256)
            listener.setblocking(False)
            ports[scheme] = listener.getsockname()[1]
            self._listeners[listener.fileno()] = listener, tls
            self._epoll.register(listener, select.EPOLLIN)
        self._epoll.register(sys.stdin, select.EPOLLIN)
        print(json.dumps(ports), flush=True)
        while True:
            wait = self._due[0][0] - time.monotonic() if self._due else 1.0
            for fd, events in self._epoll.poll(max(0.0, wait)):
                if fd == sys.stdin.fileno():
                    if not sys.stdin.readline():
                        return
                    print(json.dumps(self._records), flush=True)
                    self._records.clear()
                elif fd in self._listeners:
                    self._accept(fd)
                elif fd in self._clients:
                    self._serve(self._clients[fd], events)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, client = heapq.heappop(self._due)
                if client.sock.fileno() >= 0:
                    self._speak(client)

    def _accept(self, fd: int) -> None:
        listener, tls = self._listeners[fd]
        sock, _ = listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[sock.fileno()] = Client(sock, tls)
        self._epoll.register(sock, select.EPOLLIN)

    def _serve(self, client: Client, events: int) -> None:
        if events & select.EPOLLERR:
            self._records += client.collect()
        try:
            data = client.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        data = client.received(data)
        if client.started or not data:
            return
        if not client.requested.endswith(b"\r\n\r\n"):
            client.requested += data
            if client.requested.endswith(b"\r\n\r\n"):
                self._upgrade(client)
            return
        client.started = True
        client.until = time.monotonic() + client.duration
        self._schedule(client)

    def _upgrade(self, client: Client) -> None:
        target = client.requested.split(b" ", 2)[1].decode()
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        client.id = int(query["id"])
        client.mean, client.duration = float(query["mean"]), float(query["for"])
        client.size = int(query["size"])
        key = re.search(rb"(?i)sec-websocket-key: *([^\r]+)", client.requested)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
        client.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def _schedule(self, client: Client, delay: float | None = None) -> None:
        if delay is None:
            delay = self._random.expovariate(1 / client.mean)
        self._entries += 1
        heapq.heappush(self._due, (time.monotonic() + delay, self._entries, client))

    def _speak(self, client: Client) -> None:
        if client.closing:
            self._drop(client)
        elif time.monotonic() < client.until:
            client.send_message()
            self._schedule(client)
        else:
            client.send(b"\x88\x02\x03\xe8")
            client.closing = True
            self._schedule(client, _GOODBYE)

    def _drop(self, client: Client) -> None:
        self._records += client.collect()
        self._clients.pop(client.sock.fileno())
        client.sock.close()


if __name__ == "__main__":
    Server(sys.argv[1]).run()
