"""Naming what keeps a TCP connection from being made."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import Any

from checkwire.model.failures import Failure
from checkwire.wire.dial.race import Try

__all__ = ["describe_try", "diagnose_tcp", "reason_of"]

_LOCAL_ADDRESS = ("tcp.local_address", "The source address cannot be used for {place}")
_TCP_CODES = {
    errno.ECONNREFUSED: ("tcp.refused", "Nothing listens on {place}"),
    errno.ETIMEDOUT: ("tcp.timeout", "{place} did not answer the connection request"),
    errno.ENETUNREACH: ("tcp.unreachable", "There is no route to {place}"),
    errno.EHOSTUNREACH: ("tcp.unreachable", "There is no route to {place}"),
    errno.ECONNRESET: ("tcp.reset", "{place} reset the connection"),
    errno.EADDRNOTAVAIL: _LOCAL_ADDRESS,
    errno.ENOENT: ("tcp.refused", "There is no socket at {place}"),
    errno.EAFNOSUPPORT: ("tcp.unreachable", "This machine does not speak the family of {place}"),
}

_TELLING = ("tcp.refused", "tcp.reset", "tcp.timeout", "tcp.failed", "tcp.local_address")


def describe_try(attempt: Try) -> dict[str, Any]:
    """One try as evidence."""
    if attempt.error is not None:
        result = reason_of(attempt.error)
    else:
        result = "no answer" if attempt.duration_ns is None else "connected"
    return {
        "address": str(attempt.endpoint),
        "started_ns": attempt.started_ns,
        "duration_ns": attempt.duration_ns,
        "result": result,
    }


def reason_of(error: BaseException) -> str:
    """The operating system's or OpenSSL's reason, in lower case."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, socket.gaierror):
        return (error.strerror or str(error)).lower()
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def diagnose_tcp(
    tries: list[Try], *, error: OSError | None = None, timeout: float | None = None
) -> Failure:
    """Why none of the addresses could be connected to: for each its own reason.

    The one that tells most of the target gives the failure its name.

    Args:
        error: what ended it, if it was not that ``timeout`` seconds were over.
    """
    fallback = error if timeout is None else None
    causes = sorted(((t.error or fallback, t) for t in tries), key=lambda pair: _rank(pair[0]))
    reasons: dict[tuple[str, str], list[tuple[OSError | None, Try]]] = {}
    for pair in causes:
        reasons.setdefault(_name(pair[0]), []).append(pair)
    parts: list[str] = []
    for (code, sentence), pairs in reasons.items():
        part = sentence.format(place=", ".join(str(attempt.endpoint) for _, attempt in pairs))
        cause, attempt = pairs[0]
        if cause is None:
            part += f" within {timeout:g} s"
        elif code in ("tcp.failed", "tcp.local_address"):
            part += f" ({reason_of(cause)})"
        elif cause.errno == errno.ECONNREFUSED:
            part += f" (refused after {(attempt.duration_ns or 0) / 1e6:.1f} ms)"
        parts.append(part if not parts else part[0].lower() + part[1:])
    told = causes[0][0]
    return Failure(
        code=_name(told)[0],
        message="; ".join(parts),
        phase="tcp",
        evidence={
            "errno": told.errno if told else None,
            "tries": [describe_try(t) for t in tries],
        },
    )


def _name(cause: OSError | None) -> tuple[str, str]:
    """The code for a cause (``None`` for silence), and its sentence."""
    if cause is None:
        return _TCP_CODES[errno.ETIMEDOUT]
    if isinstance(cause, socket.gaierror):  # What binding to an address of another family gives.
        return _LOCAL_ADDRESS
    return _TCP_CODES.get(cause.errno or 0, ("tcp.failed", "Connecting to {place} failed"))


def _rank(cause: OSError | None) -> int:
    """How little it tells of the target: an answer most, that there is no way there least."""
    code = _name(cause)[0]
    return _TELLING.index(code) if code in _TELLING else len(_TELLING)
