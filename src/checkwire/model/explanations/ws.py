"""``ws.*`` at length; how connections end is in a file of its own."""

from checkwire.model.explanations import ws_endings, ws_ends
from checkwire.model.explanations.base import Explanation, Look

_WAITED = "how long it was waited for"
_RETRANSMITS = "how often the first segment that is not acknowledged was sent again"
_READ = {
    "frames_before": "how many frames had been received before",
    "read": "the first 32 bytes of the read in which it was found, in hex; a read may hold "
    "several frames",
}

EXPLANATIONS = {
    **ws_ends.EXPLANATIONS,
    "ws.closed_abnormally": ws_endings.EXPLANATIONS["ws.closed_abnormally"],
    "ws.protocol_error": Explanation(
        messages=("{place} broke the protocol: {rule}[ (RFC {section})]",),
        cause="The server sent a frame that the protocol forbids; the rule and its section are in "
        "the message. Checkwire answers with 1002 and ends, as browsers do.\n\n"
        "Commonly: a server that writes frames by hand (masking them, or wrong lengths: what "
        "follows is then read as frames); two threads that write to one connection at a time, so "
        "that frames get mixed up; a proxy that puts something of its own into the stream; "
        "compressed frames (RSV1) though no compression was agreed on.",
        confirm=(
            Look("websocat -v wss://HOST:PORT/PATH", "WebSocketError, with the same complaint"),
            Look(
                "tcpdump -ni any -X 'host HOST and tcp port PORT'",
                "ws:// only: the bytes of the frames",
            ),
        ),
        remedy="Compare the bytes in the evidence with the rule. If it happens only under load, "
        "look for writes that are not serialized. compression=False tells whether compression has "
        "to do with it.",
        evidence={**_READ, "rule": "the parser's name for the rule"},
        see=("RFC 6455 5.2", "RFC 6455 5.4", "RFC 6455 5.5", "RFC 6455 7.4"),
    ),
    "ws.invalid_utf8": Explanation(
        messages=(
            "{place} sent text that is not UTF-8: {reason} at byte {offset} (RFC 6455 8.1)",
            "{place} sent a Close frame whose reason is not UTF-8: {reason} at byte {offset} of "
            "it (RFC 6455 5.5.1)",
        ),
        cause="A text message, or the reason in a Close frame, holds bytes that are no UTF-8. A "
        "client must end the connection then, with 1007.\n\n"
        "Commonly: binary data sent as text; text in Latin-1 or another encoding; text cut at a "
        "number of bytes, in the middle of a character (close reasons are cut at 123 bytes); JSON "
        "of a serializer that writes raw bytes.",
        confirm=(
            Look("websocat -v wss://HOST:PORT/PATH", "it ends with an error about UTF-8"),
            Look(
                "echo 'READ IN HEX' | xxd -r -p | iconv -f utf-8 -t utf-8",
                "illegal input sequence at position …",
            ),
        ),
        remedy="Send binary as binary. Encode text as UTF-8, and cut it between characters.",
        evidence={
            **_READ,
            "offset": "the first byte that does not fit, from 0, in the message or reason",
            "reason": "of a Close frame: its reason as it came, in hex",
        },
        see=("RFC 6455 8.1", "RFC 6455 5.5.1"),
    ),
    "ws.too_big": Explanation(
        messages=("{place} sent a message[ of {size} bytes,] over the limit of {limit} bytes",),
        cause="A message is larger than the check allows: 16 MiB, or what max_size= says. It "
        "counts after decompression, and was refused with 1009 before memory was taken for it.\n\n"
        "Commonly: a snapshot that grew with the data behind it; a list without a limit of its "
        "own; a small compressed message that inflates to very much.",
        confirm=(
            Look("websocat -B 100000000 wss://HOST:PORT/PATH | wc -c", "how much one message has"),
        ),
        remedy="If such messages are right, raise max_size= (bytes; None for no limit). If not, "
        "have the server send them in parts. Other clients have limits too: 1 MiB in many "
        "libraries.",
        evidence={
            "limit": "bytes allowed",
            "size": "bytes that it has, or has at least; null if that is not known",
        },
        see=("RFC 6455 7.4.1 1009", "RFC 6455 10.4"),
    ),
    "ws.bad_compression": Explanation(
        messages=("{place} sent a compressed message that cannot be inflated (RFC 7692)",),
        cause="permessage-deflate was agreed on, a message came marked as compressed, and it is "
        "not valid DEFLATE.\n\n"
        "Commonly: a server that keeps its compression context over messages though "
        "server_no_context_takeover was agreed on, or the reverse; a connection that is "
        "compressed by two threads at a time; a proxy that touches payloads; plain data with RSV1 "
        "set.",
        confirm=(
            Look(
                "wscat -c wss://HOST:PORT/PATH",
                "it ends with 1002 or invalid distance, where the server compresses",
            ),
        ),
        remedy="compression=False: if that works, the server's permessage-deflate is broken. "
        "Update its library, or switch compression off there.",
        evidence=_READ,
        see=("RFC 7692 7.2.2", "RFC 7692 7.1.1"),
    ),
    "ws.not_websocket": Explanation(
        messages=("{place} sent HTTP inside the open WebSocket: {line}",),
        cause="Where a frame should begin, the text of an HTTP response came, within the "
        "connection that was a WebSocket already. A server does not do that; a proxy on the way "
        "does.\n\n"
        "Commonly: a proxy whose timer for the response ran out (HTTP/1.1 504), or whose backend "
        "went away (502), and which writes its error page into a connection that it still takes "
        "for a request.",
        confirm=(
            Look(
                "websocat -v wss://HOST:PORT/PATH",
                "it complains of reserved bits: “HTTP” read as a frame",
            ),
        ),
        remedy="The Server header in the evidence says who wrote it. Raise that proxy's timeout, "
        "and let it know that this is a WebSocket, so that it passes bytes through after 101.",
        evidence={"first_bytes": "the beginning of the response, as text, up to 512 bytes"},
        see=("RFC 6455 5.2", "RFC 9110 7.8"),
    ),
    "ws.no_pong": Explanation(
        messages=(
            "{place} did not answer a ping within {limit}[, though its kernel acknowledged it]",
        ),
        cause="A ping was sent, and no pong came in time, though the connection is open. A "
        "WebSocket server answers pings by itself, so its process does not run: it is stopped, "
        "swapped out, in a long garbage collection, or its event loop is blocked by something "
        "that does not yield. The kernel of its machine still acknowledges what it is sent; if it "
        "did not, this would be ws.peer_lost.",
        confirm=(
            Look(
                "websocat --ping-interval 5 --ping-timeout 10 wss://HOST:PORT/PATH",
                "it ends after the timeout",
            ),
            Look("ss -tnoi dst ADDRESS", "no timer:(on,…): all is acknowledged"),
            Look(
                "ps -o pid,stat,wchan -p PID", "on the server: T (stopped) or D (waits for a disk)"
            ),
        ),
        remedy="Look at the server's process at that time: CPU, garbage collection, calls that "
        "block its event loop. A few servers do not answer pings at all; then leave ws.ping() "
        "out, and ask the application something.",
        evidence={"waited_ms": _WAITED},
        see=("RFC 6455 5.5.2", "RFC 6455 5.5.3"),
    ),
    "ws.peer_lost": ws_endings.EXPLANATIONS["ws.peer_lost"],
    "ws.send_blocked": Explanation(
        messages=(
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
            "waited_ms": _WAITED,
            "unsent_bytes": "bytes that have not left this machine",
            "retransmits": _RETRANSMITS,
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
            "waited_ms": _WAITED,
            "messages_not_taken": "messages that came and wait for the check",
            "unsent_bytes": "bytes that have not left this machine",
            "retransmits": _RETRANSMITS,
        },
        see=("RFC 9293 3.8.6",),
    ),
    "ws.close_timeout": ws_endings.EXPLANATIONS["ws.close_timeout"],
}
