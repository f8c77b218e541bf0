"""How a connection ended, and what that means."""

from __future__ import annotations

import errno
import ssl
from typing import Any

from checkwire.model.durations import format_ns
from checkwire.model.failures import Failure
from checkwire.wire.session.ends import Circumstances, timed_out

__all__ = [
    "diagnose_close_timeout",
    "diagnose_loss",
]

_PATH_ERRORS = (
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENETDOWN,
)
"""What the kernel says when the peer has not answered for long, or a router gave it up."""


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
