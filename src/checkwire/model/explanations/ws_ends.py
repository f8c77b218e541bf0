"""``ws.*`` at length: what a Close frame, or the time of an end, tells."""

from checkwire.model.explanations.base import ON_A_CONNECTION, Explanation, Look

__all__ = ["EXPLANATIONS"]

_CLOSED = "{place} closed the connection with {code} ({name})[ {reason}] {when}"
_LOST = "{place} {how} without a Close frame, {when}[ and after {time} of silence]"
_AWAITED = "[, while a message was awaited]"
_TOKEN = "[; the token it was opened with {had expired or was good for how long}]"
_EXPECTS = "[. The check expects {code}]"

_CODE = {
    **ON_A_CONNECTION,
    "code": "the close code",
    "reason": "the text beside it",
    "name": "what the code means, see docs/close-codes.md",
    "family": "the protocol that defines the code, if it is not a registered one",
    "candidates": "protocols that define the code, if it is not known which one is spoken",
    "reconnect": "whether a client should connect again: yes, later, no or unknown",
    "initiator": "who began to close: remote for the server, local for the check",
    "sent_code": "the code that the check sent, or answered with",
    "lifetime_ms": "how long the connection had been open",
    "idle_ms": "since a frame was sent or received, the Close frame left out",
}
_EXPIRY = {
    "token_expires_at": "when the JSON Web Token it was opened with expires, in UTC",
    "token_left_ms": "how long that was away when the connection ended; negative if it was past",
}
_TIMER = {
    "timer": "the products whose timer it may be",
    "timer_s": "seconds to which these set it, if nobody changed it",
    "measured_ms": "how long what the timer counts had lasted",
    "ended": "without a Close frame: eof (FIN) or reset (RST)",
}
_CONNECT = Look("websocat -v wss://HOST:PORT/PATH", "what comes before the Close frame, and when")
_LOG = Look("journalctl -u UNIT --since -10min", "on the server: who closed it, and why")

