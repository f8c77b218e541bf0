"""The head of an HTTP response."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.wire.http_head import (
    HEAD_LIMIT,
    head_ended,
    malformed_line,
    parse_head,
    unchunked,
)

HEAD = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\nX-Empty:\r\nx-two: 1\r\nX-Two: 2\r\n\r\n"
)


def test_status_line_and_headers_are_read() -> None:
    head = parse_head(HEAD + b"frames")
    assert head is not None
    assert (head.version, head.status, head.reason) == ("1.1", 101, "Switching Protocols")
    assert head.headers[0] == ("Upgrade", "websocket")
    assert head.get("x-two") == "1, 2"
    assert head.get("x-empty") == ""
    assert head.get("x-none") is None
    assert head.size == len(HEAD)


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 200 All is well"])
def test_a_reason_is_not_needed(line: bytes) -> None:
    head = parse_head(line + b"\r\n\r\n")
    assert head is not None
    assert head.status == 200


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"2"])
def test_other_versions_of_http_are_other_protocols(version: bytes) -> None:
    data = b"HTTP/" + version + b" 200 OK\r\n\r\n"
    assert head_ended(bytearray(data[:7]))
    assert parse_head(data) is None


def test_bare_line_feeds_end_lines_too() -> None:
    head = parse_head(b"HTTP/1.1 404 No\nA: b\n\nrest")
    assert head is not None
    assert (head.status, head.headers, head.size) == (404, (("A", "b"),), 22)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 abc"),
        (b"HTTP/1.1 1000 X\r\n\r\n", "HTTP/1.1 1000 X"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "no colon"),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "A : b"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", " folded"),
        (b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", ": b"),
        (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "A: b\rc"),
    ],
)
def test_the_line_that_is_not_http_is_named(data: bytes, line: str) -> None:
    assert parse_head(data) is None
    assert malformed_line(data) == line


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b", HEAD])
def test_no_line_is_blamed_in_what_is_whole_or_unfinished_or_something_else(data: bytes) -> None:
    assert malformed_line(data) is None


def test_a_head_ends_with_its_empty_line_and_not_before() -> None:
    for size in range(len(HEAD)):
        assert not head_ended(bytearray(HEAD[:size])), size
    assert head_ended(bytearray(HEAD))


@pytest.mark.parametrize("data", [b"S", b"HTTQ", b"HTTP/2", b"\x15\x03\x01", b"\r\nHTTP/1.1"])
def test_what_is_not_http_is_not_waited_for(data: bytes) -> None:
    assert head_ended(bytearray(data))


@pytest.mark.parametrize("data", [b"\x15", b"\x16"])
def test_one_byte_is_too_little_to_know_a_tls_record(data: bytes) -> None:
    assert not head_ended(bytearray(data))
    assert head_ended(bytearray(data + b"\x03"))


def test_a_head_may_be_as_large_as_the_limit_and_no_larger() -> None:
    start = b"HTTP/1.1 200 OK\r\nA: "
    largest = start + b"x" * (HEAD_LIMIT - len(start) - 4) + b"\r\n\r\n"
    assert parse_head(largest + b"more") is not None
    larger = start + b"x" + largest[len(start) :]
    assert parse_head(larger) is None
    assert malformed_line(larger) is None


def test_a_head_that_never_ends_is_not_waited_for() -> None:
    assert head_ended(bytearray(b"HTTP/1.1 200 OK\r\nA: " + b"x" * HEAD_LIMIT))


@given(st.binary() | st.binary().map(lambda data: b"HTTP/1.1 200 OK\r\n" + data + b"\r\n\r\n"))
def test_any_bytes_are_a_head_or_not(data: bytes) -> None:
    head = parse_head(data)
    ended = head_ended(bytearray(data))
    if head is not None:
        assert ended
        assert 0 < head.size <= len(data)
        assert malformed_line(data) is None
        assert all(name and name == name.strip() for name, _ in head.headers)
        assert not any(mark in value for _, value in head.headers for mark in "\r\n")


@given(st.lists(st.binary(min_size=1, max_size=40)), st.integers(0, 60))
def test_a_chunked_body_shows_its_content_as_far_as_it_came(chunks: list[bytes], cut: int) -> None:
    body = b"".join(f"{len(c):x};ext=1\r\n".encode() + c + b"\r\n" for c in chunks) + b"0\r\n\r\n"
    content = b"".join(chunks)
    assert unchunked(body) == content
    assert content.startswith(unchunked(body[:cut]))


@given(st.binary())
def test_a_body_that_only_claims_to_be_chunked_is_no_trouble(data: bytes) -> None:
    assert len(unchunked(data)) <= len(data)
