"""A response as it comes."""

from __future__ import annotations

import h11

from checkwire.sdk.http.connection import HttpConnection
from checkwire.sdk.http.decoding import BadCoding, Content, TooLarge, decoded_here
from checkwire.sdk.http.headers import Headers

__all__ = ["Reading", "Unreadable"]

_START = 32
_BODILESS = (204, 304)


class Unreadable(Exception):  # noqa: N818 - never leaves this package
    """The response cannot be read on; the message says why, in the code's terms.

    Attributes:
        code: ``http.closed``, ``http.protocol`` or ``http.too_large``.
    """

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(why)
        self.code = code


class Reading:
    """Reads one response.

    Attributes:
        status: ``None`` until the head has come.
        content: the body so far.
        length: of the body, in bytes as they are transferred, if the server says.
        received: bytes so far, head included.
        start: the first of them.
        first_ns, last_ns: when the first and the last byte came so far.
    """

    def __init__(self, method: str, max_size: int | None) -> None:
        """``method`` is the request's: an answer to HEAD has no body."""
        self.status: int | None = None
        self.reason = ""
        self.headers = Headers()
        self.content = Content()
        self.length: int | None = None
        self.received = 0
        self.start = b""
        self.first_ns = 0
        self.last_ns = 0
        self._method = method
        self._max_size = max_size
        self._ended = False

    async def read(self, connection: HttpConnection) -> None:
        """Read it to its end.

        Raises:
            Unreadable: it cannot be.
            OSError: the connection broke.
        """
        protocol = connection.protocol
        while True:
            try:
                event = protocol.next_event()
            except h11.RemoteProtocolError as error:
                raise self._unreadable(error) from None
            match event:
                case h11.InformationalResponse(status_code=status) if status != 101:
                    self.first_ns = 0  # The wait for the answer goes on.
                case h11.Response() | h11.InformationalResponse():
                    self._begin(event)
                    if event.status_code == 101:  # An Upgrade header of the check's own.
                        return
                case h11.Data():
                    self._add(bytes(event.data))
                case h11.EndOfMessage():
                    self._end()
                    return
                case _:
                    await self._take_more(connection)

    async def _take_more(self, connection: HttpConnection) -> None:
        data, at_ns = await connection.receive()
        self.last_ns = at_ns
        if not data:
            if self.status is None:
                raise Unreadable("http.closed")
            self._ended = True
        elif not self.first_ns:
            self.first_ns = at_ns
        self.received += len(data)
        if len(self.start) < _START:
            self.start += data[: _START - len(self.start)]
            if not _may_be_http(self.start):
                raise Unreadable("http.protocol", "it does not begin as HTTP")
        connection.protocol.receive_data(data)

    def _begin(self, head: h11.Response | h11.InformationalResponse) -> None:
        self.first_ns = self.first_ns or self.last_ns
        self.status = head.status_code
        self.reason = bytes(head.reason).decode("latin-1").strip()
        self.headers = Headers(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in head.headers.raw_items()
        )
        if self._method == "HEAD" or head.status_code in _BODILESS:
            return
        # What is encoded in a way that was not offered is left as it is.
        codings = decoded_here(self.headers.get("content-encoding", "")) or ()
        self.content = Content(codings, self._max_size)
        length = self.headers.get("content-length", "").partition(",")[0]
        if length.isdigit() and "transfer-encoding" not in self.headers:
            self.length = int(length)
            if self._max_size is not None and self.length > self._max_size:
                raise Unreadable("http.too_large", f"it says that it has {self.length:,} bytes")

    def _add(self, data: bytes) -> None:
        try:
            self.content.feed(data)
        except TooLarge:
            raise Unreadable("http.too_large") from None
        except BadCoding as error:
            raise Unreadable("http.protocol", str(error)) from None

    def _end(self) -> None:
        try:
            self.content.finish()
        except BadCoding as error:
            raise Unreadable("http.protocol", str(error)) from None

    def _unreadable(self, error: h11.RemoteProtocolError) -> Unreadable:
        if self._ended:
            return Unreadable("http.closed")
        if self.status is None and error.error_status_hint == 431:
            return Unreadable("http.too_large", "its headers alone are too many")
        return Unreadable("http.protocol", str(error))


def _may_be_http(start: bytes) -> bool:
    expected = b"HTTP/1."
    begun = start.lstrip(b"\r\n")[: len(expected)]  # Empty lines before are forgiven.
    return begun == expected[: len(begun)]
