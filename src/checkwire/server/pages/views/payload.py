"""What a frame or a body held: pieces of JSON told apart, bytes beside their characters."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

from checkwire.model.close_codes import REGISTERED
from checkwire.model.events import FrameSeen
from checkwire.server.pages.figures import size

__all__ = ["HexLine", "Piece", "decoded", "hex_lines", "pieces", "pretty", "preview"]

_PREVIEW = 260
_HEX_PREVIEW = 40
_PRETTY = 200_000
"""A longer text is shown as it is: to take it apart would take too long."""
_CLOSE_CODES = {str(code.code): code.name for code in REGISTERED.codes}

_MASKED = "••••••"
_LEXEME = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+')
_TOKEN = re.compile(
    rf"(?P<masked>{_MASKED})"
    r'|(?P<key>"(?:[^"\\]|\\.)*+")(?=\s*:)'
    r'|(?P<string>"(?:[^"\\]|\\.)*+"?)'
    r"|(?P<number>-?\d[\d.eE+-]*)"
    r"|(?P<word>true|false|null)"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text of one kind: ``key``, ``string``, ``number``, ``word``, ``masked``, ``""``.

    ``""`` is all else: punctuation, or text that is no JSON.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class HexLine:
    """Some bytes: their offset, themselves, and as characters."""

    offset: str
    hex: str
    text: str


def pieces(text: str) -> list[Piece]:
    """The pieces of a text, if it looks like JSON; else one, with what is masked apart."""
    if text.lstrip()[:1] not in ("{", "["):
        return _apart_masked("", text)
    found: list[Piece] = []
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            found.append(Piece("", text[end : match.start()]))
        kind = match.lastgroup or ""
        found += _apart_masked(kind, match[0]) if kind == "string" else [Piece(kind, match[0])]
        end = match.end()
    if end < len(text):
        found.append(Piece("", text[end:]))
    return found


def _apart_masked(kind: str, text: str) -> list[Piece]:
    parts = text.split(_MASKED)
    found = [Piece(kind, parts[0])] if parts[0] else []
    for part in parts[1:]:
        found.append(Piece("masked", _MASKED))
        if part:
            found.append(Piece(kind, part))
    return found


def pretty(text: str) -> str | None:
    """The text as indented JSON; None if it is none, or is too long to be taken apart.

    It is laid out anew, not written anew: ``1.10`` stays ``1.10``, and a name that comes twice
    is there twice.
    """
    if len(text) > _PRETTY or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    written: list[str] = []
    depth = 0
    opened = False
    for match in _LEXEME.finditer(text):
        lexeme = match[0]
        if lexeme in "}]":
            depth -= 1
            written.append(lexeme if opened else _newline(depth) + lexeme)
            opened = False
            continue
        if opened:
            written.append(_newline(depth))
        opened = lexeme in "{["
        depth += opened
        written.append(
            {",": "," + _newline(depth), ":": ": "}.get(lexeme, lexeme),
        )
    return "".join(written)


def _newline(depth: int) -> str:
    return "\n" + "  " * min(depth, 40)


def preview(frame: FrameSeen) -> list[Piece]:
    """The payload in one row."""
    if frame.opcode == "close":
        return [Piece("", _close(frame.payload))]
    if frame.payload is None:
        part = "" if frame.fin else ", more to come"
        return [Piece("", f"{size(frame.size)} of a fragmented message{part}" if part else "")]
    if frame.base64:
        data = decoded(frame, _HEX_PREVIEW)
        more = " …" if frame.size > len(data) else ""
        return [Piece("", data.hex(" ") + more)]
    text = frame.payload[:_PREVIEW]
    found = pieces(text.replace("\n", "⏎").replace("\r", ""))
    if len(frame.payload) > _PREVIEW or frame.truncated:
        found.append(Piece("", "…"))
    return found


def _close(payload: str | None) -> str:
    if not payload:
        return "without a code"
    code, _, reason = payload.partition(" ")
    meaning = _CLOSE_CODES.get(code, "")
    text = f"{code} {meaning}".rstrip()
    return f"{text} · “{reason}”" if reason else text


def decoded(frame: FrameSeen, limit: int | None = None) -> bytes:
    """The bytes that were kept of the payload, or the first of them."""
    text = frame.payload or ""
    if not frame.base64:
        # A character is at least a byte: more of them need not be looked at.
        return text[:limit].encode("utf-8", "surrogatepass")[:limit]
    part = text if limit is None else text[: (limit // 3 + 1) * 4]
    try:
        return base64.b64decode(part)[:limit]
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "surrogatepass")[:limit]


def hex_lines(data: bytes, *, width: int = 8) -> list[HexLine]:
    """The bytes, so many a line."""
    return [
        HexLine(
            f"{start:04x}",
            data[start : start + width].hex(" "),
            "".join(chr(b) if 0x20 <= b < 0x7F else "·" for b in data[start : start + width]),
        )
        for start in range(0, len(data), width)
    ]
