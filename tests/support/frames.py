"""Frames byte by byte, as the fault server writes them."""

from checkwire.faults.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    SeenFrame,
    close,
    deflated,
    frame,
    masked,
    parse,
    text,
)

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "SeenFrame",
    "close",
    "deflated",
    "frame",
    "masked",
    "parse",
    "text",
]
