"""``upgrade.*``: HTTP was spoken, but the connection did not become a WebSocket (RFC 6455 4.1)."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "upgrade.status",
        "The server answered with another HTTP status than 101",
        hint="The status says who refused and why; headers and body are in the evidence",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.session_lost",
        "The server does not know the session that was to be upgraded",
        hint="The load balancer sent the upgrade to another server than the session's: it needs "
        "sticky sessions, or the client must begin with transport=websocket",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.not_upgraded",
        "The server answered 2xx instead of switching protocols",
        retryable=False,
        hint="A proxy strips the Upgrade header, or the path is served by a web application",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.redirect",
        "The server redirects",
        retryable=False,
        hint="Use the address it points to. Browsers do not follow redirects for WebSocket; "
        "follow_redirects=True does",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.bad_accept",
        "Sec-WebSocket-Accept is wrong",
        retryable=False,
        hint="The answer is not to this request: a cache or a broken server sent it",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.bad_headers",
        "The response lacks what a WebSocket handshake needs",
        retryable=False,
        hint="101 must come with 'Upgrade: websocket' and 'Connection: Upgrade' (RFC 6455 4.2.2)",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.subprotocol",
        "The server chose a subprotocol that was not offered",
        retryable=False,
        hint="Browsers close such a connection. Check the names in subprotocols= and the server's",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.subprotocol_missing",
        "The server accepted none of the subprotocols",
        retryable=False,
        hint="Browsers fail such a connection. The server must answer one of those in "
        "subprotocols=, or they are to be left out",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.extension",
        "The server negotiated an extension wrongly",
        retryable=False,
        hint="Try compression=False; the server's Sec-WebSocket-Extensions is in the evidence",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.not_http",
        "The answer is not HTTP",
        retryable=False,
        hint="Another service listens on this port; its first bytes are in the evidence",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.http2",
        "The port speaks HTTP/2 without TLS",
        retryable=False,
        hint="It is a port for gRPC or h2c; use the server's HTTP/1.1 port",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.tls_expected",
        "The port speaks TLS",
        retryable=False,
        hint="Use wss:// instead of ws://",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.headers_too_large",
        "The response's headers are too large",
        retryable=False,
        hint="The limit is 64 KiB for status line and headers together",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.timeout",
        "The server did not answer the upgrade request in time",
        hint="TCP (and TLS) work, so the application behind is stalled; bytes received are counted",
        phase="upgrade",
    ),
    FailureCode(
        "upgrade.closed",
        "The server closed the connection instead of answering",
        hint="A proxy without a healthy backend, or a server that expects TLS or a PROXY header",
        phase="upgrade",
    ),
)
