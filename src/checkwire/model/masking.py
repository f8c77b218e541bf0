"""Keeping secrets out of everything that is kept or shown."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

__all__ = ["MASK", "Masker", "names_credentials"]

MASK = "••••••"
"""What stands in place of a secret. Its length says nothing about the secret's."""

_SENSITIVE_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "api-key",
    }
)
_CREDENTIALS = re.compile(
    "auth|bearer|cookie|credential|jwt|passw|secret|session|signature|token|api-?key", re.IGNORECASE
)
_MIN_LENGTH = 3
"""Shorter values are not masked: hiding every "1" would tell more than it hides."""


def names_credentials(name: str) -> bool:
    """Whether what a client sends under this name most likely proves who it is."""
    return name.lower() in _SENSITIVE_HEADERS or _CREDENTIALS.search(name) is not None


class Masker:
    """Replaces secret values in text, in all the forms in which they travel.

    A secret is looked for as it is, as in JSON, in a URL, and in base64 (which catches HTTP basic
    authentication and most tokens in binary frames).
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.longest = 0
        """Characters in the longest form of a secret; a text that is cut may hide that much."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Mask this value from now on."""
        if len(secret) >= _MIN_LENGTH and secret not in self._secrets:
            self._secrets.add(secret)
            forms = sorted({f for s in self._secrets for f in _forms(s)}, key=len, reverse=True)
            self.longest = len(forms[0])
            self._pattern = re.compile("|".join(map(re.escape, forms)))

    def text(self, text: str) -> str:
        """The text with every secret replaced by :data:`MASK`."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def bytes(self, data: bytes) -> bytes:
        """The bytes with every secret (in UTF-8) replaced by :data:`MASK`."""
        if self._pattern is None:
            return data
        text = data.decode("utf-8", "surrogateescape")
        return self._pattern.sub(MASK, text).encode("utf-8", "surrogateescape")

    def headers(self, headers: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
        """Headers with credentials masked, known by their names or by their values."""
        return tuple(
            (name, MASK if name.lower() in _SENSITIVE_HEADERS else self.text(value))
            for name, value in headers
        )

    def knows(self, text: str) -> bool:
        """Whether there is a secret in the text."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def data(self, value: Any) -> Any:
        """A JSON-like value with the secrets in all its strings masked."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.data(k): self.data(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self.data, value))
        return value


def _forms(secret: str) -> Iterable[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")
    yield quote(secret)
    # In base64 a secret has three faces, by its offset modulo 3; the characters at both ends
    # also depend on its neighbours, so only the inner ones are looked for.
    data = secret.encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        start = (offset * 8 + 5) // 6
        end = len(encoded) - (1 if (len(data) + offset) % 3 else 0)
        if end - start >= 8:
            yield encoded[start:end]
