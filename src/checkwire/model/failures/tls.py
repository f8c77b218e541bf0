"""``tls.*``: the TLS handshake failed, or the certificate cannot be trusted."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "tls.certificate_expired",
        "The certificate has expired",
        retryable=False,
        hint="Renew the certificate, and make sure the server was reloaded with the new one",
        phase="tls",
    ),
    FailureCode(
        "tls.certificate_not_yet_valid",
        "The certificate is not valid yet",
        retryable=False,
        hint="Check the clock of this machine, then the certificate's notBefore",
        phase="tls",
    ),
    FailureCode(
        "tls.hostname_mismatch",
        "The certificate is for another name",
        retryable=False,
        hint="Connect by a name the certificate holds, or issue one that holds this name",
        phase="tls",
    ),
    FailureCode(
        "tls.self_signed",
        "The certificate is self-signed",
        retryable=False,
        hint="Trust it with ca= or --ca, or serve a certificate from an authority that is trusted",
        phase="tls",
    ),
    FailureCode(
        "tls.incomplete_chain",
        "The server did not send an intermediate certificate",
        retryable=False,
        hint="Configure the full chain on the server (fullchain.pem, not cert.pem)",
        phase="tls",
    ),
    FailureCode(
        "tls.unknown_ca",
        "The certificate's authority is not trusted here",
        retryable=False,
        hint="Trust a private authority with ca= or --ca FILE",
        phase="tls",
    ),
    FailureCode(
        "tls.certificate_rejected",
        "The certificate does not pass verification",
        retryable=False,
        hint="OpenSSL's reason is in the message; see: openssl s_client -connect HOST:PORT",
        phase="tls",
    ),
    FailureCode(
        "tls.protocol_version",
        "No TLS version in common",
        retryable=False,
        hint="See what the server accepts: openssl s_client -tls1_2 -connect HOST:PORT",
        phase="tls",
    ),
    FailureCode(
        "tls.handshake_failed",
        "The server ended the TLS handshake with an alert",
        hint="See the server's log; try: openssl s_client -connect HOST:PORT -servername HOST",
        phase="tls",
    ),
    FailureCode(
        "tls.client_certificate_required",
        "The server wants a client certificate",
        retryable=False,
        hint="Give one with client_cert= (and client_key=)",
        phase="tls",
    ),
    FailureCode(
        "tls.client_certificate_rejected",
        "The server refused our client certificate",
        retryable=False,
        hint="Its subject, issuer and dates are in the evidence; the server must trust the issuer",
        phase="tls",
    ),
    FailureCode(
        "tls.sni_unrecognized",
        "The server does not know this name",
        retryable=False,
        hint="No certificate is configured for this host name; check server_name= and the server",
        phase="tls",
    ),
    FailureCode(
        "tls.alpn",
        "The port does not speak HTTP/1.1 inside of TLS",
        retryable=False,
        hint="The server or load balancer takes HTTP/2 only; WebSocket here needs HTTP/1.1, which "
        "must be enabled for this port",
        phase="tls",
    ),
    FailureCode(
        "tls.not_tls",
        "The port does not speak TLS",
        retryable=False,
        hint="Use ws:// instead of wss://, or the server's TLS port",
        phase="tls",
    ),
    FailureCode(
        "tls.timeout",
        "The TLS handshake did not finish in time",
        hint="TCP works, so the process behind the port is stalled or overloaded",
        phase="tls",
    ),
    FailureCode(
        "tls.closed",
        "The peer closed the connection during the TLS handshake",
        hint="Often a load balancer without a healthy backend, or one that does not know this name",
        phase="tls",
    ),
)
