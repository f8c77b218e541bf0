"""Of a server that answers an upgrade as it would answer a browser: why it does."""

from __future__ import annotations

import asyncio
import secrets

import msgspec

from checkwire.model.errors import CheckwireError, FailureError
from checkwire.model.failures import Failure
from checkwire.wire.clock import Timeline
from checkwire.wire.crosscheck import bare_options
from checkwire.wire.dial.dialer import Dialler
from checkwire.wire.dial.resolve import Endpoint
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.upgrade.handshake import upgrade
from checkwire.wire.url import Address

__all__ = ["why_not_upgraded"]

_PATIENCE = 1.5
"""Seconds for everything."""

_HINTS = {
    "fallback": "Any path gets this page, so it is a web application's fallback (index.html), and "
    "not the WebSocket server: check the URL's path, and the proxy's route for it",
    "stripped": "Other paths are answered otherwise, so something answers at this one, and sees no "
    "upgrade: a proxy strips it (nginx: proxy_http_version 1.1, proxy_set_header Upgrade "
    '$http_upgrade and Connection "upgrade"), or there is no WebSocket behind it',
}


async def why_not_upgraded(
    failure: Failure,
    address: Address,
    options: ConnectOptions,
    reached: Endpoint | None,
    left: float,
) -> Failure:
    """The failure, with ``cause``: what a path that cannot be there is answered with.

    No credentials are sent.

    Args:
        failure: ``upgrade.not_upgraded``.
        address: what was connected to.
        options: how.
        reached: where TCP was connected to, to ask the same machine again.
        left: seconds that the upgrade would still have had.
    """
    nowhere = address._replace(target=f"/{secrets.token_hex(8)}", user=None, password=None)
    other: Failure | None = None
    try:
        async with asyncio.timeout(max(0.0, min(_PATIENCE, left))):
            other = await _answer_of(nowhere, bare_options(options, address, reached))
    except (CheckwireError, OSError):
        pass  # No answer.
    if other is None or "status" not in other.evidence:
        cause = "unknown"
    else:
        alike = all(other.evidence.get(k) == failure.evidence.get(k) for k in ("status", "body"))
        cause = "fallback" if alike else "stripped"
    message = f"{failure.message}, as to any path" if cause == "fallback" else failure.message
    return msgspec.structs.replace(
        failure,
        message=message,
        hint=_HINTS.get(cause, failure.hint),
        evidence={**failure.evidence, "cause": cause},
    )


async def _answer_of(address: Address, options: ConnectOptions) -> Failure | None:
    observer = Observer(Timeline())
    dialled = await Dialler(address, options, observer, 0).dial()
    try:
        await upgrade(dialled, address, options, observer, 0)
    except FailureError as error:
        return error.failure
    finally:
        dialled.pipe.close()
    return None
