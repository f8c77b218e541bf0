"""``upgrade.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_OF_ANY = {
    "place": "address and port of the peer",
    "elapsed_ms": "time from the beginning of the phase to the failure",
}
_OF_BYTES = {
    **_OF_ANY,
    "bytes_received": "bytes of an answer that came",
    "first_bytes": "the first 32 of them, in hex",
}
_OF_AN_ANSWER = {
    **_OF_ANY,
    "status": "the answer's status",
    "reason": "its reason phrase",
    "headers": "its headers, in order",
    "body": "the first 512 bytes of its body",
    "answered_by": "who names itself in it: Server, Via, CF-Ray, X-Served-By and the like",
    "retry_after": "when to come again, as it says",
    "www_authenticate": "which credentials it wants",
    "http_version": "of the answer, if that is not 1.1",
}
_CHOICE = {"offered": "what was offered", "selected": "what the server chose, null for nothing"}
_OTHER = {
    "failed_as": "the code that it had before another connection was made",
    "other_protocol": "what the port answered to TLS",
    "ended": "fin or rst: how the first connection ended",
    "errno": "the operating system's number of the error",
}
_CURL = (
    "curl -iN --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' "
    "-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' URL"
)
_RULES = ("RFC 6455 4.1", "RFC 6455 4.2.2")

EXPLANATIONS = {
    "upgrade.status": Explanation(
        messages=(
            "{place} answered {status} instead of 101",
            "{place} answered {status} instead of 101 ({who})",
        ),
        cause="The server, or a proxy before it, refused the upgrade with an HTTP status. 401 and "
        "403 are about credentials and the Origin, 404 about the path, 426 about the version, 429 "
        "and 503 about load, 502 and 504 about what is behind a proxy.",
        confirm=(Look(_CURL, "the same status"),),
        remedy="The hint is that of the status; who answered is in answered_by, which tells whose "
        "log to look into.",
        evidence={
            **_OF_AN_ANSWER,
            "version_sent": "the version of the protocol that was asked for (426)",
            "version_wanted": "the versions that the server takes (426)",
        },
        see=("RFC 9110 15", *_RULES),
    ),
    "upgrade.session_lost": Explanation(
        messages=("{place} does not know the session that it was asked to upgrade ({status})",),
        cause="Engine.IO (Socket.IO) begins with HTTP requests, and upgrades the session that they "
        "made. The server that got the upgrade has no such session: the load balancer sent it to "
        "another one than the requests before, or the session has ended meanwhile.",
        confirm=(
            Look("curl 'URL/socket.io/?EIO=4&transport=polling'", "a sid; ask for it some times"),
        ),
        remedy="Switch sticky sessions on in the load balancer, share sessions between servers, or "
        "begin with transport=websocket, which needs neither.",
        evidence={**_OF_AN_ANSWER, "engine_io": "its code and message"},
        see=("https://socket.io/docs/v4/using-multiple-nodes/",),
    ),
    "upgrade.not_upgraded": Explanation(
        messages=(
            "{place} answered {status} instead of 101",
            "{place} answered {status} instead of 101 ({who})",
            "{place} answered {status} instead of 101{who}, as to any path",
        ),
        cause="The server took the request for an ordinary one. If any path gets the same page "
        "(cause: fallback), a web application answers, not the WebSocket server. If only this one "
        "does (cause: stripped), a proxy took the Upgrade header away, or nothing upgrades here.",
        confirm=(
            Look(_CURL, "200"),
            Look("curl -i URL-with-a-random-path", "the same page: a fallback"),
        ),
        remedy="For a fallback, correct the path or the proxy's route for it. Else let the proxy "
        "pass the upgrade; nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
        'proxy_set_header Connection "upgrade".',
        evidence={
            **_OF_AN_ANSWER,
            "cause": "fallback (any path gets this), stripped (only this one does) or unknown",
        },
        see=("RFC 9110 7.8", *_RULES),
    ),
    "upgrade.redirect": Explanation(
        messages=(
            "{place} redirects to {location} ({status})",
            "{place} redirects to {location} ({status}): from TLS to plain text, which is not "
            "followed",
        ),
        cause="The address has moved, a slash is missing at its end, or http is sent to https. "
        "Browsers do not follow redirects for WebSocket.",
        confirm=(Look(_CURL, "3xx and Location"),),
        remedy="Use the address that it points to; follow_redirects=True follows it all the same.",
        evidence=_OF_AN_ANSWER,
        see=("RFC 9110 15.4", "WHATWG WebSockets"),
    ),
    "upgrade.bad_accept": Explanation(
        messages=(
            "{place} sent a Sec-WebSocket-Accept that does not fit our key: {accept}",
            "{place} answered 101 with several Sec-WebSocket-Accept",
        ),
        cause="The 101 is not an answer to this request: a cache or a proxy repeats another one's, "
        "or the server computes the hash wrongly.",
        confirm=(Look(_CURL, "with this key, ICX+Yqv66kxgM0FcWaLWlFLwTAI= would be right"),),
        remedy="Keep caches away from this path; else repair the server's handshake.",
        evidence={
            **_OF_AN_ANSWER,
            "accept_expected": "what fits the key that was sent",
            "accept_received": "what came",
        },
        see=_RULES,
    ),
    "upgrade.bad_headers": Explanation(
        messages=(
            "{place} answered 101 without a proper {name} header",
            "{place} answered 101 without Sec-WebSocket-Accept",
            "{place} answered 101, but not with a valid handshake: {why}",
            "{place} answered with a line that is not HTTP: {line}",
        ),
        cause="The answer lacks what makes it one to a WebSocket handshake, or is broken: a proxy "
        "dropped headers, or the server writes them itself and forgot one.",
        confirm=(Look(_CURL, "101 without Upgrade, Connection or Sec-WebSocket-Accept"),),
        remedy="101 must come with 'Upgrade: websocket', 'Connection: Upgrade' and the right "
        "Sec-WebSocket-Accept.",
        evidence={
            **_OF_AN_ANSWER,
            **_OF_BYTES,
            "accept_expected": "what fits the key that was sent",
            "accept_received": "what came, null for nothing",
        },
        see=_RULES,
    ),
    "upgrade.subprotocol": Explanation(
        messages=("{place} chose the subprotocol {selected}; offered: {offered}",),
        cause="The server answered a subprotocol that was not offered, or several: it is fixed to "
        "one, or repeats the whole list. Browsers fail such a connection.",
        confirm=(Look(f"{_CURL} -H 'Sec-WebSocket-Protocol: NAME'", "Sec-WebSocket-Protocol"),),
        remedy="Offer the one that the server speaks, or let it choose among those offered.",
        evidence={**_OF_AN_ANSWER, **_CHOICE},
        see=("RFC 6455 4.2.2", "RFC 6455 11.3.4"),
    ),
    "upgrade.subprotocol_missing": Explanation(
        messages=("{place} accepted none of the subprotocols offered: {offered}",),
        cause="Subprotocols were offered, and the server answered 101 without one: it knows none "
        "of them, ignores the header, or a proxy dropped it. Browsers fail such a connection.",
        confirm=(Look(f"{_CURL} -H 'Sec-WebSocket-Protocol: NAME'", "no such header in the 101"),),
        remedy="Teach the server to choose one, check the spelling, or offer none.",
        evidence={**_OF_AN_ANSWER, **_CHOICE},
        see=("WHATWG WebSockets", "RFC 6455 4.1"),
    ),
    "upgrade.extension": Explanation(
        messages=("{place} negotiated extensions that were not offered: {selected}",),
        cause="The server's Sec-WebSocket-Extensions is no answer to what was offered: another "
        "extension, one twice, or parameters that are not allowed.",
        confirm=(Look(f"{_CURL} -H 'Sec-WebSocket-Extensions: permessage-deflate'", "its answer"),),
        remedy="Repair the server's negotiation; compression=False goes without.",
        evidence={**_OF_AN_ANSWER, **_CHOICE},
        see=("RFC 6455 9.1", "RFC 7692 7.1"),
    ),
    "upgrade.not_http": Explanation(
        messages=(
            "{place} did not answer with HTTP",
            "{place} did not answer with HTTP: {shown}",
            "{place} did not answer with HTTP, but with {guess}",
            "{place} did not answer with HTTP, but with {guess}: {shown}",
        ),
        cause="Another service listens on this port, or a balancer forwards to the wrong one.",
        confirm=(Look("nc HOST PORT", "its greeting"),),
        remedy="Check the port, and what the load balancer sends there.",
        evidence={**_OF_BYTES, "guess": "the protocol that the first bytes look like"},
    ),
    "upgrade.http2": Explanation(
        messages=("{place} answered with HTTP/2",),
        cause="The port speaks HTTP/2 without TLS (h2c): one for gRPC, or a backend's port that a "
        "proxy is meant to use.",
        confirm=(Look("curl -v --http2-prior-knowledge http://HOST:PORT/", "HTTP/2 is spoken"),),
        remedy="Use the port with HTTP/1.1.",
        evidence={**_OF_BYTES, "guess": "HTTP/2"},
        see=("RFC 9113 3.4", "RFC 8441"),
    ),
    "upgrade.tls_expected": Explanation(
        messages=(
            "{place} answered with a TLS record",
            "{place} speaks TLS: it answered {status} to plain HTTP",
            "{place} speaks TLS: it answered {status} to plain HTTP ({who})",
            "{place} speaks TLS ({answer}), and says nothing to those who do not",
        ),
        cause="The URL says ws:// where the port speaks wss://. Some servers say so, some answer "
        "with TLS, and some say nothing: those were asked in TLS on a second connection.",
        confirm=(Look("openssl s_client -connect HOST:PORT", "a certificate"),),
        remedy="Use wss:// instead of ws://.",
        evidence={**_OF_AN_ANSWER, **_OF_BYTES, **_OTHER},
    ),
    "upgrade.headers_too_large": Explanation(
        messages=("{place} sent more than 64 KiB of headers",),
        cause="The answer's headers do not end: cookies that pile up, or a body without the empty "
        "line before it.",
        confirm=(Look(f"{_CURL} | head -c 100000 | wc -c", "more than 65536"),),
        remedy="See which header it is, in the evidence.",
        evidence={
            **_OF_BYTES,
            "headers_seen": "lines of headers that came",
            "largest_header": "the name of the largest",
        },
    ),
    "upgrade.timeout": Explanation(
        messages=("{place} sent {got} to the upgrade request within {limit}",),
        cause="TCP (and TLS) work, and the application behind does not answer: it is blocked, "
        "waits for something itself, or the request was never passed on. If some bytes came, it "
        "stalled in the middle. A port that waits for TLS has another code: it was asked.",
        confirm=(Look(f"{_CURL} -m 10", "timed out with 0 bytes received"),),
        remedy="Look at the application: what does its handshake wait for? A proxy's own timeout "
        "would have answered 504.",
        evidence=_OF_BYTES,
    ),
    "upgrade.closed": Explanation(
        messages=("{place} {how} the connection after {got}",),
        cause="The server hung up instead of answering: a proxy without a healthy backend, a crash "
        "in the handshake, or one that expects a PROXY header before HTTP.",
        confirm=(Look(_CURL, "Empty reply from server, or Connection reset"),),
        remedy="Look at the log of the process behind the port, at the time of the check.",
        evidence={**_OF_BYTES, "ended": "fin or rst", "errno": "the system's error, for rst"},
    ),
}
