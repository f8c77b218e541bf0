"""Naming what keeps an HTTP connection from becoming a WebSocket."""

from __future__ import annotations

import re
import ssl
from typing import Any

from websockets.exceptions import (
    InvalidHeader,
    InvalidHeaderValue,
    InvalidUpgrade,
    NegotiationError,
)

from checkwire.model.failures import Failure
from checkwire.model.masking import Masker, without_credentials
from checkwire.wire.http_head import HEAD_LIMIT, Head, malformed_line
from checkwire.wire.tls.diagnosis import diagnose_tls_after_handshake

__all__ = ["BODY_LIMIT", "diagnose_end", "diagnose_head", "diagnose_refusal", "diagnose_rejection"]

BODY_LIMIT = 512
"""Bytes of a refusing response's body that are kept."""

_FIRST_BYTES = 32
"""Bytes that are kept of what is no answer."""

_STATUS_HINTS = {
    400: "The server understood HTTP, but not this request: check path, headers and subprotocols",
    401: "Send credentials: headers={'Authorization': ...}; or the token has expired",
    403: "The credentials or the Origin are not allowed: check headers= and origin=",
    404: "No WebSocket at this path: check the URL's path, and the proxy's routes",
    405: "The path exists, but does not take WebSocket upgrades",
    408: "The server got tired of waiting for the request",
    426: "The server wants another protocol version; see the Upgrade and "
    "Sec-WebSocket-Version headers",
    429: "Too many connections or requests from this address",
    500: "The server's own code failed during the handshake; see its log",
    502: "A proxy answered: its backend closed or refused the connection",
    503: "A proxy or server answered: no backend is available, or it is overloaded",
    504: "A proxy answered: its backend did not reply in time",
}
_EXPECTED_TLS = re.compile(
    rb"plain HTTP request was sent to HTTPS port"  # nginx
    rb"|speaking plain HTTP to an SSL-enabled server port"  # Apache
    rb"|HTTP request to an HTTPS server"  # Go
)
_TLS_ALERT = 0x15
_TLS_HANDSHAKE = 0x16


def _evidence(head: Head, body: bytes, masker: Masker) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "status": head.status,
        "reason": head.reason,
        "headers": [list(pair) for pair in masker.headers(head.headers)],
    }
    if body:
        kept = masker.excerpt_of_bytes(body, BODY_LIMIT, ends=False)
        evidence["body"] = kept.decode("utf-8", "replace")
    return evidence


def diagnose_refusal(head: Head, body: bytes, place: str, masker: Masker) -> Failure:
    """A whole HTTP response, which is not a 101."""
    evidence = _evidence(head, body, masker)
    status = f"{head.status} {head.reason}".strip()
    who = next((f"{n}: {v}" for n in ("server", "via") if (v := head.get(n))), "")
    by = f" ({who})" if who else ""
    if 300 <= head.status < 400:
        location = without_credentials(head.get("location") or "nowhere")
        message = f"{place} redirects to {location} ({status})"
        return Failure(code="upgrade.redirect", message=message, phase="upgrade", evidence=evidence)
    if 200 <= head.status < 300:
        what = (head.get("content-type") or "").partition(";")[0]
        message = f"{place} answered {status}{f' with {what}' if what else ''} instead of 101{by}"
        return Failure(
            code="upgrade.not_upgraded", message=message, phase="upgrade", evidence=evidence
        )
    hint = _STATUS_HINTS.get(head.status, "")
    if head.status == 400 and _EXPECTED_TLS.search(body):
        return Failure(
            code="upgrade.tls_expected",
            message=f"{place} speaks TLS: it answered {status} to plain HTTP{by}",
            phase="upgrade",
            evidence=evidence,
        )
    if after := head.get("retry-after"):
        hint += f". Retry-After: {after}"
    return Failure(
        code="upgrade.status",
        message=f"{place} answered {status} instead of 101{by}",
        hint=hint,
        phase="upgrade",
        evidence=evidence,
    )


