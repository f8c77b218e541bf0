"""From the keywords that a check writes to the options of a connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, TypedDict

from checkwire._version import __version__
from checkwire.model.durations import Duration
from checkwire.model.errors import FailureError
from checkwire.sdk.context import Context, Site
from checkwire.sdk.suggestion import did_you_mean
from checkwire.sdk.values import describe_kind
from checkwire.sdk.waiting import seconds
from checkwire.wire.dial.proxies import environment_proxy, parse_proxy
from checkwire.wire.options import ConnectOptions, Limits, Timeouts
from checkwire.wire.tls.contexts import TlsOptions
from checkwire.wire.url import parse_url

__all__ = ["ConnectKeywords", "connect_options", "vain_options"]


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
            ``close``, ``pong`` (of ``ping``); or one for each of them.
        max_size: bytes of a message; 16 MiB by default, ``None`` for no limit.
        max_queue: messages that wait to be received before reading pauses; 1024 by default.
        browser: warn also of headers that no web page can set on a WebSocket, and of a certificate
            that is not verified: for checks that stand for a browser.
        transcript: frames kept in the transcript at the connection's start and again at its end;
            100 by default.
        probe: send a ping in the last part of a wait for a message, if none comes, so that the
            failure can say whether the server is there; on by default.
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
    browser: bool
    transcript: int
    probe: bool


_USER_AGENT: Final = f"checkwire/{__version__}"
_TLS: Final = TlsOptions.__struct_fields__
_PHASES: Final = Timeouts.__struct_fields__
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A header's or a subprotocol's name (RFC 9110 section 5.6.2)."""


class _UnusableError(ValueError):
    """A value cannot be used; the message says why, and what to write."""


def connect_options(
    keywords: ConnectKeywords,
    context: Context,
    *,
    called: str = "connect()",
    site: Site | None = None,
) -> ConnectOptions:
    """The options for these keywords; what the attempt says of every connection is in it.

    Args:
        keywords: as the check wrote them.
        context: the attempt.
        called: what the check called, for the message of a mistake.
        site: where it did so, if that is not on the stack.

    Raises:
        UsageError: for a keyword that is not known, or a value that cannot be used.
    """
    given: dict[str, Any] = {}
    for name, value in keywords.items():
        read = _KEYWORDS.get(name)
        if read is None:
            hint = _OTHERS_CALL_IT.get(name)
            hint = f"; write {hint}" if hint else did_you_mean(name, _KEYWORDS, quote="")
            raise context.misused(f"{called} does not take {name!r}{hint}", site)
        try:
            given[name] = read(value)
        except _UnusableError as error:
            raise context.misused(f"{called}: {name}: {error}", site) from None
    plain = {name: given[name] for name in _PLAIN if name in given}
    tls = {name: given[name] for name in TlsOptions.__struct_fields__ if name in given}
    limits = {_LIMITS[name]: value for name, value in given.items() if name in _LIMITS}
    return ConnectOptions(
        **{"user_agent": _USER_AGENT, **plain},
        resolve={**context.resolve, **given.get("resolve", {})},
        deny=context.deny,
        tls=TlsOptions(**{"ca": context.ca, **tls}),
        timeouts=Timeouts(**given.get("timeouts", {})),
        limits=Limits(**limits),
    )


def vain_options(url: str, keywords: ConnectKeywords, options: ConnectOptions) -> Sequence[str]:
    """The keywords about TLS, if none will be spoken: whoever writes them may think that it is."""
    names = [name for name, value in keywords.items() if name in _TLS and value is not None]
    if not names or options.follow_redirects:
        return ()
    try:
        address = parse_url(url)
        proxy = options.proxy
        if proxy == "env":
            proxy = environment_proxy(address)
        if options.unix_socket is not None:
            proxy = None
        secure = address.secure or (proxy is not None and parse_proxy(proxy).secure)
    except FailureError:  # It is told when the connection is opened.
        return ()
    return () if secure else names


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _UnusableError(f"it is a string, not {describe_kind(value)}")
    if "\n" in value or "\r" in value:
        raise _UnusableError("a line break cannot be sent in a header")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _path_or_none(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | PathLike):
        raise _UnusableError(f"it is a path, not {describe_kind(value)}")
    return str(fspath(value))


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnusableError(f"it is True or False, not {value!r}")
    return value


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = value.items() if isinstance(value, Mapping) else value
    if isinstance(pairs, str) or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs
    ):
        raise _UnusableError('write a dict, as {"Authorization": "Bearer ..."}, or a list of pairs')
    return tuple(_header(*pair) for pair in pairs)


