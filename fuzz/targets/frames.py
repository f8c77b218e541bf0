"""A server's bytes after its 101: however they are cut, they mean the same, and come to an end."""

from __future__ import annotations

from typing import Any, NamedTuple

from websockets.datastructures import Headers
from websockets.protocol import State
from websockets.uri import WebSocketURI

from checkwire.model.errors import ConnectionClosed
from checkwire.model.events import ConnectionClosed as Closed
from checkwire.model.events import Event, FrameSeen, Handshake
from checkwire.model.failures import CODES, Failure, Severity
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions, Limits
from checkwire.wire.session.compression import DeflateFactory
from checkwire.wire.session.connection import Connection
from checkwire.wire.session.protocol import MeasuredProtocol
from checkwire.wire.upgrade.handshake import Upgraded
from fuzz.choices import Choices, cut
from fuzz.memory import MemoryPipe, dialled, run

__all__ = ["Told", "hear", "target"]

_DEFLATE = "permessage-deflate"
_EXTENSIONS = (
    "",
    _DEFLATE,
    f"{_DEFLATE}; server_no_context_takeover; client_no_context_takeover",
    f"{_DEFLATE}; server_max_window_bits=8; client_max_window_bits=8",
)
_LIMITS = (1 << 20, 100, 1, 0)


class Told(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.codes: list[str] = []

    def take(self, event: Event) -> None:
        self.events.append(event)

    def failed(
        self, failure: Failure, severity: Severity = "failed", *, at_ns: int | None = None
    ) -> None:
        assert failure.code in CODES
        assert failure.message
        self.codes.append(failure.code)

    def seen(self) -> list[tuple[Any, ...]]:
        """The frames that came, without their times."""
        return [
            (f.opcode, f.fin, f.size, f.wire_size, f.compressed, f.payload, f.base64)
            for f in self.events
            if isinstance(f, FrameSeen) and f.direction == "in"
        ]


class Outcome(NamedTuple):
    """What a client made of the bytes."""

    messages: list[str | bytes]
    codes: list[str]
    frames: list[tuple[Any, ...]]
    close: tuple[Any, ...]


async def hear(connection: Connection, told: Told, limit: int | None) -> Outcome:
    """Everything up to the end of the connection."""
    messages = []
    try:
        while True:
            messages.append((await connection.receive()).data)
    except ConnectionClosed:
        await connection.wait_closed()
    closed = told.events[-1]
    assert isinstance(closed, Closed)
    assert sum(isinstance(event, Closed) for event in told.events) == 1
    assert len(messages) <= closed.messages_in
    assert limit is None or all(_size(message) <= limit for message in messages)
    close = (closed.code, closed.reason, closed.sent_code, closed.initiator, closed.clean)
    return Outcome(messages, told.codes, told.seen(), close)


def _size(message: str | bytes) -> int:
    return len(message.encode() if isinstance(message, str) else message)


def target(data: bytes) -> None:
    """Options, then where to cut, then the stream."""
    choices = Choices(data)
    extension, limit = choices.pick(_EXTENSIONS), choices.pick(_LIMITS)
    closing, places = choices.flag(), choices.cuts()
    stream = choices.rest()
    whole = run(_outcome([stream] if stream else [], extension, limit, closing=closing))
    parts = run(_outcome(cut(stream, places), extension, limit, closing=closing))
    if b"HTTP/1." in stream:
        # An error page inside of the stream is recognised if it comes in one read.
        whole, parts = (outcome._replace(codes=[], close=()) for outcome in (whole, parts))
    assert whole == parts, (whole, parts)


async def _outcome(chunks: list[bytes], extension: str, limit: int, *, closing: bool) -> Outcome:
    protocol = MeasuredProtocol(
        WebSocketURI(False, "host", 80, "/", "", None, None),
        state=State.OPEN,
        extensions=[DeflateFactory()],
        max_size=limit,
    )
    headers = Headers({"Sec-WebSocket-Extensions": extension} if extension else {})
    protocol.extensions = protocol.process_extensions(headers)
    handshake = Handshake(at_ns=0, connection=1, request_target="/", request_headers=(), status=101)
    told = Told()
    pipe = MemoryPipe(chunks, timeline=told.timeline)
    # A full queue holds the server up, but not while it is awaited that the server closes: what
    # comes then is dropped.
    queue = 10_000 if closing else 4
    connection = Connection(
        "ws://host/",
        dialled(pipe),
        Upgraded(protocol, handshake, 0, False, 0, None),
        ConnectOptions(limits=Limits(message=limit, queue_messages=queue, frames=1000)),
        told,
        1,
    )
    if closing:
        connection.start_closing(3000, "enough")
    return await hear(connection, told, limit)
