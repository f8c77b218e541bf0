"""What a frame held, as a reader can take it in."""

from __future__ import annotations

from collections.abc import Iterator

from checkwire.cli.reporters.figures import size
from checkwire.cli.reporters.paint import fold
from checkwire.model.events import FrameSeen

__all__ = ["preview", "whole"]

_HEX_BYTES = 16


def preview(frame: FrameSeen, columns: int) -> str:
    """The payload in one line; what does not fit is cut by whoever draws it."""
    if frame.opcode in ("text", "binary", "continuation") and frame.payload is None:
        # A part of a fragmented message; the last part has it all.
        return f"{frame.opcode} {size(frame.size)}" + ("" if frame.fin else ", not final")
    if frame.opcode == "close":
        return f"close {frame.payload or 'without a code'}"
    text = frame.payload or ""
    if frame.base64:
        text = _decode(text, columns // 3 + 1).hex(" ")
    if frame.opcode in ("ping", "pong"):
        return f"{frame.opcode} {text}".rstrip()
    if frame.base64:
        return f"binary {size(frame.size)}  {text}"
    # Zero-width characters take no column, so somewhat more than the columns is needed.
    shown = text[: columns * 2]
    return f"{shown}…" if frame.truncated and len(text) <= columns else shown


def whole(frame: FrameSeen, columns: int) -> Iterator[str]:
    """All that was kept of the payload, in lines; binary as offset, bytes and characters."""
    text = frame.payload or ""
    if frame.base64:
        yield from _dump(_decode(text), columns)
    else:
        yield from fold(text, columns)
    if frame.truncated:
        yield f"… the first part of {size(frame.size)}"


def _decode(text: str, count: int | None = None) -> bytes:
    import base64
    import binascii

    try:
        data = base64.b64decode(text if count is None else text[: (count // 3 + 1) * 4])
    except (binascii.Error, ValueError):
        data = text.encode("utf-8", "replace")
    return data if count is None else data[:count]


def _dump(data: bytes, columns: int) -> Iterator[str]:
    wide = _HEX_BYTES if columns >= 6 + 4 * _HEX_BYTES + 2 else _HEX_BYTES // 2
    for start in range(0, len(data), wide):
        part = data[start : start + wide]
        characters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        yield f"{start:04x}  {part.hex(' '):<{wide * 3}} {characters}"
