"""The corners of permessage-deflate (RFC 7692) in which the library is helped on."""

from __future__ import annotations

import random
import zlib
from typing import Any

import pytest

from checkwire.model.errors import ConnectionClosed
from support.connecting import opened
from support.frames import BINARY, CONTINUATION, TEXT, deflated, frame
from support.loops import Run, run
from support.observing import Recording
from support.rawserver import Peer, RawServer, Script, upgraded

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def ended(payload: bytes) -> bytes:
    """A message whose last block says that it is the last one (section 7.2.3.4)."""
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(payload) + deflate.flush(zlib.Z_FINISH) + b"\x00"


def compressed(*payloads: bytes, opcode: int = TEXT) -> bytes:
    return b"".join(frame(opcode, payload, rsv=4) for payload in payloads)


def sending(data: bytes, parameters: str = "") -> Script:
    def script(peer: Peer) -> None:
        peer.send(data)
        peer.read_to_end()

    return upgraded(script, DEFLATE + parameters)


async def received(url: str, count: int, seen: Recording | None = None, **given: Any) -> list[Any]:
    async with opened(url, seen, **given) as connection:
        return [(await connection.receive(10)).data for _ in range(count)]


@pytest.mark.parametrize("parameters", ["", "; server_no_context_takeover"])
@pytest.mark.parametrize("size", [5, 100_000])
def test_messages_come_after_a_block_that_says_it_is_the_last(
    on_each_loop: Run[Any], parameters: str, size: int
) -> None:
    long = random.Random(size).randbytes(size).hex().encode()
    data = compressed(ended(long), deflated(b"more"), ended(long), ended(b""), deflated(b"end"))
    with RawServer(sending(data, parameters)) as server:
        messages = on_each_loop(received(server.url, 5))
    assert messages == [long.decode(), "more", long.decode(), "", "end"]


@pytest.mark.parametrize("parameters", ["", "; server_no_context_takeover"])
def test_a_message_may_hold_blocks_after_its_last_one(parameters: str) -> None:
    two = ended(b"one, ")[:-1] + deflated(b"two")
    parts = frame(TEXT, two[:4], fin=False, rsv=4)
    parts += b"".join(frame(CONTINUATION, bytes((byte,)), fin=False) for byte in two[4:])
    data = compressed(two) + parts + frame(CONTINUATION) + compressed(deflated(b"three"))
    with RawServer(sending(data, parameters)) as server:
        messages = run(received(server.url, 3))
    assert messages == ["one, two", "one, two", "three"]


def test_a_last_block_without_the_byte_that_should_follow_it_is_forgiven() -> None:
    data = compressed(ended(b"short of a byte")[:-1], deflated(b"more"))
    with RawServer(sending(data)) as server:
        assert run(received(server.url, 2)) == ["short of a byte", "more"]


@pytest.mark.parametrize(
    ("payload", "code", "sent_code"),
    [
        (ended(b"")[:-1] * 10_000, "ws.bad_compression", 1002),
        (ended(b"one")[:-1] + b"\xff" * 10, "ws.bad_compression", 1002),
        (ended(b"x" * 600)[:-1] + deflated(b"x" * 401), "ws.too_big", 1009),
        (ended(b"x" * 1125)[:-1] + deflated(b"x"), "ws.too_big", 1009),
        (ended(b"x" * 600)[:-1] + deflated(bytes(50_000_000)), "ws.too_big", 1009),
    ],
)
def test_what_follows_a_last_block_has_the_bounds_of_all(
    payload: bytes, code: str, sent_code: int
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, message=1000) as connection:
            with pytest.raises(ConnectionClosed):
                await connection.receive(10)
            await connection.wait_closed()

    data = frame(BINARY, payload, rsv=4)
    if len(payload) > 1000:  # Its header alone would be refused.
        data = frame(BINARY, payload[:100], fin=False, rsv=4)
    with RawServer(sending(data)) as server:
        run(check(server))
    assert seen.codes == [code]
    assert seen.closed.sent_code == sent_code


def test_a_window_of_256_bytes_is_kept_to(on_each_loop: Run[Any]) -> None:
    draw = random.Random(256)
    block = draw.randbytes(300)
    messages = [
        b"".join(block + draw.randbytes(distance) + block for distance in range(0, 600, 7)),
        bytes(20_000),
        b"".join(draw.choice([b"buy ", b"sell ", b"hold "]) for _ in range(5_000)),
        *(block[:size] * 20 for size in (200, 240, 249, 250, 251, 255, 256, 257, 262, 300)),
    ]
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.handshake(f"{DEFLATE}; client_max_window_bits=8")
        inflate = zlib.decompressobj(wbits=-8)
        for _ in messages:
            payload = peer.read_frame().payload + b"\x00\x00\xff\xff"
            heard.append(inflated_strictly(inflate, payload))
        peer.answer_goodbye()
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            for message in messages:
                connection.send(message)
            await connection.close()

    with RawServer(script) as server:
        on_each_loop(check(server))
    assert heard == messages


def inflated_strictly(inflate: Any, payload: bytes) -> bytes:
    """Inflate one byte at a time: what zlib puts out in one call counts as window, whatever its
    size.
    """
    data = bytearray()
    for byte in payload:
        more = inflate.decompress(bytes((byte,)), 1)
        while more or inflate.unconsumed_tail:
            data += more
            more = inflate.decompress(inflate.unconsumed_tail, 1)
    return bytes(data)


def test_a_window_that_is_too_large_would_be_noticed() -> None:
    block = random.Random(1).randbytes(300)
    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(block * 2) + deflate.flush()
    with pytest.raises(zlib.error, match="too far back"):
        inflated_strictly(zlib.decompressobj(wbits=-8), packed)


def test_the_extension_is_told_as_the_server_named_it() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake(f"{DEFLATE}; client_max_window_bits=8")
        peer.answer_goodbye()
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            assert connection.handshake.extensions == (
                "permessage-deflate; client_max_window_bits=8",
            )
            await connection.close()

    with RawServer(script) as server:
        run(check(server))
