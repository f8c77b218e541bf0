"""``timeout.*`` at length."""

from checkwire.model.explanations.base import ON_A_CONNECTION, Explanation, Look

_PING = "[. {what a ping told}]"
_SILENCE = {
    **ON_A_CONNECTION,
    "waited_ms": "how long it was waited for",
    "idle_ms": "since a frame was sent or received, Checkwire's own ping left out",
    "ping": "what became of the ping that Checkwire sent before the wait was over: answered, "
    "unanswered; none if the wait was too short for it, or ignored if the server goes on without",
    "pong_ms": "after how long it was answered",
    "ping_waited_ms": "how long its pong was waited for in vain",
    "bytes_since_ping": "bytes that came in that time",
    "acknowledged": "whether the peer's kernel acknowledged it",
    "unacknowledged_segments": "TCP segments of ours that the peer's kernel has not acknowledged; "
    "above 0, suspect the path",
    "retransmits": "segments sent again since the connection began",
    "last_ack_ms": "since the peer's kernel acknowledged anything",
    "partial_bytes": "bytes of a frame that began and did not end, if there are any",
}

EXPLANATIONS = {
    "timeout.first_message": Explanation(
        messages=(
            "{place} sent no message within {limit}; open for {time}[. {count} bytes of an "
            f"unfinished frame came]{_PING}",
        ),
        cause="The WebSocket is open, and no message has come on it at all in the time that "
        "within= gives (10 s).\n\n"
        "Commonly: the server speaks only when spoken to, and the check has sent nothing, or "
        "something that the server ignores (a subscription with a wrong name, JSON with a field "
        "too few); the backend that feeds it is down, and the front still accepts; a proxy that "
        "buffers. A frame that began and did not end: the server stalled in the middle of writing.",
        confirm=(
            Look(
                "websocat -v wss://HOST:PORT/PATH", "silence, until you type what the check sends"
            ),
            Look(
                "ss -tnoi dst ADDRESS",
                "unacked: or retrans: above 0: it is the path, not the server",
            ),
        ),
        remedy="Send what the server waits for first: a subscription, a login. If the check does, "
        "see in the server's log whether it arrived and was understood. If it is merely slow, "
        "raise within=.\n\n"
        "If the server answers the ping that Checkwire sends before the wait is over, its process "
        "runs, and the path is well: then it is what it was asked that matters.",
        evidence=_SILENCE,
        see=("RFC 6455 6.2",),
    ),
    "timeout.message": Explanation(
        messages=(
            "No further message came from {place} within {limit}; {count} before, the last frame "
            "{time} ago[. {count} bytes of an unfinished frame came]" + _PING,
        ),
        cause="Messages came before, and then no more in the time that within= gives (10 s).\n\n"
        "Commonly: the feed has dried up: the backend behind the server is down, and the server "
        "keeps its clients; the request that should have been answered was not understood; the "
        "market is closed, nothing happens that there is to tell. Since when it has been silent "
        "stands in the message.",
        confirm=(
            Look("websocat -v wss://HOST:PORT/PATH", "the same: messages, then silence"),
            Look(
                "ss -tnoi dst ADDRESS",
                "unacked: or retrans: above 0: it is the path, not the server",
            ),
        ),
        remedy="See in the transcript what came last, and what was sent after that: an error that "
        "the check skipped is often among it. Then look at what feeds the server. If silence is "
        "normal, raise within=, or take default=.",
        evidence=_SILENCE,
        see=("RFC 6455 6.2",),
    ),
    "timeout.no_match": Explanation(
        messages=(
            "{count} message came within {limit}, and it does not match {pattern}",
            "{count} messages came within {limit}, and none matches {pattern}",
        ),
        cause="Messages came, and none of them is the one that where= describes. The failure "
        "shows those that came closest, each with what differs.\n\n"
        "Commonly: the server answered with an error, which does not match; a field was renamed, "
        'or changed its type ("1" for 1); the pattern is stricter than meant: a string is the '
        "whole message, and a dict is a part of it; the right message came before the check began "
        "to wait.",
        confirm=(
            Look("websocat wss://HOST:PORT/PATH | head -n 20", "what the server really sends"),
            Look("checkwire test FILE::CHECK -vv", "every frame, with its whole payload"),
        ),
        remedy="Look at the difference shown. If it is the server's, it is what the check is for. "
        "If it is the pattern's, loosen it: a dict with fewer keys, a type in place of a value, "
        "re.compile(...) for a part of a text. Many messages that do not match: raise within=.",
        evidence={
            **_SILENCE,
            "messages": "how many came and did not match",
            "closest_frame": "the frame of the one that came closest",
            "expected": "the pattern",
        },
    ),
    "timeout.close": Explanation(
        messages=(
            "{place} did not close the connection[ with {code}] within {limit}[. {count} bytes of "
            f"an unfinished frame came]{_PING}",
        ),
        cause="The check awaits that the server closes (receive_close()), and the server kept the "
        "connection open.\n\n"
        "Commonly: a rule that should end it is not enforced: an expired token, a message that is "
        "too large, a wrong subprotocol; the server closes only after a grace time; it answered "
        "with an error message in place of closing.",
        confirm=(Look("websocat -v wss://HOST:PORT/PATH", "sent the same: it stays open"),),
        remedy="See in the transcript what the server answered in place of closing. If it does "
        "close, only later: within=.",
        evidence=_SILENCE,
        see=("RFC 6455 7.1.2",),
    ),
    "timeout.handler": Explanation(
        messages=(
            "A handler of '{event}' had not ended when the time for run() was over, and not "
            "{time} later",
        ),
        cause="The time given to ws.run() was over, and an async handler was still at work. "
        "Handlers get 2 s to end by themselves.\n\n"
        "Commonly: a handler that waits for a message or an event that never came; a loop in a "
        "handler; a request without a limit of time.",
        confirm=(Look("checkwire test FILE::CHECK -v", "what happened last before the end"),),
        remedy="Give what the handler awaits a limit of its own: within=, asyncio.timeout. Let a "
        "handler only note what came, and verify after run().",
    ),
    "timeout.check": Explanation(
        messages=(
            "The check did not finish in {limit}[; it was waiting here][; still there: {handles}]",
            "The test {name} did not end in its time of {limit}[; still there: {handles}]",
        ),
        cause="The time for the whole check (timeout=, or --timeout) was over while it had a "
        "connection open or a request under way. Where it was waiting is shown; what it had "
        "waited for before that took its part.\n\n"
        "Commonly: several waits in a row, each within its own limit, together longer than the "
        "check's; a server that talks on and on without the message that ends a loop; async for "
        "on a connection that the server never closes.",
        confirm=(
            Look(
                "checkwire test FILE::CHECK -v --timeout 5m",
                "with time enough: where it would have gone on, and how long each step takes",
            ),
        ),
        remedy="See in the steps where the time went. Give waits a within= that is well below the "
        "check's timeout, so that the failure says what did not come. If all of it is right and "
        "only slow, raise timeout=.",
        evidence={"handles": "what kept Node from ending, of a script on Node"},
    ),
}
