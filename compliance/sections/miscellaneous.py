"""10: messages that are fragmented on the way, and what the client sends of its own."""

from __future__ import annotations

from compliance.case import CLIENT, Case, Cut, good
from compliance.frames import TEXT, fragments

_TEXT = "*" * 65536

CASES: list[Case] = [
    good("10.1.1", "text of 65,536 bytes in fragments of 1,300", "6455 §5.4",
         *fragments(TEXT, _TEXT.encode(), 1300), receives=(_TEXT,)),
    good("10.1.2", "the same, each in a packet of its own", "6455 §5.4",
         *fragments(TEXT, _TEXT.encode(), 1300), receives=(_TEXT,), cuts=(Cut.FRAMES,)),
    # What the client sends is read strictly: masked, in the shortest form, UTF-8 if it is text.
    good("10.2.1", "the client's messages, of every kind of length", "6455 §5.2",
         does=("", b"", "é", b"\xff", *(bytes(size) for size in (125, 126, 127, 65535, 65536))),
         on=(CLIENT,), cuts=(Cut.WHOLE,)),
    good("10.2.2", "the same, compressed", "7692 §7.2.1",
         does=("", b"", "é", b"\xff", *(bytes(size) for size in (125, 126, 127, 65535, 65536))),
         extension="permessage-deflate", on=(CLIENT,), cuts=(Cut.WHOLE,)),
    good("10.2.3", "each of the client's frames has a mask of its own", "6455 §5.3",
         does=tuple("the same" for _ in range(20)), on=(CLIENT,), cuts=(Cut.WHOLE,)),
]  # fmt: skip