EXPLANATIONS = {
    "ws.closed": Explanation(
        messages=(
            f"{_CLOSED}{_AWAITED}[, in the middle of a message]{_TOKEN}{_EXPECTS}",
            "{place} answered a Close frame of {code} with {code} ({name})[ {reason}]",
        ),
        cause="The server sent a Close frame: it ended the WebSocket on purpose. A close with "
        "1000, or without a code, counts only if something was still awaited, or if it came in the "
        "middle of a message.\n\n"
        "What the code means is in the message. Codes from 4000 on are private: they mean what the "
        "protocol on top of WebSocket says. If the subprotocol or the URL tells which that is "
        "(graphql-transport-ws, Pusher, Centrifugo, Discord and others), its meaning is told; "
        "otherwise those who use the code are named as candidates.\n\n"
        "The second form is a warning: the Close frame of the check was answered with another "
        "code than its own.",
        confirm=(_CONNECT, _LOG),
        remedy="Go by code and reason, then by the server's log at this time. 1002, 1003, 1007 and "
        "1009: it did not like what the check sent. 1008, 3000, 3003, 4401 and 4403: credentials. "
        "1011: an exception on the server.\n\n"
        'If this close is what should happen: await ws.receive_close(code), or expect.failure("'
        'ws.closed").',
        evidence={**_CODE, **_EXPIRY},
        see=(
            "RFC 6455 7.4",
            "RFC 6455 5.5.1",
            "https://www.iana.org/assignments/websocket/websocket.xhtml",
        ),
    ),
    "ws.draining": Explanation(
        messages=(f"{_CLOSED}{_AWAITED}[, in the middle of a message]{_EXPECTS}",),
        cause="The server closed since it goes down (1001), restarts (1012) or has too much to do "
        "(1013), or since its protocol or its reason says so: 3001 of Centrifugo, 4200 of Pusher, "
        '"server shutting down".\n\n'
        "That is part of every deployment. Often, or at times when nothing is deployed, it is not: "
        "a process that is restarted for its memory or a failed health check, or a group of "
        "servers that is scaled up and down.",
        confirm=(
            _LOG,
            Look(
                "kubectl get events --field-selector reason=Killing",
                "pods that were ended at that time, and why",
            ),
        ),
        remedy="A client has to connect again, after a moment that is not the same for all: let "
        "the check do that, or use retries=. If nobody deployed anything, find what restarts the "
        "server.",
        evidence=_CODE,
        see=("RFC 6455 7.4.1 1001", "https://www.iana.org/assignments/websocket/websocket.xhtml"),
    ),
    "ws.auth_expired": Explanation(
        messages=(f"{_CLOSED}{_AWAITED}[, in the middle of a message]{_TOKEN}{_EXPECTS}",),
        cause="The server accepted the credentials when the connection opened, and no longer does. "
        "That is told if the reason or the protocol says so; if the code is of those for "
        "credentials (3000, 3003, 4401, 4403, or 1008 with such a reason) and the connection had "
        "been open for 10 s or more; or if the token had run out.\n\n"
        "If a JSON Web Token was sent in a header, a cookie, the subprotocols or the URL, the time "
        "it expires is compared with the time of the end. Nothing else of it is kept, and nothing "
        "of it shown.",
        confirm=(
            Look(
                'jq -rR \'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | @base64d '
                "| fromjson | .exp | todate' <<<TOKEN",
                "a time before the end of the connection",
            ),
            _LOG,
        ),
        remedy="Get a fresh token for each connection, and connect again before it expires; or "
        "renew it on the connection, if the protocol has a message for that. If the token was "
        "still good: it was revoked, or the clocks of the servers differ.",
        evidence={**_CODE, **_EXPIRY},
        see=("RFC 7519 4.1.4", "RFC 6455 7.4.1 1008"),
    ),
    "ws.evicted": Explanation(
        messages=(f"{_CLOSED}{_AWAITED}[, in the middle of a message]{_EXPECTS}",),
        cause="The server closed since this client does not take its messages fast enough: its "
        'reason says so ("slow consumer"), or its protocol (3008 of Centrifugo). Its queue for '
        "this connection was full, and a server that keeps many cannot let one grow.\n\n"
        "The check is at fault, or the machine it runs on: it waits for something else while "
        "messages come, works long on each, or has too little CPU. Where a path is slow, the "
        "server cannot tell it from a slow client.",
        confirm=(
            Look("ss -tn dst ADDRESS", "Recv-Q that is not 0: nobody reads on this machine"),
            _LOG,
        ),
        remedy="Take messages as they come, in a task of their own if need be; subscribe to less. "
        "messages_not_taken in the evidence is how many waited for the check. If it is 0, the "
        "network or the machine is too slow for them.",
        evidence={
            **_CODE,
            "messages_not_taken": "messages that had come, and that the check had not taken",
        },
        see=("RFC 6455 7.4.1 1008", "https://centrifugal.dev/docs/server/codes"),
    ),
    "ws.idle_timeout": Explanation(
        messages=(
            f"{_CLOSED}{_AWAITED}, after {{time}} of silence: "
            "{limit} is the idle timeout of {products}",
            f"{_LOST}[, after {{time}} of silence]: {{limit}} is the idle timeout of {{products}}",
        ),
        cause="The connection ended after a silence that is, to the second, the idle timeout that "
        "a known product has if nobody changed it: 60 s for nginx and the Application Load "
        "Balancer of AWS, 55 s for Heroku, 100 s for Cloudflare. All of them with their sources: "
        "docs/timers.md.\n\n"
        "Frames of either side end a silence, pings and pongs too. Some timers count only what "
        "comes from one side. TCP keepalive is no frame and restarts few of them. Some load "
        "balancers end a silent connection without a word, and answer the next frame with a reset.",
        confirm=(
            Look("websocat -v wss://HOST:PORT/PATH", "left alone, it ends after the same time"),
            Look(
                "websocat -E --ping-interval 20 wss://HOST:PORT/PATH",
                "it stays: pings keep the timer from running out",
            ),
        ),
        remedy="Send pings well before the timer runs out, from the client or from the server; the "
        "hint says how often. In a check: await ws.ping() in a task of its own, or between "
        "messages.\n\n"
        "Or raise the timer, where that is possible; the hint names the setting. Real clients meet "
        "it as this check does.",
        evidence={
            **_CODE,
            **_TIMER,
            "ping_every_s": "seconds between pings that keep it open, with one to spare",
            "lifetime_timer": "products that end a connection of that age, which it had as well",
            "errno": "the socket's error, if it was reset",
        },
        see=("RFC 6455 5.5.2", "docs/timers.md"),
    ),
    "ws.lifetime_limit": Explanation(
        messages=(
            f"{_CLOSED}{_AWAITED}: {{limit}} is as long as {{products}} lets a connection live",
            f"{_LOST}: {{limit}} is as long as {{products}} lets a connection live",
        ),
        cause="The connection ended at an age at which a known product ends all of them, whether "
        "they are used or not: 30 s for an Application Load Balancer of Google Cloud if its "
        "backend timeout was not raised, 2 h for an API Gateway of AWS, 60 min for Cloud Run. All "
        "of them with their sources: docs/timers.md.\n\n"
        "Frames were sent or received shortly before, so that no idle timer can have done it. "
        "Pings do not help.",
        confirm=(
            Look(
                "websocat -E --ping-interval 5 wss://HOST:PORT/PATH",
                "it ends at the same age, in spite of pings",
            ),
        ),
        remedy="Raise the limit, where that is possible; the hint names the setting. Otherwise "
        "every client has to connect again before, at a moment of its choice.",
        evidence={**_CODE, **_TIMER, "errno": "the socket's error, if it was reset"},
        see=("docs/timers.md",),
    ),
}
