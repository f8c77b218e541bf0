"""Empties the outbox: delivers each notice, with patience, at least once."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from checkwire.alerting.mail import deliver_by_mail
from checkwire.alerting.notice import Notice
from checkwire.alerting.outcome import NotDelivered, next_try_ns
from checkwire.alerting.webhook import deliver_to_webhook
from checkwire.model.alerts import Channel, WebhookChannel
from checkwire.model.errors import CheckwireError
from checkwire.model.masking import Masker
from checkwire.store import outbox
from checkwire.store.database import Store
from checkwire.store.records import OutboxEntry

__all__ = ["Deliverer"]

_log = structlog.get_logger("checkwire.alerting")

_AT_ONCE = 32
_AT_ONCE_EACH = 4
"""Deliveries under way, in all and for each channel. One that failed last gets one at a time: so
those that hang leave room for the others."""
_AHEAD = 4 * _AT_ONCE
"""Due notices that are looked at, to find some whose channels are free."""
_LEASE = 10.0
"""Seconds, beyond the timeout, after which a notice is due again whose delivery did not end:
whoever was at it is dead."""
_PAUSE = 2.0
"""Seconds before the database is tried again."""
_UNMARKED = "what became of a notice cannot be written to the database"

Channels = Callable[[str], Mapping[str, Channel] | None]
Secrets = Callable[[str], Awaitable[Mapping[str, str]]]
_Where = tuple[str, str]
"""A project's id, and the name of one of its channels."""


class _Sent(NamedTuple):
    """What came back, and whom it did not reach nevertheless."""

    said: str
    note: str | None = None


