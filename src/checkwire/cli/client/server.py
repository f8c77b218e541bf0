"""Asking a server, and saying in one line why it cannot be asked."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from checkwire._version import __version__
from checkwire.cli.client.access import DEFAULT_SERVER, Access
from checkwire.model.errors import CheckwireError

__all__ = ["CannotAsk", "Refusal", "Server"]

_API = "/api/v1"
_PATIENCE = 30.0
"""Seconds for each read; a stream that is alive says something every few seconds."""
_LARGEST = 256 * 1024 * 1024
_MOVED = frozenset({301, 302, 303, 307, 308})

Query = Mapping[str, str | int | Sequence[str] | None]


class CannotAsk(CheckwireError):  # noqa: N818 - reads as a fact, as the others do
    """The server does not answer, or does not let us ask.

    Attributes:
        kind: names the problem, if the server named it.
        passing: whether it may be another matter in a moment.
    """

    def __init__(self, message: str, *, kind: str = "", passing: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.passing = passing


class Refusal(CheckwireError):  # noqa: N818
    """The server answered that this cannot be had or done.

    Attributes:
        status: the HTTP status.
        kind: names the problem, see docs/api.md.
    """

    def __init__(self, message: str, status: int, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Server:
    """A Checkwire server, asked over HTTP.

    Each question has a connection of its own: an idle one would be closed by the server when it is
    needed again.

    Args:
        access: where it is, and the token.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        parts = urlsplit(access.server)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._base = parts.path

    def get(self, path: str, query: Query | None = None) -> Any:
        """What is at a path below ``/api/v1``.

        Raises:
            CannotAsk: it does not answer as a Checkwire server that knows us does.
            Refusal: there is no such thing.
        """
        return self._ask("GET", path, query)

    def post(self, path: str, body: Any = None) -> Any:
        """Have something done; raises as :meth:`get` does."""
        return self._ask("POST", path, body=body)

    def pages(self, path: str, query: Query, limit: int | None = None) -> Iterator[Any]:
        """The items of a list, page after page, at most so many."""
        left, after = limit, None
        while left is None or left > 0:
            size = 200 if left is None else min(left, 200)
            items, after = self._page(self.get(path, {**query, "limit": size, "cursor": after}))
            yield from items
            if after is None or not items:
                return
            left = None if left is None else left - len(items)

    def items(self, path: str) -> list[Any]:
        """The items of a list that has no pages; raises as :meth:`get` does."""
        return self._page(self.get(path))[0]

    @contextmanager
    def stream(self, path: str, last_id: str = "") -> Iterator[http.client.HTTPResponse]:
        """An event stream, whose lines are to be read; raises as :meth:`get` does."""
        headers = {"Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        with self._asked("GET", _API + path, None, headers) as response:
            kind = response.headers.get_content_type()
            if response.status != 200 or kind != "text/event-stream":
                self._refused(response, self._read(response))
            yield response

    def outside(self, path: str) -> Any:
        """What is at a path that is not of the API, such as ``/healthz``; whatever its status."""
        with self._asked("GET", path, None, {}) as response:
            return self._decoded(response, self._read(response))

    def _page(self, answer: Any) -> tuple[list[Any], str | None]:
        if isinstance(answer, dict) and isinstance(items := answer.get("items"), list):
            return items, answer.get("next")
        raise CannotAsk(self._foreign("it answers without a list of items"))

    def _ask(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Any:
        data, headers = None, {"Accept": "application/json"}
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        target = _API + quote(path, safe="/") + _query(query or {})
        with self._asked(method, target, data, headers) as response:
            data = self._read(response)
            if response.status == 204:
                return None
            if not 200 <= response.status < 300:
                self._refused(response, data)
            return self._decoded(response, data)

    @contextmanager
    def _asked(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        headers = {**headers, "User-Agent": f"checkwire/{__version__}", "Connection": "close"}
        if self.access.token is not None:
            headers["Authorization"] = f"Bearer {self.access.token}"
        connection = self._connection()
        try:
            try:
                connection.request(method, self._base + target, body, headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._broken(error) from None
            with response:
                yield response
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=_PATIENCE)
        from checkwire.wire.tls.contexts import TlsOptions, tls_context

        context = tls_context(TlsOptions())
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=_PATIENCE, context=context
        )

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        try:
            data = response.read(_LARGEST)
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from None
        return data

    def _decoded(self, response: http.client.HTTPResponse, data: bytes) -> Any:
        if "json" in response.headers.get_content_type():
            try:
                return json.loads(data)
            except (ValueError, RecursionError):
                pass
        raise CannotAsk(self._foreign(f"it answers {response.status} without JSON"))

    def _refused(self, response: http.client.HTTPResponse, data: bytes) -> None:
        """Raise what a status other than one of success means."""
        status = response.status
        if status in _MOVED:
            where = clipped(response.headers.get("Location", ""))
            raise CannotAsk(
                f"{self.access.server} sends us on to {where}: if that is right, name it as the "
                "server"
            )
        if response.headers.get_content_type() != "application/problem+json":
            raise CannotAsk(self._foreign(f"it answers {status} {clipped(response.reason)}"))
        problem = self._decoded(response, data)
        kind = str(problem.get("type", "")).rpartition(":")[2]
        detail = clipped(str(problem.get("detail", "")).rstrip("."))
        if status == 401:
            raise CannotAsk(self._unknown_to_it(), kind=kind)
        if kind == "missing_scope":
            challenge = response.headers.get("WWW-Authenticate", "")
            raise CannotAsk(self._scope(challenge, detail), kind=kind)
        if status == 429:
            wait = response.headers.get("Retry-After", "")
            again = f"try again in {wait} s" if wait.isdecimal() else "try again later"
            raise CannotAsk(
                f"{self.access.server}: too many wrong tokens came from here; {again}", kind=kind
            )
        if status >= 500 or status == 421:
            raise CannotAsk(f"{self.access.server}: {detail}", kind=kind, passing=status == 503)
        raise Refusal(detail, status, kind)

    def _unknown_to_it(self) -> str:
        server = self.access.server
        if self.access.token is None:
            return f"{server} wants a token: run checkwire login {server}"
        return (
            f"{server} does not know the token of {self.access.token_from}, or it has expired or "
            f"was revoked: run checkwire login {server}"
        )

    def _scope(self, challenge: str, detail: str) -> str:
        _, found, rest = challenge.partition('scope="')
        if not found:
            return f"{self.access.server}: {detail}"
        scope = clipped(rest.partition('"')[0])
        return (
            f"the token of {self.access.token_from} has not the scope {scope}: make one with "
            f"checkwire token create NAME --scope {scope} on the server's machine"
        )

    def _foreign(self, what: str) -> str:
        return f"{self.access.server} is no Checkwire server, or of another version: {what}"

    def _broken(self, error: Exception) -> CannotAsk:
        # A server that is being started again refuses connections, or cuts them.
        passing = isinstance(error, ConnectionError | TimeoutError | http.client.HTTPException)
        return CannotAsk(self._why(error), passing=passing)

    def _why(self, error: Exception) -> str:
        server = self.access.server
        match error:
            case ssl.SSLCertVerificationError():
                return (
                    f"the certificate of {server} is not to be trusted: {error.verify_message}. "
                    "If its authority is your own: SSL_CERT_FILE=FILE"
                )
            case ssl.SSLError():
                reason = (error.reason or str(error)).lower().replace("_", " ")
                plain = " (does it speak http:// instead?)"
                hint = plain if reason in ("wrong version number", "record layer failure") else ""
                return f"no TLS with {server}: {reason}{hint}"
            case socket.gaierror():
                return f"there is no host {self._host}: is {server} right?"
            case ConnectionRefusedError():
                return f"no server answers on {server}: {self._how_to_start()}"
            case TimeoutError():
                return f"{server} did not answer within {_PATIENCE:g} s"
            case http.client.RemoteDisconnected() | ConnectionError():
                return f"{server} closed the connection without an answer{self._maybe_tls()}"
            case http.client.HTTPException():
                return self._foreign(f"it does not speak HTTP{self._maybe_tls()}")
            case OSError():
                return f"{server} cannot be reached: {error.strerror or error}"
            case _:
                return f"{server}: {error}"

    def _maybe_tls(self) -> str:
        return "" if self._secure else " (does it speak https:// instead?)"

    def _how_to_start(self) -> str:
        if self.access.server == DEFAULT_SERVER:
            return "start one with checkwire serve, or name another with --server"
        return "is it running, and the address right?"


def _query(query: Query) -> str:
    pairs = [
        (name, one)
        for name, value in query.items()
        for one in ([value] if isinstance(value, str | int) else value or ())
    ]
    return f"?{urlencode(pairs)}" if pairs else ""


def clipped(text: str) -> str:
    """What a stranger said, in one line of bounded length that no terminal obeys."""
    from checkwire.cli.reporters.paint import clean

    return clean(text if len(text) <= 300 else f"{text[:300]}…")
