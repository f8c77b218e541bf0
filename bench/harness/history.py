"""A database with years of runs, written past the store: it would take too long otherwise."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from checkwire.store.tables import runs

__all__ = ["CHECKS", "DAY", "DAYS", "HOT", "NOW", "PLACES", "ROLLED", "write_history"]

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
DAYS = 90
NOW = 20_780 * DAY + 14 * HOUR + 37 * 60 * SECOND
CHECKS, PLACES = 200, 5
HOT = 1
"""The check that runs every ten seconds; the others share what is left."""
ROLLED = 10
"""Checks up to this are left for the store to roll up; the others have no sketches."""

# Of 1,000 runs 970 pass, 20 are degraded, 8 fail, and 2 are in error; half of the degraded ones
# are of one check in ten. Times are a little like those of a network: most alike, a few far off.
_RUNS = """
WITH RECURSIVE
  n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count),
  drawn AS (
    SELECT :check AS check_id, l.id AS location_id, i,
      :since + i * :every + (l.id * 7919 + :check * 104729) % :every AS due_ns,
      abs(random() % 1000) AS luck, 1000000 + abs(random() % 4000000) AS base,
      CASE WHEN abs(random() % 50) = 0 THEN 10 ELSE 1 END AS slow
    FROM n CROSS JOIN locations l ORDER BY i, l.id
  )
INSERT INTO runs ({columns})
SELECT check_id, due_ns, location_id,
  printf('%012X%014X', due_ns / 1000000, check_id * 1000 + location_id), 0,
  CASE WHEN luck < 970 THEN 0 WHEN luck < 990 THEN 1 WHEN luck < 998 THEN 2 ELSE 3 END,
  due_ns + 1500000, base * 30 * slow, :holds, 1, 0, 1,
  CASE WHEN luck < 970 THEN NULL WHEN luck < 990 THEN 'assertion.failed'
    WHEN luck < 995 THEN 'timeout.receive' WHEN luck < 997 THEN 'tcp.refused'
    WHEN luck < 998 THEN 'tls.certificate_expired' ELSE 'script.raised' END,
  CASE WHEN luck < 970 THEN NULL ELSE 'A sentence that says what broke, and after how long.' END,
  NULL, base / 2, base * slow, NULL, base * 2 * slow, base * 3, base * 4, base * 7 * slow,
  base, base * slow, due_ns + base * 30 * slow
FROM drawn
"""


# As the store would, but for the times, which are those of whole hours here.
_HOURS = """
INSERT INTO rollups_hour
SELECT check_id, location_id, due_ns - due_ns % {hour}, count(*), sum(status = 0), sum(status = 1),
  sum(status = 2), sum(status = 3), 0, 0,
  {hour} * sum(status < 2) / count(*), {hour} * sum(status = 1) / count(*),
  {hour} * sum(status > 1) / count(*)
FROM runs WHERE check_id > {rolled} GROUP BY 1, 2, 3
"""
_DAYS = """
INSERT INTO rollups_day
SELECT check_id, location_id, start_ns - start_ns % {day}, sum(runs), sum(passed), sum(degraded),
  sum(failed), sum(errors), 0, 0, sum(up_ns), sum(degraded_ns), sum(down_ns)
FROM rollups_hour GROUP BY 1, 2, 3
"""
_WEEKS = """
INSERT INTO rollups_week
SELECT check_id, location_id, start_ns - start_ns % {week}, sum(runs), sum(passed), sum(degraded),
  sum(failed), sum(errors), 0, 0, sum(up_ns), sum(degraded_ns), sum(down_ns)
FROM rollups_day WHERE check_id > {rolled} GROUP BY 1, 2, 3
"""


def write_history(file: Path, count: int) -> int:
    """Fill a database that has tables, checks and locations, with runs and what they leave.

    Args:
        file: the database.
        count: how many runs, about.

    Returns:
        The bytes that the runs take, with their indexes.
    """
    hot = min(count // 3, PLACES * DAYS * 8640) // PLACES
    each = (count - hot * PLACES) // ((CHECKS - 1) * PLACES)
    columns = ", ".join(column.name for column in runs.columns)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-1000000"):
            db.execute(f"PRAGMA {pragma}")
        # Indexes are made at the end: as sorted lists they take a tenth of the time.
        query = "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'runs' AND type = 'index'"
        indexes = db.execute(f"{query} AND sql IS NOT NULL").fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        db.execute("BEGIN")
        for check in range(1, CHECKS + 1):
            number = hot if check == HOT else each
            every = 10 * SECOND if check == HOT else DAYS * DAY // each
            since = NOW - number * every
            values = {"check": check, "count": number, "every": every, "since": since}
            db.execute(_RUNS.format(columns=columns), {**values, "holds": every + 30 * SECOND})
        for _, sql in indexes:
            db.execute(sql)
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        key = "check_id, location_id"
        db.execute(
            "INSERT INTO check_states SELECT check_id, location_id, status, due_ns, max(due_ns),"
            f" run_id, 0, 1, NULL, due_ns + holds_ns, due_ns FROM runs GROUP BY {key}"
        )
        db.execute(
            f"INSERT INTO dirty_hours SELECT DISTINCT due_ns - due_ns % {HOUR}, {key} FROM runs"
            f" WHERE check_id <= {ROLLED}"
        )
        last = NOW - NOW % HOUR
        db.execute(_HOURS.format(hour=HOUR, rolled=f"{ROLLED} AND due_ns < {last}"))
        db.execute(_DAYS.format(day=DAY))
        db.execute(f"DELETE FROM rollups_day WHERE start_ns >= {NOW - NOW % DAY}")
        db.execute(_WEEKS.format(week=7 * DAY, rolled=ROLLED))
        db.execute(f"DELETE FROM rollups_week WHERE start_ns >= {NOW - NOW % (7 * DAY)}")
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=WAL")
    return int(pages) * 4096
