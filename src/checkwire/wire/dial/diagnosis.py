"""Naming what keeps a TCP connection from being made."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import Any, NamedTuple

from checkwire.model.failures import Failure
from checkwire.wire.dial.queue import waiting_at
from checkwire.wire.dial.race import Try
from checkwire.wire.dial.whereabouts import named
from checkwire.wire.loss import end_of

__all__ = ["describe_try", "diagnose_reset", "diagnose_tcp", "reason_of"]

_QUEUE_FULL = ("tcp.queue_full", "{place} has a full accept queue, and took no connection")
_PROHIBITED = ("tcp.prohibited", "This machine does not allow a connection to {place}")
_TOO_MANY_FILES = (
    "runner.files",
    "The check has as many files open as files= allows, and none is left to connect to {place}",
)
_LOCAL_ADDRESS = ("tcp.local_address", "The source address cannot be used for {place}")
_TCP_CODES = {
    errno.ECONNREFUSED: ("tcp.refused", "Nothing listens on {place}"),
    errno.ETIMEDOUT: ("tcp.timeout", "{place} did not answer the connection request"),
    errno.ENETUNREACH: ("tcp.unreachable", "There is no route to {place}"),
    errno.EHOSTUNREACH: ("tcp.unreachable", "There is no route to {place}"),
    errno.ECONNRESET: ("tcp.reset", "{place} reset the connection"),
    errno.EADDRNOTAVAIL: _LOCAL_ADDRESS,
    errno.ENOENT: ("tcp.refused", "There is no socket at {place}"),
    errno.EMFILE: _TOO_MANY_FILES,
    errno.EACCES: _PROHIBITED,
    errno.EPERM: _PROHIBITED,
    errno.EAFNOSUPPORT: ("tcp.unreachable", "This machine does not speak the family of {place}"),
}

_TELLING = (
    "tcp.refused",
    "tcp.reset",
    "tcp.queue_full",
    "tcp.timeout",
    "tcp.failed",
    "tcp.local_address",
)


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


class _Cause(NamedTuple):
    """Why one try did not succeed: ``error`` is ``None`` for silence."""

    code: str
    sentence: str
    attempt: Try
    error: OSError | None
    waiting: int | None = None


def diagnose_tcp(
    tries: list[Try], host: str, *, error: OSError | None = None, timeout: float | None = None
) -> Failure:
    """Why none of the addresses could be connected to: for each its own reason.

    The one that tells most of the target gives the failure its name.

    Args:
        tries: to each address.
        host: the name that they are of.
        error: what ended it, if it was not that ``timeout`` seconds were over.
    """
    fallback = error if timeout is None else None
    causes = sorted((_cause(t, t.error or fallback) for t in tries), key=_rank)
    reasons: dict[tuple[str, str], list[_Cause]] = {}
    for cause in causes:
        reasons.setdefault((cause.code, cause.sentence), []).append(cause)
    parts: list[str] = []
    for (code, sentence), alike in reasons.items():
        places = ", ".join(str(cause.attempt.endpoint) for cause in alike)
        first = alike[0]
        part = sentence.format(place=named(places, host))
        if first.error is None:
            part += f" within {timeout:g} s"
            part += f" ({first.waiting} wait already)" if first.waiting is not None else ""
        elif code in ("tcp.failed", "tcp.local_address", "tcp.prohibited"):
            part += f" ({reason_of(first.error)})"
        parts.append(part if not parts else part[0].lower() + part[1:])
    told = causes[0]
    evidence: dict[str, Any] = {
        "place": str(told.attempt.endpoint),
        "errno": told.error.errno if told.error else None,
        "tries": [describe_try(t) for t in tries],
    }
    if told.waiting is not None:
        evidence["waiting"] = told.waiting
    return Failure(code=told.code, message="; ".join(parts), phase="tcp", evidence=evidence)


def diagnose_reset(error: BaseException, where: str, phase: str) -> Failure:
    """The peer threw a new connection away, whatever it was to be for."""
    return Failure(
        code="tcp.reset",
        message=f"{where} reset the connection before it said anything",
        phase=phase,
        evidence={"bytes_received": 0, **end_of(error)},
    )


def _cause(attempt: Try, error: OSError | None) -> _Cause:
    if error is None:
        # A Unix socket that does not connect at once has no room in its queue.
        waiting = waiting_at(attempt.endpoint)
        if waiting or attempt.endpoint.family == socket.AF_UNIX:
            return _Cause(*_QUEUE_FULL, attempt, None, waiting)
        return _Cause(*_TCP_CODES[errno.ETIMEDOUT], attempt, None)
    if isinstance(error, socket.gaierror):  # What binding to an address of another family gives.
        return _Cause(*_LOCAL_ADDRESS, attempt, error)
    failed = ("tcp.failed", "Connecting to {place} failed")
    return _Cause(*_TCP_CODES.get(error.errno or 0, failed), attempt, error)


def _rank(cause: _Cause) -> int:
    """How little it tells of the target: an answer most, that there is no way there least."""
    return _TELLING.index(cause.code) if cause.code in _TELLING else len(_TELLING)
