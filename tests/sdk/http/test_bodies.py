"""Bodies of responses: framing, decompression, and the limit on their size."""

from __future__ import annotations

import gzip
import os
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkwire import http
from checkwire.sdk.http.decoding import BadCoding, Content, TooLarge
from support.attempt import Told, attempt
from support.httpserver import HttpServer, reply
from support.rawserver import Peer, RawServer, answering


def _get(*answer: str | bytes, method: str = "GET", **options: object) -> Told:
    with RawServer(answering(*answer)) as server:

        async def check():
            return await http.request(method, f"http://{server.place}/", **options)

        return attempt(check)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize(
    "answer",
    [
        ("HTTP/1.1 200 OK", "Content-Length: 5", b"hello"),
        (
            "HTTP/1.1 200 OK",
            "Transfer-Encoding: chunked",
            b"2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK",
            "Transfer-Encoding: chunked",
            b"5\r\nhello\r\n0\r\nTrailer-Field: x\r\n\r\n",
        ),
        ("HTTP/1.1 200 OK", b"hello"),
        ("HTTP/1.0 200 OK", b"hello"),
        ("HTTP/1.1 200 OK", "Connection: close", b"hello"),
    ],
)
def test_a_body_is_read_however_it_is_framed(answer):
    told = _get(*answer)
    assert told.result.content == b"hello"
    assert told.exchange.response_size == 5


def test_a_large_body_comes_whole_and_in_order():
    body = os.urandom(5_000_000)
    told = _get("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", body)
    assert told.result.content == body


def test_a_body_that_comes_byte_by_byte_is_read():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        peer.stay()

    with RawServer(script) as server:

        async def check():
            return await http.get(f"http://{server.place}/")

        assert attempt(check).result.content == b"hello"


@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Changed")],
)
def test_what_has_no_body_does_not_wait_for_one(method, status):
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(f"HTTP/1.1 {status}\r\nContent-Length: 99999999999\r\n\r\n".encode())
        peer.stay()

    with RawServer(script) as server:

        async def check():
            return await http.request(method, f"http://{server.place}/")

        told = attempt(check)
    assert told.result.content == b""
    assert told.result.headers["Content-Length"] == "99999999999"


def test_answers_before_the_answer_are_skipped():
    told = _get(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    assert told.result.status == 200
    assert told.result.text == "ok"
    assert "link" not in told.result.headers


@pytest.mark.parametrize("coding", sorted(CODINGS))
def test_a_compressed_body_is_decompressed(coding):
    body = os.urandom(1000) * 300
    packed = CODINGS[coding](body)
    told = _get("HTTP/1.1 200 OK", f"Content-Encoding: {coding}", packed)
    assert told.result.content == body
    assert told.exchange.response_size == len(body)


def test_codings_are_undone_in_reverse_order():
    body = b"twice" * 100
    packed = gzip.compress(_raw_deflate(body))
    told = _get("HTTP/1.1 200 OK", "Content-Encoding: deflate, identity, gzip", packed)
    assert told.result.content == body


def test_padding_behind_gzip_is_ignored():
    """As gzip(1) does; a further member behind it counts."""
    packed = gzip.compress(b"one, ") + bytes(8) + gzip.compress(b"two") + bytes(100_000)
    assert _get("HTTP/1.1 200 OK", "Content-Encoding: gzip", packed).result.text == "one, two"


def test_an_empty_body_needs_no_decompression():
    told = _get("HTTP/1.1 200 OK", "Content-Encoding: gzip", "Content-Length: 0")
    assert told.result.content == b""


def test_an_unknown_coding_is_left_as_it_is_and_named_where_it_matters():
    with HttpServer(lambda _: reply("200 OK", b"\xff\x01", "Content-Encoding: br")) as server:

        async def check():
            answer = await http.get(server.url)
            assert answer.content == b"\xff\x01"
            answer.json()

        told = attempt(check)
    assert told.failure.code == "http.invalid_json"
    assert "it is encoded as br" in told.failure.message


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "the gzip data ends too early"),
        (b"plain text", "it is not gzip data"),
        (gzip.compress(b"x", mtime=0) + b"trailing", "it is not gzip data"),
    ],
)
def test_a_body_that_cannot_be_decompressed_is_not_valid(packed, said):
    told = _get("HTTP/1.1 200 OK", "Content-Encoding: gzip", packed)
    assert told.failure.code == "http.protocol"
    assert said in told.failure.message


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_decompression_bomb_is_stopped_at_the_limit(coding):
    bomb = CODINGS[coding](bytes(64 * 1024 * 1024))
    assert len(bomb) < 100_000
    told = _get("HTTP/1.1 200 OK", f"Content-Encoding: {coding}", bomb)
    assert told.failure.code == "http.too_large"
    assert told.exchange.status is None
    assert told.exchange.response_size <= 10 * 1024 * 1024 + 64 * 1024


def test_a_bomb_in_a_bomb_is_stopped_too():
    bomb = gzip.compress(gzip.compress(bytes(256 * 1024 * 1024)))
    told = _get("HTTP/1.1 200 OK", "Content-Encoding: gzip, gzip", bomb)
    assert told.failure.code == "http.too_large"


def test_a_body_that_says_it_is_too_large_is_not_read():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10485761\r\n\r\n")
        peer.read_to_end()

    with RawServer(script) as server:

        async def check():
            await http.get(f"http://{server.place}/")

        told = attempt(check)
    assert told.failure.code == "http.too_large"
    assert "10,485,761" in told.failure.message


def test_a_body_without_end_is_stopped_at_the_limit():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b"x" * 65536)

    with RawServer(script) as server:

        async def check():
            await http.get(f"http://{server.place}/", max_size=1_000_000)

        told = attempt(check)
    assert told.failure.code == "http.too_large"


def test_compressed_nothing_without_end_is_stopped_too():
    told = _get(
        "HTTP/1.1 200 OK", "Content-Encoding: gzip", gzip.compress(b"", mtime=0) * 100, max_size=999
    )
    assert told.failure.code == "http.too_large"
    assert told.exchange.response_size == 0


def test_the_limit_can_be_raised_and_lifted():
    body = b"x" * 11_000_000
    with HttpServer(lambda _: reply("200 OK", body)) as server:

        async def check():
            first = await http.get(server.url, max_size=11_000_000)
            second = await http.get(server.url, max_size=None)
            return len(first.content), len(second.content)

        assert attempt(check).result == (11_000_000, 11_000_000)


@settings(deadline=None, max_examples=60)
@given(
    body=st.binary(max_size=3000),
    repeat=st.integers(1, 200),
    members=st.integers(1, 3),
    coding=st.sampled_from(["gzip", "deflate", "raw"]),
    cuts=st.lists(st.integers(0, 4000), max_size=8),
)
def test_decompression_does_not_depend_on_how_the_bytes_arrive(body, repeat, members, coding, cuts):
    body *= repeat
    if coding == "gzip":
        packed, whole = gzip.compress(body, mtime=0) * members, body * members
    else:
        packed = zlib.compress(body) if coding == "deflate" else _raw_deflate(body)
        whole, coding = body, "deflate"
    edges = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    content = Content([coding])
    for start, end in pairwise(edges):
        content.feed(packed[start:end])
    content.finish()
    assert bytes(content.data) == whole


@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=500), coding=st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_are_decoded_or_refused(data, coding):
    content = Content([coding], 10_000)
    try:
        content.feed(data)
        content.finish()
    except (BadCoding, TooLarge):
        return
    assert len(content.data) <= 10_000
