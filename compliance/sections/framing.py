"""1: messages in one frame, of every kind of length (RFC 6455 section 5.2)."""

from __future__ import annotations

from compliance.case import CLIENT, ECHO, Case, bad, good
from compliance.frames import BINARY, TEXT, Frame, binary, text

_SIZES = (0, 125, 126, 127, 128, 65535, 65536)

CASES: list[Case] = [
    *(
        good(f"1.1.{n}", f"a text message of {size} bytes", "6455 §5.6",
             text("*" * size), receives=("*" * size,))
        for n, size in enumerate(_SIZES, 1)
    ),
    good("1.1.8", "a text message of 65,536 bytes in pieces of 997", "6455 §5.6",
         text("*" * 65536), receives=("*" * 65536,), cut_size=997),
    *(
        good(f"1.2.{n}", f"a binary message of {size} bytes", "6455 §5.6",
             binary(b"\xfe" * size), receives=(b"\xfe" * size,))
        for n, size in enumerate(_SIZES, 1)
    ),
    good("1.2.8", "a binary message of 65,536 bytes in pieces of 997", "6455 §5.6",
         binary(b"\xfe" * 65536), receives=(b"\xfe" * 65536,), cut_size=997),
    good("1.3.1", "messages one right after the other keep their order and their types",
         "6455 §5.6", text("one"), binary(b"two"), text(""), binary(), text("three"),
         receives=("one", b"two", "", b"", "three")),
    good("1.3.2", "binary data may be anything, text of no encoding too", "6455 §5.6",
         binary(bytes(range(256))), receives=(bytes(range(256)),)),
    # The shortest form is a duty of who sends. Browsers refuse others, and so does the client; the
    # server for which the echo server stands in does not.
    bad("1.3.3", "a length in two bytes that fits into none", "6455 §5.2",
        text("before"), Frame(TEXT, b"sixteen", width=16), receives=("before",), on=(CLIENT,)),
    good("1.3.4", "a length in more bytes than it needs is understood", "6455 §5.2",
         Frame(TEXT, b"sixteen", width=16), Frame(BINARY, b"sixty-four", width=64),
         receives=("sixteen", b"sixty-four"), on=(ECHO,)),
    bad("1.3.5", "the first bit of a 64-bit length is not 0", "6455 §5.2",
        Frame(BINARY, b"", length=1 << 63, width=64)),
    bad("1.3.6", "a length in eight bytes that fits into two", "6455 §5.2",
        Frame(BINARY, bytes(65535), width=64), on=(CLIENT,)),
    bad("1.3.7", "the length of a Ping in two bytes", "6455 §5.2",
        Frame(9, b"", width=16), on=(CLIENT,)),
    bad("1.3.8", "a frame that is masked by a server, or not masked by a client", "6455 §5.1",
        Frame(TEXT, b"Hello", wrongly_masked=True)),
    bad("1.3.9", "the same of an empty frame after a good one", "6455 §5.1",
        text("Hello"), Frame(BINARY, wrongly_masked=True), receives=("Hello",)),
    bad("1.3.10", "the same of a Ping", "6455 §5.1",
        Frame(9, b"Hello", wrongly_masked=True)),
    bad("1.3.11", "the same of a Close frame", "6455 §5.1",
        Frame(8, b"\x03\xe8", wrongly_masked=True)),
    good("1.3.12", "the examples of the RFC: a message, and one in two fragments", "6455 §5.7",
         text("Hello"), text("Hel", fin=False), Frame(0, b"lo"), receives=("Hello", "Hello")),
    good("1.3.13", "the examples of the RFC: 256 bytes, and 64 KiB", "6455 §5.7",
         binary(bytes(256)), binary(bytes(65536)), receives=(bytes(256), bytes(65536))),
]  # fmt: skip
