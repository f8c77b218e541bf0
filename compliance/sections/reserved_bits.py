"""3: the reserved bits are 0, unless an extension gives them a meaning (RFC 6455 section 5.2)."""

from __future__ import annotations

from compliance.case import CLIENT, Case, bad
from compliance.frames import BINARY, CLOSE, PING, PONG, TEXT, Frame, continuation, ping, text

_NAMES = {TEXT: "text", BINARY: "binary", CLOSE: "a Close frame", PING: "a Ping", PONG: "a Pong"}
_FIRST = ((TEXT, 1), (TEXT, 2), (TEXT, 3), (TEXT, 4), (BINARY, 5), (BINARY, 6), (CLOSE, 7))

CASES: list[Case] = [
    *(
        bad(f"3.{n}", f"reserved bits {rsv:03b} in {_NAMES[opcode]}, after a good message",
            "6455 §5.2", text("before"), Frame(opcode, b"", rsv=rsv), ping(b"after"),
            receives=("before",))
        for n, (opcode, rsv) in enumerate(_FIRST, 1)
    ),
    *(
        bad(f"3.{n}", f"reserved bits {rsv:03b} in {_NAMES[opcode]}", "6455 §5.2",
            Frame(opcode, b"Hello", rsv=rsv))
        for n, (opcode, rsv) in enumerate(((PING, 1), (PING, 4), (PONG, 2), (PONG, 4)), 8)
    ),
    bad("3.12", "RSV1 in a continuation, without an extension", "6455 §5.2",
        text("Hel", fin=False), continuation("lo", rsv=4)),
    *(
        bad(f"3.{n}", f"reserved bits {rsv:03b} in {_NAMES[opcode]}, with permessage-deflate",
            "7692 §6", Frame(opcode, b"", rsv=rsv), extension="permessage-deflate", on=(CLIENT,))
        for n, (opcode, rsv) in enumerate(
            ((TEXT, 2), (BINARY, 1), (TEXT, 3), (PING, 4), (PONG, 4), (CLOSE, 4)), 13
        )
    ),
    bad("3.19", "RSV1 in a continuation, of a message that is not compressed", "7692 §6.1",
        text("Hel", fin=False), continuation("lo", rsv=4),
        extension="permessage-deflate", on=(CLIENT,)),
    bad("3.20", "RSV1 in a continuation, of a message that is", "7692 §6.1",
        # The example of section 7.2.3.1.
        Frame(TEXT, b"\xf2\x48\xcd", fin=False, rsv=4), continuation(b"\xc9\xc9\x07\x00", rsv=4),
        extension="permessage-deflate", on=(CLIENT,)),
]  # fmt: skip
