"""Opening a connection: dial, then upgrade, following redirects if asked to."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin

import msgspec

from checkwire.model import events
from checkwire.model.errors import ConnectError, FailureError
from checkwire.model.events import ConnectionStarted, Phase
from checkwire.model.failures import Failure
from checkwire.model.masking import Masker, names_credentials, without_credentials
from checkwire.wire.browser import unlike_a_browser
from checkwire.wire.crosscheck import CrossCheck
from checkwire.wire.dial.dialer import Dialled, Dialler
from checkwire.wire.fallback import why_not_upgraded
from checkwire.wire.http_head import location_text
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.session.connection import Connection
from checkwire.wire.tls.diagnosis import diagnose_client_refused
from checkwire.wire.upgrade.handshake import (
    Redirected,
    Upgraded,
    refuse_handshake_headers,
    upgrade,
)
from checkwire.wire.url import Address, parse_url

__all__ = ["open_connection"]

_JWT = "eyJ"
"""How every JSON Web Token begins (RFC 7519): the base64 of ``{"``."""


async def open_connection(
    url: str, options: ConnectOptions | None = None, observer: Observer | None = None
) -> Connection:
    """Open a WebSocket, measured from the first look-up on.

    Args:
        url: ``ws://`` or ``wss://``.
        options: how; all defaults when left out.
        observer: who is told; nobody when left out.

    Raises:
        FailureError: ``check.bad_url``.
        UsageError: for options that cannot be used.
        ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``upgrade.*``. The observer has
            been told of the failure by then.
    """
    options = options or ConnectOptions()
    observer = observer or Observer()
    parse_url(url)
    refuse_handshake_headers(options.headers)
    left, asked = options.follow_redirects, url
    while True:
        try:
            connection = await _open(url, options, observer, follow=left > 0)
            redirected = None if url == asked else asked
            for warning in unlike_a_browser(parse_url(url), options, redirected):
                observer.warn_once(msgspec.structs.replace(warning, connection=connection.number))
            return connection
        except _Elsewhere as redirect:
            left -= 1
            options = _towards(redirect.url, url, options, observer.masker)
            url = redirect.url


class _Elsewhere(Exception):  # noqa: N818 - not an error: it is caught right above
    def __init__(self, url: str) -> None:
        self.url = url


async def _open(
    url: str, options: ConnectOptions, observer: Observer, *, follow: bool
) -> Connection:
    address = parse_url(url)
    number = observer.next_connection()
    started_ns = observer.timeline.now()
    shown = without_credentials(url)
    observer.emit(
        ConnectionStarted(at_ns=started_ns, connection=number, url=shown, step=observer.step)
    )
    dialler = Dialler(address, options, observer, number)
    crosscheck = CrossCheck(address, options, observer)
    dialled = pipe = None
    opened = False
    ended_ns: int | None = None

    def silent() -> None:
        crosscheck.begin(dialler.reached)

    try:
        dialled = await dialler.dial(silent if address.secure else None)
        pipe = dialled.pipe
        dialler.at.enter(dialler.at.place)
        upgraded = await upgrade(
            dialled, address, options, observer, number, None if address.secure else silent
        )
        _tell_phases(dialler.phases, upgraded, started_ns, observer, number)
        connection = Connection(url, dialled, upgraded, options, observer, number)
        opened = True
        return connection
    except ConnectError as error:
        if follow and isinstance(error, Redirected):
            target = _redirect_target(url, error.location)
            if target is not None and address.secure and not parse_url(target).secure:
                error = ConnectError(_out_of_tls(error.failure))
            elif target is not None:
                raise _Elsewhere(target) from None
        if pipe is not None:
            pipe.close()
        ended_ns = dialler.at.failed_ns = dialler.at.failed_ns or observer.timeline.now()
        failure = error.failure
        try:
            failure = await _asked_again(failure, address, dialled, crosscheck, dialler, options)
        finally:  # Also if time is up meanwhile: what failed had failed before.
            failure = msgspec.structs.replace(dialler.at.locate(failure), connection=number)
            observer.failed(failure, at_ns=ended_ns)
        raise ConnectError(failure) from error.__cause__
    finally:
        await crosscheck.end()
        if not opened:
            if pipe is not None:
                pipe.close()
            ended_ns = observer.timeline.now() if ended_ns is None else ended_ns
            observer.emit(events.ConnectionClosed(at_ns=ended_ns, connection=number))


async def _asked_again(
    failure: Failure,
    address: Address,
    dialled: Dialled | None,
    crosscheck: CrossCheck,
    dialler: Dialler,
    options: ConnectOptions,
) -> Failure:
    """The failure, with what another connection tells of it before its phase's time is over."""
    limits = {"tls": options.timeouts.tls, "upgrade": options.timeouts.upgrade}
    limit = limits.get(failure.phase or "", 0.0)
    if dialled is not None and _may_lack_certificate(failure, dialled, options):
        shown = await dialler.look(limit - dialler.at.spent_ns / 1e9)
        if shown.asked:
            return diagnose_client_refused(failure, dialled.where, shown)
    left = limit - dialler.at.spent_ns / 1e9
    if failure.code == "upgrade.not_upgraded":
        return await why_not_upgraded(failure, address, options, dialler.reached, left)
    return await crosscheck.judge(failure, dialler.reached, left)


def _may_lack_certificate(failure: Failure, dialled: Dialled, options: ConnectOptions) -> bool:
    """TLS 1.3 servers judge a client after the handshake, and not all say why they hang up."""
    if dialled.tls is None or options.tls.client_cert is not None:
        return False
    wordless = failure.code == "upgrade.closed" and not failure.evidence.get("bytes_received")
    return wordless or failure.code == "tls.client_certificate_required"


def _tell_phases(
    phases: dict[str, int],
    upgraded: Upgraded,
    started_ns: int,
    observer: Observer,
    connection: int,
) -> None:
    phases["upgrade"] = upgraded.duration_ns
    # What this process needed between them is not the network's time, nor the server's.
    phases["open"] = sum(phases.values())
    observer.emit(
        Phase(
            at_ns=started_ns,
            connection=connection,
            name="open",
            duration_ns=phases["open"],
            clock="kernel" if upgraded.kernel else "user",
        )
    )


def _redirect_target(url: str, location: str) -> str | None:
    """Where a Location points, or ``None`` if that is no WebSocket address."""
    # urljoin does not know ws://; the schemes correspond one to one (WHATWG URL).
    try:
        target = urldefrag(urljoin("http" + url[2:], location_text(location))).url
        target = f"ws{target[4:]}" if target.startswith("http") else target
        parse_url(target)
    except (ValueError, FailureError):
        return None
    return target


def _out_of_tls(failure: Failure) -> Failure:
    return msgspec.structs.replace(
        failure,
        message=f"{failure.message}: from TLS to plain text, which is not followed",
        hint="A proxy that ends TLS may not tell the server of it (X-Forwarded-Proto); if the "
        "address is right, connect to it itself",
    )


def _towards(url: str, before: str, options: ConnectOptions, masker: Masker) -> ConnectOptions:
    """The options for a redirect's target: what is meant for one server goes to no other.

    Browsers cannot send headers, so tokens also travel as subprotocols.
    """
    to, at = parse_url(url), parse_url(before)
    if (to.host, to.port, to.secure) == (at.host, at.port, at.secure):
        return options
    headers = tuple(
        (name, value)
        for name, value in options.headers
        if not (name.lower() == "host" or names_credentials(name) or masker.knows(value))
    )
    subprotocols = tuple(
        name
        for name in options.subprotocols
        if not (names_credentials(name) or name.startswith(_JWT) or masker.knows(name))
    )
    tls = msgspec.structs.replace(options.tls.without_certificate(), server_name=None)
    return msgspec.structs.replace(options, headers=headers, subprotocols=subprotocols, tls=tls)
