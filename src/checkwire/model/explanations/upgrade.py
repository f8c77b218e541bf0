"""``upgrade.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_REQUEST = (
    "curl -i -N --http1.1 --max-time 5 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H "
    "'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "
    "https://HOST:PORT/PATH"
)
_ANSWER = {
    "status": "the HTTP status",
    "reason": "the words beside it",
    "headers": "the headers of the answer, as pairs",
}
_REFUSAL = {**_ANSWER, "body": "the first 512 bytes of its body"}
_BYTES = {
    "bytes_received": "how much came",
    "first_bytes": "the first 32 of them, in hex",
}

EXPLANATIONS = {
    "upgrade.status": Explanation(
        messages=("{place} answered {status} instead of 101[ ({who})]",),
        cause="The server, or a proxy before it, refused the upgrade with an HTTP error. The "
        "status says why, the Server or Via header in the sentence who:\n\n"
        "- 400: the request is not understood: subprotocol, version, a header that a proxy "
        "dropped.\n"
        "- 401: credentials are missing or expired.\n"
        "- 403: they are not enough, or the Origin is not on the server's list.\n"
        "- 404: no WebSocket at this path, or the proxy does not route it.\n"
        "- 426: another Sec-WebSocket-Version is wanted.\n"
        "- 429: too many requests or connections.\n"
        "- 500: the server's own code failed.\n"
        "- 502: the proxy's backend refused or closed.\n"
        "- 503: no backend, or overload.\n"
        "- 504: the backend did not answer the proxy.",
        confirm=(
            Look(_REQUEST, "the same status, with headers and body"),
            Look("websocat -v wss://HOST:PORT/PATH", "WebSocketError, with the status received"),
        ),
        remedy="Go by the status. 401, 403: headers={'Authorization': ...}, origin=. 404: path, "
        "and the proxy's routes. 429: Retry-After says how long. 5xx: the log of whoever stands "
        "in the sentence, then of its backend.",
        evidence={
            **_REFUSAL,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "version_sent": "the version of the protocol that was asked for (426)",
            "version_wanted": "the versions that the server takes (426)",
        },
        see=("RFC 6455 4.2.2", "RFC 9110 15.5", "RFC 9110 15.6"),
    ),
    "upgrade.not_upgraded": Explanation(
        messages=(
            "{place} answered {status}[ with {type}] instead of 101[ ({who})][, as to any path]",
        ),
        cause="The request was answered as an ordinary HTTP request: with success, and without "
        "switching to WebSocket.\n\n"
        "Commonly: a proxy dropped the Upgrade and Connection headers, which are hop-by-hop and "
        "must be passed on explicitly; the path belongs to a web application that answers every "
        "path with its page (text/html); a CDN with WebSockets switched off.",
        confirm=(
            Look(_REQUEST, "200, and a page"),
            Look(
                "curl -i --http1.1 https://HOST:PORT/no-such-path",
                "the same page: a web application's fallback",
            ),
        ),
        remedy="If the page is that of an application: correct the path. If a proxy strips the "
        "headers, pass them on; for nginx: proxy_http_version 1.1; proxy_set_header Upgrade "
        '$http_upgrade; proxy_set_header Connection "upgrade".',
        evidence={
            **_REFUSAL,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "cause": "fallback (any path gets this), stripped (only this one does) or unknown",
        },
        see=("RFC 6455 4.2.2", "RFC 9110 7.8", "RFC 9110 7.6.1"),
    ),
    "upgrade.redirect": Explanation(
        messages=(
            "{place} redirects to {location} ({status})[: from TLS to plain text, which is not "
            "followed]",
        ),
        cause="The server answered 3xx. Browsers do not follow redirects of a WebSocket, so the "
        "users of this address cannot connect; Checkwire follows them only if asked, and never "
        "from wss:// to ws://.\n\n"
        "Commonly: http to https; a path without its last slash; an old host name; a login page.",
        confirm=(Look(_REQUEST, "301, 302, 307 or 308, and Location"),),
        remedy="Use the address that it points to. If it points to a login, credentials are "
        "missing. If clients are meant to follow: follow_redirects=True.\n\n"
        "A redirect to plain text behind TLS: the proxy that ends TLS must tell the server so "
        "(X-Forwarded-Proto).",
        evidence={
            **_REFUSAL,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
        },
        see=("RFC 6455 4.1", "RFC 9110 15.4"),
    ),
    "upgrade.bad_accept": Explanation(
        messages=(
            "{place} answered 101 with several Sec-WebSocket-Accept",
            "{place} sent a Sec-WebSocket-Accept that does not fit our key: {accept}",
        ),
        cause="The server proves with Sec-WebSocket-Accept that it has read this very request: it "
        "is the base64 of the SHA-1 of our key and a fixed text. This one does not fit.\n\n"
        "Commonly: a cache answered with what it had stored from another handshake; a server of "
        "one's own that computes it wrongly (the key decoded first, the text misspelt, hex in "
        "place of base64); two programs that both answered.",
        confirm=(
            Look(
                _REQUEST, "Sec-WebSocket-Accept: for this key s3pPLMBiTxaQ9kYGzzhZRbK+xOo= is right"
            ),
        ),
        remedy="If the value is always the same whatever the key, a cache or a mock answers: keep "
        "it from caching 101. Otherwise repair the server's handshake.",
        evidence={
            **_ANSWER,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "body": "the first 512 bytes of its body",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "accept_expected": "what fits the key that was sent",
            "accept_received": "what came",
        },
        see=("RFC 6455 4.2.2", "RFC 6455 1.3"),
    ),
    "upgrade.bad_headers": Explanation(
        messages=(
            "{place} answered 101 without a proper {name} header",
            "{place} answered 101 without Sec-WebSocket-Accept",
            "{place} answered with a line that is not HTTP: {line}",
            "{place} answered 101, but not with a valid handshake: {why}",
        ),
        cause="The server answered 101, and the headers that a handshake needs are missing or "
        "wrong: `Upgrade: websocket`, `Connection: Upgrade`, Sec-WebSocket-Accept. Or its head "
        "has a line that is not HTTP at all.\n\n"
        "Commonly: a proxy that passes the status on and drops the hop-by-hop headers; a server "
        "written by hand.",
        confirm=(
            Look(_REQUEST, "101, and which of the three headers are there"),
            Look("websocat -v wss://HOST:PORT/PATH", "it refuses the handshake, too"),
        ),
        remedy="Send all three headers with 101. Behind a proxy, pass Upgrade and Connection on "
        "in both directions.",
        evidence={
            **_ANSWER,
            **_BYTES,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "body": "the first 512 bytes of its body",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "accept_expected": "what fits the key that was sent",
            "accept_received": "what came, null for nothing",
        },
        see=("RFC 6455 4.2.2", "RFC 6455 4.1", "RFC 9112 5"),
    ),
    "upgrade.subprotocol": Explanation(
        messages=("{place} chose the subprotocol {selected}; offered: {offered}",),
        cause="The check offers subprotocols (Sec-WebSocket-Protocol), or none, and the server "
        "chose one that was not offered. A browser closes such a connection.\n\n"
        "Commonly: a typing error in the name (graphql-ws and graphql-transport-ws are two "
        "protocols); a new version of the server that dropped the old name; a server that always "
        "answers with the same name.",
        confirm=(
            Look(
                f"{_REQUEST} -H 'Sec-WebSocket-Protocol: NAME'",
                "101, and Sec-WebSocket-Protocol with another name",
            ),
            Look(
                "wscat -c wss://HOST:PORT/PATH -s NAME",
                "Server sent an invalid subprotocol",
            ),
        ),
        remedy="Write the names that the server knows: subprotocols=[...]. If none is needed, "
        "leave it out.",
        evidence={
            **_ANSWER,
            "offered": "the names offered",
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "body": "the first 512 bytes of its body",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "selected": "what the server chose, null for nothing",
        },
        see=("RFC 6455 4.1", "RFC 6455 1.9"),
    ),
    "upgrade.extension": Explanation(
        messages=("{place} negotiated extensions that were not offered: {selected}",),
        cause="The server's Sec-WebSocket-Extensions names an extension that was not offered, or "
        "parameters that do not fit the offer (permessage-deflate with a window of 99 bits). A "
        "client must fail then: it could not read what follows.\n\n"
        "Commonly: a server that always answers with the same extensions; one that still speaks "
        "x-webkit-deflate-frame; parameters of permessage-deflate taken from a configuration and "
        "not from the request.",
        confirm=(
            Look(
                f"{_REQUEST} -H 'Sec-WebSocket-Extensions: permessage-deflate'",
                "101, and Sec-WebSocket-Extensions with something else",
            ),
            Look(_REQUEST, "101 with Sec-WebSocket-Extensions, though none was offered"),
        ),
        remedy="Repair the server's negotiation. Until then compression=False offers none, if the "
        "server then keeps to that.",
        evidence={
            **_ANSWER,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "body": "the first 512 bytes of its body",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "offered": "what was offered",
            "selected": "what the server chose, null for nothing",
        },
        see=("RFC 6455 9.1", "RFC 7692 5.1", "RFC 7692 7.1"),
    ),
    "upgrade.not_http": Explanation(
        messages=(
            "{place} did not answer with HTTP",
            "{place} did not answer with HTTP: {shown}",
            "{place} did not answer with HTTP, but with {guess}",
            "{place} did not answer with HTTP, but with {guess}: {shown}",
        ),
        cause="Something answered that is not an HTTP response: another service listens on this "
        "port. Its first bytes often say which: `SSH-2.0-` is SSH, `220 ` is SMTP or FTP, `-ERR` "
        "or `-DENIED` is Redis.",
        confirm=(
            Look(
                "nc -w 3 HOST PORT </dev/null | head -c 64 | xxd",
                "what the service says by itself",
            ),
            Look("ss -ltnp 'sport = :PORT'", "on the server: which process it is"),
        ),
        remedy="Correct the port, or see which process took it.",
        evidence={
            **_BYTES,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "guess": "the protocol that the first bytes look like",
        },
        see=("RFC 9112 4", "RFC 6455 4.1"),
    ),
    "upgrade.tls_expected": Explanation(
        messages=(
            "{place} answered with a TLS record",
            "{place} speaks TLS: it answered {status} to plain HTTP[ ({who})]",
            "{place} speaks TLS ({answer}), and says nothing to those who do not",
        ),
        cause="The URL says ws://, and the port speaks TLS. The server showed it by a TLS alert, "
        "or by a page that says so; or it said nothing, and Checkwire found out with a second "
        "connection, which carries no credentials.",
        confirm=(
            Look(
                "openssl s_client -connect HOST:PORT -servername HOST </dev/null", "a certificate"
            ),
            Look(
                "curl -i --max-time 5 http://HOST:PORT/",
                "400, plain HTTP request was sent to HTTPS port; or Empty reply from server",
            ),
        ),
        remedy="Write wss:// in place of ws://.",
        evidence={
            **_BYTES,
            **_REFUSAL,
            "failed_as": "after a second connection: the code that the first one had",
            "other_protocol": "the version of TLS that it speaks there, or that it sent an alert",
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "ended": "fin or rst: how the first connection ended",
            "errno": "the operating system's number of the error",
        },
        see=("RFC 6455 3", "RFC 8446 5.1"),
    ),
    "upgrade.headers_too_large": Explanation(
        messages=(
            "{place} sent more than {size} KiB of headers",
            "{place} sent more than 64 KiB of headers",
            "{place} sent more headers than Node takes, {count} bytes so far",
        ),
        cause="The head of the answer did not end within 64 KiB. Either a server sets cookies and "
        "headers without measure, or what comes is not a response but a stream that only begins "
        "like one.",
        confirm=(Look(f"{_REQUEST} | head -c 70000 | wc -c", "70000: it goes on and on"),),
        remedy="See what fills the headers, most often Set-Cookie or a policy header that "
        "something adds in a loop. Browsers and proxies have limits, too: often 8 to 32 KiB.",
        evidence={
            **_BYTES,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "headers_seen": "lines of headers that came",
            "largest_header": "the name of the largest",
        },
        see=("RFC 9110 5.4",),
    ),
    "upgrade.timeout": Explanation(
        messages=("{place} sent {got} to the upgrade request within {limit}",),
        cause="The connection stands, TLS too, and the request was not answered in time (10 "
        "s).\n\n"
        "No byte: the application is stalled or overloaded, or waits for something of its own (a "
        "database, an auth service) before it answers; or a proxy holds the request back because "
        "it takes it for an ordinary one and waits for the backend. Some bytes: it began to "
        "answer and stalled.",
        confirm=(
            Look(_REQUEST, "no answer; --max-time ends it"),
            Look(
                "curl -i --max-time 5 https://HOST:PORT/",
                "answers: then it is the path of the WebSocket, not the whole server",
            ),
            Look(
                "ss -tn 'sport = :PORT'",
                "on the server: Recv-Q above zero: requests that the process has not read",
            ),
        ),
        remedy="Look at the application's threads or event loop, and at what its handshake waits "
        "for. If it is merely slow, timeouts={'upgrade': '20s'}; but a user waits as long.",
        evidence={
            **_BYTES,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 6455 4.1",),
    ),
    "upgrade.closed": Explanation(
        messages=("{place} {how} the connection after {got}",),
        cause="The server took the connection and ended it in place of an answer. Closed is FIN, "
        "reset is RST: a crash, a kill, or data that it had not read.\n\n"
        "Commonly: a proxy without a healthy backend; a worker that crashes in the handshake; a "
        "server that wants a PROXY header first; one that refuses clients without a certificate "
        "and, with TLS 1.3, says nothing; a limit of connections.",
        confirm=(
            Look(_REQUEST, "Empty reply from server, or Connection reset by peer"),
            Look(
                "journalctl -u UNIT --since -5min",
                "on the server: a crash, or what it says of the request",
            ),
        ),
        remedy="Read the log of whoever listens on this port; for a proxy, the state of its "
        "backends. If the server wants client certificates: client_cert=.",
        evidence={
            **_BYTES,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "ended": "fin or rst",
            "errno": "the system's error, for rst",
        },
        see=("RFC 9112 9.3", "RFC 9112 9.5"),
    ),
    "upgrade.session_lost": Explanation(
        messages=("{place} does not know the session that it was asked to upgrade ({status})",),
        cause=(
            "Engine.IO (Socket.IO) begins with HTTP requests, and upgrades the session that "
            "they made. The server that got the upgrade has no such session: the load balancer "
            "sent it to another one than the requests before, or the session has ended "
            "meanwhile. Polling by http has the same trouble: http.status with 400 says so."
        ),
        confirm=(
            Look(
                "curl 'https://HOST:PORT/socket.io/?EIO=4&transport=polling'", "a session: its sid"
            ),
            Look(
                "for n in 1 2 3 4 5 6; do curl -s "
                "'https://HOST:PORT/socket.io/?EIO=4&transport=polling&sid=SID'; echo; done",
                "“Session ID unknown” from some of the servers: nothing binds the session to its "
                "own",
            ),
        ),
        remedy=(
            "Switch sticky sessions on in the load balancer, share sessions between servers, "
            "or begin with transport=websocket, which needs neither."
        ),
        evidence={
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "status": "the answer's status",
            "reason": "its reason phrase",
            "headers": "its headers, in order",
            "body": "the first 512 bytes of its body",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "engine_io": "its code and message",
        },
        see=("https://socket.io/docs/v4/using-multiple-nodes/",),
    ),
    "upgrade.subprotocol_missing": Explanation(
        messages=("{place} accepted none of the subprotocols offered: {offered}",),
        cause=(
            "Subprotocols were offered, and the server answered 101 without one: it knows none "
            "of them, ignores the header, or a proxy dropped it. Browsers fail such a "
            "connection."
        ),
        confirm=(
            Look(
                f"{_REQUEST} -H 'Sec-WebSocket-Protocol: NAME'",
                "101, without Sec-WebSocket-Protocol",
            ),
            Look("wscat -c wss://HOST:PORT/PATH -s NAME", "Server sent no subprotocol"),
        ),
        remedy="Teach the server to choose one, check the spelling, or offer none.",
        evidence={
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "status": "the answer's status",
            "reason": "its reason phrase",
            "headers": "its headers, in order",
            "body": "the first 512 bytes of its body",
            "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
            "retry_after": "when to come again, as it says",
            "www_authenticate": "which credentials it wants",
            "http_version": "of the answer, if that is not 1.1",
            "offered": "what was offered",
            "selected": "what the server chose, null for nothing",
        },
        see=(
            "WHATWG WebSockets",
            "RFC 6455 4.1",
        ),
    ),
    "upgrade.http2": Explanation(
        messages=("{place} answered with HTTP/2",),
        cause=(
            "The port speaks HTTP/2 without TLS (h2c): one for gRPC, or a backend's port that "
            "a proxy is meant to use."
        ),
        confirm=(
            Look(
                "curl -sv --max-time 5 --http2-prior-knowledge http://HOST:PORT/",
                "> GET / HTTP/2, and no complaint",
            ),
        ),
        remedy="Use the port with HTTP/1.1.",
        evidence={
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "bytes_received": "bytes of an answer that came",
            "first_bytes": "the first 32 of them, in hex",
            "guess": "HTTP/2",
        },
        see=(
            "RFC 9113 3.4",
            "RFC 8441",
        ),
    ),
}
