"""Opens and closes incidents, where the runs that decide it are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.alerting.notice import (
    Event,
    Notice,
    WatchedCheck,
    closing_notice,
    opening_notice,
)
from checkwire.alerting.standing import failing, is_well, that_count
from checkwire.model.alerts import AlertPolicy
from checkwire.store import outbox
from checkwire.store.incidents import close_incident, open_incident, open_incidents
from checkwire.store.records import CheckState, Incident, RunRecord
from checkwire.store.registry import checks_by_id, list_projects, lock_checks
from checkwire.store.runs import Inserted, get_transcript, list_runs, states

__all__ = ["Change", "close_gone", "decide"]

_NO_POLICY = AlertPolicy()


class Change(NamedTuple):
    """An incident that opened or closed."""

    event: Event
    incident: Incident


async def decide(
    tx: AsyncConnection,
    inserted: Sequence[Inserted],
    policies: Mapping[str, AlertPolicy],
    now_ns: int,
    *,
    home: str = "local",
    base_url: str | None = None,
) -> list[Change]:
    """Open and close incidents as these runs demand, and put what is to be told into the outbox.

    To be called in the transaction that wrote the runs, once and after them. How runs are split
    into transactions makes no difference.

    An incident opens when a check has failed, or was in error, so many times in a row at one of
    its locations, and closes when its latest run at every one of them is good. A check has one
    open incident at most. One that is paused, or no longer there, opens none; if it recovers
    while it is paused, because somebody had it run by hand, its incident closes.

    Args:
        tx: the transaction.
        inserted: what ``insert_runs`` returned.
        policies: by the project's id; a project without one tells nobody.
        now_ns: now.
        home: where checks run that name no locations.
        base_url: of this server, for links, if it is known.

    Returns:
        what changed, in order.
    """
    concerned = await _concerned(tx, inserted, policies)
    if not concerned:
        return []
    # From here on another process waits that decides on one of these checks: what is read now
    # holds to the end.
    await lock_checks(tx, concerned)
    watched = await _watched(tx, concerned)
    is_open = await open_incidents(tx, concerned)
    latest: dict[int, dict[str, CheckState]] = {check_id: {} for check_id in concerned}
    for state in await states(tx, list(concerned)):
        latest[state.check_id][state.location] = state
    runs = [run for run in inserted if run.record.check_id in watched]
    _rewind(latest, runs)
    decision = _Decision(tx, policies, now_ns, home, base_url, is_open)
    for run in runs:
        record = run.record
        latest[record.check_id][record.location] = run.after
        await decision.on(watched[record.check_id], latest[record.check_id].values(), record)
    return decision.changes


async def close_gone(
    tx: AsyncConnection,
    policies: Mapping[str, AlertPolicy],
    now_ns: int,
    *,
    base_url: str | None = None,
) -> list[Change]:
    """Close the incidents of checks that are no longer in their project.

    No run could close them any more. Who was told that one opened is told that it is over, and
    why. To be called in the transaction that took checks, or whole projects, out; of a project
    without a policy nobody is told.

    Args:
        tx: the transaction.
        policies: by the project's id.
        now_ns: now.
        base_url: of this server, for links, if it is known.
    """
    watched = await _watched(tx, await open_incidents(tx))
    gone = [check_id for check_id, found in watched.items() if found.check.removed_ns is not None]
    await lock_checks(tx, gone)
    decision = _Decision(tx, policies, now_ns, "", base_url, {})
    for check_id, incident in (await open_incidents(tx, gone)).items():
        await decision.close(watched[check_id], incident, (), None)
    return decision.changes


async def _concerned(
    tx: AsyncConnection, inserted: Sequence[Inserted], policies: Mapping[str, AlertPolicy]
) -> set[int]:
    """The checks for which there may be something to decide: of most runs there is not."""
    fewest = min((policy.after for policy in policies.values()), default=_NO_POLICY.after)
    fewest = min(fewest, _NO_POLICY.after)
    everyone = {run.record.check_id for run in inserted}
    bad = {run.record.check_id for run in inserted if run.after.bad_in_row >= fewest}
    if not everyone:
        return bad
    return bad | (await open_incidents(tx, everyone)).keys()


async def _watched(tx: AsyncConnection, check_ids: Collection[int]) -> dict[int, WatchedCheck]:
    if not check_ids:
        return {}
    names = {project.key: project.name for project in await list_projects(tx, removed=True)}
    found = await checks_by_id(tx, check_ids)
    return {id_: WatchedCheck(check, names[check.project]) for id_, check in found.items()}


def _rewind(latest: Mapping[int, dict[str, CheckState]], runs: Sequence[Inserted]) -> None:
    """Turn how things stand after the runs into how they stood before them."""
    for run in reversed(runs):
        record = run.record
        if run.before is None:
            latest[record.check_id].pop(record.location, None)
        else:
            latest[record.check_id][record.location] = run.before


class _Decision:
    def __init__(
        self,
        tx: AsyncConnection,
        policies: Mapping[str, AlertPolicy],
        now_ns: int,
        home: str,
        base_url: str | None,
        is_open: dict[int, Incident],
    ) -> None:
        self._tx = tx
        self._policies = policies
        self._now_ns = now_ns
        self._home = home
        self._base_url = base_url
        self._open = is_open
        self.changes: list[Change] = []

    async def on(
        self, watched: WatchedCheck, latest: Iterable[CheckState], record: RunRecord
    ) -> None:
        """Decide on a check after one of its runs."""
        check = watched.check
        policy = self._policies.get(check.project, _NO_POLICY)
        counted = that_count(latest, check.definition, self._home)
        incident = self._open.get(check.id)
        if incident is not None:
            if is_well(counted):
                await self.close(watched, incident, counted, record)
            return
        worst = failing(counted, policy.after)
        if worst is not None and check.paused_ns is None and check.removed_ns is None:
            await self._begin(watched, policy, worst, counted, record)

    async def _begin(
        self,
        watched: WatchedCheck,
        policy: AlertPolicy,
        worst: CheckState,
        counted: Sequence[CheckState],
        record: RunRecord,
    ) -> None:
        # As a rule the run at hand is the last of the row; not if the policy is a stricter one now.
        last = await self._last_failed(worst) or record
        incident = await open_incident(
            self._tx,
            check_id=watched.check.id,
            began_ns=last.due_ns if worst.bad_since_ns is None else worst.bad_since_ns,
            opened_ns=self._now_ns,
            opened_by=last.run_id,
            code=last.code,
            message=last.message,
            hint=await self._hint(last),
            phase=last.phase,
        )
        if incident is None:
            return
        self._open[incident.check_id] = incident
        notice = opening_notice(
            watched,
            incident,
            run=last,
            states=counted,
            base_url=self._base_url,
        )
        await self._tell("opened", notice, incident, policy.channels)
        self.changes.append(Change("opened", incident))

    async def close(
        self,
        watched: WatchedCheck,
        incident: Incident,
        counted: Sequence[CheckState],
        record: RunRecord | None,
    ) -> None:
        """Close an incident, after a run, or because its check is gone."""
        closed = await close_incident(
            self._tx,
            incident.id,
            closed_ns=self._now_ns,
            closed_by=None if record is None else record.run_id,
            ended_ns=None if record is None else record.due_ns,
        )
        self._open.pop(incident.check_id, None)
        if closed is None:
            return
        notice = closing_notice(
            watched, closed, run=record, states=counted, base_url=self._base_url
        )
        if closed.project in self._policies:
            # Whoever has heard of the beginning is to hear of the end, and nobody else.
            told = await outbox.told_beginning(self._tx, closed.id)
            await self._tell("closed", notice, closed, told)
        self.changes.append(Change("closed", closed))

    async def _tell(
        self, event: Event, notice: Notice, incident: Incident, channels: Iterable[str]
    ) -> None:
        for channel in channels:
            key = outbox.key_of(incident.id, event, channel)
            await outbox.add(
                self._tx,
                incident_id=incident.id,
                event=event,
                channel=channel,
                payload=msgspec.structs.replace(notice, id=key).encode(),
                now_ns=self._now_ns,
            )

    async def _last_failed(self, state: CheckState) -> RunRecord | None:
        """The last one of the runs that failed in a row."""
        found = await list_runs(
            self._tx,
            check_id=state.check_id,
            location=state.location,
            statuses=("failed", "error"),
            until_ns=state.due_ns + 1,
            limit=1,
        )
        return found[0] if found else None

    async def _hint(self, record: RunRecord) -> str | None:
        """What the failure itself says to look at next."""
        run = await get_transcript(self._tx, record)
        failure = run.attempts[-1].failure if run is not None and run.attempts else None
        return failure.hint or None if failure is not None else None
