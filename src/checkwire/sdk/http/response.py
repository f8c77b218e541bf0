"""The answer to a request, as a check reads it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from checkwire.model.failures import Failure
from checkwire.sdk.context import Context, Site, here
from checkwire.sdk.facts import Tls
from checkwire.sdk.http.body_text import charset_of, shown_body
from checkwire.sdk.http.cookies import cookies_set
from checkwire.sdk.http.errors import HttpError
from checkwire.sdk.http.headers import Headers
from checkwire.sdk.http.telling import tell
from checkwire.sdk.http.timings import Timings
from checkwire.wire.upgrade.refusal import lost_session

__all__ = ["Response"]

_SHOWN = 500
"""Characters of a body that a failure shows."""
_LOST = (
    "This server does not know the Engine.IO session: the load balancer sent the request to "
    "another one than those before. It needs sticky sessions, or transport=websocket from the "
    "beginning"
)


class Response:
    """An HTTP response, whole.

    Attributes:
        status: such as 200.
        reason: such as ``OK``; a server may leave it out.
        headers: found by name in any case.
        content: the body, decompressed.
        method: of the request that it answers.
        url: of the request that it answers, without credentials; after redirects, the last one.
        cookies: names and values of the cookies that it sets.
        timings: seconds, see :class:`~checkwire.sdk.http.timings.Timings`.
        history: the redirects that led to it, oldest first.
        remote_address: address and port of the peer (of the proxy, if there is one).
        tls: version, cipher and certificates; ``None`` for ``http://``.
    """

    def __init__(
        self,
        *,
        status: int,
        reason: str,
        headers: Headers,
        content: bytes,
        method: str,
        url: str,
        timings: Timings,
        remote_address: str,
        tls: Tls | None,
        context: Context,
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.content = content
        self.method = method
        self.url = url
        self.cookies = cookies_set(headers.get_all("set-cookie"))
        self.timings = timings
        self.history: tuple[Response, ...] = ()
        self.remote_address = remote_address
        self.tls = tls
        self._context = context

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @cached_property
    def text(self) -> str:
        """The body as text, in the charset that Content-Type names, else UTF-8.

        Bytes that do not fit become U+FFFD.
        """
        charset = charset_of(self._content_type)
        return self.content.decode("utf-8-sig" if charset == "utf-8" else charset, "replace")

    def json(self) -> Any:
        """The body as JSON (RFC 8259), parsed.

        Raises:
            HttpError: ``http.invalid_json``.
        """
        from checkwire.sdk.json_text import NotJson, parse_json

        site = here()
        try:
            value = parse_json(self._json_text())
        except NotJson as error:
            body = self._shown(_SHOWN)
            failure = Failure(
                code="http.invalid_json",
                message=f"The answer to {self.method} {self.url} is not JSON: {error}"
                f" ({self._kind()})",
                details=error.caret or body,
                evidence={
                    "request": self._request,
                    "status": self.status,
                    "reason": self.reason,
                    "content_type": self._content_type,
                    "size": len(self.content),
                    "body": body,
                },
            )
            raise self._failed(failure, site, "json") from None
        self._context.ledger.recovered((site, "json", self.method, self.url))
        return value

    def _json_text(self) -> str:
        from json import detect_encoding

        from checkwire.sdk.json_text import NotJson

        charset = charset_of(self._content_type)
        if charset == "utf-8":  # JSON says by itself in which UTF it is.
            charset = detect_encoding(self.content)
        try:
            return self.content.decode(charset)
        except UnicodeDecodeError as error:
            coding = self.headers.get("content-encoding")
            why = f"it is encoded as {coding}" if coding else f"byte {error.start} is not {charset}"
            raise NotJson(why) from None

    @property
    def _request(self) -> str:
        """Method and target."""
        from urllib.parse import urlsplit

        parts = urlsplit(self.url)
        query = f"?{parts.query}" if parts.query else ""
        return f"{self.method} {parts.path or '/'}{query}"

    def _kind(self) -> str:
        """Status and media type."""
        media = self._content_type.partition(";")[0].strip()
        status = f"{self.status} {self.reason}".strip()
        return f"{status}, {media}" if media else status

    @property
    def _content_type(self) -> str:
        return self.headers.get("content-type", "")

    def raise_for_status(self) -> Response:
        """Verify that the status is 2xx, and return the response.

        Raises:
            HttpError: ``http.status``.
        """
        site = here()
        if self.ok:
            self._context.ledger.held((site, "status", self.method, self.url))
            return self
        status = f"{self.status} {self.reason}".strip()
        where = self.headers.get("location")
        to = f", a redirect to {where}" if where and 300 <= self.status < 400 else ""
        body = self._shown(_SHOWN)
        failure = Failure(
            code="http.status",
            message=f"{self.method} {self.url} was answered with {status}{to}",
            hint="follow_redirects=True follows redirects" if to else self._hint(),
            details=body,
            evidence={
                "request": self._request,
                "status": self.status,
                "reason": self.reason,
            },
        )
        raise self._failed(failure, site, "status")

    def _hint(self) -> str:
        """What is known of an answer beyond its status."""
        lost = self.status == 400 and lost_session(self.content) is not None
        return _LOST if lost else ""

    def _failed(self, failure: Failure, site: Site, what: str) -> HttpError:
        key = (site, what, self.method, self.url)
        return HttpError(tell(failure, self._context, site, key))

    def _shown(self, limit: int) -> str:
        """The start of the body for a reader; empty if it is not text."""
        from checkwire.sdk.values import printable

        shown = shown_body(self.content, self._content_type, limit, self._context.masker)
        if not shown:
            return ""
        return printable(shown) + ("…" if len(shown) < len(self.content) else "")

    def __repr__(self) -> str:
        from checkwire.sdk.values import printable

        start = " ".join(self._shown(100).split())
        status = printable(f"{self.status} {self.reason}".strip())
        return f"<Response {status}{f': {start}' if start else ''}>"
