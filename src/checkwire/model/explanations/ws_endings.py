"""``ws.*`` at length: how connections end before their time."""

from checkwire.model.explanations.base import Explanation, Look

__all__ = ["EXPLANATIONS"]

_WHEN = "[, as soon as it opened][, {time} after it opened]"
_DETAIL = "[, in the middle of a frame ({what came of it})][ and after {time} of silence]"
_LOSS = {
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
                "websocat --ping-interval 20 wss://HOST:PORT/PATH",
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
    "ws.peer_lost": Explanation(
        messages=(
            "{place} can no longer be reached ({reason}); lost without a Close frame"
            f"{_WHEN}{_DETAIL}",
            "{place} can no longer be reached ({reason}); lost instead of answering the Close frame"
            f"{_WHEN}{_DETAIL}",
            "{place} has not acknowledged a ping for {time}",
        ),
        cause="What is sent is not even acknowledged by the peer's kernel, or our kernel gave the "
        "connection up after many retransmissions. So it is not the process that is stuck: the "
        "machine is gone (power, panic, an instance that was terminated), or the path to it is "
        "(cable, VPN, a NAT or firewall that forgot the connection).\n\n"
        "Neither FIN nor RST came, so without pings nobody would ever learn of it.",
        confirm=(
            Look("ss -tnoi dst ADDRESS", "timer:(on,…) and retrans: growing, unacked: above 0"),
            Look("ping ADDRESS", "no answer, if it answers otherwise"),
            Look("mtr -n --tcp -P PORT ADDRESS", "the last hop that answers"),
        ),
        remedy="See whether the machine is up, and whether others reach it. If connections get "
        "lost after long silence, a NAT or firewall drops them from its table: send pings (every "
        "30 s will do for nearly all), or raise its timer.",
        evidence={
            **_LOSS,
            "waited_ms": "how long a ping was waited for",
            "unacknowledged_segments": "TCP segments that the peer's kernel has not acknowledged",
            "retransmits": "how often the first of them was sent again",
        },
        see=("RFC 9293 3.8.3", "RFC 6298", "tcp(7) TCP_USER_TIMEOUT"),
    ),
    "ws.close_timeout": Explanation(
        messages=(
            "{place} did not answer the Close frame within {limit}[; it had stopped reading, and "
            "{count} bytes were still to be sent]",
        ),
        cause="The check closed the connection with a Close frame, and the server did not answer "
        "with one of its own in time (5 s; 1 s for connections that the check left open). It is a "
        "warning: what was to be verified has been.\n\n"
        "Commonly: a server that ignores Close frames, or closes only once its own queue is sent; "
        "a proxy that passes them on late. If bytes were still to be sent, the server had stopped "
        "reading before.",
        confirm=(
            Look(
                "websocat -v --one-message wss://HOST:PORT/PATH",
                "given one line: it hangs in closing",
            ),
            Look(
                "tcpdump -ni any 'host HOST and tcp port PORT'",
                "our last data is acknowledged, and nothing comes back",
            ),
        ),
        remedy="Have the server answer Close frames at once; libraries do, if its handler returns "
        "and is not stuck. timeouts={'close': '1s'} makes the check wait less.",
        evidence={"unsent_bytes": "bytes that had not left this machine, if there were any"},
        see=("RFC 6455 5.5.1", "RFC 6455 7.1.2"),
    ),
}
