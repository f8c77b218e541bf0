"""Certificates of every kind that a server can go wrong with."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["Pki"]

NAMES = ("localhost", "127.0.0.1", "::1")


class Pki:
    """An authority with an intermediate, and servers' TLS contexts from it.

    Attributes:
        ca: file of the root's certificate.
        stranger: file of a root that signed nothing here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = trustme.CA(organization_name="Checkwire tests")
        self.intermediate = self.root.create_child_ca()
        self.ca = self._write("root.pem", self.root.cert_pem.bytes())
        self.stranger = self._write("stranger.pem", trustme.CA().cert_pem.bytes())
        self._files = 0

    def _write(self, name: str, data: bytes) -> str:
        path = self._folder / name
        path.write_bytes(data)
        return str(path)

    def server(self, *names: str, **options: datetime) -> ssl.SSLContext:
        """A server's context with a certificate for these names, by default of loopback."""
        leaf = self.root.issue_cert(*(names or NAMES), **options)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    def expired(self) -> ssl.SSLContext:
        """Three days ago."""
        now = datetime.now(UTC)
        return self.server(not_before=now - timedelta(days=9), not_after=now - timedelta(days=3))

    def not_yet_valid(self) -> ssl.SSLContext:
        """In three days."""
        now = datetime.now(UTC)
        return self.server(not_before=now + timedelta(days=3), not_after=now + timedelta(days=9))

    def intermediate_withheld(self, *, issuer_url: bool) -> ssl.SSLContext:
        """Signed by an intermediate that is not sent; the certificate may say where to get it."""
        if not issuer_url:
            leaf = self.intermediate.issue_cert(*NAMES)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            pem = leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes()
            context.load_cert_chain(self._next(pem))
            return context
        issuer = x509.load_pem_x509_certificate(self.intermediate.cert_pem.bytes())
        signer = serialization.load_pem_private_key(
            self.intermediate.private_key_pem.bytes(), password=None
        )
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        access = x509.AccessDescription(
            x509.AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier("http://ca.invalid/intermediate.crt"),
        )
        return self._self_made(
            issuer.subject, signer, x509.AuthorityInformationAccess([access]), "leaf"
        )

    def self_signed(self) -> ssl.SSLContext:
        """Its own issuer."""
        return self._self_made(None, None, None, "self-signed")

    def _self_made(
        self,
        issuer: x509.Name | None,
        signer: ec.EllipticCurvePrivateKey | None,
        extension: x509.AuthorityInformationAccess | None,
        name: str,
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(signer or key, hashes.SHA256())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ) + certificate.public_bytes(serialization.Encoding.PEM)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._next(pem))
        return context

    def wanting_client(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """A server that takes only clients with a certificate of the root."""
        context = self.server()
        context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.ca)
        return context

    def asking_client(self) -> ssl.SSLContext:
        """A server that asks for a certificate of the root, and takes clients without too."""
        context = self.server()
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.ca)
        return context

    def server_pem(self) -> str:
        """File of a server's key and certificate."""
        leaf = self.root.issue_cert(*NAMES)
        return self._next(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())

    def root_sent_along(self) -> ssl.SSLContext:
        """The root is sent after the leaf."""
        leaf = self.root.issue_cert(*NAMES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem = leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes()
        context.load_cert_chain(self._next(pem + self.root.cert_pem.bytes()))
        return context

    def client(self) -> str:
        """File of a client's key and certificate."""
        leaf = self.root.issue_cert("client@checkwire.test")
        return self._next(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())

    def encrypted_client(self, password: str) -> tuple[str, str]:
        """Files of a client's certificate and of its key, encrypted."""
        leaf = self.root.issue_cert("client@checkwire.test")
        key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), password=None)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()),
        )
        return self._next(leaf.cert_chain_pems[0].bytes()), self._next(pem)

    def _next(self, pem: bytes) -> str:
        self._files += 1
        return self._write(f"{self._files}.pem", pem)
