"""9: large messages, many fragments, small pieces, and what is over the limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compliance.case import CLIENT, Case, Cut, Dialogue, Step, bad, built, good
from compliance.frames import (
    BINARY,
    TEXT,
    Frame,
    binary,
    close,
    continuation,
    fragments,
    ping,
    text,
)

_KIB = 1024
_SIZES = (64, 256, 1024, 4096)
_FRAGMENTS = (64, 256, 1024, 4096, 16384, 65536, 262144)
_PIECES = (64, 128, 256, 512, 1024, 2048)
_COUNTED = (0, 16, 64, 256, 1024, 4096)
_AT_ONCE = (Cut.WHOLE,)
_LIMIT = 1000


def _message(opcode: int, size: int) -> str | bytes:
    return "*" * size if opcode == TEXT else b"\xfe" * size


def _sized(part: int, opcode: int) -> Iterator[Case]:
    for n, kib in enumerate(_SIZES, 1):
        size = kib * _KIB

        def build(size: int = size) -> Dialogue:
            message = _message(opcode, size)
            data = message.encode() if isinstance(message, str) else message
            return Dialogue((Frame(opcode, data),), (message,))

        yield built(f"9.{part}.{n}", f"{_kind(opcode)} of {kib} KiB", "6455 §5.2", build,
                    cuts=_AT_ONCE)  # fmt: skip


def _fragmented(part: int, opcode: int) -> Iterator[Case]:
    for n, size in enumerate(_FRAGMENTS, 1):
        whole = 256 * _KIB if size < 1024 else 1024 * _KIB

        def build(size: int = size, whole: int = whole) -> Dialogue:
            message = _message(opcode, whole)
            data = message.encode() if isinstance(message, str) else message
            return Dialogue(fragments(opcode, data, size), (message,))

        title = f"{_kind(opcode)} of {whole // _KIB} KiB in fragments of {size} bytes"
        yield built(f"9.{part}.{n}", title, "6455 §5.4", build, cuts=_AT_ONCE)


def _in_pieces(part: int, opcode: int) -> Iterator[Case]:
    for n, size in enumerate(_PIECES, 1):

        def build() -> Dialogue:
            message = _message(opcode, 64 * _KIB)
            data = message.encode() if isinstance(message, str) else message
            return Dialogue((Frame(opcode, data),), (message,))

        title = f"{_kind(opcode)} of 64 KiB in pieces of {size} bytes"
        yield built(f"9.{part}.{n}", title, "6455 §5.2", build, cut_size=size)


def _many(part: int, opcode: int) -> Iterator[Case]:
    for n, size in enumerate(_COUNTED, 1):

        def build(size: int = size) -> Dialogue:
            message = _message(opcode, size)
            data = message.encode() if isinstance(message, str) else message
            return Dialogue((Frame(opcode, data),) * 500, (message,) * 500)

        title = f"500 messages of {size} bytes ({_kind(opcode)})"
        yield built(f"9.{part}.{n}", title, "6455 §5.2", build, cuts=_AT_ONCE)


def _kind(opcode: int) -> str:
    return "text" if opcode == TEXT else "binary data"


def _too_big(number: str, title: str, *frames: Frame | Step, **fields: Any) -> Case:
    """The client says 1009, and reads no further."""
    return bad(number, title, "6455 §7.4.1", *frames, closes=1009, failure="ws.too_big",
               limit=_LIMIT, on=(CLIENT,), **fields)  # fmt: skip


CASES: list[Case] = [
    *_sized(1, TEXT),
    *_sized(2, BINARY),
    *_fragmented(3, TEXT),
    *_fragmented(4, BINARY),
    *_in_pieces(5, TEXT),
    *_in_pieces(6, BINARY),
    *_many(7, TEXT),
    *_many(8, BINARY),
    good("9.9.1", "messages of just the limit, whole and in fragments", "6455 §10.4",
         binary(bytes(_LIMIT)), text("é" * (_LIMIT // 2)), binary(bytes(600), fin=False),
         ping(bytes(125)), continuation(bytes(400), fin=False), continuation(),
         receives=(bytes(_LIMIT), "é" * (_LIMIT // 2), bytes(_LIMIT)), pongs=(bytes(125),),
         limit=_LIMIT, on=(CLIENT,)),
    _too_big("9.9.2", "a message with a byte more than the limit", binary(bytes(_LIMIT + 1))),
    _too_big("9.9.3", "fragments with a byte more than the limit",
             binary(bytes(600), fin=False), continuation(bytes(401))),
    _too_big("9.9.4", "fragments that are none too large, without an end",
             binary(bytes(_LIMIT), fin=False), Step.SYNC, continuation(b"x", fin=False),
             Step.AWAIT_CLOSE),
    _too_big("9.9.5", "refused by its header, before its payload comes",
             Frame(BINARY, length=1 << 40), Step.AWAIT_CLOSE),
    _too_big("9.9.6", "a good message before it is still delivered",
             text("good"), binary(bytes(_LIMIT + 1)), receives=("good",)),
    _too_big("9.9.7", "a Ping after it is not answered, nor is Close",
             ping(b"before"), binary(bytes(600), fin=False), continuation(bytes(401)),
             ping(b"after"), close(1000), pongs=(b"before",)),
]  # fmt: skip
