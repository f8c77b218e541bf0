"""When the tokens run out that a connection was opened with; of the tokens nothing is kept."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

__all__ = ["expiry_of", "utc"]

_JWT = re.compile(r"(?<![\w-])eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]*")
"""A JSON Web Token (RFC 7519): header, claims and signature, of which the first two are JSON."""
_LATEST = 2**40
"""Seconds; a later time is in other units, or no time."""


class _Claims(msgspec.Struct):
    exp: float | None = None


def expiry_of(texts: Iterable[str]) -> float | None:
    """When the first of the JSON Web Tokens in these texts expires, in seconds since 1970.

    ``None`` if there is none that says so (RFC 7519 section 4.1.4).
    """
    found = [
        expiry
        for text in texts
        for token in _JWT.finditer(text)
        if (expiry := _expiry(token[1])) is not None
    ]
    return min(found, default=None)


def _expiry(claims: str) -> float | None:
    try:
        decoded = urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
        expiry = msgspec.json.decode(decoded, type=_Claims).exp
    except (ValueError, msgspec.MsgspecError):
        return None
    return expiry if expiry is not None and 0 < expiry < _LATEST else None


def utc(seconds: float) -> str:
    """A time as ISO 8601 writes it, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
