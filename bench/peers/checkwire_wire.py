"""Checkwire's own connection, as its SDK uses it.

Usage: ``checkwire_wire.py CA [--uvloop] [--record full|events|none]``: whether events are made and
encoded, as ``checkwire test`` does (``full``); made and dropped (``events``, the default); or no
frames are recorded at all (``none``).
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from driver import MESSAGE, Client, run

import checkwire
from checkwire.model.errors import ConnectionClosed
from checkwire.model.events import Event, encode_event
from checkwire.wire.kernel.stamps import keep_stamping
from checkwire.wire.observer import Observer
from checkwire.wire.opening import open_connection
from checkwire.wire.options import ConnectOptions, Limits
from checkwire.wire.tls.contexts import TlsOptions

RECORD = sys.argv[sys.argv.index("--record") + 1] if "--record" in sys.argv else "events"


class Encoding(Observer):
    """Does with events what a run does, but for writing them to a pipe."""

    def take(self, event: Event) -> None:
        self.size = len(encode_event(event))


class CheckwireWire(Client):
    version = checkwire.__version__

    def __init__(self, ca: str) -> None:
        limits = Limits(frames=0) if RECORD == "none" else Limits()
        self._plain = ConnectOptions(
            compression=False, proxy=None, tls=TlsOptions(ca=ca), limits=limits
        )
        self._deflate = ConnectOptions(proxy=None, limits=limits)
        self._holding = self._observer()

    def _observer(self) -> Observer:
        return Encoding() if RECORD == "full" else Observer()

    async def cycle(self, url: str) -> None:
        connection = await open_connection(url, self._plain, self._observer())
        connection.send(MESSAGE)
        message = await connection.receive()
        assert message.data == MESSAGE
        await connection.close()

    async def receive(self, url: str, count: int, deflate: bool) -> None:
        options = self._deflate if deflate else self._plain
        connection = await open_connection(url, options, self._observer())
        connection.send(MESSAGE)
        for _ in range(count):
            await connection.receive()
        await connection.close()

    async def hold(self, url: str) -> Callable[[], Awaitable[object]]:
        # One observer for all, as an attempt has.
        connection = await open_connection(url, self._plain, self._holding)
        return connection.close

    async def stamps(self, url: str, reply: bool) -> AsyncIterator[tuple[str, int, bool]]:
        observer = _Coalesced()
        # All frames are told at once, so that it is known which were coalesced.
        options = msgspec.structs.replace(self._plain, limits=Limits(frames=1_000_000))
        connection = await open_connection(url, options, observer)
        connection.send(MESSAGE)
        started_ns = observer.timeline.started_ns
        try:
            while True:
                message = await connection.receive()
                if reply:
                    connection.send(MESSAGE)
                coalesced = message.frame in observer.frames
                yield str(message.data), started_ns + message.at_ns, coalesced
        except ConnectionClosed:
            await connection.close()


class _Coalesced(Observer):
    """Remembers which frames are marked."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: set[int] = set()

    def take(self, event: Event) -> None:
        if getattr(event, "coalesced", False) is True:
            self.frames.add(event.number)  # type: ignore[union-attr]


if __name__ == "__main__":
    stamping = keep_stamping()
    run(CheckwireWire(sys.argv[1]))
