"""The run-event stream: what an engine says while an attempt runs, one record at a time.

It is the seam between engines (Python, Node, declared) and everything else. On the wire each
event is one line of JSON, an object whose ``type`` names the event; see docs/run-events.md.
Readers ignore members they do not know, and skip records whose ``type`` they do not know.

Times are integer nanoseconds. ``at_ns`` counts from the start of the attempt, on one monotonic
timeline; only ``started_ns`` is an instant (Unix epoch).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from checkwire.model.failures import Failure, Location, Severity

__all__ = [
    "AttemptStarted",
    "Certificate",
    "Clock",
    "ConnectionClosed",
    "ConnectionStarted",
    "Delivered",
    "Direction",
    "Event",
    "Excused",
    "Failed",
    "Finished",
    "FrameSeen",
    "FramesSkipped",
    "Handshake",
    "HttpExchange",
    "Logged",
    "Opcode",
    "Phase",
    "PhaseName",
    "RoundTrip",
    "StepFinished",
    "StepStarted",
    "TlsEstablished",
    "decode_event",
    "encode_event",
]

Clock = Literal["kernel", "user"]
"""Who took the time: the kernel as the packet arrived, or this process as it noticed."""

PhaseName = Literal["dns", "tcp", "proxy", "tls", "upgrade", "first_message", "open", "close"]
"""A timed part of a connection. ``open`` is everything up to the end of ``upgrade``."""

Direction = Literal["in", "out"]
Opcode = Literal["text", "binary", "continuation", "close", "ping", "pong"]
LogLevel = Literal["debug", "info", "warning", "error"]
StepStatus = Literal["passed", "failed"]


def _tag(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=_tag):
    """What all events share.

    Attributes:
        words: names of the fields that hold words of ours, or what is masked already: the others
            are masked when an event is told.
    """

    words: ClassVar[frozenset[str]] = frozenset()

    at_ns: int


class AttemptStarted(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The first event. ``started_ns`` is the wall clock (Unix epoch) at ``at_ns`` = 0."""

    words = frozenset({"check", "engine"})

    check: str
    started_ns: int
    engine: str
    pid: int = 0
    schema: int = 1


