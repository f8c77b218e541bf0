"""Finding out who asks."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import Annotated, Literal

from fastapi import Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from checkwire.server.auth.limits import FailureLimit
from checkwire.server.auth.principal import ANYBODY, Principal, Scope
from checkwire.server.problems import Problem
from checkwire.store import tokens
from checkwire.store.database import Store
from checkwire.store.errors import DatabaseError
from checkwire.store.records import TokenRecord

__all__ = ["Auth", "LoginNeeded"]

_SESSION_NS = 14 * 24 * 3600 * 1_000_000_000
_NOTED_EVERY_NS = 300 * 1_000_000_000
_REMEMBERED = 1000
_LONGEST = 512
"""Characters of what may be a token or a session."""

_log = logging.getLogger("checkwire.server")
_bearer = HTTPBearer(auto_error=False, description="A token: `checkwire token create NAME`.")
_cookie = APIKeyCookie(
    name="checkwire",
    auto_error=False,
    description="A session of the pages (`__Host-checkwire` over https).",
)

Kind = Literal["token", "session"]


class LoginNeeded(Exception):  # noqa: N818 - reads as a fact
    """A page is asked for by somebody who has not logged in; ``next`` is where they wanted to."""

    def __init__(self, next_path: str) -> None:
        super().__init__(next_path)
        self.next = next_path


class Auth:
    """Knows who asks, by their token or their session.

    Attributes:
        required: whether a token is asked for at all.
        hosts: names that the server goes by, beside those of this machine.
        forwarded: whether, where no token is asked for, they are let in for whom a proxy stands.
        limit: of failed attempts.
    """

    def __init__(
        self,
        store: Store,
        required: bool,
        *,
        hosts: Collection[str] = (),
        forwarded: bool = False,
        limit: FailureLimit | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self.required = required
        self.hosts = frozenset(hosts)
        self.forwarded = forwarded
        self.limit = limit or FailureLimit(clock=time.monotonic)
        self._now_ns = now_ns
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._noted: dict[str, int] = {}  # when the use of a token was written down last

    def require(self, scope: Scope) -> Callable[..., Awaitable[Principal]]:
        """A dependency for routes of the API: who asks, if they may; else 401, 403 or 429."""

        async def principal(
            request: Request,
            _bearer: Annotated[object, Security(_bearer)] = None,
            _cookie: Annotated[object, Security(_cookie)] = None,
        ) -> Principal:
            who = await self.principal(request)
            if who is None:
                raise _unauthenticated("This needs a token: send it as Authorization: Bearer cw_…")
            return _allowed(who, scope)

        return principal

    def page(self, scope: Scope) -> Callable[..., Awaitable[Principal]]:
        """A dependency for pages: who asks, if they may; else the way to the login, or 403."""

        async def principal(request: Request) -> Principal:
            try:
                who = await self.principal(request)
            except Problem as problem:
                if problem.status != 401:
                    raise
                who = None
            if who is None:
                raise LoginNeeded(_wanted(request))
            return _allowed(who, scope)

        return principal

    async def principal(self, request: HTTPConnection) -> Principal | None:
        """Who asks; ``None`` if they show nothing that would tell.

        Raises:
            Problem: 401 if what they show is not, or no longer, good; 429 after too many of these.
        """
        if not self.required:
            return ANYBODY
        shown = _shown(request)
        if shown is None:
            return None
        kind, text = shown
        record = await self._checked(kind, text, _address(request))
        if record is None:
            raise _unauthenticated(
                "This token is not known here, has expired or was revoked."
                if kind == "token"
                else "The session has ended: log in again.",
                'Bearer error="invalid_token"',
            )
        return Principal(
            name=record.name,
            scopes=record.scopes,
            token_id=record.id,
            session=kind == "session",
        )

    async def holds(self, request: HTTPConnection) -> bool:
        """Whether who asked then may still ask now: for responses that last."""
        if not self.required:
            return True
        shown = _shown(request)
        try:
            return shown is not None and await self._find(*shown) is not None
        except DatabaseError:
            # They might when they began, and there is nothing new to be had now.
            return True

    async def log_in(self, request: Request, token: str) -> tuple[str, int] | None:
        """Begin a session: its text for the cookie, and its seconds; ``None`` if not so.

        Raises:
            Problem: 429 after too many failures.
        """
        record = await self._checked("token", token, _address(request))
        if record is None:
            return None
        now_ns = self._now_ns()
        expires_ns = now_ns + _SESSION_NS
        if record.expires_ns is not None:
            expires_ns = min(expires_ns, record.expires_ns)
        async with self._store.writing() as tx:
            text = await tokens.start_session(tx, record.id, now_ns, expires_ns)
        return text, (expires_ns - now_ns) // 1_000_000_000

    async def log_out(self, request: Request) -> None:
        """End the session, if there is one."""
        text = request.cookies.get(cookie_name(request))
        if text and len(text) <= _LONGEST:
            async with self._store.writing() as tx:
                await tokens.end_session(tx, text)

    async def _checked(self, kind: Kind, text: str, address: str) -> TokenRecord | None:
        """As ``_find``, with failures counted.

        What was good before is looked up even for a client that failed too often: behind a proxy
        that does not tell its clients' addresses, one of them could lock out all others.
        """
        digest = hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "replace")).digest()
        seconds = self.limit.wait(address)
        if seconds > 0 and digest not in self._good:
            raise Problem(
                429,
                "too_many_failures",
                "Too many failed attempts from this address: wait, and try again.",
                headers={"Retry-After": str(math.ceil(seconds))},
            )
        record = await self._find(kind, text)
        if record is None:
            self.limit.failed(address)
            self._good.pop(digest, None)
            _log.warning("A %s that is not good came from %s", kind, address)
            if (seconds := self.limit.wait(address)) > 0:
                _log.warning("%s is not heard for %.0f s: it failed too often", address, seconds)
            return None
        await self._note_use(record)
        self._good[digest] = None
        self._good.move_to_end(digest)
        if len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)
        return record

    async def _note_use(self, record: TokenRecord) -> None:
        now_ns = self._now_ns()
        if now_ns - max(record.used_ns or 0, self._noted.get(record.id, 0)) < _NOTED_EVERY_NS:
            return
        self._noted[record.id] = now_ns
        try:
            async with self._store.writing() as tx:
                await tokens.used(tx, record.id, now_ns)
        except DatabaseError as error:
            # Reading still works, and that is what they came for.
            _log.warning("Cannot note that a token was used: %s", error)

    async def _find(self, kind: Kind, text: str) -> TokenRecord | None:
        if not text or len(text) > _LONGEST or not text.isascii() or not text.isprintable():
            return None
        async with self._store.reading() as tx:
            if kind == "token":
                return await tokens.find(tx, text, self._now_ns())
            return await tokens.find_session(tx, text, self._now_ns())


def cookie_name(request: HTTPConnection) -> str:
    """Over https with the prefix that binds it to this host, RFC 6265bis section 4.1.3."""
    return "__Host-checkwire" if request.scope["scheme"] in ("https", "wss") else "checkwire"


def set_cookie(response: Response, request: Request, text: str, seconds: int) -> None:
    """Give the browser the session; with no text, take it away."""
    response.set_cookie(
        cookie_name(request),
        text,
        max_age=seconds,
        path="/",
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="lax",
    )


def local_path(text: str | None) -> str:
    """The path, if it is one of this server for sure; otherwise ``/``."""
    if text is None or not text.startswith("/") or text.startswith("//"):
        return "/"
    # Browsers take a backslash for a slash, and leave out some of what cannot be printed.
    if "\\" in text or " " in text or not text.isascii() or not text.isprintable():
        return "/"
    return text


def _shown(request: HTTPConnection) -> tuple[Kind, str] | None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    # Another scheme is of a proxy in front of us, and none of our business.
    if scheme.lower() == "bearer":
        return "token", text.strip()
    session = request.cookies.get(cookie_name(request))
    return ("session", session) if session else None


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client is not None else ""


def _wanted(request: Request) -> str:
    if request.method not in ("GET", "HEAD"):
        return "/"
    query = f"?{request.url.query}" if request.url.query else ""
    return local_path(request.url.path + query)


def _allowed(who: Principal, scope: Scope) -> Principal:
    if who.may(scope):
        return who
    raise Problem(
        403,
        "missing_scope",
        f"This needs a token with the scope {scope}; this one has "
        f"{', '.join(who.scopes) or 'none'}.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        scope=scope,
    )


def _unauthenticated(detail: str, challenge: str = "Bearer") -> Problem:
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": challenge})
