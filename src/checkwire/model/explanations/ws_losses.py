"""``ws.*`` at length: connections that end without a Close frame."""

from checkwire.model.explanations.base import ON_A_CONNECTION, Explanation, Look

__all__ = ["EXPLANATIONS"]

_WHEN = "[, as soon as it opened][, {time} after it opened]"
_DETAIL = "[, in the middle of a frame ({what came of it})][ and after {time} of silence]"
_LOSS = {
    **ON_A_CONNECTION,
    "ended": "eof (FIN), reset (RST), tls (the end came inside TLS), truncated (in the middle of "
    "a frame) or lost (the path is gone)",
    "code": "1006, which stands for a connection that ended so",
    "lifetime_ms": "how long it had been open",
    "idle_ms": "since a frame was sent or received",
    "errno": "the socket's error, if it broke",
    "initiator": "who began to close: remote for the server, local for the check",
    "sent_code": "the code of the check's own Close frame, if it had sent one",
    "openssl": "OpenSSL's name for the error, if TLS broke",
    "partial_bytes": "bytes that had come of a frame that is not complete",
}

EXPLANATIONS = {
    "ws.closed_abnormally": Explanation(
        messages=tuple(
            f"{{place}} {{how it ended}} {without}{_WHEN}{_DETAIL}"
            for without in ("without a Close frame", "instead of answering the Close frame")
        ),
        cause="The connection ended, and nobody said goodbye: no Close frame came. Browsers "
        "report this as 1006.\n\n"
        "Ended is FIN: a program ended TCP in good order, most often a proxy whose idle timer ran "
        "out (the silence is in the message: 60 s is nginx and AWS ALB, 55 s Heroku, 100 s "
        "Cloudflare, 350 s AWS NLB), or one that was reloaded. Reset is RST: the process crashed "
        "or was killed, or a middlebox forgot the connection. In the middle of a frame: the "
        "server died while it wrote, or somebody cut at a limit of bytes or time.",
        confirm=(
            Look(
                "websocat -v wss://HOST:PORT/PATH",
                "left alone: it ends after the same silence: a timer",
            ),
            Look(
                "websocat -E --ping-interval 20 wss://HOST:PORT/PATH",
                "it stays: pings keep the timer from running out",
            ),
            Look(
                "tcpdump -ni any 'host HOST and tcp port PORT'",
                "who ends it: [F.] or [R.], and from which side",
            ),
        ),
        remedy="If the silence before is always the same, it is a timer: raise it (nginx "
        "proxy_read_timeout, ALB idle timeout), or have server or client send pings more often "
        "than that. If it is not, look for a crash, a kill for want of memory, or a deployment at "
        "this time in the server's log.",
        evidence=_LOSS,
        see=("RFC 6455 7.1.5", "RFC 6455 7.1.1"),
    ),
}
