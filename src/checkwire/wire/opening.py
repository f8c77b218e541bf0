"""Opening a connection: dial, then upgrade, following redirects if asked to."""

from __future__ import annotations

import msgspec

from checkwire.model import events
from checkwire.model.errors import ConnectError
from checkwire.model.events import ConnectionStarted, Phase
from checkwire.model.failures import Failure
from checkwire.wire.dial.dialer import Dialler
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.session.connection import Connection
from checkwire.wire.upgrade.handshake import upgrade
from checkwire.wire.url import parse_url

__all__ = ["open_connection"]


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
        ConnectError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``upgrade.*``. The observer has
            been told of the failure by then.
    """
    options = options or ConnectOptions()
    observer = observer or Observer()
    parse_url(url)
    redirects = options.follow_redirects
    while True:
        try:
            return await _open(url, options, observer, report_redirect=redirects == 0)
        except _Redirected as redirect:
            redirects -= 1
            url = redirect.url


class _Redirected(Exception):  # noqa: N818 - not an error: it is caught right above
    def __init__(self, url: str) -> None:
        self.url = url


async def _open(
    url: str, options: ConnectOptions, observer: Observer, *, report_redirect: bool
) -> Connection:
    address = parse_url(url)
    number = observer.next_connection()
    started_ns = observer.timeline.now()
    shown = observer.masker.text(url)
    observer.emit(
        ConnectionStarted(at_ns=started_ns, connection=number, url=shown, step=observer.step)
    )
    dialled = None
    opened = False
    try:
        dialler = Dialler(address, options, observer, number)
        dialled = await dialler.dial()
        upgraded = await upgrade(dialled, address, options, observer, number)
        phases = dialler.phases
        phases["upgrade"] = upgraded.duration_ns
        phases["open"] = upgraded.opened_ns - started_ns
        observer.emit(
            Phase(
                at_ns=started_ns,
                connection=number,
                name="open",
                duration_ns=phases["open"],
                clock="kernel" if upgraded.kernel else "user",
            )
        )
        connection = Connection(url, dialled, upgraded, options, observer, number)
        opened = True
        return connection
    except ConnectError as error:
        failure = msgspec.structs.replace(error.failure, connection=number)
        location = None if report_redirect else _redirect_target(url, failure)
        if location is not None:
            raise _Redirected(location) from None
        observer.failed(failure)
        raise ConnectError(failure) from error.__cause__
    finally:
        if not opened:
            if dialled is not None:
                dialled.pipe.close()
            observer.emit(events.ConnectionClosed(at_ns=observer.timeline.now(), connection=number))


def _redirect_target(url: str, failure: Failure) -> str | None:
    if failure.code != "upgrade.redirect":
        return None
    from urllib.parse import urljoin

    headers = failure.evidence.get("headers", ())
    location = next((v for name, v in headers if name.lower() == "location"), None)
    if location is None:
        return None
    # urljoin does not know ws://; the schemes correspond one to one (WHATWG URL).
    base = "http" + url[2:]
    target = urljoin(base, location)
    return f"ws{target[4:]}" if target.startswith("http") else str(target)
