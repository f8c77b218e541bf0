"""A certificate made on the spot, so that ``wss`` can be tried without ceremony.

It loads ``cryptography``, which takes a while: import this where TLS is really wanted.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Final, NamedTuple

import trustme

__all__ = ["LOCAL_NAMES", "LocalCertificate", "make_certificate"]

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1", "echo.websocket.org")
"""Names that the certificate always holds; the last one for ``--resolve echo.websocket.org``."""


class LocalCertificate(NamedTuple):
    """A server's certificate and the authority that vouches for it.

    Attributes:
        context: for the server.
        authority: PEM of the authority's certificate, which clients must trust.
    """

    context: ssl.SSLContext
    authority: bytes


def make_certificate(names: Iterable[str] = ()) -> LocalCertificate:
    """Make an authority and a certificate by it for :data:`LOCAL_NAMES` and these names.

    Args:
        names: more host names (``*.`` is allowed) or IP addresses.

    Raises:
        ValueError: if a name cannot be in a certificate.
    """
    authority = trustme.CA(organization_name="Checkwire", organization_unit_name="local echo")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*dict.fromkeys([*LOCAL_NAMES, *names])).configure_cert(context)
    return LocalCertificate(context, authority.cert_pem.bytes())
