"""Naming what keeps a TLS session from being agreed on."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from checkwire.model.failures import Failure
from checkwire.wire.guess import guess_protocol
from checkwire.wire.loss import end_of, how_it_ended
from checkwire.wire.tls.alerts import alert_of
from checkwire.wire.tls.certificates import certificate_facts, read_certificate
from checkwire.wire.tls.contexts import ALPN, TlsOptions, tls_context
from checkwire.wire.tls.look import Shown
from checkwire.wire.tls.pipe import TlsPipe
from checkwire.wire.tls.trust import diagnose_certificate

__all__ = [
    "deserves_a_look",
    "diagnose_client_refused",
    "diagnose_tls",
    "diagnose_tls_after_handshake",
]

_CODES = {
    40: "tls.handshake_failed",
    70: "tls.protocol_version",
    112: "tls.sni_unrecognized",
    116: "tls.client_certificate_required",
    120: "tls.alpn",
}
_REASONS = {
    "UNSUPPORTED_PROTOCOL": "tls.protocol_version",
    "NO_PROTOCOLS_AVAILABLE": "tls.protocol_version",
    "WRONG_VERSION_NUMBER": "tls.not_tls",
    "PACKET_LENGTH_TOO_LONG": "tls.not_tls",
    "RECORD_LAYER_FAILURE": "tls.not_tls",
    "HTTP_REQUEST": "tls.not_tls",
}
_OF_CERTIFICATES = {
    42: "it is bad",
    43: "it is of a kind that is not supported there",
    44: "it has been revoked",
    45: "it has expired",
    46: "it is not accepted",
    48: "its authority is not trusted there",
    49: "it gives no access",
    51: "its signature does not verify",
}
"""What a server's alert says of the client's certificate."""
_WANTING = (40, 41, 42, 46, 48)
"""Alerts with which servers miss one: TLS 1.2 has none of its own for that."""
_SENTENCES = {
    "tls.protocol_version": "{where} accepts none of the TLS versions offered",
    "tls.not_tls": "{where} does not speak TLS",
    "tls.sni_unrecognized": "{where} does not know the name {name}",
    "tls.alpn": "{where} does not speak HTTP/1.1 inside of TLS",
}


def deserves_a_look(error: BaseException, pipe: TlsPipe, options: TlsOptions) -> bool:
    """Whether a second handshake can tell more: of the chain, or that a certificate was missed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return True
    if options.client_cert is not None:
        return False
    if isinstance(error, ssl.SSLError):
        alert = alert_of(error, pipe.last)
        return alert is not None and alert.number in (*_WANTING, 116)
    # TLS 1.2 servers may also just hang up.
    return isinstance(error, EOFError | ConnectionResetError) and pipe.received > 0


def diagnose_tls(
    error: BaseException,
    pipe: TlsPipe,
    name: str,
    where: str,
    options: TlsOptions,
    *,
    shown: Shown | None = None,
    timeout: float = 0.0,
) -> Failure:
    """Why the handshake failed.

    Args:
        error: what ended it.
        name: the name that was asked for.
        where: the peer, for a reader.
        options: how TLS was spoken.
        shown: what the peer shows in another handshake, if there was one.
        timeout: seconds it had, when ``error`` is a timeout.
    """
    evidence: dict[str, Any] = {"bytes_received": pipe.received}
    if isinstance(error, ssl.SSLCertVerificationError):
        chain = shown.chain if shown is not None else []
        trusted = tls_context(options).get_ca_certs(binary_form=True)
        return diagnose_certificate(error, name, where, chain, trusted, evidence)
    if isinstance(error, TimeoutError):
        got = f", {pipe.received} bytes came" if pipe.received else ", nothing came"
        message = f"The TLS handshake with {where} did not finish within {timeout:g} s{got}"
        return Failure(code="tls.timeout", message=message, phase="tls", evidence=evidence)
    if isinstance(error, ssl.SSLError):
        return _alert(error, name, where, options, evidence, pipe.first, pipe.last, shown)
    evidence |= end_of(error)
    if shown is not None and shown.asked and options.client_cert is None:
        return _wanting(where, evidence, shown, f"{how_it_ended(error)} the connection")
    message = f"{where} {how_it_ended(error)} the connection during the TLS handshake"
    message += f", after {pipe.received} bytes" if pipe.received else ", before it said anything"
    return Failure(code="tls.closed", message=message, phase="tls", evidence=evidence)


