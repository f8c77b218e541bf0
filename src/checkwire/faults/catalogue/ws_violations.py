"""``ws.protocol_error`` and its like: frames that RFC 6455 or 7692 forbids."""

from __future__ import annotations

from checkwire.faults import frames
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, Script

faults = Family()

_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def _sends(data: bytes, *headers: str) -> Script:
    def script(peer: Peer) -> None:
        peer.handshake(*headers, then=data)
        peer.read_to_end()

    return script


for variant, does, data in (
    ("", "sends a frame with a mask", frames.frame(frames.TEXT, b"hello", mask=b"\1\2\3\4")),
    ("opcode", "sends a frame of an opcode that does not exist", frames.frame(3, b"hello")),
    ("rsv", "sets a bit that is reserved", frames.frame(frames.TEXT, b"hello", rsv=2)),
    ("length", "writes a length of 5 in two bytes", frames.frame(frames.TEXT, b"hello", width=16)),
    ("length_bit", "sets the first bit of a length in eight bytes",
     frames.frame(frames.BINARY, length=1 << 63)),
    ("control_fragmented", "sends a ping in fragments", frames.frame(frames.PING, b"x", fin=False)),
    ("control_too_long", "sends a ping of 126 bytes", frames.frame(frames.PING, b"x" * 126)),
    ("continuation", "continues a message that did not begin",
     frames.frame(frames.CONTINUATION, b"hello")),
    ("interleaved", "begins a message within another",
     frames.frame(frames.TEXT, b"one", fin=False) + frames.text("two")),
    ("close_payload", "sends a Close frame of one byte", frames.frame(frames.CLOSE, b"\3")),
    ("close_code", "closes with 1005, which must not be sent", frames.close(1005)),
):  # fmt: skip
    faults.add("ws.protocol_error", variant, does=does, script=_sends(data), evidence=("rule",))

faults.add(
    "ws.protocol_error", "continuation_rsv1", does="marks a continuation as compressed, too",
    script=_sends(
        frames.frame(frames.TEXT, frames.deflated(b"hello")[:3], fin=False, rsv=4)
        + frames.frame(frames.CONTINUATION, frames.deflated(b"hello")[3:], rsv=4),
        _DEFLATE,
    ),
    evidence=("rule",),
)  # fmt: skip
faults.add(
    "ws.protocol_error", "control_rsv1", does="compresses a ping",
    script=_sends(frames.frame(frames.PING, frames.deflated(b"x"), rsv=4), _DEFLATE),
    evidence=("rule",),
)  # fmt: skip

faults.add(
    "ws.invalid_utf8", does="sends text that is not UTF-8",
    script=_sends(frames.frame(frames.TEXT, b"caf\xff")), evidence=("offset",),
)  # fmt: skip
faults.add(
    "ws.invalid_utf8", "reason", does="closes with a reason that is not UTF-8",
    script=_sends(frames.close(1000, b"\xff\xfe")),
)  # fmt: skip
faults.add(
    "ws.too_big", does="announces a message of 64 MiB",
    script=_sends(frames.frame(frames.BINARY, b"x" * 1_000, length=64 << 20)),
    evidence=("limit", "size"),
)  # fmt: skip
faults.add(
    "ws.too_big", "bomb", does="sends 32 KB that inflate to 32 MiB",
    script=_sends(
        frames.frame(frames.BINARY, frames.deflated(bytes(32 << 20)), rsv=4), _DEFLATE
    ),
    evidence=("limit",),
)  # fmt: skip
faults.add(
    "ws.bad_compression", does="sends what cannot be inflated",
    script=_sends(frames.frame(frames.TEXT, b"\xff\xff\xff\xff", rsv=4), _DEFLATE),
)  # fmt: skip
