"""``tls.*`` at length; what is wrong with certificates is in a file of its own."""

from checkwire.model.explanations import tls_certificates
from checkwire.model.explanations.base import Explanation, Look

_ASK = "openssl s_client -connect HOST:PORT -servername HOST"
_SHOW = f"{_ASK} </dev/null"
_RECEIVED = "what the server had sent by then"
_OPENSSL = "OpenSSL's name for the alert or the error"
_EVIDENCE = {"bytes_received": _RECEIVED, "openssl": _OPENSSL}

EXPLANATIONS = {
    **tls_certificates.EXPLANATIONS,
    "tls.protocol_version": Explanation(
        messages=("{place} accepts none of the TLS versions offered",),
        cause="Client and server have no version of TLS in common. Checkwire offers TLS 1.2 and "
        "1.3, unless the system's OpenSSL configuration (MinProtocol) narrows that.\n\n"
        "Commonly: an old server or appliance that knows TLS 1.0 and 1.1 only; a server set to "
        "1.3 only, and a policy here that stops at 1.2.",
        confirm=(
            Look(
                "openssl s_client -connect HOST:PORT -servername HOST -tls1_2 </dev/null",
                "alert protocol version (number 70), or unsupported protocol",
            ),
            Look(
                "nmap --script ssl-enum-ciphers -p PORT HOST",
                "the versions that the server accepts",
            ),
        ),
        remedy="Have the server accept TLS 1.2 or 1.3; browsers have refused anything older since "
        "2020. For nginx: ssl_protocols TLSv1.2 TLSv1.3.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "alert": "the alert that the server sent: number and name (RFC 8446 6)",
        },
        see=("RFC 8446 4.2.1", "RFC 8996"),
    ),
    "tls.handshake_failed": Explanation(
        messages=(
            "{place} ended the TLS handshake: {reason}",
            "{place} ended the TLS handshake: {alert}",
            "The TLS handshake with {place} failed: {reason}",
        ),
        cause="The server sent an alert that has no code of its own here, or something in the "
        "handshake does not fit; the reason in the message is OpenSSL's.\n\n"
        "Commonly: no cipher in common (handshake failure); a server that wants a client "
        "certificate and, in TLS 1.2, does not say so (handshake failure, too); a client "
        "certificate that it does not accept (unknown ca, bad certificate, certificate expired); "
        "a server without a certificate for the name; an internal error of the server.",
        confirm=(
            Look(
                _SHOW,
                "the same alert; “Acceptable client certificate CA names” if it wants a client "
                "certificate",
            ),
            Look(
                f"{_ASK} -cipher ALL:@SECLEVEL=0 </dev/null",
                "works: the server only has ciphers that are too weak",
            ),
        ),
        remedy="Read the server's log at this time: it knows why it sent the alert. Give a client "
        "certificate if it wants one: client_cert=, client_key=. Otherwise widen its list of "
        "ciphers.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "alert": "the alert that the server sent: number and name (RFC 8446 6)",
        },
        see=("RFC 8446 6.2", "RFC 5246 7.2.2"),
    ),
    "tls.client_certificate_required": Explanation(
        messages=(
            "{place} wants a client certificate",
            (
                "{place} wants a client certificate: it asked for one, and {how} the "
                "connection when none came"
            ),
        ),
        cause="The server takes only clients that show a certificate (mutual TLS), and none was "
        "shown. With TLS 1.3 it says so after the handshake, so this may come in place of the "
        "answer to the upgrade request.",
        confirm=(
            Look(
                f"sleep 2 | {_ASK}",
                "alert certificate required (number 116), with TLS 1.2 handshake failure (40); "
                "and “Acceptable client certificate CA names”, if the server says whose it takes",
            ),
            Look(f"sleep 2 | {_ASK} -cert CERT -key KEY", "no alert, with the right certificate"),
        ),
        remedy="Give one: connect(url, client_cert=FILE, client_key=FILE), signed by one of the "
        "authorities that the server names. If no client should need one here, the request "
        "reached the wrong port or virtual host.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "alert": "the alert that the server sent: number and name (RFC 8446 6)",
            "ended": "fin or rst: how the connection ended",
            "errno": "the system's error",
            "client_certificate": "that one was asked for, and none sent",
            "authorities": "whose certificates the server takes, if it says so",
        },
        see=("RFC 8446 4.3.2", "RFC 8446 6.2 certificate_required"),
    ),
    "tls.sni_unrecognized": Explanation(
        messages=("{place} does not know the name {name}",),
        cause="The client says in the handshake which host it wants (SNI), and this server has "
        "none of that name and answers with an alert instead of a default certificate.\n\n"
        "Commonly: DNS points to a load balancer where the host is not configured, yet or any "
        "more; server_name= has a typing error; the URL has an IP address and the server insists "
        "on a name.",
        confirm=(
            Look(_SHOW, "alert unrecognized name, number 112"),
            Look(
                "openssl s_client -connect HOST:PORT -noservername </dev/null",
                "the certificate that it has without a name",
            ),
        ),
        remedy="Add the host to the server's or load balancer's configuration, with its "
        "certificate. Check server_name= and where DNS points.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "alert": "the alert that the server sent: number and name (RFC 8446 6)",
        },
        see=("RFC 6066 3",),
    ),
    "tls.not_tls": Explanation(
        messages=(
            "{place} does not speak TLS",
            "{place} does not speak TLS: it answered a plain request with {answer}",
            "{place} does not speak TLS, but {protocol}",
        ),
        cause="The port answered with something that is not TLS, or did not answer TLS and did "
        "answer plain HTTP: Checkwire asks so on a second connection, without credentials.\n\n"
        "Commonly: wss:// for a server that speaks ws:// on that port, as when TLS ends at a "
        "proxy and the URL names the server behind it; the wrong port.",
        confirm=(
            Look(
                _SHOW,
                "wrong version number, packet length too long, or nothing after CONNECTED: it "
                "waits for the rest of a request",
            ),
            Look("curl -i --max-time 5 http://HOST:PORT/", "an HTTP answer in plain text"),
        ),
        remedy="Write ws:// (http:// for http) if this port is meant to be plain, or the port "
        "that has TLS. If TLS has ended here before, the server lost its TLS configuration: "
        "everything now goes over the wire in the clear.",
        evidence={
            **_EVIDENCE,
            "failed_as": "after a second connection: the code that the first one had, such as "
            "tls.closed",
            "other_protocol": "what the server answered to a plain request",
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "alert": "the alert that the server sent: number and name (RFC 8446 6)",
            "ended": "fin or rst: how the connection ended",
            "errno": "the system's error",
            "first_bytes": "the first 32 bytes that came, in hex",
            "guess": "the protocol that they look like",
        },
        see=("RFC 8446 5.1", "RFC 6455 3"),
    ),
    "tls.timeout": Explanation(
        messages=(
            "The TLS handshake with {place} did not finish within {limit}[, nothing came][, "
            "{count} bytes came]",
            "The TLS handshake with {place} did not finish within {limit}, {got}",
        ),
        cause="TCP works, and the handshake did not come to its end in time (10 s; for http the "
        "timeout of the request).\n\n"
        "Nothing came: the process behind the port does not read (stalled, overloaded, or its "
        "accept queue takes connections that nobody serves), or the port waits for something "
        "else, as a database does. Some bytes came: the server began and stalled, or large "
        "packets are lost on the way (MTU), which hits just the server's certificates.",
        confirm=(
            Look(_SHOW, "CONNECTED, and then nothing"),
            Look(
                "ss -ltn 'sport = :PORT'",
                "on the server: Recv-Q above zero: connections that nobody has accepted",
            ),
            Look(
                "ping -M do -s 1472 HOST",
                "message too long, or no answer where -s 1200 has one: packets are too large for "
                "the way",
            ),
        ),
        remedy="Look at the server's process: CPU, number of connections, its log. If it stalls "
        "after some bytes, lower the MTU or repair what swallows ICMP “fragmentation needed”.",
        evidence={
            "bytes_received": _RECEIVED,
            "PHASE_ns": "of an HTTP request, instead: how long each phase before took",
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 8446 2", "RFC 4821"),
    ),
    "tls.closed": Explanation(
        messages=(
            "{place} closed the connection during the TLS handshake[, before it said anything][, "
            "after {count} bytes]",
            "{place} reset the connection during the TLS handshake[, before it said anything][, "
            "after {count} bytes]",
            "{place} {how} the connection during the TLS handshake, after {count} bytes",
            ("{place} {how} the connection during the TLS handshake, before it said anything"),
        ),
        cause="The connection was ended in the middle of the handshake, without the alert that "
        "TLS has for that. Closed is FIN: a program ended it in good order. Reset is RST: it "
        "crashed, was killed, or had unread data; or a middlebox cut in.\n\n"
        "Commonly: a load balancer without a healthy backend, or without this name; a firewall "
        "that reads the name (SNI) and forbids it; a server that expects a PROXY header before "
        "TLS; one that is over its limit of connections.",
        confirm=(
            Look(_SHOW, "unexpected eof while reading, or write:errno=104, and 0 bytes read"),
            Look(
                "openssl s_client -connect HOST:PORT -noservername </dev/null",
                "works: the name is what it does not like",
            ),
            Look(
                "tcpdump -ni any 'host HOST and tcp port PORT'",
                "who ends it: [F.] or [R.] from the server; a TTL unlike that of its other "
                "packets is a middlebox's",
            ),
        ),
        remedy="Look at the load balancer's healthy backends and at the server's log. If another "
        "name works, the name is missing there, or forbidden on the way.",
        evidence={
            "bytes_received": _RECEIVED,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "ended": "fin or rst: how the connection ended",
            "errno": "the system's error",
        },
        see=("RFC 8446 6.1",),
    ),
    "tls.client_certificate_rejected": Explanation(
        messages=("{place} refused our client certificate {subject}: {reason}",),
        cause=(
            "A client certificate was sent, and the server does not take it: it does not trust "
            "its authority, the certificate has expired or is revoked, or it is not for "
            "clients."
        ),
        confirm=(
            Look(
                "openssl x509 -in CERT -noout -subject -issuer -dates -purpose",
                "who issued it, until when it is good, and SSL client : Yes",
            ),
            Look(
                f"sleep 2 | {_ASK} -cert CERT -key KEY",
                "the same alert; with TLS 1.3 it comes after the handshake",
            ),
        ),
        remedy=(
            "Renew it, or have the server trust its issuer. If an intermediate issued it, put "
            "that into the file of client_cert= as well."
        ),
        evidence={
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "bytes_received": "bytes of the handshake that came",
            "openssl": "OpenSSL's name for what happened",
            "alert": "the alert that the server sent: number and name (RFC 8446 6)",
            "client_certificate": "ours: subject, issuer, dates, serial, key",
        },
        see=("RFC 8446 6.2",),
    ),
    "tls.alpn": Explanation(
        messages=(
            "{place} does not speak HTTP/1.1 inside of TLS",
            "{place} speaks HTTP/2 inside of TLS, and was asked not to",
        ),
        cause=(
            "WebSocket over TLS was offered as HTTP/1.1 (ALPN), and the server takes only "
            "another protocol, HTTP/2 as a rule: a port for gRPC, or a load balancer with "
            "HTTP/1.1 switched off."
        ),
        confirm=(
            Look(
                f"{_ASK} -alpn http/1.1 </dev/null",
                "alert no application protocol (number 120), or No ALPN negotiated",
            ),
            Look(f"{_ASK} -alpn h2 </dev/null", "ALPN protocol: h2"),
        ),
        remedy="Enable HTTP/1.1 for this listener, or use the port that has it.",
        evidence={
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "bytes_received": "bytes of the handshake that came",
            "openssl": "OpenSSL's name for what happened",
            "alert": "the alert that the server sent: number and name (RFC 8446 6)",
            "offered": "the protocols that were offered",
            "selected": "the one that the server chose, null for none",
            "guess": "what it speaks",
            "first_bytes": "the first 32 bytes that came, in hex",
        },
        see=(
            "RFC 7301 3.2",
            "RFC 8441",
        ),
    ),
}
