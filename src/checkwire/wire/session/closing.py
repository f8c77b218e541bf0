"""How a connection ended, and what that means."""

from __future__ import annotations

import errno
import ssl
from typing import Any

from websockets.frames import CLOSE_CODE_EXPLANATIONS

from checkwire.model.durations import format_ns
from checkwire.model.failures import Failure

__all__ = [
    "NORMAL_CODES",
    "close_name",
    "diagnose_close",
    "diagnose_close_answer",
    "diagnose_close_timeout",
    "diagnose_loss",
]

NORMAL_CODES = (1000, 1005)
"""Closes by the server that are no failure by themselves: normal, and without a status.

In the middle of a message they are one: whoever waited for it waited in vain.
"""

_PATH_ERRORS = (
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENETDOWN,
)
"""What the kernel says when the peer has not answered for long, or a router gave it up."""


def close_name(code: int) -> str:
    """What a close code means (RFC 6455 section 7.4.1 and the IANA registry)."""
    if code in CLOSE_CODE_EXPLANATIONS:
        return str(CLOSE_CODE_EXPLANATIONS[code]).removesuffix(" [internal]")
    if 3000 <= code < 4000:
        return "registered code"
    if 4000 <= code < 5000:
        return "private use"
    return "unknown code"


def _since_opening(age_ns: int) -> str:
    return f"{format_ns(age_ns)} after it opened" if age_ns > 0 else "as soon as it opened"


def diagnose_close(
    code: int,
    reason: str,
    place: str,
    age_ns: int,
    *,
    awaited: bool = False,
    cut_short: bool = False,
) -> Failure:
    """The server closed with a Close frame; ``cut_short`` if in the middle of a message."""
    why = f" {reason!r}" if reason else ""
    message = f"{place} closed the connection with {code} ({close_name(code)}){why}"
    message += f" {_since_opening(age_ns)}"
    if awaited:
        message += ", while a message was awaited"
    if cut_short:
        message += ", in the middle of a message"
    evidence = {"code": code, "reason": reason, "lifetime_ms": age_ns // 1_000_000}
    return Failure(code="ws.closed", message=message, phase="close", evidence=evidence)


def diagnose_close_answer(code: int, reason: str, place: str, sent: int) -> Failure:
    """The server answered our Close frame with another code than ours, of which one tells.

    An endpoint typically echoes the code (RFC 6455 section 5.5.1).
    """
    why = f" {reason!r}" if reason else ""
    message = f"{place} answered a Close frame of {sent} with {code} ({close_name(code)}){why}"
    evidence = {"code": code, "reason": reason, "sent_code": sent}
    return Failure(code="ws.closed", message=message, phase="close", evidence=evidence)


def diagnose_loss(
    error: OSError | None,
    place: str,
    age_ns: int,
    idle_ns: int,
    partial: int,
    missing: int | None,
    *,
    closing: bool = False,
) -> Failure:
    """TCP ended, and no Close frame came.

    Args:
        error: the socket's error; ``None`` for a FIN.
        age_ns: since the connection opened.
        idle_ns: since a frame was sent or received.
        partial: bytes received of a frame that is not complete.
        missing: bytes still expected of it, if known.
        closing: whether our own Close frame was under way.
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
    message = f"{place} {how} {without}, {_since_opening(age_ns)}"
    if partial:
        ended = "truncated"
        came = "1 byte" if partial == 1 else f"{partial} bytes"
        message += f", in the middle of a frame ({came} of it came"
        message += f", {missing} were missing)" if missing else ")"
    elif idle_ns > 1_000_000_000:
        message += f" and after {format_ns(idle_ns)} of silence"
    evidence: dict[str, Any] = {
        "ended": ended,
        "code": 1006,
        "lifetime_ms": age_ns // 1_000_000,
        "idle_ms": idle_ns // 1_000_000,
    }
    if isinstance(error, ssl.SSLError):
        evidence["openssl"] = error.reason
    elif error is not None:
        evidence["errno"] = error.errno
    if partial:
        evidence["partial_bytes"] = partial
    phase = "close" if closing else "open"
    return Failure(code=code, message=message, phase=phase, evidence=evidence)


def diagnose_close_timeout(place: str, waited: float, unwritten: int) -> Failure:
    """Our Close frame was not answered; ``unwritten`` bytes did not even leave this machine."""
    message = f"{place} did not answer the Close frame within {waited:.3g} s"
    evidence = {}
    if unwritten:
        message += f"; it had stopped reading, and {unwritten:,} bytes were still to be sent"
        evidence["unsent_bytes"] = unwritten
    return Failure(code="ws.close_timeout", message=message, phase="close", evidence=evidence)
