"""What servers send, well-formed or not, as hypothesis draws it."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

from support import frames
from support.frames import BINARY, CONTINUATION, PING, PONG, TEXT, frame

__all__ = ["Conversation", "chunked", "conversations", "mutated"]


class Conversation(NamedTuple):
    """Frames of a server, and what they mean.

    Attributes:
        data: the bytes.
        messages: what a client must make of them.
        compressed: whether permessage-deflate is agreed on.
        close: the close code at the end, ``None`` if there is none.
    """

    data: bytes
    messages: list[str | bytes]
    compressed: bool
    close: int | None


_messages = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40),
    st.text(min_size=1, max_size=3).map(lambda part: part * 100),
    st.binary(min_size=1, max_size=2).map(lambda part: part * 40_000),
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Messages, fragmented at random, with control frames between the fragments."""
    compressed = draw(st.booleans())
    deflate = zlib.compressobj(wbits=-15)
    messages = draw(st.lists(_messages, max_size=5))
    parts: list[bytes] = []
    for message in messages:
        payload = message.encode() if isinstance(message, str) else message
        rsv = 0
        if compressed and draw(st.booleans()):
            payload = (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
            rsv = 4
        cuts = draw(st.lists(st.integers(0, len(payload)), max_size=3).map(sorted))
        edges = [0, *cuts, len(payload)]
        opcode = TEXT if isinstance(message, str) else BINARY
        for index, (start, end) in enumerate(pairwise(edges)):
            fin = index == len(cuts)
            parts.append(frame(opcode, payload[start:end], fin=fin, rsv=rsv))
            opcode, rsv = CONTINUATION, 0
            if draw(st.integers(0, 3)) == 0:
                control = draw(st.sampled_from([PING, PONG]))
                parts.append(frame(control, draw(st.binary(max_size=20))))
    close = draw(st.none() | st.sampled_from([1000, 1001, 1011, 3000, 4999]))
    if close is not None:
        parts.append(frames.close(close, draw(st.text("abcé", max_size=20))))
    return Conversation(b"".join(parts), messages, compressed, close)


@st.composite
def chunked(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The data cut at random, or after every byte if there are few."""
    if len(data) < 400 and draw(st.booleans()):
        return [data[index : index + 1] for index in range(len(data))]
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=12).map(sorted))
    edges = [0, *cuts, len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """The data with a few bytes changed, added, doubled or taken away."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(changed)))
        match draw(st.sampled_from(["change", "flip", "insert", "delete", "cut", "repeat"])):
            case "change" if place < len(changed):
                changed[place] = draw(st.integers(0, 255))
            case "flip" if place < len(changed):
                changed[place] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                changed[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del changed[place : place + draw(st.integers(1, 8))]
            case "cut":
                del changed[place:]
            case "repeat":
                changed[place:place] = changed[place : place + draw(st.integers(1, 30))]
    return bytes(changed)