def diagnose_tls_after_handshake(
    error: ssl.SSLError, name: str, where: str, options: TlsOptions | None = None
) -> Failure:
    """An alert that came when the handshake seemed done: TLS 1.3 refuses a client that late."""
    return _alert(error, name, where, options or TlsOptions(), {})


def diagnose_client_refused(closed: Failure, where: str, shown: Shown) -> Failure:
    """A client that was asked for a certificate, had none, and was hung up on after that.

    Args:
        closed: how it was.
        where: the peer, for a reader.
        shown: what the peer shows in another handshake.
    """
    how = {"rst": "reset the connection", "fin": "closed the connection"}
    ended = how.get(closed.evidence.get("ended", ""), "")
    return _wanting(where, dict(closed.evidence), shown, ended)


def _alert(
    error: ssl.SSLError,
    name: str,
    where: str,
    options: TlsOptions,
    evidence: dict[str, Any],
    first: bytes = b"",
    last: bytes = b"",
    shown: Shown | None = None,
) -> Failure:
    evidence["openssl"] = error.reason or ""
    alert = alert_of(error, last)
    number = None if alert is None else alert.number
    if alert is not None:
        evidence["alert"] = {"number": alert.number, "name": alert.name}
    if number in _OF_CERTIFICATES and options.client_cert is not None:
        return _rejected(where, options.client_cert, evidence, _OF_CERTIFICATES[number])
    asked = shown is not None and shown.asked and options.client_cert is None
    if number == 116 or (number in _WANTING and asked):
        return _wanting(where, evidence, shown)
    code = _REASONS.get(error.reason or "") or _CODES.get(number or 0, "tls.handshake_failed")
    if code == "tls.not_tls":
        evidence["first_bytes"] = first[:32].hex(" ")
        if guess := guess_protocol(first):
            evidence["guess"] = guess
    if code == "tls.alpn":
        evidence["offered"] = list(ALPN)
    if code == "tls.handshake_failed":
        said = alert.name if alert is not None else error.reason or "it gave no reason"
        message = f"{where} ended the TLS handshake: {said.lower().replace('_', ' ')}"
    else:
        message = _SENTENCES[code].format(where=where, name=name)
        message += f", but {evidence['guess']}" if "guess" in evidence else ""
    return Failure(code=code, message=message, phase="tls", evidence=evidence)


def _wanting(where: str, evidence: dict[str, Any], shown: Shown | None, how: str = "") -> Failure:
    evidence["client_certificate"] = "asked for, none sent"
    if shown is not None and shown.authorities:
        evidence["authorities"] = shown.authorities
    message = f"{where} wants a client certificate"
    message += f": it asked for one, and {how} when none came" if how else ""
    return Failure(
        code="tls.client_certificate_required", message=message, phase="tls", evidence=evidence
    )


def _rejected(where: str, file: str, evidence: dict[str, Any], why: str) -> Failure:
    subject = file
    try:
        text = Path(file).read_text()
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        one = text[text.index(begin) : text.index(end) + len(end)]
        ours = read_certificate(ssl.PEM_cert_to_DER_cert(one))
        evidence["client_certificate"] = certificate_facts(ours)
        subject = ours.subject or file
    except (OSError, ValueError):
        pass  # It was there when the connection began; its name is left.
    return Failure(
        code="tls.client_certificate_rejected",
        message=f"{where} refused our client certificate {subject}: {why}",
        phase="tls",
        evidence=evidence,
    )
