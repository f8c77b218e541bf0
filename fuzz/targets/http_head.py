"""The head of an HTTP response, and the beginning of a chunked body."""

from __future__ import annotations

from checkwire.wire.http_head import HEAD_LIMIT, head_ended, malformed_line, parse_head, unchunked

__all__ = ["target"]


def target(data: bytes) -> None:
    """The bytes are the head and what follows it."""
    head = parse_head(data)
    assert parse_head(bytearray(data)) == head
    if head is not None:
        assert 100 <= head.status <= 999 or head.status < 100
        assert 0 < head.size <= len(data)
        assert len(data) > HEAD_LIMIT or head_ended(bytearray(data[: head.size]))
        assert parse_head(data[: head.size]) == head
        assert malformed_line(data) is None
        for name, value in head.headers:
            assert not set(name) & set(" \t\r\n:"), name
            assert not set(value) & set("\r\n"), value
            assert head.get(name.lower()) is not None
    elif data.startswith(b"HTTP/1.") and (b"\n\n" in data or b"\n\r\n" in data):
        assert malformed_line(data) is not None
    assert len(unchunked(data)) <= len(data)
