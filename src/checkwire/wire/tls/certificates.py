"""What certificates say, from their DER form, so that it works without verification too."""

from __future__ import annotations

import functools
import ssl
from typing import Any

from checkwire.model.events import Certificate

__all__ = ["peer_chain", "read_certificate"]


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
    """Names, issuer, validity, serial, key and fingerprint of a certificate.

    Raises:
        ValueError: if it is not one.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_der_x509_certificate(der)
    names: list[str] = []
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        pass
    else:
        names += extension.value.get_values_for_type(x509.DNSName)
        names += map(str, extension.value.get_values_for_type(x509.IPAddress))
    issuer_url = ""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (x509.ExtensionNotFound, ValueError):
        pass
    else:
        for description in access.value:
            if description.access_method == x509.oid.AuthorityInformationAccessOID.CA_ISSUERS:
                issuer_url = str(description.access_location.value)
                break
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=tuple(names),
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        serial=f"{certificate.serial_number:x}",
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        key=_key_name(certificate.public_key()),
        issuer_url=issuer_url,
    )


def _key_name(key: Any) -> str:
    kind = type(key).__name__.lstrip("_").removesuffix("PublicKey")
    curve = getattr(key, "curve", None)
    if curve is not None:
        return f"EC {curve.name}"
    size = getattr(key, "key_size", None)
    return f"{kind} {size}" if size else kind
