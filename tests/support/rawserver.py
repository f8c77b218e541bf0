"""Servers on loopback that do, connection by connection, exactly what a script says.

A script is a function of the connection's :class:`Peer`. It runs in a thread of its own, on a
blocking socket, so that it reads as what happens: bytes of any kind, FIN, RST, silence.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import ssl
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from checkwire.faults import peer as faults
from checkwire.faults.peer import accept_key

__all__ = ["Peer", "RawServer", "accept_key", "answering", "dead_address", "upgraded"]

PATIENCE = 20.0
"""Seconds after which a script that waits in vain gives up, so that no test hangs."""


class Peer(faults.Peer):
    """The server's end of one connection, with what only tests need.

    Attributes:
        server: where the connection came in.
    """

    def __init__(self, sock: Any, server: RawServer) -> None:
        super().__init__(sock, server.over)
        self.server = server

    def delivered(self) -> None:
        """Wait until the client's kernel has everything."""
        deadline = time.monotonic() + PATIENCE
        while unsent(self.sock):
            assert time.monotonic() < deadline, "the client's kernel takes no more"
            time.sleep(0.001)

    def wait(self, event: threading.Event) -> None:
        """Until the test says so."""
        if not event.wait(PATIENCE):
            raise AssertionError("the test never said to go on")

    def stay(self) -> None:
        """Keep the connection open, and read nothing, until the server closes."""
        self.wait(self.over)


def unsent(sock: socket.socket) -> int:
    """Bytes that the other side's kernel has not acknowledged."""
    (count,) = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))
    return int(count)


Script = Callable[[Peer], None]


class RawServer:
    """Listens while it is entered; its first connection gets the first script, and so on.

    What a script raises is raised when the server is left, except that its client went away.

    Attributes:
        host, port: where it listens; ``path`` if on a Unix socket.
        peers: the connections so far.
        over: set when the server closes.
        go: for the script and the test to wait for each other.
        refused: what ended TLS handshakes that failed.
    """

    def __init__(
        self,
        *scripts: Script,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        path: str | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        self._scripts = scripts
        self._tls = tls
        self.path = path
        if path is not None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.socket(family)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if receive_buffer is not None:
                self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self._listener.bind((host, 0))
        self.host = host
        self.port: int = 0 if path is not None else self._listener.getsockname()[1]
        self.peers: list[Peer] = []
        self.over = threading.Event()
        self.go = threading.Event()
        self.refused: list[Exception] = []
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ws' if self._tls is None else 'wss'}://{host}:{self.port}/"

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    def __enter__(self) -> RawServer:
        self._listener.listen(128)
        self._start(self._listen)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        for peer in self.peers:
            peer.close()
        if self._errors and error is None:
            raise self._errors[0]

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name=f"raw server {self.port}")
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            if self.path is None:  # Like real servers: what is sent goes out at once.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            script = self._scripts[min(len(self.peers), len(self._scripts) - 1)]
            peer = Peer(sock, self)
            self.peers.append(peer)
            self._start(self._serve, peer, script)

    def _serve(self, peer: Peer, script: Script) -> None:
        try:
            if self._tls is not None:
                try:
                    peer.sock = self._tls.wrap_socket(peer.sock, server_side=True)
                except OSError as error:
                    self.refused.append(error)
                    return
            script(peer)
        except (OSError, EOFError):
            pass  # The client went away, as it may.
        except BaseException as error:
            self._errors.append(error)
        finally:
            peer.close()


def upgraded(script: Script, *headers: str) -> Script:
    """A script that begins once the connection is a WebSocket."""

    def whole(peer: Peer) -> None:
        peer.handshake(*headers)
        script(peer)

    return whole


def answering(*answer: str | bytes) -> Script:
    """A script that reads the request's head and answers with these lines, or bytes; then FIN."""
    return faults.answering(*answer)


@contextlib.contextmanager
def dead_address(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port at which connection requests are not answered: its accept queue is full."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield port