def diagnose_head(data: bytes, place: str, masker: Masker) -> Failure:
    """Bytes that are not the head of an HTTP response."""
    first = masker.excerpt_of_bytes(data, _FIRST_BYTES, ends=False)
    evidence = {"bytes_received": len(data), "first_bytes": first.hex(" ")}
    if data[:1] and data[0] in (_TLS_ALERT, _TLS_HANDSHAKE) and data[1:2] == b"\x03":
        message = f"{place} answered with a TLS record"
        return Failure(
            code="upgrade.tls_expected", message=message, phase="upgrade", evidence=evidence
        )
    wrong = malformed_line(data)
    if wrong is not None:
        line = masker.excerpt(wrong, 100)
        return Failure(
            code="upgrade.bad_headers",
            message=f"{place} answered with a line that is not HTTP: {line!r}",
            phase="upgrade",
            evidence=evidence,
        )
    if len(data) > HEAD_LIMIT:
        return Failure(
            code="upgrade.headers_too_large",
            message=f"{place} sent more than {HEAD_LIMIT // 1024} KiB of headers",
            phase="upgrade",
            evidence=evidence,
        )
    shown = first.decode("utf-8", "replace").strip()
    shown = f": {shown!r}" if shown.isprintable() and shown else ""
    return Failure(
        code="upgrade.not_http",
        message=f"{place} did not answer with HTTP{shown}",
        phase="upgrade",
        evidence=evidence,
    )


def diagnose_end(
    error: BaseException, data: bytes, place: str, name: str, masker: Masker, *, timeout: float
) -> Failure:
    """No whole answer came: the time was over, or the connection."""
    evidence: dict[str, Any] = {"bytes_received": len(data)}
    if data:
        first = masker.excerpt_of_bytes(data, _FIRST_BYTES, ends=False)
        evidence["first_bytes"] = first.hex(" ")
    got = f"{len(data)} bytes of an answer" if data else "no byte of an answer"
    if isinstance(error, TimeoutError):
        message = f"{place} sent {got} to the upgrade request within {timeout:g} s"
        return Failure(code="upgrade.timeout", message=message, phase="upgrade", evidence=evidence)
    if isinstance(error, ssl.SSLError):
        return diagnose_tls_after_handshake(error, name, place)
    if data[:1] and data[0] in (_TLS_ALERT, _TLS_HANDSHAKE):
        return diagnose_head(data, place, masker)
    how = "reset" if isinstance(error, ConnectionResetError) else "closed"
    message = f"{place} {how} the connection after {got}"
    return Failure(code="upgrade.closed", message=message, phase="upgrade", evidence=evidence)


def diagnose_rejection(
    error: Exception, head: Head, place: str, offered: tuple[str, ...], masker: Masker
) -> Failure:
    """A 101 that breaks the handshake's rules (RFC 6455 section 4.1, "the client MUST")."""
    evidence = _evidence(head, b"", masker)
    name = getattr(error, "name", "")
    accept = head.get("sec-websocket-accept")
    if isinstance(error, InvalidUpgrade) or name in ("Connection", "Upgrade"):
        code = "upgrade.bad_headers"
        message = f"{place} answered 101 without a proper {name} header"
    elif isinstance(error, InvalidHeaderValue) and name == "Sec-WebSocket-Accept":
        code = "upgrade.bad_accept"
        message = f"{place} sent a Sec-WebSocket-Accept that does not fit our key: {accept}"
    elif isinstance(error, InvalidHeader) and name == "Sec-WebSocket-Accept":
        code = "upgrade.bad_accept" if accept else "upgrade.bad_headers"
        message = f"{place} answered 101 {'with several' if accept else 'without'} "
        message += "Sec-WebSocket-Accept"
    elif "subprotocol" in str(error) or name == "Sec-WebSocket-Protocol":
        code = "upgrade.subprotocol"
        chosen = head.get("sec-websocket-protocol")
        wanted = ", ".join(offered) or "none"
        message = f"{place} chose the subprotocol {chosen}; offered: {wanted}"
    elif isinstance(error, NegotiationError) or name == "Sec-WebSocket-Extensions":
        code = "upgrade.extension"
        chosen = head.get("sec-websocket-extensions")
        message = f"{place} negotiated extensions that were not offered: {chosen}"
    else:
        code = "upgrade.bad_headers"
        message = f"{place} answered 101, but not with a valid handshake: {error}"
    return Failure(code=code, message=message, phase="upgrade", evidence=evidence)