def _header(name: Any, value: Any) -> tuple[str, str]:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise _UnusableError(f"{name!r} is not a header's name")
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise _UnusableError(f"the value of {name} is {describe_kind(value)}, not a string")
    if any(mark in str(value) for mark in "\r\n\0"):
        raise _UnusableError(f"the value of {name} holds a line break or a NUL")
    return name, str(value)


def _subprotocols(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise _UnusableError(f"it is a list of names: write [{value!r}]")
    names = tuple(value)
    for name in names:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise _UnusableError(f"{name!r} is not a subprotocol's name")
        if names.count(name) > 1:
            raise _UnusableError(f"{name!r} is in it twice")
    return names


def _redirects(value: Any) -> int:
    if isinstance(value, bool):
        return 5 if value else 0
    return _count(value, least=0)


def _count(value: Any, least: int = 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _UnusableError(f"it is a number, not {describe_kind(value)}")
    if value < least:
        raise _UnusableError(f"it is at least {least}")
    return value


def _count_or_none(value: Any) -> int | None:
    return None if value is None else _count(value)


def _resolve(value: Any) -> dict[tuple[str, int], tuple[str, int]]:
    if not isinstance(value, Mapping):
        raise _UnusableError('write a dict, as {"example.org:443": "127.0.0.1:8443"}')
    found = {}
    for place, target in value.items():
        host, _, port = str(place).rpartition(":")
        if not host or not port.isdigit():
            raise _UnusableError(f'{place!r} has no port: write "{place}:443"')
        found[host.strip("[]").lower(), int(port)] = _target(_text(target), int(port))
    return found


def _target(target: str, port: int) -> tuple[str, int]:
    if target.startswith("["):  # [::1] or [::1]:8443
        address, _, rest = target[1:].partition("]")
        return address, int(rest[1:]) if rest[1:].isdigit() else port
    if target.count(":") == 1:
        address, _, number = target.partition(":")
        if number.isdigit():
            return address, int(number)
    return target, port


def _timeouts(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        return dict.fromkeys(_PHASES, seconds("timeouts", value))
    for name in value:
        if name not in _PHASES:
            raise _UnusableError(f"there is none for {name!r}; there are {', '.join(_PHASES)}")
    return {name: seconds(f"timeouts[{name!r}]", limit) for name, limit in value.items()}


_KEYWORDS: Final[dict[str, Callable[[Any], Any]]] = {
    "headers": _headers,
    "subprotocols": _subprotocols,
    "origin": _text_or_none,
    "user_agent": _text_or_none,
    "compression": _switch,
    "follow_redirects": _redirects,
    "proxy": _text_or_none,
    "resolve": _resolve,
    "unix_socket": _path_or_none,
    "local_address": _text_or_none,
    "ca": _path_or_none,
    "client_cert": _path_or_none,
    "client_key": _path_or_none,
    "client_key_password": _text_or_none,
    "verify": _switch,
    "server_name": _text_or_none,
    "timeouts": _timeouts,
    "max_size": _count_or_none,
    "max_queue": _count,
    "browser": _switch,
    "transcript": _count,
    "probe": _switch,
}
"""Every keyword, with the function that reads it."""

_PLAIN: Final = (
    "headers",
    "subprotocols",
    "origin",
    "user_agent",
    "compression",
    "follow_redirects",
    "proxy",
    "unix_socket",
    "local_address",
    "probe",
    "browser",
)
_LIMITS: Final = {"max_size": "message", "max_queue": "queue_messages", "transcript": "frames"}

_OTHERS_CALL_IT: Final = {
    "additional_headers": "headers={...}",
    "extra_headers": "headers={...}",
    "header": "headers={...}",
    "protocols": 'subprotocols=["..."]',
    "timeout": 'timeouts={"tcp": "5s", "upgrade": "5s"}, or timeouts="5s" for each phase',
    "open_timeout": 'timeouts={"tcp": "5s", "upgrade": "5s"}',
    "close_timeout": 'timeouts={"close": "5s"}',
    "ssl": "ca=FILE, client_cert=FILE or verify=False",
    "ssl_context": "ca=FILE, client_cert=FILE or verify=False",
    "ping_interval": "await ws.ping() where a ping is wanted",
    "server_hostname": "server_name=",
}
"""Keywords of other clients, and what to write here."""
