"""Bodies as text: for the check that reads them, and for the transcript."""

from __future__ import annotations

import codecs

from checkwire.model.masking import Masker

__all__ = ["charset_of", "decode_text", "shown_body"]


def charset_of(content_type: str) -> str:
    """The charset that a Content-Type names, if Python knows it; UTF-8 otherwise."""
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            try:
                codec = codecs.lookup(value.strip().strip("\"'"))
            except LookupError:
                break
            if codec._is_text_encoding:  # Not "hex" and the like.
                return codec.name
            break
    return "utf-8"


def decode_text(data: bytes, charset: str, *, cut: bool = False) -> str | None:
    """The text, or ``None`` if it is binary. If it is ``cut``, its last character may be so too."""
    try:
        text = codecs.getincrementaldecoder(charset)("strict").decode(data, not cut)
    except UnicodeError:
        return None
    return None if "\0" in text else text


def shown_body(
    data: bytes | bytearray, content_type: str, limit: int, masker: Masker
) -> str | None:
    """Up to ``limit`` characters of a body, masked; ``None`` if it is binary or empty."""
    if not data:
        return None
    # No character takes more than four bytes, and a secret that begins within the limit must be
    # seen whole to be masked.
    start = bytes(data[: 4 * (limit + masker.longest)])
    text = decode_text(start, charset_of(content_type), cut=len(start) < len(data))
    if text is None:
        return None
    return masker.excerpt(text, limit)
