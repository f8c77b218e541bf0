"""A server that makes one fault, with every connection, until it is closed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from checkwire.faults.authority import Authority
from checkwire.faults.fault import Fault
from checkwire.faults.peer import Peer

__all__ = ["FaultServer"]

_PATIENCE = 60.0
"""Seconds after which a script that waits in vain for its client gives up."""
_FILLERS = 4

Report = Callable[[str], None]


class FaultServer:
    """Listens while it is entered::

        with FaultServer(find("ws.no_pong"), authority, port=0) as server:
            print(server.url)

    Args:
        fault: which.
        authority: signs certificates.
        host: an address of this machine.
        port: 0 for any free one.
        report: told of each connection, in a few words; from threads.

    Attributes:
        port: where it listens.

    Raises:
        OSError: on entering, if it cannot listen there.
    """

    def __init__(
        self,
        fault: Fault,
        authority: Authority,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        report: Report | None = None,
    ) -> None:
        self.fault = fault
        self.host = host
        self.port = port
        self.over = threading.Event()
        self._tls = fault.tls(authority) if fault.tls is not None else None
        self._report = report or (lambda line: None)
        self._sockets: list[socket.socket] = []
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """Where a check finds it."""
        scheme = self.fault.scheme or ("ws" if self._tls is None else "wss")
        host = "localhost" if self.fault.listening == "one_family" else self.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def __enter__(self) -> FaultServer:
        try:
            match self.fault.listening:
                case "refuse":
                    self._bind()
                case "full":
                    self._fill(self._bind())
                case "one_family":
                    self._serve_on(self._bind("127.0.0.1"))
                    self._fill(self._bind("::1"))
                case "udp":
                    self._start(self._answer, self._bind(kind=socket.SOCK_DGRAM))
                case "serve":
                    self._serve_on(self._bind())
                case "nothing":
                    pass
        except OSError:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and listen no more."""
        self.over.set()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for peer in list(self._peers):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()

    # Listening

    def _bind(self, host: str = "", kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        host = host or self.host
        found = socket.getaddrinfo(host, self.port, type=kind, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        self._sockets.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        self.port = sock.getsockname()[1]
        return sock

    def _fill(self, listener: socket.socket) -> None:
        """Let connections wait that nobody accepts, until there is no room for more."""
        listener.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket(listener.family)
            self._sockets.append(filler)
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())

    def _serve_on(self, listener: socket.socket) -> None:
        listener.listen(128)
        self._start(self._accept, listener)

    def _start(self, work: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(sock,), name=self.fault.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self.over.is_set():
            try:
                sock, address = listener.accept()
            except OSError:
                return
            self._report(f"{address[0]}:{address[1]} connected")
            sock.settimeout(_PATIENCE)
            # Like real servers: what is sent goes out at once.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        peer = Peer(sock, self.over)
        self._peers.append(peer)
        try:
            if self._tls is not None:
                peer.sock = self._tls.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
                peer.sock.do_handshake()
            assert self.fault.script is not None
            self.fault.script(peer)
        except ssl.SSLError as error:
            self._report(f"TLS: {error.reason or error}")
        except (OSError, EOFError, ValueError):
            pass  # The client went away, as it may; or so did we.
        finally:
            peer.close()
            self._peers.remove(peer)
            if not self.over.is_set():
                self._threads.remove(threading.current_thread())

    def _answer(self, sock: socket.socket) -> None:
        """Datagrams: the script gets the socket, once."""
        with contextlib.suppress(OSError):
            assert self.fault.script is not None
            self.fault.script(Peer(sock, self.over))
