"""Naming what an HTTP response means that is no 101."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from checkwire.model.failures import Failure
from checkwire.model.masking import Masker, without_credentials
from checkwire.wire.http_head import Head

__all__ = ["BODY_LIMIT", "answer_evidence", "diagnose_refusal", "lost_session"]

BODY_LIMIT = 512
"""Bytes of a refusing response's body that are kept."""

_STATUS_HINTS = {
    400: "The server understood HTTP, but not this request: check path, headers and subprotocols",
    401: "Send credentials: headers={'Authorization': ...}; or the token has expired",
    403: "The credentials or the Origin are not allowed: check headers= and origin=",
    404: "No WebSocket at this path: check the URL's path, and the proxy's routes",
    405: "The path exists, but does not take WebSocket upgrades",
    408: "The server got tired of waiting for the request",
    410: "There was a WebSocket at this path, and there will be none again: ask for its successor",
    421: "The server does not answer for this host: check the Host header and server_name=, and "
    "which certificate and virtual host the load balancer chose",
    426: "The server wants another protocol version; see the Upgrade and "
    "Sec-WebSocket-Version headers",
    429: "Too many connections or requests from this address: run the check less often, or from "
    "an address that is not limited",
    431: "The request's headers are too large for the server: a long token or many cookies",
    451: "The server refuses for legal reasons, by country perhaps: run it from another location",
    500: "The server's own code failed during the handshake; see its log",
    501: "The server, or a proxy before it, has no WebSocket at all: check that it is enabled",
    502: "A proxy answered: its backend closed or refused the connection",
    503: "A proxy or server answered: no backend is available, or it is overloaded",
    504: "A proxy answered: its backend did not reply in time",
    505: "The server or a proxy does not take HTTP/1.1, which WebSocket needs",
    511: "A network on the way wants a login first, as in hotels: the answer is not the server's",
    520: "Cloudflare got an answer from the server that it does not understand",
    521: "The server refused Cloudflare's connection: it is down, or blocks Cloudflare's addresses",
    522: "The server did not answer Cloudflare's connection request",
    523: "Cloudflare has no route to the server: check the DNS record of the origin",
    524: "The server accepted Cloudflare's connection, and did not answer in time",
    525: "The TLS handshake between Cloudflare and the server failed",
    526: "Cloudflare does not trust the server's certificate",
    530: "Cloudflare cannot reach the server; the number of its own error is in the body",
}
_CLASS_HINTS = {
    4: "The request is at fault, says the server; its answer is in the evidence",
    5: "The server or a proxy before it failed; who answered is in the evidence",
}
_EXPECTED_TLS = re.compile(
    rb"plain HTTP request was sent to HTTPS port"  # nginx
    rb"|speaking plain HTTP to an SSL-enabled server port"  # Apache
    rb"|HTTP request to an HTTPS server"  # Go
)
_ANSWERED_BY = ("server", "via", "cf-ray", "x-served-by", "x-cache", "x-amz-cf-id", "x-request-id")
"""Headers by which those on the way name themselves."""
_NAMING = ("server", "via", "x-served-by")
"""Those of them that a message quotes."""
_VERSION = "13"
"""Of the protocol, as it was asked for (RFC 6455 section 4.1)."""
_UNKNOWN_SESSION = 1
"""Engine.IO's code of a request whose session it does not know."""


def answer_evidence(head: Head, body: bytes, masker: Masker) -> dict[str, Any]:
    """An HTTP response as evidence; who answered, and what it asks for, as fields of their own."""
    headers = masker.headers(head.headers)
    shown = {name.lower(): value for name, value in headers}
    evidence: dict[str, Any] = {
        "status": head.status,
        "reason": head.reason,
        "headers": [list(pair) for pair in headers],
    }
    if by := {name: shown[name] for name in _ANSWERED_BY if name in shown}:
        evidence["answered_by"] = by
    for name in ("retry-after", "www-authenticate"):
        if name in shown:
            evidence[name.replace("-", "_")] = shown[name]
    if body:
        kept = masker.excerpt_of_bytes(body, BODY_LIMIT, ends=False)
        evidence["body"] = kept.decode("utf-8", "replace")
    return evidence


def diagnose_refusal(head: Head, body: bytes, where: str, masker: Masker) -> Failure:
    """A whole HTTP response, which is not a 101."""
    evidence = answer_evidence(head, body, masker)
    status = f"{head.status} {head.reason}".strip()
    who = next((f"{n}: {v}" for n in _NAMING if (v := head.get(n))), "")
    by = f" ({who})" if who else ""
    code, hint = "upgrade.status", ""
    message = f"{where} answered {status} instead of 101{by}"
    if 300 <= head.status < 400:
        code = "upgrade.redirect"
        location = without_credentials(head.get("location") or "nowhere")
        message = f"{where} redirects to {location} ({status})"
    elif 200 <= head.status < 300:
        code = "upgrade.not_upgraded"
        what = (head.get("content-type") or "").partition(";")[0]
        message = f"{where} answered {status}{f' with {what}' if what else ''} instead of 101{by}"
    elif head.status == 400 and _EXPECTED_TLS.search(body):
        code = "upgrade.tls_expected"
        message = f"{where} speaks TLS: it answered {status} to plain HTTP{by}"
    elif head.status == 400 and (said := lost_session(body)) is not None:
        code = "upgrade.session_lost"
        message = f"{where} does not know the session that it was asked to upgrade ({status})"
        evidence["engine_io"] = said
    else:
        hint = _STATUS_HINTS.get(head.status) or _CLASS_HINTS.get(head.status // 100, "")
        if head.status == 426:
            wanted = head.get("sec-websocket-version")
            evidence |= {"version_sent": _VERSION, "version_wanted": wanted}
        if after := head.get("retry-after"):
            hint += f". Retry-After: {after}"
    return Failure(code=code, message=message, hint=hint, phase="upgrade", evidence=evidence)


def lost_session(body: bytes) -> dict[str, Any] | None:
    """Engine.IO's words for a session that another of its servers may know, if it is about that.

    Args:
        body: of an answer with 400.
    """
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    lost = isinstance(said, dict) and said.get("code") == _UNKNOWN_SESSION and "message" in said
    return {"code": said["code"], "message": str(said["message"])[:100]} if lost else None
