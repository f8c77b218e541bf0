"""``ws.*`` at length: a peer that does not answer, or does not read."""

from checkwire.model.explanations.base import ON_A_CONNECTION, Explanation, Look

__all__ = ["EXPLANATIONS"]

_PING = {
    **ON_A_CONNECTION,
    "waited_ms": "how long was waited",
    "idle_ms": "since a frame was sent or received, Checkwire's own ping left out",
    "ping": "what became of Checkwire's own ping, if it sent one: answered, unanswered",
    "ping_waited_ms": "how long its pong was waited for",
    "acknowledged": "whether the peer's kernel acknowledged the ping",
    "unacknowledged_segments": "TCP segments that the peer's kernel has not acknowledged",
    "retransmits": "segments sent again since the connection began",
    "last_ack_ms": "since the peer's kernel acknowledged anything",
    "partial_bytes": "bytes of a frame that is not complete, if there are any",
}

EXPLANATIONS = {
    "ws.no_pong": Explanation(
        messages=(
            "{place} did not answer a ping within {limit}[, though its kernel acknowledged it]",
            "{place} did not {what was awaited} within {limit}, and did not answer a ping sent "
            "{time} before its end either[, though {whose} kernel acknowledged it]",
            "{place} sent no[ further] message within {limit}, and did not answer a ping sent "
            "{time} before its end either[, though {whose} kernel acknowledged it]",
        ),
        cause="A ping was sent, by the check or by Checkwire in the last part of a wait, and no "
        "pong came in time, though the connection is open. A WebSocket server answers pings by "
        "itself, so its process does not run: it is stopped, swapped out, in a long garbage "
        "collection, or its event loop is blocked by something that does not yield. The kernel of "
        "its machine still acknowledges what it is sent; if it did not, this would be "
        "ws.peer_lost.",
        confirm=(
            Look(
                "websocat -E --ping-interval 5 --ping-timeout 10 wss://HOST:PORT/PATH",
                "Closing WebSocket connection due to ping timeout",
            ),
            Look("ss -tnoi dst ADDRESS", "no timer:(on,…): all is acknowledged"),
            Look(
                "ps -o pid,stat,wchan -p PID", "on the server: T (stopped) or D (waits for a disk)"
            ),
        ),
        remedy="Look at the server's process at that time: CPU, garbage collection, calls that "
        "block its event loop. A few servers do not answer pings at all; then leave ws.ping() "
        "out, ask the application something, and give probe=False.",
        evidence=_PING,
        see=("RFC 6455 5.5.2", "RFC 6455 5.5.3"),
    ),
    "ws.peer_lost": Explanation(
        messages=(
            "{place} can no longer be reached ({reason}); lost without a Close frame, {when}",
            "{place} can no longer be reached ({reason}); lost instead of answering the Close "
            "frame, {when}",
            "{place} has not acknowledged a ping for {time}[; it cannot leave this machine]",
            "{place} has acknowledged nothing for {time}; {count} bytes wait to be sent",
            "{place} did not {what was awaited} within {limit}, and {whose} kernel acknowledges "
            "nothing any more: not a ping sent {time} before",
            "{place} sent no[ further] message within {limit}, and {whose} kernel acknowledges "
            "nothing any more: not a ping sent {time} before",
            "{place} did not {what was awaited} within {limit}, and nothing can be sent to it any "
            "more: not a ping of {time} before",
            "{place} sent no[ further] message within {limit}, and nothing can be sent to it any "
            "more: not a ping of {time} before",
        ),
        cause="What is sent is not even acknowledged by the peer's kernel, or our kernel gave the "
        "connection up after many retransmissions. So it is not the process that is stuck: the "
        "machine is gone (power, panic, an instance that was terminated), or the path to it is "
        "(cable, VPN, a NAT or firewall that forgot the connection). If nothing can be sent any "
        "more, the way is gone from this machine on: a route or an address was taken away.\n\n"
        "Neither FIN nor RST came, so without pings nobody would ever learn of it.",
        confirm=(
            Look("ip route get ADDRESS", "Network is unreachable: this machine has no way there"),
            Look("ss -tnoi dst ADDRESS", "timer:(on,…) and retrans: growing, unacked: above 0"),
            Look("mtr -n --tcp -P PORT ADDRESS", "the last hop that answers"),
        ),
        remedy="See whether the machine is up, and whether others reach it. If connections get "
        "lost after long silence, a NAT or firewall drops them from its table: send pings (every "
        "30 s will do for nearly all), or raise its timer.",
        evidence={
            **_PING,
            "ended": "lost, if our kernel gave the connection up",
            "code": "1006: there was no Close frame",
            "initiator": "who began to close: remote for the server, local for the check",
            "errno": "what our kernel says",
            "unsent_bytes": "bytes that have not left this machine",
        },
        see=("RFC 9293 3.8.3", "RFC 6298", "tcp(7) TCP_USER_TIMEOUT"),
    ),
    "ws.send_blocked": Explanation(
        messages=(
            "{place} did not {what was awaited} within {limit}, and has read nothing for {time} "
            "either; {count} bytes wait to be sent",
            "{place} sent no[ further] message within {limit}, and has read nothing for {time} "
            "either; {count} bytes wait to be sent",
            "{place} has read nothing for {time}; {count} bytes wait to be sent",
            "{place} has read only {count} bytes within {time}; a ping has not left yet, behind "
            "{count} bytes that wait to be sent",
        ),
        cause="The check sends, and the server takes nothing: its receive window is full, since "
        "its process does not read this connection.\n\n"
        "Commonly: a server that handles one message after the other and is stuck in one; one "
        "that first wants to send and waits for us; a process that is stopped or overloaded. With "
        "few bytes sent the kernels' buffers hide it: it shows once some hundred kilobytes are "
        "under way.",
        confirm=(
            Look("ss -tnoi dst ADDRESS", "Send-Q above 0 and not shrinking, timer:(persist,…)"),
            Look(
                "ss -tn 'sport = :PORT'",
                "on the server: Recv-Q above 0: data that the process has not read",
            ),
        ),
        remedy="Look at what the server's handler does at that time. If it only reads slowly: "
        "send less at a time, or timeouts={'send': '30s'}.",
        evidence={
            **_PING,
            "unsent_bytes": "bytes that have not left this machine",
        },
        see=("RFC 9293 3.8.6",),
    ),
    "ws.slow_consumer": Explanation(
        messages=(
            "No pong of {place} could be read within {limit}: {count} messages wait for the check "
            "to take them",
            "{place} has read nothing for {time}: {count} messages wait for the check to take them",
        ),
        cause="The check does not take the messages that come. Checkwire keeps 1,024 of them, or "
        "16 MiB, and then stops reading, so that memory has a bound; from then on pongs are not "
        "read either, and a server that waits for us to read does not read itself.\n\n"
        "Commonly: a check that only sends, on a connection where the server talks all the time; "
        "work between two receive() that takes long; a blocking call (time.sleep) in an async "
        "check.",
        confirm=(Look("ss -tnp dst ADDRESS", "here: Recv-Q above 0 while the check waits"),),
        remedy="Take messages as they come, in a task of its own if need be: async for message in "
        "ws. With run() and handlers, end each handler quickly. max_queue= makes the queue longer.",
        evidence={
            **_PING,
            "messages_not_taken": "messages that came and wait for the check",
            "unsent_bytes": "bytes that have not left this machine",
        },
        see=("RFC 9293 3.8.6",),
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
                "time wscat -c wss://HOST:PORT/PATH -x hello -w 1",
                "31 s in place of one: it waits 30 s for the answer to its Close frame",
            ),
            Look(
                "tcpdump -ni any 'host HOST and tcp port PORT'",
                "our last data is acknowledged, and nothing comes back",
            ),
        ),
        remedy="Have the server answer Close frames at once; libraries do, if its handler returns "
        "and is not stuck. timeouts={'close': '1s'} makes the check wait less.",
        evidence={
            **ON_A_CONNECTION,
            "unsent_bytes": "bytes that had not left this machine, if there were any",
        },
        see=("RFC 6455 5.5.1", "RFC 6455 7.1.2"),
    ),
}
