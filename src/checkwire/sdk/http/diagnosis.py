"""Naming what keeps a request from being answered."""

from __future__ import annotations

from typing import Any

from checkwire.model.durations import format_seconds
from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.sdk.http.reading import Reading, Unreadable
from checkwire.sdk.http.requesting import Bounds, Request

__all__ = ["diagnose_broken", "diagnose_redirects", "diagnose_timeout", "diagnose_unreadable"]

_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")


def _what(request: Request) -> str:
    return f"{request.method} {request.address.target.partition('?')[0]}"


def _start(reading: Reading, masker: Masker) -> bytes:
    return masker.excerpt_of_bytes(reading.start, len(reading.start), ends=False)


def _evidence(reading: Reading, masker: Masker) -> dict[str, Any]:
    evidence: dict[str, Any] = {"bytes_received": reading.received}
    if reading.status is not None:
        evidence["status"] = reading.status
        if reading.length is not None:
            evidence["content_length"] = reading.length
    elif reading.start:
        evidence["first_bytes"] = _start(reading, masker).hex(" ")
    return evidence


def _progress(reading: Reading) -> str:
    """How much of an answer has come."""
    if reading.status is not None:
        of = "" if reading.length is None else f" of {reading.length:,}"
        return f"{reading.content.received:,}{of} bytes of the body"
    return f"{reading.received:,} bytes of the head"


def diagnose_unreadable(
    error: Unreadable,
    request: Request,
    reading: Reading,
    place: str,
    bounds: Bounds,
    masker: Masker,
) -> Failure:
    """The server closed the connection, does not speak HTTP, or says too much."""
    what, why = _what(request), str(error)
    hint = ""
    if error.code == "http.closed":
        message = f"{place} closed the connection"
        message += (
            f" after {_progress(reading)} of its answer to {what}"
            if reading.received
            else f" without answering {what}"
        )
    elif error.code == "http.too_large":
        limit = "the limit" if bounds.max_size is None else f"{bounds.max_size:,} bytes"
        message = f"The answer of {place} to {what} is larger than {limit}"
        if reading.status is None:
            message = f"The answer of {place} to {what} has too many headers"
            hint = "The limit is 64 KiB for status line and headers together"
        elif why:
            message += f": {why}"
    elif reading.start[:2] in _TLS_RECORDS:
        message = f"{place} answered {what} with a TLS record"
        hint = "Use https:// instead of http://"
    else:
        message = f"The answer of {place} to {what} is not valid HTTP: {why}"
        shown = _start(reading, masker).decode("utf-8", "replace").strip()
        if reading.status is None and shown.isprintable() and shown:
            message += f" ({shown!r})"
    return Failure(code=error.code, message=message, hint=hint, evidence=_evidence(reading, masker))


def diagnose_broken(
    error: OSError,
    request: Request,
    reading: Reading,
    place: str,
    masker: Masker,
) -> Failure:
    """The connection broke."""
    how = "reset" if isinstance(error, ConnectionResetError) else "broke"
    after = f"after {_progress(reading)}" if reading.received else "before anything came"
    return Failure(
        code="http.closed",
        message=f"The connection to {place} was {how} {after} of the answer to {_what(request)}"
        if how == "reset"
        else f"The connection to {place} broke {after} of the answer to {_what(request)}: "
        f"{error.strerror or error}",
        evidence={**_evidence(reading, masker), "errno": error.errno},
    )


def diagnose_timeout(
    request: Request,
    reading: Reading,
    place: str,
    timeout: float,
    unsent: int,
    masker: Masker,
) -> Failure:
    """No whole answer came in time, on an open connection."""
    within, what = f"within {format_seconds(timeout)}", _what(request)
    hint = ""
    if unsent and not reading.received:
        message = f"{place} did not read the request {what} {within}"
        message += f"; {unsent:,} of {len(request.body):,} bytes are unsent"
        hint = "Its receive window is full: the process is stalled, or does not read the body"
    elif not reading.received:
        message = f"{place} did not answer {what} {within}"
    else:
        message = f"{place} sent only {_progress(reading)} of its answer to {what} {within}"
        hint = "It began to answer, then stalled; timeout= is for the whole response"
    evidence = {**_evidence(reading, masker), "timeout": timeout, "bytes_unsent": unsent}
    return Failure(code="http.timeout", message=message, hint=hint, evidence=evidence)


def diagnose_redirects(way: list[str], limit: int) -> Failure:
    """The server redirects for ever; ``way`` holds the URLs in order."""
    circle = " in a circle" if len(set(way)) < len(way) else ""
    return Failure(
        code="http.too_many_redirects",
        message=f"{way[0]} leads through more than {limit} redirects{circle}",
        details="\n".join(way),
        evidence={"urls": way},
    )
