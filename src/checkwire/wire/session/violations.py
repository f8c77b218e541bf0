"""What a server must not send, and did: which rule it broke, and with which bytes."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from websockets.exceptions import PayloadTooBig, ProtocolError

from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.wire.http_head import parse_head
from checkwire.wire.session.protocol import UnreadableReason

__all__ = [
    "RULES",
    "SHOWN",
    "Offender",
    "begins_like_http",
    "diagnose_http",
    "diagnose_violation",
    "find_http",
    "first_frame",
    "is_whole_line",
]

SHOWN = 32
"""Bytes of a frame in the evidence."""
_SHOWN_BODY = 512
_SHOWN_LINE = 100

RULES = {
    "invalid opcode": ("opcodes 3-7 and 11-15 are reserved", "RFC 6455 5.2"),
    "incorrect masking": ("a server must not mask frames", "RFC 6455 5.1"),
    "reserved bits must be 0": (
        "reserved bits must be 0 unless an extension says so",
        "RFC 6455 5.2",
    ),
    "payload length is not minimal": (
        "a length must be written in as few bytes as it can be",
        "RFC 6455 5.2",
    ),
    "payload length has its first bit set": (
        "the first bit of a length in 8 bytes must be 0",
        "RFC 6455 5.2",
    ),
    "control frame too long": ("a control frame holds at most 125 bytes", "RFC 6455 5.5"),
    "fragmented control frame": ("a control frame must not be fragmented", "RFC 6455 5.5"),
    "expected a continuation frame": (
        "a new message began inside a fragmented one",
        "RFC 6455 5.4",
    ),
    "unexpected continuation frame": ("there is no message to continue", "RFC 6455 5.4"),
    "close frame too short": (
        "a Close frame holds nothing, or at least a 2-byte code",
        "RFC 6455 5.5.1",
    ),
    "invalid status code": ("this close code must not be sent", "RFC 6455 7.4"),
    "RSV1 bit set in continuation frame": (
        "only the first frame of a message has RSV1",
        "RFC 7692 7.2.3",
    ),
}
"""What a parser says of a frame, as a rule that was broken, and where that stands."""

_HTTP = b"HTTP/1."
_HTTP_INSIDE = re.compile(rb"HTTP/1\.[01] [1-5]\d\d[^\r\n]{0,200}\r\n[!#-9A-~]+:")
"""A status line and the name of a header: so much of a response that it is one."""
_STATUS = re.compile(r"HTTP/1\.[01] (\d{3}) ?(.*)")


class Offender(NamedTuple):
    """The frame that broke a rule.

    Attributes:
        start: its first bytes.
        offset: of its first byte in what the server sent since the upgrade.
        before: how many frames there were before, in both directions.
    """

    start: bytes
    offset: int
    before: int

    def evidence(self, masker: Masker) -> dict[str, Any]:
        """The same as evidence."""
        # If the frame before had a wrong length, this one begins in the middle of anything.
        shown = masker.excerpt_of_bytes(self.start, SHOWN, begins=False, ends=False)
        return {
            "frame_bytes": shown.hex(" "),
            "frame_offset": self.offset,
            "frames_before": self.before,
        }


def begins_like_http(data: bytes | bytearray) -> bool:
    """Whether bytes where a frame should begin are HTTP, as far as they came.

    No frame is: the first byte is that of a fragmented Close with RSV1 set.
    """
    return data[: len(_HTTP)] == _HTTP[: len(data)]


def is_whole_line(data: bytes | bytearray) -> bool:
    """Whether what begins like HTTP has its first line, or more than one could have."""
    return b"\n" in data or len(data) > _SHOWN_BODY


def find_http(data: bytes | bytearray) -> int | None:
    """Where the response of a proxy begins that broke into a frame; ``None`` if there is none."""
    found = _HTTP_INSIDE.search(data)
    return None if found is None else found.start()


def first_frame(data: bytes, limit: int) -> bytes:
    """The frame that these bytes begin with, as its header has it; cut at the limit."""
    if len(data) < 2:
        return data
    size = data[1] & 127
    extended = {126: 2, 127: 8}.get(size, 0)
    if extended:
        size = int.from_bytes(data[2 : 2 + extended])
    key = 4 if data[1] & 128 else 0
    return data[: min(2 + extended + key + size, limit)]


def diagnose_violation(
    error: Exception, place: str, offender: Offender, limit: int, masker: Masker
) -> Failure:
    """The peer sent what the protocol forbids.

    Args:
        error: what the parser said.
        limit: bytes that a message may have.
        masker: hides secrets in what is shown of it.
    """
    evidence = offender.evidence(masker)
    if isinstance(error, PayloadTooBig):
        size = None if error.size is None else (error.current_size or 0) + error.size
        return _too_big(place, size, limit, evidence)
    if isinstance(error, UnreadableReason):
        return _unreadable_reason(error, place, evidence, masker)
    said = str(error)
    if isinstance(error, UnicodeDecodeError):
        evidence |= {"offset": error.start, "section": "RFC 6455 8.1"}
        message = (
            f"{place} sent text that is not UTF-8: {error.reason} at byte {error.start} "
            "(RFC 6455 8.1)"
        )
        return Failure(code="ws.invalid_utf8", message=message, phase="open", evidence=evidence)
    if isinstance(error, ProtocolError) and said == "decompression failed":
        evidence["section"] = "RFC 7692 7.2.2"
        message = f"{place} sent a compressed message that cannot be inflated (RFC 7692)"
        return Failure(code="ws.bad_compression", message=message, phase="open", evidence=evidence)
    rule, section = RULES.get(said, (said or "internal error", ""))
    evidence["rule"] = said
    if section:
        evidence["section"] = section
    message = f"{place} broke the protocol: {rule}" + (f" ({section})" if section else "")
    return Failure(code="ws.protocol_error", message=message, phase="open", evidence=evidence)


def _unreadable_reason(
    error: UnicodeDecodeError, place: str, evidence: dict[str, Any], masker: Masker
) -> Failure:
    reason = masker.excerpt_of_bytes(error.object, len(error.object), ends=False)
    evidence |= {"offset": error.start, "section": "RFC 6455 5.5.1", "reason": reason.hex(" ")}
    return Failure(
        code="ws.invalid_utf8",
        message=f"{place} sent a Close frame whose reason is not UTF-8: {error.reason} at byte "
        f"{error.start} of it (RFC 6455 5.5.1)",
        hint="A close reason is UTF-8 text of up to 123 bytes, after the two bytes of the code",
        phase="close",
        evidence=evidence,
    )


def _too_big(place: str, size: int | None, limit: int, evidence: dict[str, Any]) -> Failure:
    """A message exceeds the limit; its size may not be known, but it is at least ``size``."""
    of = "" if size is None else f" of {size:,} bytes,"
    return Failure(
        code="ws.too_big",
        message=f"{place} sent a message{of} over the limit of {limit:,} bytes",
        phase="open",
        evidence={"limit": limit, "size": size, **evidence},
    )


def diagnose_http(
    place: str, data: bytes | bytearray, masker: Masker, *, inside: bool = False
) -> Failure:
    """HTTP where a frame should begin: a proxy on the way wrote its error page.

    Args:
        data: it, as far as it came.
        inside: whether it came where the rest of a frame should have.
    """
    shown = masker.excerpt_of_bytes(data, _SHOWN_BODY, ends=False)
    text = shown.decode("utf-8", "replace")
    line = text.partition("\n")[0].rstrip("\r")
    evidence: dict[str, Any] = {"first_bytes": shown[:SHOWN].hex(" ")}
    if match := _STATUS.fullmatch(line):
        evidence |= {"status": int(match[1]), "reason": match[2]}
    by = ""
    head = parse_head(data)
    if head is not None:
        evidence["headers"] = [list(pair) for pair in masker.headers(head.headers)]
        for name in ("server", "via"):
            if (value := head.get(name)) is not None:
                value = masker.excerpt(value, _SHOWN_LINE)
                evidence[name] = value
                by = by or f" ({name.capitalize()}: {value})"
        body = bytes(data[head.size :])
        text = masker.excerpt_of_bytes(body, _SHOWN_BODY, ends=False).decode("utf-8", "replace")
    evidence["body"] = text
    where = "in the middle of a frame" if inside else "inside the open WebSocket"
    return Failure(
        code="ws.not_websocket",
        message=f"{place} sent HTTP {where}: {masker.excerpt(line, _SHOWN_LINE)}{by}",
        phase="open",
        evidence=evidence,
    )
