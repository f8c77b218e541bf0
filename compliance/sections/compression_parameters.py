"""13: the parameters of permessage-deflate, and its edges (RFC 7692 section 7)."""

from __future__ import annotations

import functools
import random
import zlib
from collections.abc import Iterator
from typing import Any, Final

from compliance.case import CLIENT, Case, Cut, Dialogue, Piece, Step, bad, built, good
from compliance.deflate import compressed, deflated
from compliance.frames import TEXT, Frame, binary, continuation, fragments, ping, text
from compliance.sections.handshake import refused

_DEFLATE: Final = "permessage-deflate"
_AGREED: Final = (
    "",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_no_context_takeover; client_no_context_takeover",
    *(f"server_max_window_bits={bits}" for bits in (8, 9, 12, 15)),
    *(f"client_max_window_bits={bits}" for bits in (8, 9, 12, 15)),
    "server_max_window_bits=9; client_max_window_bits=9",
    "server_no_context_takeover; server_max_window_bits=9",
    "client_no_context_takeover; client_max_window_bits=9",
    "server_no_context_takeover; client_no_context_takeover; "
    "server_max_window_bits=10; client_max_window_bits=11",
)
_WAYS: Final = ((16, 0), (1024, 0), (8192, 0), (65536, 0), (65536, 1024))


