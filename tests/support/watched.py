"""A check that is watched around the clock, and runs of it, made by hand and really stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from checkwire.alerting.decide import Change, decide
from checkwire.alerting.notice import Notice
from checkwire.model.alerts import AlertPolicy
from checkwire.model.attempt import Attempt, Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.due import DueRun, due_run_id
from checkwire.model.failures import Failure
from checkwire.store import outbox
from checkwire.store.database import Store
from checkwire.store.incidents import list_incidents
from checkwire.store.records import Incident, OutboxEntry, RunRecord, RunStatus
from checkwire.store.registry import sync_project
from checkwire.store.runs import insert_runs, missed_record, record_of

__all__ = ["EPOCH_NS", "MINUTE_NS", "STATUSES_BY_SIGN", "Watched", "definition", "watched"]

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01
MINUTE_NS = 60_000_000_000

STATUSES_BY_SIGN: dict[str, RunStatus] = {
    "+": "passed",
    "~": "degraded",
    "-": "failed",
    "!": "error",
    "s": "skipped",
    "m": "missed",
}

Stored = tuple[RunRecord, Run | None]

BROKEN = Failure(
    code="ws.closed_abnormally",
    message="The server closed the connection without a Close frame after 3.02 s",
    hint="Look at the server's log of that second",
    phase="open",
)


def definition(name: str = "updates", **options: Any) -> CheckDefinition:
    """A check that runs every minute."""
    return CheckDefinition(
        id=f"orders_check.py::{name}",
        name=name,
        path="orders_check.py",
        line=4,
        function=name,
        **{"every": 60.0, **options},
    )


class Watched:
    """A project ``orders`` with its checks, in a database.

    Attributes:
        now_ns: the clock: a minute later with each step of runs.
    """

    def __init__(self, store: Store, policies: Mapping[str, AlertPolicy]) -> None:
        self.store = store
        self.policies = policies
        self.now_ns = EPOCH_NS
        self.ids: dict[str, int] = {}
        self._checks: dict[str, CheckDefinition] = {}
        self._step = 0

    async def declare(self, *checks: CheckDefinition) -> None:
        """Make the project's checks these."""
        self._checks = {check.name: check for check in checks}
        async with self.store.writing() as tx:
            ids = await sync_project(
                tx,
                key="orders",
                name="Order service",
                root="/srv/orders",
                definitions=checks,
                now_ns=self.now_ns,
            )
        self.ids |= {check.name: ids[check.id] for check in checks}

    def run(
        self, sign: str, location: str, due_ns: int, check: str
    ) -> tuple[RunRecord, Run | None]:
        """A run that ended so, ready to be stored."""
        about, status = self._checks[check], STATUSES_BY_SIGN[sign]
        due = DueRun(
            run_id=due_run_id("orders", about.id, location, due_ns),
            project="orders",
            check=about.id,
            location=location,
            due_ns=due_ns,
            holds_ns=2 * MINUTE_NS,
            grace_ns=MINUTE_NS,
        )
        if status == "missed":
            return missed_record(due, self.ids[check], 1, due_ns), None
        attempt = Attempt(
            number=1,
            status=status,
            started_ns=due_ns,
            duration_ns=1_000_000,
            failure=BROKEN if sign in "-!" else None,
        )
        run = Run(
            id=due.run_id,
            check=about,
            status=status,
            started_ns=due_ns,
            duration_ns=1_000_000,
            attempts=() if status == "skipped" else (attempt,),
            location=location,
        )
        return record_of(run, due, self.ids[check]), run

    async def runs(
        self, story: str, *, check: str = "updates", together: bool = False, **options: Any
    ) -> list[Change]:
        """Store runs and decide, one step after another.

        Args:
            story: steps with blanks between. ``eu-`` is a failed run at ``eu``, for the signs see
                :data:`STATUSES_BY_SIGN`; ``-`` alone is one at ``local``; ``eu-@2`` one that was
                due at the second step, and comes late.
            check: whose runs they are.
            together: in one transaction.
            options: of ``decide``.
        """
        changes: list[Change] = []
        batch: list[Stored] = []
        for word in story.split():
            self._step += 1
            self.now_ns += MINUTE_NS
            body, _, late = word.partition("@")
            due_ns = EPOCH_NS + (int(late) if late else self._step) * MINUTE_NS
            batch.append(self.run(body[-1], body[:-1] or "local", due_ns, check))
            if not together:
                changes += await self.ingest(batch, **options)
                batch = []
        if batch:
            changes += await self.ingest(batch, **options)
        return changes

    async def ingest(self, batch: list[Stored], **options: Any) -> list[Change]:
        """Store these runs and decide, in one transaction."""
        async with self.store.writing() as tx:
            inserted = await insert_runs(tx, batch, self.now_ns)
            return await decide(tx, inserted, self.policies, self.now_ns, **options)

    async def incidents(self) -> list[Incident]:
        """All of them, the first one first."""
        async with self.store.reading() as tx:
            return (await list_incidents(tx, limit=10_000))[::-1]

    async def told(self, check: str | None = None) -> list[OutboxEntry]:
        """What is and was in the outbox, of all checks or of one."""
        check_id = None if check is None else self.ids[check]
        found = []
        async with self.store.reading() as tx:
            for incident in (await list_incidents(tx, check_id, limit=10_000))[::-1]:
                found += await outbox.of_incident(tx, incident.id)
        return found

    async def notices(self) -> list[Notice]:
        """The same, read."""
        return [Notice.decode(entry.payload) for entry in await self.told()]


@asynccontextmanager
async def watched(
    url: str,
    *checks: CheckDefinition,
    after: int = 2,
    channels: tuple[str, ...] = ("hook",),
) -> AsyncIterator[Watched]:
    """A project in the database at that URL; by default it has one check."""
    store = await Store.open(url)
    try:
        policies = {"orders": AlertPolicy(after=after, channels=channels)}
        scene = Watched(store, policies)
        await scene.declare(*(checks or (definition(),)))
        yield scene
    finally:
        await store.close()
