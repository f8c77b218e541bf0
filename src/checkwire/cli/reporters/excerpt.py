"""The last messages before a failure, as a small table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checkwire.cli.reporters.figures import counted, size
from checkwire.cli.reporters.paint import Text
from checkwire.cli.reporters.table import Table
from checkwire.model.attempt import Attempt
from checkwire.model.durations import format_ns
from checkwire.model.events import Failed, FrameSeen, FramesSkipped
from checkwire.model.failures import CLOSES

__all__ = ["QUIET_NS", "excerpt", "silence"]

QUIET_NS = 500_000_000
"""A silence this long is worth a row."""

_BEFORE = 8
_AFTER = 2

_Shown = FrameSeen | FramesSkipped


def excerpt(attempt: Attempt, failed: Failed | None, width: int) -> list[Text]:
    """The messages of the failing connection up to the failure, and two more.

    Marked is the frame that the failure's evidence names (``frame``), the Close frame that ended
    the connection, or else the point in time at which the check failed. Pings and pongs are
    counted in the row of the silence that they broke.
    """
    connection = _connection(attempt, failed)
    rows = [
        event
        for event in attempt.events
        if isinstance(event, FrameSeen | FramesSkipped) and event.connection == connection
    ]
    frames = [event for event in rows if isinstance(event, FrameSeen)]
    if not frames:
        return _nothing_came(attempt, connection, failed, width)
    culprit = _culprit(frames, failed)
    shown = _around(rows, culprit, failed)
    drawn = [event for event in shown if isinstance(event, FrameSeen)]
    table = Table(drawn, [failed.at_ns] if failed else [], width, many=False)
    return [table.heading(), *_draw(table, rows, shown, culprit, failed)]


def silence(ns: int, pings: int) -> str:
    """``0.65 s quiet, 1 ping answered``; empty if there is nothing to say."""
    parts = [f"{format_ns(ns)} quiet"] if ns >= QUIET_NS else []
    if pings:
        parts.append(f"{counted(pings, 'ping')} answered")
    return ", ".join(parts)


def _connection(attempt: Attempt, failed: Failed | None) -> int:
    if failed is not None and failed.failure.connection is not None:
        return failed.failure.connection
    before = [
        event.connection
        for event in attempt.events
        if isinstance(event, FrameSeen) and (failed is None or event.at_ns <= failed.at_ns)
    ]
    return before[-1] if before else 1


def _nothing_came(attempt: Attempt, number: int, failed: Failed | None, width: int) -> list[Text]:
    """A row for the silence in which time ran out, on a connection that opened, and no more."""
    connection = next((one for one in attempt.connections if one.number == number), None)
    opened = None if connection is None else connection.phase("upgrade")
    if failed is None or opened is None or not failed.failure.code.startswith("timeout."):
        return []
    table = Table([], [failed.at_ns], width, many=False)
    opened_ns = opened.at_ns + opened.duration_ns
    return [table.heading(), _failed_here(table, (), opened_ns, failed)]


def _culprit(frames: Sequence[FrameSeen], failed: Failed | None) -> int | None:
    """The number of the frame at which it failed, if one is to blame."""
    if failed is None:
        return None
    named = failed.failure.evidence.get("frame")
    if isinstance(named, int) and any(frame.number == named for frame in frames):
        return named
    if failed.failure.code in CLOSES:
        closes = [f.number for f in frames if f.opcode == "close" and f.direction == "in"]
        return closes[-1] if closes else None
    return None


def _is_message(frame: FrameSeen) -> bool:
    """Whether it deserves a row: data, or a Close; of a fragmented message its last frame."""
    return frame.opcode == "close" or (frame.opcode not in ("ping", "pong") and frame.fin)


def _around(rows: Sequence[_Shown], culprit: int | None, failed: Failed | None) -> list[_Shown]:
    kept = [row for row in rows if isinstance(row, FramesSkipped) or _is_message(row)]
    end = len(kept)
    for index, row in enumerate(kept):
        if culprit is not None and isinstance(row, FrameSeen):
            reached = row.number > culprit
        else:
            reached = failed is not None and row.at_ns > failed.at_ns
        if reached:
            end = index
            break
    return kept[max(0, end - _BEFORE) : end + _AFTER]


def _draw(
    table: Table,
    rows: Sequence[_Shown],
    shown: Sequence[_Shown],
    culprit: int | None,
    failed: Failed | None,
) -> Iterator[Text]:
    told = culprit is not None or failed is None or failed.severity != "failed"
    if shown and rows and shown[0] is not rows[0]:
        earlier = _count(rows[: rows.index(shown[0])])
        if earlier:
            yield table.note(f"{counted(earlier, 'frame')} before", glyph="…")
    # When the row before was; unknown after frames that were not kept.
    since_ns = _before(rows, shown[0]) if shown else None
    drawn = False
    for row in shown:
        if failed is not None and not told and row.at_ns > failed.at_ns:
            yield _failed_here(table, rows, since_ns, failed)
            since_ns, drawn, told = failed.at_ns, True, True
        if isinstance(row, FramesSkipped):
            text = f"{counted(row.count, 'frame')}, {size(row.size)}, counted but not kept"
            yield table.note(text, glyph="…")
            since_ns = None
            continue
        after_ns = None if since_ns is None else row.at_ns - since_ns
        if drawn and after_ns is not None and since_ns is not None:
            quiet = silence(after_ns, _pings(rows, since_ns, row.at_ns))
            if quiet:
                yield table.note(quiet)
        marked = row.number == culprit
        yield table.frame(row, after_ns, marked=marked, parts=_parts(rows, row))
        since_ns, drawn = row.at_ns, True
    if failed is not None and not told:
        yield _failed_here(table, rows, since_ns, failed)


def _failed_here(
    table: Table, rows: Sequence[_Shown], since_ns: int | None, failed: Failed
) -> Text:
    after_ns: int | None = None
    text = "here it failed"
    if since_ns is not None:
        after_ns = failed.at_ns - since_ns
        if quiet := silence(after_ns, _pings(rows, since_ns, failed.at_ns)):
            text = f"{quiet}, then it failed"
    mark = Text("✕", "fail bold")
    return table.note(text, "fail bold", mark=mark, at_ns=failed.at_ns, after_ns=after_ns)


def _before(rows: Sequence[_Shown], first: _Shown) -> int | None:
    """When the row before the first one drawn was."""
    index = rows.index(first)
    before = rows[index - 1] if index else None
    return before.at_ns if isinstance(before, FrameSeen) else None


def _count(rows: Sequence[_Shown]) -> int:
    return sum(row.count if isinstance(row, FramesSkipped) else 1 for row in rows)


def _pings(rows: Sequence[_Shown], start_ns: int, end_ns: int) -> int:
    """How many pings were answered in between, whoever sent them."""
    return sum(
        isinstance(row, FrameSeen) and row.opcode == "pong" and start_ns < row.at_ns <= end_ns
        for row in rows
    )


def _parts(rows: Sequence[_Shown], last: FrameSeen) -> int:
    """How many frames the message took of which this is the last."""
    if last.opcode != "continuation":
        return 1
    parts = 1
    for row in reversed(rows[: rows.index(last)]):
        if not isinstance(row, FrameSeen) or row.direction != last.direction:
            continue
        if row.opcode == "continuation":
            parts += not row.fin
        elif row.opcode in ("text", "binary"):
            return parts + 1
    return parts