@functools.cache
def _far(size: int) -> tuple[str, ...]:
    """Messages that repeat what is far behind, so that a window that is too large shows."""
    draw = random.Random(size)
    block = "".join(draw.choice("0123456789abcdef") for _ in range(300))
    filler = "".join(draw.choice("0123456789abcdef") for _ in range(20_000))
    pattern = "".join(block + filler[:distance] + block for distance in (10, 200, 700, 5000, 20000))
    return tuple((pattern * (size // len(pattern) + 1))[n : n + size] for n in range(6))


def _agreed() -> Iterator[Case]:
    for part, parameters in enumerate(_AGREED, 1):
        extension = f"{_DEFLATE}; {parameters}" if parameters else _DEFLATE
        for n, (size, fragment) in enumerate(_WAYS, 1):

            def build(
                extension: str = extension, size: int = size, fragment: int = fragment
            ) -> Dialogue:
                messages = _far(size)
                return Dialogue(compressed(messages, extension, fragment or 1 << 62), messages)

            title = f"{parameters or 'no parameters'}, messages of {size} bytes"
            title += f" in fragments of {fragment}" if fragment else ""
            yield built(
                f"13.{part}.{n}", title, "7692 §7.1", build,
                extension=extension, on=(CLIENT,), cuts=(Cut.WHOLE,),
            )  # fmt: skip


def _deflate(number: str, title: str, rfc: str, *sends: Piece, **fields: Any) -> Case:
    return good(number, title, rfc, *sends, extension=_DEFLATE, on=(CLIENT,),
                **fields)  # fmt: skip


def _broken(number: str, title: str, rfc: str, *sends: Piece, **fields: Any) -> Case:
    fields.setdefault("failure", "ws.bad_compression")
    return bad(number, title, rfc, *sends, extension=_DEFLATE, on=(CLIENT,),
               **fields)  # fmt: skip


def _hex(digits: str) -> Frame:
    """A compressed text message, in one frame."""
    return Frame(TEXT, bytes.fromhex(digits), rsv=4)


def _ended(message: bytes) -> bytes:
    """A message whose last block says that it is the last (section 7.2.3.5)."""
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(message) + deflate.flush(zlib.Z_FINISH) + b"\x00"


_HELLO = "f248cdc9c90700"
_TWO = deflated([b"first " * 20, b"second, as first " * 20])
_BOMB = deflated([bytes(10_000_000)])[0]
_NOISE = random.Random(8).randbytes(1000).hex().encode()
_EMOJI = deflated(["κόσμε 👋".encode()])[0]

CASES: list[Case] = [
    *_agreed(),
    _deflate("13.20.1", "one block", "7692 §7.2.3.1", _hex(_HELLO), receives=("Hello",)),
    _deflate("13.20.2", "one block in two fragments", "7692 §7.2.3.1",
             Frame(TEXT, bytes.fromhex("f248cd"), fin=False, rsv=4),
             continuation(bytes.fromhex("c9c90700")), receives=("Hello",)),
    _deflate("13.20.3", "the second message refers to the first", "7692 §7.2.3.2",
             _hex(_HELLO), _hex("f200110000"), receives=("Hello", "Hello")),
    _deflate("13.20.4", "a block that is not compressed", "7692 §7.2.3.3",
             _hex("000500faff48656c6c6f00"), receives=("Hello",)),
    _deflate("13.20.5", "a block that says it is the last", "7692 §7.2.3.4",
             _hex("f348cdc9c9070000"), receives=("Hello",)),
    _deflate("13.20.6", "two blocks", "7692 §7.2.3.5",
             _hex("f24805000000ffffcac9c90700"), receives=("Hello",)),
    _deflate("13.20.7", "an empty message", "7692 §7.2.3.6", _hex("00"), receives=("",)),
    _deflate("13.21.1", "messages after one whose block says it is the last", "7692 §7.2.3.4",
             _hex("f348cdc9c9070000"), _hex(_HELLO), text("plain"), _hex("f348cdc9c9070000"),
             _hex(_HELLO), receives=("Hello", "Hello", "plain", "Hello", "Hello")),
    _deflate("13.21.2", "large ones, in fragments", "7692 §7.2.3.4",
             *fragments(TEXT, _ended(b"a lot " * 10_000), 100, rsv=4),
             *fragments(TEXT, _ended(b"once more " * 10_000), 7, rsv=4),
             receives=("a lot " * 10_000, "once more " * 10_000)),
    _deflate("13.21.3", "blocks after the last one, in the same message", "7692 §7.2.3.4",
             Frame(TEXT, _ended(b"one, ")[:-1] + deflated([b"two"])[0], rsv=4), _hex(_HELLO),
             receives=("one, two", "Hello")),
    good("13.21.4", "the same, without context takeover", "7692 §7.2.3.4",
         Frame(TEXT, _ended(b"one, ")[:-1] + deflated([b"two"])[0], rsv=4), _hex(_HELLO),
         extension=f"{_DEFLATE}; server_no_context_takeover", on=(CLIENT,),
         receives=("one, two", "Hello")),
    _deflate("13.22.1", "some messages are compressed and some are not", "7692 §6",
             text("plain"), Frame(TEXT, _TWO[0], rsv=4), binary(b"plain"),
             Frame(TEXT, _TWO[1], rsv=4),
             receives=("plain", "first " * 20, b"plain", "second, as first " * 20)),
    _deflate("13.22.2", "Pings between compressed fragments are not compressed", "7692 §6.1",
             Frame(TEXT, _TWO[0][:5], fin=False, rsv=4), ping(b"plain"), Step.SYNC,
             continuation(_TWO[0][5:]), receives=("first " * 20,), pongs=(b"plain",)),
    _deflate("13.22.3", "empty fragments in a compressed message", "7692 §6.1",
             Frame(TEXT, b"", fin=False, rsv=4), continuation(_TWO[0], fin=False), continuation(),
             receives=("first " * 20,)),
    _deflate("13.22.4", "a compressed message in a fragment for each byte", "7692 §6.1",
             *fragments(TEXT, _EMOJI, 1, rsv=4), receives=("κόσμε 👋",)),
    _broken("13.23.1", "what cannot be inflated", "7692 §7.2.2", _hex("ff" * 10)),
    _broken("13.23.2", "the same after a good message", "7692 §7.2.2",
            _hex(_HELLO), _hex("ff" * 10), receives=("Hello",)),
    _broken("13.23.3", "a reference to before the beginning", "7692 §7.2.2", _hex("f200110000")),
    _broken("13.23.4", "a reference to a message that is not in the context", "7692 §7.1.1.1",
            _hex(_HELLO), text("Hello"), _hex("f200110000"), _hex("f200190000"),
            receives=("Hello", "Hello", "Hello")),
    _broken("13.23.5", "what is inflated is not UTF-8", "6455 §8.1",
            Frame(TEXT, deflated([b"Hello \xff"])[0], rsv=4),
            closes=1007, failure="ws.invalid_utf8"),
    _broken("13.23.6", "what is inflated is over the limit", "6455 §7.4.1",
            Frame(2, _BOMB, rsv=4), closes=1009, failure="ws.too_big", limit=100_000),
    _broken("13.23.7", "the same in fragments", "6455 §7.4.1",
            *fragments(2, _BOMB, 50, rsv=4), closes=1009, failure="ws.too_big", limit=100_000),
    bad("13.23.8", "a reference to further back than the server said", "7692 §7.1.2.1",
        *(Frame(TEXT, payload, rsv=4) for payload in deflated([_NOISE, _NOISE])),
        receives=(_NOISE.decode(),), extension=f"{_DEFLATE}; server_max_window_bits=8",
        failure="ws.bad_compression", on=(CLIENT,)),
    *(refused(f"13.24.{n}", f"{_DEFLATE} with {parameters}", "7692 §7.1",
              f"Sec-WebSocket-Extensions: {_DEFLATE}; {parameters}", failure="upgrade.extension")
      for n, parameters in enumerate((
          "server_max_window_bits=7", "server_max_window_bits=16", "server_max_window_bits",
          "server_max_window_bits=09", "client_max_window_bits", "client_max_window_bits=16",
          "server_no_context_takeover=1", "client_no_context_takeover=yes", "unknown",
          "server_no_context_takeover; server_no_context_takeover",
          "server_max_window_bits=10; server_max_window_bits=10",
      ), 1)),
    refused("13.24.12", f"{_DEFLATE} twice", "7692 §5",
            f"Sec-WebSocket-Extensions: {_DEFLATE}, {_DEFLATE}", failure="upgrade.extension"),
    refused("13.24.13", "an extension that was not offered", "6455 §4.1",
            "Sec-WebSocket-Extensions: x-webkit-deflate-frame", failure="upgrade.extension"),
]  # fmt: skip
