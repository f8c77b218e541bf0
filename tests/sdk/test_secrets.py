"""Whatever a server does with a secret, and however it is cut, nothing that is told holds it."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkwire import connect, expect, http, log, secret, step
from checkwire.model.events import ConnectionStarted, FrameSeen, Handshake
from checkwire.model.masking import MASK
from support.attempt import Told, attempt
from support.frames import frame
from support.rawserver import Peer, RawServer, answering

Script = Callable[[Peer, bytes], None]

TOKEN = "s3cr3t/Tok3n+Value=xyz?>>"
PASSWORD = "pw-1234"


def strings(value: Any) -> Iterator[str]:
    """All strings in a JSON-like value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from strings(key)
            yield from strings(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from strings(member)


def readings(told: Told) -> Iterator[bytes]:
    """All that can be read out of what was told: as it is, and decoded."""
    for event in told.events:
        if isinstance(event, FrameSeen) and event.base64:
            yield b64decode(event.payload or "")
        for text in strings(msgspec.to_builtins(event)):
            yield text.encode("utf-8", "surrogatepass")
            yield unquote_to_bytes(text)
            with suppress(UnicodeDecodeError):
                yield text.encode().decode("unicode_escape").encode("utf-8", "surrogatepass")
            for run in re.findall(r"(?:[0-9a-fA-F]{2}[ :]?){3,}", text):
                with suppress(ValueError, binascii.Error):
                    yield bytes.fromhex(re.sub("[ :]", "", run))


def assert_untold(token: str, told: Told) -> None:
    size = min(8, len(token))
    parts = [token[start : start + size].encode() for start in range(len(token) - size + 1)]
    for reading in readings(told):
        for part in parts:
            assert part not in reading, reading


# Each does something with bytes in which a secret is, perhaps not all of it.


def not_http(peer: Peer, data: bytes) -> None:
    peer.read_head()
    peer.send(data)


def half_a_head(peer: Peer, data: bytes) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nX: ", data)


def no_header(peer: Peer, data: bytes) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 101 Yes\r\n", data, b"\r\n\r\n")


def refusing(peer: Peer, data: bytes) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 403 ", data, b"\r\nX-Echo: ", data, b"\r\nServer: ", data)
    peer.send(b"\r\nContent-Length: %d\r\n\r\n" % len(data), data)


def body_cut_by_the_limit(peer: Peer, data: bytes) -> None:
    peer.read_head()
    body = b"x" * 500 + data
    peer.send(b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n" % len(body), body)


def redirecting(peer: Peer, data: bytes) -> None:
    peer.read_head()
    where = quote(data).encode()
    peer.send(b"HTTP/1.1 302 Found\r\nLocation: ws://u:", where, b"@h/", where, b"\r\n\r\n")


def wrong_handshake(peer: Peer, data: bytes) -> None:
    peer.handshake(f"Sec-WebSocket-Protocol: {data.decode('latin-1')}")


def unknown_extension(peer: Peer, data: bytes) -> None:
    peer.handshake(f"Sec-WebSocket-Extensions: {data.decode('latin-1')}")


def text(peer: Peer, data: bytes) -> None:
    peer.handshake(then=frame(1, data))


def fragments(peer: Peer, data: bytes) -> None:
    middle = len(data) // 2
    peer.handshake(then=frame(1, data[:middle], fin=False) + frame(0, data[middle:]))


def binary(peer: Peer, data: bytes) -> None:
    peer.handshake(then=frame(2, b"\xff\x00" + data + b"\xfe"))


def large(peer: Peer, data: bytes) -> None:
    peer.handshake(then=frame(1, b"x" * 4090 + data))


def ping(peer: Peer, data: bytes) -> None:
    peer.handshake(then=frame(9, data[:125]))


def closing(peer: Peer, data: bytes) -> None:
    peer.handshake(then=frame(8, b"\x0f\xa1" + data[:123]))


def reserved_opcode(peer: Peer, data: bytes) -> None:
    peer.handshake()
    peer.read_frame()
    peer.send(frame(3, data))


def bad_frame_in_a_read_of_its_own(peer: Peer, data: bytes) -> None:
    middle = len(data) // 2
    peer.handshake(then=frame(2, data)[: 2 + middle])
    peer.read_frame()
    peer.send(data[middle:], b"\xb3\x00")


def http_inside(peer: Peer, data: bytes) -> None:
    peer.handshake()
    peer.read_frame()
    peer.send(b"HTTP/1.1 502 ", data, b"\r\n\r\n", b"y" * 480, data)


SCRIPTS: list[Script] = [
    not_http, half_a_head, no_header, refusing, body_cut_by_the_limit, redirecting,
    wrong_handshake, unknown_extension, text, fragments, binary, large, ping, closing,
    reserved_opcode, bad_frame_in_a_read_of_its_own, http_inside,
]  # fmt: skip


def visit(script: Script, data: bytes, token: str) -> Told:
    """Open a WebSocket there, and take what comes."""
    with RawServer(lambda peer: script(peer, data)) as server:

        async def check() -> None:
            secret("TOKEN")
            async with connect(server.url) as ws:
                await ws.send("go")
                while True:
                    await ws.receive()

        told = attempt(check, env={"TOKEN": token})
    assert told.error is not None
    return told


tokens = st.text("abcXYZ0189/+=?&%'<>-_.", min_size=4, max_size=40)
elsewhere = st.text("~|^*", max_size=30)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(SCRIPTS), tokens, elsewhere, elsewhere, st.integers(0, 90))
def test_no_part_of_a_secret_is_told_whatever_a_server_does_with_it(
    script: Script, token: str, before: str, after: str, size: int
) -> None:
    data = f"{before}{token}{after}".encode()
    breaking_off = (not_http, half_a_head, body_cut_by_the_limit, ping, closing, reserved_opcode)
    told = visit(script, data[: size or 1] if script in breaking_off else data, token)
    assert_untold(token, told)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_secret_is_masked_wherever_a_server_puts_it(script: Script) -> None:
    told = visit(script, f"~~{TOKEN}~~".encode(), TOKEN)
    assert_untold(TOKEN, told)
    assert any(MASK[0].encode() in reading for reading in readings(told))


@settings(max_examples=60, deadline=None)
@given(tokens, elsewhere, st.integers(1, 90))
def test_no_part_of_a_secret_is_told_of_an_http_answer(token: str, before: str, size: int) -> None:
    data = f"{before}{token}".encode()[:size]
    with RawServer(lambda peer: not_http(peer, data)) as server:

        async def check() -> None:
            await http.get(f"http://{server.place}/?t=1")

        told = attempt(check, secrets={"TOKEN": token})
    assert_untold(token, told)


@settings(max_examples=60, deadline=None)
@given(tokens, elsewhere, st.integers(1, 90), st.sampled_from(["http", "socks5"]))
def test_no_part_of_a_secret_is_told_of_a_proxys_answer(
    token: str, before: str, size: int, scheme: str
) -> None:
    data = f"{before}{token}".encode()[:size]

    def script(peer: Peer) -> None:
        if scheme == "http":
            peer.read_head()
        else:
            peer.read(3)
        peer.send(data)

    with RawServer(script) as server:

        async def check() -> None:
            await connect("ws://host.invalid/", proxy=f"{scheme}://{server.place}")

        told = attempt(check, secrets={"TOKEN": token})
    assert_untold(token, told)


def test_a_proxys_headers_are_told_without_secrets() -> None:
    refusal = answering("HTTP/1.1 407 No", f"X-Echo: {TOKEN}", "Set-Cookie: session=abcdef")
    with RawServer(refusal) as server:

        async def check() -> None:
            await connect("ws://host.invalid/", proxy=f"http://user:{PASSWORD}@{server.place}")

        told = attempt(check, secrets={"TOKEN": TOKEN})
    assert told.failure.code == "proxy.auth_required"
    assert_untold(TOKEN, told)
    assert "abcdef" not in str(told.events)
    assert PASSWORD not in str(told.events)


@settings(max_examples=100, deadline=None)
@given(tokens, elsewhere, st.integers(0, 600))
def test_no_part_of_a_secret_is_told_of_what_a_check_says(
    token: str, before: str, size: int
) -> None:
    text = f"{'~' * size}{before}{token}"

    async def check() -> None:
        key = secret("TOKEN")
        async with step(f"log in with {text}"):
            log(text, [text], field=text)
            log(text.encode(), repr([text]), json.dumps(text).replace("/", "\\/"), key=key)
        for actual, expected in (
            (text, f"{text}!"),
            ({"a": [text]}, {"a": [f"{text}!"]}),
            (f"{text}\n~", f"~\n{text}"),
            (text.encode(), b""),
            ([text] * 3, 1),
            (ValueError(text), 1),
        ):
            with suppress(Exception):
                expect(actual, text).equals(expected)
            with suppress(Exception):
                expect(actual).contains(expected)
        with suppress(Exception):
            step(text.encode())  # type: ignore[arg-type]
        with suppress(Exception):
            connect(text.encode())  # type: ignore[arg-type]

    assert_untold(token, attempt(check, env={"TOKEN": token}))


def test_the_credentials_in_a_url_are_shown_nowhere() -> None:
    with RawServer(lambda peer: text(peer, b"hello")) as server:
        shown = []

        async def check() -> None:
            async with connect(server.url.replace("//", f"//user:{PASSWORD}@")) as ws:
                shown.append(repr(ws))
                await ws.receive()
            for wrong in (
                f"ftp://user:{PASSWORD}@h/",
                f"ws://user:{PASSWORD}@h:x/",
                f"user:{PASSWORD}@h/",
                f"ws://user:{PASSWORD}/x@h/",
                f"wss://user:{PASSWORD}@h/ a",
            ):
                with suppress(Exception):
                    await connect(wrong)
                with suppress(Exception):
                    await http.get(wrong)

        told = attempt(check)
        (connection,) = (e for e in told.events if isinstance(e, ConnectionStarted))
        assert connection.url == server.url
        assert server.peers[0].header("Authorization") == "Basic dXNlcjpwdy0xMjM0"
    assert PASSWORD not in "".join(shown) + str(told.events)
    assert sum(isinstance(event, Handshake) for event in told.events) == 1
