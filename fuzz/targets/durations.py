"""Durations as people write them."""

from __future__ import annotations

import math

from checkwire.model.durations import format_ns, format_seconds, parse_duration

__all__ = ["target"]


def target(data: bytes) -> None:
    """The bytes are the text."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        assert "is not a duration" in str(error)
        return
    assert seconds >= 0
    assert math.isfinite(seconds)
    assert format_seconds(seconds)
    assert format_ns(-round(seconds * 1e9))
    assert parse_duration(f" {text} ") == seconds
    assert parse_duration(seconds) == seconds
