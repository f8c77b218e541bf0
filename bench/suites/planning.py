"""The planner alone: what it costs to hold many checks, and to say which of them are due."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from harness.table import median, number, percentile, table

from checkwire.model.definition import CheckDefinition
from checkwire.schedule.planner import Planner

__all__ = ["planning"]

_SECOND = 10**9
_NIGHT = 8 * 3600 * _SECOND
_NOW = 1_790_000_000 * _SECOND
_COUNTS = (1_000, 10_000, 100_000)
_ENOUGH = 200_000
"""Runs due after which no more ticks are made: with crons they come by ten thousands."""
_CRONS = ("* * * * *", "*/5 9-17 * * mon-fri", "0 * * * *", "30 2 * * *")


def planning(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its table. It needs no server, and so no certificates."""
    del files
    gc.set_threshold(50_000, 20, 20)  # As ``checkwire`` does.
    rows = [_row(f"{count:,} checks of a minute", _every(count), rounds) for count in _COUNTS]
    rows.append(_row(f"{_COUNTS[-1]:,} checks with a cron", _cron(_COUNTS[-1]), rounds))
    headers = ["checks", "put", "reload", "idle", "next", "next (runs)", "second", "second (runs)"]
    return "\n\n".join(
        [
            f"Milliseconds; median of {rounds} rounds. `put` takes the checks in, `reload` again "
            "as they are. A tick is `idle` with nothing due, or tells what is due at the `next` "
            "instant (p99 of up to 50), or all of a `second` at once, or what was missed in a "
            "`night` of 8 hours.",
            table([*headers, "night"], rows),
        ]
    )


def _every(count: int) -> list[CheckDefinition]:
    return [_check(number_, every=60.0) for number_ in range(count)]


def _cron(count: int) -> list[CheckDefinition]:
    zones = ("UTC", "Europe/Berlin")
    return [
        _check(number_, cron=_CRONS[number_ % 4], timezone=zones[number_ // 4 % 2])
        for number_ in range(count)
    ]


def _check(number_: int, **schedule: object) -> CheckDefinition:
    named = {"id": f"checks/a_check.py::check_{number_}", "name": f"check_{number_}"}
    return CheckDefinition(path="checks/a_check.py", line=1, function="f", **named, **schedule)  # type: ignore[arg-type]


def _row(name: str, definitions: list[CheckDefinition], rounds: int) -> list[str]:
    columns: list[list[float]] = [[] for _ in range(8)]
    for _ in range(rounds):
        planner = Planner()
        put = [_ms(lambda p=planner: p.put("p", definitions, _NOW)) for _ in range(2)]
        idle = min(_ms(lambda p=planner: p.tick(_NOW)) for _ in range(100))
        ticks, runs, at_ns = [], [], _NOW
        while len(ticks) < 50 and sum(runs) < _ENOUGH:
            at_ns = planner.next_ns or at_ns
            spent, count = _tick(planner, at_ns)
            ticks.append(spent)
            runs.append(count)
        at_ns += _SECOND
        second, count = _tick(planner, at_ns)
        night = _ms(lambda p=planner, t=at_ns + _NIGHT: p.tick(t))
        found = [*put, idle, percentile(ticks, 0.99), max(runs), second, count, night]
        for column, value in zip(columns, found, strict=True):
            column.append(value)
    cells = [number(median(column)) for column in columns]
    for place in (4, 6):
        cells[place] = f"{median(columns[place]):,.0f}"
    return [name, *cells]


def _tick(planner: Planner, now_ns: int) -> tuple[float, int]:
    """Milliseconds, and runs due."""
    began = time.perf_counter()
    plan = planner.tick(now_ns)
    return (time.perf_counter() - began) * 1e3, len(plan.due)


def _ms(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return (time.perf_counter() - began) * 1e3
