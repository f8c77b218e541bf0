"""The page of incidents; and an incident as a row, which the page of its check has too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from checkwire.model.failures import code_of
from checkwire.server.pages.figures import counted, iso, moment, span
from checkwire.server.pages.views.failure import sentence
from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.words import MARKS, Mark
from checkwire.store.outbox import SEVERAL
from checkwire.store.records import CheckRecord, Incident, OutboxEntry

__all__ = ["IncidentRow", "IncidentsView", "Status", "Tab", "incident_row", "incidents_view"]

Status = Literal["", "open", "closed"]
"""Which incidents: all, or those only."""


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident.

    Attributes:
        name, check_href, project: of its check; the project is empty if it goes without saying.
        began, ended: instants, each with its ``_iso``; ``ended`` is empty while it is open.
        href, closed_href: of the runs that opened and closed it; empty if no run did.
        lasted: since it began, until it ended or until now.
        untold: a sentence, if somebody was not told of it.
    """

    open: bool
    mark: Mark
    name: str
    check_href: str
    project: str
    sentence: list[Piece]
    code: str
    href: str
    began: str
    began_iso: str
    ended: str
    ended_iso: str
    closed_href: str
    lasted: str
    untold: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A choice of incidents. ``count`` is empty where it is not told."""

    word: str
    href: str
    current: bool
    count: str


@dataclass(frozen=True, slots=True)
class IncidentsView:
    """The page.

    Attributes:
        sentence: how many are open.
        check: name of the check whose incidents these are; empty for all checks.
        empty: a sentence, if there is no row.
        newer, older: addresses of the first page, unless this is it, and of the next one.
    """

    title: str
    mark: Mark
    sentence: str
    check: str
    check_href: str
    tabs: list[Tab]
    rows: list[IncidentRow]
    empty: str
    newer: str
    older: str


def incidents_view(
    incidents: Sequence[Incident],
    checks: Mapping[int, CheckRecord],
    *,
    open_count: int,
    status: Status = "",
    check: CheckRecord | None = None,
    notices: Mapping[str, Sequence[OutboxEntry]] | None = None,
    several: bool = False,
    first: bool = True,
    older: str = "",
    now_ns: int,
) -> IncidentsView:
    """The page.

    Args:
        incidents: those of this page, in their order.
        checks: their checks, by id.
        open_count: how many are open, on this page or not.
        status: which were asked for.
        check: whose were asked for; None for those of all checks.
        notices: of each incident, by its id.
        several: whether there are several projects.
        first: whether this is the first page.
        older: the cursor of the next page; empty on the last one.
        now_ns: the time.
    """
    uid = check.uid if check is not None else ""
    mark = MARKS["open" if open_count else "closed"]
    choices: tuple[tuple[str, Status], ...] = (("All", ""), ("Open", "open"), ("Closed", "closed"))
    return IncidentsView(
        title=_title(open_count),
        mark=mark,
        sentence=_sentence(open_count),
        check=check.definition.name if check is not None else "",
        check_href=f"/checks/{uid}" if check is not None else "",
        tabs=[
            Tab(
                word,
                _address(choice, uid),
                choice == status,
                f"{open_count:,}" if choice == "open" else "",
            )
            for word, choice in choices
        ],
        rows=[
            incident_row(
                one,
                (notices or {}).get(one.id, ()),
                check=checks.get(one.check_id),
                several=several,
                now_ns=now_ns,
            )
            for one in incidents
        ],
        empty="" if incidents else _empty(status, first),
        newer="" if first else _address(status, uid),
        older=_address(status, uid, older) if older else "",
    )


def incident_row(
    incident: Incident,
    notices: Sequence[OutboxEntry] = (),
    *,
    check: CheckRecord | None = None,
    several: bool = False,
    now_ns: int,
) -> IncidentRow:
    """A row for a list.

    Args:
        incident: the incident.
        notices: those of it.
        check: its check, whose name is shown; by default the id of the check is.
        several: whether the project is to be told.
        now_ns: the time.
    """
    closed_ns, ended_ns = incident.closed_ns, incident.ended_ns
    lasted_ns = incident.lasted_ns
    code = incident.code or ""
    return IncidentRow(
        open=closed_ns is None,
        mark=MARKS["open" if closed_ns is None else "closed"],
        name=check.definition.name if check is not None else incident.check,
        check_href=f"/checks/{incident.check_uid}",
        project=incident.project if several else "",
        sentence=sentence(incident.message or (code_of(code).title if code else "")),
        code=code,
        href=f"/runs/{incident.opened_by}",
        began=moment(incident.began_ns, now_ns),
        began_iso=iso(incident.began_ns),
        ended=moment(ended_ns, now_ns) if ended_ns is not None else "",
        ended_iso=iso(ended_ns) if ended_ns is not None else "",
        closed_href=f"/runs/{incident.closed_by}" if incident.closed_by else "",
        lasted=span(max(0, now_ns - incident.began_ns) if lasted_ns is None else lasted_ns),
        untold=_untold(notices, is_open=closed_ns is None),
    )


def _address(status: Status, check: str, before: str = "") -> str:
    given = {"status": status, "check": check, "before": before}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"/incidents?{query}" if query else "/incidents"


def _sentence(open_count: int) -> str:
    if not open_count:
        return "No incident is open."
    return f"{counted(open_count, 'incident')} {'is' if open_count == 1 else 'are'} open."


def _title(open_count: int) -> str:
    if not open_count:
        return "● Incidents · Checkwire"
    return f"✕ {counted(open_count, 'open incident')} · Checkwire"


def _empty(status: Status, first: bool) -> str:
    if not first:
        return "There are no older ones."
    return {
        "": "There has been none so far.",
        "open": "None is open.",
        "closed": "None has been closed so far.",
    }[status]


def _untold(notices: Sequence[OutboxEntry], *, is_open: bool) -> str:
    """Which channels do not know, and why."""
    if not notices:
        verb = "is" if is_open else "was"
        return f"Nobody {verb} told of it: the project had no channel for it when it opened."
    told = []
    for notice in notices:
        if notice.delivered_ns is not None:
            continue
        what = "beginning" if notice.event == "opened" else "end"
        why = (notice.error or "nobody knows why").rstrip(".")
        if notice.next_try_ns is None:
            told.append(f"Channel {notice.channel} was not told of its {what}: {why}.")
        elif notice.tries >= SEVERAL:
            told.append(f"Channel {notice.channel} is yet to be told of its {what}: {why}.")
    return " ".join(told)
