"""The overview: what is broken now, worst first, one sentence each; quiet when all is well."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from checkwire.server.monitor import Health, ProjectStatus
from checkwire.server.pages.figures import ago, counted, iso, moment, span
from checkwire.server.pages.views.banners import Banner, banners_of
from checkwire.server.pages.views.bars import strip_of
from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.views.standing import Standing, standing_of
from checkwire.server.pages.words import MARKS, Mark, when_of
from checkwire.store.records import ChannelNotices, CheckRecord, CheckState, Incident, RunRecord

__all__ = ["CheckRow", "Group", "OverviewView", "Stock", "overview_view", "rank"]

PAGE = 100
"""Checks of a group that are shown on one page."""

_GROUPS = ("failed", "degraded", "none", "paused", "passed")
_HEADINGS = {
    "failed": "Failed",
    "degraded": "Degraded",
    "none": "No data",
    "paused": "Paused",
    "passed": "Passed",
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check in the list."""

    href: str
    run_href: str
    mark: Mark
    name: str
    project: str
    tags: tuple[str, ...]
    sentence: list[Piece]
    since: str
    since_iso: str
    where: str
    schedule: str
    strip: Markup


@dataclass(frozen=True, slots=True)
class Group:
    """Checks that stand alike. ``count`` is how many there are; ``rows`` those shown."""

    key: str
    heading: str
    mark: Mark
    count: int
    rows: list[CheckRow]


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The page.

    Attributes:
        sentence: how all of it is.
        facts: beside it: names, values, and an address for some.
        empty: why there is nothing, with the command to begin with; empty if there is something.
        text, tag: what was asked for.
    """

    title: str
    mark: Mark
    sentence: str
    facts: list[tuple[str, str, str]]
    banners: list[Banner]
    groups: list[Group]
    empty: str
    command: str
    text: str
    tag: str
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Stock:
    """All checks and where they stand, ranked: the worst first."""

    ranked: list[tuple[CheckRecord, Standing]]
    states: Mapping[int, Sequence[CheckState]]
    incidents: Mapping[int, Incident]
    next_due_ns: Callable[[str], int | None]
    now_ns: int

    def shown(self, page: int) -> list[CheckRecord]:
        """Those on a page: of each group as many as fit."""
        by_group: defaultdict[str, list[CheckRecord]] = defaultdict(list)
        for check, standing in self.ranked:
            by_group[standing.group].append(check)
        first = (page - 1) * PAGE
        return [one for group in _GROUPS for one in by_group[group][first : first + PAGE]]

    def told(self, page: int, runs: Mapping[str, RunRecord]) -> list[tuple[CheckRecord, Standing]]:
        """Those on a page, with sentences from the runs that their states name."""
        return [(check, self.standing(check, runs)) for check in self.shown(page)]

    def standing(self, check: CheckRecord, runs: Mapping[str, RunRecord]) -> Standing:
        """Where a check stands, with its sentence from the runs that its states name."""
        return standing_of(
            check,
            self.states.get(check.id, ()),
            runs,
            incident=self.incidents.get(check.id),
            next_due_ns=self.next_due_ns(check.uid),
            now_ns=self.now_ns,
        )

    @property
    def pages(self) -> int:
        """How many pages there are."""
        counts = Counter(standing.group for _, standing in self.ranked)
        return max(1, -(-max(counts.values(), default=0) // PAGE))


def rank(
    checks: Iterable[CheckRecord],
    states: Iterable[CheckState],
    *,
    incidents: Mapping[int, Incident] | None = None,
    next_due_ns: Callable[[str], int | None],
    now_ns: int,
) -> Stock:
    """Where each check stands, the worst first: by what it is, then by how widely, then by how
    long.
    """
    by_check: defaultdict[int, list[CheckState]] = defaultdict(list)
    for state in states:
        by_check[state.check_id].append(state)
    stock = Stock([], by_check, incidents or {}, next_due_ns, now_ns)
    stock.ranked.extend((check, stock.standing(check, {})) for check in checks)
    stock.ranked.sort(key=lambda pair: _rank(*pair))
    return stock


def _rank(check: CheckRecord, standing: Standing) -> tuple[int, int, int, str, str]:
    group = _GROUPS.index(standing.group)
    if standing.group not in ("failed", "degraded"):
        return (group, 0, 0, check.project, check.definition.name)
    widely = -standing.bad
    return (group, widely, standing.since_ns or 0, check.project, check.definition.name)


def overview_view(
    stock: Stock,
    shown: Sequence[tuple[CheckRecord, Standing]],
    strips: Mapping[int, Sequence[RunRecord]],
    *,
    projects: Sequence[ProjectStatus],
    health: Health,
    running: int,
    open_incidents: int = 0,
    notices: Sequence[ChannelNotices] = (),
    page: int = 1,
    text: str = "",
    tag: str = "",
) -> OverviewView:
    """The page.

    Args:
        stock: all checks that match what was asked for.
        shown: those on this page, with their sentences.
        strips: latest runs of those shown, by check, the newest first.
        projects: the projects.
        health: of the service.
        running: how many runs are under way.
        open_incidents: how many incidents are open.
        notices: how those to each channel fare.
        page: which page, from 1.
        text, tag: what was asked for.
    """
    counts = Counter(standing.group for _, standing in stock.ranked)
    several = len(projects) > 1
    groups = []
    now_ns = stock.now_ns
    for key in _GROUPS:
        rows = [
            _row(check, standing, strips.get(check.id, ()), several, now_ns)
            for check, standing in shown
            if standing.group == key
        ]
        if rows:
            groups.append(Group(key, _HEADINGS[key], MARKS[key], counts[key], rows))
    worst = next((key for key in _GROUPS if counts[key]), "none")
    mark = MARKS[worst]
    asked = bool(text or tag)
    empty, command = _empty(projects, asked) if not stock.ranked else ("", "")
    sentence = _sentence(counts) if stock.ranked else "No checks yet."
    if asked and not stock.ranked:
        sentence = "No check matches."
    return OverviewView(
        title=_title(counts, mark, health),
        mark=mark,
        sentence=sentence,
        facts=_facts(stock, strips, projects, open_incidents, running, now_ns),
        banners=banners_of(projects, health, notices),
        groups=groups,
        empty=empty,
        command=command,
        text=text,
        tag=tag,
        page=page,
        pages=stock.pages,
    )


def _sentence(counts: Counter[str]) -> str:
    total = sum(counts.values())
    if counts["passed"] == total:
        return f"All {total:,} checks pass." if total > 1 else "The check passes."
    parts: list[str] = []
    for key, one, more in (
        ("failed", "check fails", "checks fail"),
        ("degraded", "is degraded", "are degraded"),
        ("none", "has no data", "have no data"),
        ("paused", "is paused", "are paused"),
        ("passed", "passes", "pass"),
    ):
        if counts[key]:
            text = f"{counts[key]:,} {one if counts[key] == 1 else more}"
            if not parts and key != "failed":
                noun = "check" if counts[key] == 1 else "checks"
                text = text.replace(" ", f" {noun} ", 1)
            parts.append(text)
    return ", ".join(parts) + "."


def _title(counts: Counter[str], mark: Mark, health: Health) -> str:
    if counts["failed"]:
        return f"✕ {counts['failed']} failed · Checkwire"
    if counts["degraded"]:
        return f"▲ {counts['degraded']} degraded · Checkwire"
    return f"{mark.glyph} Checkwire" if health.ok else "▲ Checkwire"


def _facts(
    stock: Stock,
    strips: Mapping[int, Sequence[RunRecord]],
    projects: Sequence[ProjectStatus],
    open_incidents: int,
    running: int,
    now_ns: int,
) -> list[tuple[str, str, str]]:
    facts = [("Checks", f"{len(stock.ranked):,}", "")] if stock.ranked else []
    if len(projects) == 1:
        facts.append(("Project", projects[0].name, ""))
    elif projects:
        facts.append(("Projects", str(len(projects)), ""))
    if projects:
        count = f"{open_incidents:,} open" if open_incidents else "none open"
        facts.append(("Incidents", count, "/incidents"))
    ends = [
        run.started_ns + (run.duration_ns or 0)
        for runs in strips.values()
        for run in runs[:1]
        if run.started_ns is not None
    ]
    if ends:
        facts.append(("Last result", ago(max(ends), now_ns), ""))
    if running:
        facts.append(("Running", str(running), ""))
    return facts


def _row(
    check: CheckRecord,
    standing: Standing,
    runs: Sequence[RunRecord],
    several: bool,
    now_ns: int,
) -> CheckRow:
    since = standing.since_ns
    places = ""
    if standing.places > 1 and standing.bad:
        places = (
            f"all {standing.places} locations"
            if standing.bad == standing.places
            else f"{standing.bad} of {standing.places} locations"
        )
    shows_since = standing.group in ("failed", "degraded") and since is not None
    return CheckRow(
        href=f"/checks/{check.uid}",
        run_href=f"/runs/{standing.run_id}" if standing.run_id else "",
        mark=standing.mark,
        name=check.definition.name,
        project=check.project if several else "",
        tags=check.definition.tags,
        sentence=standing.sentence,
        since=f"since {moment(since, now_ns)}, {span(now_ns - since)}"
        if shows_since and since is not None
        else "",
        since_iso=iso(since) if shows_since and since is not None else "",
        where=places,
        schedule=when_of(check.definition),
        strip=strip_of(runs, now_ns=now_ns),
    )


def _empty(projects: Sequence[ProjectStatus], asked: bool) -> tuple[str, str]:
    if asked:
        return "Nothing is called so, and no check has such a tag.", ""
    if not projects:
        return (
            "No project is loaded. Make one, and start the server in it:",
            "checkwire init && checkwire serve",
        )
    broken = sum(bool(project.error or project.load_failures) for project in projects)
    if broken:
        return "None could be loaded: see above.", ""
    root = projects[0].root
    return (
        f"{counted(len(projects), 'project')} and no check in it. A check is a function with "
        f"@check in a file named *_check.py, in {root}. To begin with an example:",
        "checkwire init",
    )
