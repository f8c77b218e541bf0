"""6: text is UTF-8, and what is not is refused as soon as that is certain (RFC 6455 section 8.1).

The sequences are of the kinds in Markus Kuhn's stress test for UTF-8 decoders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compliance.case import CLIENT, Case, Step, bad, good
from compliance.frames import TEXT, Frame, close, continuation, octets, ping, text

_RULE = "6455 §8.1"
_GREEK = "κόσμε"
_TEXT = "Grüße, κόσμε, こんにちは, 👋🏽!"


def _encoded(number: int, size: int) -> bytes:
    """A number in so many bytes, by the scheme of UTF-8, whether it may be so or not."""
    if size == 1:
        return bytes((number,))
    rest = [0x80 | number >> 6 * n & 0x3F for n in range(size - 1)]
    start = (0xFF00 >> size) & 0xFF | number >> 6 * (size - 1)
    return bytes((start, *reversed(rest)))


def _last(size: int) -> int:
    """The largest number that fits in so many bytes."""
    return 0x7F if size == 1 else (1 << 5 * size + 1) - 1


_SURROGATES = (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
_PLANES = range(0x110000 >> 16)

_VALID: dict[str, Iterable[bytes]] = {
    "6.5 characters of each length": [
        b"hello$world", "hello¢world".encode(), "hello€world".encode(), "hello𤭢world".encode(),
        _GREEK.encode(),
    ],
    "6.7 the first character of each length": [
        _encoded(first, size) for size, first in ((1, 0), (2, 0x80), (3, 0x800), (4, 0x10000))
    ],
    "6.9 the last character of each length": [
        *(_encoded(_last(size), size) for size in (1, 2, 3)), _encoded(0x10FFFF, 4),
    ],
    "6.11 beside the surrogates, and the replacement character": [
        _encoded(number, 3) for number in (0xD7FF, 0xE000, 0xFFFD)
    ],
    "6.22 noncharacters are characters": [
        *(_encoded(plane << 16 | end, 4 if plane else 3)
          for plane in _PLANES for end in (0xFFFE, 0xFFFF)),
        _encoded(0xFDD0, 3), _encoded(0xFDEF, 3),
    ],
    "6.23 what might be taken for something else": [
        "\ufeffbyte order mark".encode(), "\u202eright to left".encode(),
        "e\u0301, combining".encode(), b"\x00\x01\x1f\x7f", "\ufffd".encode(),
        "👨‍👩‍👧‍👦".encode(), "\u2028\u2029\u0085".encode(),
    ],
}  # fmt: skip

_INVALID: dict[str, Iterable[bytes]] = {
    "6.8 the first sequences of five and six bytes": [
        _encoded(0x200000, 5), _encoded(0x4000000, 6),
    ],
    "6.10 the last sequences of four, five and six bytes": [
        _encoded(_last(size), size) for size in (4, 5, 6)
    ],
    "6.24 beyond the last character": [_encoded(0x110000, 4), _encoded(0x13FFFF, 4)],
    "6.12 continuation bytes of nothing": [
        b"\x80", b"\xbf", *((b"\x80\xbf" * 4)[:n] for n in range(2, 8)), bytes(range(0x80, 0xC0)),
    ],
    "6.13 first bytes alone, each before a space": [
        b"".join(bytes((first, 0x20)) for first in range(*of))
        for of in ((0xC0, 0xE0), (0xE0, 0xF0), (0xF0, 0xF8), (0xF8, 0xFC), (0xFC, 0xFE))
    ],
    "6.14 sequences that lack their last byte": [
        *(_encoded(0, size)[:-1] for size in range(2, 7)),
        *(_encoded(_last(size), size)[:-1] for size in range(2, 7)),
    ],
    "6.15 the same, one after the other": [
        b"".join(_encoded(number, size)[:-1]
                 for number in (0, 1) for size in range(2, 7)),
    ],
    "6.16 bytes that are never in UTF-8": [
        b"\xfe", b"\xff", b"\xfe\xfe\xff\xff", b"\xc0", b"\xc1", b"\xf5",
    ],
    "6.17 a slash in more bytes than one": [_encoded(0x2F, size) for size in range(2, 7)],
    "6.18 the last number that is shorter, in one byte more": [
        _encoded(_last(size - 1), size) for size in range(2, 7)
    ],
    "6.19 NUL in more bytes than one": [_encoded(0, size) for size in range(2, 7)],
    "6.20 one surrogate": [_encoded(number, 3) for number in _SURROGATES],
    "6.21 a pair of surrogates": [
        _encoded(high, 3) + _encoded(low, 3)
        for high in _SURROGATES[:4] for low in (0xDC00, 0xDFFF)
    ],
}  # fmt: skip


def _valid() -> Iterator[Case]:
    for group, sequences in _VALID.items():
        number, _, title = group.partition(" ")
        for n, data in enumerate(sequences, 1):
            yield good(
                f"{number}.{n}", f"{title}: {data.hex(' ')[:40]}", _RULE,
                text(data), *octets(TEXT, data),
                receives=(data.decode(), data.decode()),
            )  # fmt: skip


def _invalid() -> Iterator[Case]:
    for group, sequences in _INVALID.items():
        number, _, title = group.partition(" ")
        for n, data in enumerate(sequences, 1):
            yield _refused(f"{number}.{n}", f"{title}: {data.hex(' ')[:40]}", text(data))
            yield _refused(
                f"{number}.{n}.1", "the same after characters, octet by octet",
                *octets(TEXT, _GREEK.encode() + data + b"edited"),
            )  # fmt: skip


def _refused(number: str, title: str, *frames: Frame | Step, **fields: Any) -> Case:
    """What is sent is not UTF-8. The echo server, like its model, does not look at that."""
    return bad(number, title, _RULE, *frames, closes=1007, failure="ws.invalid_utf8",
               on=(CLIENT,), **fields)  # fmt: skip


def _prefixes() -> Iterator[Case]:
    whole = _GREEK.encode()
    for size in range(1, len(whole)):
        data = whole[:size]
        title = f"the first {size} bytes of text"
        try:
            receives = (data.decode(),)
        except UnicodeDecodeError:
            yield _refused(f"6.6.{size}", f"{title}, which end within a character", text(data))
        else:
            yield good(f"6.6.{size}", title, _RULE, text(data), receives=receives)


_BAD = _encoded(0x110000, 4)
"""It is certain with its second byte."""
_START = _GREEK.encode()

CASES: list[Case] = [
    good("6.1.1", "text of no bytes", _RULE, text(""), receives=("",)),
    good("6.1.2", "text of three fragments of no bytes", _RULE,
         text(fin=False), continuation(fin=False), continuation(), receives=("",)),
    good("6.1.3", "text between two fragments of no bytes", _RULE,
         text(fin=False), continuation(_TEXT, fin=False), continuation(), receives=(_TEXT,)),
    good("6.2.1", "text in many languages", _RULE, text(_TEXT), receives=(_TEXT,)),
    good("6.2.2", "the same, in two fragments, cut between characters", _RULE,
         text(_TEXT[:9], fin=False), continuation(_TEXT[9:]), receives=(_TEXT,)),
    good("6.2.3", "the same, in a fragment for each byte", _RULE,
         *octets(TEXT, _TEXT.encode()), receives=(_TEXT,)),
    good("6.2.4", "text whose characters are cut, with empty fragments in the cuts", _RULE,
         text(_START[:1], fin=False), continuation(fin=False), continuation(_START[1:4], fin=False),
         continuation(fin=False), continuation(_START[4:]), receives=(_GREEK,)),
    _refused("6.3.1", "text with a number that is no character", text(_START + _BAD + b"edited")),
    _refused("6.3.2", "the same, in a fragment for each byte",
             *octets(TEXT, _START + _BAD + b"edited")),
    # There is no more to come: the end of what is sent must be enough.
    _refused("6.4.1", "refused with the fragment that makes it wrong, before the next one",
             text(_START, fin=False), Step.SYNC, continuation(_BAD, fin=False), Step.AWAIT_CLOSE),
    _refused("6.4.2", "refused with the byte that makes it wrong",
             text(_START + _BAD[:1], fin=False), Step.SYNC, continuation(_BAD[1:2], fin=False),
             Step.AWAIT_CLOSE),
    _refused("6.4.3", "refused with the last fragment, which ends within a character",
             text(_START, fin=False), Step.SYNC, continuation(_START[:1])),
    _refused("6.4.4", "refused although whole messages follow in the same packet",
             text(_START, fin=False), continuation(_BAD), text("later"), text("still later")),
    _refused("6.4.5", "a good message before it is still delivered",
             text("good"), text(b"\xff"), receives=("good",)),
    _refused("6.4.6", "a Ping after it is not answered, nor is Close",
             ping(b"before"), text(b"\xff"), ping(b"after"), close(1000), pongs=(b"before",)),
    *_prefixes(),
    *_valid(),
    *_invalid(),
]  # fmt: skip
