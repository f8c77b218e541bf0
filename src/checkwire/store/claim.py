"""One server a database on PostgreSQL: two would run everything twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.store.database import Store
from checkwire.store.errors import DatabaseError

__all__ = ["claimed"]

_LOCK = 0x636865636B776972
"""``checkwir``, as a number; locks are a database's."""
_POLL = 0.5
_PATIENCE = 40.0

# One whose machine is gone is found out in half a minute, not in two hours.
_KEEPALIVE = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3")


@asynccontextmanager
async def claimed(
    store: Store, on_wait: Callable[[], None], *, patience: float = _PATIENCE
) -> AsyncIterator[None]:
    """Hold the database while inside; it is PostgreSQL's that holds it, for this connection.

    Args:
        store: on PostgreSQL.
        on_wait: called once if somebody else has it still.
        patience: seconds to wait for that one.

    Raises:
        DatabaseError: another server has it.
    """
    async with store.reading() as held:
        for setting in _KEEPALIVE:
            await held.execute(text(f"SET {setting}"))
        deadline = asyncio.get_running_loop().time() + patience
        waited = False
        while not (await held.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})"))).scalar():
            if not waited:
                on_wait()
                waited = True
            if asyncio.get_running_loop().time() > deadline:
                raise DatabaseError(
                    f"another server ({await _holder(held)}) uses {store.address}: stop it, or "
                    "name another database with --database"
                )
            await asyncio.sleep(_POLL)
        await held.commit()  # The settings stay, and no snapshot is kept.
        try:
            yield
        finally:
            await held.invalidate()


async def _holder(tx: AsyncConnection) -> str:
    query = (
        "SELECT coalesce('from ' || host(client_addr), 'on its machine'), pid FROM pg_locks "
        "JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
        "AND datname = current_database() LIMIT 1"
    )
    found = (await tx.execute(text(query))).one_or_none()
    return "unknown" if found is None else f"{found[0]}, PostgreSQL's process {found[1]}"
