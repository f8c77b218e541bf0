"""What the script stops waiting for: verifications that neither hold nor fail."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from checkwire.model.durations import format_seconds
from checkwire.model.failures import Failure
from checkwire.sdk.scope import Site

if TYPE_CHECKING:
    from checkwire.sdk.context import Context

__all__ = ["Wait", "Waits"]


class Wait(NamedTuple):
    """A wait under way: for what was called at this place, and since when."""

    site: Site
    arrived: int
    started: float


class Waits:
    """The waits of an attempt for what shall come: messages, connections, responses.

    One that is cancelled, as by ``asyncio.timeout``, leaves no trace on the wire. It is told as
    ``check.abandoned``, a warning, unless it succeeds later, or lost a race: something else that
    was waited for came meanwhile. The same goes for one that the check cuts short by closing or
    ending, unless what it waits for has come before, as it has for a reader in the background.

    Attributes:
        over: the check has returned. What is cancelled from now on is cut short.
        dialling: how many connections are being opened and requests made.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._arrived = 0
        self._came: set[Site] = set()
        self.over = False
        self.dialling = 0
        self._last = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since a wait began, or what was waited for came."""
        return time.monotonic() - self._last

    def begin(self, site: Site) -> Wait:
        """Something is waited for at this place from now on."""
        self._last = time.monotonic()
        return Wait(site, self._arrived, self._last)

    def answered(self, wait: Wait) -> None:
        """It came, and wins no race: the pong to a ping says nothing about what others wait for."""
        self._came.add(wait.site)
        self._last = time.monotonic()

    def came(self, wait: Wait) -> None:
        """It came."""
        self.answered(wait)
        self._arrived += 1

    def cancelled(
        self, wait: Wait, key: Hashable, doing: str, connection: int | None = None
    ) -> None:
        """It was cancelled.

        Args:
            wait: what was waited for.
            key: what makes a later one the same, see :meth:`Context.verification_failed`.
            doing: what the script did, as in "gave up connecting to ...".
            connection: its number, if it waited on one.
        """
        if self.over:
            self.cut_short(wait, key, doing, connection)
        elif self._arrived == wait.arrived:
            took = format_seconds(time.monotonic() - wait.started)
            message = f"The check gave up {doing} after {took}, and that did not succeed later"
            self._tell(wait, key, message, connection)

    def cut_short(
        self, wait: Wait, key: Hashable, doing: str, connection: int | None = None
    ) -> None:
        """The check itself closed the connection, or ended; the arguments are as above."""
        if wait.site not in self._came:
            took = format_seconds(time.monotonic() - wait.started)
            message = f"The check closed or ended after {took} of {doing}, which never succeeded"
            self._tell(wait, key, message, connection)

    def _tell(self, wait: Wait, key: Hashable, message: str, connection: int | None) -> None:
        failure = Failure(
            code="check.abandoned",
            message=message,
            location=self._context.location(wait.site),
            connection=connection,
        )
        self._context.ledger.abandoned(self._context.masked(failure), key)
