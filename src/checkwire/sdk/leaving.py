"""Closing what a script left open, in a time that somebody else has set."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from checkwire.wire.session.closing import diagnose_close_timeout

if TYPE_CHECKING:
    from checkwire.sdk.websocket import WebSocket

__all__ = ["FAREWELL", "leave"]

FAREWELL = 1.0
"""Seconds for the closing handshakes that a check left to us."""


async def leave(sockets: Iterable[WebSocket], within: float) -> None:
    """Close these WebSockets of the running loop, all at once; none is open afterwards.

    A server that does not answer in ``within`` seconds is a warning, ``ws.close_timeout``.
    """
    leaving = {asyncio.ensure_future(ws._leave(None)): ws for ws in sockets}
    if not leaving:
        return
    _, late = await asyncio.wait(leaving, timeout=within)
    for task in late:
        ws = leaving[task]
        failure = diagnose_close_timeout(ws.remote_address, within, 0)
        failure = replace(failure, connection=ws._open.number)
        ws._context.failed(failure, "warning")
        task.cancel()
    # What else may be wrong was told as it was raised.
    await asyncio.gather(*leaving, return_exceptions=True)
