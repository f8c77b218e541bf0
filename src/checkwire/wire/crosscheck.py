"""After a silent failure: does the port speak the other protocol, TLS or plain HTTP?

Many servers say nothing at all to a client that does not speak TLS with them, or that does. What
happened then looks like a crash, and is a typing error in the URL.
"""

from __future__ import annotations

import asyncio

import msgspec

from checkwire.model.durations import format_ns
from checkwire.model.errors import CheckwireError, FailureError
from checkwire.model.events import Logged
from checkwire.model.failures import Failure
from checkwire.wire.clock import Timeline
from checkwire.wire.dial.dialer import Dialler
from checkwire.wire.dial.resolve import Endpoint
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.tls.contexts import TlsOptions
from checkwire.wire.upgrade.handshake import upgrade
from checkwire.wire.url import Address

__all__ = ["cross_check"]

_PATIENCE = 1.5
"""Seconds for everything."""

_NO_HTTP = ("upgrade.closed", "upgrade.timeout", "upgrade.not_http", "upgrade.tls_expected")
_NO_TLS = ("tls.closed", "tls.timeout", "tls.not_tls")


async def cross_check(
    failure: Failure,
    address: Address,
    options: ConnectOptions,
    reached: Endpoint | None,
    observer: Observer,
) -> Failure:
    """The failure under its better name, if one more connection finds one; else as it is.

    The connection carries no credentials: a request that was to be encrypted must not go over the
    wire in the clear.

    Args:
        failure: of the upgrade or of TLS.
        address: what was connected to.
        options: how.
        reached: where TCP was connected to, to ask the same machine again.
        observer: who is told, in a line, that the connection was made and what came of it.
    """
    silent = not failure.evidence.get("bytes_received")
    if address.secure:
        wanted = failure.code == "tls.not_tls" or (failure.code in _NO_TLS and silent)
    else:
        wanted = failure.code in ("upgrade.closed", "upgrade.timeout") and silent
    if not wanted:
        return failure
    other = address._replace(
        scheme="ws" if address.secure else "wss", target="/", user=None, password=None
    )
    bare = _bare(options, address, reached)
    speaks = _speaks_http if address.secure else _speaks_tls
    answer = None
    began_ns = observer.timeline.now()
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await speaks(other, bare)
    except (CheckwireError, OSError):
        pass  # No answer either.
    finally:
        spent_ns = observer.timeline.now() - began_ns
        asked = "plain HTTP" if address.secure else "TLS"
        observer.emit(
            Logged(
                at_ns=began_ns,
                message=f"Asked {address.place} on a second connection whether it speaks {asked}: "
                f"{answer or 'no answer'}, after {format_ns(spent_ns)}",
                source="checkwire",
                step=observer.step,
            )
        )
    if answer is None:
        return failure
    evidence = {**failure.evidence, "failed_as": failure.code, "other_protocol": answer}
    if address.secure:
        message = f"{address.place} does not speak TLS: it answered a plain request with {answer}"
        return msgspec.structs.replace(
            failure, code="tls.not_tls", message=message, evidence=evidence
        )
    message = f"{address.place} speaks TLS ({answer}), and says nothing to those who do not"
    return msgspec.structs.replace(
        failure, code="upgrade.tls_expected", message=message, evidence=evidence
    )


def _bare(options: ConnectOptions, address: Address, reached: Endpoint | None) -> ConnectOptions:
    """The same way to the same place, with nothing that is meant for the server alone."""
    resolve = options.resolve
    if reached is not None and options.unix_socket is None:
        resolve = {(address.host, address.port): reached.address[:2]}
    return msgspec.structs.replace(
        options,
        headers=(),
        subprotocols=(),
        origin=None,
        resolve=resolve,
        tls=TlsOptions(verify=False, server_name=options.tls.server_name),
    )


async def _speaks_tls(address: Address, options: ConnectOptions) -> str | None:
    try:
        dialled = await Dialler(address, options, Observer(Timeline()), 0).dial()
    except FailureError as error:
        code = error.failure.code
        # An alert is an answer, too.
        return "with an alert" if code.startswith("tls.") and code not in _NO_TLS else None
    dialled.pipe.close()
    return None if dialled.tls is None else dialled.tls.version


async def _speaks_http(address: Address, options: ConnectOptions) -> str | None:
    observer = Observer(Timeline())
    dialled = await Dialler(address, options, observer, 0).dial()
    try:
        await upgrade(dialled, address, options, observer, 0)
    except FailureError as error:
        code = error.failure.code
        if not code.startswith("upgrade.") or code in _NO_HTTP:
            return None
        return f"HTTP {error.failure.evidence.get('status', '')}".strip()
    finally:
        dialled.pipe.close()
    return "101 Switching Protocols"
