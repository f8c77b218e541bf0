"""Certificates of every kind that a server can go wrong with, made on the spot."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["NAMES", "Authority"]

NAMES = ("localhost", "127.0.0.1", "::1")
"""What a certificate is for, unless its fault is that it is not."""
_ORGANIZATION = "Checkwire faults"


class Authority:
    """A root with an intermediate, and TLS contexts of servers with certificates from it::

        with Authority() as authority:
            context = authority.expired()

    Args:
        folder: for files of keys and certificates; by default one that is deleted in the end.

    Attributes:
        ca: file of the root's certificate.
        client: file of a client's key and certificate, from this authority.
    """

    def __init__(self, folder: Path | None = None) -> None:
        import trustme

        self._own = None
        if folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="checkwire-faults-")
            folder = Path(self._own.name)
        self._folder = folder
        self._files = 0
        self.root = trustme.CA(organization_name=_ORGANIZATION)
        self.intermediate = self.root.create_child_ca()
        self.ca = self.write(self.root.cert_pem.bytes(), "root.pem")
        leaf = self.root.issue_cert("client@checkwire.test")
        pem = leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes()
        self.client = self.write(pem, "client.pem")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._own is not None:
            self._own.cleanup()

    def write(self, pem: bytes, name: str = "") -> str:
        """A file with this."""
        self._files += 1
        path = self._folder / (name or f"{self._files}.pem")
        path.write_bytes(pem)
        return str(path)

    @property
    def other(self) -> str:
        """The certificate of an authority that signed nothing here (PEM)."""
        import trustme

        return trustme.CA(organization_name="Nobody").cert_pem.bytes().decode()

    # Good ones

    def server(self, *names: str, **options: Any) -> ssl.SSLContext:
        """A certificate for these names, by default of loopback."""
        leaf = self.root.issue_cert(*(names or NAMES), **options)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    def server_pem(self) -> str:
        """File of a server's key and certificate."""
        leaf = self.root.issue_cert(*NAMES)
        return self.write(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())

    # Dates, names and issuers

    def expired(self) -> ssl.SSLContext:
        """Three days ago."""
        now = datetime.now(UTC)
        return self.server(not_before=now - timedelta(days=9), not_after=now - timedelta(days=3))

    def not_yet_valid(self) -> ssl.SSLContext:
        """In three days."""
        now = datetime.now(UTC)
        return self.server(not_before=now + timedelta(days=3), not_after=now + timedelta(days=9))

    def strange(self) -> ssl.SSLContext:
        """From an authority that nobody knows."""
        import trustme

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA(organization_name="Nobody").issue_cert(*NAMES).configure_cert(context)
        return context

    def intermediate_withheld(self, *, issuer_url: bool = True) -> ssl.SSLContext:
        """Signed by an intermediate that is not sent; the certificate may say where to get it."""
        if not issuer_url:
            leaf = self.intermediate.issue_cert(*NAMES)
            return _context(
                self.write(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
            )
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        issuer = x509.load_pem_x509_certificate(self.intermediate.cert_pem.bytes())
        signer = serialization.load_pem_private_key(
            self.intermediate.private_key_pem.bytes(), password=None
        )
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        access = x509.AccessDescription(
            x509.oid.AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier("http://ca.invalid/intermediate.crt"),
        )
        return self._self_made(
            "leaf", issuer.subject, signer, [x509.AuthorityInformationAccess([access])]
        )

    def self_signed(self) -> ssl.SSLContext:
        """Its own issuer."""
        return self._self_made("self-signed")

    def for_clients_only(self) -> ssl.SSLContext:
        """Signed by the root, but not for servers (extended key usage clientAuth)."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        root = x509.load_pem_x509_certificate(self.root.cert_pem.bytes())
        signer = serialization.load_pem_private_key(
            self.root.private_key_pem.bytes(), password=None
        )
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._self_made("for clients", root.subject, signer, [usage])

    # Sides of the handshake

    def wanting_client(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """A server that takes only clients with a certificate of the root."""
        context = self.server()
        context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.ca)
        return context

    def _self_made(
        self,
        name: str,
        issuer: x509.Name | None = None,
        signer: ec.EllipticCurvePrivateKey | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> ssl.SSLContext:
        from ipaddress import ip_address

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(signer or key, hashes.SHA256())
        return _context(
            self.write(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                + certificate.public_bytes(serialization.Encoding.PEM)
            )
        )


def _context(file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
