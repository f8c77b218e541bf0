"""One server a database on PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from checkwire.store.claim import claimed
from checkwire.store.database import Store
from checkwire.store.errors import DatabaseError
from support.loops import run
from support.postgresql import PostgreSQL


def test_a_second_server_is_refused_until_the_first_one_is_gone(postgresql: PostgreSQL) -> None:
    async def work(url: str) -> None:
        one, two = await Store.open(url), await Store.open(url)
        waits: list[str] = []
        try:
            async with claimed(one, lambda: waits.append("one")):
                with pytest.raises(DatabaseError, match=r"another server \(on its machine, "):
                    async with claimed(two, lambda: waits.append("two"), patience=0.0):
                        pass
            assert waits == ["two"]
            # PostgreSQL may not have noticed yet that the first one is gone, so it may wait again.
            async with claimed(two, lambda: waits.append("two")):
                assert set(waits) == {"two"}
        finally:
            await one.close()
            await two.close()

    with postgresql.database() as url:
        run(work(url))


def test_a_claim_ends_with_its_connection(postgresql: PostgreSQL) -> None:
    async def work(url: str, name: str) -> None:
        one, two = await Store.open(url), await Store.open(url)
        try:
            async with claimed(one, lambda: None):
                with psycopg.connect(url) as connection:
                    held = (
                        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                        "(SELECT oid FROM pg_database WHERE datname = current_database())"
                    )
                    assert connection.execute(held).fetchone() == (1,)
                postgresql.end_connections(name)
                async with claimed(two, lambda: None):
                    pass
        finally:
            await one.close()
            await two.close()

    with postgresql.database() as url:
        run(work(url, url.partition("?")[0].rpartition("/")[2]))
