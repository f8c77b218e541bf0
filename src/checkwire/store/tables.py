"""The tables. Instants and spans are integer nanoseconds and end in ``_ns``.

What is asked for most is a check's latest runs, so the rows of ``runs`` lie in the order of
``(check_id, due_ns, location_id)``: on SQLite the primary key is the table (``WITHOUT ROWID``).

A change here needs a migration, see ``store/migrations``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

__all__ = ["metadata"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Compared by code points, as SQLite and Python do; not as a language sorts words.
_Word = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

projects = Table(
    "projects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", _Word, nullable=False, unique=True),  # [project] id
    Column("name", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("loaded_ns", BigInteger, nullable=False),
    Column("removed_ns", BigInteger),
)

checks = Table(
    "checks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("projects.id"), nullable=False),
    Column("key", _Word, nullable=False),  # CheckDefinition.id
    Column("uid", Text, nullable=False, unique=True),  # see model.due.check_uid
    Column("name", Text, nullable=False),
    Column("definition", LargeBinary, nullable=False),  # msgspec JSON of CheckDefinition
    Column("first_seen_ns", BigInteger, nullable=False),
    Column("removed_ns", BigInteger),  # when it was no longer in the project
    Column("paused_ns", BigInteger),
    Column("paused_by", Text),
    Column("resumed_ns", BigInteger),
    UniqueConstraint("project_id", "key"),
)

check_tags = Table(
    "check_tags",
    metadata,
    Column("check_id", Integer, ForeignKey("checks.id"), primary_key=True),
    Column("tag", _Word, primary_key=True),
    sqlite_with_rowid=False,
)
Index("ix_check_tags_tag", check_tags.c.tag)

locations = Table(
    "locations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", _Word, nullable=False, unique=True),
)

check_locations = Table(  # those that its definition names; none: wherever the server runs
    "check_locations",
    metadata,
    Column("check_id", Integer, ForeignKey("checks.id"), primary_key=True),
    Column("location_id", Integer, ForeignKey("locations.id"), primary_key=True),
    sqlite_with_rowid=False,
)

PHASES = ("dns", "tcp", "proxy", "tls", "upgrade", "first_message", "open", "close", "reply")
"""Times kept in a run's row: phases of the last attempt's first connection; ``reply`` is the
median of its round trips."""

runs = Table(
    "runs",
    metadata,
    Column("check_id", Integer, ForeignKey("checks.id"), primary_key=True),
    Column("due_ns", BigInteger, primary_key=True),
    Column("location_id", Integer, ForeignKey("locations.id"), primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("cause", SmallInteger, nullable=False),  # records.CAUSES
    Column("status", SmallInteger, nullable=False),  # records.STATUSES
    Column("started_ns", BigInteger),  # null if it was missed
    Column("duration_ns", BigInteger),
    Column("holds_ns", BigInteger, nullable=False),  # for how long from due_ns it speaks
    Column("attempts", SmallInteger, nullable=False),
    Column("missed", Integer, nullable=False),  # due runs that this row stands for, if missed
    Column("clock", SmallInteger),  # 1: kernel
    Column("code", _Word),  # of the headline failure
    Column("message", Text),
    Column("phase", Text),
    *(Column(f"{phase}_ns", BigInteger) for phase in PHASES),
    Column("stored_ns", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_runs_run_id", runs.c.run_id, unique=True)
Index("ix_runs_due_ns", runs.c.due_ns, runs.c.check_id, runs.c.location_id)
# What is looked for among millions that passed is what did not. Both indexes hold what the filters
# of runs/listing.py ask for, so that a row is fetched only if it is wanted.
_not_passed = text("status > 0")
Index(
    "ix_runs_not_passed",
    runs.c.status,
    runs.c.due_ns,
    runs.c.check_id,
    runs.c.location_id,
    runs.c.code,
    sqlite_where=_not_passed,
    postgresql_where=_not_passed,
)
Index(
    "ix_runs_not_passed_of_check",
    runs.c.check_id,
    runs.c.status,
    runs.c.due_ns,
    runs.c.location_id,
    runs.c.code,
    sqlite_where=_not_passed,
    postgresql_where=_not_passed,
)
_has_code = text("code IS NOT NULL")
Index(
    "ix_runs_code",
    runs.c.code,
    runs.c.due_ns,
    runs.c.check_id,
    runs.c.location_id,
    runs.c.status,
    sqlite_where=_has_code,
    postgresql_where=_has_code,
)

transcripts = Table(
    "transcripts",
    metadata,
    Column("check_id", Integer, primary_key=True),
    Column("due_ns", BigInteger, primary_key=True),
    Column("location_id", Integer, primary_key=True),
    Column("keep", SmallInteger, nullable=False),  # 1: of a run that did not just pass
    Column("codec", SmallInteger, nullable=False),
    Column("size", Integer, nullable=False),  # bytes before compression
    Column("data", LargeBinary, nullable=False),
)

check_states = Table(
    "check_states",
    metadata,
    Column("check_id", Integer, ForeignKey("checks.id"), primary_key=True),
    Column("location_id", Integer, ForeignKey("locations.id"), primary_key=True),
    Column("status", SmallInteger, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("due_ns", BigInteger, nullable=False),  # of the run that says so
    Column("run_id", Text, nullable=False),
    Column("bad_in_row", Integer, nullable=False),  # runs failed or in error, one after another
    Column("good_in_row", Integer, nullable=False),
    Column("bad_since_ns", BigInteger),  # due_ns of the first of the bad ones; null: none is
    Column("until_ns", BigInteger, nullable=False),  # to when the runs so far speak
    Column("planned_ns", BigInteger),  # the latest due_ns of a scheduled run, missed ones included
)


def _rollup(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("check_id", Integer, primary_key=True),
        Column("location_id", Integer, primary_key=True),
        Column("start_ns", BigInteger, primary_key=True),
        Column("runs", Integer, nullable=False),
        Column("passed", Integer, nullable=False),
        Column("degraded", Integer, nullable=False),
        Column("failed", Integer, nullable=False),
        Column("errors", Integer, nullable=False),
        Column("missed", Integer, nullable=False),
        Column("flaky", Integer, nullable=False),
        Column("up_ns", BigInteger, nullable=False),  # time in state; degraded is up
        Column("degraded_ns", BigInteger, nullable=False),
        Column("down_ns", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _sketches(name: str) -> Table:
    # Not in the roll-up's row: sums over thousands of rows would have to read past them.
    return Table(
        name,
        metadata,
        Column("check_id", Integer, primary_key=True),
        Column("location_id", Integer, primary_key=True),
        Column("start_ns", BigInteger, primary_key=True),
        Column("data", LargeBinary, nullable=False),  # per phase, see rollups/sketches.py
        sqlite_with_rowid=False,
    )


def _dirty(name: str) -> Table:
    # What is to be computed anew, the oldest first.
    return Table(
        name,
        metadata,
        Column("start_ns", BigInteger, primary_key=True),
        Column("check_id", Integer, primary_key=True),
        Column("location_id", Integer, primary_key=True),
        sqlite_with_rowid=False,
    )


rollups_hour = _rollup("rollups_hour")
rollups_day = _rollup("rollups_day")
rollups_week = _rollup("rollups_week")
sketches_hour = _sketches("sketches_hour")
sketches_day = _sketches("sketches_day")
sketches_week = _sketches("sketches_week")
dirty_hours = _dirty("dirty_hours")
dirty_days = _dirty("dirty_days")
dirty_weeks = _dirty("dirty_weeks")

marks = Table(  # how far something has come, see marks.py
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
)

settings = Table(  # of the server that wrote last
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),  # JSON
)

pending_runs = Table(  # that no schedule tells of again after a restart, see runs/pending.py
    "pending_runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("check_id", Integer, ForeignKey("checks.id"), nullable=False),
    Column("location_id", Integer, ForeignKey("locations.id"), nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("holds_ns", BigInteger, nullable=False),
    Column("grace_ns", BigInteger, nullable=False),
    Column("cause", SmallInteger, nullable=False),  # records.CAUSES
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),  # a ULID
    Column("check_id", Integer, ForeignKey("checks.id"), nullable=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("opened_by", Text, nullable=False),  # run_id
    Column("began_ns", BigInteger, nullable=False),  # due_ns of the first of the failed runs
    Column("code", _Word),  # of the failure of the run that opened it
    Column("message", Text),
    Column("hint", Text),
    Column("phase", Text),
    Column("closed_ns", BigInteger),
    Column("closed_by", Text),
    Column("ended_ns", BigInteger),  # due_ns of that run; closed_ns, if there is none
)
_open = text("closed_ns IS NULL")
Index(
    "uq_incidents_open",
    incidents.c.check_id,
    unique=True,
    sqlite_where=_open,
    postgresql_where=_open,
)
Index("ix_incidents_opened_ns", incidents.c.opened_ns)
Index("ix_incidents_of_check", incidents.c.check_id, incidents.c.opened_ns)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),  # the idempotency key
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False),
    Column("event", Text, nullable=False),  # opened, closed
    Column("channel", Text, nullable=False),  # its name in the settings
    Column("payload", LargeBinary, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_ns", BigInteger),  # null: delivered, or given up
    Column("delivered_ns", BigInteger),
    Column("given_up_ns", BigInteger),
    Column("error", Text),
)
Index("ix_outbox_next_try_ns", outbox.c.next_try_ns)
Index("ix_outbox_incident_id", outbox.c.incident_id)

channels = Table(  # to which something was delivered
    "channels",
    metadata,
    Column("project_id", Integer, ForeignKey("projects.id"), primary_key=True),
    Column("name", Text, primary_key=True),  # in the settings
    Column("worked_ns", BigInteger, nullable=False),  # the last time
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),  # the part of the token that is no secret
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),  # SHA-256 of the token
    Column("scopes", Text, nullable=False),  # blanks between
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger),
    Column("used_ns", BigInteger),
    Column("revoked_ns", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", LargeBinary, primary_key=True),  # SHA-256 of the cookie's value
    Column("token_id", Text, ForeignKey("tokens.id"), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("project_key", _Word, primary_key=True),
    Column("name", _Word, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
)
