"""The content of a response: decompressed as it comes, and bounded however small its wrapping."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

__all__ = ["BadCoding", "Content", "TooLarge", "decoded_here"]

_CHUNK = 64 * 1024
_MAX_CODINGS = 4
_NAMES = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class TooLarge(Exception):  # noqa: N818 - never leaves this package
    """The content exceeds the limit."""


class BadCoding(Exception):  # noqa: N818 - never leaves this package
    """The content is not what its Content-Encoding says."""


def decoded_here(content_encoding: str) -> list[str] | None:
    """The codings to undo, last one applied first, or ``None`` if one of them is not known here."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > _MAX_CODINGS or any(name not in _NAMES for name in names):
        return None
    return [_NAMES[name] for name in reversed(names)]


class Content:
    """Collects a response's content.

    Attributes:
        data: what came so far, decoded.
        received: bytes that came, as they were transferred.
    """

    __slots__ = ("_inflaters", "_limit", "data", "received")

    def __init__(self, codings: Iterable[str] = (), limit: int | None = None) -> None:
        """Undo the codings (see :func:`decoded_here`), and take up to ``limit`` bytes."""
        self._inflaters = [_Inflater(name) for name in codings]
        self._limit = limit
        self.data = bytearray()
        self.received = 0

    def feed(self, data: bytes) -> None:
        """Take what came.

        Raises:
            TooLarge: with it the limit is exceeded, decoded or not.
            BadCoding: it cannot be decoded.
        """
        self.received += len(data)
        if self._limit is not None and self.received > self._limit:
            raise TooLarge
        for chunk in self._decode(data, 0):
            self.data += chunk
            if self._limit is not None and len(self.data) > self._limit:
                raise TooLarge

    def _decode(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._inflaters):
            yield data
            return
        for chunk in self._inflaters[stage].inflate(data):
            yield from self._decode(chunk, stage + 1)

    def finish(self) -> None:
        """All has come.

        Raises:
            BadCoding: the compressed data ends too early.
        """
        if self.received:
            for inflater in self._inflaters:
                inflater.finish()


class _Inflater:
    """Undoes one ``gzip`` (RFC 1952) or ``deflate`` (RFC 9110 section 8.4.1.2), piece by piece."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._begun = b""
        self._stream = _gzip_member() if coding == "gzip" else None

    def inflate(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._begun = self._begun + data
            if len(data) < 2:
                return
            self._stream = zlib.decompressobj(_deflate_window(data))
        while data:
            if self._stream.eof:
                if self._coding != "gzip":
                    raise BadCoding(f"bytes follow the end of the {self._coding} data")
                data = data.lstrip(b"\0")  # Padding, which gzip itself ignores too.
                if not data:
                    return
                self._stream = _gzip_member()
            try:
                chunk = self._stream.decompress(data, _CHUNK)
                while chunk:
                    yield chunk
                    chunk = self._stream.decompress(self._stream.unconsumed_tail, _CHUNK)
            except zlib.error as error:
                reason = str(error).rpartition(": ")[2]
                raise BadCoding(f"it is not {self._coding} data: {reason}") from None
            data = self._stream.unused_data

    def finish(self) -> None:
        if self._stream is None or not self._stream.eof:
            raise BadCoding(f"the {self._coding} data ends too early")


def _gzip_member() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _deflate_window(start: bytes) -> int:
    """Raw or wrapped: servers send either as ``deflate``, though only the latter is right."""
    wrapped = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
