"""What the functions of ``http`` take beside method and URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from checkwire.model.durations import Duration
from checkwire.model.errors import UsageError
from checkwire.sdk.suggestion import did_you_mean

__all__ = [
    "Fields",
    "HeaderFields",
    "RequestKeywords",
    "SessionKeywords",
    "SingleRequestKeywords",
    "TransportKeywords",
    "refuse_unknown",
]

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Names and values of a query or a form. A list stands for several values, ``None`` for none."""

HeaderFields = Mapping[str, str] | Sequence[tuple[str, str]]


class TransportKeywords(TypedDict, total=False):
    """How to connect; each is as in :class:`~checkwire.sdk.connecting.ConnectKeywords`."""

    proxy: str | None
    resolve: Mapping[str, str]
    unix_socket: str | None
    local_address: str | None
    ca: str | Path | None
    client_cert: str | Path | None
    client_key: str | Path | None
    client_key_password: str | None
    verify: bool
    server_name: str | None


class RequestKeywords(TypedDict, total=False):
    """What belongs to one request.

    Attributes:
        params: appended to the URL's query; ``True`` and ``False`` are written in lower case, as
            in JSON.
        headers: request headers. They replace those that would be sent otherwise.
        json: a value to send as JSON; ``None`` sends no body.
        data: a form to send, ``application/x-www-form-urlencoded``.
        content: a body to send as it is; text goes in UTF-8.
        auth: user and password for basic authentication (RFC 7617).
        timeout: for the whole call, redirects included; 10 seconds by default.
        follow_redirects: whether to follow up to 10 redirects, or how many; none by default.
        max_size: bytes of a response after decompression; 10 MiB by default, ``None`` for no limit.
    """

    params: Fields
    headers: HeaderFields
    json: Any
    data: Fields
    content: str | bytes
    auth: tuple[str, str] | None
    timeout: Duration
    follow_redirects: bool | int
    max_size: int | None


class SingleRequestKeywords(RequestKeywords, TransportKeywords, total=False):
    """What ``http.get(...)`` and its like take: the request, and how to connect."""


class SessionKeywords(TransportKeywords, total=False):
    """What holds for all requests of a session; a request can say otherwise.

    Attributes:
        base_url: put before URLs that have no scheme: ``"https://api.example/v1"`` and
            ``"/users"`` make ``"https://api.example/v1/users"``.
        params: appended to the query of each request, before its own.
        headers: sent with each request that does not set them itself.
        auth, timeout, follow_redirects, max_size: see :class:`RequestKeywords`.
    """

    base_url: str
    params: Fields
    headers: HeaderFields
    auth: tuple[str, str] | None
    timeout: Duration
    follow_redirects: bool | int
    max_size: int | None


def refuse_unknown(what: str, given: Iterable[str], known: type) -> None:
    """Refuse keywords that the :class:`TypedDict` does not know.

    Raises:
        UsageError: it names the one that was probably meant.
    """
    for name in given:
        if name not in known.__annotations__:
            hint = did_you_mean(name, known.__annotations__, quote="")
            raise UsageError(f"{what} does not take {name!r}{hint}")
