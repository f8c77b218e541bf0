"""Bytes in a declared check, written in hexadecimal or in base64."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from checkwire.project.declared.kinds import Kind, Schema, dotted
from checkwire.project.declared.reading import Reading
from checkwire.project.positions import Path
from checkwire.sdk.options import shown

__all__ = ["Base64", "Hex"]


class Hex(Kind):
    """Bytes in hexadecimal; blanks between them are for the reader."""

    types = (str,)
    words = "bytes in hexadecimal"

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        try:
            return bytes.fromhex(value)
        except ValueError:
            message = f"{dotted(path)}: {shown(value)} is not hexadecimal"
            return reading.wrong(f"{message}: {_why_not_hex(value)}", path)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^\s*([0-9a-fA-F]{2}\s*)*$"}


class Base64(Kind):
    """Bytes in base64."""

    types = (str,)
    words = "bytes in base64"

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            message = f"{dotted(path)}: {shown(value)} is not base64"
            return reading.wrong(f"{message}: {_why_not_base64(value)}", path)

    def schema(self) -> Schema:
        return {"type": "string", "contentEncoding": "base64", "$comment": "base64"}


def _why_not_hex(text: str) -> str:
    if other := re.search(r"[^0-9A-Fa-f\s]", text):
        return f"it has no {shown(other[0])}"
    return 'each byte has two digits, as in "0a ff 10"'


_INSTEAD = {"-": ', write "+"', "_": ', write "/"'}
"""What there is in place of what base64 has in addresses."""


def _why_not_base64(text: str) -> str:
    if other := re.search(r"[^A-Za-z0-9+/=]", text):
        return f"it has no {shown(other[0])}{_INSTEAD.get(other[0], '')}"
    digits = text.rstrip("=")
    if "=" in digits:
        return 'a "=" can only be at its end'
    if len(digits) % 4 == 1:
        return "a character is missing, or one is too many"
    missing = -len(digits) % 4
    return f'it must end with {missing} "="' if missing else 'it must not end with "="'
