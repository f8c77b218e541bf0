"""Naming why a certificate is not trusted, and which of the chain."""

from __future__ import annotations

import ssl
import time
from typing import Any, NamedTuple

from checkwire.model.events import Certificate
from checkwire.model.failures import Failure, code_of
from checkwire.wire.tls.certificates import (
    authority_key,
    certificate_facts,
    date_text,
    read_certificate,
    subject_key,
)
from checkwire.wire.tls.faults import culprit_of

__all__ = ["diagnose_certificate"]

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_SELF_SIGNED_IN_CHAIN = 19
_NO_ISSUER = (2, 20, 21)
_HOSTNAME = (62, 64)

_LONGEST_URL = 200


class _Verdict(NamedTuple):
    code: str
    message: str
    culprit: int | None = 0
    missing: dict[str, Any] | None = None


def diagnose_certificate(
    error: ssl.SSLCertVerificationError,
    name: str,
    where: str,
    chain: list[bytes],
    trusted: list[bytes],
    evidence: dict[str, Any],
) -> Failure:
    """Why what the peer presented does not verify.

    Args:
        error: OpenSSL's judgement.
        name: the name that was asked for.
        where: the peer, for a reader.
        chain: what it presented, DER, if it could be seen.
        trusted: the authorities that are trusted, DER.
        evidence: what there is already.
    """
    certificates = [read_certificate(der) for der in chain]
    verdict = _judge(error, name, where, chain, certificates, trusted)
    evidence["verify_code"] = error.verify_code
    evidence["verify_message"] = error.verify_message
    evidence["chain"] = [certificate_facts(certificate) for certificate in certificates]
    if certificates and verdict.culprit is not None:
        evidence["certificate"] = verdict.culprit
    if verdict.missing is not None:
        evidence["missing"] = verdict.missing
    return Failure(
        code=verdict.code,
        message=verdict.message,
        hint=_where_to_get(verdict),
        phase="tls",
        evidence=evidence,
    )


def _where_to_get(verdict: _Verdict) -> str:
    """The hint with the address of what is missing, if the certificate before it tells that."""
    url: str = (verdict.missing or {}).get("issuer_url", "")
    # It is whatever the server wrote into its certificate.
    if len(url) > _LONGEST_URL or not url.startswith("http") or not url.isprintable():
        return ""
    return f"{code_of(verdict.code).hint}; the missing one is at {url}"


def _judge(
    error: ssl.SSLCertVerificationError,
    name: str,
    where: str,
    chain: list[bytes],
    certificates: list[Certificate],
    trusted: list[bytes],
) -> _Verdict:
    verify_code, now = error.verify_code, time.time()
    leaf = certificates[0] if certificates else None
    if verify_code in (_EXPIRED, _NOT_YET_VALID):
        return _out_of_date(verify_code, where, certificates, now)
    if verify_code in _HOSTNAME:
        return _Verdict(
            "tls.hostname_mismatch",
            f"The certificate of {where} is for {_names(leaf)}, not for {name}",
        )
    if verify_code == _SELF_SIGNED:
        return _Verdict("tls.self_signed", f"The certificate of {where} is self-signed")
    if verify_code == _SELF_SIGNED_IN_CHAIN:
        root = certificates[-1].subject if certificates else "an authority"
        culprit = len(certificates) - 1 if certificates else None
        return _Verdict(
            "tls.unknown_ca", f"{root}, which signed for {where}, is not trusted here", culprit
        )
    if verify_code in _NO_ISSUER:
        return _without_issuer(where, chain, certificates, trusted)
    culprit = culprit_of(verify_code, chain, trusted)
    what = f"The certificate of {where}"
    if culprit and culprit < len(certificates):  # One above the server's own.
        what = f"The certificate {certificates[culprit].subject}, which signed for {where},"
    return _Verdict(
        "tls.certificate_rejected", f"{what} does not verify: {error.verify_message}", culprit
    )


def _out_of_date(
    verify_code: int, where: str, certificates: list[Certificate], now: float
) -> _Verdict:
    expired = verify_code == _EXPIRED
    code = "tls.certificate_expired" if expired else "tls.certificate_not_yet_valid"
    # An authority may be the one.
    wrong = (
        i
        for i, c in enumerate(certificates)
        if ((c.not_after < now) if expired else (c.not_before > now))
    )
    index = next(wrong, None)
    if index is None:
        state = "has expired" if expired else "is not valid yet"
        return _Verdict(code, f"A certificate of {where} {state}", None)
    culprit = certificates[index]
    whose = where if index == 0 else culprit.subject
    if expired:
        when = f"expired {date_text(culprit.not_after)}, {_age(now - culprit.not_after)} ago"
    else:
        when = f"is not valid before {date_text(culprit.not_before)}"
        when += f"; this machine says {date_text(now)}"
    return _Verdict(code, f"The certificate of {whose} {when}", index)


def _names(leaf: Certificate | None) -> str:
    if leaf is None or not leaf.names:
        # No client takes the common name any more (RFC 9525 section 2).
        return "no name" if leaf is None or not leaf.subject else f"no name ({leaf.subject})"
    return ", ".join(leaf.names)


def _without_issuer(
    where: str, chain: list[bytes], certificates: list[Certificate], trusted: list[bytes]
) -> _Verdict:
    """The authority is unknown, or a certificate between it and the server's was not sent.

    OpenSSL reports both alike.
    """
    if not certificates:
        return _Verdict(
            "tls.unknown_ca", f"The authority that signed for {where} is not trusted here", None
        )
    top = 0
    used = {0}
    while (above := _issuer_in(certificates, top)) is not None and above not in used:
        used.add(above)
        top = above
    last = certificates[top]
    missing = {
        "subject": last.issuer,
        "issuer_url": last.issuer_url,
        "key_id": authority_key(chain[top]),
    }
    gap = len(used) < len(certificates)
    if gap or (top == 0 and last.issuer_url) or _is_of_trusted(last.issuer, trusted):
        return _Verdict(
            "tls.incomplete_chain",
            f"{where} did not send the intermediate certificate {last.issuer}",
            top,
            missing,
        )
    message = f"{last.issuer}, which signed for {where}, is not trusted here"
    keys = [subject_key(der) for der in trusted if read_certificate(der).subject == last.issuer]
    if keys and missing["key_id"] and missing["key_id"] not in keys:
        message += ": the authority of that name that is, has another key"
    return _Verdict("tls.unknown_ca", message, top)


def _issuer_in(certificates: list[Certificate], of: int) -> int | None:
    wanted = certificates[of]
    if not wanted.issuer or wanted.issuer == wanted.subject:
        return None
    found = (i for i, c in enumerate(certificates) if i != of and c.subject == wanted.issuer)
    return next(found, None)


def _is_of_trusted(issuer: str, trusted: list[bytes]) -> bool:
    """Whether the issuer is none that is trusted, but of an organization that has one.

    Public authorities say where an intermediate is to be had (caIssuers, RFC 5280 section
    4.2.2.1), private ones seldom do. Their roots and intermediates are of one organization.
    """
    subjects = [read_certificate(der).subject for der in trusted]
    organization = _organization(issuer)
    return (
        organization != ""
        and issuer not in subjects
        and organization in map(_organization, subjects)
    )


def _organization(name: str) -> str:
    # RFC 4514: a comma within a value is escaped.
    parts = name.replace("\\,", "\0").split(",")
    return next((part[2:].replace("\0", ",") for part in parts if part.startswith("O=")), "")


def _age(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
