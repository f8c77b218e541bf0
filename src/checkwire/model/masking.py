"""Keeping secrets out of everything that is kept or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from checkwire.model.secret_forms import SHORTEST_PART, Form, forms_of

__all__ = ["MASK", "Masker", "names_credentials", "without_credentials"]

T = TypeVar("T")

MASK = "••••••"
"""What stands in place of a secret. Its length says nothing about the secret's."""

_DOT = MASK[0].encode()
_MASK_AS_BYTES = MASK.encode().decode("latin-1")
_CUT = "…"
"""What marks the place where a text was cut, everywhere in this program."""

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
_CREDENTIAL_NAMES = re.compile(
    "auth|bearer|cookie|credential|jwt|passw|secret|session|signature|token|api-?key", re.IGNORECASE
)
_URL_HEADERS = frozenset({"location", "content-location", "referer", "origin"})
# The second form is no URL, for want of percent-encoding, but is meant for one.
_CREDENTIALS = re.compile(
    r"(?:^|(?<=//))(?:[^/?#@]*@)+|(?<=//)[^/?#@:\[\]]*:(?!\d*(?:[/?#]|$))[^@]*@"
)
_MIN_LENGTH = SHORTEST_PART
"""Shorter values are not masked: hiding every "1" would tell more than it hides."""
_MIN_LINE = 8
"""Characters of a line of a secret that is one by itself; shorter ones are braces and the like."""

_Span = tuple[int, int]


def names_credentials(name: str) -> bool:
    """Whether what a client sends under this name most likely proves who it is."""
    return name.lower() in _SENSITIVE_HEADERS or _CREDENTIAL_NAMES.search(name) is not None


