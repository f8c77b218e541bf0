"""The echo server speaks WebSocket as jmalloc/echo-server does."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_sync

from support.echo_server import ACCEPT, KEY, frame, running_echo

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A


@pytest.fixture(scope="module")
def echo():
    with running_echo() as server:
        yield server


def test_the_handshake_has_three_headers_and_no_other(echo):
    with echo.connect() as client:
        head = client.upgrade(
            "Origin: https://anywhere.example",
            "Sec-WebSocket-Protocol: chat, superchat",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            path="/any/path?and=query",
        )
    assert head.split("\r\n") == [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {ACCEPT}",
        "",
        "",
    ]


def test_it_greets_with_the_host_name_as_text(echo):
    with echo.open(greeted=False) as client:
        assert client.read_frame() == (TEXT, f"Request served by {socket.gethostname()}".encode())


@pytest.mark.parametrize("value", ["false", "FALSE"])
def test_who_wants_no_host_name_is_greeted_by_an_empty_text(echo, value):
    with echo.open(f"X-Send-Server-Hostname: {value}", greeted=False) as client:
        assert client.read_frame() == (TEXT, b"")


def test_a_server_without_greeting_says_nothing_first():
    with running_echo(greeting=False) as server, server.open(greeted=False) as client:
        client.send(frame(TEXT, b"first"))
        assert client.read_frame() == (TEXT, b"first")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 3_000_000])
def test_messages_come_back_as_they_are_whatever_their_size(echo, size):
    data = os.urandom(size)
    text = "ü" * (size // 2)
    with connect_sync(echo.url, max_size=None, proxy=None) as ws:
        ws.recv()
        ws.send(data)
        assert ws.recv() == data
        ws.send(text)
        assert ws.recv() == text


def test_text_need_not_be_utf_8(echo):
    with echo.open() as client:
        client.send(frame(TEXT, b"\xff\xfe"))
        assert client.read_frame() == (TEXT, b"\xff\xfe")


@pytest.mark.parametrize("opcode", [0x1, 0x2])
def test_fragments_come_back_as_one_frame_even_around_a_ping(echo, opcode):
    with echo.open() as client:
        client.send(frame(opcode, b"one ") + frame(PING, b"now") + frame(0x0, b"two "))
        client.send(frame(0x80, b"three"))
        assert client.read_frame() == (PONG, b"now")
        assert client.read_frame() == (0x80 | opcode, b"one two three")
        client.send(frame(TEXT, b"next"))
        assert client.read_frame() == (TEXT, b"next")


def test_empty_fragments_are_fragments(echo):
    with echo.open() as client:
        client.send(frame(0x1) + frame(0x0) + frame(0x80, b"end"))
        assert client.read_frame() == (TEXT, b"end")


def test_a_ping_is_answered_and_a_pong_ignored(echo):
    with echo.open() as client:
        client.send(frame(PONG, b"unasked") + frame(PING, b"x" * 125))
        assert client.read_frame() == (PONG, b"x" * 125)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1013, 3000, 4999])
def test_a_close_comes_back_with_its_code_and_without_its_reason(echo, code):
    with echo.open() as client:
        client.send(frame(CLOSE, struct.pack("!H", code) + b"good bye"))
        assert client.read_frame() == (CLOSE, struct.pack("!H", code))
        assert client.read_to_end() == b""


@pytest.mark.parametrize("payload", [b"", b"\x03"])
def test_a_close_without_a_code_comes_back_empty(echo, payload):
    with echo.open() as client:
        client.send(frame(CLOSE, payload))
        assert client.read_frame() == (CLOSE, b"")
        assert client.read_to_end() == b""


def test_a_close_amid_a_fragmented_message_is_a_close(echo):
    with echo.open() as client:
        client.send(frame(0x1, b"begun") + frame(CLOSE, b"\x03\xe8"))
        assert client.read_frame() == (CLOSE, b"\x03\xe8")


def test_what_follows_a_close_is_not_echoed(echo):
    with echo.open() as client:
        client.send(frame(CLOSE, b"\x03\xe8") + frame(TEXT, b"too late"))
        assert client.read_frame() == (CLOSE, b"\x03\xe8")
        assert client.read_to_end() == b""


def test_what_was_echoed_arrives_even_if_the_client_goes_on_after_its_close(echo):
    message = os.urandom(3_000_000)
    with echo.open() as client:
        client.send(frame(BINARY, message) + frame(CLOSE, b"\x03\xe8"))
        first = client.read(1)  # The server has everything by now, and is sending.
        client.send(frame(PING, b"late"))
        size, found = client.read(9), client.read(len(message))
        assert first + size == struct.pack("!BBQ", BINARY, 127, len(message))
        assert found == message
        assert client.read_frame() == (CLOSE, b"\x03\xe8")
        assert client.read_to_end() == b""  # no reset


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame(TEXT, b"x", masked=False), b"incorrect mask flag"),
        (frame(0xC1, b"x"), b"unexpected reserved bits 0x40"),
        (frame(0xA1, b"x"), b"unexpected reserved bits 0x20"),
        (frame(0x83, b"x"), b"unknown opcode 3"),
        (frame(0x8B, b"x"), b"unknown opcode 11"),
        (frame(0x09, b"x"), b"control frame not final"),
        (frame(PING, b"x" * 126), b"control frame length > 125"),
        (frame(0x80, b"x"), b"continuation after final message frame"),
        (frame(0x01, b"x") + frame(TEXT, b"y"), b"message start before final message frame"),
        (frame(CLOSE, b"\x03\xed"), b"invalid close code"),
        (frame(CLOSE, b"\x03\xf6"), b"invalid close code"),
        (frame(CLOSE, b"\x13\x88"), b"invalid close code"),
        (frame(CLOSE, b"\x03\xe8\xff"), b"invalid utf8 payload in close frame"),
        (b"\x82\xff\x80" + bytes(11), b"payload length has its first bit set"),
    ],
)
def test_a_broken_rule_closes_with_1002_and_says_which(echo, data, reason):
    with echo.open() as client:
        client.send(frame(TEXT, b"before") + data)
        assert client.read_frame() == (TEXT, b"before")
        assert client.read_frame() == (CLOSE, b"\x03\xea" + reason)
        assert client.read_to_end() == b""


def test_the_reason_arrives_even_while_the_client_goes_on_sending(echo):
    with echo.open() as client:
        client.send(frame(0x83, b"x") + b"\x00" * 1_000_000)
        assert client.read_frame() == (CLOSE, b"\x03\xeaunknown opcode 3")
        assert client.read_to_end() == b""  # no reset


def test_it_hangs_up_on_one_who_was_told_off_and_stays(echo):
    with echo.open() as client:
        client.send(frame(0x83, b"x"))
        client.read_to_end()
        with pytest.raises(ConnectionError):
            client.send_forever(b"x" * 65536)


def test_frames_before_the_handshake_is_over_are_answered_by_hanging_up(echo):
    with echo.connect() as client:
        request = (
            "GET / HTTP/1.1\r\nHost: echo\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        client.send(request.encode() + frame(TEXT, b"hasty"))
        assert client.read_to_end() == b""


def test_a_client_that_does_not_read_is_not_read_from(echo):
    message = frame(BINARY, bytes(1_000_000))
    with echo.open() as client:
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):  # both ends' buffers are full some time
            client.send_forever(message)


def test_backpressure_ends_and_nothing_is_lost(echo):
    async def talk() -> list[int]:
        async with connect(echo.url, max_size=None, max_queue=1, proxy=None) as ws:
            await ws.recv()

            async def send() -> None:
                for number in range(100):
                    await ws.send(bytes([number]) * 500_000)

            sending = asyncio.create_task(send())
            received = [await ws.recv() for _ in range(100)]
            await sending
            assert all(len(set(message)) == 1 for message in received)
            return [message[0] for message in received]

    assert asyncio.run(talk()) == list(range(100))


def test_what_became_of_a_websocket_is_reported():
    with running_echo() as server:
        with server.open() as client:
            client.send(frame(TEXT, b"one") + frame(0x2, b"t") + frame(0x80, b"wo"))
            client.send(frame(CLOSE, struct.pack("!H", 4001)))
            client.read_to_end()
        with server.open():
            pass  # hangs up without a Close
        with server.open() as client:
            client.send(frame(CLOSE))
            client.read_to_end()
    found = [(ex.method, ex.target, ex.status) for ex in server.exchanges]
    assert found == [("GET", "/", 101)] * 3
    assert [(ex.messages, ex.close_code) for ex in server.exchanges] == [
        (2, 4001),
        (0, 1006),
        (0, 1005),
    ]
    assert all(ex.client.startswith("127.0.0.1:") for ex in server.exchanges)
