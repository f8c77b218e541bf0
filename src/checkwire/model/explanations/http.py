"""``http.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_READ = {
    "bytes_received": "how many bytes of an answer came",
    "status": "the status, if it was read",
    "content_length": "what the answer says of the size of its body",
    "first_bytes": "the first bytes that came, in hex, if they were no status line yet",
}
_ANSWER = {
    "request": "method and target of the request",
    "status": "the status of the answer",
    "reason": "the words beside it",
}

EXPLANATIONS = {
    "http.timeout": Explanation(
        messages=(
            "{place} did not answer {request} within {limit}",
            "{place} sent only {part} of its answer to {request} within {limit}",
            "{place} did not read the request {request} within {limit}; {count} of {count} bytes "
            "are unsent",
        ),
        cause="The connection stands, and the request was not answered whole in the time that it "
        "has: timeout=, for everything from the look-up to the last byte of the body.\n\n"
        "Nothing came: the application is stalled, or waits for something of its own. A part "
        "came: it stalled while it answered, or the body is one that never ends (an event "
        "stream). The request was not read: the server takes no more of the body.",
        confirm=(
            Look(
                "curl -v --max-time 30 https://HOST:PORT/PATH",
                "how long it takes, and where it stops",
            ),
            Look(
                "curl -so /dev/null -w '%{time_connect} %{time_starttransfer} %{time_total}\\n' "
                "https://HOST:PORT/PATH",
                "seconds until connected, until the first byte, until the last",
            ),
        ),
        remedy="Look at the application and at what it waits for. If it is merely slow, raise "
        "timeout=. For server-sent events and the like, http is not meant: it reads whole answers.",
        evidence={
            **_READ,
            "timeout": "seconds that the request had",
            "bytes_unsent": "bytes of the request that had not left",
        },
        see=("RFC 9110 15.5.9", "RFC 9112 9.5"),
    ),
    "http.closed": Explanation(
        messages=(
            "{place} closed the connection without answering {request}",
            "{place} closed the connection after {part} of its answer to {request}",
            "The connection to {place} was reset {after} of the answer to {request}",
            "The connection to {place} broke {after} of the answer to {request}: {reason}",
        ),
        cause="The connection ended before the answer was whole. Closed is FIN: a program ended "
        "it in good order. Reset is RST: a crash, a kill, or data that the server had not "
        "read.\n\n"
        "Commonly: a worker that crashes on this request; a proxy without a healthy backend; a "
        "server that expects TLS on this port; a body that is shorter than its Content-Length "
        "says.",
        confirm=(
            Look(
                "curl -v https://HOST:PORT/PATH",
                "(52) Empty reply from server, (56) Recv failure, or (18) transfer closed with "
                "bytes remaining",
            ),
            Look("journalctl -u UNIT --since -5min", "on the server: a crash at this time"),
        ),
        remedy="Read the log of whoever listens on this port. If it is one request among many on "
        "an old connection, the server's keep-alive timer may have run out just then: a retry "
        "helps.",
        evidence={
            "error": "what a script on Node is told of it",
            **_READ,
            "errno": "the socket's error, if it broke",
        },
        see=("RFC 9112 8", "RFC 9112 9.3.1"),
    ),
    "http.protocol": Explanation(
        messages=(
            "The answer of {place} to {request} is not valid HTTP: {reason}[ ({start})]",
            "{place} answered {request} with a TLS record",
            "{url} redirects to what cannot be requested: {reason}",
        ),
        cause="What came is not an HTTP/1.1 response, or breaks its rules: a status line or a "
        "header that is none, two Content-Lengths that differ, a chunk without a size, a body "
        "that is not compressed as its Content-Encoding says. Or a redirect points to something "
        "that is no HTTP address.\n\n"
        "Commonly: another service on this port; http:// for a port with TLS; an application that "
        "writes HTTP by hand.",
        confirm=(
            Look(
                "curl -v --http1.1 https://HOST:PORT/PATH",
                "(1) Received HTTP/0.9, (8) weird server reply, (61) unrecognized content encoding",
            ),
            Look(
                "printf 'GET /PATH HTTP/1.1\\r\\nHost: HOST\\r\\nConnection: close\\r\\n\\r\\n' | "
                "nc HOST PORT | head -c 300 | xxd",
                "the bytes as they are, without TLS",
            ),
        ),
        remedy="Correct the port or the scheme. Otherwise repair the server; what is invalid "
        "stands in the message.",
        evidence={
            **_READ,
            "request": "of a redirect: method and target",
            "location": "of a redirect: where it points",
        },
        see=("RFC 9112 2.1", "RFC 9112 6", "RFC 9110 15.4"),
    ),
    "http.too_large": Explanation(
        messages=(
            "The answer of {place} to {request} is larger than {limit}[: {reason}]",
            "The answer of {place} to {request} has too many headers",
        ),
        cause="The body, after decompression, is larger than max_size= (10 MiB), or status line "
        "and headers are larger than 64 KiB. What Content-Length says is enough to refuse it.",
        confirm=(
            Look("curl -s --compressed https://HOST:PORT/PATH | wc -c", "the size of the body"),
            Look(
                "curl -sI https://HOST:PORT/PATH", "Content-Length, and how many headers there are"
            ),
        ),
        remedy="If such a body is right, raise max_size=. Otherwise ask for less of it, with a "
        "query for a page or a filter.",
        evidence=_READ,
        see=("RFC 9110 8.6",),
    ),
    "http.too_many_redirects": Explanation(
        messages=("{url} leads through more than {count} redirects[ in a circle]",),
        cause="One redirect led to the next, more often than follow_redirects= allows (True: "
        "10).\n\n"
        "In a circle: a login that is missing sends to a page that sends back; http and https "
        "send to each other, since the server behind a proxy that ends TLS believes that the "
        "request was plain; a cookie that the server sets and never gets back.",
        confirm=(
            Look(
                "curl -sIL --max-redirs 10 https://HOST:PORT/PATH | grep -iE '^(HTTP|location)'",
                "the way it goes",
            ),
        ),
        remedy="Look where the circle closes. For http and https: the proxy must send "
        "X-Forwarded-Proto, and the server heed it. For a login: log in first, in an "
        "http.session(), which keeps cookies.",
        evidence={"urls": "the addresses, in order"},
        see=("RFC 9110 15.4",),
    ),
    "http.insecure_redirect": Explanation(
        messages=(
            "{url} redirects from TLS to plain text, {url}: a request with {what} is not made "
            "again there",
        ),
        cause="The answer to an https:// request points to http://, and the request carries "
        "credentials or a body, which everybody on the way could read there. Checkwire does not "
        "make it.\n\n"
        "Commonly: a proxy ends TLS, and the server behind it builds its redirects for plain HTTP.",
        confirm=(Look("curl -sI https://HOST:PORT/PATH", "Location: http://…"),),
        remedy="Have the proxy send X-Forwarded-Proto: https, and the server use it. If the plain "
        "address is meant, request it in the check itself.",
        see=("RFC 9110 15.4",),
    ),
    "http.status": Explanation(
        messages=("{request} was answered with {status}[, a redirect to {url}]",),
        cause="raise_for_status() found another status than 2xx. The failure shows the beginning "
        "of the body, in which the server often says why.\n\n"
        "- 400: the request is not understood; from Engine.IO with “Session ID unknown”, the load "
        "balancer sent it to another server than those before.\n"
        "- 401, 403: credentials are missing, expired, or not enough.\n"
        "- 404: the path, or the proxy's routes.\n"
        "- 429: too many requests.\n"
        "- 500: the application's own error.\n"
        "- 502, 503, 504: a proxy answered; its backend is down, overloaded or too slow.\n"
        "- 3xx: redirects are followed only with follow_redirects=True.",
        confirm=(Look("curl -i https://HOST:PORT/PATH", "the same status, with headers and body"),),
        remedy="Go by the status and the body, then by the log of whoever answered (Server, Via). "
        "If this status is right, compare it: assert reply.status == 404.",
        evidence=_ANSWER,
        see=("RFC 9110 15",),
    ),
    "http.invalid_json": Explanation(
        messages=("The answer to {request} is not JSON: {reason} ({kind})",),
        cause="json() took a body that is not JSON. Status and Content-Type stand at the end of "
        "the sentence; the caret or the body shows what came.\n\n"
        "Commonly: an error page or a login page in HTML, with status 200 or another; an empty "
        "body (204); a body that is compressed in a way that was not asked for.",
        confirm=(
            Look("curl -s https://HOST:PORT/PATH | jq .", "parse error, with its place"),
            Look("curl -sI https://HOST:PORT/PATH", "Content-Type: text/html"),
        ),
        remedy="Call raise_for_status() before json(): then a status says what is wrong. If the "
        "status is 200, the server answers with a page in place of JSON: see path, login, and the "
        "Accept header.",
        evidence={
            **_ANSWER,
            "content_type": "its Content-Type",
            "size": "bytes of its body",
            "body": "the beginning of its body, if it is text",
        },
        see=("RFC 8259 2",),
    ),
}
