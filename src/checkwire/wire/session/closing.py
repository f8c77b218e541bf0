"""How a connection ended, and what that means."""

from __future__ import annotations

import errno
import ssl
from typing import Any

from websockets.exceptions import ProtocolError

from checkwire.model.durations import format_ns
from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.wire.session.ends import Circumstances, timed_out

__all__ = [
    "diagnose_close_reason",
    "diagnose_close_timeout",
    "diagnose_http",
    "diagnose_loss",
    "diagnose_too_big",
    "diagnose_violation",
]

_PATH_ERRORS = (
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENETDOWN,
)
"""What the kernel says when the peer has not answered for long, or a router gave it up."""

_RULES = {
    "invalid opcode": ("opcodes 3-7 and 11-15 are reserved", "5.2"),
    "incorrect masking": ("a server must not mask frames", "5.1"),
    "reserved bits must be 0": ("reserved bits must be 0 unless an extension says so", "5.2"),
    "control frame too long": ("a control frame holds at most 125 bytes", "5.5"),
    "fragmented control frame": ("a control frame must not be fragmented", "5.5"),
    "expected a continuation frame": ("a new message began inside a fragmented one", "5.4"),
    "unexpected continuation frame": ("there is no message to continue", "5.4"),
    "close frame too short": ("a Close frame holds nothing, or at least a 2-byte code", "5.5.1"),
    "invalid status code": ("this close code must not be sent", "7.4"),
    "RSV1 bit set in continuation frame": ("only the first frame of a message has RSV1", "7.2.3"),
}


def diagnose_loss(
    error: OSError | None,
    about: Circumstances,
    partial: int,
    missing: int | None,
    *,
    sent: int | None = None,
    closing: bool = False,
) -> Failure:
    """TCP ended, and no Close frame came.

    Args:
        error: the socket's error; ``None`` for a FIN.
        about: the connection.
        partial: bytes received of a frame that is not complete.
        missing: bytes still expected of it, if known.
        sent: the code of our own Close frame, if there was one.
        closing: whether it was under way.
    """
    code = "ws.closed_abnormally"
    if isinstance(error, ssl.SSLError):
        how, ended = f"ended TLS ({(error.reason or 'error').lower().replace('_', ' ')})", "tls"
    elif error is not None and error.errno in _PATH_ERRORS:
        code = "ws.peer_lost"
        how, ended = f"can no longer be reached ({(error.strerror or '').lower()}); lost", "lost"
    elif error is not None:
        how, ended = "reset the connection", "reset"
    else:
        how, ended = "ended the connection", "eof"
    without = "instead of answering the Close frame" if closing else "without a Close frame"
    message = f"{about.place} {how} {without}, {about.opened}"
    if partial:
        ended = "truncated"
        came = "1 byte" if partial == 1 else f"{partial} bytes"
        message += f", in the middle of a frame ({came} of it came"
        message += f", {missing} were missing)" if missing else ")"
    elif about.silence > 1:
        message += f" and after {format_ns(round(about.silence * 1e9))} of silence"
    evidence: dict[str, Any] = {"ended": ended, "code": 1006} | about.times
    evidence |= {"initiator": "local" if closing else "remote", "sent_code": sent}
    if isinstance(error, ssl.SSLError):
        evidence["openssl"] = error.reason
    elif error is not None:
        evidence["errno"] = error.errno
    if partial:
        evidence["partial_bytes"] = partial
    phase = "close" if closing else "open"
    failure = Failure(code=code, message=message, phase=phase, evidence=evidence)
    if ended in ("eof", "reset") and not closing and (match := about.timer()):
        return timed_out(failure, match)
    return failure


def diagnose_close_timeout(place: str, waited: float, unwritten: int) -> Failure:
    """Our Close frame was not answered; ``unwritten`` bytes did not even leave this machine."""
    message = f"{place} did not answer the Close frame within {waited:.3g} s"
    evidence = {}
    if unwritten:
        message += f"; it had stopped reading, and {unwritten:,} bytes were still to be sent"
        evidence["unsent_bytes"] = unwritten
    return Failure(code="ws.close_timeout", message=message, phase="close", evidence=evidence)


def diagnose_violation(
    error: Exception, place: str, frame: int, data: bytes, masker: Masker
) -> Failure:
    """The peer sent what the protocol forbids.

    Args:
        error: what the parser said.
        frame: how many frames were received before.
        data: the bytes of the read in which it was found.
        masker: hides secrets in them.
    """
    # A read may begin and end in the middle of anything.
    read = masker.excerpt_of_bytes(data, 32, begins=False, ends=False)
    evidence: dict[str, Any] = {"frames_before": frame, "read": read.hex(" ")}
    said = str(error)
    if isinstance(error, UnicodeDecodeError):
        evidence["offset"] = error.start
        message = (
            f"{place} sent text that is not UTF-8: {error.reason} at byte {error.start} "
            "(RFC 6455 8.1)"
        )
        return Failure(code="ws.invalid_utf8", message=message, phase="open", evidence=evidence)
    if isinstance(error, ProtocolError) and said == "decompression failed":
        message = f"{place} sent a compressed message that cannot be inflated (RFC 7692)"
        return Failure(code="ws.bad_compression", message=message, phase="open", evidence=evidence)
    rule, section = _RULES.get(said, (said or "internal error", ""))
    evidence["rule"] = said
    where = f" (RFC 6455 {section})" if section else ""
    if section == "7.2.3":
        where = " (RFC 7692 7.2.3)"
    message = f"{place} broke the protocol: {rule}{where}"
    return Failure(code="ws.protocol_error", message=message, phase="open", evidence=evidence)


def diagnose_close_reason(error: UnicodeDecodeError, place: str, masker: Masker) -> Failure:
    """A Close frame came whose reason cannot be read."""
    reason = masker.excerpt_of_bytes(error.object, len(error.object), ends=False)
    return Failure(
        code="ws.invalid_utf8",
        message=f"{place} sent a Close frame whose reason is not UTF-8: {error.reason} at byte "
        f"{error.start} of it (RFC 6455 5.5.1)",
        hint="A close reason is UTF-8 text of up to 123 bytes, after the two bytes of the code",
        phase="close",
        evidence={"offset": error.start, "reason": reason.hex(" ")},
    )


def diagnose_too_big(place: str, size: int | None, limit: int) -> Failure:
    """A message exceeds the limit; its size may not be known, but it is at least ``size``."""
    of = "" if size is None else f" of {size:,} bytes,"
    return Failure(
        code="ws.too_big",
        message=f"{place} sent a message{of} over the limit of {limit:,} bytes",
        phase="open",
        evidence={"limit": limit, "size": size},
    )


def diagnose_http(place: str, data: bytes, masker: Masker) -> Failure:
    """HTTP where a frame should begin: a proxy on the way wrote its error page."""
    shown = masker.excerpt_of_bytes(data, 512, ends=False).decode("utf-8", "replace")
    line = masker.excerpt(shown.partition("\r\n")[0], 100)
    return Failure(
        code="ws.not_websocket",
        message=f"{place} sent HTTP inside the open WebSocket: {line}",
        phase="open",
        evidence={"first_bytes": shown},
    )
