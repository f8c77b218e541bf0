"""Everything that can be said about how to open a connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from checkwire.model.timers import TIMERS, Timer
from checkwire.wire.tls.contexts import TlsOptions

__all__ = ["ConnectOptions", "Limits", "Timeouts"]


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that each phase may take.

    ``send`` bounds how long a server may take nothing of what is queued for it, ``pong`` how long
    a ping may go unanswered.
    """

    dns: float = 5.0
    tcp: float = 10.0
    proxy: float = 10.0
    tls: float = 10.0
    upgrade: float = 10.0
    close: float = 5.0
    send: float = 10.0
    pong: float = 10.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one connection.

    Attributes:
        message: bytes of a message after decompression; a larger one is refused with 1009, before
            memory is taken for it. ``None`` for no limit.
        queue_messages, queue_bytes: messages received and not yet taken by the script; above
            either, reading pauses, so that the peer feels it.
        frames: frames kept in the transcript at the start and again at the end of the connection.
        payload: bytes kept of each frame's payload.
    """

    message: int | None = 16 * 1024 * 1024
    queue_messages: int = 1024
    queue_bytes: int = 16 * 1024 * 1024
    frames: int = 100
    payload: int = 4096


class ConnectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to open a WebSocket.

    Attributes:
        headers: further request headers, in order.
        subprotocols: offered, best first. If the server accepts none, the connection fails, as in
            browsers (WHATWG WebSockets, "establish a WebSocket connection").
        origin: the Origin header.
        user_agent: the User-Agent header; ``None`` sends none.
        compression: offer permessage-deflate (RFC 7692).
        follow_redirects: how many redirects to follow; none by default, as browsers.
        proxy: URL of a proxy (``http``, ``https``, ``socks5``, ``socks5h``); ``None`` for none;
            ``"env"`` to look at the usual variables.
        resolve: addresses for hosts, instead of looking them up, as curl's ``--resolve``: maps
            (host, port) to (address, port).
        unix_socket: path of a Unix socket to connect to; host and port then only name.
        local_address: source address.
        happy_eyeballs: seconds the first address gets before the next one is tried beside it
            (RFC 8305).
        resolver: what looks names up: called in a thread with (host, port), returns what
            ``socket.getaddrinfo`` returns or raises ``socket.gaierror``. ``None`` for the system's.
        browser: warn also of what no browser does and other clients commonly do: headers that no
            web page can set, and certificates that are not verified.
        kernel_clock: let the kernel stamp packets where it can.
        probe: ask a silent server with a ping whether it is still there, before a wait for it is
            over.
        deny: ranges of addresses (``ipaddress``) that are not connected to.
        timers: of proxies and the like, that an end without another reason is laid to.
    """

    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    origin: str | None = None
    user_agent: str | None = None
    compression: bool = True
    follow_redirects: int = 0
    proxy: str | None = "env"
    resolve: dict[tuple[str, int], tuple[str, int]] = {}
    unix_socket: str | None = None
    local_address: str | None = None
    happy_eyeballs: float = 0.25
    resolver: Callable[[str, int], list[Any]] | None = None
    browser: bool = False
    kernel_clock: bool = True
    probe: bool = True
    deny: Sequence[Any] = ()
    timers: tuple[Timer, ...] = TIMERS
    tls: TlsOptions = TlsOptions()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()

    def without_verification(self) -> ConnectOptions:
        """The same, taking any certificate."""
        tls = msgspec.structs.replace(self.tls, verify=False)
        return msgspec.structs.replace(self, tls=tls)
