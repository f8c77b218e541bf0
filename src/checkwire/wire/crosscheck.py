"""Of a port that says nothing: does it speak the other protocol, TLS or plain HTTP?

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
from checkwire.wire.dial.whereabouts import named
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.tls.contexts import TlsOptions
from checkwire.wire.upgrade.handshake import upgrade
from checkwire.wire.url import Address

__all__ = ["CrossCheck", "bare_options"]

_PATIENCE = 1.5
"""Seconds for everything."""

_NO_HTTP = ("upgrade.closed", "upgrade.timeout", "upgrade.not_http", "upgrade.tls_expected")
_NO_TLS = ("tls.closed", "tls.timeout", "tls.not_tls")


class CrossCheck:
    """One more connection, which tries the other protocol.

    It carries no credentials: a request that was to be encrypted must not go over the wire in the
    clear.
    """

    def __init__(self, address: Address, options: ConnectOptions, observer: Observer) -> None:
        """Nothing happens yet.

        Args:
            address: what is connected to.
            options: how.
            observer: who is told, in a line, that the connection was made and what came of it.
        """
        self._address = address
        self._options = options
        self._observer = observer
        self._asking: asyncio.Task[str | None] | None = None

    def begin(self, reached: Endpoint | None) -> None:
        """Ask, beside a connection that says nothing.

        Args:
            reached: where TCP was connected to, to ask the same machine again.
        """
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask(reached))

    async def judge(self, failure: Failure, reached: Endpoint | None, left: float) -> Failure:
        """The failure under its better name, if there is one; else as it is.

        Args:
            failure: of the upgrade or of TLS.
            reached: as in :meth:`begin`.
            left: seconds that its phase would still have had.
        """
        if not self._is_asked_of(failure):
            return failure
        if left > 0:
            self.begin(reached)
        if self._asking is None:
            return failure
        await asyncio.wait((self._asking,), timeout=max(0.0, left))
        answer = self._asking.result() if self._asking.done() else None
        return failure if answer is None else self._renamed(failure, reached, answer)

    async def end(self) -> None:
        """Give up, if an answer is still waited for."""
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()
            await asyncio.wait((self._asking,))

    def _is_asked_of(self, failure: Failure) -> bool:
        silent = not failure.evidence.get("bytes_received")
        if failure.code == "tcp.reset":
            return failure.phase != "tcp"
        if self._address.secure:
            return failure.code == "tls.not_tls" or (failure.code in _NO_TLS and silent)
        return failure.code in ("upgrade.closed", "upgrade.timeout") and silent

    async def _ask(self, reached: Endpoint | None) -> str | None:
        address, observer = self._address, self._observer
        other = address._replace(
            scheme="ws" if address.secure else "wss", target="/", user=None, password=None
        )
        bare = bare_options(self._options, address, reached)
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
                    message=f"Asked {address.place} on a second connection whether it speaks "
                    f"{asked}: {answer or 'no answer'}, after {format_ns(spent_ns)}",
                    source="checkwire",
                    step=observer.step,
                )
            )
        return answer

    def _renamed(self, failure: Failure, reached: Endpoint | None, answer: str) -> Failure:
        address = self._address
        where = address.place if reached is None else named(str(reached), address.host)
        evidence = {**failure.evidence, "failed_as": failure.code, "other_protocol": answer}
        evidence.pop("elapsed_ms", None)  # It is for the message to be said again.
        if address.secure:
            code, phase = "tls.not_tls", "tls"
            message = f"{where} does not speak TLS: it answered a plain request with {answer}"
        else:
            code, phase = "upgrade.tls_expected", "upgrade"
            message = f"{where} speaks TLS ({answer}), and says nothing to those who do not"
        return msgspec.structs.replace(
            failure, code=code, phase=phase, message=message, evidence=evidence
        )


def bare_options(
    options: ConnectOptions, address: Address, reached: Endpoint | None
) -> ConnectOptions:
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
