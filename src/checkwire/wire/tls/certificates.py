"""What certificates say, from their DER form, so that it works without verification too."""

from __future__ import annotations

import functools
import hashlib
import ssl
import time
import warnings
from typing import Any

from checkwire.model.events import Certificate

__all__ = [
    "authority_key",
    "certificate_facts",
    "date_text",
    "peer_chain",
    "read_certificate",
    "subject_key",
]


def peer_chain(session: ssl.SSLObject) -> list[bytes]:
    """The certificates the peer sent, as DER, its own first."""
    if hasattr(session, "get_unverified_chain"):  # Python 3.13
        return list(session.get_unverified_chain())
    # Before, the same function stands one floor lower (as truststore uses it).
    inner: Any = getattr(session, "_sslobj", None)
    if inner is not None and hasattr(inner, "get_unverified_chain"):
        chain = inner.get_unverified_chain() or []
        return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]
    leaf = session.getpeercert(True)
    return [leaf] if leaf else []


@functools.lru_cache(maxsize=512)
def read_certificate(der: bytes) -> Certificate:
    """Names, issuer, validity, serial, key and fingerprint of a certificate, as far as it is one.

    OpenSSL takes more than the standard allows, and so may a check: what cannot be read is empty.
    """
    from cryptography import x509

    sha256 = hashlib.sha256(der).hexdigest()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of what the standard deprecates: it is the server's.
        try:
            certificate = x509.load_der_x509_certificate(der)
            return Certificate(
                subject=certificate.subject.rfc4514_string(),
                issuer=certificate.issuer.rfc4514_string(),
                names=_names(certificate),
                not_before=int(certificate.not_valid_before_utc.timestamp()),
                not_after=int(certificate.not_valid_after_utc.timestamp()),
                serial=f"{certificate.serial_number:x}",
                sha256=sha256,
                key=_key_name(certificate),
                issuer_url=_issuer_url(certificate),
            )
        except Exception:  # It is not said what is raised for what, and new kinds come.
            return Certificate(subject="", issuer="", sha256=sha256)


def certificate_facts(certificate: Certificate) -> dict[str, Any]:
    """A certificate as evidence."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "not_before": date_text(certificate.not_before),
        "not_after": date_text(certificate.not_after),
        "serial": certificate.serial,
        "key": certificate.key,
        "issuer_url": certificate.issuer_url,
        "sha256": certificate.sha256,
    }


def date_text(seconds: float) -> str:
    """An instant for a reader."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def authority_key(der: bytes) -> str:
    """The identifier of the key that signed it, in hex, as far as it says so."""
    return _key_id(der, "AuthorityKeyIdentifier", "key_identifier")


def subject_key(der: bytes) -> str:
    """The identifier of its own key, in hex, as far as it says so."""
    return _key_id(der, "SubjectKeyIdentifier", "digest")


def _key_id(der: bytes, extension: str, field: str) -> str:
    from cryptography import x509

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = _extension(x509.load_der_x509_certificate(der), extension)
            return (getattr(found, field, None) or b"").hex()
        except Exception:  # As above.
            return ""


def _extension(certificate: Any, name: str) -> Any:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(getattr(x509, name)).value
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        return None


def _names(certificate: Any) -> tuple[str, ...]:
    from cryptography import x509

    names = _extension(certificate, "SubjectAlternativeName")
    if names is None:
        return ()
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def _issuer_url(certificate: Any) -> str:
    from cryptography import x509

    for access in _extension(certificate, "AuthorityInformationAccess") or ():
        if access.access_method == x509.oid.AuthorityInformationAccessOID.CA_ISSUERS:
            return str(access.access_location.value)
    return ""


def _key_name(certificate: Any) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return ""
    kind = type(key).__name__.lstrip("_").removesuffix("PublicKey")
    curve = getattr(key, "curve", None)
    if curve is not None:
        return f"EC {curve.name}"
    size = getattr(key, "key_size", None)
    return f"{kind} {size}" if size else kind