class Masker:
    """Replaces secret values in text, in all the forms in which they travel.

    A secret is looked for as it is; with any of its characters escaped as in JSON, in a URL, in
    HTML, or by Python; in base64, of either alphabet (which catches HTTP basic authentication and
    most tokens in binary frames); and in hex. Each line of a secret of several lines, such as a
    private key, counts as a secret too: most of what shows text does so line by line.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._forms: list[Form] = []
        self._heads: re.Pattern[str] | None = None
        self._openings: re.Pattern[str] | None = None
        self.longest = 0
        """Characters (or bytes) that a secret may take: as many must be kept beyond a limit."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Mask this value from now on."""
        if len(secret) < _MIN_LENGTH or secret in self._secrets:
            return
        self._secrets.add(secret)
        self._forms += forms_of(secret)
        for line in secret.splitlines():
            line = line.strip()
            if len(line) >= _MIN_LINE and line not in self._secrets:
                self._forms.append(next(forms_of(line)))
        self._forms.sort(key=len, reverse=True)
        self.longest = max(form.width for form in self._forms)
        self._heads = self._openings = None

    def text(self, text: str) -> str:
        """The text with every secret replaced by :data:`MASK`.

        So is the beginning of one before an ellipsis: the text was cut before it came here.
        """
        if not self._forms:
            return text
        spans = list(self._whole(text, len(text)))
        if _CUT in text:
            spans += self._cut_short(text)
        return _masked(text, spans, MASK)

    def excerpt(self, text: str, limit: int, *, begins: bool = True, ends: bool = True) -> str:
        """The text's beginning, masked: at most ``limit`` characters, and no part of a secret.

        Of the text, ``limit`` and :attr:`longest` characters are looked at.

        Args:
            text: the whole of it, or at least as much.
            limit: characters.
            begins: whether the text begins where its author began. Otherwise what it begins with
                may be the rest of a secret.
            ends: whether it ends where its author ended, or is longer than what is looked at.
                Otherwise it may end with the beginning of a secret.
        """
        if not self._forms:
            return text[:limit]
        window = text[: limit + self.longest]
        spans = self._in_excerpt(window, limit, begins=begins, ends=ends)
        return _masked(window, spans, MASK, limit)[:limit]

    def excerpt_of_bytes(
        self, data: bytes | bytearray, limit: int, *, begins: bool = True, ends: bool = True
    ) -> bytes:
        """As :meth:`excerpt`, for bytes: what is to be shown in hex, or decoded."""
        if not self._forms:
            return bytes(data[:limit])
        window = data[: limit + self.longest].decode("latin-1")
        spans = self._in_excerpt(window, limit, begins=begins, ends=ends)
        shown = _masked(window, spans, _MASK_AS_BYTES, limit)[:limit].encode("latin-1")
        # The limit may have cut a mask, and its last dot.
        return shown.removesuffix(_DOT[:2]).removesuffix(_DOT[:1]) if spans else shown

    def headers(self, headers: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
        """Headers with credentials masked, known by their names or by their values."""
        return tuple((name, self._header(name.lower(), value)) for name, value in headers)

    def knows(self, text: str) -> bool:
        """Whether there is a secret in the text."""
        return self.text(text) != text

    def _header(self, name: str, value: str) -> str:
        if name in _SENSITIVE_HEADERS:
            return MASK
        return self.text(without_credentials(value) if name in _URL_HEADERS else value)

    def data(self, value: T) -> T:
        """A JSON-like value, or a record, with the secrets in all its strings masked.

        A record's class may name the fields that hold words of ours in ``words``: they stay.
        """
        return value if not self._forms else self._data(value)

    def _data(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._data(k): self._data(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self._data, value))
        if isinstance(value, msgspec.Struct):
            words = getattr(value, "words", ())
            changed = {}
            for name in value.__struct_fields__:
                if name not in words:
                    before = getattr(value, name)
                    if before and not isinstance(before, int):
                        changed[name] = self._data(before)
            return msgspec.structs.replace(value, **changed) if changed else value
        return value

    # Finding

    def _whole(self, text: str, stop: int) -> Iterator[_Span]:
        """Where secrets stand that begin before ``stop``."""
        if self._heads is None:
            heads = dict.fromkeys(head for form in self._forms for head in form.heads)
            self._heads = re.compile("|".join(heads), re.DOTALL)
        position = 0
        while (head := self._heads.search(text, position)) and head.start() < stop:
            start = head.start()
            position = max(form.end(text, start) for form in self._forms)
            if position > start:
                yield start, position
            else:
                position = start + 1

    def _in_excerpt(self, window: str, limit: int, *, begins: bool, ends: bool) -> list[_Span]:
        spans = list(self._whole(window, limit))
        if not begins and (end := max(form.goes_on(window) for form in self._forms)):
            spans.append((0, end))
        if not ends and (start := self._broken_off(window)) < len(window):
            spans.append((start, len(window)))
        return spans

    def _cut_short(self, text: str) -> Iterator[_Span]:
        mark = text.find(_CUT)
        while mark >= 0:
            end = mark
            while end and text[end - 1] in " \n":
                end -= 1
            start = max(0, end - self.longest)
            if (found := start + self._broken_off(text[start:end])) < end:
                yield found, end
            mark = text.find(_CUT, mark + 1)

    def _broken_off(self, text: str) -> int:
        """Where the beginning of a secret starts that the text ends with; its length if not."""
        if self._openings is None:
            openings = dict.fromkeys(form.opening for form in self._forms)
            self._openings = re.compile(f"(?={'|'.join(openings)})")
        for opening in self._openings.finditer(text, max(0, len(text) - self.longest)):
            if any(form.breaks_off(text, opening.start()) for form in self._forms):
                return opening.start()
        return len(text)


def without_credentials(url: str) -> str:
    """The URL, well formed or not, without the user and the password that it may hold."""
    return _CREDENTIALS.sub("", url) if "@" in url else url


def _masked(text: str, spans: list[_Span], mask: str, limit: int | None = None) -> str:
    """The text (up to ``limit``) with the spans replaced; those that touch become one."""
    spans.sort()
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        if limit is not None and start >= limit:
            break
        if start > position or not pieces:
            pieces += (text[position:start], mask)
        elif start == position:
            pieces.append(mask)
        position = max(position, end)
    pieces.append(text[position:limit])
    return "".join(pieces)
