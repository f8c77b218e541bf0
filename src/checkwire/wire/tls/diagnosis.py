"""Naming what keeps a TLS session from being agreed on."""

from __future__ import annotations

import ssl
import time
from typing import Any

from checkwire.model.events import Certificate
from checkwire.model.failures import Failure
from checkwire.wire.tls.certificates import read_certificate
from checkwire.wire.tls.pipe import TlsPipe

__all__ = ["diagnose_tls", "diagnose_tls_after_handshake"]

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_SELF_SIGNED_IN_CHAIN = 19
_NO_ISSUER = (2, 20, 21)
_HOSTNAME = (62, 64)

_ALERTS = {
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls.protocol_version",
    "UNSUPPORTED_PROTOCOL": "tls.protocol_version",
    "NO_PROTOCOLS_AVAILABLE": "tls.protocol_version",
    "WRONG_VERSION_NUMBER": "tls.not_tls",
    "PACKET_LENGTH_TOO_LONG": "tls.not_tls",
    "RECORD_LAYER_FAILURE": "tls.not_tls",
    "HTTP_REQUEST": "tls.not_tls",
    "TLSV1_UNRECOGNIZED_NAME": "tls.sni_unrecognized",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "tls.client_certificate_required",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "tls.handshake_failed",
}
_SENTENCES = {
    "tls.protocol_version": "{place} accepts none of the TLS versions offered",
    "tls.not_tls": "{place} does not speak TLS",
    "tls.sni_unrecognized": "{place} does not know the name {name}",
    "tls.client_certificate_required": "{place} wants a client certificate",
    "tls.handshake_failed": "{place} ended the TLS handshake",
}


def diagnose_tls(
    error: BaseException,
    pipe: TlsPipe,
    name: str,
    place: str,
    *,
    chain: list[bytes] | None = None,
    timeout: float = 0.0,
) -> Failure:
    """Why the handshake failed.

    Args:
        error: what ended it.
        name: the name that was asked for.
        place: the address of the peer.
        chain: what the peer presented, DER, if it could be seen.
        timeout: seconds it had, when ``error`` is a timeout.
    """
    evidence: dict[str, Any] = {"bytes_received": pipe.received}
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, name, place, chain or [], evidence)
    if isinstance(error, TimeoutError):
        got = f", {pipe.received} bytes came" if pipe.received else ", nothing came"
        message = f"The TLS handshake with {place} did not finish within {timeout:g} s{got}"
        return Failure(code="tls.timeout", message=message, phase="tls", evidence=evidence)
    if isinstance(error, ssl.SSLError):
        return _alert(error, name, place, evidence)
    how = "reset" if isinstance(error, ConnectionResetError) else "closed"
    message = f"{place} {how} the connection during the TLS handshake"
    message += f", after {pipe.received} bytes" if pipe.received else ", before it said anything"
    return Failure(code="tls.closed", message=message, phase="tls", evidence=evidence)


def diagnose_tls_after_handshake(error: ssl.SSLError, name: str, place: str) -> Failure:
    """An alert that came when the handshake seemed done: TLS 1.3 refuses a client that late."""
    return _alert(error, name, place, {})


def _alert(error: ssl.SSLError, name: str, place: str, evidence: dict[str, Any]) -> Failure:
    reason = error.reason or ""
    evidence["openssl"] = reason
    code = _ALERTS.get(reason, "tls.handshake_failed")
    message = _SENTENCES[code].format(place=place, name=name)
    if code == "tls.handshake_failed":
        message += f": {reason.lower().replace('_', ' ') or error}"
    return Failure(code=code, message=message, phase="tls", evidence=evidence)


def _certificate(
    error: ssl.SSLCertVerificationError,
    name: str,
    place: str,
    chain: list[bytes],
    evidence: dict[str, Any],
) -> Failure:
    certificates = [read_certificate(der) for der in chain]
    evidence["verify_code"] = error.verify_code
    evidence["verify_message"] = error.verify_message
    evidence["chain"] = [_facts(certificate) for certificate in certificates]
    leaf = certificates[0] if certificates else None
    code, message = _judge(error.verify_code, name, place, certificates, leaf)
    if code == "tls.certificate_rejected":
        message += f": {error.verify_message}"
    return Failure(code=code, message=message, phase="tls", evidence=evidence)


def _judge(
    verify_code: int,
    name: str,
    place: str,
    chain: list[Certificate],
    leaf: Certificate | None,
) -> tuple[str, str]:
    now = time.time()
    # An authority may be the one that expired.
    if verify_code == _EXPIRED:
        culprit = next((c for c in chain if c.not_after < now), leaf)
        if culprit is None:
            return "tls.certificate_expired", f"A certificate of {place} has expired"
        whose = place if culprit is leaf else culprit.subject
        when = f"{_date(culprit.not_after)}, {_age(now - culprit.not_after)} ago"
        return "tls.certificate_expired", f"The certificate of {whose} expired {when}"
    if verify_code == _NOT_YET_VALID:
        when = f" before {_date(leaf.not_before)}" if leaf else " yet"
        return (
            "tls.certificate_not_yet_valid",
            f"The certificate of {place} is not valid{when}; this machine says {_date(now)}",
        )
    if verify_code in _HOSTNAME:
        names = ", ".join(leaf.names) if leaf and leaf.names else "no name"
        return (
            "tls.hostname_mismatch",
            f"The certificate of {place} is for {names}, not for {name}",
        )
    if verify_code == _SELF_SIGNED:
        return "tls.self_signed", f"The certificate of {place} is self-signed"
    if verify_code == _SELF_SIGNED_IN_CHAIN:
        root = chain[-1].subject if chain else "an authority"
        return "tls.unknown_ca", f"{root}, which signed for {place}, is not trusted here"
    if verify_code in _NO_ISSUER:
        issuer = chain[-1].issuer if chain else "an unknown authority"
        if len(chain) == 1 and _names_its_issuer(chain[0]):
            return (
                "tls.incomplete_chain",
                f"{place} did not send the intermediate certificate {issuer}",
            )
        return "tls.unknown_ca", f"{issuer}, which signed for {place}, is not trusted here"
    return "tls.certificate_rejected", f"The certificate of {place} does not verify"


def _names_its_issuer(certificate: Certificate) -> bool:
    """Whether it says where its issuer's certificate can be fetched.

    Public authorities put that (caIssuers, RFC 5280 section 4.2.2.1) in every certificate that an
    intermediate signs; a private root seldom does. OpenSSL reports both alike.
    """
    return certificate.issuer_url != ""


def _facts(certificate: Certificate) -> dict[str, Any]:
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "not_before": _date(certificate.not_before),
        "not_after": _date(certificate.not_after),
        "sha256": certificate.sha256,
    }


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _age(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