class StepStarted(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """A named part of the attempt begins. Steps are numbered from 1; 0 means none."""

    step: int
    name: str
    parent: int = 0
    location: Location | None = None


class StepFinished(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The step ended; ``failed`` when an exception left it."""

    words = frozenset({"status"})

    step: int
    status: StepStatus = "passed"


class ConnectionStarted(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """A WebSocket is being dialled. Connections are numbered from 1 within the attempt."""

    connection: int
    url: str
    step: int = 0


class Phase(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """A phase of a connection ended well. ``at_ns`` is its *start*.

    ``details`` holds what belongs to the phase: the addresses found (``dns``), each address tried
    and the kernel's round trip (``tcp``), the proxy (``proxy``).
    """

    words = frozenset({"name", "clock"})

    connection: int
    name: PhaseName
    duration_ns: int
    clock: Clock = "user"
    details: dict[str, Any] = {}


class Certificate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An X.509 certificate the peer presented. Instants are Unix seconds.

    ``issuer_url`` is where it says its issuer's certificate can be fetched (caIssuers).
    """

    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    not_before: int = 0
    not_after: int = 0
    serial: str = ""
    sha256: str = ""
    key: str = ""
    issuer_url: str = ""


class TlsEstablished(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The TLS session: version (``TLSv1.3``), cipher, and the chain as sent, leaf first."""

    words = frozenset({"version", "cipher"})

    connection: int
    version: str
    cipher: str
    server_name: str = ""
    verified: bool = True
    alpn: str | None = None
    chain: tuple[Certificate, ...] = ()


class Handshake(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The upgrade request and the server's answer, whatever it was."""

    connection: int
    request_target: str
    request_headers: tuple[tuple[str, str], ...]
    status: int
    reason: str = ""
    response_headers: tuple[tuple[str, str], ...] = ()
    remote_address: str = ""
    local_address: str = ""
    subprotocol: str | None = None
    extensions: tuple[str, ...] = ()


class FrameSeen(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """One frame, in either direction.

    Attributes:
        number: counts the frames of the connection, both directions, from 1.
        wire_size: payload bytes on the wire, compressed if it was; without the frame's header.
        size: payload bytes after decompression.
        payload: text as it is, binary as base64; cut at the transcript's limit, secrets masked.
            A fragmented message has it on its last frame.
        truncated: whether ``payload`` was cut.
        coalesced: the kernel delivered this frame in one read together with a later one, so its
            time is the later one's: an upper bound.
        probe: a ping of Checkwire's own, to find out why nothing comes, or the pong to one.
    """

    words = frozenset({"clock", "direction", "opcode", "payload"})

    connection: int
    number: int
    direction: Direction
    opcode: Opcode
    size: int
    wire_size: int
    fin: bool = True
    compressed: bool = False
    payload: str | None = None
    base64: bool = False
    truncated: bool = False
    clock: Clock = "user"
    coalesced: bool = False
    probe: bool = False


class Delivered(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """When a frame we sent left the machine (``at_ns``), and when the peer's kernel had it."""

    connection: int
    number: int
    acked_ns: int | None = None


class RoundTrip(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """Time from a frame sent to its answer: a ping's pong, or the message that the check took for
    the answer, where one message was sent since the one before.

    ``network_ns`` is the part until the peer's kernel acknowledged; ``server_ns`` is the rest.
    Both are missing when the acknowledgement came with the answer itself, or may have been held
    back for it.
    """

    words = frozenset({"kind"})

    connection: int
    kind: Literal["ping", "reply"]
    duration_ns: int
    request: int
    answer: int
    network_ns: int | None = None
    server_ns: int | None = None


class FramesSkipped(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """Frames that are counted, not kept, between the first and the last ones of a connection."""

    connection: int
    count: int
    size: int


class ConnectionClosed(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The connection is gone; the last event of a connection that was started.

    Attributes:
        code: close code received (1005 if the Close frame was empty, 1006 if there was none);
            ``None`` if the connection never opened.
        initiator: who sent the first Close frame or ended TCP first.
        clean: a closing handshake took place, RFC 6455 section 7.1.4.
    """

    words = frozenset({"clock", "initiator"})

    connection: int
    code: int | None = None
    reason: str = ""
    sent_code: int | None = None
    initiator: Literal["local", "remote", ""] = ""
    clean: bool = False
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    clock: Clock = "user"
    coalesced: int = 0


class HttpExchange(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """An HTTP request of the check and its response. ``at_ns`` is its start.

    ``phases`` maps ``dns``, ``tcp``, ``proxy``, ``tls``, ``wait`` (request sent to first byte)
    and ``receive`` to nanoseconds; those absent did not take place (a kept-alive connection).
    """

    words = frozenset({"phases"})

    method: str
    url: str
    duration_ns: int
    status: int | None = None
    reason: str = ""
    phases: dict[str, int] = {}
    request_headers: tuple[tuple[str, str], ...] = ()
    response_headers: tuple[tuple[str, str], ...] = ()
    request_body: str | None = None
    response_body: str | None = None
    request_size: int = 0
    response_size: int = 0
    remote_address: str = ""
    step: int = 0


class Logged(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """Something the script said: ``log(...)``, or a line on stdout or stderr (``source``)."""

    words = frozenset({"level", "source"})

    message: str
    level: LogLevel = "info"
    source: Literal["log", "stdout", "stderr", "checkwire"] = "log"
    step: int = 0


class Failed(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """Something failed. Told when it happens; :class:`Excused` may take it back.

    ``number`` counts the failures of the attempt from 1.
    """

    words = frozenset({"severity"})

    number: int
    failure: Failure
    severity: Severity = "failed"
    step: int = 0


class Excused(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """A failure told earlier does not count: the check expected it, or it held on a later try."""

    words = frozenset({"reason"})

    number: int
    reason: Literal["expected", "held_later"]


class Finished(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """The script ended by itself. Without this event the attempt is an error.

    Attributes:
        outcome: whether the check function returned or raised.
        raised: number of the failure that ended it, 0 if none.
        verifications: how many things were verified, so that none is noticed.
        starved_ns: for how long it waited for a CPU while others had them all; told if anything
            failed.
    """

    words = frozenset({"outcome"})

    outcome: Literal["returned", "raised"]
    raised: int = 0
    verifications: int = 0
    starved_ns: int = 0


Event = (
    AttemptStarted
    | StepStarted
    | StepFinished
    | ConnectionStarted
    | Phase
    | TlsEstablished
    | Handshake
    | FrameSeen
    | Delivered
    | RoundTrip
    | FramesSkipped
    | ConnectionClosed
    | HttpExchange
    | Logged
    | Failed
    | Excused
    | Finished
)
"""Any event."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """One line of JSON, newline included."""
    return _encoder.encode(event) + b"\n"


def decode_event(line: bytes) -> Event:
    """The event in one line of the stream.

    Raises:
        ValueError: if the line is not an event.
    """
    return _decoder.decode(line)
