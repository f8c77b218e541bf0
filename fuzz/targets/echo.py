"""A client's bytes to the echo server, after the upgrade and before it."""

from __future__ import annotations

import asyncio
from typing import Any

from checkwire.echo.http import HttpConnection
from checkwire.echo.session import EchoSession
from checkwire.echo.state import ServerState
from fuzz.choices import Choices, cut
from fuzz.memory import run

__all__ = ["target"]


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 50000)})
        self.protocol: Any = None
        self.written = bytearray()
        self.closing = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def target(data: bytes) -> None:
    """What it is, then where to cut, then the client's bytes."""
    choices = Choices(data)
    opened, places = choices.flag(), choices.cuts()
    stream = choices.rest()
    if opened:
        assert _answer([stream]) == _answer(cut(stream, places))
    else:
        run(_serve(cut(stream, places)))


def _answer(chunks: list[bytes]) -> tuple[bytes, int | None, int]:
    session = EchoSession()
    said = bytearray()
    for chunk in chunks:
        if not session.ended:
            said += session.receive(memoryview(chunk))
    return bytes(said), session.close_code, session.messages


async def _serve(chunks: list[bytes]) -> None:
    state = ServerState(hostname="here", greeting=True, report=lambda exchange: None)
    transport = _Transport()
    transport.protocol = HttpConnection(state)
    transport.protocol.connection_made(transport)
    for chunk in chunks:
        if transport.closing:
            break
        protocol = transport.protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            protocol.get_buffer(len(chunk))[: len(chunk)] = chunk  # type: ignore[index]
            protocol.buffer_updated(len(chunk))
        else:
            protocol.data_received(chunk)
    transport.protocol.connection_lost(None)
