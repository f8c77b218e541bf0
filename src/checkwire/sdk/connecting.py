"""From the keywords that a check writes to the options of a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypedDict

from checkwire._version import __version__
from checkwire.model.durations import Duration, parse_duration
from checkwire.model.errors import UsageError
from checkwire.sdk.context import Context
from checkwire.wire.options import ConnectOptions, Limits, Timeouts
from checkwire.wire.tls.contexts import TlsOptions

__all__ = ["ConnectKeywords", "connect_options"]


class ConnectKeywords(TypedDict, total=False):
    """What ``connect`` takes beside the URL.

    Attributes:
        headers: further request headers.
        subprotocols: offered, best first; if the server accepts none the connection fails.
        origin: the Origin header.
        user_agent: the User-Agent header; ``None`` sends none.
        compression: offer permessage-deflate; on by default.
        follow_redirects: how many redirects to follow, or ``True`` for up to 5; none by default,
            as in browsers.
        proxy: URL of an ``http``, ``https``, ``socks5`` or ``socks5h`` proxy, or ``None`` for
            none. By default the usual variables decide (``https_proxy``, ``no_proxy``, ...).
        resolve: maps ``"host:port"`` to ``"address"`` or ``"address:port"``, as curl's
            ``--resolve``.
        unix_socket: path of a Unix socket to connect to.
        local_address: source address.
        ca: a file of authorities (PEM) to trust besides the system's.
        client_cert, client_key, client_key_password: our certificate.
        verify: check the server's certificate; on by default.
        server_name: the name to ask for and verify (SNI), instead of the URL's host.
        timeouts: seconds or strings for ``dns``, ``tcp``, ``proxy``, ``tls``, ``upgrade``,
            ``close``, ``pong``; or one for each of them.
        max_size: bytes of a message; 16 MiB by default, ``None`` for no limit.
        max_queue: messages that wait to be received before reading pauses; 1024 by default.
        transcript: frames kept in the transcript at the connection's start and again at its end;
            100 by default.
    """

    headers: Mapping[str, str] | Sequence[tuple[str, str]]
    subprotocols: Sequence[str]
    origin: str | None
    user_agent: str | None
    compression: bool
    follow_redirects: int | bool
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
    timeouts: Mapping[str, Duration] | Duration
    max_size: int | None
    max_queue: int
    transcript: int


_USER_AGENT = f"checkwire/{__version__}"
_PHASES = Timeouts.__struct_fields__
_PLAIN = ("origin", "compression", "proxy", "unix_socket", "local_address")


def connect_options(keywords: ConnectKeywords, context: Context) -> ConnectOptions:
    """The options for these keywords; what the attempt says of every connection is in it.

    Raises:
        UsageError: for a keyword that is not known, or a value that cannot be used.
    """
    for name in keywords:
        if name not in ConnectKeywords.__annotations__:
            close = get_close_matches(name, ConnectKeywords.__annotations__, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"connect() does not take {name!r}{hint}")
    headers = keywords.get("headers", ())
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    subprotocols = keywords.get("subprotocols", ())
    if isinstance(subprotocols, str):
        raise UsageError(f"subprotocols is a list of names: write [{subprotocols!r}]")
    redirects = keywords.get("follow_redirects", 0)
    resolve = dict(context.resolve)
    for place, target in keywords.get("resolve", {}).items():
        host, _, port = place.rpartition(":")
        if not host or not port.isdigit():
            raise UsageError(f"resolve maps 'host:port' to an address; {place!r} has no port")
        resolve[host.lower(), int(port)] = _target(target, int(port))
    return ConnectOptions(
        headers=tuple((str(name), str(value)) for name, value in pairs),
        subprotocols=tuple(subprotocols),
        user_agent=keywords.get("user_agent", _USER_AGENT),
        follow_redirects=5 if redirects is True else int(redirects),
        resolve=resolve,
        tls=_tls(keywords, context),
        timeouts=_timeouts(keywords.get("timeouts", {})),
        limits=_limits(keywords),
        **{name: keywords[name] for name in _PLAIN if name in keywords},  # type: ignore[literal-required]
    )


def _target(target: str, port: int) -> tuple[str, int]:
    if target.startswith("["):  # [::1] or [::1]:8443
        address, _, rest = target[1:].partition("]")
        return address, int(rest[1:]) if rest[1:].isdigit() else port
    if target.count(":") == 1:
        address, _, number = target.partition(":")
        if number.isdigit():
            return address, int(number)
    return target, port


def _tls(keywords: ConnectKeywords, context: Context) -> TlsOptions:
    def path(value: str | Path | None) -> str | None:
        return None if value is None else str(value)

    return TlsOptions(
        verify=keywords.get("verify", True),
        ca=path(keywords.get("ca", context.ca)),
        client_cert=path(keywords.get("client_cert")),
        client_key=path(keywords.get("client_key")),
        client_key_password=keywords.get("client_key_password"),
        server_name=keywords.get("server_name"),
    )


def _timeouts(given: Mapping[str, Duration] | Duration) -> Timeouts:
    try:
        if not isinstance(given, Mapping):
            return Timeouts(**dict.fromkeys(_PHASES, parse_duration(given)))
        for name in given:
            if name not in _PHASES:
                raise UsageError(f"there is no timeout {name!r}: use {', '.join(_PHASES)}")
        return Timeouts(**{name: parse_duration(value) for name, value in given.items()})
    except ValueError as error:
        raise UsageError(f"timeouts: {error}") from None


def _limits(keywords: ConnectKeywords) -> Limits:
    given: dict[str, int | None] = {}
    for keyword, name in (
        ("max_size", "message"),
        ("max_queue", "queue_messages"),
        ("transcript", "frames"),
    ):
        if keyword in keywords:
            given[name] = keywords[keyword]  # type: ignore[literal-required]
    return Limits(**given)  # type: ignore[arg-type]
