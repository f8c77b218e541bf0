"""12: compressed messages of different content and size (RFC 7692)."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator
from typing import Final

from compliance.case import CLIENT, Case, Cut, Dialogue, built
from compliance.deflate import compressed

_EXTENSION = "permessage-deflate"
_COUNT: Final = 8
"""Messages of a case: enough for each to refer to those before."""
_SIZES: Final = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)
_FRAGMENTED: Final = ((8192, 256), (65536, 256), (131072, 1024), (131072, 32768))
_WORDS: Final = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "prices")


def _json(draw: random.Random) -> str:
    return f'{{"symbol":"{draw.choice("ABCD")}","price":{draw.random():.4f}}},'


def _prose(draw: random.Random) -> str:
    return draw.choice(_WORDS) + " "


def _greek(draw: random.Random) -> str:
    return draw.choice(("κόσμε", "μῆνιν", "ἄειδε", "θεά")) + " "


def _random(draw: random.Random) -> bytes:
    return draw.randbytes(1000)


def _constant(draw: random.Random) -> bytes:
    return bytes(1000)


_KINDS: Final[dict[str, Callable[[random.Random], str | bytes]]] = {
    "JSON": _json,
    "prose": _prose,
    "text of several bytes a character": _greek,
    "random bytes": _random,
    "one byte over and over": _constant,
}


@functools.cache
def _source(kind: str) -> str | bytes:
    """Enough of it for the largest messages."""
    draw, make = random.Random(kind), _KINDS[kind]
    parts = [make(draw)]
    size = len(parts[0])
    while size < _SIZES[-1] * _COUNT:
        parts.append(make(draw))
        size += len(parts[-1])
    return type(parts[0])().join(parts)  # type: ignore[arg-type]


def _cases() -> Iterator[Case]:
    for part, kind in enumerate(_KINDS, 1):
        ways = [*((size, 0) for size in _SIZES), *_FRAGMENTED]
        for n, (size, fragment) in enumerate(ways, 1):

            def build(kind: str = kind, size: int = size, fragment: int = fragment) -> Dialogue:
                messages = tuple(_source(kind)[n * size : (n + 1) * size] for n in range(_COUNT))
                return Dialogue(compressed(messages, _EXTENSION, fragment or 1 << 62), messages)

            title = f"{kind}, {_COUNT} messages of {size}"
            title += f" in fragments of {fragment}" if fragment else ""
            yield built(
                f"12.{part}.{n}", title, "7692 §7.2", build,
                extension=_EXTENSION, on=(CLIENT,), cuts=(Cut.WHOLE,),
            )  # fmt: skip


CASES: list[Case] = list(_cases())