class Deliverer:
    """Delivers what is in the outbox, for as long as :meth:`run` runs.

    A notice is claimed in the database, delivered, and marked as delivered. If this process dies
    in between, the claim ends by itself and the notice is delivered again, with the same
    idempotency key.
    """

    def __init__(
        self,
        store: Store,
        channels: Channels,
        secrets: Secrets,
        *,
        timeout: float = 15.0,
        lease: float = _LEASE,
        poll: float = 15.0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], int] = time.time_ns,
        marked: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare to deliver.

        Args:
            store: with the outbox.
            channels: the channels of a project, by name, as its settings are now; ``None`` if the
                project is not loaded: its notices wait.
            secrets: the values of a project's secrets, by name.
            timeout: seconds that one delivery may take.
            lease: seconds, beyond that, after which a notice is due again if it is not known what
                became of it.
            poll: seconds after which the outbox is looked at though nobody called :meth:`wake`.
            tls: for connections; by default as this machine trusts.
            clock: nanoseconds since the Unix epoch.
            marked: called when it is in the database what became of a notice.
        """
        self._store = store
        self._channels = channels
        self._secrets = secrets
        self._timeout = timeout
        self._lease_ns = round((timeout + lease) * 1e9)
        self._poll = poll
        self._tls = tls
        self._clock = clock
        self._marked = marked
        self._wake = asyncio.Event()
        self._busy: Counter[_Where] = Counter()
        self._under_way: set[str] = set()
        self._failing: set[_Where] = set()

    @property
    def under_way(self) -> int:
        """How many deliveries are under way."""
        return len(self._under_way)

    def wake(self) -> None:
        """Look at the outbox now: something was put there, or settings have changed."""
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until ``stopping`` is set; what is under way then is finished.

        A database that is not to be had is waited for.
        """
        async with asyncio.TaskGroup() as tasks:
            waker = tasks.create_task(self._wake_at(stopping))
            while not stopping.is_set():
                self._wake.clear()
                try:
                    due, pause = await self._look()
                    for entry, notice in await self._claim(due):
                        tasks.create_task(self._deliver(entry, notice, stopping))
                except (SQLAlchemyError, CheckwireError, OSError) as error:
                    _log.warning("notices cannot be read from the database", why=_line(error))
                    pause = _PAUSE
                await _wait(self._wake, pause)
            waker.cancel()

    async def _wake_at(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._wake.set()

    async def _look(self) -> tuple[list[OutboxEntry], float]:
        """What is due, and seconds until something else may be, unless somebody wakes us."""
        if self.under_way >= _AT_ONCE:
            return [], self._poll
        now_ns = self._clock()
        async with self._store.reading() as tx:
            due = await outbox.due(tx, now_ns, _AHEAD)
            next_ns = await outbox.next_try(tx, now_ns)
        # What is due now, and cannot be claimed, has a channel that is busy: its end wakes us.
        return due, self._poll if next_ns is None else min((next_ns - now_ns) / 1e9, self._poll)

    # One notice

    async def _claim(self, due: Iterable[OutboxEntry]) -> list[tuple[OutboxEntry, Notice]]:
        now_ns = self._clock()
        notices: dict[str, Notice] = {}
        coming: Counter[_Where] = Counter()
        for entry in due:
            if entry.id in self._under_way:  # The clock has leapt: its claim is over, it is not.
                continue
            notice = Notice.decode(entry.payload)
            where = notice.project.id, entry.channel
            most = 1 if where in self._failing else _AT_ONCE_EACH
            room = most - self._busy[where] - coming[where]
            if room > 0 and self.under_way + len(notices) < _AT_ONCE:
                coming[where] += 1
                notices[entry.id] = notice
        if not notices:
            return []
        self._under_way.update(notices)
        claimed: list[OutboxEntry] = []
        try:
            async with self._store.writing() as tx:
                claimed = await outbox.claim(tx, notices, now_ns, now_ns + self._lease_ns)
        finally:
            self._under_way.difference_update(notices.keys() - {entry.id for entry in claimed})
        found = [(entry, notices[entry.id]) for entry in claimed]
        self._busy.update((notice.project.id, entry.channel) for entry, notice in found)
        return found

    async def _deliver(self, entry: OutboxEntry, notice: Notice, stopping: asyncio.Event) -> None:
        where = notice.project.id, entry.channel
        try:
            try:
                note = await self._attempt(entry, notice)
            except NotDelivered as error:
                self._failing.add(where)
                await self._mark_failed(entry, notice, error, stopping)
            else:
                self._failing.discard(where)
                await self._mark_delivered(entry, notice, note, stopping)
        finally:
            self._under_way.remove(entry.id)
            self._busy[where] -= 1
            self._wake.set()

    async def _attempt(self, entry: OutboxEntry, notice: Notice) -> str | None:
        return (await self._send(notice, entry.channel, entry.payload)).note

    async def try_channel(self, notice: Notice, channel: str) -> str:
        """Send a notice that is in no outbox, once; if it is taken, the channel works.

        Args:
            notice: with its key.
            channel: the name of one that the notice's project declares.

        Returns:
            what came back: a sentence.

        Raises:
            NotDelivered: it was not taken; the message says why.
        """
        sent = await self._send(notice, channel, notice.encode())
        async with self._store.writing() as tx:
            await outbox.worked(tx, notice.project.id, channel, self._clock())
        self._failing.discard((notice.project.id, channel))
        self._marked()
        return sent.said if sent.note is None else f"{sent.said}, but {sent.note}"

    async def _send(self, notice: Notice, name: str, payload: bytes) -> _Sent:
        project = notice.project.id
        channels = self._channels(project)
        if channels is None:
            raise NotDelivered(f"the project {project} is not loaded")
        channel = channels.get(name)
        if channel is None:
            raise NotDelivered(
                f"the project {project} no longer declares the channel {name}", final=True
            )
        try:
            secrets = await self._secrets(project)
        except (SQLAlchemyError, CheckwireError, OSError) as error:
            raise NotDelivered(f"the secrets of {project} cannot be read: {_line(error)}") from None
        if self._tls is None:
            self._tls = await asyncio.to_thread(_trust)
        masker = Masker(secrets.values())
        try:
            if isinstance(channel, WebhookChannel):
                said = await deliver_to_webhook(
                    channel,
                    notice.id,
                    payload,
                    secrets,
                    at=datetime.fromtimestamp(self._clock() / 1e9, UTC),
                    tls=self._tls,
                    timeout=self._timeout,
                )
                return _Sent(masker.text(said))
            note = await deliver_by_mail(
                channel, payload, secrets, tls=self._tls, timeout=self._timeout
            )
            said = f"{channel.server.host}:{channel.server.port} took the message"
            return _Sent(said, None if note is None else masker.text(note))
        except NotDelivered as error:
            raise NotDelivered(
                masker.text(str(error)), final=error.final, retry_after=error.retry_after
            ) from None
        except Exception as error:
            # A mistake of ours is not to stop all others, nor to be lost.
            _log.exception("delivering a notice went wrong", channel=name, project=project)
            raise NotDelivered(masker.text(f"{type(error).__name__}: {_line(error)}")) from None

    async def _mark_delivered(
        self, entry: OutboxEntry, notice: Notice, note: str | None, stopping: asyncio.Event
    ) -> None:
        _log.info("notice delivered", **_about(entry, notice))
        if note is not None:
            _log.warning("notice delivered, but not to all", why=note, **_about(entry, notice))
        while True:
            try:
                async with self._store.writing() as tx:
                    now_ns = self._clock()
                    await outbox.delivered(tx, entry.id, now_ns, note=note)
                    await outbox.worked(tx, notice.project.id, entry.channel, now_ns)
                self._marked()
                return
            except (SQLAlchemyError, CheckwireError, OSError) as error:
                _log.warning(_UNMARKED, why=_line(error), **_about(entry, notice))
                if stopping.is_set():  # It will come once more, which its key tells.
                    return
                await _wait(stopping, _PAUSE)

    async def _mark_failed(
        self, entry: OutboxEntry, notice: Notice, error: NotDelivered, stopping: asyncio.Event
    ) -> None:
        now_ns = self._clock()
        again_ns = next_try_ns(entry, error, now_ns)
        if again_ns is None:
            _log.error("notice given up", why=str(error), **_about(entry, notice))
        else:
            wait = (again_ns - now_ns) / 1e9
            _log.warning(
                "notice not delivered",
                why=str(error),
                again=f"in {wait:.0f} s",
                **_about(entry, notice),
            )
        try:
            async with self._store.writing() as tx:
                await outbox.failed(tx, entry.id, str(error), next_try_ns=again_ns, now_ns=now_ns)
            self._marked()
        except (SQLAlchemyError, CheckwireError, OSError) as trouble:
            # Its claim ends by itself, and it is tried again.
            _log.warning(_UNMARKED, why=_line(trouble), **_about(entry, notice))


def _about(entry: OutboxEntry, notice: Notice) -> dict[str, Any]:
    """Which notice it is, for the log; this try is counted."""
    return {
        "channel": entry.channel,
        "project": notice.project.id,
        "check": notice.check.id,
        "incident": notice.incident.id,
        "tells": entry.event,
        "notice": entry.id,
        "tries": entry.tries + 1,
    }


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _trust() -> ssl.SSLContext:
    if sys.platform == "linux":
        return ssl.create_default_context()
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
