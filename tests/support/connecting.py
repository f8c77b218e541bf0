"""Opening measured connections the way tests want them: without the environment's proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from checkwire.model.errors import ConnectError
from checkwire.model.failures import Failure
from checkwire.wire.observer import Observer
from checkwire.wire.opening import open_connection
from checkwire.wire.options import ConnectOptions, Limits, Timeouts
from checkwire.wire.session.connection import Connection
from checkwire.wire.tls.contexts import TlsOptions
from support.observing import Recording
from support.sentences import assert_explained

__all__ = ["SOON", "SOON_NS", "opened", "options", "refused"]

SOON = 0.3
"""Seconds for timeouts that a test waits for."""
SOON_NS = 295_000_000
"""The same in ns, less what uvloop's timers are early: they count in milliseconds."""

_GROUPS = {Limits: Limits.__struct_fields__, TlsOptions: TlsOptions.__struct_fields__}


def options(**given: Any) -> ConnectOptions:
    """Options by name, those of limits and TLS too; ``timeouts`` is a dict."""
    given.setdefault("proxy", None)
    limits = {name: given.pop(name) for name in _GROUPS[Limits] if name in given}
    tls = {name: given.pop(name) for name in _GROUPS[TlsOptions] if name in given}
    timeouts = Timeouts(**given.pop("timeouts", {}))
    return ConnectOptions(
        timeouts=timeouts, limits=Limits(**limits), tls=TlsOptions(**tls), **given
    )


@asynccontextmanager
async def opened(url: str, seen: Observer | None = None, **given: Any) -> AsyncIterator[Connection]:
    """A connection, which is cut at the end of the block if it is still there."""
    connection = await open_connection(url, options(**given), seen)
    try:
        yield connection
    finally:
        connection.abort()


async def refused(url: str, seen: Recording | None = None, **given: Any) -> Failure:
    """The failure with which a connection cannot be opened, told once and ended properly."""
    seen = seen or Recording()
    with pytest.raises(ConnectError) as caught:
        await open_connection(url, options(**given), seen)
    failure = caught.value.failure
    assert seen.failures == [failure]
    assert failure.message
    assert failure.connection == seen.closed.connection
    assert seen.closed.code is None
    assert_explained(failure)
    return failure
