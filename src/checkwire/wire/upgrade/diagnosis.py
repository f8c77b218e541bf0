"""Naming what comes instead of an HTTP response."""

from __future__ import annotations

from typing import Any

from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.wire.guess import guess_protocol, is_http2
from checkwire.wire.http_head import HEAD_LIMIT, malformed_line
from checkwire.wire.loss import end_of, how_it_ended
from checkwire.wire.tls.contexts import ALPN

__all__ = ["diagnose_end", "diagnose_head"]

_FIRST_BYTES = 32
"""Bytes that are kept of what is no answer."""

_TLS_ALERT = 0x15
_TLS_HANDSHAKE = 0x16


def diagnose_head(data: bytes, where: str, masker: Masker, *, alpn: str | None = None) -> Failure:
    """Bytes that are not the head of an HTTP response.

    Args:
        data: what came.
        where: the peer, for a reader.
        masker: hides secrets.
        alpn: the protocol that was agreed on in TLS, empty for none; ``None`` without TLS.
    """
    first = masker.excerpt_of_bytes(data, _FIRST_BYTES, ends=False)
    evidence: dict[str, Any] = {"bytes_received": len(data), "first_bytes": first.hex(" ")}
    wrong = malformed_line(data)
    if data[:1] and data[0] in (_TLS_ALERT, _TLS_HANDSHAKE) and data[1:2] == b"\x03":
        code, message = "upgrade.tls_expected", f"{where} answered with a TLS record"
    elif wrong is not None:
        code = "upgrade.bad_headers"
        line = masker.excerpt(wrong, 100)
        message = f"{where} answered with a line that is not HTTP: {line!r}"
    elif len(data) > HEAD_LIMIT:
        code = "upgrade.headers_too_large"
        message = f"{where} sent more than {HEAD_LIMIT // 1024} KiB of headers"
        evidence |= _headers_of(data)
    elif is_http2(data) and alpn is not None:
        code, message = "tls.alpn", f"{where} speaks HTTP/2 inside of TLS, and was asked not to"
        evidence |= {"guess": "HTTP/2", "offered": list(ALPN), "selected": alpn or None}
    elif is_http2(data):
        code, message = "upgrade.http2", f"{where} answered with HTTP/2"
        evidence["guess"] = "HTTP/2"
    else:
        code, message = "upgrade.not_http", f"{where} did not answer with HTTP"
        if guess := guess_protocol(data):
            evidence["guess"] = guess
            message += f", but with {guess}"
        shown = first.decode("utf-8", "replace").strip()
        message += f": {shown!r}" if shown.isprintable() and shown else ""
    phase = "tls" if code == "tls.alpn" else "upgrade"
    return Failure(code=code, message=message, phase=phase, evidence=evidence)


def _headers_of(data: bytes) -> dict[str, Any]:
    """How many headers there are, and which is the largest."""
    lines = data.split(b"\n")[1:]
    largest = max(lines, key=len, default=b"").partition(b":")[0]
    return {"headers_seen": len(lines), "largest_header": largest.decode("latin-1")[:100]}


def diagnose_end(
    error: BaseException, data: bytes, where: str, masker: Masker, *, timeout: float
) -> Failure:
    """No whole answer came: the time was over, or the connection."""
    evidence: dict[str, Any] = {"bytes_received": len(data)}
    if data:
        first = masker.excerpt_of_bytes(data, _FIRST_BYTES, ends=False)
        evidence["first_bytes"] = first.hex(" ")
    got = f"{len(data)} bytes of an answer" if data else "no byte of an answer"
    if isinstance(error, TimeoutError):
        message = f"{where} sent {got} to the upgrade request within {timeout:g} s"
        return Failure(code="upgrade.timeout", message=message, phase="upgrade", evidence=evidence)
    if data[:1] and data[0] in (_TLS_ALERT, _TLS_HANDSHAKE):
        return diagnose_head(data, where, masker)
    evidence |= end_of(error)
    message = f"{where} {how_it_ended(error)} the connection after {got}"
    return Failure(code="upgrade.closed", message=message, phase="upgrade", evidence=evidence)
