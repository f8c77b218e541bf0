"""Every schema that was released becomes today's, and keeps what is in it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from checkwire.store import incidents, outbox, tokens
from checkwire.store.database import Store
from checkwire.store.maintenance import check
from checkwire.store.registry import list_checks, list_projects
from checkwire.store.runs import get_transcript, list_pending, list_runs, states
from checkwire.store.schema import HEAD, MIGRATIONS, REVISIONS, VERSION_TABLE, revision_of
from checkwire.store.secrets import SecretBox, secret_values
from checkwire.store.statistics import phases, uptime
from checkwire.store.tables import metadata
from support.loops import run
from support.postgresql import PostgreSQL
from support.schema_dump import FAILURE, KEY, SCHEMAS, load_postgresql, load_sqlite
from support.stored import HOUR, MS, START

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/x.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.database() as url:
        yield url


@pytest.fixture(params=REVISIONS)
def old(request: pytest.FixtureRequest, empty: str) -> str:
    """The URL of a database of an old revision."""
    if empty.startswith("sqlite"):
        load_sqlite(SCHEMAS / f"{request.param}.sqlite.sql", Path(empty.removeprefix("sqlite:///")))
    else:
        load_postgresql(SCHEMAS / f"{request.param}.postgresql.sql", empty)
    return empty


def on(url: str, work: Any) -> Any:
    """Run a function on a plain connection."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


async def migrated(url: str) -> None:
    await (await Store.open(url)).close()


def schema(connection: Connection) -> set[str]:
    """All tables and indexes, as the database itself words them."""
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    else:
        query = (
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL "
            "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable,"
            " column_default, collation_name) FROM information_schema.columns"
            " WHERE table_schema = 'public' UNION ALL "
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
        )
    found = {re.sub(r"\s+", " ", sql) for (sql,) in connection.execute(text(query))}
    # The order in which a table's constraints are written says nothing.
    parted = {" ".join(sorted(re.split(r"[\s,()]+", sql))) for sql in found}
    return {sql for sql in parted if VERSION_TABLE not in sql}


def test_the_migrations_make_the_tables_of_the_code(
    empty: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run(migrated(empty))
    by_migrations = on(empty, schema)
    assert on(empty, revision_of) == HEAD

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        found: list[Any] = compare_metadata(context, metadata)
        return found

    assert on(empty, differences) == []

    def make(connection: Connection) -> set[str]:
        metadata.create_all(connection)
        return schema(connection)

    if empty.startswith("sqlite"):
        assert on(f"sqlite:///{tmp_path}/other.db", make) == by_migrations
    else:
        with request.getfixturevalue("postgresql").database() as url:
            assert on(url, make) == by_migrations


def test_the_revisions_are_those_of_the_migrations_in_order() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_current_head() == HEAD
    walked = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS


def test_a_dump_is_kept_of_each_revision() -> None:
    names = {f"{revision}.{kind}.sql" for revision in REVISIONS for kind in KINDS}
    assert {dump.name for dump in SCHEMAS.iterdir()} == names


def test_an_old_database_becomes_one_of_today(
    old: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run(migrated(old))
    assert on(old, revision_of) == HEAD
    after = on(old, schema)
    if old.startswith("sqlite"):
        run(migrated(f"sqlite:///{tmp_path}/new.db"))
        assert on(f"sqlite:///{tmp_path}/new.db", schema) == after
    else:
        with request.getfixturevalue("postgresql").database() as url:
            run(migrated(url))
            assert on(url, schema) == after


def test_an_old_database_keeps_what_is_in_it(old: str) -> None:
    async def work() -> None:
        store = await Store.open(old)
        try:
            assert await check(store) == []
            async with store.reading() as tx:
                (project,) = await list_projects(tx)
                one, two = await list_checks(tx, tag="web", location="us")
                (state,) = await states(tx)
                runs = await list_runs(tx, limit=1000)
                failed = await list_runs(tx, code="tls.", statuses=["failed"])
                transcripts = [await get_transcript(tx, record) for record in runs]
                (pending,) = await list_pending(tx)
                (incident,) = await incidents.list_incidents(tx)
                (notice,) = await outbox.due(tx, START)
                (token,) = await tokens.list_tokens(tx)
                box = SecretBox(Path("none"), environ={"CHECKWIRE_SECRET_KEY": KEY})
                secrets = await secret_values(tx, box, "shop")
                up = (await uptime(tx, [one.id], START, START + 60 * HOUR))[one.id]
                measured = await phases(tx, one.id, START, START + 60 * HOUR)
        finally:
            await store.close()
        assert (project.key, one.definition.name) == ("shop", "one")
        assert (two.paused_by, pending.cause) == ("ann", "manual")
        assert (state.location, state.status, state.due_ns) == ("eu", "passed", runs[0].due_ns)
        assert len(runs) == 60
        assert [record.message for record in failed] == [FAILURE.message] * 3
        assert all(entry is not None and entry.attempts for entry in transcripts)
        assert sum(record.flaky for record in runs) == 27
        assert (incident.check, notice.payload) == ("checks.py::one", b"{}")
        assert (token.name, secrets) == ("ci", {"KEY": "hunter2"})
        assert (up.down_ns, up.up_ns, up.bad) == (3 * HOUR, 57 * HOUR, 3)
        assert measured["open"].count == 60
        assert measured["open"].values == (9 * MS, 9 * MS, 9 * MS)

    run(work())


def test_an_unfinished_migration_leaves_nothing(tmp_path: Path) -> None:
    """What fails in the middle is undone: the file is as before."""
    file = tmp_path / "x.db"

    async def work() -> None:
        with pytest.raises(RuntimeError):
            await interrupted()

    async def interrupted() -> None:
        await migrated(str(file))
        store = await Store.open(str(file))
        try:
            async with store.writing() as tx:
                await tx.execute(text("DROP TABLE secrets"))
                await tx.execute(text("ALTER TABLE checks ADD COLUMN more TEXT"))
                raise RuntimeError
        finally:
            await store.close()

    run(work())
    with closing(sqlite3.connect(file)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        columns = {row[1] for row in connection.execute("PRAGMA table_info(checks)")}
    assert "secrets" in names
    assert "more" not in columns


def test_the_migrations_are_in_the_package() -> None:
    """As data of a wheel: nothing of them is outside of the package's folder."""
    names = {path.relative_to(MIGRATIONS).as_posix() for path in MIGRATIONS.rglob("*.py")}
    assert {"env.py", "__init__.py", "versions/0001_first.py"} <= names
