"""However the bytes of a server are cut, they mean the same; and whatever they are, the connection
comes to an end with a name.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkwire.model.errors import CheckwireError, ConnectError, ConnectionClosed
from checkwire.model.events import ConnectionClosed as Closed
from checkwire.model.failures import CODES
from checkwire.wire.session.connection import Connection
from support.frames import TEXT, frame, text
from support.loops import Run, run
from support.observing import Recording
from support.pairing import Far, answered, feed, paired, tls_server
from support.pki import Pki
from support.streams import Conversation, chunked, conversations, mutated

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
TIMEOUTS = {"dns": 5, "tcp": 5, "tls": 5, "upgrade": 5, "close": 0.2}


async def all_messages(connection: Connection) -> tuple[list[str | bytes], str]:
    """Everything up to the end, and the code of the end."""
    messages = []
    try:
        while True:
            messages.append((await connection.receive(10)).data)
    except ConnectionClosed as closed:
        await connection.wait_closed()
        return messages, closed.failure.code


async def hear(
    seen: Recording, conversation: Conversation, chunks: list[bytes], *, reset: bool = False
) -> tuple[list[str | bytes], str]:
    """What a client makes of these bytes, which end with a FIN or an RST."""
    headers = [DEFLATE] if conversation.compressed else []
    async with paired(seen, *headers, message=200_000, timeouts=TIMEOUTS) as (connection, far):
        hearing = asyncio.ensure_future(all_messages(connection))
        await feed(connection, far, chunks)
        far.reset() if reset else far.fin()
        return await hearing


def ended_properly(seen: Recording) -> None:
    """The last event tells of the end, the only one; what failed has a name."""
    assert isinstance(seen.events[-1], Closed)
    assert len(seen.of(Closed)) == 1
    assert len(seen.failures) <= 1
    for failure in [*seen.failures, *seen.warnings]:
        assert failure.code in CODES
        assert failure.message
    assert [f.number for f in seen.frames] == sorted({f.number for f in seen.frames})


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_bytes_mean_the_same_however_they_are_cut(data: st.DataObject) -> None:
    conversation = data.draw(conversations())
    chunks = data.draw(chunked(conversation.data))
    whole, parts = Recording(), Recording()
    expected = run(hear(whole, conversation, [conversation.data]))
    assert run(hear(parts, conversation, chunks)) == expected
    assert expected[0] == conversation.messages
    assert expected[1] == {None: "ws.closed_abnormally", 1001: "ws.draining"}.get(
        conversation.close, "ws.closed"
    )
    for seen in (whole, parts):
        ended_properly(seen)
        assert seen.closed.messages_in == len(conversation.messages)
        assert seen.closed.code == (conversation.close or 1006)
    tell = [
        [(f.opcode, f.fin, f.size, f.wire_size, f.compressed, f.payload) for f in seen.frames
         if f.direction == "in"]
        for seen in (whole, parts)
    ]  # fmt: skip
    assert tell[0] == tell[1]
    assert whole.codes == parts.codes


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_frames_come_to_an_end_with_a_name(data: st.DataObject) -> None:
    conversation = data.draw(conversations())
    bytes_ = data.draw(mutated(conversation.data) | st.binary(max_size=200))
    chunks = data.draw(chunked(bytes_))
    seen = Recording()
    messages, code = run(hear(seen, conversation, chunks, reset=data.draw(st.booleans())))
    ended_properly(seen)
    assert code.startswith("ws."), code
    assert len(messages) == seen.closed.messages_in


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_truncated_frames_come_to_an_end_with_a_name(data: st.DataObject) -> None:
    conversation = data.draw(conversations())
    cut = data.draw(st.integers(0, len(conversation.data)))
    seen = Recording()
    messages, code = run(hear(seen, conversation, [conversation.data[:cut]]))
    ended_properly(seen)
    assert messages == conversation.messages[: len(messages)]
    if cut < len(conversation.data):
        assert code == "ws.closed_abnormally"


# The handshake

GOOD = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
BAD = (
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope!",
    b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n",
    b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_answer_to_the_upgrade_is_a_connection_or_a_failure(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([GOOD + text("hello") + frame(TEXT, b"x", rsv=1), *BAD]))
    # The key is not known yet, so what is drawn is how the answer is changed.
    changed = data.draw(st.just(base) | mutated(base) | st.binary(max_size=100))
    chunks = data.draw(chunked(changed))
    end = data.draw(st.sampled_from(["fin", "reset"]))
    seen = Recording()

    async def answer(far: Far) -> None:
        from support.rawserver import accept_key

        request = await far.read()
        key = request.partition(b"Sec-WebSocket-Key: ")[2][:24].decode()
        for chunk in b"".join(chunks).replace(b"%s", accept_key(key).encode()).split(b"\0\0\0"):
            await far.send(chunk)
        getattr(far, end)()

    async def check() -> None:
        async with answered(answer, seen, timeouts=TIMEOUTS) as (opening, _):
            (outcome,) = await asyncio.gather(opening, return_exceptions=True)
            if isinstance(outcome, ConnectError):
                assert outcome.failure in seen.failures
                assert outcome.failure.phase == "upgrade"
            else:
                assert isinstance(outcome, Connection), outcome
                _, code = await all_messages(outcome)
                assert code.startswith("ws.")

    run(check())
    ended_properly(seen)


# TLS


def handshaking(
    context: ssl.SSLContext, change: dict[int, bytes], then: bytes
) -> tuple[Any, list[int]]:
    """A TLS server that changes single bytes of what it sends, and how much it has sent."""
    sent = [0]

    async def answer(far: Far) -> None:
        session, incoming, outgoing = tls_server(context)

        async def flush() -> None:
            data = bytearray(outgoing.read())
            for place, value in change.items():
                if 0 <= place - sent[0] < len(data):
                    data[place - sent[0] : place - sent[0] + 1] = value
            sent[0] += len(data)
            if data:
                await far.send(bytes(data))

        shaken = False
        request = b""
        while data := await far.read():
            incoming.write(data)
            try:
                if not shaken:
                    session.do_handshake()
                    shaken = True
                request += session.read(65536)
            except ssl.SSLWantReadError:
                await flush()
                continue
            except ssl.SSLError:
                await flush()
                break
            from support.rawserver import accept_key

            key = request.partition(b"Sec-WebSocket-Key: ")[2][:24].decode()
            session.write((GOOD % accept_key(key).encode()) + then)
            await flush()
            break
        far.fin()

    return answer, sent


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_any_byte_of_tls_may_be_wrong(pki: Pki, version: ssl.TLSVersion) -> None:
    context = pki.server()
    context.minimum_version = context.maximum_version = version

    async def once(change: dict[int, bytes], seen: Recording) -> int:
        answer, sent = handshaking(context, change, text("hello"))
        given = {"ca": pki.ca, "timeouts": {**TIMEOUTS, "tls": 0.2, "upgrade": 0.2}}
        async with answered(answer, seen, scheme="wss", **given) as (opening, _):
            try:
                connection = await opening
            except CheckwireError:
                pass
            else:
                messages, code = await all_messages(connection)
                assert code == "ws.closed_abnormally"
                if not change:
                    assert messages == ["hello"]
        return int(sent[0])

    seen = Recording()
    size = run(once({}, seen))
    assert seen.codes == ["ws.closed_abnormally"]
    for place in range(0, size, 23):
        for value in (b"\x00", b"\xff", b""):
            seen = Recording()
            run(once({place: value}, seen))
            ended_properly(seen)
            assert seen.codes, (place, value)
            assert seen.codes[0].split(".")[0] in ("tls", "upgrade", "ws")


def test_a_pair_is_what_it_says(on_each_loop: Run[Any]) -> None:
    """Each chunk is read alone."""
    seen = Recording()

    async def check() -> None:
        async with paired(seen) as (connection, far):
            await feed(connection, far, [text("a") + text("b"), text("c")])
            assert [(await connection.receive(5)).data for _ in range(3)] == ["a", "b", "c"]

    on_each_loop(check())
    assert [f.coalesced for f in seen.frames] == [True, False, False]
