"""``ws.*``: an open WebSocket did not behave, or ended before its time (RFC 6455)."""

from checkwire.model.failures.base import FailureCode

__all__ = ["CLOSES", "CODES"]

CLOSES = frozenset(
    {
        "ws.closed",
        "ws.draining",
        "ws.auth_expired",
        "ws.evicted",
        "ws.idle_timeout",
        "ws.lifetime_limit",
    }
)
"""What a Close frame of the server is told as. The last two may also be ends without one."""

CODES = (
    FailureCode(
        "ws.closed",
        "The server closed the connection",
        hint="The close code and reason say why; the server's log at this time says more",
        phase="close",
    ),
    FailureCode(
        "ws.closed_abnormally",
        "The connection ended without a Close frame (1006)",
        hint="A crashed process, or an idle timer or restart of a proxy: compare the silence "
        "before it with the proxy's timeouts",
        phase="open",
    ),
    FailureCode(
        "ws.protocol_error",
        "The server broke the WebSocket protocol",
        retryable=False,
        hint="The rule and the offending bytes are in the evidence",
        phase="open",
    ),
    FailureCode(
        "ws.invalid_utf8",
        "A text message or a close reason is not UTF-8",
        retryable=False,
        hint="Text frames must hold UTF-8 (RFC 6455 8.1); send such data as binary",
        phase="open",
    ),
    FailureCode(
        "ws.too_big",
        "A message is larger than the limit",
        retryable=False,
        hint="Raise max_size= if such messages are right",
        phase="open",
    ),
    FailureCode(
        "ws.bad_compression",
        "A compressed message cannot be inflated",
        retryable=False,
        hint="Try compression=False; the server's permessage-deflate is broken (RFC 7692)",
        phase="open",
    ),
    FailureCode(
        "ws.not_websocket",
        "HTTP was found inside the WebSocket stream",
        hint="A proxy on the way wrote an error page into the open connection",
        phase="open",
    ),
    FailureCode(
        "ws.no_pong",
        "A ping was not answered in time",
        hint="Its process is frozen or too busy; few servers ignore pings (RFC 6455 5.5.2)",
        phase="open",
    ),
    FailureCode(
        "ws.peer_lost",
        "The peer no longer acknowledges anything",
        blame="path",
        hint="The network path is gone, or the machine is; no FIN or RST came",
        phase="open",
    ),
    FailureCode(
        "ws.send_blocked",
        "The server stopped reading",
        hint="Its receive window is full; the process is stalled or does not read this connection",
        phase="open",
    ),
    FailureCode(
        "ws.slow_consumer",
        "The check takes its messages too slowly",
        blame="check",
        hint="While many wait for the check, nothing more is read, pongs neither: take messages as "
        "they come, in a task of their own if need be",
        phase="open",
    ),
    FailureCode(
        "ws.close_timeout",
        "The closing handshake did not finish in time",
        hint="The server did not answer the Close frame, or kept the connection open after it",
        phase="close",
    ),
    FailureCode(
        "ws.draining",
        "The server goes down, restarts, or sheds load",
        hint="Expected of a deployment: clients must connect again, after a moment. If it happens "
        "otherwise, look at what restarts the server",
        phase="close",
    ),
    FailureCode(
        "ws.auth_expired",
        "The server no longer accepts the credentials of the connection",
        hint="Connect with a fresh token, and again before it expires; or renew it on the "
        "connection if the protocol can",
        phase="close",
    ),
    FailureCode(
        "ws.evicted",
        "The server threw the check out, as it takes messages too slowly",
        blame="check",
        hint="Take messages as they come, in a task of their own if need be, or subscribe to fewer",
        phase="close",
    ),
    FailureCode(
        "ws.idle_timeout",
        "A timer ended the silent connection",
        hint="Send pings well before the timer runs out: await ws.ping()",
        phase="open",
    ),
    FailureCode(
        "ws.lifetime_limit",
        "A timer ended the connection at its age",
        hint="Connections of this service end at this age: connect again before",
        phase="open",
    ),
)
