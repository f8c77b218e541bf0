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
    """Why none of the addresses could be connected to."""
    # Of several addresses the one that answered tells most; silence tells least.
    told = next((t for t in tries if t.error and t.error.errno == errno.ECONNREFUSED), tries[-1])
    cause = told.error or error
    if cause is None:
        code, sentence = "tcp.timeout", "{place} did not answer the connection request"
    elif isinstance(cause, socket.gaierror):  # What binding to an address of another family gives.
        code, sentence = _LOCAL_ADDRESS
    else:
        code, sentence = _TCP_CODES.get(
            cause.errno or 0, ("tcp.failed", "Connecting to {place} failed")
        )
    places = ", ".join(str(t.endpoint) for t in tries if code != "tcp.refused" or t.error)
    message = sentence.format(place=places)
    if cause is None:
        message += f" within {timeout:g} s"
    elif code in ("tcp.failed", "tcp.local_address"):
        message += f" ({reason_of(cause)})"
    elif code == "tcp.refused" and cause.errno == errno.ECONNREFUSED:
        message += f" (refused after {(told.duration_ns or 0) / 1e6:.1f} ms)"
    return Failure(
        code=code,
        message=message,
        phase="tcp",
        evidence={
            "errno": cause.errno if cause else None,
            "tries": [describe_try(t) for t in tries],
        },
    )
