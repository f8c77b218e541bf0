"""HTTP addresses: joining them, adding to their query, comparing their origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from checkwire.model.errors import FailureError, UsageError
from checkwire.model.failures import Failure
from checkwire.model.masking import without_credentials
from checkwire.sdk.http.keywords import Fields
from checkwire.wire.http_head import location_text
from checkwire.wire.url import Address, parse_url

__all__ = [
    "encode_fields",
    "join_base",
    "parse_http_url",
    "redirect_url",
    "same_origin",
    "shown_url",
    "with_params",
]

_SCHEMES = ("http", "https")


def parse_http_url(url: str) -> Address:
    """Take an ``http://`` or ``https://`` URL apart. Its fragment is not the server's business.

    Raises:
        FailureError: ``check.bad_url``.
    """
    if isinstance(url, str):
        url = url.partition("#")[0]
        scheme, separator, rest = url.partition("://")
        if separator and scheme.lower() in ("ws", "wss"):
            web = "https" if scheme.lower() == "wss" else "http"
            url = without_credentials(url)
            rest = url.partition("://")[2]
            raise FailureError(
                Failure(
                    code="check.bad_url",
                    message=f"{url!r}: a WebSocket address, where an HTTP address is expected",
                    hint=f"Open it with connect(), or write {web}://{rest}",
                )
            )
    return parse_url(url, _SCHEMES)


def join_base(base: str, url: str) -> str:
    """The URL, put after the session's base unless it has a scheme of its own."""
    if not base or "://" in url.partition("?")[0]:
        return url
    if not url or url.startswith("?"):
        return base + url
    return f"{base.rstrip('/')}/{url.lstrip('/')}"


def with_params(url: str, *params: Fields) -> str:
    """The URL with these fields after those in its query."""
    added = "&".join(filter(None, map(encode_fields, params)))
    if not added:
        return url
    url, _, fragment = url.partition("#")
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{joint}{added}" + (f"#{fragment}" if fragment else "")


def encode_fields(fields: Fields) -> str:
    """Names and values as in a query or a form.

    A space becomes ``%20``, which is right in both, and in which a secret is recognized.

    Raises:
        UsageError: they are no fields.
    """
    pairs: list[tuple[str, str]] = []
    for pair in fields.items() if isinstance(fields, Mapping) else fields:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UsageError("a query or a form takes a dict of its fields, or a list of pairs")
        name, value = pair
        values = value if isinstance(value, list | tuple) else (value,)
        pairs += [(str(name), _text(one)) for one in values if one is not None]
    return urlencode(pairs, quote_via=quote)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode() if isinstance(value, bytes) else str(value)


def shown_url(address: Address) -> str:
    """The URL without its credentials."""
    return f"{address.scheme}://{address.netloc}{address.target}"


def redirect_url(address: Address, location: str) -> str:
    """Where a Location header points, seen from the address that sent it (RFC 9110 10.2.2).

    Raises:
        FailureError: ``check.bad_url``.
    """
    try:
        location = location_text(location.strip()).replace(" ", "%20")
        return urljoin(shown_url(address), location)
    except ValueError as error:
        message = f"{without_credentials(location)!r}: {without_credentials(str(error)).lower()}"
        raise FailureError(Failure(code="check.bad_url", message=message)) from None


def same_origin(one: Address, other: Address) -> bool:
    """Whether both are one server, which may see the same credentials.

    The step from ``http`` to ``https`` on the same host counts: it only makes them safer.
    """
    if (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port):
        return True
    ports = {("http", 80), ("https", 443)}
    return (
        one.host == other.host
        and (one.scheme, other.scheme) == ("http", "https")
        and {(one.scheme, one.port), (other.scheme, other.port)} == ports
    )
