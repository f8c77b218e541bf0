"""What the hook in a Node process says beside run events: facts, which the runner names.

The words for what went wrong, and the masking of secrets, are in one place for all engines; so the
hook tells what it saw, and no more.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from checkwire.model.events import (
    AttemptStarted,
    ConnectionClosed,
    ConnectionStarted,
    FrameSeen,
    Handshake,
    Logged,
    Phase,
    RoundTrip,
    StepFinished,
    StepStarted,
)

__all__ = [
    "RECORD_TYPES",
    "Asserted",
    "Ended",
    "Exchange",
    "Fault",
    "Held",
    "Record",
    "Tls",
    "decode_record",
]


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag=str.lower):
    """What all records share."""

    at_ns: int


class Fault(_Record, frozen=True, kw_only=True):
    """Something went wrong: what is known of it, by the kind. See ``runner/node/naming.py``."""

    kind: str
    facts: dict[str, Any] = {}
    connection: int | None = None
    request: int | None = None
    step: int = 0


class Tls(_Record, frozen=True, kw_only=True):
    """As :class:`checkwire.model.events.TlsEstablished`, with the certificates in base64."""

    connection: int
    version: str
    cipher: str
    server_name: str = ""
    verified: bool = True
    alpn: str | None = None
    chain: tuple[str, ...] = ()


class Exchange(_Record, frozen=True, kw_only=True):
    """As :class:`checkwire.model.events.HttpExchange`."""

    method: str
    url: str
    duration_ns: int
    status: int | None = None
    reason: str = ""
    phases: dict[str, int] = {}
    request_headers: tuple[tuple[str, str], ...] = ()
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: str | None = None
    response_size: int = 0
    remote_address: str = ""
    step: int = 0


class Asserted(_Record, frozen=True, kw_only=True, tag="assertion"):
    """A verification failed; whether the script lets that through is yet to be seen."""

    number: int
    facts: dict[str, Any]
    step: int = 0


class Held(_Record, frozen=True, kw_only=True):
    """The verification of that number held at the same place later."""

    number: int


class Ended(_Record, frozen=True, kw_only=True):
    """The process is about to end by itself.

    Attributes:
        code: the exit status.
        timed_out: whether its time was over.
        uncaught: whether an error ended it that nobody caught.
        verifications: messages and responses that the script could have looked at, and
            verifications that held.
    """

    code: int
    timed_out: bool = False
    uncaught: bool = False
    verifications: int = 0


Record = (
    AttemptStarted
    | ConnectionStarted
    | Phase
    | Handshake
    | FrameSeen
    | RoundTrip
    | ConnectionClosed
    | Logged
    | StepStarted
    | StepFinished
    | Fault
    | Tls
    | Exchange
    | Asserted
    | Held
    | Ended
)
"""Any line of the hook."""

RECORD_TYPES = frozenset(kind.__struct_config__.tag for kind in get_args(Record))

_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def decode_record(line: bytes) -> Record:
    """The record in one line.

    Raises:
        ValueError: if the line is none.
    """
    return _decoder.decode(line)
