"""TLS settings. Loading a trust store costs tens of milliseconds, so contexts are kept."""

from __future__ import annotations

import functools
import os
import ssl
import sys
from pathlib import Path

import msgspec

from checkwire.model.errors import UsageError

__all__ = ["ALPN", "TlsOptions", "furnish", "tls_context"]

ALPN = ("http/1.1",)
"""The protocols that are offered inside of TLS (RFC 7301)."""
_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep their trust store, for a Python built to look elsewhere."""


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to speak TLS.

    Attributes:
        verify: check the certificate and its name. Without it, what the peer presents is still
            recorded.
        ca: a file of authorities (PEM) to trust besides the system's.
        client_cert: our certificate (PEM), with the key in it or in ``client_key``.
        client_key: the key of ``client_cert`` (PEM).
        client_key_password: what the key is encrypted with.
        server_name: the name to ask for (SNI) and to verify, instead of the URL's host.
    """

    verify: bool = True
    ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    client_key_password: str | None = None
    server_name: str | None = None

    def without_certificate(self) -> TlsOptions:
        """The same, showing no certificate of ours."""
        return msgspec.structs.replace(
            self, client_cert=None, client_key=None, client_key_password=None
        )


def tls_context(options: TlsOptions) -> ssl.SSLContext:
    """The context for these options; ``server_name`` does not matter here.

    It is made anew when a file that it was made of has changed since, or the trust store is
    elsewhere.

    Raises:
        UsageError: if a file cannot be read or is not what it must be.
    """
    return _made(options, _state(options))


def _state(options: TlsOptions) -> tuple[tuple[str, int], ...]:
    """The files that a context is made of, each with the time of its last change."""
    store = ssl.get_default_verify_paths()[:2] if sys.platform == "linux" else ()
    paths = (*store, options.ca, options.client_cert, options.client_key)
    return tuple((path, _changed_ns(path)) for path in paths if path is not None)


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - for every connection
    except OSError:
        return 0


@functools.lru_cache(maxsize=64)
def _made(options: TlsOptions, state: tuple[tuple[str, int], ...]) -> ssl.SSLContext:
    if sys.platform == "linux":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if options.verify:
            context.load_default_certs()
            if not context.cert_store_stats()["x509_ca"]:
                _load_known_store(context)
    else:
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.ca is not None:
        try:
            context.load_verify_locations(cafile=options.ca)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"cannot use {options.ca} as ca: {_reason(error)}") from None
    furnish(context, options)
    return context


def furnish(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Give a context what is shown to the server.

    Raises:
        UsageError: if a file cannot be read or is not what it must be.
    """
    # As browsers do; a server that only speaks HTTP/2 says so now rather than in garbage later.
    context.set_alpn_protocols(list(ALPN))
    if options.client_cert is None:
        return
    try:
        context.load_cert_chain(
            options.client_cert, options.client_key, options.client_key_password or ""
        )
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"cannot use {options.client_cert} as client_cert: {_reason(error)}"
        ) from None


def _load_known_store(context: ssl.SSLContext) -> None:
    if any(Path(path).exists() for path in ssl.get_default_verify_paths()[:2] if path):
        return  # A folder of hashed certificates: it is read on demand, and counts as empty.
    for path in _STORES:
        if Path(path).is_file():
            context.load_verify_locations(cafile=path)
            return


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        return reason.lower().replace("_", " ")
    return error.strerror or str(error)
