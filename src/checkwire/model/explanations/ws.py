"""``ws.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

EXPLANATIONS = {
    "ws.no_pong": Explanation(
        messages=("no pong from {place} within {limit}: {why}",),
        cause="A ping was sent, and no pong came in time, though the connection is open. A "
        "WebSocket server answers pings by itself, so its process does not run: it is stopped, "
        "swapped out, in a long garbage collection, or its event loop is blocked by something "
        "that does not yield. The kernel of its machine still acknowledges what it is sent; if it "
        "did not, this would be ws.peer_lost.",
        confirm=(
            Look("websocat --ping-interval 5 --ping-timeout 5 URL", "it ends after the timeout"),
            Look("ss -tno state established dst HOST", "no retransmissions (no timer:(on,...))"),
            Look("ps -o pid,stat,wchan -p PID", "on the server: T (stopped) or D (waits for disk)"),
        ),
        remedy="Look at the server's event loop at that time: CPU, garbage collection, calls that "
        "block. Pings every few seconds find it sooner than silence does.",
        evidence={
            "waited_ms": "how long the ping was waited for",
            "unacknowledged_segments": "TCP segments that the peer's kernel has not acknowledged",
        },
        see=("RFC 6455 5.5.2", "RFC 6455 5.5.3"),
    ),
}
