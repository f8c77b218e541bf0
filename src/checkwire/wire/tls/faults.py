"""Which certificate of a chain OpenSSL rejects: it says why, and not which."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

__all__ = ["culprit_of"]

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_BAD_SIGNATURE = 7
_INVALID_CA = (24, 79)
_PATH_TOO_LONG = 25
_WRONG_PURPOSE = 26
_CRITICAL_EXTENSION = 34
_WEAK_KEY = 66
_WEAK_AUTHORITY_KEY = 67
_WEAK_DIGEST = 68

_WEAK_HASHES = ("md5", "sha1")
_LEAST_RSA_BITS = 2048


def culprit_of(verify_code: int, chain: list[bytes], trusted: list[bytes]) -> int | None:
    """Its index in the chain; ``None`` if it is not to be found.

    Args:
        verify_code: OpenSSL's.
        chain: what the peer presented, DER, its own first.
        trusted: the authorities that are trusted, DER.
    """
    if verify_code in (_WRONG_PURPOSE, _WEAK_KEY):
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _search(verify_code, chain, trusted)
        except Exception:  # It is not said what is raised for what; the certificates are odd.
            return None


def _search(verify_code: int, chain: list[bytes], trusted: list[bytes]) -> int | None:
    from cryptography import x509

    certificates: list[Any] = [x509.load_der_x509_certificate(der) for der in chain]
    first = 0
    fits: Callable[[Any], bool]
    if verify_code == _BAD_SIGNATURE:
        issuers = certificates + [x509.load_der_x509_certificate(der) for der in trusted]

        def fits(certificate: Any) -> bool:
            return _is_badly_signed(certificate, issuers)
    elif verify_code == _CRITICAL_EXTENSION:
        fits = _has_unknown_critical
    elif verify_code in (*_INVALID_CA, _PATH_TOO_LONG):
        first, fits = 1, _is_no_authority
    elif verify_code == _WEAK_AUTHORITY_KEY:
        first, fits = 1, _has_weak_key
    elif verify_code == _WEAK_DIGEST:

        def fits(certificate: Any) -> bool:
            hashed = certificate.signature_hash_algorithm
            return hashed is not None and hashed.name in _WEAK_HASHES
    else:
        return None
    found = (i for i, certificate in enumerate(certificates) if i >= first and fits(certificate))
    return next(found, None)


def _is_badly_signed(certificate: Any, issuers: list[Any]) -> bool:
    named = [issuer for issuer in issuers if issuer.subject == certificate.issuer]
    for issuer in named:
        try:
            certificate.verify_directly_issued_by(issuer)
        except Exception:  # A signature that is wrong, or of a kind that is not known.
            continue
        return False
    return bool(named)


def _has_unknown_critical(certificate: Any) -> bool:
    from cryptography import x509

    return any(
        extension.critical and isinstance(extension.value, x509.UnrecognizedExtension)
        for extension in certificate.extensions
    )


def _is_no_authority(certificate: Any) -> bool:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return True
    return not found.value.ca


def _has_weak_key(certificate: Any) -> bool:
    size = getattr(certificate.public_key(), "key_size", _LEAST_RSA_BITS)
    curve = getattr(certificate.public_key(), "curve", None)
    return curve is None and size < _LEAST_RSA_BITS
