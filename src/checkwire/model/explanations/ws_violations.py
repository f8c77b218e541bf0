"""``ws.*`` at length: what a server must not send."""

from checkwire.model.explanations.base import ON_A_CONNECTION, Explanation, Look

__all__ = ["EXPLANATIONS"]

_FRAME = {
    "error": "what the library of a script on Node calls it",
    **ON_A_CONNECTION,
    "frame_bytes": "the first 32 bytes of the frame that broke it, in hex",
    "frame_offset": "where it begins in what the server sent after the upgrade, from 0",
    "frames_before": "how many frames there were before, in both directions",
    "section": "of the RFC",
}

EXPLANATIONS = {
    "ws.protocol_error": Explanation(
        messages=("{place} broke the protocol: {rule}[ ({section})]",),
        cause="The server sent a frame that the protocol forbids; the rule and its section are in "
        "the message. Checkwire answers with 1002 and ends, as browsers do.\n\n"
        "Commonly: a server that writes frames by hand (masking them; wrong lengths, so that what "
        "follows is read as frames; lengths in more bytes than they need); two threads that write "
        "to one connection at a time, so that frames get mixed up; a proxy that puts something of "
        "its own into the stream; compressed frames (RSV1) though no compression was agreed on.",
        confirm=(
            Look(
                "wscat -c wss://HOST:PORT/PATH",
                "Invalid WebSocket frame, and the rule: MASK must be clear, RSV1 must be clear; of "
                "lengths it is less strict than browsers",
            ),
            Look(
                "tcpdump -ni any -X 'host HOST and tcp port PORT'",
                "ws:// only: the bytes of the frames",
            ),
        ),
        remedy="Compare the bytes in the evidence with the rule. If it happens only under load, "
        "look for writes that are not serialized. compression=False tells whether compression has "
        "to do with it.",
        evidence={**_FRAME, "rule": "the parser's name for the rule"},
        see=("RFC 6455 5.2", "RFC 6455 5.4", "RFC 6455 5.5", "RFC 6455 7.4"),
    ),
    "ws.invalid_utf8": Explanation(
        messages=(
            "{place} sent text that is not UTF-8[: {reason} at byte {offset}] (RFC 6455 8.1)",
            "{place} sent a Close frame whose reason is not UTF-8: {reason} at byte {offset} of "
            "it (RFC 6455 5.5.1)",
        ),
        cause="A text message, or the reason in a Close frame, holds bytes that are no UTF-8. A "
        "client must end the connection then, with 1007.\n\n"
        "Commonly: binary data sent as text; text in Latin-1 or another encoding; text cut at a "
        "number of bytes, in the middle of a character (close reasons are cut at 123 bytes); JSON "
        "of a serializer that writes raw bytes.",
        confirm=(
            Look(
                "wscat -c wss://HOST:PORT/PATH", "Invalid WebSocket frame: invalid UTF-8 sequence"
            ),
            Look(
                "echo 'BYTES IN HEX' | xxd -r -p | iconv -f utf-8 -t utf-8",
                "illegal input sequence at position …",
            ),
        ),
        remedy="Send binary as binary. Encode text as UTF-8, and cut it between characters.",
        evidence={
            **_FRAME,
            "offset": "the first byte that does not fit, from 0, in the message or reason",
            "reason": "of a Close frame: its reason as it came, in hex",
        },
        see=("RFC 6455 8.1", "RFC 6455 5.5.1"),
    ),
    "ws.too_big": Explanation(
        messages=(
            "{place} sent a message[ of {size} bytes,] over the limit of {limit} bytes",
            "{place} sent a message that is larger than the script takes: {reason}",
        ),
        cause="A message is larger than the check allows: 16 MiB, or what max_size= says. It "
        "counts after decompression, and was refused with 1009 before memory was taken for it.\n\n"
        "Commonly: a snapshot that grew with the data behind it; a list without a limit of its "
        "own; a small compressed message that inflates to very much.",
        confirm=(
            Look("websocat -B 100000000 wss://HOST:PORT/PATH | wc -c", "how much one message has"),
        ),
        remedy="If such messages are right, raise max_size= (bytes; None for no limit). If not, "
        "have the server send them in parts. Other clients have limits too: 1 MiB in "
        "Python's websockets, 4 MiB in aiohttp.",
        evidence={
            **_FRAME,
            "limit": "bytes allowed",
            "size": "bytes that it has, or has at least; null if that is not known",
        },
        see=("RFC 6455 7.4.1 1009", "RFC 6455 10.4"),
    ),
    "ws.bad_compression": Explanation(
        messages=(
            "{place} sent a compressed message that cannot be inflated (RFC 7692)[: {reason}]",
        ),
        cause="permessage-deflate was agreed on, a message came marked as compressed, and it is "
        "not valid DEFLATE.\n\n"
        "Commonly: a server that keeps its compression context over messages though "
        "server_no_context_takeover was agreed on, or the reverse; a connection that is "
        "compressed by two threads at a time; a proxy that touches payloads; plain data with RSV1 "
        "set.",
        confirm=(
            Look(
                "wscat -c wss://HOST:PORT/PATH",
                "invalid block type, invalid distance and the like",
            ),
        ),
        remedy="compression=False: if that works, the server's permessage-deflate is broken. "
        "Update its library, or switch compression off there.",
        evidence=_FRAME,
        see=("RFC 7692 7.2.2", "RFC 7692 7.1.1"),
    ),
    "ws.not_websocket": Explanation(
        messages=("{place} sent HTTP {where}: {line}[ ({header}: {value})]",),
        cause="Where a frame should begin, or go on, the text of an HTTP response came, within the "
        "connection that was a WebSocket already. A server does not do that; a proxy on the way "
        "does.\n\n"
        "Commonly: a proxy whose timer for the response ran out (HTTP/1.1 504), or whose backend "
        "went away (502), and which writes its error page into a connection that it still takes "
        "for a request.",
        confirm=(
            Look(
                "wscat -c wss://HOST:PORT/PATH",
                "Invalid WebSocket frame: RSV1 must be clear: “HTTP” read as a frame",
            ),
        ),
        remedy="Server and Via in the evidence say who wrote it. Raise that proxy's timeout, "
        "and let it know that this is a WebSocket, so that it passes bytes through after 101.",
        evidence={
            **ON_A_CONNECTION,
            "first_bytes": "the beginning of the response, up to 32 bytes, in hex",
            "status": "of the response",
            "reason": "the text beside it",
            "server": "its header of that name",
            "via": "its header of that name",
            "headers": "all of its headers, if they came whole",
            "body": "what came after them, up to 512 bytes",
        },
        see=("RFC 6455 5.2", "RFC 9110 7.8"),
    ),
}
