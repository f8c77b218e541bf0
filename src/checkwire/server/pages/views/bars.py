"""The strip of a check's latest runs, and rows for lists of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from checkwire.server.pages.figures import ago, counted, in_ms, iso, lasts, moment, ms
from checkwire.server.pages.svg.strip import Bar, strip
from checkwire.server.pages.words import MARKS, Mark
from checkwire.store.records import RunRecord

__all__ = ["RunRow", "run_row", "strip_of"]


_ASKED = {"manual": "by hand", "first": "first run"}


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list. ``asked`` says why it took place, if no schedule did."""

    href: str
    mark: Mark
    when: str
    iso: str
    ago: str
    location: str
    took: str
    opened: str
    message: str
    code: str
    asked: str
    attempts: str
    current: bool = False


def strip_of(
    records: Iterable[RunRecord], *, now_ns: int, current: str = "", room: int = 48
) -> Markup:
    """Draw the runs.

    Args:
        records: the newest first, as the store gives them.
        now_ns: the time.
        current: id of the run that is being looked at.
        room: how many runs there is room for.
    """
    shown = list(records)[:room]
    bars = [
        Bar(
            href=f"/runs/{record.run_id}",
            tone=mark_of(record).tone,
            title=_title(record, now_ns),
            duration_ns=record.duration_ns if record.attempts else None,
            current=record.run_id == current,
        )
        for record in reversed(shown)
    ]
    return strip(bars, label=_label(shown), room=room)


def mark_of(record: RunRecord) -> Mark:
    """The mark of a run; of one that passed after a retry its own."""
    return MARKS["flaky"] if record.flaky and record.status == "passed" else MARKS[record.status]


def run_row(record: RunRecord, *, now_ns: int) -> RunRow:
    """A row for a list."""
    opened = record.times.get("open")
    message = record.message or ""
    if record.status == "missed":
        message = f"{counted(max(record.missed, 1), 'due run')} could not begin in time"
    elif record.flaky:
        message = (
            message or f"after {counted(record.attempts - 1, 'attempt', words=True)} that did not"
        )
    when = record.started_ns or record.due_ns
    return RunRow(
        href=f"/runs/{record.run_id}",
        mark=mark_of(record),
        when=moment(when, now_ns),
        iso=iso(when),
        ago=ago(when, now_ns),
        location=record.location,
        took=ms(record.duration_ns) if record.duration_ns is not None and record.attempts else "",
        opened=ms(opened) if opened is not None else "",
        message=in_ms(message),
        code=record.code or "",
        asked=_ASKED.get(record.cause, ""),
        attempts=str(record.attempts) if record.attempts > 1 else "",
    )


def _title(record: RunRecord, now_ns: int) -> str:
    when = moment(record.started_ns or record.due_ns, now_ns)
    text = f"{mark_of(record).word}, {when}"
    if record.attempts and record.duration_ns is not None:
        text += f", {lasts(record.duration_ns)}"
    return f"{text}: {record.message}" if record.message else text


def _label(records: Sequence[RunRecord]) -> str:
    counts = Counter(mark_of(record).word for record in records)
    parts = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return f"Last {counted(len(records), 'run')}: {parts}" if records else "No runs yet"
