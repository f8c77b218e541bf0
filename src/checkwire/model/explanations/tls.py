"""``tls.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_OF_ANY = {
    "place": "address and port of the peer",
    "elapsed_ms": "time from the beginning of the phase to the failure",
    "bytes_received": "bytes of the handshake that came",
}
_OF_A_CHAIN = {
    **_OF_ANY,
    "verify_code": "OpenSSL's number of the reason (X509_V_ERR_*)",
    "verify_message": "its words for it",
    "chain": "what the server presented, its own certificate first: names, dates, issuer, key",
    "certificate": "which of the chain is at fault, from 0",
}
_OF_AN_ALERT = {
    **_OF_ANY,
    "openssl": "OpenSSL's name for what happened",
    "alert": "the alert that the server sent: number and name (RFC 8446 6)",
}
_OF_AN_END = {"ended": "fin or rst: how the connection ended", "errno": "the system's error"}
_SHOW = "openssl s_client -connect HOST:PORT -servername HOST -showcerts </dev/null"
_ALERTS = ("RFC 8446 6.2",)

EXPLANATIONS = {
    "tls.certificate_expired": Explanation(
        messages=(
            "The certificate of {whose} expired {date}, {age} ago",
            "A certificate of {place} has expired",
        ),
        cause="The last day of a certificate is over: the server's own, or one above it, which the "
        "message then names. Most often a renewal failed, or the server was not reloaded after it.",
        confirm=(
            Look(f"{_SHOW} | openssl x509 -noout -enddate", "notAfter in the past"),
            Look("date -u", "this machine's clock, if it is that which is wrong"),
        ),
        remedy="Renew it, and reload the server. If the new one is in place on disk, the process "
        "still serves the old one. If an intermediate expired, install the chain anew.",
        evidence=_OF_A_CHAIN,
        see=("RFC 5280 4.1.2.5",),
    ),
    "tls.certificate_not_yet_valid": Explanation(
        messages=(
            "The certificate of {whose} is not valid before {date}; this machine says {now}",
            "A certificate of {place} is not valid yet",
        ),
        cause="The certificate begins in the future: this machine's clock is behind, or the "
        "authority issued it for later.",
        confirm=(
            Look("timedatectl", "System clock synchronized: no"),
            Look(f"{_SHOW} | openssl x509 -noout -startdate", "notBefore in the future"),
        ),
        remedy="Synchronize the clock; else install the certificate when its time has come.",
        evidence=_OF_A_CHAIN,
        see=("RFC 5280 4.1.2.5",),
    ),
    "tls.hostname_mismatch": Explanation(
        messages=("The certificate of {place} is for {names}, not for {name}",),
        cause="The server showed a certificate that does not hold the name connected to. It may be "
        "the default one of a host that does not know this name, or the name was never put in. "
        "The common name does not count, only subjectAltName does.",
        confirm=(Look(f"{_SHOW} | openssl x509 -noout -ext subjectAltName", "other names"),),
        remedy="Connect by a name it holds, give that name with server_name=, or issue one that "
        "holds this name.",
        evidence=_OF_A_CHAIN,
        see=("RFC 9525 6",),
    ),
    "tls.self_signed": Explanation(
        messages=("The certificate of {place} is self-signed",),
        cause="The certificate is its own issuer, so nobody vouches for it: a default of the "
        "server's software, or one made for a test.",
        confirm=(Look(f"{_SHOW} | openssl x509 -noout -subject -issuer", "both the same"),),
        remedy="Serve one of an authority that clients trust, or trust this one with ca=.",
        evidence=_OF_A_CHAIN,
        see=("RFC 5280 6.1",),
    ),
    "tls.incomplete_chain": Explanation(
        messages=("{place} did not send the intermediate certificate {subject}",),
        cause="Between the server's certificate and an authority that is trusted stands one that "
        "the server must send, and does not. Browsers may have it from elsewhere, or fetch it; "
        "most other clients fail. It is missed where the certificate says where to fetch its "
        "issuer, where what was sent has a gap, or where the issuer is of the organization of an "
        "authority that is trusted.",
        confirm=(Look(_SHOW, "verify error:num=20 or 21; the chain ends below a root"),),
        remedy="Configure the full chain on the server (fullchain.pem, not cert.pem). The missing "
        "one is in the evidence, with the address where it can be had.",
        evidence={
            **_OF_A_CHAIN,
            "missing": "the certificate that belongs there: subject, the address where it can be "
            "had (caIssuers), and the identifier of its key",
        },
        see=("RFC 8446 4.4.2", "RFC 5280 4.2.2.1"),
    ),
    "tls.unknown_ca": Explanation(
        messages=(
            "{authority}, which signed for {place}, is not trusted here",
            "{authority}, which signed for {place}, is not trusted here: the authority of that "
            "name that is, has another key",
            "The authority that signed for {place} is not trusted here",
        ),
        cause="The chain leads to an authority that this machine does not trust: a private one, "
        "one of a TLS inspection on the way, or one whose root the system does not have.",
        confirm=(Look(_SHOW, "verify error:num=19 or 20, and who the issuer is"),),
        remedy="Trust a private authority with ca= or --ca FILE. If the issuer is a surprise, find "
        "out who stands between.",
        evidence=_OF_A_CHAIN | {"missing": "the authority that would have to be trusted"},
        see=("RFC 5280 6.1",),
    ),
    "tls.certificate_rejected": Explanation(
        messages=(
            "The certificate of {place} does not verify: {reason}",
            "The certificate {subject}, which signed for {place}, does not verify: {reason}",
        ),
        cause="A certificate of the chain breaks a rule: it is not meant for servers, its key or "
        "signature is too weak, its signature does not fit its issuer, or it has a critical "
        "extension that nobody here knows.",
        confirm=(
            Look(
                "openssl verify -purpose sslserver -CAfile ROOT -untrusted CHAIN CERT", "the error"
            ),
            Look(
                f"{_SHOW} | openssl x509 -noout -text", "Extended Key Usage, key size, extensions"
            ),
        ),
        remedy="Have the certificate that is named issued anew, without the fault.",
        evidence=_OF_A_CHAIN,
        see=("RFC 5280 6.1",),
    ),
    "tls.protocol_version": Explanation(
        messages=("{place} accepts none of the TLS versions offered",),
        cause="Client and server have no version of TLS in common: the server knows only 1.0 or "
        "1.1, which are no longer taken, or nothing below what is offered.",
        confirm=(
            Look("openssl s_client -tls1_2 -connect HOST:PORT", "whether this version works"),
        ),
        remedy="Enable TLS 1.2 and 1.3 on the server.",
        evidence=_OF_AN_ALERT,
        see=("RFC 8996", *_ALERTS),
    ),
    "tls.handshake_failed": Explanation(
        messages=("{place} ended the TLS handshake: {alert}",),
        cause="The server ended the handshake with an alert that says little. Commonly there is no "
        "cipher or curve in common, or its configuration is broken. It did not ask for a client "
        "certificate; that has a code of its own.",
        confirm=(
            Look("openssl s_client -connect HOST:PORT -servername HOST", "the same alert"),
            Look("nmap --script ssl-enum-ciphers -p PORT HOST", "what the server takes"),
        ),
        remedy="See the server's log, then its ciphers, and the kind of its key.",
        evidence=_OF_AN_ALERT,
        see=_ALERTS,
    ),
    "tls.client_certificate_required": Explanation(
        messages=(
            "{place} wants a client certificate",
            "{place} wants a client certificate: it asked for one, and {how} the connection when "
            "none came",
        ),
        cause="The server takes only clients that show a certificate (mutual TLS), and none was "
        "given. TLS 1.2 has no alert for that, and some servers just hang up: that it asked for "
        "one was seen in a second handshake.",
        confirm=(
            Look(
                "openssl s_client -connect HOST:PORT </dev/null",
                "Acceptable client certificate CA names, or Requested Signature Algorithms",
            ),
        ),
        remedy="Give one with client_cert= (and client_key=), of an authority in the evidence.",
        evidence={
            **_OF_AN_ALERT,
            **_OF_AN_END,
            "client_certificate": "that one was asked for, and none sent",
            "authorities": "whose certificates the server takes, if it says so",
        },
        see=("RFC 8446 4.3.2", "RFC 5246 7.4.4"),
    ),
    "tls.client_certificate_rejected": Explanation(
        messages=("{place} refused our client certificate {subject}: {reason}",),
        cause="A client certificate was sent, and the server does not take it: it does not trust "
        "its authority, the certificate has expired or is revoked, or it is not for clients.",
        confirm=(
            Look("openssl x509 -in CERT -noout -subject -issuer -dates -purpose", "what is shown"),
            Look("openssl s_client -connect HOST:PORT -cert CERT -key KEY", "the same alert"),
        ),
        remedy="Renew it, or have the server trust its issuer. If an intermediate issued it, "
        "put that into the file of client_cert= as well.",
        evidence={
            **_OF_AN_ALERT,
            "client_certificate": "ours: subject, issuer, dates, serial, key",
        },
        see=_ALERTS,
    ),
    "tls.sni_unrecognized": Explanation(
        messages=("{place} does not know the name {name}",),
        cause="The server has no certificate for the name asked for (SNI), and none to fall back "
        "to: the host is not configured there, or the connection reached another machine.",
        confirm=(
            Look("openssl s_client -connect HOST:PORT -servername NAME", "unrecognized name"),
        ),
        remedy="Configure the host on the server, check the DNS record, or set server_name=.",
        evidence=_OF_AN_ALERT,
        see=("RFC 6066 3",),
    ),
    "tls.alpn": Explanation(
        messages=(
            "{place} does not speak HTTP/1.1 inside of TLS",
            "{place} speaks HTTP/2 inside of TLS, and was asked not to",
        ),
        cause="WebSocket over TLS was offered as HTTP/1.1 (ALPN), and the server takes only "
        "another protocol, HTTP/2 as a rule: a port for gRPC, or a load balancer with HTTP/1.1 "
        "switched off.",
        confirm=(
            Look("openssl s_client -alpn http/1.1 -connect HOST:PORT", "no application protocol"),
            Look("openssl s_client -alpn h2 -connect HOST:PORT", "ALPN protocol: h2"),
        ),
        remedy="Enable HTTP/1.1 for this listener, or use the port that has it.",
        evidence={
            **_OF_AN_ALERT,
            "offered": "the protocols that were offered",
            "selected": "the one that the server chose, null for none",
            "guess": "what it speaks",
            "first_bytes": "the first 32 bytes that came, in hex",
        },
        see=("RFC 7301 3.2", "RFC 8441"),
    ),
    "tls.not_tls": Explanation(
        messages=(
            "{place} does not speak TLS",
            "{place} does not speak TLS, but {protocol}",
            "{place} does not speak TLS: it answered a plain request with {answer}",
        ),
        cause="What came is no TLS, or nothing came and the port answers plain HTTP: the URL says "
        "wss:// where the port speaks ws://, or another service listens there.",
        confirm=(Look("curl -v http://HOST:PORT/", "an answer in plain HTTP"),),
        remedy="Use ws:// instead of wss://, or the server's TLS port.",
        evidence={
            **_OF_AN_ALERT,
            **_OF_AN_END,
            "first_bytes": "the first 32 bytes that came, in hex",
            "guess": "the protocol that they look like",
            "failed_as": "the code that it had before another connection was made",
            "other_protocol": "what the port answered to plain HTTP",
        },
        see=("RFC 8446 5.1",),
    ),
    "tls.timeout": Explanation(
        messages=("The TLS handshake with {place} did not finish within {limit}, {got}",),
        cause="TCP was accepted, by the kernel perhaps, and the handshake did not come to its end: "
        "the process is blocked, stopped or overloaded. A port that waits for plain HTTP has "
        "another code: it was asked.",
        confirm=(
            Look("openssl s_client -connect HOST:PORT", "CONNECTED, and nothing after it"),
            Look("ss -tno dst ADDRESS", "whether what was sent is acknowledged"),
        ),
        remedy="Look at the process behind the port: CPU, its accept loop, its entropy, its key's "
        "hardware.",
        evidence=_OF_ANY,
    ),
    "tls.closed": Explanation(
        messages=(
            "{place} {how} the connection during the TLS handshake, after {count} bytes",
            "{place} {how} the connection during the TLS handshake, before it said anything",
        ),
        cause="The server hung up in the handshake without an alert: a load balancer without a "
        "healthy backend, one that routes by name and does not know this one, or a limit.",
        confirm=(Look("openssl s_client -connect HOST:PORT -servername HOST", "unexpected eof"),),
        remedy="Look at the load balancer's log and the health of what is behind it.",
        evidence={**_OF_ANY, **_OF_AN_END},
        see=("RFC 8446 6.1",),
    ),
}
