"""Chains that do not verify, one fault each."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

__all__ = ["Chains"]


class _Entity:
    """A certificate with its key."""

    def __init__(self, certificate: x509.Certificate, key: Any) -> None:
        self.certificate = certificate
        self.key = key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(  # type: ignore[no-any-return]
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


class Chains:
    """A private authority of the organization "Acme", two intermediates, and servers below.

    Attributes:
        ca: file of the root.
        root, upper, lower: the authorities, each signed by the one before.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0
        self.root = self.issue("root", None, authority=True)
        self.upper = self.issue("upper", self.root, authority=True)
        self.lower = self.issue("lower", self.upper, authority=True)
        self.ca = self.file(self.root.pem)

    def file(self, pem: bytes) -> str:
        self._files += 1
        path = self._folder / f"chain-{self._files}.pem"
        path.write_bytes(pem)
        return str(path)

    def issue(
        self,
        name: str,
        issuer: _Entity | None,
        *extensions: tuple[x509.ExtensionType, bool],
        authority: bool = False,
        organization: str = "Acme, Inc",
        key: Any = None,
        signer: Any = None,
        days: int = 9,
    ) -> _Entity:
        """A certificate for ``localhost``, or of an authority."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization),
                x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
            ]
        )
        above = issuer.key.public_key() if issuer else key.public_key()
        now = datetime.now(UTC)
        ends = now + timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=20))
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), False)
        )
        if not authority:
            names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
            builder = builder.add_extension(names, critical=False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        signed_by = signer or (issuer.key if issuer else key)
        return _Entity(builder.sign(signed_by, hashes.SHA256()), key)

    def serving(self, leaf: _Entity, *above: _Entity) -> ssl.SSLContext:
        """A server that sends these."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        pem = leaf.key_pem + b"".join(entity.pem for entity in (leaf, *above))
        context.load_cert_chain(self.file(pem))
        return context

    # Each is a leaf that is at fault itself, signed by the root.

    def wrong_purpose(self) -> _Entity:
        client_only = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
        return self.issue("wrong purpose", self.root, (client_only, False))

    def weak_key(self) -> _Entity:
        weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        return self.issue("weak key", self.root, key=weak)

    def bad_signature(self) -> _Entity:
        other = ec.generate_private_key(ec.SECP256R1())
        return self.issue("bad signature", self.root, signer=other)

    def unknown_extension(self) -> _Entity:
        odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
        return self.issue("unknown extension", self.root, (odd, True))

    def client(self, issuer: _Entity, *, days: int = 9) -> str:
        """File of a client's key and certificate."""
        entity = self.issue("client 7", issuer, days=days)
        return self.file(entity.key_pem + entity.pem)
